"""Schemas to embed in a field of type `json`: self-contained, and within a size that an agent can read.

A schema that does not fit is cut: the field then allows more, and the form's validator judges.
"""

from __future__ import annotations

from typing import Any

import msgspec

from handshake_prompt.forms.expressions import WholePatterns

from .dialect import DEPTH, Schema, Schemas

EMBEDDED_BYTES = 2 * 1024
"""Of one schema: a context is read with each of them in it."""
_CUTS = (8, 5, 3, 2, 1)
"""Levels to keep, tried in turn until it fits."""
_SHOWN_ONLY = frozenset(
    {"title", "description", "default", "examples", "readOnly", "writeOnly", "enumNames", "discriminator"}
)
_ONE = frozenset({"items", "additionalProperties", "propertyNames", "contains", "not", "if", "then", "else"})
_MANY = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED = frozenset({"properties", "dependentSchemas", "patternProperties"})
_STRICTER_WHEN_CUT = frozenset({"not", "if", "then", "else", "contains", "minContains", "maxContains"})


def embedded(
    schema: Schema, schemas: Schemas, patterns: WholePatterns, *, most: int = EMBEDDED_BYTES
) -> dict[str, Any]:
    """Return a schema that stands alone.

    Args:
        schema: a part of a document.
        schemas: the document it is a part of.
        patterns: of the whole form.
        most: bytes that it may have; where nothing fits, it is `{}` and allows anything.
    """
    whole = _Embedding(schemas, patterns, DEPTH, most, is_cut=schemas.is_partial)
    found = whole.of(schema)
    if not whole.misses and len(msgspec.json.encode(found)) <= most:
        return found
    for levels in _CUTS:
        found = _Embedding(schemas, patterns, levels, most, is_cut=True).of(schema)
        if len(msgspec.json.encode(found)) <= most:
            return found
    return {}


class _Embedding:
    """One attempt; `misses` says whether something was left out."""

    def __init__(self, schemas: Schemas, patterns: WholePatterns, levels: int, most: int, *, is_cut: bool) -> None:
        self.misses = False
        self._targets = schemas.targets
        self._levels = levels
        self._is_cut = is_cut
        self._patterns = patterns
        self._defs: dict[str, Schema] = {}
        self._pending: list[str] = []
        self._room = most // 2  # schemas: the shortest, `{}`, has two bytes

    def of(self, schema: Schema) -> dict[str, Any]:
        found = self._schema(schema, self._levels)
        while self._pending:
            name = self._pending.pop()
            self._defs[name] = self._schema(self._targets[name], self._levels)
        if isinstance(found, bool):
            found = {} if found else {"not": {}}
        return {**found, "$defs": self._defs} if self._defs else found

    def _schema(self, schema: Schema, levels: int) -> Schema:
        if isinstance(schema, bool):
            return schema
        self._room -= 1
        if not levels or self._room < 0:
            self.misses = True
            return True
        found = {
            word: self._word(word, value, levels - 1)
            for word, value in schema.items()
            if word not in _SHOWN_ONLY and not (self._is_cut and word in _STRICTER_WHEN_CUT)
        }
        if not self._can_match(found.get("pattern")):
            del found["pattern"]
        if not all(map(self._can_match, found.get("patternProperties", ()))):
            del found["patternProperties"]
            found.pop("additionalProperties", None)
        if self._is_cut and "oneOf" in found:
            found["allOf"] = [*found.get("allOf", ()), {"anyOf": found.pop("oneOf")}]
        return found

    def _word(self, word: str, value: Any, levels: int) -> Any:
        if word == "$ref":
            return self._reference(value)
        if word in _ONE:
            return self._schema(value, levels)
        if word in _MANY:
            return [self._schema(part, levels) for part in value]
        if word == "type":
            return value[0] if len(value) == 1 else value
        return {name: self._schema(part, levels) for name, part in value.items()} if word in _NAMED else value

    def _can_match(self, pattern: str | None) -> bool:
        if pattern is None or self._patterns.of(pattern) is not None:
            return True
        self.misses = True
        return False

    def _reference(self, name: str) -> str:
        if name not in self._defs:
            self._defs[name] = True
            self._pending.append(name)
        return "#/$defs/" + name.replace("~", "~0").replace("/", "~1").replace("%", "%25")
