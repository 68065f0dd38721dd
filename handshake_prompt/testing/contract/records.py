"""Promises of records and their times."""

# ruff: noqa: S101 - a test's name is its sentence, its numbers and assertions are the expectation

from __future__ import annotations

import asyncio

import msgspec
import pytest

from handshake_prompt.protocol.errors import VersionConflictError
from handshake_prompt.stores import Claim, Receipt, Record, Visit

from .steps import (
    NOBODY,
    OVER,
    SHORT,
    action,
    drafted,
    held,
    insisting,
    kept,
    load,
    logged,
    near,
    race,
    revoked,
    seqs_after,
    session,
    times,
)
from .stores import Stores


class RecordContract:
    """Records: kept, replaced, and forgotten in time."""

    # Records

    async def test_what_was_created_is_loaded_as_it_was(self, stores: Stores) -> None:
        store = await stores.open()
        now = store.now()
        made = session("a", now)
        await store.create(Record(made, 0, expires_at=now + 100, purge_at=now + 700))
        loaded = await load(store)
        assert loaded.record.session == session("a", now)
        assert (loaded.record.version, loaded.record.presence) == (0, {})
        assert times(loaded.record) == near(now + 100, now + 700)
        assert (loaded.log, loaded.receipt, loaded.quota) == (None, None, None)

    async def test_nothing_is_known_of_what_was_never_created(self, stores: Stores) -> None:
        store = await stores.open()
        await store.touch(NOBODY, expires_at=store.now() + 100, purge_at=store.now() + 100)
        await store.report_watchers("worker", {NOBODY: 1})
        assert await store.load(NOBODY) is None
        assert await store.load(NOBODY, after=0, key="k") is None
        assert await store.visit(NOBODY, Visit(renew=True), claims=[Claim("agent", "t" * 64, 10, 60)]) is None

    async def test_a_name_is_given_once(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store)
        await logged(store, 1)
        with pytest.raises(VersionConflictError):
            await kept(store)
        assert await seqs_after(store, 0) == ([1], True)

    async def test_a_record_that_was_loaded_is_the_callers_to_change(self, stores: Stores) -> None:
        store = await stores.open()
        record = await kept(store)
        before = (await load(store)).record
        record.version, record.expires_at, record.purge_at = 7, 0.0, 0.0
        record.session = drafted(record)
        record.session.write("iban", "changed")
        assert (await load(store)).record == before

    async def test_a_save_replaces_the_record_and_counts_up_its_version(self, stores: Stores) -> None:
        store = await stores.open()
        record = await kept(store)
        for version in (1, 2):
            record.session = drafted(record)
            record.session.write("iban", version)
            events = record.session.commit()
            record.expires_at += 10
            await store.save(record, events=events)
            stored = (await load(store)).record
            assert (stored.session, stored.version, record.version) == (record.session, version, version)
            assert times(stored) == near(record.expires_at, record.purge_at)

    @pytest.mark.parametrize("gone", [False, True], ids=["another was first", "it is gone"])
    async def test_a_save_that_comes_too_late_leaves_no_trace(self, stores: Stores, *, gone: bool) -> None:
        store = await stores.open()
        late = await kept(store)
        if gone:
            late.session = msgspec.structs.replace(late.session, session_id=NOBODY)
        else:
            await store.save((await load(store)).record, events=[action(1)])
        before = await load(store, after=0)
        with pytest.raises(VersionConflictError):
            await store.save(late, events=[action(1), action(2)], receipt=Receipt("late", "f", b"{}", 600))
        assert await load(store, after=0) == before
        assert late.version == 0
        assert await store.load(NOBODY) is None
        assert not await held(store, ["late"])

    async def test_of_writers_that_start_from_one_version_exactly_one_gets_through(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store)
        await race([store] * 10)

    async def test_writers_that_try_again_make_one_log_without_a_hole(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store)
        await asyncio.gather(*(insisting(store, 3) for _ in range(8)))
        assert await seqs_after(store, 0) == (list(range(1, 25)), True)
        record = (await load(store)).record
        assert (record.version, record.session.seq) == (24, 24)

    async def test_what_is_loaded_is_all_of_one_moment(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store)
        await logged(store, 1)

        async def read() -> None:
            for _ in range(30):
                loaded = await load(store, after=0, key="last")
                assert loaded.log is not None
                assert loaded.receipt is not None
                newest = loaded.record.session.seq
                found = (loaded.record.version, len(loaded.log.events), loaded.receipt.reply)
                assert found == (newest, newest, b"%d" % newest)

        await asyncio.gather(logged(store, 40), read(), read())

    # Times

    async def test_a_touch_moves_times_forward_and_is_no_save(self, stores: Stores) -> None:
        store = await stores.open()
        record = await kept(store)
        await store.touch("a" * 32, expires_at=record.expires_at + 50, purge_at=record.purge_at + 60)
        moved = (await load(store)).record
        assert moved.version == 0
        assert times(moved) == near(record.expires_at + 50, record.purge_at + 60)
        await store.save(record)
        assert record.version == 1

    async def test_neither_a_touch_nor_a_save_by_who_knows_less_takes_time_away(self, stores: Stores) -> None:
        store = await stores.open()
        record = await kept(store)
        await store.touch("a" * 32, expires_at=record.expires_at - 50, purge_at=record.purge_at - 50)
        assert times((await load(store)).record) == near(*times(record))
        late = (await load(store)).record
        await store.touch("a" * 32, expires_at=record.expires_at + 50, purge_at=record.purge_at + 60)
        await store.save(late)
        for known in (late, (await load(store)).record):
            assert times(known) == near(record.expires_at + 50, record.purge_at + 60)

    async def test_a_record_past_its_time_is_there_until_it_is_purged(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store, "a", lives=SHORT, purged=600)
        await kept(store, "b", lives=SHORT, purged=SHORT)
        await stores.advance(OVER)
        assert (await load(store, "a")).record.ended(store.now()) == "expired"
        assert await store.load("b" * 32) is None

    async def test_a_record_past_its_time_is_saved_until_it_is_purged(self, stores: Stores) -> None:
        store = await stores.open()
        late = await kept(store, "a", lives=SHORT, purged=600)
        await stores.advance(OVER)
        for reason in (None, "submitted"):
            late.session = drafted(late)
            late.session.notice("told")
            if reason:
                late.session.end(reason)
                late.expires_at, late.purge_at = store.now(), store.now() + 600
            await store.save(late, events=late.session.commit())
            stored = (await load(store, "a")).record
            assert (stored.session, stored.version) == (late.session, late.version)
            assert times(stored) == near(*times(late))
            assert stored.ended(store.now()) == (reason or "expired")

    async def test_an_ended_session_loses_its_log_and_its_receipts(self, stores: Stores) -> None:
        store = await stores.open()
        await revoked(store, purged=600)
        loaded = await load(store, after=0, key="end")
        assert (loaded.record.session.ended, loaded.receipt) == ("revoked", None)
        assert loaded.log is not None
        assert (list(loaded.log.events), loaded.log.complete) == ([], False)
        assert not await held(store, ["last"])

    async def test_a_touch_does_not_prolong_what_has_ended(self, stores: Stores) -> None:
        store = await stores.open()
        ended = await revoked(store, purged=600)
        await store.touch("a" * 32, expires_at=ended.expires_at + 1e4, purge_at=ended.purge_at + 1e4)
        assert times((await load(store)).record) == near(*times(ended))

    async def test_an_ended_session_is_purged_when_its_end_says(self, stores: Stores) -> None:
        store = await stores.open()
        await revoked(store, purged=SHORT)
        assert (await load(store)).record.session.ended == "revoked"
        await stores.advance(OVER)
        assert await store.load("a" * 32) is None
