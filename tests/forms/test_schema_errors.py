"""Faults that a schema finds, told by place and in words."""

from __future__ import annotations

from typing import Any

import pytest

from handshake_prompt.forms.schema_validator import SchemaValidator

UNEVALUATED: Any = {"allOf": [{"properties": {"a": {"type": "integer"}}}], "unevaluatedProperties": False}
ADDRESS = {
    "type": "object",
    "required": ["by"],
    "properties": {"by": {"const": "post"}, "zip": {"type": "string", "minLength": 5}},
}
PHONE = {"type": "object", "required": ["by", "number"], "properties": {"by": {"const": "phone"}}}


@pytest.mark.parametrize(
    ("schema", "value", "findings"),
    [
        ({"required": ["a", "b"]}, {"a": 1}, [(("b",), True)]),
        ({"properties": {"a": {"items": {"required": ["b"]}}}}, {"a": [{}]}, [(("a", 0, "b"), True)]),
        ({"dependentRequired": {"a": ["b", "c"]}}, {"a": 1, "c": 1}, [(("b",), True)]),
        ({"oneOf": [ADDRESS, PHONE]}, {"by": "post", "zip": "1"}, [(("zip",), False)]),
        ({"oneOf": [ADDRESS, PHONE]}, {"by": "phone"}, [(("number",), True)]),
        ({"anyOf": [{"const": 1}, {"const": 2}]}, 3, [((), False)]),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"a": 1}, [(("b",), True)]),
        ({"additionalProperties": False}, {"x": 1, "y": 2}, [(("x",), False), (("y",), False)]),
        ({"propertyNames": {"maxLength": 1}}, {"a": 1, "long": 2}, [(("long",), False)]),
        (UNEVALUATED, {"a": "x"}, [(("a",), False)]),
        (UNEVALUATED, {"a": 1, "c": 1}, [((), False)]),
        ({"properties": {"o": UNEVALUATED}, "required": ["p"]}, {"o": {"c": 1}}, [(("p",), True), (("o",), False)]),
        ({"properties": {"x": False}}, {"x": 1}, [(("x",), False)]),
        ({"patternProperties": {"x": False}}, {"x": 1}, [(("x",), False)]),
        ({"anyOf": [False, {"type": "string"}]}, 1, [((), False)]),
        ({"oneOf": [False, False]}, 1, [((), False)]),
    ],
)
def test_a_finding_is_at_its_place_and_tells_a_lack_from_a_fault(schema: Any, value: Any, findings: Any) -> None:
    found = SchemaValidator(schema).findings(value)
    assert [(finding.path, finding.is_lack) for finding in found] == findings


@pytest.mark.parametrize(
    ("schema", "value", "path", "msg"),
    [
        ({"oneOf": [ADDRESS, PHONE]}, {"by": "fax"}, ("by",), "one of the values"),
        ({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, {}, (), "One of these is required: a, b"),
        ({"oneOf": [{"const": 1}, {"enum": [2, 3]}]}, 4, (), "one of the values"),
    ],
)
def test_alternatives_of_which_none_fits_are_told_as_what_they_differ_in(
    schema: Any, value: Any, path: Any, msg: str
) -> None:
    (finding,) = SchemaValidator(schema).findings(value)
    assert finding.path == path
    assert msg in finding.msg


PERSON = {"properties": {"first": {"type": "string"}, "last": {"type": "string"}}, "required": ["first", "last"]}
COMPANY = {"properties": {"company": {"type": "string"}}, "required": ["company"]}
MAPPED = {
    "$defs": {
        "Cat": {"required": ["kind", "lives"], "properties": {"lives": {"maximum": 9}}},
        "Dog": {"required": ["kind", "trick"]},
    },
    "oneOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}],
    "discriminator": {"propertyName": "kind", "mapping": {"dog": "#/$defs/Dog"}},
}


@pytest.mark.parametrize(
    ("schema", "value", "findings"),
    [
        (MAPPED, {"kind": "dog"}, [(("trick",), True)]),
        (MAPPED, {"kind": "Cat"}, [(("lives",), True)]),
        (MAPPED, {"kind": "Cat", "lives": 10}, [(("lives",), False)]),
        (MAPPED, {}, [(("kind",), True)]),
        (MAPPED, {"kind": "cow"}, [((), False)]),
        (MAPPED, {"kind": ["Cat"]}, [((), False)]),
        ({"anyOf": [PERSON, COMPANY]}, {"first": "a"}, [(("last",), True)]),
        ({"anyOf": [PERSON, COMPANY]}, {"first": "a", "last": 5}, [(("last",), False)]),
        ({"anyOf": [PERSON, COMPANY]}, {"other": 1}, [((), False)]),
        ({"anyOf": [PERSON, {"type": "integer"}]}, {"first": "a", "last": 5}, [(("last",), False)]),
    ],
)
def test_the_faults_are_those_of_the_alternative_that_is_meant(schema: Any, value: Any, findings: Any) -> None:
    found = SchemaValidator(schema).findings(value)
    assert [(finding.path, finding.is_lack) for finding in found] == findings


SECRET = "s3cr3t-value"


@pytest.mark.parametrize(
    "schema",
    [
        {"minLength": 99},
        {"maxLength": 1},
        {"pattern": "^[0-9]$"},
        {"enum": ["a"]},
        {"const": "a"},
        {"type": "integer"},
        {"format": "date"},
        {"not": {"type": "string"}},
        {"oneOf": [{"type": "string"}, {"minLength": 1}]},
        {"anyOf": [{"type": "integer"}, {"maxLength": 1}]},
    ],
)
def test_no_finding_quotes_the_value(schema: Any) -> None:
    (finding, *_) = SchemaValidator(schema).findings(SECRET)
    assert SECRET not in finding.msg
    assert finding.msg[:1].isupper()
