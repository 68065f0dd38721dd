"""What a watcher that never reads costs the server's memory and the other watchers of its session.

Four watchers read. In every second round there is a fifth that stops reading once it is in, with a socket buffer as
small as the system allows; values are of four KiB, so its queue fills up within the round and it is cut off. Memory is
read throughout those rounds, and its highest is compared to what it was before the first of them.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

from benchmarks import contenders, machine
from benchmarks.clients.latency import Stopwatch, percentile
from benchmarks.clients.loop import new_runner
from benchmarks.clients.websocket import open_watchers
from benchmarks.forms import Session
from benchmarks.results import Budget, Measured, Missing, Reading, Row, Sample, at_most
from benchmarks.run import Run
from benchmarks.servers import NO_PROC, Server

READERS = 4
RATE = 100.0
PADDING = "x" * 4096
SMALLEST_BUFFER = 2048
LOOK_SECONDS = 0.02
MILLISECONDS = 1000.0
KIB = 1024
WITH, WITHOUT = "with it", "without it"


def slow_reader(run: Run) -> list[Row]:
    """Memory and the other watchers' times with a watcher that never reads."""
    peaks: list[float] = []
    with ExitStack() as stack:
        runner = stack.enter_context(new_runner())
        server = stack.enter_context(contenders.ours())
        session, stopwatch = Session.opened(server), Stopwatch()
        readers = runner.run(open_watchers(server.port, [session.place] * READERS, [stopwatch.seen] * READERS))
        for reader in readers:
            stack.callback(reader.close)

        async def act() -> Reading:
            times = await stopwatch.run(
                server.port,
                lambda: session,
                watchers=READERS,
                rate=RATE,
                seconds=2 * run.effort.seconds,
                padding=PADDING,
            )
            return Reading(percentile(times, 0.99) * MILLISECONDS)

        async def act_beside_it() -> Reading:
            (stuck,) = await open_watchers(
                server.port, [session.place], [lambda _: None], receive_buffer=SMALLEST_BUFFER
            )
            stuck.stop_reading()
            looking = asyncio.create_task(_look(server, peaks))
            try:
                return await act()
            finally:
                looking.cancel()
                stuck.close()

        runner.run(act())
        before = server.memory if machine.CAN_ACCOUNT else 0.0
        found = run.alternate({WITHOUT: lambda: runner.run(act()), WITH: lambda: runner.run(act_beside_it())})
    growth: Measured = Sample(((max(peaks) - before) / KIB,)) if machine.CAN_ACCOUNT else Missing(NO_PROC)
    return [
        Row(what="a watcher that never reads: memory", unit="MiB", ours=growth, budget=Budget("<", 2, of="ours")),
        Row(
            what="a watcher that never reads: p99 of the others",
            unit="ms",
            ours=found[WITH],
            peer_name=WITHOUT,
            peer=found[WITHOUT],
            budget=at_most(1.2),
        ),
    ]


async def _look(server: Server, peaks: list[float]) -> None:
    while machine.CAN_ACCOUNT:
        peaks.append(server.memory)
        await asyncio.sleep(LOOK_SECONDS)
