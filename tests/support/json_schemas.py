"""JSON Schemas and documents for them, made by Hypothesis: what forms are made of, and what stands beside it."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAMES = ("a", "b", "c", "d/e")
TEXTS = ("", "a", "ab", "abc", "x1", "2026-05-04", "a@b.de", "red", "green")
PATTERNS = ("^[a-c]+$", "b", "^x", "[0-9]$", "a|b", "^(?=.*[0-9])[a-z0-9]*$")

scalars = st.one_of(
    st.sampled_from(TEXTS), st.integers(-3, 12), st.sampled_from((0.5, 1.25, 2.0)), st.booleans(), st.none()
)


def _optional(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=members)


def _typed(name: Any, members: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return members.map(lambda found: {"type": name, **found})


small = st.integers(0, 4)
strings = _typed(
    "string",
    _optional(
        minLength=small,
        maxLength=small,
        pattern=st.sampled_from(PATTERNS),
        format=st.sampled_from(("date", "email", "ipv4", "uuid", "made-up")),
        enum=st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3, unique=True),
    ),
)
bounds = _optional(
    minimum=st.integers(-2, 6),
    maximum=st.integers(0, 9),
    exclusiveMinimum=st.integers(-2, 6),
    exclusiveMaximum=st.integers(2, 9),
    multipleOf=st.sampled_from((1, 2, 3, 0.5)),
)
consts = scalars.map(lambda value: {"const": value})
enums = st.lists(scalars, min_size=1, max_size=4).map(lambda values: {"enum": values})
titled = st.lists(st.sampled_from(TEXTS), min_size=2, max_size=3, unique=True).map(
    lambda values: {"oneOf": [{"const": value, "title": f"The {value}"} for value in values]}
)
leaves = st.one_of(
    strings,
    _typed("integer", bounds),
    _typed("number", bounds),
    st.just({"type": "boolean"}),
    _typed(["string", "null"], _optional(minLength=small)),
    _typed(["integer", "string"], bounds),
    consts,
    enums,
    titled,
)


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _lists(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    members = _optional(minItems=small, maxItems=small, uniqueItems=st.booleans(), items=inner)
    others = _optional(prefixItems=st.lists(inner, min_size=1, max_size=2), contains=inner, items=st.booleans())
    return _typed("array", st.one_of(members, others))


def _objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    members = st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    needed = st.lists(st.sampled_from(NAMES), max_size=2, unique=True)
    return _typed(
        "object",
        st.fixed_dictionaries(
            {"properties": members, "required": needed},
            optional={
                "additionalProperties": st.one_of(st.booleans(), inner),
                "patternProperties": st.dictionaries(st.sampled_from(("^a", "b$")), inner, max_size=1),
                "propertyNames": st.just({"pattern": "^[a-z]"}),
                "minProperties": small,
                "maxProperties": small,
                "dependentRequired": st.dictionaries(st.sampled_from(NAMES), needed, max_size=1),
                "dependentSchemas": st.dictionaries(st.sampled_from(NAMES), _parts(inner), max_size=1),
                "allOf": st.lists(_parts(inner), min_size=1, max_size=2),
                "anyOf": st.lists(_parts(inner), min_size=1, max_size=2),
                "oneOf": st.lists(_variants(inner), min_size=2, max_size=3),
                "not": needed.map(lambda names: {"required": names or ["a"]}),
                **_conditionals(inner),
            },
        ),
    )


def _parts(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return _optional(
        properties=st.dictionaries(st.sampled_from(NAMES), inner, max_size=2),
        required=st.lists(st.sampled_from(NAMES), max_size=1),
    )


def _variants(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return parts of which most have a constant in the member `a`."""
    return st.tuples(_parts(inner), st.sampled_from(("x1", "ab", "red")), st.booleans()).map(
        lambda drawn: {
            **drawn[0],
            "properties": {**drawn[0].get("properties", {}), "a": {"const": drawn[1]}},
            "required": ["a"] if drawn[2] else [],
        }
    )


def _conditionals(inner: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    tests = st.tuples(st.sampled_from(NAMES), st.one_of(consts, enums, leaves), st.booleans()).map(
        lambda drawn: {"properties": {drawn[0]: drawn[1]}, **({"required": [drawn[0]]} if drawn[2] else {})}
    )
    return {"if": tests, "then": _parts(inner), "else": _parts(inner)}


def _either(parts: list[Any]) -> dict[str, Any]:
    return {"anyOf": parts}


schemas = st.recursive(
    leaves,
    lambda inner: st.one_of(
        _objects(inner), _lists(inner), inner.map(_nullable), st.lists(inner, min_size=2, max_size=2).map(_either)
    ),
    max_leaves=8,
)


@st.composite
def object_schemas(draw: st.DrawFn) -> dict[str, Any]:
    """Return the schema of an object, with definitions that its parts may refer to."""
    definitions = draw(st.dictionaries(st.sampled_from(("P", "Q")), schemas, max_size=2))
    inner = st.one_of(schemas, st.sampled_from([{"$ref": f"#/$defs/{name}"} for name in definitions] or [{}]))
    schema = draw(_objects(inner))
    return {**schema, "$defs": definitions} if definitions else schema


values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner)),
    max_leaves=6,
)
_KINDS: dict[str, st.SearchStrategy[Any]] = {
    "string": st.sampled_from(TEXTS),
    "integer": st.integers(-3, 12),
    "number": st.one_of(st.integers(-3, 12), st.sampled_from((0.5, 1.5, 2.0))),
    "boolean": st.booleans(),
    "null": st.none(),
}


@st.composite
def documents(draw: st.DrawFn, schema: Any) -> Any:
    """Return a value that a schema may well accept."""
    return _Documents(draw, schema.get("$defs", {})).of(schema, 5)


class _Documents:
    def __init__(self, draw: st.DrawFn, definitions: dict[str, Any]) -> None:
        self._draw = draw
        self._definitions = definitions

    def of(self, schema: Any, levels: int) -> Any:
        if isinstance(schema, bool) or not levels or self._draw(st.integers(0, 14)) == 0:
            return self._draw(values)
        if "$ref" in schema:
            return self.of(self._definitions.get(schema["$ref"].rpartition("/")[2], True), levels - 1)
        if "enum" in schema:
            return self._draw(st.sampled_from(schema["enum"]))
        return schema["const"] if "const" in schema else self._typed(schema, levels - 1)

    def _typed(self, schema: dict[str, Any], levels: int) -> Any:
        kind = schema.get("type")
        if kind == "object":
            return self._object(schema, levels)
        if "anyOf" in schema or "oneOf" in schema:
            return self.of(self._draw(st.sampled_from(schema.get("anyOf") or schema["oneOf"])), levels)
        if kind == "array":
            return self._array(schema, levels)
        kinds = kind if isinstance(kind, list) else [kind]
        return self._draw(st.one_of([_KINDS[name] for name in kinds if name in _KINDS] or [values]))

    def _array(self, schema: dict[str, Any], levels: int) -> list[Any]:
        items = schema.get("items", True)
        more = self._draw(st.integers(schema.get("minItems", 0), 5)) if items else 0
        return [self.of(part, levels) for part in [*schema.get("prefixItems", ()), *[items] * more]]

    def _object(self, schema: dict[str, Any], levels: int) -> dict[str, Any]:
        parts = [schema, *schema.get("allOf", ()), *schema.get("dependentSchemas", {}).values()]
        parts += [self._draw(st.sampled_from(schema[word])) for word in ("anyOf", "oneOf") if word in schema]
        parts += [schema[word] for word in ("then", "else") if word in schema and self._draw(st.booleans())]
        members: dict[str, Any] = {}
        for part in parts:
            members.update(part.get("properties", {}))
        required = {name for part in parts for name in part.get("required", ())}
        return {
            name: self.of(members.get(name, True), levels)
            for name in sorted({*members, *required})
            if name in required or self._draw(st.booleans())
        }
