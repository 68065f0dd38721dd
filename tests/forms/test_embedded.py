"""Values of type `json` and their embedded schemas: checked within bounds that hold on the event loop."""

from __future__ import annotations

from typing import Any

import pytest

from handshake_prompt.forms.embedded import EMBEDDED_BYTES, EmbeddedSchema
from handshake_prompt.protocol.errors import InvalidSchemaError
from tests.support.cost import cpu_time

LABELS = {
    "type": "object",
    "propertyNames": {"pattern": "^[a-z]+$"},
    "additionalProperties": {"type": "string", "maxLength": 3},
    "maxProperties": 2,
}
TREE = {
    "$ref": "#/$defs/node",
    "$defs": {"node": {"required": ["v"], "properties": {"next": {"$ref": "#/$defs/node"}, "v": {"type": "integer"}}}},
}


@pytest.mark.parametrize(
    ("schema", "value", "accepted"),
    [
        (LABELS, {"a": "x"}, True),
        (LABELS, {"A": "x"}, False),
        (LABELS, {"a": "xxxx"}, False),
        (LABELS, {"a": "x", "b": "y", "c": "z"}, False),
        (LABELS, "a=x", False),
        (TREE, {"v": 1, "next": {"v": 2}}, True),
        (TREE, {"v": 1, "next": {"v": "x"}}, False),
        ({"prefixItems": [{"type": "number"}, {"type": "number"}], "items": False}, [1, 2], True),
        ({"prefixItems": [{"type": "number"}, {"type": "number"}], "items": False}, [1, 2, 3], False),
        ({"not": {"const": 1}}, 1, False),
        ({}, {"anything": [None]}, True),
        ({"pattern": "(a)\\1", "minLength": 1}, "b", True),
        ({"pattern": "(a)\\1", "minLength": 1}, "", False),
        ({"minLength": "x", "maxLength": 1}, "ab", False),
    ],
)
def test_a_value_is_checked_against_its_schema(schema: Any, value: Any, accepted: bool) -> None:  # noqa: FBT001
    checked = EmbeddedSchema(schema)
    assert checked.is_checked
    assert (checked.check(value) is None) is accepted


def test_what_is_wrong_is_said_without_the_value() -> None:
    said = EmbeddedSchema(LABELS).check({"a": "secret"})
    assert said == "a value of which a does not fit: This may have at most 3 characters"


@pytest.mark.parametrize(
    "schema",
    [
        None,
        [],
        {"enum": ["x" * EMBEDDED_BYTES]},
        {"$ref": "https://example.com/x"},
        {"properties": {"a": {"$ref": "#/$defs/gone"}}},
    ],
)
def test_a_schema_that_cannot_be_honoured_is_refused(schema: Any) -> None:
    with pytest.raises(InvalidSchemaError):
        EmbeddedSchema(schema)


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


HOSTILE: dict[str, Any] = {
    "doubling": {
        "$defs": {f"{n}": {"allOf": [{"$ref": f"#/$defs/{n + 1}"}, {"$ref": f"#/$defs/{n + 1}"}]} for n in range(40)}
        | {"40": {"type": "integer"}},
        "$ref": "#/$defs/0",
    },
    "doubling by properties": {
        "$defs": {f"{n}": {"properties": {name: {"$ref": f"#/$defs/{n + 1}"} for name in "ab"}} for n in range(40)}
        | {"40": {}},
        "$ref": "#/$defs/0",
    },
    "endless": {"$ref": "#"},
    "endless with a turn": {"anyOf": [{"not": {"$ref": "#"}}]},
    "deep": deep(400),
    "alternatives": {"anyOf": [{"required": [f"k{n}"]} for n in range(300)]},
    "alternatives of alternatives": {"items": {"oneOf": [{"oneOf": [{"const": n}] * 30} for n in range(9)]}},
    "many options": {"items": {"enum": list(range(1500))}},
    "pattern": {"items": {"pattern": "^(a+)+$"}},
    "costly patterns": {"allOf": [{"pattern": f"^(a|b|{n}){{1,900}}$"} for n in range(40)]},
    "names": {"patternProperties": {f"^k{n}": {"type": "string"} for n in range(200)}},
    "uri": {"items": {"format": "uri"}},
    "comparisons of the whole": {"anyOf": [{"const": {"a": n}} for n in range(200)]},
    "types of the whole": {"anyOf": [{"type": "null"}] * 300},
    "conditions of the whole": {"allOf": [{"if": {"not": {"const": n}}, "then": {"enum": [n]}} for n in range(100)]},
    "needs of the whole": {"allOf": [{"dependentRequired": {"k1": ["x"]}, "required": ["y"], "contains": {}}] * 80},
    "unique": {"uniqueItems": True, "items": {"uniqueItems": True}},
    "unevaluated": {"allOf": [{"properties": {"a": {}}}] * 50, "unevaluatedProperties": {"$ref": "#"}},
    "dynamic": {"$dynamicRef": "#x", "$dynamicAnchor": "x", "items": {"$dynamicRef": "#x"}},
}
VALUES: dict[str, Any] = {
    "text": "a" * 3000 + "!",
    "list": ["a" * 40 + "!"] * 600,
    "objects": [{"a": [{"b": n}]} for n in range(400)],
    "object": {f"k{n}": n for n in range(900)},
    "nested": {"a": {"b": {"a": {"b": {"a": {"b": {"a": {"b": {}}}}}}}}},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_schema_holds_nothing_up(name: str) -> None:
    def made() -> EmbeddedSchema | None:
        try:
            return EmbeddedSchema(HOSTILE[name])
        except InvalidSchemaError:
            return None

    took = [min(cpu_time(made) for _ in range(3))]
    if (checked := made()) is not None:
        took += [min(cpu_time(checked.check, value) for _ in range(3)) for value in VALUES.values()]
    assert max(took) < 0.05
