"""Constraint checks: one closure for each rule that a schema entry names."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from .field_types import ValueType, identity, is_scalar, kind, precedes
from .numbers import grid
from .options import Options
from .patterns import Pattern
from .schema_keywords import FORMAT_CHARS, frozen
from .text_formats import FORMATS, TextFormat

logger = logging.getLogger("handshake_prompt")

Check = Callable[[Any], str | None]
"""None for an accepted value, else a noun phrase for it, which never repeats the value itself."""

CustomType = Callable[[Any, str], bool]
"""The host's own check of types: given a value and the type's name, it answers exactly True or False."""


class Constraints(NamedTuple):
    """The constraints a schema entry names, as it names them; None where it names none."""

    min: Any = None
    max: Any = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    exclusive_min: Any = None
    exclusive_max: Any = None
    step: float | None = None
    format: str | None = None
    each_min_length: int | None = None
    each_max_length: int | None = None
    unique: bool = False
    """Whether no entry of a list comes twice."""


def constraint_checks(
    unit: ValueType, constraints: Constraints, *, pattern: Pattern | None, many: bool
) -> tuple[list[Check], list[Check]]:
    """Return the checks of a whole value, and the checks of each entry; without `many` the value is its only entry."""
    whole: list[Check] = []
    each: list[Check] = []
    # Before the pattern: a text that is too long is refused as too long.
    (whole if many else each).extend(_length_checks(constraints.min_length, constraints.max_length))
    each += _length_checks(constraints.each_min_length, constraints.each_max_length)
    for part in unit.each:
        each += _order_checks(part, constraints)
    if constraints.unique:
        whole.append(check_distinct)
    if (known := FORMATS.get(constraints.format or "")) is not None:
        each.append(_check_format(known))
    if pattern is not None:
        each.append(pattern.check)
    return whole, each


def option_checks(options: Options, *, is_open: bool, many: bool, repeats: bool) -> tuple[list[Check], list[Check]]:
    """Return the checks of a whole value, and the checks of each entry, of a field with options."""
    whole: list[Check] = []
    if many and not repeats:
        whole.append(check_distinct)
    if many and options.alone:
        whole.append(_check_alone(options.alone))
    return whole, [_check_options(options.values, is_open=is_open)]


def check_type(unit: ValueType) -> Check:
    """Return the built-in check of a type."""

    def check(value: Any) -> str | None:
        if unit.accepts(value):
            return None
        return "other text" if isinstance(value, str) and unit.empty == "" else kind(value)

    return check


def check_custom(custom_type: CustomType, names: Sequence[str], *, sensitive: bool) -> Check:
    """Return the host's check of a value's type, one of several names.

    Args:
        custom_type: the host's.
        names: of types.
        sensitive: keeps the text of its exceptions out of the log.
    """

    def check(value: Any) -> str | None:
        got = None
        for name in names:
            got = _verdict(custom_type, value, name, sensitive=sensitive)
            if got is None:
                break
        return got

    return check


def _verdict(custom_type: CustomType, value: Any, name: str, *, sensitive: bool) -> str | None:
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


def check_distinct(values: Any) -> str | None:
    """Refuse a list with two entries that are the same in JSON."""
    if not isinstance(values, list):
        return None
    kinds = set(map(type, values))
    same = frozen if kinds & {list, dict} else identity
    return "a list that repeats an entry" if len(set(map(same, values))) < len(values) else None


def _length_checks(shortest: int | None, longest: int | None) -> list[Check]:
    if shortest is None and longest is None:
        return []
    least = shortest or 0

    def check(value: Any) -> str | None:
        if not isinstance(value, str | list):
            return None
        if len(value) < least:
            return f"{kind(value)} that is shorter"
        return f"{kind(value)} that is longer" if longest is not None and len(value) > longest else None

    return [check]


def _order_checks(unit: ValueType, constraints: Constraints) -> list[Check]:
    """Return the checks of a value's place among others of its type, by bounds and by steps."""
    point = unit.point
    low, high = point(constraints.min), point(constraints.max)
    above, below = point(constraints.exclusive_min), point(constraints.exclusive_max)
    checks = []
    if low is not None or high is not None:
        checks.append(_check_bounds(point, low, high))
    if above is not None or below is not None:
        checks.append(_check_exclusive_bounds(point, above, below))
    if constraints.step is not None:
        base = unit.measure(low) if low is not None else 0
        checks.append(_check_step(unit, constraints.step, base))
    return checks


def _check_bounds(point: Callable[[Any], Any], low: Any, high: Any) -> Check:
    def check(value: Any) -> str | None:
        found = point(value)
        if found is None:
            return None
        if low is not None and precedes(found, low):
            return "a value below that"
        return "a value above that" if high is not None and precedes(high, found) else None

    return check


def _check_exclusive_bounds(point: Callable[[Any], Any], above: Any, below: Any) -> Check:
    def check(value: Any) -> str | None:
        found = point(value)
        if found is None:
            return None
        if above is not None and not precedes(above, found):
            return "a value that is not above that"
        return "a value that is not below that" if below is not None and not precedes(found, below) else None

    return check


def _check_step(unit: ValueType, step: float, base: Decimal | float) -> Check:
    is_on_grid = grid(step, base)

    def check(value: Any) -> str | None:
        found = unit.point(value)
        return None if found is None or is_on_grid(unit.measure(found)) else "a value between two steps"

    return check


def _check_format(known: TextFormat) -> Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, str):
            return None
        if len(value) > FORMAT_CHARS:
            return "text that is too long for such a format"
        return None if known.accepts(value) else "other text"

    return check


def _check_options(options: tuple[Any, ...], *, is_open: bool) -> Check:
    allowed = frozenset(map(identity, options))

    def check(value: Any) -> str | None:
        if is_open and isinstance(value, str):
            return None
        scalar = value is None or isinstance(value, str | int | float)
        return None if scalar and identity(value) in allowed else "another value"

    return check


def _check_alone(alone: frozenset[Any]) -> Check:
    def check(values: Any) -> str | None:
        if not isinstance(values, list) or len(values) == 1:
            return None
        mixed = any(is_scalar(value) and identity(value) in alone for value in values)
        return "a list that has more beside an option that stands alone" if mixed else None

    return check
