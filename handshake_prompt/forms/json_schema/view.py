"""View of a schema: its keywords, with its references and its `allOf` merged in.

Where two parts cannot be merged, the first stands: a field may ask less than the schema does, never more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import lcm
from typing import Any, Literal

from handshake_prompt.forms.field_types import identity

from .dialect import Schema, Schemas

STEPS = 20_000
"""Views of one conversion: schemas that multiply by reference end there."""

Kind = Literal["object", "array", "scalar", "any", "mixed"]
SCALARS = frozenset({"string", "integer", "number", "boolean"})
_TELLING: Mapping[str, str] = {
    **dict.fromkeys(("properties", "additionalProperties", "patternProperties", "propertyNames"), "object"),
    **dict.fromkeys(("required", "minProperties", "maxProperties", "dependentRequired", "dependentSchemas"), "object"),
    **dict.fromkeys(("items", "prefixItems", "contains", "minItems", "maxItems", "uniqueItems"), "array"),
    **dict.fromkeys(("minLength", "maxLength", "pattern", "format"), "string"),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), "number"),
}
"""Keywords of a schema without a type, by the type their author had in mind."""


class RecursiveError(Exception):
    """A schema contains itself."""


class TooManyPartsError(Exception):
    """A schema has too many parts to become fields."""


@dataclass(frozen=True)
class Union:
    """The alternatives of one `anyOf` or `oneOf`, null left out."""

    alternatives: tuple[Schema, ...]
    is_exclusive: bool
    discriminator: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class View:
    """A schema as a form sees it."""

    words: dict[str, Any]
    """Keywords; `type` is a list without `null`, `const` an `enum`."""
    nullable: bool | None = None
    """Whether null is a value; None if nothing is said of it."""
    unions: tuple[Union, ...] = ()
    conditionals: tuple[tuple[Schema, Schema, Schema], ...] = ()
    """`if`, `then`, `else`."""
    path: frozenset[str] = field(default=frozenset())
    """Names of the references on the way here."""

    @property
    def is_nullable(self) -> bool:
        """Whether null is a value: where nothing is said of it, of a schema that says nothing else either."""
        return self.nullable is True or (self.nullable is None and not _TELLING.keys() & self.words.keys())


class Views:
    """The views of one document's schemas."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self._room = STEPS

    def of(self, schema: Schema, path: frozenset[str] = frozenset()) -> View:
        """Return the view of a schema.

        Raises:
            RecursiveError: it is on the way to itself.
            TooManyPartsError: there are too many.
        """
        self._room -= 1
        if self._room < 0:
            raise TooManyPartsError
        if isinstance(schema, bool):
            return View({} if schema else {"enum": []}, None if schema else False, path=path)
        view = _own(schema, path)
        name = schema.get("$ref")
        if name is not None:
            if name in path:
                raise RecursiveError
            view = both(view, self.of(self._schemas.targets[name], path | {name}))
        for part in schema.get("allOf", ()):
            view = both(view, self.of(part, view.path))
        return self._collapsed(view)

    def or_any(self, schema: Schema, path: frozenset[str]) -> View:
        """Return the view of a part's schema; one that contains itself says nothing.

        Raises:
            TooManyPartsError: there are too many.
        """
        try:
            return self.of(schema, path)
        except RecursiveError:
            return View({})

    def kind(self, view: View) -> Kind:
        """Return the kind of values that a schema is about."""
        kinds: set[Kind] = {
            "scalar" if name in SCALARS else "object" if name == "object" else "array" for name in _types_told(view)
        }
        for union in view.unions if not kinds else ():
            kinds |= {self.kind(self.of(part, view.path)) for part in union.alternatives}
        return kinds.pop() if len(kinds) == 1 else "mixed" if kinds else "any"

    def types(self, view: View) -> set[str]:
        """Return the types of values that a schema is about, beside null; none if it may be any."""
        found = [_types_told(view)]
        if not found[0]:
            found = [self.types(self.or_any(part, view.path)) for union in view.unions for part in union.alternatives]
        return set().union(*found) if all(found) else set()

    def _collapsed(self, view: View) -> View:
        """Merge in a union with a single alternative beside null."""
        unions = []
        for union in view.unions:
            parts = tuple(part for part in union.alternatives if not _is_null(part))
            nullable = len(parts) < len(union.alternatives) or any(self._allows_null(part, view.path) for part in parts)
            view = replace(view, nullable=nullable if view.nullable is None else view.nullable and nullable)
            unions.append(replace(union, alternatives=parts))
        view = replace(view, unions=tuple(union for union in unions if len(union.alternatives) > 1))
        for union in unions:
            if len(union.alternatives) == 1:
                only = self.of(union.alternatives[0], view.path)
                view = both(view, replace(only, nullable=None))
        return view

    def _allows_null(self, schema: Schema, path: frozenset[str]) -> bool:
        try:
            return self.of(schema, path).is_nullable
        except RecursiveError:
            return False


def _is_null(schema: Schema) -> bool:
    if isinstance(schema, bool):
        return False
    return schema.get("type") == ["null"] or schema.get("enum") == [None] or schema.get("const", ...) is None


def _own(schema: dict[str, Any], path: frozenset[str]) -> View:
    """Return the view of the keywords that stand in a schema itself."""
    inner = ("$ref", "allOf", "anyOf", "oneOf", "if", "then", "else", "not", "const", "type")
    words = {word: value for word, value in schema.items() if word not in inner}
    nullable: bool | None = None
    if "type" in schema:
        words["type"] = [name for name in schema["type"] if name != "null"]
        nullable = "null" in schema["type"]
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if values is not None:
        nullable = None in values and nullable is not False
        words["enum"] = [value for value in values if value is not None]
    unions = tuple(
        Union(tuple(schema[word]), word == "oneOf", schema.get("discriminator"))
        for word in ("anyOf", "oneOf")
        if schema.get(word)
    )
    conditionals = ((schema["if"], schema.get("then", True), schema.get("else", True)),) if "if" in schema else ()
    return View(words, nullable, unions, conditionals, path)


def both(one: View, other: View) -> View:
    """Return the view of both at once; annotations are the first's."""
    words = dict(one.words)
    for word, value in other.words.items():
        words[word] = _merged(word, words[word], value) if word in words else value
    return View(
        words,
        one.nullable if other.nullable is None else other.nullable and one.nullable is not False,
        one.unions + other.unions,
        one.conditionals + other.conditionals,
        one.path | other.path,
    )


def _merged(word: str, one: Any, other: Any) -> Any:
    merge = _MERGES.get(word)
    return one if merge is None else merge(one, other)


def _in_both(one: list[Any], other: list[Any]) -> list[Any]:
    known = {_frozen(value) for value in other}
    return [value for value in one if _frozen(value) in known]


def _all_names(one: list[str], other: list[str]) -> list[str]:
    return [*one, *(name for name in other if name not in one)]


def _all_schemas(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {**one, **other, **{name: {"allOf": [one[name], other[name]]} for name in one if name in other}}


def _all_needs(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {**one, **other, **{name: [*one[name], *other[name]] for name in one if name in other}}


def _multiple(one: float, other: float) -> float:
    return lcm(one, other) if isinstance(one, int) and isinstance(other, int) and one > 0 < other else one


def _types_in_both(one: list[str], other: list[str]) -> list[str]:
    found = [name for name in one if name in other or (name == "integer" and "number" in other)]
    return found + [name for name in other if name == "integer" and "number" in one and name not in found]


def _types_told(view: View) -> set[str]:
    if "enum" in view.words:
        return {_type_of(value) for value in view.words["enum"]}
    return set(view.words.get("type") or ()) or {_TELLING[word] for word in view.words if word in _TELLING}


def _type_of(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "object" if isinstance(value, dict) else "array" if isinstance(value, list) else "string"


def _frozen(value: Any) -> Any:
    """Return the hashable identity of a JSON value."""
    if isinstance(value, dict):
        return "object", tuple(sorted((name, _frozen(member)) for name, member in value.items()))
    if isinstance(value, list):
        return "array", tuple(map(_frozen, value))
    return identity(value)


def constants(view: View) -> Iterator[Any]:
    """Yield the scalars that a schema allows, if it names them."""
    yield from (value for value in view.words.get("enum", ()) if not isinstance(value, list | dict))


_MERGES: Mapping[str, Callable[[Any, Any], Any]] = {
    **dict.fromkeys(("minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties"), max),
    **dict.fromkeys(("maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties"), min),
    **dict.fromkeys(("properties", "patternProperties", "dependentSchemas"), _all_schemas),
    **dict.fromkeys(("items", "additionalProperties", "propertyNames"), lambda one, other: {"allOf": [one, other]}),
    **dict.fromkeys(("uniqueItems", "readOnly", "writeOnly"), lambda one, other: one or other),
    "type": _types_in_both,
    "enum": _in_both,
    "required": _all_names,
    "dependentRequired": _all_needs,
    "multipleOf": _multiple,
}
"""How two values of a keyword become one that asks for both."""
