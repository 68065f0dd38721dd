"""The validator of JSON Schema: at one with the library, within bounds that the library does not have."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from jsonschema import Draft202012Validator

from handshake_prompt import Limits
from handshake_prompt.forms.schema_validator import SchemaValidator, TooCostlyError
from tests.support.json_schemas import documents, object_schemas
from tests.support.parts import need_extra_forms


@given(st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_document_is_judged_otherwise_than_by_the_library(data: st.DataObject) -> None:
    schema = data.draw(object_schemas())
    document = data.draw(documents(schema))
    library = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert (SchemaValidator(schema).findings(document) == []) == library.is_valid(document)


@pytest.mark.parametrize(
    "draft",
    ["draft-04/schema#", "draft-06/schema#", "draft-07/schema#", "draft/2019-09/schema", "draft/2020-12/schema"],
)
def test_a_schema_is_read_as_its_draft(draft: str) -> None:
    exclusive: dict[str, Any] = {"exclusiveMinimum": True, "minimum": 3} if "04" in draft else {"exclusiveMinimum": 3}
    host = "https" if "20" in draft else "http"
    schema = {"$schema": f"{host}://json-schema.org/{draft}", "$ref": "#", "properties": {"a": exclusive}}
    del schema["$ref"]
    assert [bool(SchemaValidator(schema).findings({"a": value})) for value in (3, 4)] == [True, False]


@pytest.mark.parametrize(
    ("schema", "accepted", "refused"),
    [
        ({"items": [{"type": "string"}], "additionalItems": False}, ["a"], ["a", "b"]),
        ({"minimum": 3, "exclusiveMinimum": True}, 4, 3),
        ({"prefixItems": [{"type": "string"}], "items": False}, ["a"], ["a", "b"]),
    ],
    ids=["draft 7", "draft 4", "2020-12"],
)
def test_a_schema_that_names_no_draft_is_read_as_the_newest_that_it_is_sound_in(
    schema: Any, accepted: Any, refused: Any
) -> None:
    validator = SchemaValidator(schema)
    assert (validator.findings(accepted), bool(validator.findings(refused))) == ([], True)


@pytest.mark.parametrize(
    ("schema", "value", "accepted"),
    [
        ({"multipleOf": 0.01}, 19.99, True),
        ({"multipleOf": 0.01}, 1.005, False),
        ({"pattern": "^x$"}, "x\n", False),
        ({"patternProperties": {"^x$": False}}, {"x\n": 1}, True),
        ({"patternProperties": {"^a": {"type": "integer"}}, "additionalProperties": False}, {"ab": 1}, True),
        ({"patternProperties": {"^a": {"type": "integer"}}, "additionalProperties": False}, {"b": 1}, False),
        ({"uniqueItems": True}, [1, True, "1", [1], [True]], True),
        ({"uniqueItems": True}, [{"a": 1, "b": 2}, {"b": 2, "a": 1.0}], False),
        ({"enum": [{"a": [1]}]}, {"a": [1.0]}, True),
        ({"enum": [1]}, True, False),
        ({"const": []}, [], True),
        ({"format": "date"}, "2026-02-30", False),
        ({"format": "email"}, "a", False),
        ({"type": "string", "nullable": True}, None, True),
        ({"type": "string", "nullable": False}, None, False),
        ({"propertyNames": False}, {}, True),
        ({"propertyNames": {"maxLength": 1}}, {"a": 1, "bc": 2}, False),
    ],
)
def test_values_are_judged_as_the_standard_says(schema: Any, value: Any, accepted: bool) -> None:  # noqa: FBT001
    assert (SchemaValidator(schema).findings(value) == []) is accepted


@pytest.mark.parametrize(
    ("schema", "value", "accepted"),
    [
        ({"format": "iri"}, "https://b\u00fccher.de/\u00e4", True),
        ({"format": "uri"}, "no uri", False),
        ({"format": "date-time"}, "2026-05-04T09:30:00", False),
        ({"format": "date-time"}, "2026-05-04T09:30:00Z", True),
        ({"format": "time"}, "09:30:00", False),
    ],
)
def test_formats_of_the_extra_are_checked(schema: Any, value: Any, accepted: bool) -> None:  # noqa: FBT001
    need_extra_forms()
    assert (SchemaValidator(schema).findings(value) == []) is accepted


@pytest.mark.parametrize("schema", [{"type": "nothing"}, {"minimum": "x"}, {"properties": []}])
def test_what_is_no_schema_is_refused(schema: Any) -> None:
    with pytest.raises(ValueError, match="JSON Schema"):
        SchemaValidator(schema)


DOUBLING = {
    "$defs": {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}, {"$ref": f"#/$defs/a{n + 1}"}]} for n in range(40)}
    | {"a40": {"type": "string"}},
    "$ref": "#/$defs/a0",
}
ENDLESS = {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}
BOTH_WAYS = {
    "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}},
    "$ref": "#/$defs/a",
}
UNEVALUATED = {**DOUBLING, "unevaluatedProperties": False}


@pytest.mark.parametrize("schema", [DOUBLING, ENDLESS, BOTH_WAYS, UNEVALUATED])
def test_a_check_without_end_is_given_up(schema: Any) -> None:
    validator = SchemaValidator(schema, steps=1_000)
    began = time.thread_time()
    with pytest.raises(TooCostlyError):
        validator.findings({"x": 1})
    assert time.thread_time() - began < 0.5


@pytest.mark.parametrize(
    "turn", [{"anyOf": [{"not": {"$ref": "#"}}]}, {"not": {"$ref": "#"}}, {"allOf": [{"$ref": "#"}]}]
)
def test_an_endless_check_is_given_up_at_any_depth_of_calls(turn: Any) -> None:
    validator = SchemaValidator(turn)

    def check(calls: int) -> None:
        if calls:
            return check(calls - 1)
        with pytest.raises(TooCostlyError):
            validator.findings({"x": 1})
        return None

    for calls in range(60):
        check(calls)


def test_a_document_as_deep_as_a_value_may_be_is_checked() -> None:
    tree = SchemaValidator({"properties": {"next": {"$ref": "#"}, "leaf": {"type": "integer"}}})
    document: dict[str, Any] = {"leaf": "x"}
    for _ in range(Limits().json_depth - 1):
        document = {"next": document}
    assert [finding.path[-1] for finding in tree.findings(document)] == ["leaf"]


@pytest.mark.parametrize("name", sorted(Draft202012Validator.FORMAT_CHECKER.checkers))
def test_no_format_takes_long_whatever_the_text(name: str) -> None:
    validator = SchemaValidator({"format": name})
    texts = [
        "a" * 2000,
        "1" * 2000,
        "%41" * 600,
        "[::" * 600,
        "http://" + "a." * 900,
        "{" * 2000,
        "~0" * 1000,
        "1:" * 999,
    ]
    for text in [*texts, "P" + "1Y" * 900, "a" * 30_000]:
        began = time.thread_time()
        validator.findings(text)
        assert time.thread_time() - began < 0.25


@pytest.mark.parametrize(
    ("expression", "text"),
    [(r"^\p{L}+$", "Zoë"), (r"^(?<year>[0-9]{4})$", "2026"), (r"^[\w-.]+$", "a-b.c"), (r"^\u{1F600}$", "😀")],
)
def test_expressions_of_ecma_that_are_none_of_python_are_taken(expression: str, text: str) -> None:
    validator = SchemaValidator({"pattern": expression, "patternProperties": {expression: {}}})
    assert validator.findings(text) == []
    assert validator.findings("!") != []


@pytest.mark.parametrize("name", ["Page<Item>", "A B", 'Pick<User,"name">'])
def test_a_reference_to_a_definition_of_any_name_is_taken(name: str) -> None:
    validator = SchemaValidator({"$ref": f"#/$defs/{name}", "$defs": {name: {"type": "integer"}}})
    assert [bool(validator.findings(value)) for value in (1, "x")] == [False, True]


def test_no_reference_is_fetched() -> None:
    validator = SchemaValidator({"$ref": "https://example.com/schema.json"})
    with pytest.raises(Exception, match=r"example\.com"):
        validator.findings(1)
