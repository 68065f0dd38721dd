"""Compiler of the untrusted schema of a page into fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from handshake_prompt.protocol.errors import HandshakeError, InvalidSchemaError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.validation import check_key, check_value

from .constraints import Check, Constraints, CustomType, check_custom, check_type, constraint_checks
from .description import Description
from .field_types import BOUNDS, LENGTHS, LIST, ValueType, identity, precedes, shown, type_of
from .fields import Field
from .patterns import Patterns

MEMBERS: Mapping[str, tuple[type, str]] = {
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

CONSTRAINTS = ("min", "max", "minLength", "maxLength", "pattern")
"""In the order of `Constraints`."""
RULES = frozenset({"options", *MEMBERS, *CONSTRAINTS})
"""The members that ask something of the values, or of the roles."""


class _Options(NamedTuple):
    """The values of a field's options, each once, and their labels; None for an option without."""

    values: tuple[Any, ...] = ()
    labels: tuple[Any, ...] = ()


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
        """Return the field of one entry.

        Raises:
            HandshakeError: its fault.
        """
        if not isinstance(entry, dict):
            raise InvalidSchemaError("a field must be an object with a key")
        key = check_key(entry.get("key"), self._limits)
        self._check_members(entry)
        name = "string" if entry.get("type") is None else entry["type"]
        unit, listed = type_of(name, has_options=bool(entry.get("options")))
        multiple = entry.get("multiple") is True
        many = multiple or listed
        options = self._read_options(entry) if unit.chooses else _Options()
        constraints = _read_constraints(entry, unit, many=many)
        pattern = self._patterns.compile(constraints.pattern) if constraints.pattern is not None else None
        whole, each = constraint_checks(unit, constraints, options=options.values, pattern=pattern, many=many)
        is_plain = not (whole or each or many or self._custom_type)
        self._add_type_checks(entry, unit, name, whole=whole, each=each, multiple=multiple, listed=listed)
        return Field(
            key=key,
            type=name,
            required=entry.get("required") is True,
            sensitive=entry.get("sensitive") is True,
            read_only=entry.get("readOnly") is True,
            multiple=multiple,
            options=options.values,
            constraints=constraints,
            plain=unit.plain if is_plain else None,
            _description=Description(unit, constraints, *options, entry.get("example"), many),
            _pattern=pattern,
            _empty=[] if many else unit.empty,
            _whole=tuple(whole),
            _each=tuple(each),
            _accepts=unit.accepts if self._custom_type is None else None,
        )

    def _add_type_checks(
        self,
        entry: Mapping[str, Any],
        unit: ValueType,
        name: str,
        *,
        whole: list[Check],
        each: list[Check],
        multiple: bool,
        listed: bool,
    ) -> None:
        """Put the checks of the type ahead of the others; the host's sees arrays whole, and entries of `multiple`."""
        if self._custom_type is None:
            each.insert(0, check_type(unit))
        else:
            custom = check_custom(self._custom_type, name, sensitive=entry.get("sensitive") is True)
            (each if multiple else whole).insert(0, custom)
        if multiple or (listed and self._custom_type is None):
            whole.insert(0, check_type(LIST))

    def _check_members(self, entry: Mapping[Any, Any]) -> None:
        for member, (shape, phrase) in MEMBERS.items():
            given = entry.get(member)
            if given is not None and type(given) is not shape:
                raise InvalidSchemaError(f"{member} must be {phrase}: correct it or leave it out")
        for member in ("type", "example", *CONSTRAINTS):
            if entry.get(member) is None:
                continue
            try:
                check_value(entry[member], self._limits)
            except HandshakeError as error:
                raise InvalidSchemaError(f"{member}: {error.detail}") from None

    def _read_options(self, entry: Mapping[Any, Any]) -> _Options:
        given = entry.get("options")
        if given is None:
            return _Options()
        if not isinstance(given, list):
            raise InvalidSchemaError('options must be a list of values, or of objects with a "value"')
        check_value(given, self._limits)
        if any(isinstance(option, dict) and "value" not in option for option in given):
            raise InvalidSchemaError('an option that is an object must have a "value"')
        values = [option["value"] if isinstance(option, dict) else option for option in given]
        if any(isinstance(value, list | dict) for value in values):
            raise InvalidSchemaError("an option must be text, a number, true, false or null")
        labels = [option.get("label") if isinstance(option, dict) else None for option in given]
        options = {identity(value): (value, label) for value, label in zip(values, labels, strict=True)}
        return _Options(*zip(*options.values(), strict=True)) if options else _Options()


def _read_constraints(entry: Mapping[Any, Any], unit: ValueType, *, many: bool) -> Constraints:
    given = Constraints(*map(entry.get, CONSTRAINTS))
    for member, constraint in zip(CONSTRAINTS, given, strict=True):
        if constraint is None:
            continue
        if member not in unit.constraints and not (many and member in LENGTHS):
            raise InvalidSchemaError(f"{member} means nothing for this type: leave it out")
        if member in BOUNDS and unit.point(constraint) is None:
            raise InvalidSchemaError(f"{member} must be {unit.bound}: correct it or leave it out")
        if member in LENGTHS and constraint < 0:
            raise InvalidSchemaError(f"{member} must not be negative")
    return _in_order(_with_defaults(given, unit), unit)


def _with_defaults(given: Constraints, unit: ValueType) -> Constraints:
    """Return the constraints with the type's own bounds where there are none; HTML's bounds give way to given ones."""
    low = unit.low if given.min is None else given.min
    high = unit.high if given.max is None else given.max
    if given.max is None and high is not None and low > high:
        high = low
    if given.min is None and low is not None and low > high:
        low = high
    return given._replace(min=low, max=high)


def _in_order(constraints: Constraints, unit: ValueType) -> Constraints:
    low, high = unit.point(constraints.min), unit.point(constraints.max)
    if low is not None and high is not None and precedes(high, low):
        raise InvalidSchemaError("min must not be above max")
    if constraints.max_length is not None and (constraints.min_length or 0) > constraints.max_length:
        raise InvalidSchemaError("minLength must not be above maxLength")
    return constraints
