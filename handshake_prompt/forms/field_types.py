"""Value types of schema fields, by SPEC.md's names and by HTML's."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple

from handshake_prompt.texts.list_types import ARRAY, chooses_several
from handshake_prompt.texts.quoting import quote

from . import formats

_KINDS = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
}
_SHOWN_CHARS = 60


def kind(value: object) -> str:
    """Name the JSON kind of `value`, for a sentence that must not show the value itself."""
    return _KINDS.get(type(value), "something that is not JSON")


def shown(value: object) -> str:
    """Return the JSON of a value, quoted as data and cut to fit a sentence."""
    if isinstance(value, str):
        value = value if len(value) <= _SHOWN_CHARS else f"{value[:_SHOWN_CHARS]}…"
        return quote(value)
    text = quote(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"


def is_scalar(value: object) -> bool:
    """Whether a value is null, a Boolean, a number or text."""
    return value is None or isinstance(value, str | int | float)


def identity(value: object) -> tuple[bool, object]:
    """Return a hashable equal for scalars that are the same in JSON: 1 and 1.0 are, True and 1 are not."""
    return type(value) is bool, value


def precedes(one: Any, other: Any) -> bool:
    """Whether the first of two numbers, days, times or moments is lower.

    Where only one of two moments names its offset, the readings of the clock are compared: the zone a page means
    is not known.
    """
    if isinstance(one, datetime) and (one.tzinfo is None) != (other.tzinfo is None):
        one, other = one.replace(tzinfo=None), other.replace(tzinfo=None)
    return bool(one < other)


def as_number(value: Any) -> int | float | None:
    """Return `value` if it is a finite number, else None. A Boolean is no number."""
    return value if type(value) is int or (type(value) is float and math.isfinite(value)) else None


BOUNDS = frozenset({"min", "max"})
LENGTHS = frozenset({"minLength", "maxLength"})
SECONDS = "seconds"
_TEXT = LENGTHS | {"pattern"}


class ValueType(NamedTuple):
    """A type: its noun in a sentence, its test, its constraints, and its empty value."""

    noun: str
    accepts: Callable[[Any], bool]
    constraints: frozenset[str] = frozenset()
    point: Callable[[Any], Any] = as_number
    """The point of a value that `min` and `max` compare; None for a value they do not apply to."""
    bound: str = "a number"
    """The noun for `min` and `max` themselves."""
    empty: Any = None
    """The empty value, besides null."""
    plain: type | None = None
    """The JSON type that coincides with this one, if there is one."""
    low: Any = None
    """`min` where a field names none."""
    high: Any = None
    """`max` where a field names none."""
    chooses: bool = False
    """Whether a value is one of the field's options."""
    measure: Callable[[Any], Decimal | float] = lambda point: point
    """The place of a point on the scale of `step`: a number itself, else days, months, weeks or seconds since 1970."""
    step: str = ""
    """The unit of `step`, in the plural."""
    parts: tuple[ValueType, ...] = ()
    """The types of a list of types: a value fits one of them."""

    @property
    def each(self) -> tuple[ValueType, ...]:
        """The types of which a value fits one."""
        return self.parts or (self,)


def _moment(
    noun: str, point: Callable[[Any], Any], measure: Callable[[Any], Decimal | float], step: str = SECONDS
) -> ValueType:
    def accepts(value: Any) -> bool:
        return point(value) is not None

    return ValueType(noun, accepts, BOUNDS | _TEXT, point, bound=noun, empty="", measure=measure, step=step)


def _days(point: date) -> int:
    return (point - _EPOCH).days


def _months(point: date) -> int:
    return (point.year - _EPOCH.year) * 12 + point.month - 1


def _weeks(point: date) -> int:
    return (_days(point) + 3) // 7  # the week of 1970-01-01 began on the Monday before


def _seconds_of_day(point: time) -> Decimal:
    return Decimal((point.hour * 60 + point.minute) * 60 + point.second) + Decimal(point.microsecond).scaleb(-6)


def _seconds(point: datetime) -> Decimal:
    """Return the seconds that the reading of a clock is after 1970, whatever its offset."""
    return Decimal(86_400 * _days(point.date())) + _seconds_of_day(point.time())


_EPOCH = date(1970, 1, 1)
"""HTML's zero of all steps."""

STRING = ValueType("text", lambda value: type(value) is str, _TEXT, empty="", plain=str)
INTEGER = ValueType("an integer", lambda value: type(value) is int, BOUNDS, plain=int)
NUMBER = ValueType("a number", lambda value: as_number(value) is not None, BOUNDS)
BOOLEAN = ValueType("true or false", lambda value: type(value) is bool, plain=bool)
COLOR = ValueType("a colour (#rrggbb)", formats.is_color, _TEXT, empty="")
ENUM = ValueType("a value", lambda _: True, empty="", chooses=True)
ANYTHING = ValueType("a value", lambda _: True, BOUNDS | _TEXT, empty="")
LIST = ValueType("a list", lambda value: type(value) is list, LENGTHS, empty=[])
ROWS = ValueType("a list of objects", lambda value: type(value) is list, empty=[])
JSON = ValueType("JSON", lambda _: True)
FILE = ValueType("a file", lambda _: True)

TYPES: Mapping[str, ValueType] = {
    "string": STRING,
    "str": STRING,
    "integer": INTEGER,
    "int": INTEGER,
    "number": NUMBER,
    "float": NUMBER,
    "boolean": BOOLEAN,
    "bool": BOOLEAN,
    "enum": ENUM,
    "date": _moment("a date (YYYY-MM-DD)", formats.as_date, _days, "days"),
    "time": _moment("a time (HH:MM or HH:MM:SS)", formats.as_time, _seconds_of_day),
    "datetime": _moment("a date and time (YYYY-MM-DDTHH:MM or YYYY-MM-DD HH:MM:SS)", formats.as_datetime, _seconds),
    "email": ValueType("an email address", formats.is_email, _TEXT, empty=""),
    "url": ValueType("an absolute http or https URL", formats.is_url, _TEXT, empty=""),
    # HTML's own names for its controls (HTML Living Standard, section 4.10.5.1), where they are not among those above.
    **dict.fromkeys(("text", "search", "tel", "password", "hidden", "textarea"), STRING),
    **dict.fromkeys(("select", "select-one", "radio"), ENUM),
    "checkbox": BOOLEAN,
    "range": NUMBER._replace(low=0, high=100),
    "datetime-local": _moment(
        "a local date and time (YYYY-MM-DDTHH:MM, no offset)", formats.as_local_datetime, _seconds
    ),
    "month": _moment("a month (YYYY-MM)", formats.as_month, _months, "months"),
    "week": _moment("a week (YYYY-Www)", formats.as_week, _weeks, "weeks"),
    "color": COLOR,
    "rows": ROWS,
    "json": JSON,
    "file": FILE,
}
"""The types with a meaning of their own. An `enum` takes its options."""

_ARRAY = re.compile(r"array(?:<([\w-]+)>|\[([\w-]+)\]|:([\w-]+))")


def type_of_any(names: Sequence[str], *, has_options: bool = False) -> ValueType:
    """Return the type of values that fit one of several types; with options, a value is an option."""
    parts: list[ValueType] = []
    for name in names:
        unit, listed = type_of(name)
        parts.append(_list_of(unit) if listed else unit)
    return ValueType(
        " or ".join(part.noun for part in parts),
        lambda value: any(part.accepts(value) for part in parts),
        frozenset().union(*(part.constraints for part in parts)),
        bound=" or ".join(dict.fromkeys(part.bound for part in parts if part.constraints >= BOUNDS)),
        empty=next((part.empty for part in parts if part.empty is not None), None),
        chooses=has_options or any(part.chooses for part in parts),
        parts=tuple(parts),
    )


def _list_of(unit: ValueType) -> ValueType:
    def accepts(value: Any) -> bool:
        return type(value) is list and all(map(unit.accepts, value))

    return LIST._replace(noun=f"a list of which each is {unit.noun}", accepts=accepts)


def type_of(name: str, *, has_options: bool = False) -> tuple[ValueType, bool]:
    """Return the type a schema names, and whether values are lists with entries of that type.

    `array<T>`, `array[T]` and `array:T` are such lists if T is in `TYPES`. Any other name that begins with `array` is
    a list of anything, any other name at all is anything. A checkbox with options is a group of them, from which any
    number is chosen.
    """
    element = _ARRAY.fullmatch(name)
    if element and element[element.lastindex or 0] in TYPES:
        return TYPES[element[element.lastindex or 0]], True
    if chooses_several(name, has_options=has_options):
        return ENUM, True
    return TYPES.get(name, LIST if name.startswith(ARRAY) else ANYTHING), False
