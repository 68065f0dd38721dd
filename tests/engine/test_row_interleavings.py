"""Rows under a person and an agent at two workers at once, over every kind of store."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from handshake_prompt import Limits, MemoryStore, ProtocolEngine, Role
from handshake_prompt.protocol.errors import InvalidRequestError
from handshake_prompt.protocol.events import frame
from tests.support.cost import untraced
from tests.support.pairing import Pair
from tests.support.relay import RelayStore
from tests.support.row_history import RowHistory, named
from tests.support.sessions import log_of
from tests.support.stores import EACH_KIND, fresh_url

FORM = {
    "mode": "form-fill",
    "schema": [{"key": "lines", "type": "rows", "fields": [{"key": "text"}, {"key": "note", "default": "-"}]}],
    "defaults": {"lines": [{}, {}, {}]},
}
LIMITS = Limits(agent_requests=10**6, user_requests=10**6, log_events=10**5, log_bytes=10**8, creates_per_address=10**6)
ROUNDS, AT_ONCE = 40, 10
"""Rounds of a session, and sessions side by side: calls of a store that wait are made together, and cost half."""


def agents(chance: random.Random, seen: list[str], mark: int) -> list[dict[str, Any]]:
    """Return a batch of an agent that has seen some rows, which may be gone by now."""
    row = chance.choice(seen or ["r0"])
    actions: list[dict[str, Any]] = [
        {"type": "set", "key": f"lines/{row}/text", "value": named(f"lines/{row}/text", mark)},
        {"type": "add", "key": "lines", "after": chance.choice([*seen, None])},
        {"type": "move", "key": f"lines/{row}", "after": chance.choice([*seen, None])},
        {"type": "remove", "key": f"lines/{chance.choice(seen or ['r0'])}"},
    ]
    return chance.sample(actions, chance.randint(1, 3))


def persons(chance: random.Random, seen: list[str], mark: int) -> dict[str, Any]:
    """Return what a page says that has seen some rows."""
    row = chance.choice(seen or ["r0"])
    bodies: list[dict[str, Any]] = [
        {"key": f"lines/{row}/text", "value": named(f"lines/{row}/text", mark)},
        {"key": f"lines/{row}/text", "release": True},
        {"key": f"lines/{row}", "release": True},
        {"add": "lines", "after": chance.choice([*seen, None])},
        {"move": f"lines/{row}", "after": None},
        {"remove": f"lines/{row}"},
    ]
    return chance.choice(bodies)


async def settled(work: Awaitable[Any]) -> Any:
    """Return the members of a reply, None where it was refused."""
    try:
        return (await work).payload
    except InvalidRequestError:
        return None


async def race(workers: list[Pair], seed: int) -> list[str]:
    """Race a person and an agent on one session for some rounds; return all that was wrong."""
    chance = random.Random(seed)
    here = workers[0]
    created, _ = await here.engine.create_session(FORM | {"userToken": True})
    here, there = (Pair(worker.engine, created) for worker in workers)
    history = RowHistory(await here.context())
    seen, added = ["r1", "r2", "r3"], 0
    for mark in range(ROUNDS):
        one, other = chance.sample([here, there], 2)
        asked = agents(chance, seen, mark)
        acted, said = await asyncio.gather(
            settled(one.do(*asked)), settled(other.notify(**persons(chance, seen, mark)))
        )
        added += sum("row" in result for result in acted["results"]) + ("row" in (said or ()))
        if chance.random() < 0.6:
            seen = acted["rows"].get("lines", [])
    session = (await here.context())["cursor"]
    record = await here.engine.store.load(here.session_id)
    assert record is not None
    events = await log_of(here.engine.store, here.session_id)
    values = record.record.session.values
    frames = [frame(event, Role.USER, epoch=record.record.session.epoch, values=values) for event in events]
    history.replay(frames).compare(await there.context())
    if [shown["seq"] for shown in frames] != [*range(1, len(frames) + 1)]:
        history.violations.append(f"a hole in the log up to {session}")
    if sum(shown["type"] == "rowAdded" for shown in frames) != added:
        history.violations.append("an acknowledged row is not in the log, or there is one that nobody was told of")
    return history.violations


def interrupted(store: MemoryStore) -> RelayStore:
    """Return a store that lets other tasks run around each call, as one over a network does."""

    async def other_tasks(_: str) -> None:
        await asyncio.sleep(0)

    relay = RelayStore(store)
    relay.before = relay.after = other_tasks
    return relay


@pytest.mark.parametrize("kind", EACH_KIND)
@pytest.mark.parametrize(
    "rounds",
    [pytest.param(400, id="a few"), pytest.param(10_000, id="10 000", marks=pytest.mark.integration)],
)
async def test_i1_no_write_lands_in_another_row_whatever_two_workers_do_at_once(
    rounds: int, kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = fresh_url(kind, tmp_path, lambda: request.getfixturevalue("redis"))
    async with AsyncExitStack() as stack:
        shared = interrupted(MemoryStore(LIMITS)) if kind == "memory" else url
        first, second = (ProtocolEngine(store=shared, limits=LIMITS) for _ in range(2))
        for engine in (first, second):
            stack.push_async_callback(engine.aclose)
        workers = [Pair(engine, {}) for engine in (first, second)]
        with untraced():
            for begin in range(0, rounds // ROUNDS, AT_ONCE):
                async with asyncio.TaskGroup() as group:
                    races = [group.create_task(race(workers, begin + number)) for number in range(AT_ONCE)]
                assert [wrong for task in races if (wrong := task.result())] == []
