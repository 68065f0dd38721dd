"""Fields from JSON Schemas: one table of schemas and of what a form says of them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from handshake_prompt.forms.form_model import FormModel
from handshake_prompt.forms.json_schema import WRAPPED, Conversion, convert
from handshake_prompt.forms.rules import compile_rules
from handshake_prompt.forms.shape import GroupRule
from handshake_prompt.forms.status import status_of
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.validation import check_schema


def fields(schema: dict[str, Any], **members: Any) -> list[dict[str, Any]]:
    return [dict(entry) for entry in convert({"type": "object", "properties": schema, **members}).fields]


def field(schema: Any, **members: Any) -> dict[str, Any]:
    (entry,) = fields({"k": schema}, **members)
    assert entry.pop("key") == "k"
    return entry


JSON = {"type": "json"}
NOT_BLANK = {"blank": False}
"""Of an optional field: nothing would clear it otherwise, and JSON Schema takes nothing for a value."""

SCALARS: list[tuple[Any, dict[str, Any]]] = [
    ({"type": "string"}, {"type": "string"}),
    (
        {"type": "string", "minLength": 2, "maxLength": 4.0},
        {"type": "string", "minLength": 2, "maxLength": 4, **NOT_BLANK},
    ),
    ({"type": "string", "minLength": 5, "maxLength": 4}, {"type": "string"}),
    ({"type": "string", "pattern": "^a+$"}, {"type": "string", "pattern": "a+"}),
    ({"type": "string", "pattern": "^(?=.*a).*$"}, {"type": "string"}),
    ({"type": "string", "format": "email"}, {"type": "email"}),
    ({"type": "string", "format": "date"}, {"type": "date"}),
    ({"type": "string", "format": "time"}, {"type": "string", "format": "time"}),
    ({"type": "string", "format": "date-time"}, {"type": "string", "format": "date-time"}),
    ({"type": "string", "format": "uri"}, {"type": "string", "format": "uri"}),
    ({"type": "string", "format": "made-up"}, {"type": "string"}),
    ({"type": "string", "format": "password"}, {"type": "string", "format": "password", "sensitive": True}),
    ({"type": "integer", "minimum": 1, "maximum": 9}, {"type": "integer", "min": 1, "max": 9}),
    (
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        {"type": "number", "exclusiveMin": 0, "exclusiveMax": 1},
    ),
    ({"type": "number", "minimum": 9, "maximum": 1}, {"type": "number"}),
    ({"type": "integer", "multipleOf": 6, "minimum": 7}, {"type": "integer", "step": 6, "min": 12}),
    ({"type": "number", "multipleOf": 0.01}, {"type": "number", "step": 0.01}),
    ({"type": "boolean"}, {"type": "boolean"}),
    ({"const": True}, {"type": "enum", "options": [True]}),
    ({"const": "x", "title": "X"}, {"type": "enum", "options": ["x"], "label": "X"}),
    ({"enum": ["a", "b"]}, {"type": "enum", "options": ["a", "b"]}),
    ({"enum": [True, False]}, {"type": "boolean"}),
    ({"enum": ["a", None]}, {"type": "enum", "options": ["a"], "nullable": True}),
    ({"enum": ["a", 1, True]}, {"type": "enum", "options": ["a", 1, True]}),
    (
        {"type": "string", "enum": ["a", "b"], "enumNames": ["A", "b"]},
        {"type": "enum", "options": [{"value": "a", "label": "A"}, "b"]},
    ),
    (
        {"oneOf": [{"const": 1, "title": "One", "description": "1"}, {"const": 2}]},
        {"type": "enum", "options": [{"value": 1, "label": "One", "desc": "1"}, 2]},
    ),
    (
        {"anyOf": [{"enum": ["a"]}, {"type": "string", "maxLength": 9}]},
        {"type": "enum", "options": ["a"], "open": True},
    ),
    ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
    ({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}, {"type": "integer", "min": 1, "nullable": True}),
    ({"oneOf": [{"type": "null"}, {"$ref": "#/$defs/n"}]}, {"type": "integer", "nullable": True}),
    (
        {"type": ["string", "integer"], "minLength": 1, "minimum": 2},
        {"type": ["string", "integer"], "minLength": 1, "min": 2, **NOT_BLANK},
    ),
    (
        {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": "^x$"}]},
        {"type": ["number", "string"], "min": 0, "pattern": "x"},
    ),
    ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, {"type": "number"}),
    ({"anyOf": [{"format": "date"}, {"format": "email"}]}, {"type": ["date", "email"]}),
    ({"anyOf": [{"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv6"}]}, {"type": "string"}),
    ({"anyOf": [{"type": "string", "minLength": 1}, {"type": "string", "minLength": 3}]}, {"type": "string"}),
    (
        {"allOf": [{"type": "string"}, {"minLength": 1}, {"minLength": 3}]},
        {"type": "string", "minLength": 3, **NOT_BLANK},
    ),
    (
        {"anyOf": [{"anyOf": [{"type": "string"}, {"const": 1}]}, {"const": ""}]},
        {"type": "enum", "options": [1, ""], "open": True},
    ),
    ({"allOf": [{"type": "number"}, {"type": "integer"}]}, {"type": "integer"}),
    ({"allOf": [{"enum": [1, 2, 3]}, {"enum": [2, 3, 4]}]}, {"type": "enum", "options": [2, 3]}),
    ({"allOf": [{"multipleOf": 4}, {"multipleOf": 6}], "type": "integer"}, {"type": "integer", "step": 12}),
    ({"$ref": "#/$defs/n", "title": "N"}, {"type": "integer", "label": "N"}),
    ({"minLength": 2}, {"type": "string", "minLength": 2, **NOT_BLANK}),
    ({"maximum": 2}, {"type": "number", "max": 2}),
    ({"type": "null"}, {**JSON, "schema": {"type": "null"}, "nullable": True}),
    ({}, {**JSON, "nullable": True}),
    (True, {**JSON, "nullable": True}),
    ({"type": ["string", "array"]}, {**JSON, "schema": {"type": ["string", "array"]}}),
    ({"enum": [[1], "a"]}, {**JSON, "schema": {"enum": [[1], "a"]}}),
    ({"not": {"type": "string"}}, {**JSON, "schema": {"not": {"type": "string"}}, "nullable": True}),
]
LISTS: list[tuple[Any, dict[str, Any]]] = [
    ({"type": "array"}, {"type": "array"}),
    ({"type": "array", "items": {}}, {"type": "array"}),
    (
        {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3},
        {"type": "array<string>", "minLength": 1, "maxLength": 3, **NOT_BLANK},
    ),
    (
        {"type": "array", "items": {"type": "string", "minLength": 2, "pattern": "^a"}},
        {"type": "array<string>", "pattern": "a(?s:.*)", "each": {"minLength": 2}},
    ),
    (
        {"type": "array", "items": {"type": "integer", "minimum": 1}, "uniqueItems": True},
        {"type": "array<integer>", "min": 1, "unique": True},
    ),
    (
        {"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": True},
        {"type": "enum", "options": ["a", "b"], "multiple": True},
    ),
    (
        {"type": "array", "items": {"enum": ["a", "b"]}},
        {"type": "enum", "options": ["a", "b"], "multiple": True, "repeats": True},
    ),
    ({"type": "array", "items": {"type": ["string", "integer"]}}, {"type": ["string", "integer"], "multiple": True}),
    ({"items": {"format": "email"}}, {"type": "array<email>"}),
    (
        {"type": "array", "items": {"type": ["string", "null"]}},
        {**JSON, "schema": {"type": "array", "items": {"type": ["string", "null"]}}},
    ),
    ({"type": "array", "items": {"type": "array"}}, {**JSON, "schema": {"type": "array", "items": {"type": "array"}}}),
    ({"type": "array", "prefixItems": [{}, {}]}, {**JSON, "schema": {"type": "array", "prefixItems": [{}, {}]}}),
]


@pytest.mark.parametrize(("schema", "expected"), SCALARS + LISTS, ids=lambda case: str(case)[:60])
def test_a_schema_becomes_a_field(schema: Any, expected: dict[str, Any]) -> None:
    assert field(schema, **{"$defs": {"n": {"type": "integer"}}}) == expected


@pytest.mark.parametrize("size", [2**63, 10**400])
def test_whole_numbers_that_the_wire_does_not_carry_are_doubles(size: int) -> None:
    words = {"minimum": -size, "maximum": size, "multipleOf": size, "default": size, "examples": [size]}
    schema = {
        "properties": {"a": {"type": "integer", **words}, "b": {"additionalProperties": words}, "c": {"enum": [size]}}
    }
    form = FormModel("sizes", schema)
    check_schema(form.fields, Limits())
    assert form.problems({"a": 0}, {}) == []


@pytest.mark.parametrize("size", [math.inf, -math.inf, math.nan])
def test_numbers_that_json_does_not_have_bound_and_begin_nothing(size: float) -> None:
    words = {"minimum": size, "maximum": size, "multipleOf": size, "default": size, "examples": [size]}
    schema = {
        "properties": {
            "a": {"type": "number", **words},
            "b": {"enum": [size, "x"], "default": {"in": [size]}},
            "c": {"type": "object", "const": {"in": size}, "additionalProperties": {"maximum": size}},
        }
    }
    fields = convert(schema).fields
    check_schema(fields, Limits())
    assert fields[:2] == [{"key": "a", "type": "number"}, {"key": "b", "type": "enum", "options": ["x"]}]


@pytest.mark.parametrize("size", [2**63 - 1, 10**400])
def test_lengths_beyond_what_the_wire_carries_bound_nothing(size: int) -> None:
    words = {"minLength": 1, "maxLength": size, "minItems": 1, "maxItems": size}
    schema = {"a": {"type": "string", **words}, "b": {"type": "array", **words, "items": {"properties": {"c": {}}}}}
    made = fields(schema)
    check_schema(made, Limits())
    assert [(one.get("maxLength"), one.get("maxRows")) for one in made] == [(None, None)] * 2


def test_fields_beside_the_document_have_names_that_no_member_has() -> None:
    one = {"properties": {"@kind": {"type": "string"}, "@kind2": True, "@rest": {"type": "integer"}}}
    other = {"properties": {"b": {"type": "string"}}, "dependentRequired": {"b": ["@kind3"]}}
    schema = {"properties": {"a": True}, "anyOf": [one, other], "patternProperties": {"^n": {"type": "integer"}}}
    made = convert(schema).fields
    assert [entry["key"] for entry in made if entry.get("virtual") or entry.get("rest")] == ["@kind4", "@rest2"]
    assert {"@kind", "@kind2", "@kind3", "@rest"} < {entry["key"] for entry in made}
    assert FormModel("names", schema).parse({"@kind": "x", "@rest": 1, "@rest2": {"n": 2}}, {}) == {
        "@kind": "x",
        "@rest": 1,
        "n": 2,
    }


def test_annotations_are_shown() -> None:
    schema = {
        "type": "string",
        "title": "Name",
        "description": "As in the\n passport" + "." * 500,
        "default": "Ada",
        "examples": ["Grace"],
        "readOnly": True,
    }
    entry = field(schema)
    assert entry.pop("desc").startswith("As in the passport...")
    assert entry == {"type": "string", "label": "Name", "default": "Ada", "example": "Grace", "readOnly": True}


def test_a_secret_is_sensitive_and_has_no_default() -> None:
    secret = {"type": "string", "format": "password", "default": "**********"}
    assert field(secret) == {"type": "string", "format": "password", "sensitive": True}
    assert field({"type": "string", "writeOnly": True, "default": "x"}) == {"type": "string", "sensitive": True}


@pytest.mark.parametrize(
    ("schema", "blank"),
    [
        ({"type": "array", "items": {"type": "string"}}, True),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, True),
        ({"type": "array", "items": {"type": "array"}}, True),
        ({"type": "object"}, True),
        ({"type": "array", "items": {"type": "string"}, "minItems": 1}, None),
        ({"type": "array", "items": {"type": "array"}, "minItems": 1}, None),
        ({"type": "object", "minProperties": 1}, None),
        ({"type": "string"}, None),
    ],
)
def test_an_empty_list_is_an_answer_where_a_list_is_required_that_may_be_empty(schema: Any, blank: Any) -> None:
    (asked,) = convert({"properties": {"a": schema}, "required": ["a"]}).fields
    (optional,) = convert({"properties": {"a": schema}}).fields
    assert (asked["required"], asked.get("blank")) == (True, blank)
    assert optional.get("blank") is not True


def test_openapis_nullable_is_read_beside_a_type() -> None:
    assert field({"type": "string", "nullable": True}) == {"type": "string", "nullable": True}
    assert field({"type": ["string", "null"], "nullable": True}) == {"type": "string", "nullable": True}
    assert field({"type": "string", "nullable": False}) == {"type": "string"}


def test_a_field_with_itself_in_its_items_is_null_only_where_its_schema_says_so() -> None:
    for kind, nullable in (("array", None), (["array", "null"], True)):
        within = {"type": kind, "items": {"$ref": "#/$defs/tree"}}
        tree = {"type": "object", "properties": {"name": {"type": "string"}, "in": within}}
        top = {"type": "array", "items": {"$ref": "#/$defs/tree"}}
        inner = convert({"$defs": {"tree": tree}, "properties": {"top": top}}).fields[0]["fields"][1]
        assert (inner["type"], inner.get("nullable")) == ("json", nullable)


def test_moments_of_models_need_no_offset() -> None:
    schema = {"properties": {"a": {"type": "string", "format": "date-time"}, "b": {"type": "string", "format": "time"}}}
    assert [entry["type"] for entry in convert(schema, moments="local").fields] == ["datetime", "time"]


ADDRESS = {
    "title": "Address",
    "type": "object",
    "required": ["street"],
    "properties": {"street": {"type": "string"}, "a/b": {"type": "integer"}},
}


def test_an_object_becomes_a_group_of_keys() -> None:
    made = convert({"properties": {"home": ADDRESS}, "required": ["home"]})
    assert made.fields == [
        {"key": "home/street", "type": "string", "group": "Address", "required": True},
        {"key": "home/a~1b", "type": "integer", "group": "Address"},
    ]
    assert made.rules == {"home": GroupRule(required=True)}


@pytest.mark.parametrize("schema", [ADDRESS, {"anyOf": [ADDRESS, {"type": "null"}]}])
def test_what_an_optional_object_requires_is_required_once_it_is_begun(schema: Any) -> None:
    street, _ = fields({"home": schema})
    assert street["requiredIf"] == {"filled": "home"}
    assert "required" not in street


def test_an_object_that_may_be_null_is_required_as_null() -> None:
    made = convert({"properties": {"home": {"anyOf": [ADDRESS, {"type": "null"}]}}, "required": ["home"]})
    assert made.fields[0]["requiredIf"] == {"filled": "home"}
    assert made.rules == {"home": GroupRule(required=True, nullable=True)}


def test_a_list_of_objects_becomes_rows() -> None:
    made = convert({"properties": {"to": {"type": "array", "items": ADDRESS, "minItems": 1, "maxItems": 9}}})
    (rows,) = made.fields
    assert {name: rows[name] for name in ("key", "type", "minRows", "maxRows")} == {
        "key": "to",
        "type": "rows",
        "minRows": 1,
        "maxRows": 9,
    }
    assert rows["fields"][0] == {"key": "street", "type": "string", "required": True}


def test_rows_hold_rows_and_groups() -> None:
    (rows,) = fields({"a": {"type": "array", "items": {"properties": {"b": {"items": ADDRESS}, "home": ADDRESS}}}})
    assert [entry["key"] for entry in rows["fields"]] == ["b", "home/street", "home/a~1b"]
    assert rows["fields"][0]["type"] == "rows"
    assert rows["fields"][1]["requiredIf"] == {"filled": "home"}


A_IS_X = {"properties": {"a": {"const": "x"}}, "required": ["a"]}
B = {"properties": {"b": {"type": "string"}}, "required": ["b"]}
SHOW = {"key": "a", "in": ["x"]}
CONDITIONALS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("then", {"if": A_IS_X, "then": B}, {"required": True, "showIf": SHOW}),
    ("else", {"if": A_IS_X, "else": B}, {"required": True, "showIf": {"not": SHOW}}),
    ("in allOf", {"allOf": [{"if": A_IS_X, "then": B}]}, {"required": True, "showIf": SHOW}),
    (
        "two conditions",
        {
            "properties": {"c": {"type": "string"}},
            "allOf": [{"if": A_IS_X, "then": B}, {"if": {"required": ["c"]}, "then": {"properties": B["properties"]}}],
        },
        {"requiredIf": SHOW, "showIf": {"any": [SHOW, {"filled": "c"}]}},
    ),
    (
        "without required",
        {"if": {"properties": A_IS_X["properties"]}, "then": B},
        {"required": True, "showIf": {"any": [{"not": {"filled": "a"}}, SHOW]}},
    ),
    (
        "several constants",
        {"if": {"properties": {"a": {"enum": ["x", "y"]}}, "required": ["a"]}, "then": B},
        {"required": True, "showIf": {"key": "a", "in": ["x", "y"]}},
    ),
    ("negated", {"if": {"not": A_IS_X}, "then": B}, {"required": True, "showIf": {"not": SHOW}}),
    ("dependentSchemas", {"dependentSchemas": {"a": B}}, {"required": True, "showIf": {"filled": "a"}}),
    ("dependencies", {"dependencies": {"a": B}}, {"required": True, "showIf": {"filled": "a"}}),
    (
        "dependentRequired",
        {"properties": {"b": {"type": "string"}}, "dependentRequired": {"a": ["b"]}},
        {"requiredIf": {"filled": "a"}},
    ),
    (
        "dependencies by name",
        {"properties": {"b": {"type": "string"}}, "dependencies": {"a": ["b"]}},
        {"requiredIf": {"filled": "a"}},
    ),
    (
        "required alone",
        {"properties": {"b": {"type": "string"}}, "if": A_IS_X, "then": {"required": ["b"]}},
        {"requiredIf": SHOW},
    ),
    ("what no condition says", {"if": {"properties": {"a": {"minLength": 3}}}, "then": B}, {}),
    ("a type of object alone", {"if": {"minProperties": 1}, "then": B}, {}),
    (
        "both ways",
        {"if": A_IS_X, "then": B, "else": B},
        {"required": True},
    ),
]


@pytest.mark.parametrize(
    ("schema", "expected"), [case[1:] for case in CONDITIONALS], ids=[case[0] for case in CONDITIONALS]
)
def test_a_conditional_part_becomes_conditions(schema: Any, expected: dict[str, Any]) -> None:
    made = convert({"allOf": [{"properties": {"a": {"type": "string"}}}, schema]})
    (entry,) = [dict(entry) for entry in made.fields if entry["key"] == "b"]
    assert {name: entry[name] for name in ("required", "requiredIf", "showIf") if name in entry} == expected


def test_options_under_conditions_say_when_they_may_be_chosen() -> None:
    branches = [("DE", ["BE", "BY"]), ("FR", ["75", "BE"])]
    conditionals = [
        {
            "if": {"properties": {"country": {"const": country}}, "required": ["country"]},
            "then": {"properties": {"state": {"enum": states}}},
        }
        for country, states in branches
    ]
    (state,) = [
        one for one in convert({"properties": {"country": {}}, "allOf": conditionals}).fields if one["key"] == "state"
    ]
    de, fr = ({"key": "country", "in": [country]} for country, _ in branches)
    assert state["options"] == ["BE", {"value": "BY", "when": de}, {"value": "75", "when": fr}]
    assert state["showIf"] == {"key": "country", "in": ["DE", "FR"]}


def test_options_left_by_conditions_are_the_schemas_own_otherwise() -> None:
    schema = {
        "properties": {"plan": {"enum": ["free", "pro"]}, "team": {"type": "boolean"}},
        "if": {"properties": {"team": {"const": True}}, "required": ["team"]},
        "then": {"properties": {"plan": {"const": "pro"}}},
    }
    plan = convert(schema).fields[0]
    assert plan["options"] == [{"value": "free", "when": {"not": {"key": "team", "in": [True]}}}, "pro"]


CARD = {
    "title": "By card",
    "properties": {"by": {"const": "card"}, "number": {"type": "string"}},
    "required": ["by", "number"],
}
BANK = {"properties": {"by": {"enum": ["sepa", "wire"]}, "iban": {"type": "string"}}, "required": ["by"]}


@pytest.mark.parametrize("word", ["oneOf", "anyOf"])
def test_a_member_that_tells_alternatives_apart_decides_what_is_shown(word: str) -> None:
    by, number, iban = fields({"pay": {word: [CARD, BANK]}}, required=["pay"])
    assert by == {
        "key": "pay/by",
        "type": "enum",
        "options": [{"value": "card", "label": "By card"}, "sepa", "wire"],
        "group": "pay",
        "required": True,
    }
    assert number == {
        "key": "pay/number",
        "type": "string",
        "group": "pay",
        "required": True,
        "showIf": {"key": "pay/by", "in": ["card"]},
    }
    assert iban["showIf"] == {"key": "pay/by", "in": ["sepa", "wire"]}


def test_openapi_names_alternatives_by_their_schemas() -> None:
    cat = {"type": "object", "properties": {"kind": {"type": "string"}, "lives": {"type": "integer"}}}
    dog = {"type": "object", "properties": {"kind": {"type": "string"}, "tricks": {"type": "integer"}}}
    made = convert(
        {
            "$defs": {"Cat": cat, "Dog": dog},
            "oneOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}],
            "discriminator": {"propertyName": "kind", "mapping": {"woof": "#/$defs/Dog"}},
        }
    )
    kind, lives, tricks = made.fields
    assert (kind["options"], kind["required"]) == (["Cat", "woof"], True)
    assert (lives["showIf"]["in"], tricks["showIf"]["in"]) == (["Cat"], ["woof"])


def test_alternatives_without_such_a_member_may_be_chosen_and_need_not() -> None:
    mail = {"title": "Mail", "properties": {"address": {"type": "string"}}, "required": ["address"]}
    call = {"properties": {"number": {"type": "string"}, "name": {}}, "required": ["number", "name"]}
    kind, address, number, _ = fields({"to": {"anyOf": [mail, {"allOf": [call]}]}}, required=["to"])
    assert kind == {"key": "to/@kind", "type": "enum", "options": ["Mail", "2"], "virtual": True, "group": "to"}
    free = {"not": {"filled": "to/@kind"}}
    assert address["showIf"] == {"any": [free, {"key": "to/@kind", "in": ["Mail"]}]}
    assert address["requiredIf"]["any"][0] == {"key": "to/@kind", "in": ["Mail"]}
    assert number["requiredIf"]["any"][0] == {"key": "to/@kind", "in": ["2"]}


def test_an_alternative_that_is_begun_need_not_be_chosen() -> None:
    mail = {"properties": {"address": {}, "name": {}}, "required": ["address", "name"]}
    call = {"properties": {"number": {}, "name": {}}, "required": ["number", "name"]}
    rules = compile_rules(convert({"oneOf": [mail, call]}).fields)

    def missing(**values: Any) -> set[str]:
        return set(status_of(rules, dict.fromkeys(values, "x"), {}).missing)

    assert missing() == {"name"}
    assert missing(address=1, name=1) == set()
    assert missing(number=1) == {"name"}
    assert missing(name=1) == set()
    assert set(status_of(rules, {"@kind": "2"}, {}).missing) == {"number", "name"}


def test_alternatives_that_are_both_begun_ask_for_nothing_more() -> None:
    one = {"properties": {"a": {}}, "required": ["a"]}
    other = {"properties": {"b": {}, "c": {}}, "required": ["b", "c"]}
    rules = compile_rules(convert({"anyOf": [one, other]}).fields)
    assert status_of(rules, {"b": 1}, {}).missing == ("c",)
    assert status_of(rules, {"a": 1, "b": 1}, {}).missing == ()


def test_an_alternative_is_not_asked_to_be_completed_where_another_is_satisfied() -> None:
    one = {"properties": {"a": {}, "b": {}}, "required": ["a", "b"]}
    free: dict[str, Any] = {"properties": {"c": {}}}
    for alternatives in ([one, free], [free, one]):
        rules = compile_rules(convert({"anyOf": alternatives}).fields)
        assert status_of(rules, {"a": 1}, {}).missing == ()
    rules = compile_rules(convert({"properties": {"a": {}, "d": {}}, "anyOf": [one, {"required": ["d"]}]}).fields)
    assert status_of(rules, {"a": 1, "d": 1}, {}).missing == ()
    assert status_of(rules, {"b": 1, "d": 1}, {}).missing == ()
    assert status_of(rules, {"b": 1}, {}).missing == ("a",)


def test_a_member_that_is_there_in_any_case_begins_no_alternative() -> None:
    one, other = ({"properties": {name: {}, "k": {}}, "required": [name, "k"]} for name in ("a", "b"))
    rules = compile_rules(convert({"properties": {"a": {}, "k": {}}, "oneOf": [one, other]}).fields)
    assert status_of(rules, {"a": 1, "k": 1}, {}).missing == ()
    assert status_of(rules, {"b": 1}, {}).missing == ("k",)


def test_alternatives_that_only_require_are_left_to_the_validator() -> None:
    entries = fields(
        {"a": {"type": "string"}, "b": {"type": "string"}}, anyOf=[{"required": ["a"]}, {"required": ["b"]}]
    )
    assert entries == [{"key": "a", "type": "string"}, {"key": "b", "type": "string"}]


def test_a_key_of_several_meanings_takes_any_of_them() -> None:
    one = {"properties": {"k": {"const": 1}, "v": {"type": "integer"}}}
    other = {"properties": {"k": {"const": 2}, "v": {"type": "string"}}}
    (value,) = [entry for entry in convert({"oneOf": [one, other]}).fields if entry["key"] == "v"]
    assert value["type"] == ["integer", "string"]


def test_open_members_stand_in_a_field_of_their_own() -> None:
    entries = fields({"a": {"type": "string"}}, additionalProperties={"type": "integer"}, patternProperties={"^x-": {}})
    assert entries[1] == {
        "key": "@rest",
        "type": "json",
        "schema": {
            "type": "object",
            "allOf": [{"patternProperties": {"^x-": {}}, "additionalProperties": {"type": "integer"}}],
        },
        "rest": True,
    }


@pytest.mark.parametrize("allowed", [True, False, {}])
def test_members_that_nobody_describes_have_no_field(allowed: Any) -> None:
    assert len(fields({"a": {"type": "string"}}, additionalProperties=allowed)) == 1


def test_names_that_no_key_can_have_stand_in_the_rest() -> None:
    schema: dict[str, Any] = {
        "": {"type": "string"},
        "x" * 300: {"type": "integer"},
        "\x01": {},
        "ok": {"type": "string"},
    }
    ok, rest = fields(schema)
    assert (ok["key"], rest["key"]) == ("ok", "@rest")
    assert set(rest["schema"]["properties"]) == {"", "x" * 300, "\x01"}


def test_what_is_required_and_not_described_is_asked_for() -> None:
    (asked,) = convert({"required": ["a"]}).fields
    assert asked == {"key": "a", "type": "json", "blank": True, "nullable": True, "required": True}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": "array", "items": ADDRESS},
        {"enum": [1, 2]},
        {"type": ["object", "string"]},
        {"anyOf": [ADDRESS, {"type": "string"}]},
    ],
)
def test_a_document_that_is_no_object_is_the_value_of_one_field(schema: Any) -> None:
    made = convert(schema)
    assert made.is_wrapped
    assert [entry["key"] for entry in made.fields] == [WRAPPED]


@pytest.mark.parametrize(
    "schema", [{}, {"type": "object"}, {"additionalProperties": {"type": "string"}}, {"$ref": "#"}]
)
def test_a_document_of_any_members_is_the_rest(schema: Any) -> None:
    made = convert(schema)
    assert [(entry["key"], entry["type"], entry["rest"]) for entry in made.fields] == [("@rest", "json", True)]


NODE = {
    "properties": {
        "name": {"type": "string"},
        "next": {"$ref": "#/$defs/Node"},
        "all": {"items": {"$ref": "#/$defs/Node"}},
    }
}


def test_what_contains_itself_becomes_json_with_its_schema() -> None:
    name, following, every = fields({"root": {"$ref": "#/$defs/Node"}}, **{"$defs": {"Node": NODE}})
    assert (name["key"], following["key"], every["key"]) == ("root/name", "root/next", "root/all")
    assert following["schema"]["$ref"] == "#/$defs/Node"
    assert set(following["schema"]["$defs"]["Node"]["properties"]) == {"name", "next", "all"}
    assert every["schema"]["items"] == {"$ref": "#/$defs/Node"}


REFERENCES: list[tuple[str, dict[str, Any]]] = [
    ("a definition", {"properties": {"k": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"type": "integer"}}}),
    (
        "an older definition",
        {"properties": {"k": {"$ref": "#/definitions/x"}}, "definitions": {"x": {"type": "integer"}}},
    ),
    (
        "OpenAPI",
        {
            "properties": {"k": {"$ref": "#/components/schemas/x"}},
            "components": {"schemas": {"x": {"type": "integer"}}},
        },
    ),
    ("an anchor", {"properties": {"k": {"$ref": "#there"}}, "$defs": {"x": {"$anchor": "there", "type": "integer"}}}),
    (
        "an id",
        {
            "$id": "https://a.example/root",
            "properties": {"k": {"$ref": "x"}},
            "$defs": {"x": {"$id": "x", "type": "integer"}},
        },
    ),
    ("a property", {"properties": {"k": {"$ref": "#/properties/o"}, "o": {"type": "integer"}}}),
    ("escaped names", {"properties": {"k": {"$ref": "#/$defs/a~1b%20c"}}, "$defs": {"a/b c": {"type": "integer"}}}),
    (
        "a chain",
        {"properties": {"k": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"$ref": "#/$defs/y"}, "y": {"type": "integer"}}},
    ),
    (
        "dynamic",
        {"properties": {"k": {"$dynamicRef": "#x"}}, "$defs": {"x": {"$dynamicAnchor": "x", "type": "integer"}}},
    ),
]


@pytest.mark.parametrize("schema", [case[1] for case in REFERENCES], ids=[case[0] for case in REFERENCES])
def test_a_reference_leads_to_its_schema(schema: Any) -> None:
    made = convert(schema)
    assert made.fields[0]["type"] == "integer"
    assert made.unresolved == frozenset()


def test_references_to_other_documents_are_told_and_take_anything() -> None:
    made = convert({"properties": {"k": {"$ref": "https://example.com/x"}}})
    assert made.unresolved == {"https://example.com/x"}
    assert made.fields[0]["type"] == "json"


def test_beside_a_reference_older_drafts_say_nothing() -> None:
    schema = {"properties": {"k": {"$ref": "#/definitions/x", "minimum": 5}}, "definitions": {"x": {"type": "integer"}}}
    assert convert({"$schema": "http://json-schema.org/draft-07/schema#", **schema}).fields[0] == {
        "key": "k",
        "type": "integer",
    }
    assert convert(schema).fields[0] == {"key": "k", "type": "integer", "min": 5}


def test_too_many_options_are_looked_up() -> None:
    made: Conversion = convert({"properties": {"k": {"enum": [f"o{number}" for number in range(10_000)]}}})
    assert made.fields == [{"key": "k", "type": "enum", "lookup": True}]
    assert len(made.lookups["k"]) == 10_000
