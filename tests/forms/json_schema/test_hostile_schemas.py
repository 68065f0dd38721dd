"""Schemas that are large, deep or go in circles: the conversion ends soon, with a form that a session can hold."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from handshake_prompt.forms.cache import FormCache
from handshake_prompt.forms.json_schema import FIELDS, convert
from handshake_prompt.forms.rules import compile_rules
from handshake_prompt.forms.shape import Entry, shape_of
from handshake_prompt.protocol.limits import Limits


def deep(word: str, levels: int) -> Any:
    schema: Any = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}} if word == "properties" else {word: schema}
    return schema


def doubling(word: str, levels: int = 30) -> Any:
    parts = {
        f"p{n}": {word: {"a": next_one(n), "b": next_one(n)} if word == "properties" else [next_one(n), next_one(n)]}
        for n in range(levels)
    }
    return {"$defs": {**parts, f"p{levels}": {"properties": {"x": {"type": "string"}}}}, "$ref": "#/$defs/p0"}


def next_one(number: int) -> Any:
    return {"$ref": f"#/$defs/p{number + 1}"}


def chain(levels: int) -> Any:
    return [
        {
            "if": {"properties": {f"k{n}": {"const": "x"}}, "required": [f"k{n}"]},
            "then": {"properties": {f"k{n + 1}": {"type": "string"}}, "required": [f"k{n + 1}"]},
        }
        for n in range(levels)
    ]


def nested_conditionals(levels: int) -> Any:
    schema: Any = {"properties": {"end": {"type": "string"}}}
    for n in range(levels):
        schema = {"if": {"properties": {f"k{n}": {"const": n}}, "required": [f"k{n}"]}, "then": schema}
    return schema


def alternatives(count: int) -> Any:
    return {
        "oneOf": [
            {"properties": {"kind": {"const": n}, f"k{n}": {"type": "string"}}, "required": ["kind"]}
            for n in range(count)
        ]
    }


HOSTILE: dict[str, Any] = {
    "itself": {"$ref": "#"},
    "itself by allOf": {"allOf": [{"$ref": "#"}]},
    "itself by anyOf": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
    "itself by oneOf of objects": {"oneOf": [{"$ref": "#"}, {"properties": {"a": {}}}]},
    "itself by then": {"if": {"required": ["a"]}, "then": {"$ref": "#"}},
    "itself by a dependency": {"dependentSchemas": {"a": {"$ref": "#"}}},
    "itself as a member": {"properties": {"a": {"$ref": "#"}}},
    "itself as an entry": {"items": {"$ref": "#"}},
    "two in a circle": {
        "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}},
        "properties": {"x": {"$ref": "#/$defs/a"}},
    },
    "deep objects": deep("properties", 5_000),
    "deep lists": deep("items", 5_000),
    "deep negations": deep("not", 5_000),
    "doubling by allOf": doubling("allOf"),
    "doubling by anyOf": doubling("anyOf"),
    "doubling by oneOf": doubling("oneOf"),
    "doubling by properties": doubling("properties"),
    "many members": {"properties": {f"k{n}": {"type": "string"} for n in range(5_000)}, "required": ["k4999"]},
    "many members within members": {"properties": {f"k{n}": deep("properties", 5) for n in range(1_000)}},
    "many options": {"properties": {"k": {"enum": list(range(10_000))}}},
    "many titled options": {"properties": {"k": {"oneOf": [{"const": n, "title": f"T{n}"} for n in range(10_000)]}}},
    "many alternatives": alternatives(400),
    "alternatives of alternatives": {"properties": {f"k{n}": alternatives(40) for n in range(30)}},
    "a long chain of conditions": {"properties": {"k0": {"type": "string"}}, "allOf": chain(400)},
    "conditions within conditions": nested_conditionals(60),
    "conditions in a circle": {
        "allOf": [*chain(3), {"if": {"required": ["k3"]}, "then": {"properties": {"k0": {"type": "string"}}}}]
    },
    "many dependencies": {
        "properties": {f"k{n}": {"type": "string"} for n in range(200)},
        "dependentRequired": {f"k{n}": [f"k{m}" for m in range(200)] for n in range(200)},
    },
    "costly patterns": {
        "properties": {f"k{n}": {"type": "string", "pattern": f"^(a|b|{n}){{1,900}}$"} for n in range(300)}
    },
    "patterns without end": {"properties": {f"k{n}": {"type": "string", "pattern": "(" * n} for n in range(300)}},
    "long texts": {
        "properties": {
            f"k{n}": {"type": "string", "description": "x" * 9_000, "title": "t" * 9_000} for n in range(400)
        }
    },
    "large defaults": {
        "properties": {f"k{n}": {"default": ["x" * 900] * 99, "examples": ["y" * 9_000]} for n in range(400)}
    },
    "large embedded schemas": {"properties": {f"k{n}": {"not": {"enum": ["x" * 90] * 99}} for n in range(400)}},
    "rows in rows": {"properties": {"a": deep("items", 1)}, "items": {}}
    | {
        "properties": {
            "a": {
                "items": {
                    "properties": {
                        "b": {
                            "items": {
                                "properties": {
                                    "c": {"items": {"properties": {"d": {"items": {"properties": {"e": {}}}}}}}
                                }
                            }
                        }
                    }
                }
            }
        }
    },
    "long names": {"properties": {"n" * 200: {"properties": {"m" * 200: {"properties": {"o": {}}}}}}},
    "malformed": {
        "type": 3,
        "properties": [1],
        "required": "a",
        "allOf": {},
        "items": 3,
        "enum": {},
        "$ref": 4,
        "if": [],
    },
    "malformed within": {
        "properties": {"a": 3, "b": None, "c": {"type": ["string", 4], "minLength": "x", "pattern": 3}}
    },
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_schema_becomes_a_form_in_bounds(name: str) -> None:
    began = time.thread_time()
    made = convert(HOSTILE[name])
    assert time.thread_time() - began < 3
    assert 1 <= count(made.fields) <= FIELDS
    assert len(msgspec.json.encode(made.fields)) < 400_000
    assert all(len(msgspec.json.encode(entry)) <= 32 * 1024 for entry in made.fields if entry["type"] != "rows")
    compile_rules(made.fields)
    shape_of(made.fields, made.rules)


def count(fields: list[Entry]) -> int:
    return sum(1 + count(entry.get("fields", [])) for entry in fields)


def test_conditions_in_a_circle_show_everything() -> None:
    made = convert(HOSTILE["conditions in a circle"])
    assert {entry["key"] for entry in made.fields} >= {"k0", "k1", "k2", "k3"}
    assert not [entry for entry in made.fields if "showIf" in entry or entry.get("required")]


def test_required_members_are_the_last_to_lose_their_field() -> None:
    made = convert(HOSTILE["many members"])
    keys = [entry["key"] for entry in made.fields]
    assert "k4999" in keys
    assert keys[-1] == "@rest"


def test_the_schemas_in_a_form_are_bounded_in_all() -> None:
    inner = {"type": "object", "additionalProperties": {"enum": [f"value {number}" for number in range(100)]}}
    made = convert({"properties": {f"k{number}": inner | {"title": f"{number}"} for number in range(100)}})
    sizes = [len(msgspec.json.encode(entry.get("schema"))) for entry in made.fields]
    assert 40_000 < sum(sizes) < 64 * 1024
    FormCache(Limits()).of(list(made.fields))
