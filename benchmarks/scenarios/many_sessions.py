"""Whether a worker that holds thousands of watched sessions is slower to show an action than one that holds ten.

Two servers of ours, one with many sessions and one with few, each session with one watcher. Actions of one field are
posted to random sessions at a rate far from what a core can do; what is timed runs from the request until its frame.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import ExitStack

from benchmarks import contenders, machine
from benchmarks.clients.latency import Stopwatch, percentile
from benchmarks.clients.loop import new_runner
from benchmarks.clients.websocket import open_watchers
from benchmarks.forms import opened
from benchmarks.results import Measured, Missing, Reading, Row, Sample, at_most, grouped
from benchmarks.run import Run

FEW = 10
RATE = 300.0
SPARE_FILES = 500
MILLISECONDS = 1000.0


def many_sessions(run: Run) -> list[Row]:
    """Time from action to frame, 5 000 watched sessions beside ten."""
    many = run.effort.size(5000, 100)
    if (granted := machine.open_files()) < many + SPARE_FILES:
        missing = Missing(f"{many} connections are more than the {granted} files that the system lets a process open")
        return [_row(many, share, missing, missing) for share in (0.5, 0.99)]
    with ExitStack() as stack:
        runner = stack.enter_context(new_runner())
        crowds = {count: Crowd(run, stack, runner, count=count) for count in (many, FEW)}
        run.alternate({_name(count): crowd.act for count, crowd in crowds.items()})
    return [_row(many, share, crowds[many].sample(share), crowds[FEW].sample(share)) for share in (0.5, 0.99)]


class Crowd:
    """A server with sessions that are all watched, and the times of each round. The stack closes it."""

    def __init__(self, run: Run, stack: ExitStack, runner: asyncio.Runner, *, count: int) -> None:
        self._server = stack.enter_context(contenders.ours())
        run.progress(f"opening {_name(count)}")
        self._sessions = opened(self._server, count)
        places = [session.place for session in self._sessions]
        self._stopwatch = Stopwatch()
        for watcher in runner.run(open_watchers(self._server.port, places, [self._stopwatch.seen] * count)):
            stack.callback(watcher.close)
        self._runner = runner
        self._seconds = 2 * run.effort.seconds
        self._chance = random.Random(count)  # noqa: S311 - a choice that can be repeated
        self._rounds: list[list[float]] = []

    def act(self) -> Reading:
        """Act on sessions at random for one round."""
        actions = self._stopwatch.run(
            self._server.port,
            lambda: self._chance.choice(self._sessions),
            watchers=1,
            rate=RATE,
            seconds=self._seconds,
        )
        self._rounds.append(self._runner.run(actions))
        return Reading(percentile(self._rounds[-1], 0.5))

    def sample(self, share: float) -> Sample:
        """Return a percentile of every round, in milliseconds."""
        return Sample(tuple(percentile(times, share) * MILLISECONDS for times in self._rounds))


def _row(many: int, share: float, ours: Measured, peer: Measured) -> Row:
    return Row(
        what=f"action to frame, {_name(many)} × 1 watcher, p{share * 100:g}",
        unit="ms",
        ours=ours,
        peer_name=_name(FEW),
        peer=peer,
        budget=at_most(1.5),
    )


def _name(count: int) -> str:
    return f"{grouped(count)} sessions"
