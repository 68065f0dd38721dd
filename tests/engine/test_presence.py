"""Presence: how many watchers a session has, over all workers."""

from __future__ import annotations

import asyncio

from handshake_prompt import MemoryStore, Role
from handshake_prompt.engine.presence import REFRESH
from handshake_prompt.engine.subscriptions import RETRY_PAUSE
from handshake_prompt.stores import PRESENCE_SECONDS
from tests.support.pairing import Pair, workers
from tests.support.relay import nothing, unreachable
from tests.support.virtual_time import in_virtual_time


async def clients(pair: Pair) -> int:
    payload, _ = await pair.act({"name": "x"})
    count: int = payload["broadcast"]["clients"]
    return count


@in_virtual_time
async def test_watchers_are_counted_over_all_workers() -> None:
    here, there, third = await workers(3)
    async with here.watch():
        async with there.watch(), there.watch(Role.AGENT):
            assert [await clients(pair) for pair in (here, there, third)] == [3, 3, 3]
            standing, _ = await third.engine.get_session(third.session_id, third.user)
            assert standing["watchers"] == 3
            await asyncio.sleep(10 * PRESENCE_SECONDS)
            assert await clients(third) == 3, "their word has run out"
        await asyncio.sleep(0.1)
        assert await clients(third) == 1
    await asyncio.sleep(0.1)
    assert await clients(third) == 0


@in_virtual_time
async def test_the_watchers_of_a_worker_that_was_killed_are_forgotten() -> None:
    here, there = await workers(2)
    await here.store.inner.report_watchers("killed", {here.session_id: 2})
    async with there.watch():
        assert await clients(here) == 3
        await asyncio.sleep(PRESENCE_SECONDS)
        assert await clients(here) == 1


@in_virtual_time
async def test_of_two_words_given_at_once_the_older_may_arrive_last() -> None:
    here, there = await workers(2)
    delays = iter([1.0, 0.0])

    async def overtaken(name: str) -> None:
        if name == "report_watchers":
            await asyncio.sleep(next(delays, 0.0))

    here.store.before = overtaken
    async with asyncio.TaskGroup() as joining:
        watches = [joining.create_task(here.engine.watch(here.session_id, here.user)) for _ in range(2)]
    assert await clients(there) == 2
    for watch in watches:
        async with watch.result():
            pass


@in_virtual_time
async def test_a_word_that_could_not_be_given_is_given_later() -> None:
    here, there = await workers(2)
    async with here.watch():
        here.store.before = unreachable("report_watchers")
        await asyncio.sleep(PRESENCE_SECONDS + 1)
        assert await clients(there) == 0
        here.store.before = nothing
        await asyncio.sleep(REFRESH)
        assert await clients(there) == 1


@in_virtual_time
async def test_nothing_goes_on_when_nobody_watches() -> None:
    here, _ = await workers(2)
    async with here.watch():
        pass
    await asyncio.sleep(1)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not others
    assert isinstance(here.store.inner, MemoryStore)
    assert not here.store.inner._subscribers


@in_virtual_time
async def test_closing_an_engine_stops_what_it_does_in_the_background() -> None:
    here, there = await workers(2)
    async with here.watch():
        here.store.before = unreachable("load")
        await there.edit("name", "mine")
        await asyncio.sleep(RETRY_PAUSE * 3)
        await here.engine.aclose()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not others
