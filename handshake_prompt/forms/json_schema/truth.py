"""Conditions from schemas: when the object that an `if` looks at satisfies it, in the words of `showIf`.

Only comparisons with constants and the presence of members can be said. For anything else there is no condition, and
the fields that depend on it are always shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from handshake_prompt.forms.conditions import SCALARS, Data, every, negated, some
from handshake_prompt.forms.keys import escaped, joined

from .dialect import Schema, Schemas

NEVER: Data = {"any": []}
_SAID = frozenset({"properties", "required", "allOf", "anyOf", "oneOf", "not", "enum", "const", "contains", "$ref"})
_IGNORED = frozenset({"title", "description", "default", "examples", "readOnly", "writeOnly", "enumNames", "format"})
_LEVELS = 6


class UnsaidError(Exception):
    """No condition is equivalent to a schema."""


class Truth:
    """The conditions of one document's schemas."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas

    def of(self, schema: Schema, group: str) -> Data | None:
        """Return when the object with a group's key satisfies a schema; None is always.

        Raises:
            UnsaidError: no condition says it.
        """
        return self._object(schema, group, _LEVELS)

    def _object(self, schema: Schema, group: str, levels: int) -> Data | None:
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
        parts = list(self._combined(schema, group, levels, self._object))
        for name, inner in schema.get("properties", {}).items():
            key = joined(group, escaped(name))
            there = self._value(inner, key, levels - 1)
            parts.append(there if name in required else some(negated({"filled": key}), there))
        alone = required - schema.get("properties", {}).keys()
        parts += [{"filled": joined(group, escaped(name))} for name in schema.get("required", ()) if name in alone]
        return every(*parts)

    def _value(self, schema: Schema, key: str, levels: int) -> Data | None:
        """Return when a member that is there satisfies a schema."""
        if isinstance(schema, bool):
            return {"filled": key} if schema else NEVER
        if not levels:
            raise UnsaidError
        if "properties" in schema or "required" in schema:
            return self._object(schema, key, levels)
        words = schema.keys() - _IGNORED - {"type", "minLength", "minItems"}
        if not words:
            return self._presence(schema, key)
        if not words <= _SAID:
            raise UnsaidError
        parts = list(self._combined(schema, key, levels, self._value))
        named = [schema["enum"]] if "enum" in schema else []
        named += [[schema["const"]]] if "const" in schema else []
        parts += [_is_one_of(values, key) for values in named]
        if "contains" in schema:
            parts.append(self._value(schema["contains"], key, levels - 1))
        return every(*parts)

    def _presence(self, schema: dict[str, Any], key: str) -> Data:
        """Return when a member is there; of its type no form has any doubt unless it may be null."""
        types = schema.get("type", ())
        if types == ["null"] or max(schema.get("minLength", 0), schema.get("minItems", 0)) > 1:
            raise UnsaidError
        return {"filled": key}

    def _combined(self, schema: dict[str, Any], key: str, levels: int, inner: Any) -> Iterable[Data | None]:
        if "$ref" in schema:
            yield inner(self._schemas.targets[schema["$ref"]], key, levels - 1)
        for part in schema.get("allOf", ()):
            yield inner(part, key, levels - 1)
        if "anyOf" in schema:
            yield some(*(inner(part, key, levels - 1) for part in schema["anyOf"]))
        if "oneOf" in schema:
            yield _one_of([inner(part, key, levels - 1) for part in schema["oneOf"]])
        if "not" in schema:
            part = inner(schema["not"], key, levels - 1)
            yield NEVER if part is None else negated(part)


def _is_one_of(values: list[Any], key: str) -> Data:
    if any(isinstance(value, list | dict) for value in values) or len(values) > SCALARS:
        raise UnsaidError
    there = {"key": key, "in": [value for value in values if value not in (None, "")]}
    empty = any(value is None or value == "" for value in values)
    return some(there, negated({"filled": key})) or there if empty else there


def _one_of(parts: list[Data | None]) -> Data | None:
    """Return when exactly one of some conditions is true: said only if no two can be true together."""
    keys = {part.get("key") if part else None for part in parts}
    values = [str(value) for part in parts if part for value in part.get("in", ())]
    if len(parts) > 1 and (len(keys) != 1 or None in keys or len(set(values)) < len(values)):
        raise UnsaidError
    return some(*parts)
