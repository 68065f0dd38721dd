"""Reader of one entry of an untrusted schema: its members, type and constraints, made into a field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from handshake_prompt.protocol.errors import HandshakeError, InvalidSchemaError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.validation import check_schema

from .constraints import (
    Check,
    Constraints,
    CustomType,
    check_custom,
    check_type,
    constraint_checks,
    option_checks,
)
from .description import Description
from .embedded import EmbeddedSchema, EmbeddedSchemas
from .field_types import BOUNDS, JSON, LENGTHS, LIST, ROWS, STRING, ValueType, precedes, type_of, type_of_any
from .fields import Field, Unchecked
from .implied import PERSON
from .options import Options, read_options
from .patterns import Pattern, Patterns, UnknownPatternError

Shape = tuple[type | tuple[type, ...], str]
"""The JSON type of a member, and its name in a sentence."""

_FLAG: Shape = (bool, "true or false")
_COUNT: Shape = (int, "a whole number")
MEMBERS: Mapping[str, Shape] = {
    "type": ((str, list), "text or a list of texts"),
    **dict.fromkeys(("required", "sensitive", "readOnly", "multiple", "nullable", "unique", "repeats"), _FLAG),
    **dict.fromkeys(("open", "lookup", "computed", "blank"), _FLAG),
    "minLength": _COUNT,
    "maxLength": _COUNT,
    "pattern": (str, "text"),
    "each": (dict, "an object with minLength and maxLength"),
}
"""The members with one JSON type; null counts as left out. `min`, `max` and `options` depend on the field's type."""
ROWS_MEMBERS: Mapping[str, Shape] = {
    "fields": (list, "a list of fields"),
    "minRows": _COUNT,
    "maxRows": _COUNT,
}
"""The members of rows alone."""

ORDER = {"min": "min", "max": "max", "exclusiveMin": "exclusive_min", "exclusiveMax": "exclusive_max"}
"""The members that are bounds, and their names in `Constraints`."""
RULES = frozenset(
    {*MEMBERS, *ORDER, "step", "options", "minRows", "maxRows", "showIf", "requiredIf", "by"}
    - {"computed", "open", "lookup"}
)
"""The members that ask something of the values, or of the roles."""
_READ = ("type", "example", *ORDER, "step", "minLength", "maxLength", "pattern")
"""The members that are looked into, so that they have to be JSON within the limits."""
_TYPES = 8
"""Types that a field has at most."""


_MARKS = {
    "required": "required",
    "sensitive": "sensitive",
    "readOnly": "read_only",
    "computed": "computed",
    "nullable": "nullable",
    "blank": "blank",
    "multiple": "multiple",
    "open": "is_open",
}
"""Members of an entry that are marks of the field, and their names there."""


class _Kind(NamedTuple):
    """The type of a field's values: its names, the type itself, and whether they are lists of it, by name or mark."""

    names: tuple[str, ...]
    unit: ValueType
    listed: bool
    multiple: bool

    @property
    def many(self) -> bool:
        return self.listed or self.multiple


class EntryReader:
    """Reader of the entries of one schema; their patterns and embedded schemas are bounded together."""

    def __init__(self, limits: Limits, custom_type: CustomType | None) -> None:
        self._limits = limits
        self._custom_type = custom_type
        self._patterns = Patterns(limits)
        self._embedded = EmbeddedSchemas()

    def field(self, entry: Mapping[Any, Any], key: str) -> Field:
        """Return the field of an entry.

        Args:
            entry: any JSON object.
            key: of the field, without the ids of rows.

        Raises:
            HandshakeError: the entry's fault.
        """
        self._check_members(entry)
        kind = _kind(entry)
        options = read_options(entry) if kind.unit.chooses and entry.get("lookup") is not True else Options()
        constraints = _read_constraints(entry, kind)
        pattern, unchecked = self._pattern(constraints.pattern)
        embedded = self._schema(entry, kind.unit)
        whole, each = _checks(entry, kind, constraints, options=options, pattern=pattern)
        is_plain = not (whole or each or kind.many or embedded or self._custom_type)
        self._add_type_checks(entry, kind, whole, each)
        return Field(
            key=key,
            type=kind.names[0] if len(kind.names) == 1 else kind.names,
            **{name: entry.get(member) is True for member, name in _MARKS.items()},
            by_person=entry.get("by") == PERSON,
            is_guarded=entry.get("readOnly") is True or entry.get("by") == PERSON,
            is_rows=kind.unit is ROWS,
            choices=options,
            constraints=constraints,
            embedded=embedded,
            unchecked=unchecked if embedded is None or embedded.is_checked else _NOT_INSTALLED,
            plain=kind.unit.plain if is_plain else None,
            _description=Description(
                kind.unit,
                constraints,
                options,
                entry.get("example"),
                many=kind.many,
                is_open=entry.get("open") is True,
                nullable=entry.get("nullable") is True,
            ),
            _pattern=pattern,
            _empty=None if entry.get("blank") is False else [] if kind.many else kind.unit.empty,
            _whole=tuple(whole),
            _each=tuple(each),
            _accepts=kind.unit.accepts if self._custom_type is None else None,
        )

    def _schema(self, entry: Mapping[Any, Any], unit: ValueType) -> EmbeddedSchema | None:
        return self._embedded.of(entry["schema"]) if unit is JSON and entry.get("schema") is not None else None

    def _pattern(self, text: str | None) -> tuple[Pattern | None, Unchecked | None]:
        """Return the compiled pattern of a field; or none, and that values are not matched with it."""
        if text is None:
            return None, None
        try:
            return self._patterns.compile(text), None
        except UnknownPatternError as error:
            return None, Unchecked("pattern", f"the page alone checks this pattern: {error.detail}")

    def _add_type_checks(self, entry: Mapping[str, Any], kind: _Kind, whole: list[Check], each: list[Check]) -> None:
        """Put the checks of the type ahead of the others; the host's sees arrays whole, and entries of `multiple`."""
        if self._custom_type is None:
            each.insert(0, check_type(kind.unit))
        else:
            custom = check_custom(self._custom_type, kind.names, sensitive=entry.get("sensitive") is True)
            (each if kind.multiple else whole).insert(0, custom)
        if kind.multiple or (kind.listed and self._custom_type is None):
            whole.insert(0, check_type(LIST))

    def _check_members(self, entry: Mapping[Any, Any]) -> None:
        _check_json_types(entry, MEMBERS)
        for member in (*_READ, "options"):
            if entry.get(member) is None:
                continue
            try:
                check_schema([{member: entry[member]}], self._limits)
            except HandshakeError as error:
                raise InvalidSchemaError(f"{member}: {error.detail}") from None


_NOT_INSTALLED = Unchecked("schema", "values are not checked with it: the server lacks handshake-prompt[forms]")


def _check_json_types(entry: Mapping[Any, Any], members: Mapping[str, Shape]) -> None:
    for member, (shape, phrase) in members.items():
        given = entry.get(member)
        if given is not None and type(given) is not shape and not (isinstance(shape, tuple) and type(given) in shape):
            raise InvalidSchemaError(f"{member} must be {phrase}: correct it or leave it out")


# Types


def _type_names(entry: Mapping[Any, Any]) -> tuple[str, ...]:
    given = entry.get("type")
    if given is None:
        return ("string",)
    if isinstance(given, str):
        return (given,)
    if not 0 < len(given) <= _TYPES or any(type(name) is not str for name in given):
        raise InvalidSchemaError(f"type must be text or a list of 1 to {_TYPES} texts: correct it or leave it out")
    return tuple(given)


def _kind(entry: Mapping[Any, Any]) -> _Kind:
    names, has_options = _type_names(entry), bool(entry.get("options"))
    if len(names) == 1:
        unit, listed = type_of(names[0], has_options=has_options)
    else:
        unit, listed = type_of_any(names, has_options=has_options), False
    if unit is ROWS:
        _check_rows(entry)
    elif ROWS in unit.parts or (listed and unit in (ROWS, JSON)):
        raise InvalidSchemaError('"rows" is a type by itself, and so is "json" with lists of it: use it alone')
    return _Kind(names, unit, listed, multiple=entry.get("multiple") is True)


def _check_rows(entry: Mapping[Any, Any]) -> None:
    _check_json_types(entry, ROWS_MEMBERS)
    if not entry.get("fields"):
        raise InvalidSchemaError('rows need "fields", the entries of each row')
    least, most = entry.get("minRows") or 0, entry.get("maxRows")
    if least < 0 or (most is not None and most < least):
        raise InvalidSchemaError("minRows must not be negative, nor above maxRows")
    if entry.get("multiple") is True:
        raise InvalidSchemaError("multiple means nothing for rows: leave it out")


# Constraints


def _checks(
    entry: Mapping[Any, Any], kind: _Kind, constraints: Constraints, *, options: Options, pattern: Pattern | None
) -> tuple[list[Check], list[Check]]:
    """Return the checks of a whole value and of each entry, an option's ahead of the others."""
    whole, each = constraint_checks(kind.unit, constraints, pattern=pattern, many=kind.many)
    if not options.values:
        return whole, each
    repeats, is_open = entry.get("repeats") is True, entry.get("open") is True
    of_whole, of_each = option_checks(options, is_open=is_open, many=kind.many, repeats=repeats)
    return [*whole, *of_whole], [*of_each, *each]


def _read_constraints(entry: Mapping[Any, Any], kind: _Kind) -> Constraints:
    unit, many = kind.unit, kind.many
    is_open = unit.chooses and entry.get("open") is True
    allowed = unit.constraints | (STRING.constraints if is_open else frozenset())
    for member in (*BOUNDS, *LENGTHS, "pattern"):
        if entry.get(member) is not None and member not in allowed and not (many and member in LENGTHS):
            raise InvalidSchemaError(f"{member} means nothing for this type: leave it out")
    has_order = bool(allowed & BOUNDS)
    order = {name: entry.get(member) for member, name in ORDER.items()} if has_order else {}
    for member in ORDER if has_order else ():
        if entry.get(member) is not None and all(part.point(entry[member]) is None for part in unit.each):
            raise InvalidSchemaError(f"{member} must be {unit.bound}: correct it or leave it out")
    each = entry.get("each") or {} if many else {}
    lengths = {
        "min_length": _length(entry, "minLength"),
        "max_length": _length(entry, "maxLength"),
        "each_min_length": _length(each, "minLength"),
        "each_max_length": _length(each, "maxLength"),
    }
    if _exceeds(lengths["min_length"], lengths["max_length"]) or _exceeds(
        lengths["each_min_length"], lengths["each_max_length"]
    ):
        raise InvalidSchemaError("minLength must not be above maxLength")
    given = Constraints(
        **order,
        **lengths,
        pattern=entry.get("pattern"),
        step=_step(entry) if has_order else None,
        format=_format(entry, allowed),
        unique=entry.get("unique") is True and (many or LIST in unit.each),
    )
    return _in_order(_with_defaults(given, unit), unit)


def _length(members: Mapping[Any, Any], name: str) -> int | None:
    length = members.get(name)
    if length is not None and type(length) is not int:
        raise InvalidSchemaError(f"{name} must be a whole number: correct it or leave it out")
    if length is not None and length < 0:
        raise InvalidSchemaError(f"{name} must not be negative")
    return length


def _exceeds(low: int | None, high: int | None) -> bool:
    return high is not None and (low or 0) > high


def _step(entry: Mapping[Any, Any]) -> float | None:
    step = entry.get("step")
    if step is None or step == "any":  # as HTML says that there is none
        return None
    if type(step) not in (int, float) or step <= 0:
        raise InvalidSchemaError('step must be a number above 0, or "any": correct it or leave it out')
    found: float = step
    return found


def _format(entry: Mapping[Any, Any], allowed: frozenset[str]) -> str | None:
    name = entry.get("format")
    return name if isinstance(name, str) and "pattern" in allowed else None


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
    for part in unit.each:
        low, high = part.point(constraints.min), part.point(constraints.max)
        if low is not None and high is not None and precedes(high, low):
            raise InvalidSchemaError("min must not be above max")
    return constraints
