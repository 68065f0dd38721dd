"""Rows of one session changed through several worker processes at once, with a watcher at each."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from tests.support.folding import fold_rows, fold_values
from tests.support.peer import Peer, Socket, open_session
from tests.support.row_history import RowHistory, named
from tests.support.workers import Worker, patient, working

FORM: dict[str, Any] = {
    "mode": "form-fill",
    "schema": [
        {"key": "done"},
        {
            "key": "lines",
            "type": "rows",
            "fields": [{"key": "text"}, {"key": "note", "default": "-"}, {"key": "iban", "sensitive": True}],
        },
    ],
    "defaults": {"lines": [{}, {}]},
}
ROUNDS = 20


async def agent(peer: Peer, number: int) -> None:
    """Change rows as an agent that looks now and then, over whichever worker it is connected to."""
    chance, lines = random.Random(number), ["r1", "r2"]
    for mark in range(ROUNDS):
        row = chance.choice(lines or ["r0"])
        actions = [
            {"type": "set", "key": f"lines/{row}/text", "value": named(f"lines/{row}/text", f"a{number}.{mark}")},
            {"type": "add", "key": "lines", "after": chance.choice([*lines, None])},
            {"type": "move", "key": f"lines/{row}", "after": None},
            {"type": "remove", "key": f"lines/{chance.choice(lines or ['r0'])}"},
        ]
        body = {"actions": chance.sample(actions, 2), "stream": chance.random() < 0.3, "intervalMs": 20}
        reply = await peer.agent("POST", "action", body, headers={"Idempotency-Key": f"{number}.{mark}"})
        assert reply.status_code == 200, reply.text
        lines = reply.json()["rows"].get("lines", []) if chance.random() < 0.7 else lines


async def person(peer: Peer, number: int) -> None:
    """Change rows as a page without a socket."""
    chance, lines = random.Random(-number), ["r1", "r2"]
    for mark in range(ROUNDS):
        row = chance.choice(lines or ["r0"])
        bodies: list[dict[str, Any]] = [
            {"key": f"lines/{row}/text", "value": named(f"lines/{row}/text", f"p{number}.{mark}")},
            {"key": f"lines/{row}/iban", "value": named(f"lines/{row}/iban", f"p{number}.{mark}")},
            {"key": f"lines/{row}", "release": True},
            {"add": "lines", "after": None, "idempotencyKey": f"{number}.{mark}"},
            {"move": f"lines/{row}"},
            {"remove": f"lines/{row}"},
        ]
        reply = await peer.user("POST", "notify", chance.choice(bodies))
        assert reply.status_code in (200, 400), reply.text
        if chance.random() < 0.5:
            lines = (await peer.context(role="user"))["rows"].get("lines", [])


async def frames_until_done(socket: Socket) -> list[dict[str, Any]]:
    """Return a watcher's frames up to the edit that ends the run."""
    frames = [await socket.next("connected")]
    while frames[-1].get("key") != "done":
        frames.append(await socket.next())
    return frames


async def race(workers: Sequence[Worker]) -> None:
    async with AsyncExitStack() as stack:
        first = await open_session(workers[0].url, FORM)
        stack.push_async_callback(first.http.aclose)
        peers = [replace(first, base_url=worker.url) for worker in workers]
        initial = await first.context(role="user")
        sockets = [await stack.enter_async_context(peer.watch()) for peer in peers]
        watching = [asyncio.create_task(frames_until_done(socket)) for socket in sockets]
        await asyncio.gather(*(work(peer, n) for n, peer in enumerate(peers) for work in (agent, person)))
        await first.edit("done", named("done", "at last"))
        context = await peers[-1].context(role="user")
        async with peers[-1].watch(after=first.created["cursor"]) as late:
            _, *log = await frames_until_done(late)
        assert RowHistory(initial).replay(log).compare(context).violations == []
        for task in watching:
            connected, *frames = await task
            begin = connected["snapshot"]
            assert fold_rows(begin["rows"], frames) == context["rows"]
            held = {key: (record["value"], record["by"], record["rev"]) for key, record in context["context"].items()}
            assert fold_values(begin["context"], frames) == held
        assert b"iban p" not in (await first.agent("GET", "context")).content


async def test_i5_every_worker_shows_the_same_rows_whatever_the_others_do_to_them(store: str) -> None:
    limits: dict[str, float] = {
        "agent_requests": 100_000,
        "user_requests": 100_000,
        "log_events": 10_000,
        "replay_events": 10_000,
        "queue_events": 5_000,
    }
    with working(*(Worker(store, limits=limits, timings=patient(store)) for _ in range(3))) as workers:
        for _ in range(3):
            await race(workers)
