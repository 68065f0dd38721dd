"""Frames a second to a thousand watchers of one session, beside a bare broadcast and python-socketio's.

A hundred actions are posted one after the other, and the time runs from the first until the last watcher has its last
frame. Each action tells every watcher two things, `action` and `done`; so the peers send two frames for each `POST` as
well, the very texts that ours were. The bare broadcast gives every socket a queue and a writer, as we do, and keeps no
log, no cursor, no bounds. Watchers count their frames, and the round ends only when each has all of its own.

The clients may not keep up with a fast server, so frames per second of the server's processor time are shown as well.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from benchmarks import contenders
from benchmarks.clients.http import Connection, Request, post
from benchmarks.clients.loop import new_runner
from benchmarks.clients.websocket import Audience, Place, open_watchers
from benchmarks.contenders import BARE_SOCKETS, OURS, SOCKETIO
from benchmarks.forms import Session
from benchmarks.results import Budget, Measured, Missing, Reading, Row, at_least, grouped
from benchmarks.run import Busy, Run
from benchmarks.servers import Server

PATIENCE = 60.0
FRAMES_PER_ACTION = 2
ROOM = Place("/socket.io/?EIO=4&transport=websocket", says="40", greetings=2)
BUDGETS = {BARE_SOCKETS: 0.85, SOCKETIO: 4}


def fan_out(run: Run) -> list[Row]:
    """One session, a thousand watchers, a hundred events."""
    watchers, events = run.effort.size(1000, 50), run.effort.size(100, 10)
    with ExitStack() as stack:
        runner = stack.enter_context(new_runner())
        ours = stack.enter_context(contenders.ours())
        session = Session.opened(ours)
        actions = [session.action({"f0": f"value {turn}"}) for turn in range(events)]
        frames = runner.run(_told(ours, session, actions[-1]))
        triggers = [post("/publish", json.loads(action.body)) for action in actions]
        bare = stack.enter_context(contenders.bare_sockets(frames))
        rooms = run.start(stack, contenders.socketio(run.peers, frames))
        broadcasts: dict[str, Broadcast | Missing] = {
            OURS: Broadcast(stack, runner, ours, requests=actions, places=[session.place] * watchers),
            BARE_SOCKETS: Broadcast(stack, runner, bare, requests=triggers, places=[Place("/watch")] * watchers),
            SOCKETIO: rooms
            if isinstance(rooms, Missing)
            else Broadcast(stack, runner, rooms, requests=triggers, places=[ROOM] * watchers),
        }
        found = run.alternate(broadcasts)
    what = f"fan-out, 1 session, {grouped(watchers)} watchers, {events} events"
    busiest = max(each.busiest for each in broadcasts.values() if isinstance(each, Broadcast))
    note = f"the watchers' process was on its core {busiest:.0%} of the time at most"
    by_time = {name: sample if isinstance(sample, Missing) else sample.by_time() for name, sample in found.items()}
    return [
        *(_row(what, found, peer, budget=at_least(bound), note=note) for peer, bound in BUDGETS.items()),
        *(_row(f"{what}, by processor time", by_time, peer) for peer in BUDGETS),
    ]


class Broadcast:
    """A server, those who watch it, and the requests that have it tell them something. The stack closes it."""

    def __init__(
        self,
        stack: ExitStack,
        runner: asyncio.Runner,
        server: Server,
        *,
        requests: Sequence[Request],
        places: Sequence[Place],
    ) -> None:
        self._runner = runner
        self._server = server
        self._requests = [request.encode(server.port) for request in requests]
        self._frames = len(requests) * FRAMES_PER_ACTION
        self._audience = runner.run(Audience.of(server.port, places))
        stack.callback(self._audience.close)
        self.busiest = 0.0
        """The largest share of a round in which this process, not the server, was on its core."""

    def __call__(self) -> Reading:
        """Send all requests and wait for all frames."""
        began, cpu = time.perf_counter(), time.process_time()
        with Busy(self._server) as busy:
            self._runner.run(self._deliver())
        lasted = time.perf_counter() - began
        self.busiest = max(self.busiest, (time.process_time() - cpu) / lasted)
        return Reading(self._frames * len(self._audience.watchers) / lasted, busy.share)

    async def _deliver(self) -> None:
        self._audience.expect(self._frames)
        connection = await Connection.open(self._server.port)
        try:
            for request in self._requests:
                await connection.send(request)
            await self._audience.complete(PATIENCE)
        finally:
            connection.close()


def _row(what: str, found: Mapping[str, Measured], peer: str, *, budget: Budget | None = None, note: str = "") -> Row:
    return Row(
        what=what,
        unit="frames/s",
        ours=found[OURS],
        peer_name=peer,
        peer=found[peer],
        limit_name=BARE_SOCKETS,
        limit=found[BARE_SOCKETS],
        budget=budget,
        note=note,
    )


async def _told(server: Server, session: Session, action: Request) -> list[str]:
    """Return the frames that one action tells a watcher."""
    told: asyncio.Queue[str] = asyncio.Queue()
    watchers = await open_watchers(server.port, [session.place], [lambda text: told.put_nowait(text.decode())])
    connection = await Connection.open(server.port)
    try:
        await connection.send(action.encode(server.port))
        return [await asyncio.wait_for(told.get(), PATIENCE) for _ in range(FRAMES_PER_ACTION)]
    finally:
        connection.close()
        watchers[0].close()
