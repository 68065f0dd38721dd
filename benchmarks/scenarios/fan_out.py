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
from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks import contenders
from benchmarks.clients.http import Connection, Request, post
from benchmarks.clients.loop import new_runner
from benchmarks.clients.websocket import Audience, Place, open_watchers
from benchmarks.contenders import BARE_SOCKETS, OURS, SOCKETIO
from benchmarks.forms import Session
from benchmarks.results import Missing, Reading, Row, at_least
from benchmarks.run import Busy, Round, Run
from benchmarks.servers import Server

WHAT = "fan-out, 1 session, {watchers} watchers, {events} events"
PATIENCE = 60.0
FRAMES_PER_ACTION = 2
ROOM = Place("/socket.io/?EIO=4&transport=websocket", says="40", greetings=2)


def fan_out(run: Run) -> list[Row]:
    """One session, a thousand watchers, a hundred events."""
    watchers, events = run.effort.size(1000, 50), run.effort.size(100, 10)
    clients: list[float] = []
    with ExitStack() as stack:
        runner = stack.enter_context(new_runner())
        ours = stack.enter_context(contenders.ours())
        session = Session.opened(ours)
        actions = [session.action({"f0": f"value {turn}"}) for turn in range(events)]
        frames = runner.run(_told(ours, session, actions[-1]))
        triggers = [post("/publish", json.loads(action.body)) for action in actions]
        bare = stack.enter_context(contenders.bare_sockets(frames))
        rooms = run.start(stack, contenders.socketio(run.peers, frames))

        def broadcast(server: Server | Missing, place: Place, requests: Sequence[Request]) -> Round | Missing:
            if isinstance(server, Missing):
                return server
            audience = runner.run(Audience.of(server.port, [place] * watchers))
            stack.callback(audience.close)

            def measure() -> Reading:
                began, cpu = time.perf_counter(), time.process_time()
                with Busy(server) as busy:
                    runner.run(_deliver(server.port, audience, requests))
                lasted = time.perf_counter() - began
                clients.append((time.process_time() - cpu) / lasted)
                return Reading(watchers * events * FRAMES_PER_ACTION / lasted, busy.share)

            return measure

        found = run.alternate(
            {
                OURS: broadcast(ours, session.place, actions),
                BARE_SOCKETS: broadcast(bare, Place("/watch"), triggers),
                SOCKETIO: broadcast(rooms, ROOM, triggers),
            }
        )
    what = WHAT.format(watchers=watchers, events=events)
    note = f"the watchers' process was on its core {max(clients):.0%} of the time at most"
    per_cpu = {name: sample if isinstance(sample, Missing) else sample.by_time() for name, sample in found.items()}
    return [
        row
        for peer, bound in ((BARE_SOCKETS, 0.85), (SOCKETIO, 4))
        for row in (
            Row(
                what=what,
                unit="frames/s",
                ours=found[OURS],
                peer_name=peer,
                peer=found[peer],
                budget=at_least(bound),
                note=note,
            ),
            Row(
                what=f"{what}, by processor time",
                unit="frames/s",
                ours=per_cpu[OURS],
                peer_name=peer,
                peer=per_cpu[peer],
            ),
        )
    ]


async def _deliver(port: int, audience: Audience, requests: Sequence[Request]) -> None:
    audience.expect(len(requests) * FRAMES_PER_ACTION)
    connection = await Connection.open(port)
    try:
        for request in requests:
            await connection.send(request.encode(port))
        await audience.complete(PATIENCE)
    finally:
        connection.close()


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
