"""Conditions of a form's fields, as data: `showIf` and `requiredIf`. SPEC.md section 5.

One of `{"key": k, "in": [scalars]}`, `{"filled": k}`, `{"all": [...]}`, `{"any": [...]}`, `{"not": condition}`.
The caller looks names up: conditions know neither rows nor groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from handshake_prompt.protocol.errors import InvalidSchemaError

from .field_types import identity, is_scalar

DEPTH = 8
"""Levels of a condition: enough for a choice within a choice within a choice."""
PARTS = 64
"""Parts of a condition, itself included."""
SCALARS = 500
"""Values in an `in`, as many as a form has fields."""

Data = Mapping[str, Any]
"""A condition as it stands in a schema."""


class Names(Protocol):
    """The values of a form as one field sees them."""

    def values(self, name: str) -> tuple[Any, ...]:
        """Return a field's value, the entries of a list, nothing for an empty one or one not shown."""

    def is_filled(self, name: str) -> bool:
        """Whether a field, a rows field or a group has something in it."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition and the names that it reads."""

    names: frozenset[str]
    _holds: Callable[[Names], bool]

    def holds(self, names: Names) -> bool:
        """Whether it is true of some values."""
        return self._holds(names)


def compile_condition(data: object) -> Condition:
    """Compile the untrusted condition of a schema entry.

    Raises:
        InvalidSchemaError: it is none, or goes beyond `DEPTH`, `PARTS` or `SCALARS`.
    """
    compiler = _Compiler()
    holds = compiler.compiled(data, DEPTH)
    return Condition(frozenset(compiler.names), holds)


class _Compiler:
    def __init__(self) -> None:
        self.names: set[str] = set()
        self._room = PARTS

    def compiled(self, data: object, levels: int) -> Callable[[Names], bool]:
        self._room -= 1
        if self._room < 0 or not levels:
            raise InvalidSchemaError(f"a condition has at most {PARTS} parts, {DEPTH} levels deep")
        if not isinstance(data, dict):
            raise InvalidSchemaError("a condition is an object")
        match data:
            case {"key": str(name), "in": list(scalars)}:
                return self._is_in(name, scalars)
            case {"filled": str(name)}:
                self.names.add(name)
                return lambda names: names.is_filled(name)
            case {"all": list(parts)}:
                every = [self.compiled(part, levels - 1) for part in parts]
                return lambda names: all(part(names) for part in every)
            case {"any": list(parts)}:
                some = [self.compiled(part, levels - 1) for part in parts]
                return lambda names: any(part(names) for part in some)
            case {"not": part}:
                negated = self.compiled(part, levels - 1)
                return lambda names: not negated(names)
        raise InvalidSchemaError('a condition has "key" with "in", "filled", "all", "any" or "not"')

    def _is_in(self, name: str, scalars: list[Any]) -> Callable[[Names], bool]:
        if len(scalars) > SCALARS:
            raise InvalidSchemaError(f"a condition lists at most {SCALARS} values")
        if any(isinstance(scalar, list | dict) for scalar in scalars):
            raise InvalidSchemaError("a condition compares with text, numbers, true, false and null")
        self.names.add(name)
        wanted = frozenset(map(identity, scalars))
        return lambda names: any(is_scalar(value) and identity(value) in wanted for value in names.values(name))


# Conditions made from others, simplified where that is obvious


def every(*conditions: Data | None) -> Data | None:
    """Return the condition true where all are; None stands for one always true."""
    parts = list(_distinct(part for one in conditions if one is not None for part in one.get("all", [one])))
    compared = {part["key"] for part in parts if "key" in part}
    parts = [part for part in parts if part.get("filled") not in compared]  # a field with one of some values is filled
    return None if not parts else parts[0] if len(parts) == 1 else {"all": parts}


def some(*conditions: Data | None) -> Data | None:
    """Return the condition true where one is; None stands for one always true."""
    if None in conditions:
        return None
    parts = _merged(list(_distinct(part for one in conditions if one is not None for part in one.get("any", [one]))))
    if any(negated(part) in parts for part in parts):
        return None
    return parts[0] if len(parts) == 1 else {"any": parts}


def negated(condition: Data) -> Data:
    """Return the condition true where another is not."""
    inner: Data | None = condition.get("not")
    return inner if inner is not None else {"not": condition}


def _distinct(parts: Iterator[Data]) -> Iterator[Data]:
    seen: list[Data] = []
    for part in parts:
        if part not in seen:
            seen.append(part)
            yield part


def _merged(parts: list[Data]) -> list[Data]:
    """Make one of the parts that compare the same field."""
    by_key: dict[str, list[Any]] = {}
    merged: list[Data] = []
    for part in parts:
        if "key" not in part:
            merged.append(part)
            continue
        scalars = by_key.get(part["key"])
        if scalars is None:
            by_key[part["key"]] = scalars = []
            merged.append({"key": part["key"], "in": scalars})
        known = set(map(identity, scalars))
        scalars += [scalar for scalar in part["in"] if identity(scalar) not in known]
    return merged
