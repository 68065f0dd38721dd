"""What a form's fields accept: the schema a page sends, compiled into typed values that check other values."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import re2

from handshake_prompt.errors import HandshakeError, InvalidSchemaError
from handshake_prompt.limits import Limits
from handshake_prompt.values import (
    BOUNDS,
    LENGTHS,
    LIST,
    TYPES,
    ValueType,
    check_key,
    check_value,
    identity,
    kind,
    precedes,
    shown,
    type_of,
)

CustomType = Callable[[Any, str], bool]
"""The host's own check of types: given a value and the type's name, it answers exactly True or False."""

_Check = Callable[[Any], str | None]
"""None for a value that is accepted, else what it is instead, in words that never repeat it."""

_log = logging.getLogger(__name__)

_PATTERN_PROGRAM = 2_500
"""Instructions in a compiled pattern: enough for `.{0,255}` or for two classes of Unicode letters."""
_PATTERN_STEPS = 2_000_000
"""Instructions times bytes of text, some 10 ns each at worst: a short pattern takes any text, a long one 800 bytes."""
_PATTERNS = 8
"""Times `pattern_chars`, for a schema's different patterns together: the worst take 50 ms each to compile."""
_PATTERN_OPTIONS = re2.Options()
_PATTERN_OPTIONS.max_mem = 256 * 1024  # bytes; with the default of 8 MiB, 500 characters can compile for seconds
_PATTERN_OPTIONS.log_errors = False
_PATTERN_OPTIONS.never_capture = True

_SHOWN_OPTIONS = 20
"""In a message; an agent has the whole list in the schema."""

_MEMBERS: Mapping[str, tuple[type, str]] = {
    "type": (str, "text"),
    "required": (bool, "true or false"),
    "sensitive": (bool, "true or false"),
    "readOnly": (bool, "true or false"),
    "multiple": (bool, "true or false"),
    "minLength": (int, "a whole number"),
    "maxLength": (int, "a whole number"),
    "pattern": (str, "text"),
}
"""The members with one JSON type; null counts as left out. `min`, `max` and `options` depend on the field's type."""

_CONSTRAINTS = ("min", "max", "minLength", "maxLength", "pattern")
"""In the order of `Constraints`."""


class Constraints(NamedTuple):
    """The bounds a schema entry names, as it names them; None where it names none."""

    min: Any = None
    max: Any = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form; `accepts` says in words what it takes, `options` is empty when any value will do.

    Null clears an optional field and is refused by a required one. The same goes for `""` where a type is written as
    text, and for `[]` in a list: an optional field takes them whatever its constraints say.
    """

    key: str
    type: str
    required: bool
    sensitive: bool
    read_only: bool
    multiple: bool
    options: tuple[Any, ...]
    constraints: Constraints
    accepts: str
    _many: bool = field(repr=False)
    _empty: Any = field(repr=False, compare=False)
    _whole: tuple[_Check, ...] = field(repr=False, compare=False)
    _each: tuple[_Check, ...] = field(repr=False, compare=False)

    def check(self, value: Any) -> str | None:
        """Say what is wrong with a value; whether the field may be written at all is decided elsewhere.

        Args:
            value: any JSON value.

        Returns:
            None when it is accepted, else a sentence that says what is; it never repeats the value.
        """
        if not self.required and (value is None or value == self._empty):
            return None
        if value is None:
            return f"expected {self.accepts}, got null"
        for check in self._whole:
            if got := check(value):
                return f"expected {self.accepts}, got {got}"
        for place, entry in enumerate(value if self._many and type(value) is list else (value,), 1):
            for check in self._each:
                if got := check(entry):
                    return f"expected {self.accepts}, got {got}" + (f" as entry {place}" if self._many else "")
        return None


def compile_schema(schema: object, limits: Limits, *, custom_type: CustomType | None = None) -> dict[str, Field]:
    """Turn the untrusted `schema` of a new session into fields.

    A type is one of SPEC.md's, any other name accepts anything. `array<T>`, `array[T]` and `array:T` with a known T
    mean the same as T with `multiple`; any other name that begins with `array` takes every list. With `multiple`,
    lengths count entries and all else applies to each entry. Members that are not read here may be anything.

    Args:
        schema: what arrived: a list of objects, each with a `key`.
        limits: bounds the number of fields, their keys, constraints and patterns.
        custom_type: replaces the built-in check of types (options and constraints still apply). A value it raises
            for, or answers with anything but True, is refused.

    Returns:
        The fields by key, in the schema's order.

    Raises:
        InvalidSchemaError: naming the entry, what is wrong with it and what to do.
    """
    if not isinstance(schema, list):
        raise InvalidSchemaError("the schema must be a list of fields, each an object with a key")
    if len(schema) > limits.fields:
        raise InvalidSchemaError(f"the schema has {len(schema)} fields: send at most {limits.fields}")
    compiler = _Compiler(limits, custom_type)
    fields: dict[str, Field] = {}
    for index, entry in enumerate(schema):
        try:
            compiled = compiler.field(entry)
            if compiled.key in fields:
                raise InvalidSchemaError(f"the key {shown(compiled.key)} is used before: give each field its own")
        except HandshakeError as error:
            raise InvalidSchemaError(f"schema[{index}]: {error.detail}") from None
        fields[compiled.key] = compiled
    return fields


def missing(fields: Mapping[str, Field], values: Mapping[str, Any]) -> list[str]:
    """Return the keys of required fields that have no value, in the schema's order.

    Args:
        fields: a compiled schema.
        values: the form's values by key; null, `""`, `[]`, `{}` and an absent key are no value.
    """
    found = ((one.key, values.get(one.key)) for one in fields.values() if one.required)
    return [key for key, value in found if value is None or (isinstance(value, str | list | dict) and not value)]


class _Compiler:
    """Compiles the entries of one schema, whose patterns are bounded together."""

    def __init__(self, limits: Limits, custom_type: CustomType | None) -> None:
        self._limits = limits
        self._custom_type = custom_type
        self._patterns: set[str] = set()

    def field(self, entry: Any) -> Field:
        if not isinstance(entry, dict):
            raise InvalidSchemaError("a field must be an object with a key")
        key = check_key(entry.get("key"), self._limits)
        self._check_members(entry)
        name = "string" if entry.get("type") is None else entry["type"]
        unit, listed = type_of(name)
        multiple = entry.get("multiple") is True
        many = multiple or listed
        sensitive = entry.get("sensitive") is True
        options = self._read_options(entry) if unit is TYPES["enum"] else ()
        constraints = self._read_constraints(entry, unit, many=many)
        whole, each = _constraint_checks(unit, constraints, options, many=many)
        custom = _check_custom(self._custom_type, name, sensitive=sensitive) if self._custom_type else None
        if multiple or custom is None:
            each.insert(0, custom or _check_type(unit))
        else:
            whole.insert(0, custom)
        if multiple or (listed and custom is None):
            whole.insert(0, _check_type(LIST))
        return Field(
            key=key,
            type=name,
            required=entry.get("required") is True,
            sensitive=sensitive,
            read_only=entry.get("readOnly") is True,
            multiple=multiple,
            options=options,
            constraints=constraints,
            accepts=_describe(unit, constraints, options, many=many),
            _many=many,
            _empty=[] if many else unit.empty,
            _whole=tuple(whole),
            _each=tuple(each),
        )

    def _check_members(self, entry: dict[Any, Any]) -> None:
        for member, (shape, phrase) in _MEMBERS.items():
            given = entry.get(member)
            if given is not None and type(given) is not shape:
                raise InvalidSchemaError(f"{member} must be {phrase}: correct it or leave it out")
        for member in ("type", *_CONSTRAINTS):
            try:
                check_value(entry.get(member), self._limits)
            except HandshakeError as error:
                raise InvalidSchemaError(f"{member}: {error.detail}") from None

    def _read_options(self, entry: dict[Any, Any]) -> tuple[Any, ...]:
        given = entry.get("options")
        if given is None:
            return ()
        if not isinstance(given, list):
            raise InvalidSchemaError('options must be a list of values, or of objects with a "value"')
        options: dict[tuple[bool, Any], Any] = {}
        for option in given:
            if isinstance(option, dict) and "value" not in option:
                raise InvalidSchemaError('an option that is an object must have a "value"')
            value = option["value"] if isinstance(option, dict) else option
            if isinstance(value, list | dict):
                raise InvalidSchemaError("an option must be text, a number, true, false or null")
            check_value(value, self._limits)
            options[identity(value)] = value
        return tuple(options.values())

    def _read_constraints(self, entry: dict[Any, Any], unit: ValueType, *, many: bool) -> Constraints:
        constraints = Constraints(*map(entry.get, _CONSTRAINTS))
        for member, given in zip(_CONSTRAINTS, constraints, strict=True):
            if given is None:
                continue
            if member not in unit.constraints and not (many and member in LENGTHS):
                raise InvalidSchemaError(f"{member} means nothing for this type: leave it out")
            if member in BOUNDS and unit.point(given) is None:
                raise InvalidSchemaError(f"{member} must be {unit.bound}: correct it or leave it out")
            if member in LENGTHS and given < 0:
                raise InvalidSchemaError(f"{member} must not be negative")
        low, high = unit.point(constraints.min), unit.point(constraints.max)
        if low is not None and high is not None and precedes(high, low):
            raise InvalidSchemaError("min must not be above max")
        if constraints.max_length is not None and (constraints.min_length or 0) > constraints.max_length:
            raise InvalidSchemaError("minLength must not be above maxLength")
        if constraints.pattern is not None:
            self._check_pattern(constraints.pattern)
        return constraints

    def _check_pattern(self, pattern: str) -> None:
        if len(pattern) > self._limits.pattern_chars:
            raise InvalidSchemaError(f"pattern must not exceed {self._limits.pattern_chars} characters")
        self._patterns.add(pattern)
        if sum(map(len, self._patterns)) > _PATTERNS * self._limits.pattern_chars:
            raise InvalidSchemaError("the schema's patterns are too long in all: shorten, share or drop some")
        try:
            compiled = _compiled(pattern)
        except re2.error:
            raise InvalidSchemaError(
                "pattern is not one that RE2 takes: lookaround and backreferences are not supported, nor are counts"
                " above 1000; to bound the length use maxLength"
            ) from None
        if compiled.programsize > _PATTERN_PROGRAM:
            raise InvalidSchemaError("pattern is too costly: lower its counts, or bound the length with maxLength")


def _constraint_checks(
    unit: ValueType, constraints: Constraints, options: tuple[Any, ...], *, many: bool
) -> tuple[list[_Check], list[_Check]]:
    """Return the checks of the whole value and those of each entry; without `many` the value is its only entry."""
    low, high, shortest, longest, pattern = constraints
    whole: list[_Check] = []
    each: list[_Check] = []
    if shortest is not None or longest is not None:
        # Before the pattern, so that maxLength also bounds what matching costs.
        (whole if many else each).append(_check_length(shortest or 0, longest))
    if low is not None or high is not None:
        each.append(_check_bounds(unit.point, unit.point(low), unit.point(high)))
    if options:
        each.append(_check_options(options))
    if options and many:
        whole.append(_check_distinct)
    if pattern is not None:
        each.append(_check_pattern(pattern))
    return whole, each


def _check_type(unit: ValueType) -> _Check:
    def check(value: Any) -> str | None:
        if unit.accepts(value):
            return None
        return "other text" if isinstance(value, str) and unit.empty == "" else kind(value)

    return check


def _check_custom(custom_type: CustomType, name: str, *, sensitive: bool) -> _Check:
    def check(value: Any) -> str | None:
        try:
            verdict: object = custom_type(value, name)
        except Exception as error:  # noqa: BLE001 - here the host's code runs
            # The text of the host's exception may quote the value, and a sensitive one may not be logged.
            trace = "".join(traceback.format_tb(error.__traceback__)) if sensitive else traceback.format_exc()
            _log.error("the validator raised %s for type %r\n%s", type(error).__name__, name, trace)
            return "a value the server could not check"
        if verdict is True:
            return None
        if verdict is not False:
            _log.error("the validator answered %s for type %r, not True or False", type(verdict).__name__, name)
        return "another value"

    return check


def _check_length(shortest: int, longest: int | None) -> _Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, str | list):
            return None
        if len(value) < shortest:
            return f"{kind(value)} that is shorter"
        return f"{kind(value)} that is longer" if longest is not None and len(value) > longest else None

    return check


def _check_bounds(point: Callable[[Any], Any], low: Any, high: Any) -> _Check:
    def check(value: Any) -> str | None:
        found = point(value)
        if found is None:
            return None
        if low is not None and precedes(found, low):
            return "a value below that"
        return "a value above that" if high is not None and precedes(high, found) else None

    return check


def _check_options(options: tuple[Any, ...]) -> _Check:
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


def _check_pattern(pattern: str) -> _Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, str):
            return None
        try:
            text = value.encode()
        except UnicodeEncodeError:
            return "text that is not valid Unicode"
        compiled = _compiled(pattern)
        if compiled.programsize * len(text) > _PATTERN_STEPS:
            return "text that is too long for such a pattern"
        return None if compiled.fullmatch(text) else "text that does not match"

    return check


@lru_cache(maxsize=128)
def _compiled(pattern: str) -> Any:
    # Fields keep the text alone, so this bounds what the patterns of all sessions take: 32 MiB.
    return re2.compile(pattern, _PATTERN_OPTIONS)


def _describe(unit: ValueType, constraints: Constraints, options: tuple[Any, ...], *, many: bool) -> str:
    low, high, shortest, longest, pattern = constraints
    lengths = _between(shortest, longest, " entries" if many or unit is LIST else " characters")
    one = "one of " + ", ".join(map(shown, options[:_SHOWN_OPTIONS])) if options else unit.noun
    if len(options) > _SHOWN_OPTIONS:
        one += f" or {len(options) - _SHOWN_OPTIONS} more"
    one += _between(low, high) + ("" if many else lengths)
    if pattern is not None:
        one += f" matching the pattern {shown(pattern)}"
    return f"a list{lengths} of which each is {one}" if many else one


def _between(low: Any, high: Any, unit: str = "") -> str:
    if low is not None and high is not None:
        return f" between {low} and {high}{unit}"
    if low is not None:
        return f" of at least {low}{unit}"
    return f" of at most {high}{unit}" if high is not None else ""
