"""What a watcher that never reads costs the server's memory and the other watchers of its session.

Four watchers read. In every second round there is a fifth that stops reading once it is in, with a socket buffer as
small as the system allows; values are long, so that its queue fills up within the round and it is cut off. It is looked
whether it was. Memory is read throughout those rounds, and its highest is compared to what it was before the first.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, suppress

from benchmarks import contenders, machine
from benchmarks.clients.latency import Stopwatch, percentile
from benchmarks.clients.loop import new_runner
from benchmarks.clients.websocket import FrameQueue, open_watchers
from benchmarks.forms import Session
from benchmarks.results import Budget, Missing, Reading, Row, Sample, at_most
from benchmarks.run import Run
from benchmarks.servers import NO_PROC

READERS = 4
RATE = 100.0
PADDING = "x" * 30_000
SMALLEST_BUFFER = 2048
LOOK_SECONDS = 0.02
CUT_OFF_SECONDS = 1.0
MILLISECONDS = 1000.0
KIB = 1024
WITH, WITHOUT = "with it", "without it"


def slow_reader(run: Run) -> list[Row]:
    """Memory and the other watchers' times with a watcher that never reads."""
    with ExitStack() as stack:
        runner = stack.enter_context(new_runner())
        room = Room(run, stack, runner)
        runner.run(room.act())
        before = room.memory()
        found = run.alternate({WITHOUT: lambda: runner.run(room.act()), WITH: lambda: runner.run(room.act_beside_it())})
    growth = Sample(((max(room.peaks) - before) / KIB,)) if machine.CAN_ACCOUNT else Missing(NO_PROC)
    what = "a watcher that never reads"
    return [
        Row(
            what=f"{what}: memory",
            unit="MiB",
            ours=growth,
            budget=Budget("<", 2, of="ours"),
            note=f"the watcher was cut off in {room.cut_off} of {run.effort.rounds} rounds",
        ),
        Row(
            what=f"{what}: p99 of the others",
            unit="ms",
            ours=found[WITH],
            peer_name=WITHOUT,
            peer=found[WITHOUT],
            budget=at_most(1.2),
        ),
    ]


class Room:
    """A session with watchers that read. The stack closes it."""

    def __init__(self, run: Run, stack: ExitStack, runner: asyncio.Runner) -> None:
        self._server = stack.enter_context(contenders.ours())
        self._session = Session.opened(self._server)
        self._stopwatch = Stopwatch()
        self._seconds = 2 * run.effort.seconds
        places = [self._session.place] * READERS
        for reader in runner.run(open_watchers(self._server.port, places, [self._stopwatch.seen] * READERS)):
            stack.callback(reader.close)
        self.peaks: list[float] = [0.0]
        """KiB of memory, again and again while there was one that does not read."""
        self.cut_off = 0

    def memory(self) -> float:
        """Return the server's KiB, 0 where the system does not say."""
        return self._server.memory if machine.CAN_ACCOUNT else 0.0

    async def act(self) -> Reading:
        """Act for one round; the reading is the 99th percentile of the readers' times."""
        times = await self._stopwatch.run(
            self._server.port,
            lambda: self._session,
            watchers=READERS,
            rate=RATE,
            seconds=self._seconds,
            padding=PADDING,
        )
        return Reading(percentile(times, 0.99) * MILLISECONDS)

    async def act_beside_it(self) -> Reading:
        """Do the same beside a watcher that does not read."""
        places, ears = [self._session.place], [lambda _: None]
        (stuck,) = await open_watchers(self._server.port, places, ears, receive_buffer=SMALLEST_BUFFER)
        stuck.stop_reading()
        looking = asyncio.create_task(self._look())
        try:
            reading = await self.act()
            await self._see_whether_cut_off(stuck)
        finally:
            looking.cancel()
            stuck.close()
        return reading

    async def _look(self) -> None:
        while True:
            self.peaks.append(self.memory())
            await asyncio.sleep(LOOK_SECONDS)

    async def _see_whether_cut_off(self, stuck: FrameQueue) -> None:
        stuck.read_on()
        with suppress(TimeoutError):
            await asyncio.wait_for(stuck.hung_up.wait(), CUT_OFF_SECONDS)
        self.cut_off += stuck.hung_up.is_set()
