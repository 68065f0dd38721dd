"""One run: how much effort it makes, whose turn it is, what it tells meanwhile."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

from .clients.http import Request
from .clients.load import Load
from .peers import Peers
from .results import Measured, Missing, Reading, Sample
from .servers import Server

Round = Callable[[], Reading]


@dataclass(frozen=True)
class Effort:
    """How often and how long is measured, and whether scenarios have their full size."""

    rounds: int
    seconds: float
    warm_up: float
    full: bool

    def size(self, full: int, quick: int) -> int:
        """Return the size of something: as the budget says, or just enough to see that it works."""
        return full if self.full else quick


FULL = Effort(rounds=5, seconds=2.0, warm_up=1.0, full=True)
QUICK = Effort(rounds=1, seconds=0.4, warm_up=0.0, full=False)


class Progress:
    """Tells on standard error what is being done."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.scenario = ""

    def __call__(self, text: str) -> None:
        """Tell."""
        seconds = int(time.monotonic() - self._began)
        print(f"[{seconds // 60:2}:{seconds % 60:02}] {self.scenario}: {text}", file=sys.stderr, flush=True)


@dataclass
class Run:
    """What a scenario measures with."""

    effort: Effort
    load: Load
    progress: Progress
    peers: Peers

    def start(self, stack: ExitStack, server: Server | Missing) -> Server | Missing:
        """Start a server that may be missing; the stack stops it."""
        if isinstance(server, Missing):
            return server
        self.progress(f"starting {server.name}")
        return stack.enter_context(server)

    def alternate(self, contenders: Mapping[str, Round | Missing]) -> dict[str, Measured]:
        """Let the contenders take turns, and return each one's sample."""
        readings: dict[str, list[Reading]] = {name: [] for name in contenders}
        for number in range(self.effort.rounds):
            for name, measure in contenders.items():
                if isinstance(measure, Missing):
                    continue
                self.progress(f"round {number + 1} of {self.effort.rounds}, {name}")
                readings[name].append(measure())
        return {
            name: measure if isinstance(measure, Missing) else Sample.of(readings[name])
            for name, measure in contenders.items()
        }

    def requests(self, server: Server | Missing, requests: Sequence[Request]) -> Round | Missing:
        """Return the round that counts the requests a server answers in a second, after warming it up."""
        if isinstance(server, Missing):
            return server
        if self.effort.warm_up:
            self.load.run(server.port, requests, self.effort.warm_up)

        def measure() -> Reading:
            with Busy(server) as busy:
                result = self.load.run(server.port, requests, self.effort.seconds)
            return Reading(result.rate, busy.share)

        return measure


class Busy:
    """The share of a while in which a server's processes were on a core."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.share: float | None = None

    def __enter__(self) -> Self:
        self._cpu, self._began = self._server.cpu_seconds, time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        cpu, lasted = self._server.cpu_seconds, time.perf_counter() - self._began
        if cpu is not None and self._cpu is not None:
            self.share = (cpu - self._cpu) / lasted
