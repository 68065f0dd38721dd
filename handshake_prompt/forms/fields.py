"""Fields of a form, compiled from the untrusted schema of a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from handshake_prompt.protocol.errors import HandshakeError, InvalidSchemaError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.validation import check_key, check_value

from .constraints import Check, Constraints, CustomType, check_custom, check_type, constraint_checks
from .field_types import BOUNDS, LENGTHS, LIST, TYPES, ValueType, identity, precedes, shown, type_of
from .patterns import MATCH_STEPS, Pattern, Patterns

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


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form; `accepts` is a noun phrase for its values, `options` is empty where any value will do.

    Null clears an optional field and is refused by a required one. The same goes for `""` where a type is written as
    text, and for `[]` in a list: an optional field takes them in spite of its constraints.
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
    plain: Any = field(repr=False)
    """The JSON type the field accepts entirely, if there is one."""
    _many: bool = field(repr=False)
    _pattern: Pattern | None = field(repr=False, compare=False)
    _empty: Any = field(repr=False, compare=False)
    _whole: tuple[Check, ...] = field(repr=False, compare=False)
    _each: tuple[Check, ...] = field(repr=False, compare=False)

    def check(self, value: Any) -> str | None:
        """Return the fault of a value; whether the field may be written at all is decided elsewhere.

        Args:
            value: any JSON value.

        Returns:
            None for an accepted value, else a sentence that names the accepted ones and never repeats the value.
        """
        if not self.required and (value is None or value == self._empty):
            return None
        if value is None:
            return f"expected {self.accepts}, got null"
        for check in self._whole:
            if got := check(value):
                return f"expected {self.accepts}, got {got}"
        if self.cost(value) > MATCH_STEPS:
            return f"expected {self.accepts}, got text that is too long for such a pattern"
        for place, entry in enumerate(self._entries(value), 1):
            for check in self._each:
                if got := check(entry):
                    return f"expected {self.accepts}, got {got}" + (f" as entry {place}" if self._many else "")
        return None

    @property
    def has_pattern(self) -> bool:
        """Whether values are matched with a pattern."""
        return self._pattern is not None

    def cost(self, value: Any) -> int:
        """Return the worst-case steps of matching a value with the field's pattern.

        More than `MATCH_STEPS` are never taken: `check` refuses such a value unmatched.
        """
        return sum(map(self._pattern.cost, self._entries(value))) if self._pattern is not None else 0

    def _entries(self, value: Any) -> Iterable[Any]:
        return value if self._many and type(value) is list else (value,)


def compile_schema(schema: object, limits: Limits, *, custom_type: CustomType | None = None) -> dict[str, Field]:
    """Turn the untrusted `schema` of a new session into fields.

    A type is one of SPEC.md's, any other name accepts anything. `array<T>`, `array[T]` and `array:T` with a known T
    mean the same as T with `multiple`; any other name that begins with `array` takes every list. With `multiple`,
    lengths count entries and all else applies to each entry. Members that are not read here may be anything.

    Args:
        schema: a list of objects, each with a `key`.
        limits: bounds the number of fields, their keys, constraints and patterns.
        custom_type: replaces the built-in check of types (options and constraints still apply). A value it raises
            for, or answers with anything but True, is refused.

    Returns:
        The fields by key, in the schema's order.

    Raises:
        InvalidSchemaError: naming the entry, its fault and the remedy.
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


class _Compiler:
    """Compiler of the entries of one schema; their patterns are bounded together."""

    def __init__(self, limits: Limits, custom_type: CustomType | None) -> None:
        self._limits = limits
        self._custom_type = custom_type
        self._patterns = Patterns(limits)

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
        pattern = self._patterns.compile(constraints.pattern) if constraints.pattern is not None else None
        whole, each = constraint_checks(unit, constraints, options=options, pattern=pattern, many=many)
        is_plain = not (whole or each or many or self._custom_type)
        custom = check_custom(self._custom_type, name, sensitive=sensitive) if self._custom_type else None
        if multiple or custom is None:
            each.insert(0, custom or check_type(unit))
        else:
            whole.insert(0, custom)
        if multiple or (listed and custom is None):
            whole.insert(0, check_type(LIST))
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
            plain=unit.plain if is_plain else None,
            _many=many,
            _pattern=pattern,
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
        return constraints


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
