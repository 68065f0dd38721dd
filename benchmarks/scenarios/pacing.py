"""How soon an agent has its reply when a batch of twenty fields is shown one field every 300 ms.

One watcher is shown ours. The reference sleeps between the fields before it replies, watched or not, and is asked once.
"""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack

from benchmarks import contenders
from benchmarks.clients.http import Connection, Request
from benchmarks.clients.loop import new_runner
from benchmarks.clients.websocket import open_watchers
from benchmarks.contenders import FLASK, OURS
from benchmarks.forms import Session
from benchmarks.results import Budget, Measured, Missing, Reading, Row, Sample
from benchmarks.run import Run
from benchmarks.servers import Server

FIELDS = 20
PACING = {"stream": True, "intervalMs": 300}
REPLY_MS = 50
MILLISECONDS = 1000.0
SKIPPED = Missing("takes six seconds, so not with --quick")


def pacing(run: Run) -> list[Row]:
    """Reply time of a paced action of twenty fields."""
    with ExitStack() as stack:
        runner = stack.enter_context(new_runner())
        ours = stack.enter_context(contenders.ours())
        session = Session.opened(ours, FIELDS)
        batches = session.batches(FIELDS, **PACING)
        (watcher,) = runner.run(open_watchers(ours.port, [session.place], [lambda _: None]))
        stack.callback(watcher.close)
        found = run.alternate({OURS: lambda: Reading(statistics.median(runner.run(_replies(ours, batches))))})
        theirs: Measured = SKIPPED
        if run.effort.full:
            flask = run.start(stack, contenders.flask(run.peers))
            theirs = flask if isinstance(flask, Missing) else Sample((_once(flask),))
    return [
        Row(
            what="20-field action, streamed at 300 ms: reply",
            unit="ms",
            ours=found[OURS],
            peer_name=FLASK,
            peer=theirs,
            budget=Budget("<", REPLY_MS, of="ours"),
        )
    ]


def _once(server: Server) -> float:
    session = Session.opened(server, FIELDS)
    with new_runner() as runner:
        return runner.run(_replies(server, session.batches(FIELDS, **PACING)[:1]))[0]


async def _replies(server: Server, requests: list[Request]) -> list[float]:
    """Return the milliseconds each reply took."""
    connection = await Connection.open(server.port)
    took = []
    try:
        for request in requests:
            began = time.perf_counter()
            await connection.send(request.encode(server.port))
            took.append((time.perf_counter() - began) * MILLISECONDS)
    finally:
        connection.close()
    return took
