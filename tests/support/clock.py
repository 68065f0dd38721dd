"""A clock that only goes when it is told to."""

from __future__ import annotations


class ManualClock:
    """Call it for the time in seconds; `advance` moves it, in either direction."""

    def __init__(self, start: float = 1000.0) -> None:
        self.time = start

    def __call__(self) -> float:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += seconds
