"""Constraint checks: one closure for each rule that a schema entry names."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

from .field_types import ValueType, identity, kind, precedes
from .patterns import Pattern

logger = logging.getLogger("handshake_prompt")

Check = Callable[[Any], str | None]
"""None for an accepted value, else a noun phrase for it, which never repeats the value itself."""

CustomType = Callable[[Any, str], bool]
"""The host's own check of types: given a value and the type's name, it answers exactly True or False."""


class Constraints(NamedTuple):
    """The bounds a schema entry names, as it names them; None where it names none."""

    min: Any = None
    max: Any = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None


def constraint_checks(
    unit: ValueType,
    constraints: Constraints,
    *,
    options: tuple[Any, ...],
    pattern: Pattern | None,
    many: bool,
) -> tuple[list[Check], list[Check]]:
    """Return the checks of a whole value, and the checks of each entry; without `many` the value is its only entry."""
    low, high, shortest, longest, _ = constraints
    whole: list[Check] = []
    each: list[Check] = []
    if shortest is not None or longest is not None:
        # Before the pattern: a text that is too long is refused as too long.
        (whole if many else each).append(_check_length(shortest or 0, longest))
    if low is not None or high is not None:
        each.append(_check_bounds(unit.point, unit.point(low), unit.point(high)))
    if options:
        each.append(_check_options(options))
    if options and many:
        whole.append(_check_distinct)
    if pattern is not None:
        each.append(pattern.check)
    return whole, each


def check_type(unit: ValueType) -> Check:
    """Return the built-in check of a type."""

    def check(value: Any) -> str | None:
        if unit.accepts(value):
            return None
        return "other text" if isinstance(value, str) and unit.empty == "" else kind(value)

    return check


def check_custom(custom_type: CustomType, name: str, *, sensitive: bool) -> Check:
    """Return the host's check of a type; `sensitive` keeps the text of its exceptions out of the log."""

    def check(value: Any) -> str | None:
        try:
            verdict: object = custom_type(value, name)
        except Exception as error:  # noqa: BLE001 - here the host's code runs
            # The text of the host's exception may quote the value, and a sensitive one may not be logged.
            trace = "".join(traceback.format_tb(error.__traceback__)) if sensitive else traceback.format_exc()
            logger.error("the validator raised %s for type %r\n%s", type(error).__name__, name, trace)  # noqa: TRY400 - trace is above
            return "a value the server could not check"
        if verdict is True:
            return None
        if verdict is not False:
            logger.error("the validator answered %s for type %r, not True or False", type(verdict).__name__, name)
        return "another value"

    return check


def _check_length(shortest: int, longest: int | None) -> Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, str | list):
            return None
        if len(value) < shortest:
            return f"{kind(value)} that is shorter"
        return f"{kind(value)} that is longer" if longest is not None and len(value) > longest else None

    return check


def _check_bounds(point: Callable[[Any], Any], low: Any, high: Any) -> Check:
    def check(value: Any) -> str | None:
        found = point(value)
        if found is None:
            return None
        if low is not None and precedes(found, low):
            return "a value below that"
        return "a value above that" if high is not None and precedes(high, found) else None

    return check


def _check_options(options: tuple[Any, ...]) -> Check:
    allowed = frozenset(map(identity, options))

    def check(value: Any) -> str | None:
        scalar = value is None or isinstance(value, str | int | float)
        return None if scalar and identity(value) in allowed else "another value"

    return check


def _check_distinct(values: Any) -> str | None:
    if not isinstance(values, list):
        return None
    named = [identity(value) for value in values if isinstance(value, str | int | float)]
    return "a list that repeats an entry" if len(set(named)) < len(named) else None
