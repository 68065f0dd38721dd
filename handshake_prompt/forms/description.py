"""Description of the values a field takes, as a noun phrase for agents and people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .constraints import Constraints
from .field_types import LIST, STRING, ValueType, shown
from .options import Options
from .text_formats import FORMATS

SHOWN_OPTIONS = 20
"""In a message; an agent has the whole list in the schema."""


@dataclass(frozen=True)
class Description:
    """The facts of a field that a description tells."""

    unit: ValueType
    constraints: Constraints
    options: Options
    example: Any
    many: bool
    is_open: bool = False
    nullable: bool = False

    @cached_property
    def text(self) -> str:
        """The phrase; one refusal is often followed by another."""
        return "".join(self._parts())

    def _parts(self) -> Iterator[str]:
        given = self.constraints
        is_list = self.many or self.unit is LIST
        lengths = _between(given.min_length, given.max_length, " entries" if is_list else " characters")
        repeats = " without repeats" if given.unique else ""
        if self.many:
            yield f"a list{lengths}{repeats} of which each is "
        yield self._noun()
        yield from self._order()
        yield _between(given.each_min_length, given.each_max_length, " characters") if self.many else lengths + repeats
        if given.pattern is not None:
            yield f" matching the pattern {shown(given.pattern)}"
        yield " or null" if self.nullable else ""
        if (example := self._example()) is not None:
            yield f", such as {shown(example)}"

    def _noun(self) -> str:
        if self.options.values:
            return f"one of {self._options()}{' or other text' if self.is_open else ''}"
        known = FORMATS.get(self.constraints.format or "")
        if known is None:
            return self.unit.noun
        return known.noun if self.unit is STRING else f"{self.unit.noun} ({known.noun})"

    def _order(self) -> Iterator[str]:
        given = self.constraints
        yield _between(given.min, given.max)
        if given.exclusive_min is not None:
            yield f" above {given.exclusive_min}"
        if given.exclusive_max is not None:
            yield f" below {given.exclusive_max}"
        if given.step is not None:
            unit = next((part.step for part in self.unit.each if part.step), "")
            yield f" in steps of {given.step}{unit and ' '}{unit}"
            yield f" from {given.min}" if given.min is not None else ""

    def _options(self) -> str:
        values, labels = self.options.values, self.options.labels
        told = ", ".join(
            shown(value) if label is None else f"{shown(value)} ({shown(label)})"
            for value, label in zip(values[:SHOWN_OPTIONS], labels, strict=False)
        )
        more = len(values) - SHOWN_OPTIONS
        return f"{told} or {more} more" if more > 0 else told

    def _example(self) -> Any:
        if self.example is not None:
            return self.example
        return [self.options.values[0]] if self.many and self.options.values else None


def _between(low: Any, high: Any, unit: str = "") -> str:
    if low is not None and high is not None:
        return f" between {low} and {high}{unit}"
    if low is not None:
        return f" of at least {low}{unit}"
    return f" of at most {high}{unit}" if high is not None else ""
