"""Description of the values a field takes, as a noun phrase for agents and people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .constraints import Constraints
from .field_types import LIST, ValueType, shown

SHOWN_OPTIONS = 20
"""In a message; an agent has the whole list in the schema."""


@dataclass(frozen=True, slots=True)
class Description:
    """The facts of a field that a description tells; `labels` has the label of each option, None for one without."""

    unit: ValueType
    constraints: Constraints
    options: tuple[Any, ...]
    labels: tuple[Any, ...]
    example: Any
    many: bool

    def __str__(self) -> str:
        return "".join(self._parts())

    def _parts(self) -> Iterator[str]:
        low, high, shortest, longest, pattern = self.constraints
        lengths = _between(shortest, longest, " entries" if self.many or self.unit is LIST else " characters")
        if self.many:
            yield f"a list{lengths} of which each is "
        yield f"one of {self._options()}" if self.options else self.unit.noun
        yield _between(low, high)
        yield "" if self.many else lengths
        if pattern is not None:
            yield f" matching the pattern {shown(pattern)}"
        if (example := self._example()) is not None:
            yield f", such as {shown(example)}"

    def _options(self) -> str:
        told = ", ".join(
            shown(value) if label is None else f"{shown(value)} ({shown(label)})"
            for value, label in zip(self.options[:SHOWN_OPTIONS], self.labels, strict=False)
        )
        more = len(self.options) - SHOWN_OPTIONS
        return f"{told} or {more} more" if more > 0 else told

    def _example(self) -> Any:
        if self.example is not None:
            return self.example
        return [self.options[0]] if self.many and self.options else None


def _between(low: Any, high: Any, unit: str = "") -> str:
    if low is not None and high is not None:
        return f" between {low} and {high}{unit}"
    if low is not None:
        return f" of at least {low}{unit}"
    return f" of at most {high}{unit}" if high is not None else ""
