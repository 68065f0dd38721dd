"""What a measurement says: samples, the ratio of two, and whether a budget was met."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

Verdict = Literal["met", "not met", "not measured", ""]

BUSY = 0.9
"""Share of its core's time below which a server was not what limited the figure."""


THEFT = 0.05
"""Share of stolen time from which on figures are doubtful."""


class Reading(NamedTuple):
    """One round's figure; `busy` is the share of the time in which the server was on its core."""

    value: float
    busy: float | None = None


@dataclass(frozen=True)
class Sample:
    """All rounds of one contender."""

    values: tuple[float, ...]
    busy: tuple[float, ...] = ()

    @classmethod
    def of(cls, readings: Sequence[Reading]) -> Sample:
        """Return the sample of some rounds."""
        busy = tuple(reading.busy for reading in readings if reading.busy is not None)
        return cls(tuple(reading.value for reading in readings), busy)

    @property
    def median(self) -> float:
        """The figure that is reported."""
        return statistics.median(self.values)

    def by_time(self) -> Measured:
        """Return the figures per second of the server's processor time."""
        if not self.busy:
            return Missing("the processor time of a server is not to be had on this system")
        return Sample(tuple(value / share for value, share in zip(self.values, self.busy, strict=True)))

    @property
    def busyness(self) -> float | None:
        """The median share of time on the core, None if it was not read."""
        return statistics.median(self.busy) if self.busy else None


@dataclass(frozen=True)
class Missing:
    """Stands where a sample would, if it could not be taken."""

    reason: str


Measured = Sample | Missing


@dataclass(frozen=True)
class Budget:
    """What a figure has to reach: the ratio of ours to the peer's, or ours itself."""

    sign: Literal["≥", "≤", "<"]
    bound: float
    of: Literal["ratio", "ours"] = "ratio"

    def holds(self, figure: float) -> bool:
        """Return whether a figure is within the budget."""
        if self.sign == "≥":
            return figure >= self.bound
        return figure < self.bound if self.sign == "<" else figure <= self.bound

    def margin(self, figure: float) -> float:
        """Return how many times better than it has to be a figure is; 1 is just enough."""
        if self.sign == "≥":
            return figure / self.bound
        return self.bound / max(figure, self.bound / 1000)


def at_least(ratio: float) -> Budget:
    """Return the budget of a figure that should be high: requests, frames."""
    return Budget("≥", ratio)


def at_most(ratio: float) -> Budget:
    """Return the budget of a figure that should be low: time, memory."""
    return Budget("≤", ratio)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    what: str
    unit: str
    ours: Measured
    peer_name: str = ""
    peer: Measured | None = None
    limit_name: str = ""
    limit: Measured | None = None
    budget: Budget | None = None
    note: str = ""
    stolen: float = 0.0
    """Share of the machine's time that went to others on the same hardware meanwhile."""

    @property
    def ratio(self) -> float | None:
        """Ours to the peer's."""
        return _ratio(self.ours, self.peer)

    @property
    def ratio_to_limit(self) -> float | None:
        """Ours to the limit's."""
        return _ratio(self.ours, self.limit)

    @property
    def ratio_by_time(self) -> float | None:
        """Ours to the peer's as if neither server had ever waited for its core; None if their time was not read."""
        ratio = self.ratio
        busy = [sample.busyness for sample in (self.ours, self.peer) if isinstance(sample, Sample)]
        if ratio is None or not all(busy):
            return None
        ours, peer = (share or 0.0 for share in busy)
        return ratio * peer / ours

    @property
    def budgeted(self) -> float | None:
        """The figure the budget is about, None if it was not measured."""
        if self.budget is None or isinstance(self.ours, Missing):
            return None
        return self.ours.median if self.budget.of == "ours" else self.ratio

    @property
    def verdict(self) -> Verdict:
        """Whether the budget was met."""
        if self.budget is None:
            return ""
        if self.budgeted is None:
            return "not measured"
        return "met" if self.budget.holds(self.budgeted) else "not met"

    @property
    def notes(self) -> list[str]:
        """What a reader has to know beside the figures."""
        samples = {"ours": self.ours, self.peer_name: self.peer, self.limit_name: self.limit}
        missing = [f"{name}: {sample.reason}" for name, sample in samples.items() if isinstance(sample, Missing)]
        stolen = f"{self.stolen:.0%} of the machine's time was stolen from it" if self.stolen > THEFT else ""
        return [*filter(None, [self.note, stolen]), *missing, *self._idleness(samples)]

    def _idleness(self, samples: Mapping[str, Measured | None]) -> list[str]:
        shares = {name: sample.busyness for name, sample in samples.items() if isinstance(sample, Sample)}
        idle = [f"{name} {share:.0%}" for name, share in shares.items() if share is not None and share < BUSY]
        if not idle:
            return []
        by_time = f"; per second of processor time the ratio is {self.ratio_by_time:.2f}" if self.ratio_by_time else ""
        return [f"share of the time on its core: {', '.join(idle)}{by_time}"]


def grouped(count: int) -> str:
    """Return a number as text, its thousands apart."""
    return f"{count:,}".replace(",", " ")


def _ratio(ours: Measured, other: Measured | None) -> float | None:
    if not isinstance(ours, Sample) or not isinstance(other, Sample):
        return None
    return ours.median / other.median if other.median else None
