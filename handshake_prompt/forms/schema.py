"""Compiler of the untrusted schema of a page into fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from handshake_prompt.protocol.errors import HandshakeError, InvalidSchemaError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.validation import check_key, check_value

from .constraints import Check, Constraints, CustomType, check_custom, check_type, constraint_checks
from .description import Description
from .field_types import BOUNDS, LENGTHS, LIST, ROWS, ValueType, identity, precedes, shown, type_of
from .fields import Field
from .keys import joined
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
ROWS_MEMBERS: Mapping[str, tuple[type, str]] = {
    "fields": (list, "a list of fields"),
    "minRows": (int, "a whole number"),
    "maxRows": (int, "a whole number"),
}
"""The members of rows alone."""
RULES = frozenset({"options", *MEMBERS, *ROWS_MEMBERS, *CONSTRAINTS}) - {"fields"}
"""The members that ask something of the values, or of the roles."""
_ROW = "r" * 8
"""Stands for the id of a row, in the length of a cell's key."""


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
        The fields by key, in the schema's order. The fields of rows follow their list, with keys without the ids of
        rows: `lines/amount`.

    Raises:
        InvalidSchemaError: naming the entry, its fault and the remedy.
    """
    if not isinstance(schema, list):
        raise InvalidSchemaError("the schema must be a list of fields, each an object with a key")
    compiler = _Compiler(limits, custom_type)
    compiler.take(schema, "schema")
    return compiler.fields


class _Compiler:
    """Compiler of the entries of one schema; their number and their patterns are bounded together."""

    def __init__(self, limits: Limits, custom_type: CustomType | None) -> None:
        self.fields: dict[str, Field] = {}
        self._limits = limits
        self._custom_type = custom_type
        self._patterns = Patterns(limits)
        self._entries = 0

    def take(self, entries: Sequence[Any], place: str, *, list_key: str = "", row: str = "") -> None:
        """Compile entries, and the entries of rows among them.

        Args:
            entries: of the form or of rows.
            place: their name in an error.
            list_key: the key of the rows, without the ids of others around them.
            row: the beginning of a cell's key, as long as it may be.

        Raises:
            InvalidSchemaError: naming the entry at fault.
        """
        self._entries += len(entries)
        if self._entries > self._limits.fields:
            raise InvalidSchemaError(f"the schema has {self._entries} fields: send at most {self._limits.fields}")
        for index, entry in enumerate(entries):
            try:
                field = self._field(entry, list_key, row)
                if field.key in self.fields:
                    raise InvalidSchemaError(f"the key {shown(field.key)} is used before: give each field its own")
            except HandshakeError as error:
                raise InvalidSchemaError(f"{place}[{index}]: {error.detail}") from None
            self.fields[field.key] = field
            if field.is_rows:
                inside = joined(row, entry["key"], _ROW)
                self.take(entry["fields"], f"{place}[{index}].fields", list_key=field.key, row=inside)

    def _field(self, entry: Any, list_key: str, row: str) -> Field:
        """Return the field of one entry.

        Raises:
            HandshakeError: its fault.
        """
        if not isinstance(entry, dict):
            raise InvalidSchemaError("a field must be an object with a key")
        key = check_key(entry.get("key"), self._limits)
        check_key(joined(row, key), self._limits)
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
        if unit is ROWS:
            _check_rows(entry)
        return Field(
            key=joined(list_key, key),
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
            is_rows=unit is ROWS,
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
        _check_json_types(entry, MEMBERS)
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


def _check_json_types(entry: Mapping[Any, Any], members: Mapping[str, tuple[type, str]]) -> None:
    for member, (shape, phrase) in members.items():
        given = entry.get(member)
        if given is not None and type(given) is not shape:
            raise InvalidSchemaError(f"{member} must be {phrase}: correct it or leave it out")


def _check_rows(entry: Mapping[Any, Any]) -> None:
    _check_json_types(entry, ROWS_MEMBERS)
    if not entry.get("fields"):
        raise InvalidSchemaError('rows need "fields", the entries of each row')
    least, most = entry.get("minRows") or 0, entry.get("maxRows")
    if least < 0 or (most is not None and most < least):
        raise InvalidSchemaError("minRows must not be negative, nor above maxRows")
    if entry.get("multiple") is True:
        raise InvalidSchemaError("multiple means nothing for rows: leave it out")


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
