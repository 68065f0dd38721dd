"""Conditions from schemas: when the object that an `if` looks at satisfies it, in the words of `showIf`.

Only comparisons with constants and the presence of members can be said. For anything else there is no condition, and
the fields that depend on it are always shown. A member with an empty value, null aside, is as good as none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from handshake_prompt.forms.conditions import SCALARS, Data, every, negated, some
from handshake_prompt.forms.keys import escaped, joined

from .dialect import Schema, Schemas
from .view import View, Views

Inner = Callable[[Schema, int], Data | None]
"""Gives the condition of a part of a schema, within so many levels."""
Members = Callable[[str], View]
"""Gives the view of a member by its name; of one that nobody describes, that of anything."""
NEVER: Data = {"any": []}
_SAID = frozenset({"properties", "required", "allOf", "anyOf", "oneOf", "not", "enum", "const", "contains", "$ref"})
_IGNORED = frozenset({"title", "description", "default", "examples", "readOnly", "writeOnly", "enumNames", "format"})
_LEVELS = 6


class UnsaidError(Exception):
    """No condition is equivalent to a schema."""


class Truth:
    """The conditions of one document's schemas."""

    def __init__(self, schemas: Schemas, views: Views) -> None:
        self._schemas = schemas
        self._views = views

    def of(self, schema: Schema, group: str, member: Members) -> Data | None:
        """Return when the object with a group's key satisfies a schema; None is always.

        Args:
            schema: the question about it.
            group: its key.
            member: gives the views of its members.

        Raises:
            UnsaidError: no condition says it.
        """
        return self._object(schema, group, member, _LEVELS)

    def _object(self, schema: Schema, group: str, member: Members, levels: int) -> Data | None:
        if isinstance(schema, bool):
            return None if schema else NEVER
        if not levels:
            raise UnsaidError
        types = schema.get("type", ["object"])
        if "object" not in types or not (_SAID | _IGNORED | {"type"}) >= schema.keys():
            raise UnsaidError
        if {"enum", "const", "contains"} & schema.keys():
            raise UnsaidError
        required = set(schema.get("required", ()))
        parts = list(self._combined(schema, levels, lambda part, deeper: self._object(part, group, member, deeper)))
        for name, inner in schema.get("properties", {}).items():
            key, view = joined(group, escaped(name)), member(name)
            there, present = self._value(inner, view, key, levels - 1), presence(key, view)
            if name in required and _names_blank(inner):
                raise UnsaidError  # an empty text is as good as none
            if _holds_of_nothing(there) is (name in required):
                there = every(present, there) if name in required else some(negated(present), there)
            parts.append(there)
        alone = [name for name in schema.get("required", ()) if name not in schema.get("properties", {})]
        parts += [presence(joined(group, escaped(name)), member(name)) for name in alone]
        return every(*parts)

    def _value(self, schema: Schema, view: View, key: str, levels: int) -> Data | None:
        """Return when a member that is there satisfies a schema; None is always."""
        if isinstance(schema, bool):
            return None if schema else NEVER
        if not levels:
            raise UnsaidError
        if "properties" in schema or "required" in schema:
            there = self._object(schema, key, partial(self._member, view), levels)
            if _names_null(there):
                raise UnsaidError  # an object with nothing but nulls in it may be none
            return there
        words = schema.keys() - _IGNORED - {"type", "minLength", "minItems"}
        if not words <= _SAID or max(schema.get("minLength", 0), schema.get("minItems", 0)) > 1:
            raise UnsaidError
        types = self._views.types(view)
        if not words:
            return _is_of_type(set(schema.get("type", ())), types, key, is_nullable=view.is_nullable)
        parts = list(self._combined(schema, levels, lambda part, deeper: self._value(part, view, key, deeper)))
        named = [schema["enum"]] if "enum" in schema else []
        named += [[schema["const"]]] if "const" in schema else []
        if named and "array" in types:
            raise UnsaidError  # a condition looks at the entries of a list, not at the list
        parts += [_is_one_of(values, key) for values in named]
        if "contains" in schema:
            parts.append(_has_one_of(schema["contains"], types, key))
        return every(*parts)

    def _member(self, view: View, name: str) -> View:
        if self._views.types(view) != {"object"} or name not in view.words.get("properties", {}):
            raise UnsaidError
        return self._views.or_any(view.words["properties"][name], view.path)

    def _combined(self, schema: dict[str, Any], levels: int, inner: Inner) -> Iterator[Data | None]:
        if "$ref" in schema:
            yield inner(self._schemas.targets[schema["$ref"]], levels - 1)
        for part in schema.get("allOf", ()):
            yield inner(part, levels - 1)
        if "anyOf" in schema:
            yield some(*(inner(part, levels - 1) for part in schema["anyOf"]))
        if "oneOf" in schema:
            yield _one_of([inner(part, levels - 1) for part in schema["oneOf"]])
        if "not" in schema:
            part = inner(schema["not"], levels - 1)
            yield NEVER if part is None else negated(part)


def presence(key: str, view: View) -> Data:
    """Return when a member is there: it is filled, or it is null where it may be."""
    filled: Data = {"filled": key}
    return {"any": [filled, _is_null(key)]} if view.is_nullable else filled


def _is_null(key: str) -> Data:
    return {"key": key, "in": [None]}


def _is_of_type(told: set[str], types: set[str], key: str, *, is_nullable: bool) -> Data | None:
    """Return when a member that is there is of a type told; `types` are those it may have beside null, none: any."""
    if not told:
        return None
    if types and types <= told | ({"integer"} if "number" in told else set()):
        return None if "null" in told or not is_nullable else {"filled": key}
    if told == {"null"}:
        return _is_null(key)
    raise UnsaidError


def _is_one_of(values: list[Any], key: str) -> Data:
    there: Data = {"key": key, "in": [value for value in _scalars(values) if value != ""]}
    nothing: Data = {"not": {"any": [{"filled": key}, _is_null(key)]}}
    return {"any": [there, nothing]} if "" in values else there


def _has_one_of(entry: Schema, types: set[str], key: str) -> Data:
    """Return when a list has an entry that a schema names."""
    words = {} if isinstance(entry, bool) else {word: value for word, value in entry.items() if word not in _IGNORED}
    if types != {"array"} or words.keys() - {"type"} not in ({"const"}, {"enum"}):
        raise UnsaidError
    return {"key": key, "in": _scalars([words["const"]] if "const" in words else words["enum"])}


def _scalars(values: list[Any]) -> list[Any]:
    if any(isinstance(value, list | dict) for value in values) or len(values) > SCALARS:
        raise UnsaidError
    return values


def _names_null(condition: Data | None) -> bool:
    parts = [part for word in ("all", "any") for part in (condition or {}).get(word, ())]
    parts += [condition["not"]] if condition and "not" in condition else []
    return None in (condition or {}).get("in", ()) or any(map(_names_null, parts))


def _names_blank(schema: Schema) -> bool:
    return isinstance(schema, dict) and "" in (schema.get("const"), *schema.get("enum", ()))


def _holds_of_nothing(condition: Data | None) -> bool:
    """Whether a condition is true where all fields are empty."""
    match condition:
        case None:
            return True
        case {"all": parts}:
            return all(map(_holds_of_nothing, parts))
        case {"any": parts}:
            return any(map(_holds_of_nothing, parts))
        case {"not": part}:
            return not _holds_of_nothing(part)
    return False


def _one_of(parts: list[Data | None]) -> Data | None:
    """Return when exactly one of some conditions is true: said only if no two can be true together."""
    keys = {part.get("key") if part else None for part in parts}
    values = [str(value) for part in parts if part for value in part.get("in", ())]
    if len(parts) > 1 and (len(keys) != 1 or None in keys or len(set(values)) < len(values)):
        raise UnsaidError
    return some(*parts)
