"""Value types of schema fields, with their parsers for dates, times, addresses and URLs."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import msgspec

_KINDS = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
}

_Moment = TypeVar("_Moment", date, time, datetime)
_CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(f"{_CLOCK}(?::[0-5][0-9])?")
_DATETIME = re.compile(rf"{_DATE.pattern}[ T]{_CLOCK}:[0-5][0-9](?:\.[0-9]{{1,6}})?(?:Z|[+-]{_CLOCK})?")
_MAILBOX = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*")
_LABEL = re.compile(r"(?!-)(?:[A-Za-z0-9-]|[^\x00-\x9f\s\ud800-\udfff]){1,63}(?<!-)")
_NOT_IN_URL = re.compile(r"[\x00-\x20\x7f-\x9f\s\\<>\"\ud800-\udfff]")
_EMAIL_CHARS = 254  # RFC 5321, section 4.5.3.1
_SHOWN_CHARS = 60


def kind(value: object) -> str:
    """Name the JSON kind of `value`, for a sentence that must not show the value itself."""
    return _KINDS.get(type(value), "something that is not JSON")


def shown(value: object) -> str:
    """Return the JSON of a scalar, cut to what fits a sentence."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"


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


def as_date(value: object) -> date | None:
    """Return the day that `YYYY-MM-DD` names, None for anything else and for days that do not exist."""
    return _read(value, _DATE, date.fromisoformat)


def as_time(value: object) -> time | None:
    """Return the time of day that `HH:MM` or `HH:MM:SS` names, None for anything else."""
    return _read(value, _TIME, time.fromisoformat)


def as_datetime(value: object) -> datetime | None:
    """Return the moment that `YYYY-MM-DD HH:MM:SS` names, None for anything else and for days that do not exist.

    A `T` may stand for the space; a fraction of up to six digits and an offset (`Z`, `+02:00`) may follow.
    """
    return _read(value, _DATETIME, datetime.fromisoformat)


def _read(value: object, form: re.Pattern[str], read: Callable[[str], _Moment]) -> _Moment | None:
    try:
        return read(value) if isinstance(value, str) and form.fullmatch(value) else None
    except ValueError:  # the form is right, the calendar has no such day
        return None


def is_email(value: object) -> bool:
    """Whether `value` is one email address: unquoted, in any script, with or without a dot in its domain."""
    if not isinstance(value, str) or len(value) > _EMAIL_CHARS:
        return False
    mailbox, _, domain = value.rpartition("@")
    return bool(_MAILBOX.fullmatch(mailbox)) and all(map(_LABEL.fullmatch, domain.split(".")))


def is_url(value: object) -> bool:
    """Whether `value` is an http or https URL with a host, without white space and backslashes."""
    if not isinstance(value, str) or _NOT_IN_URL.search(value):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, a bracket that is not closed
        return False


BOUNDS = frozenset({"min", "max"})
LENGTHS = frozenset({"minLength", "maxLength"})
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


def _moment(noun: str, point: Callable[[Any], Any]) -> ValueType:
    return ValueType(noun, lambda value: point(value) is not None, BOUNDS | _TEXT, point, bound=noun, empty="")


_STRING = ValueType("text", lambda value: type(value) is str, _TEXT, empty="", plain=str)
_INTEGER = ValueType("an integer", lambda value: type(value) is int, BOUNDS, plain=int)
_NUMBER = ValueType("a number", lambda value: as_number(value) is not None, BOUNDS)
_BOOLEAN = ValueType("true or false", lambda value: type(value) is bool, plain=bool)
_ANYTHING = ValueType("a value", lambda _: True, BOUNDS | _TEXT, empty="")
LIST = ValueType("a list", lambda value: type(value) is list, LENGTHS, empty=[])

TYPES: Mapping[str, ValueType] = {
    "string": _STRING,
    "str": _STRING,
    "integer": _INTEGER,
    "int": _INTEGER,
    "number": _NUMBER,
    "float": _NUMBER,
    "boolean": _BOOLEAN,
    "bool": _BOOLEAN,
    "enum": ValueType("a value", lambda _: True, empty=""),
    "date": _moment("a date (YYYY-MM-DD)", as_date),
    "time": _moment("a time (HH:MM or HH:MM:SS)", as_time),
    "datetime": _moment("a date and time (YYYY-MM-DD HH:MM:SS)", as_datetime),
    "email": ValueType("an email address", is_email, _TEXT, empty=""),
    "url": ValueType("an absolute http or https URL", is_url, _TEXT, empty=""),
}
"""The types with a meaning of their own. An `enum` takes its options."""
_ARRAY = re.compile(r"array(?:<(\w+)>|\[(\w+)\]|:(\w+))")


def type_of(name: str) -> tuple[ValueType, bool]:
    """Return the type a schema names, and whether values are lists whose entries have that type.

    `array<T>`, `array[T]` and `array:T` are such lists if T is in `TYPES`. Any other name that begins with `array` is
    a list of anything, any other name at all is anything.
    """
    element = _ARRAY.fullmatch(name)
    if element and element[element.lastindex or 0] in TYPES:
        return TYPES[element[element.lastindex or 0]], True
    return TYPES.get(name, LIST if name.startswith("array") else _ANYTHING), False
