"""Promises of logs and receipts."""

# ruff: noqa: S101 - a test's name is its sentence, its numbers and assertions are the expectation

from __future__ import annotations

import msgspec
import pytest

from .steps import EVENTS, OVER, SHORT, action, held, keep_receipt, kept, load, logged, seqs_after
from .stores import Stores


class LogContract:
    """Logs and receipts, and their bounds."""

    # The log

    async def test_events_are_kept_with_all_they_carry(self, stores: Stores) -> None:
        store = await stores.open()
        record = await kept(store)
        record.session = msgspec.structs.replace(record.session, seq=2)
        await store.save(record, events=EVENTS)
        loaded = await load(store, after=0)
        assert loaded.log is not None
        assert list(loaded.log.events) == EVENTS

    async def test_what_is_asked_for_is_what_came_after_in_order(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store)
        assert await seqs_after(store, 0) == ([], True)
        await logged(store, 4)
        for seq, left in ((0, [1, 2, 3, 4]), (2, [3, 4]), (4, [])):
            assert await seqs_after(store, seq) == (left, True)

    async def test_logs_of_sessions_do_not_mix(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store, "a")
        await kept(store, "b")
        await logged(store, 2)
        assert await seqs_after(store, 0, name="b") == ([], True)

    @pytest.mark.parametrize(
        ("bounds", "size", "left"),
        [
            pytest.param({"log_events": 3, "replay_events": 3}, 10, [4, 5, 6], id="in events"),
            pytest.param({"log_bytes": 30}, 10, [4, 5, 6], id="in bytes"),
            pytest.param({"log_bytes": 30}, 1000, [6], id="to the last one, if that is large"),
        ],
    )
    async def test_a_log_is_bounded_and_says_when_something_is_no_longer_there(
        self, stores: Stores, bounds: dict[str, float], size: int, left: list[int]
    ) -> None:
        store = await stores.open(**bounds)
        await kept(store)
        await logged(store, 6, size=size)
        assert await seqs_after(store, left[0] - 1) == (left, True)
        assert await seqs_after(store, left[0] - 2) == (left, False)
        assert await seqs_after(store, 6) == ([], True)

    async def test_one_save_may_bring_more_than_the_log_holds(self, stores: Stores) -> None:
        store = await stores.open(log_events=3, replay_events=3)
        record = await kept(store)
        record.session = msgspec.structs.replace(record.session, seq=5)
        await store.save(record, events=[action(seq) for seq in range(1, 6)])
        assert await seqs_after(store, 0) == ([3, 4, 5], False)

    @pytest.mark.parametrize(
        ("bounds", "left"),
        [
            pytest.param({"log_events": 5, "replay_events": 5}, [3, 4, 5, 6, 7], id="in events"),
            pytest.param({"log_bytes": 45}, [4, 5, 6, 7], id="in bytes"),
            pytest.param({"log_bytes": 19}, [7], id="to the last one"),
        ],
    )
    async def test_a_log_may_keep_some_of_what_one_save_has_brought(
        self, stores: Stores, bounds: dict[str, float], left: list[int]
    ) -> None:
        store = await stores.open(**bounds)
        record = await kept(store)
        for seqs in ([1, 2, 3], [4, 5, 6], [7]):
            record.session = msgspec.structs.replace(record.session, seq=seqs[-1])
            await store.save(record, events=[action(seq, size=10) for seq in seqs])
        assert await seqs_after(store, left[0] - 2) == (left, False)
        for place, seq in enumerate(left):
            assert await seqs_after(store, seq - 1) == (left[place:], True)

    # Receipts

    async def test_a_receipt_is_kept_with_its_change_for_its_lifetime(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store, "a")
        await kept(store, "b")
        short = await keep_receipt(store, "~short!", lifetime=SHORT)
        receipt = await keep_receipt(store, "~key!", reply=b'{"ok":true}\x00\xff')
        assert (await load(store, key="~short!")).receipt == short
        assert (await load(store, key="~KEY!")).receipt is None
        assert (await load(store, "b", key="~key!")).receipt is None
        await stores.advance(OVER)
        assert (await load(store, key="~key!")).receipt == receipt
        assert (await load(store, key="~short!")).receipt is None

    async def test_receipts_are_bounded_in_bytes_and_the_oldest_make_room(self, stores: Stores) -> None:
        store = await stores.open(idempotency_bytes=100)
        await kept(store)
        for key in "zyxw":
            await keep_receipt(store, key, reply=b"x" * 30)
        assert await held(store, "zyxw") == ["y", "x", "w"]
        await keep_receipt(store, "b", reply=b"x" * 90)
        assert await held(store, "zyxwb") == ["b"]
        await keep_receipt(store, "a", reply=b"x" * 500)
        assert await held(store, "zyxwba") == ["a"]

    async def test_a_key_used_again_and_again_does_not_push_out_the_receipts_of_others(self, stores: Stores) -> None:
        store = await stores.open(idempotency_bytes=100)
        await kept(store)
        for _ in range(20):
            newest = await keep_receipt(store, "a", reply=b"x" * 30)
        for key in "bc":
            await keep_receipt(store, key, reply=b"x" * 30)
        assert await held(store, "abc") == ["a", "b", "c"]
        assert (await load(store, key="a")).receipt == newest
