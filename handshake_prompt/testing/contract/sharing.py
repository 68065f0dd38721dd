"""Promises between several instances on the same data, and of closing."""

# ruff: noqa: S101 - a test's name is its sentence, its numbers and assertions are the expectation

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from handshake_prompt.protocol.errors import StoreUnavailableError
from handshake_prompt.protocol.rate_limit import Quota

from .steps import (
    OWNER,
    RecordingSubscriber,
    claim,
    counted,
    insisting,
    kept,
    load,
    logged,
    presence,
    race,
    seqs_after,
    visit,
)
from .stores import Stores


class SharingContract:
    """Several instances, and the end of one."""

    # Several instances

    async def test_what_one_instance_saved_another_loads(self, stores: Stores) -> None:
        one, other = await stores.two()
        await kept(one)
        await logged(one, 2)
        theirs = await load(other, after=0, key="last")
        assert theirs == await load(one, after=0, key="last")
        await logged(other, 1)
        assert await seqs_after(one, 0) == ([1, 2, 3], True)
        assert list(await other.owned_by(OWNER)) == ["a" * 32]

    async def test_of_writers_through_two_instances_exactly_one_gets_through(self, stores: Stores) -> None:
        pair = await stores.two()
        await kept(pair[0])
        await race(pair * 5)

    async def test_writers_through_two_instances_make_one_log_without_a_hole(self, stores: Stores) -> None:
        pair = await stores.two()
        await kept(pair[0])
        await asyncio.gather(*(insisting(store, 3) for store in pair * 3))
        for store in pair:
            assert await seqs_after(store, 0) == (list(range(1, 19)), True)

    async def test_a_save_through_one_instance_notifies_the_subscribers_of_another(self, stores: Stores) -> None:
        one, other = await stores.two()
        await kept(one)
        subscriber = RecordingSubscriber()
        await other.subscribe("a" * 32, subscriber)
        for version in (1, 2, 3):
            await logged(one, 1)
            await subscriber.receives(version)
        assert {session_id for session_id, _ in subscriber.received} == {"a" * 32}

    async def test_instances_count_and_renew_together(self, stores: Stores) -> None:
        one, other = await stores.two()
        await kept(one, lives=100, purged=700)
        quotas: list[Quota] = [await store.hit("c", limit=3, window=60) for store in (one, other, one, other)]
        assert [quota.remaining for quota in quotas if quota.allowed] == [2, 1, 0]
        assert not quotas[-1].allowed
        visits = [await visit(store, [claim("t")], renew=True) for store in (one, other)]
        assert [counted(visit) for visit in visits] == [(10, 9), (10, 8)]
        assert (await load(other)).record.expires_at == pytest.approx(one.now() + 1800, abs=2)

    async def test_instances_know_each_others_watchers_and_time(self, stores: Stores) -> None:
        one, other = await stores.two()
        await kept(one)
        await one.report_watchers("one", {"a" * 32: 1})
        await other.report_watchers("two", {"a" * 32: 2})
        assert await presence(one) == await presence(other) == {"one": 1, "two": 2}
        assert one.now() == pytest.approx(other.now(), abs=1)

    async def test_an_instance_that_closes_takes_nothing_with_it(self, stores: Stores) -> None:
        one, other = await stores.two()
        await kept(one)
        subscriber = RecordingSubscriber()
        await other.subscribe("a" * 32, subscriber)
        await one.aclose()
        await logged(other, 1)
        await subscriber.receives(1)
        await other.aclose()
        assert stores.again is not None
        third = await stores.again()
        assert await seqs_after(third, 0) == ([1], True)

    # The end

    async def test_closing_is_safe_twice_and_with_late_callers_about(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store)
        subscriber = RecordingSubscriber()
        await store.subscribe("a" * 32, subscriber)
        calls: list[Awaitable[object]] = [store.load("a" * 32) for _ in range(5)]
        outcomes = await asyncio.gather(*calls, store.aclose(), return_exceptions=True)
        await store.aclose()
        outcomes += await asyncio.gather(
            store.load("a" * 32), store.subscribe("a" * 32, subscriber), return_exceptions=True
        )
        store.unsubscribe("a" * 32, subscriber)
        failures = [one for one in outcomes if isinstance(one, BaseException)]
        assert all(isinstance(failure, StoreUnavailableError) for failure in failures)
