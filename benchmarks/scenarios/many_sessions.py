"""Whether a worker that holds thousands of watched sessions is slower to show an action than one that holds ten.

Two servers of ours, one with many sessions and one with few, each session with one watcher. Actions of one field are
posted to random sessions at a rate far from what a core can do; what is timed runs from the request until its frame.
"""

from __future__ import annotations

import random
from contextlib import ExitStack

from benchmarks import contenders
from benchmarks.clients.latency import Stopwatch, percentile
from benchmarks.clients.loop import new_runner
from benchmarks.clients.websocket import open_watchers
from benchmarks.forms import opened
from benchmarks.results import Reading, Row, Sample, at_most
from benchmarks.run import Round, Run

FEW = 10
RATE = 300.0
MILLISECONDS = 1000.0


def many_sessions(run: Run) -> list[Row]:
    """Time from action to frame, 5 000 watched sessions beside ten."""
    many = run.effort.size(5000, 100)
    took: dict[str, list[list[float]]] = {}
    with ExitStack() as stack:
        runner = stack.enter_context(new_runner())
        chance = random.Random(0)  # noqa: S311 - a choice that can be repeated

        def latency(count: int) -> Round:
            server = stack.enter_context(contenders.ours())
            run.progress(f"opening {count} sessions")
            sessions = opened(server, count)
            stopwatch = Stopwatch()
            places = [session.place for session in sessions]
            watchers = runner.run(open_watchers(server.port, places, [stopwatch.seen] * count))
            for watcher in watchers:
                stack.callback(watcher.close)
            rounds = took.setdefault(_name(count), [])

            def measure() -> Reading:
                seconds = 2 * run.effort.seconds
                actions = stopwatch.run(
                    server.port, lambda: chance.choice(sessions), watchers=1, rate=RATE, seconds=seconds
                )
                rounds.append(runner.run(actions))
                return Reading(percentile(rounds[-1], 0.5))

            return measure

        run.alternate({_name(count): latency(count) for count in (many, FEW)})
    return [
        Row(
            what=f"action to frame, {many} sessions × 1 watcher, p{share * 100:g}",
            unit="ms",
            ours=_sample(took[_name(many)], share),
            peer_name=_name(FEW),
            peer=_sample(took[_name(FEW)], share),
            budget=at_most(1.5),
        )
        for share in (0.5, 0.99)
    ]


def _name(count: int) -> str:
    return f"{count} sessions"


def _sample(rounds: list[list[float]], share: float) -> Sample:
    return Sample(tuple(percentile(times, share) * MILLISECONDS for times in rounds))
