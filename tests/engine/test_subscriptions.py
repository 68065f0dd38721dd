"""Several workers over one store: what one of them does reaches the watchers of all, in order and once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from handshake_prompt import Credential, Limits, MemoryStore, ProtocolEngine, Role
from handshake_prompt.engine.subscriptions import RETRY_PAUSE
from handshake_prompt.protocol.errors import CloseCode, StoreUnavailableError
from handshake_prompt.stores import Record, Subscriber
from tests.support.pairing import Pair, Viewer, code_of, open_pair, virtual_engine, workers
from tests.support.relay import RelayStore, nothing, unreachable
from tests.support.virtual_time import in_virtual_time, loop_time

LOGGED = ("action", "edit", "done", "extended", "rotated")


async def seqs(viewer: Viewer) -> list[int]:
    await asyncio.sleep(0.1)
    return [frame["seq"] for frame in await viewer.shown(*LOGGED)]


def rotated(pair: Pair, token: str) -> Pair:
    return Pair(pair.engine, pair.created | {"token": token})


# Events


@in_virtual_time
async def test_i5_what_any_worker_logs_reaches_the_watchers_of_all_in_order_and_once() -> None:
    pairs = await workers(3)
    async with pairs[0].watch() as first, pairs[1].watch() as second, pairs[2].watch(Role.AGENT) as third:
        await asyncio.gather(
            *(pair.act({f"{place}": number}) for place, pair in enumerate(pairs) for number in range(10)),
            *(pair.edit(f"mine {place}", number) for place, pair in enumerate(pairs) for number in range(10)),
        )
        for viewer in (first, second, third):
            assert await seqs(viewer) == list(range(1, 91))


@in_virtual_time
async def test_i6_what_another_worker_wrote_before_is_queued_ahead_of_the_reply_to_a_write_here() -> None:
    here, there = await workers(2)
    deaf(here.store)
    async with here.watch() as page:
        await there.act({"name": "Ada"})
        assert await seqs(page) == []
        await here.edit("age", 36)
        assert [frame["seq"] for frame in await page.shown(*LOGGED)] == [1, 2, 3]


@in_virtual_time
async def test_i5_who_joins_a_worker_that_is_behind_sees_nothing_twice_and_nobody_misses_anything() -> None:
    here, there = await workers(2)
    deaf(here.store)
    async with here.watch() as early:
        await there.act({"name": "Ada"})
        async with here.watch(after=here.created["cursor"]) as resumed, here.watch() as late:
            await there.act({"name": "Grace"})
            await here.edit("age", 36)
            assert await seqs(early) == [1, 2, 3, 4, 5]
            assert await seqs(resumed) == [1, 2, 3, 4, 5]
            assert await seqs(late) == [3, 4, 5]
            assert (await late.shown("connected"))[0]["snapshot"]["context"]["name"]["value"] == "Ada"


@in_virtual_time
async def test_i5_a_watcher_that_comes_back_to_another_worker_resumes_with_all_it_missed() -> None:
    here, there = await workers(2)
    async with here.watch() as page:
        await here.act({"name": "Ada"})
        cursor = (await page.shown("done"))[-1]["cursor"]
    await here.act({"name": "Grace", "age": 36})
    async with there.watch(after=cursor) as page:
        assert (await page.shown("connected"))[0]["recovered"] is True
        await here.edit("name", "mine")
        assert await seqs(page) == [3, 4, 5, 6]


@in_virtual_time
async def test_a_long_poll_ends_with_what_another_worker_writes() -> None:
    here, there = await workers(2)
    waiting = asyncio.create_task(here.diff(since=here.created["cursor"], wait=20))
    await asyncio.sleep(1)
    await there.edit("name", "mine")
    began = loop_time()
    assert [change["key"] for change in (await waiting)["changes"]] == ["name"]
    assert loop_time() - began < 0.1


@in_virtual_time
async def test_a_long_poll_goes_on_after_what_is_no_change() -> None:
    here, there = await workers(2)
    waiting = asyncio.create_task(here.diff(since=here.created["cursor"], wait=20))
    await asyncio.sleep(1)
    await there.engine.post_extend(there.session_id, {"extraSeconds": 60}, there.agent)
    await asyncio.sleep(1)
    assert not waiting.done()
    await there.edit("name", "mine")
    assert [change["key"] for change in (await waiting)["changes"]] == ["name"]


@in_virtual_time
async def test_a_long_poll_that_begins_while_the_worker_drains_does_not_wait() -> None:
    here, _ = await workers(2)
    draining: list[asyncio.Task[None]] = []

    async def drain_meanwhile(name: str) -> None:
        if name == "subscribe":
            draining.append(asyncio.create_task(here.engine.drain()))
            await asyncio.sleep(0.01)

    here.store.before = drain_meanwhile
    began = loop_time()
    assert (await here.diff(since=here.created["cursor"], wait=20))["changes"] == []
    assert loop_time() - began < 1
    await asyncio.gather(*draining)


# What ends or replaces


Operation = Callable[[Pair], Awaitable[Any]]
BY_HOST = {"type": "revoked", "by": "host"}
ENDS: dict[str, tuple[Operation, dict[str, str], str]] = {
    "revoked": (
        lambda pair: pair.engine.revoke(pair.session_id, pair.user),
        {"type": "revoked"},
        "session_revoked",
    ),
    "closed by the host": (lambda pair: pair.engine.close_session(pair.session_id), BY_HOST, "session_closed"),
    "logged out everywhere": (lambda pair: pair.engine.revoke_owner("ada"), BY_HOST, "session_closed"),
    "expired": (lambda _: asyncio.sleep(101), {"type": "expired"}, "session_expired"),
}


@pytest.mark.parametrize(("end", "told", "code"), ENDS.values(), ids=ENDS)
@in_virtual_time
async def test_i13_an_end_and_its_true_reason_reach_everybody_in_every_worker_within_a_second(
    end: Operation, told: dict[str, str], code: str
) -> None:
    here, there = await workers(2, owner="ada", ttl=100)
    async with here.watch() as page, here.watch(Role.AGENT) as agent:
        await end(there)
        await asyncio.sleep(1)
        for viewer in (page, agent):
            assert (await viewer.shown())[-1] == told
            assert viewer.closed == CloseCode.ENDED
    for pair in (here, there):
        for holder in (pair.agent, pair.user):
            assert await code_of(pair.engine.get_context(pair.session_id, holder)) == (404, code)


@in_virtual_time
async def test_a_rotation_elsewhere_closes_the_old_agent_and_not_its_successor() -> None:
    here, there = await workers(2)
    deaf(here.store)
    async with here.watch() as page, here.watch(Role.AGENT) as old:
        reply, _ = await there.engine.rotate(there.session_id, {}, there.user)
        async with rotated(here, reply["token"]).watch(Role.AGENT) as new:
            await here.edit("name", "mine")
            assert await seqs(page) == [1, 2]
            assert (page.closed, old.closed, new.closed) == (None, CloseCode.UNAUTHENTICATED, None)
            assert await seqs(new) == [2]


@in_virtual_time
async def test_time_that_is_given_elsewhere_takes_back_the_warning() -> None:
    here, there = await workers(2, ttl=100)
    async with here.watch() as page:
        await asyncio.sleep(30)
        await there.context()
        await asyncio.sleep(20)
        assert await page.shown("expiring") == []
        await asyncio.sleep(25)
        assert [frame["expiresIn"] for frame in await page.shown("expiring")] == [60]


# A store that fails


def deaf(store: RelayStore) -> None:
    """Let a worker hear of nothing by itself."""

    async def subscribe(session_id: str, subscriber: Subscriber) -> None:
        pass

    store.subscribe = subscribe  # type: ignore[method-assign]


@in_virtual_time
async def test_what_was_missed_while_the_store_was_away_comes_when_it_is_back() -> None:
    here, there = await workers(2)
    async with here.watch() as page:
        here.store.before = unreachable("load")
        await there.edit("name", "one")
        await there.edit("name", "two")
        await asyncio.sleep(5)
        assert await seqs(page) == []
        here.store.before = nothing
        await asyncio.sleep(RETRY_PAUSE)
        assert await seqs(page) == [1, 2]


@in_virtual_time
async def test_a_save_that_was_reported_as_failed_and_happened_is_shown_all_the_same() -> None:
    here, _ = await workers(2)

    async def lose_the_reply(name: str) -> None:
        if name == "save":
            raise StoreUnavailableError

    async with here.watch() as page:
        here.store.after = lose_the_reply
        with pytest.raises(StoreUnavailableError):
            await here.edit("name", "mine")
        assert await seqs(page) == [1]
        assert (await page.shown("edit"))[0]["value"] == "mine"


@in_virtual_time
async def test_a_write_is_acknowledged_even_if_what_came_before_it_can_not_be_read() -> None:
    here, there = await workers(2)
    deaf(here.store)
    async with here.watch() as page:
        await there.edit("name", "theirs")
        saved: list[str] = []

        async def fail_after_a_save(name: str) -> None:
            saved.append(name)
            if name == "load" and "save" in saved:
                raise StoreUnavailableError

        here.store.before = fail_after_a_save
        reply, _ = await here.edit("name", "mine")
        assert reply["seq"] == 2
        await asyncio.sleep(1)
        assert page.closed == CloseCode.SLOW
    here.store.before = nothing
    async with here.watch(after=here.created["cursor"]) as page:
        assert await seqs(page) == [1, 2]


@in_virtual_time
async def test_i5_who_is_further_behind_than_the_log_reaches_is_asked_to_come_again() -> None:
    limits = Limits(log_events=4, replay_events=4, agent_requests=1000)
    here = await open_pair(virtual_engine(limits))
    there = Pair(ProtocolEngine(store=RelayStore(here.store.inner), limits=limits), here.created)
    deaf(here.store)
    async with here.watch() as page:
        for number in range(6):
            await there.edit("name", number)
        await here.edit("name", "mine")
        await asyncio.sleep(1)
        assert page.closed == CloseCode.SLOW
        assert await seqs(page) == []
    async with here.watch(after=here.created["cursor"]) as page:
        connected = (await page.shown("connected"))[0]
        assert (connected["recovered"], connected["snapshot"]["context"]["name"]["value"]) == (False, "mine")


async def lose(pair: Pair, kept: Record) -> None:
    """Let the store forget what happened to a session since `kept`, as a replica that lagged behind has."""
    store = pair.store.inner
    assert isinstance(store, MemoryStore)
    entry = store._entries[pair.session_id]
    entry.record = kept
    while entry.log and entry.log[-1].seq > kept.session.seq:
        entry.log.pop()


@pytest.mark.parametrize("noticed", ["by a notification", "by a write", "by who joins"])
@in_virtual_time
async def test_i2_after_the_store_has_lost_something_no_number_stands_for_two_events(noticed: str) -> None:
    here, there = await workers(2)
    async with here.watch() as page:
        await here.edit("name", "kept")
        kept = await here.record()
        await here.edit("name", "lost")
        cursor = (await page.shown("edit"))[-1]["cursor"]
        await lose(here, Record(msgspec.structs.replace(kept.session), kept.version, kept.expires_at, kept.purge_at))
        if noticed == "by a notification":
            store = here.store.inner
            assert isinstance(store, MemoryStore)
            store._subscribers.notify(here.session_id, None)
        elif noticed == "by a write":
            await here.edit("age", 36)
        else:
            async with here.watch() as newcomer:
                assert (await newcomer.shown("connected"))[0]["snapshot"]["context"]["name"]["value"] == "kept"
        await asyncio.sleep(1)
        assert page.closed == CloseCode.SLOW
    record = await here.record()
    assert record.session.epoch != kept.session.epoch
    await there.edit("name", "after")
    async with here.watch(after=cursor) as page:
        connected = (await page.shown("connected"))[0]
        assert (connected["recovered"], connected["snapshot"]["context"]["name"]["value"]) == (False, "after")
        await there.edit("name", "and on")
        await asyncio.sleep(0.1)
        assert [frame["value"] for frame in await page.shown("edit")] == ["and on"]


# Owners


@in_virtual_time
async def test_the_open_sessions_of_a_person_are_known_to_every_worker() -> None:
    here, there = await workers(2, owner={"id": 7}, body={"meta": {"page": "/checkout"}})
    other = await open_pair(there.engine)
    async with here.watch():
        (standing,) = await there.engine.sessions(owner={"id": 7})
    assert standing["sessionId"] == here.session_id
    assert {name: standing[name] for name in ("mode", "meta", "watchers", "expiresIn")} == {
        "mode": "default",
        "meta": {"page": "/checkout"},
        "watchers": 1,
        "expiresIn": 1800,
    }
    assert await there.engine.revoke_owner({"id": 7}) == 1
    assert await there.engine.revoke_owner({"id": 7}) == 0
    assert await there.engine.sessions(owner={"id": 7}) == []
    assert await there.engine.sessions(owner=None) == []
    assert (await other.engine.get_context(other.session_id, Credential(token=other.created["token"])))[1] == 200
