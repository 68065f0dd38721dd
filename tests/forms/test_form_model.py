"""Forms from models: what they hold is judged, and what their fields say is true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, note, settings, strategies as st
from jsonschema import Draft202012Validator

from handshake_prompt.forms.documents import Cells
from handshake_prompt.forms.form_model import FormModel
from handshake_prompt.forms.keys import joined, names
from handshake_prompt.forms.problems import FieldErrors, Problem
from handshake_prompt.forms.shape import Entry, without_rows
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.validation import check_schema
from tests.support.field_language import accepts
from tests.support.form_cases import GONE, form_files, put
from tests.support.json_schemas import documents, object_schemas

FORMS = [form for form in form_files() if "jsonSchema" in form]


# Any schema and any document


@given(st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
def test_no_schema_is_refused_and_no_rule_of_it_is_lost(data: st.DataObject) -> None:
    schema = data.draw(object_schemas())
    document = data.draw(documents(schema))
    assume(isinstance(document, dict))
    library = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    form = FormModel("any", schema)
    note(form.fields)
    try:
        cells = form.cells(document)
    except TypeError as error:  # of another shape than any the schema accepts, where it says so in any case
        key = without_rows(str(error).partition(" has to be ")[0], form.lists)
        assert not (is_described(schema, key) and library.is_valid(document))
        return
    again = form.document(*cells)
    status = form.status(*cells)
    problems = form.problems(*cells)
    note((cells, status, again, problems))

    if not library.is_valid(again):
        assert problems or status.missing or status.missing_person
        with pytest.raises(FieldErrors):
            form.parse(*cells)
        return
    assert problems == []
    assert form.parse(*cells) == again
    refused = [key for key in cells.values if not takes(form, key, cells) and key not in status.hidden]
    assert [key for key in refused if is_described(schema, without_rows(key, form.lists))] == []
    if again == document:
        assert [key for key in status.missing if not is_empty_in(cells, key)] == []


def takes(form: FormModel, key: str, cells: Cells) -> bool:
    entry = entries(form.fields)[without_rows(key, form.lists)]
    value = cells.values[key]
    if isinstance(value, float) and value.is_integer() and entry["type"] == "integer":
        return True  # JSON Schema takes 2.0 for a whole number, a form takes 2
    return value in (None, "", []) or entry.get("rest") is True or accepts(entry, value)


def is_empty_in(cells: Cells, key: str) -> bool:
    return cells.values.get(key) in ("", [], {})


def entries(fields: Sequence[Entry], outer: str = "") -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for entry in fields:
        key = joined(outer, entry["key"])
        found |= {key: entry, **entries(entry.get("fields", ()), key)}
    return found


def is_described(schema: Any, key: str) -> bool:
    """Whether what describes a member always holds; in another alternative it may be anything."""
    definitions = schema.get("$defs", {})
    for name in (*names(key), None):
        while isinstance(schema, dict) and ("$ref" in schema or "items" in schema or is_optional(schema)):
            if "$ref" in schema:
                schema = definitions[schema["$ref"].rpartition("/")[2]]
            else:
                schema = schema["items"] if "items" in schema else schema["anyOf"][0]
        if name is None:
            return True
        schema = schema.get("properties", {}).get(name) if isinstance(schema, dict) else None
        if schema is None:
            return False
    return True


def is_optional(schema: Mapping[str, Any]) -> bool:
    return len(schema.get("anyOf", ())) == 2 and schema["anyOf"][1] == {"type": "null"}


# Small forms, each of a kind


def pointer_to(cells: Cells, key: str) -> str:
    """Return the place in the document of a cell."""
    steps: list[str] = []
    walked = ""
    for segment in key.split("/"):
        steps.append(str(cells.rows[walked].index(segment)) if walked in cells.rows else segment)
        walked = joined(walked, segment)
    return "/" + "/".join(steps)


CASES = [
    (form["name"], form, case) for form in FORMS for case in [*form["accepts"], {"at": "", "value": form["valid"]}]
]


@pytest.mark.parametrize(
    ("form", "case"), [case[1:] for case in CASES], ids=[f"{one[0]} {one[2]['at']}" for one in CASES]
)
def test_a_valid_document_has_no_problems_and_misses_nothing(form: Any, case: Any) -> None:
    document = put(form["valid"], case["at"], case["value"]) if case["at"] else case["value"]
    model = FormModel(form["name"], form["jsonSchema"])
    cells = model.cells(document)
    assert model.problems(*cells) == []
    assert model.status(*cells).missing == ()
    assert model.parse(*cells) == document
    fields = entries(model.fields)
    assert [
        key for key, value in cells.values.items() if not accepts(fields[without_rows(key, model.lists)], value)
    ] == []


REFUSED = [(form["name"], form, case) for form in FORMS for case in form["refuses"]]


@pytest.mark.parametrize(
    ("form", "case"),
    [case[1:] for case in REFUSED],
    ids=[f"{one[0]} {one[2]['at']} {one[2]['why']}" for one in REFUSED],
)
def test_an_invalid_value_is_a_problem_at_its_key(form: Any, case: Any) -> None:
    model = FormModel(form["name"], form["jsonSchema"])
    cells = model.cells(put(form["valid"], case["at"], case["value"]))
    told = [key for problem in model.problems(*cells) for key in problem.keys] + list(model.status(*cells).missing)
    assert case["at"] in [pointer_to(cells, key) for key in told]


MISSING = [(form["name"], form, case) for form in FORMS for case in form["missing"]]


@pytest.mark.parametrize(("form", "case"), [case[1:] for case in MISSING], ids=[f"{one[0]}" for one in MISSING])
def test_what_a_document_lacks_is_missing_and_no_problem(form: Any, case: Any) -> None:
    document = put(form["valid"], case["without"], GONE) if "without" in case else case["given"]
    model = FormModel(form["name"], form["jsonSchema"])
    cells = model.cells(document)
    missing = model.status(*cells).missing
    assert [pointer_to(cells, key) for key in missing] == case["missing"]
    assert model.problems(*cells) == []
    if missing:
        with pytest.raises(FieldErrors) as raised:
            model.parse(*cells)
        assert set(missing) <= {key for problem in raised.value.problems for key in problem.keys}


def nested_lists(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


# What a host says beside its model

CLAIM = {
    "type": "object",
    "required": ["purpose", "lines"],
    "properties": {
        "purpose": {"type": "string", "minLength": 3, "default": "Travel"},
        "home": {"type": "object", "properties": {"city": {"type": "string", "default": "Ulm"}}},
        "lines": {
            "type": "array",
            "minItems": 1,
            "items": {"required": ["amount"], "properties": {"amount": {"type": "number"}, "iban": {"minLength": 4}}},
        },
        "state": {"enum": ["open", "paid"], "default": "open"},
    },
}


def test_options_say_what_a_model_does_not() -> None:
    model = FormModel(
        "claim",
        CLAIM,
        sensitive={"lines/iban"},
        person=["purpose"],
        read_only=["state"],
        labels={"lines/amount": "Sum"},
        groups={"About": ["purpose", "state"]},
        order=["lines", "home"],
    )
    assert [entry["key"] for entry in model.fields] == ["lines", "home/city", "purpose", "state"]
    amount, iban = model.fields[0]["fields"]
    assert (amount["label"], iban["sensitive"]) == ("Sum", True)
    assert (model.fields[2]["by"], model.fields[2]["group"]) == ("person", "About")
    assert model.fields[3]["readOnly"] is True


def test_what_is_said_of_a_group_holds_of_all_in_it() -> None:
    home = {"properties": {"tax": {"type": "string"}, "at": {"properties": {"street": {"type": "string"}}}}}
    model = FormModel(
        "x",
        {"properties": {"home": home, "lines": {"type": "array", "items": {"properties": {"home": home}}}}},
        sensitive=["home", "lines/home/at"],
        person=["home/at"],
        labels={"home": "Your home"},
    )
    tax, street, lines = model.fields
    assert [(one.get("sensitive"), one.get("by"), one["group"]) for one in (tax, street)] == [
        (True, None, "Your home"),
        (True, "person", "at"),
    ]
    assert [one.get("sensitive") for one in lines["fields"]] == [None, True]
    secret = model.problems({"home/at/street": 5}, {})
    assert [(one.keys, one.msg) for one in secret] == [(("home/at/street",), "This value is not accepted")]


@pytest.mark.parametrize(
    "options",
    [
        {"sensitive": ["ibn"]},
        {"labels": {"lines/r1/amount": "x"}},
        {"groups": {"x": ["nowhere"]}},
        {"order": ["x"]},
        {"defaults": {"x": 1}},
        {"defaults": {"home": {}}},
    ],
)
def test_an_option_for_a_field_that_is_not_there_is_refused(options: Any) -> None:
    with pytest.raises(ValueError, match="claim has no"):
        FormModel("claim", CLAIM, **options)


def test_a_session_begins_with_the_defaults_that_begin_nothing_by_themselves() -> None:
    assert FormModel("claim", CLAIM).defaults == Cells({"purpose": "Travel", "state": "open"}, {})
    given_here = {"purpose": "Meal", "lines": [{"amount": 1}, {"amount": 2}], "home/city": "Bonn"}
    assert FormModel("claim", CLAIM, defaults=given_here).defaults == Cells(
        {"purpose": "Meal", "state": "open", "lines/r1/amount": 1, "lines/r2/amount": 2, "home/city": "Bonn"},
        {"lines": ["r1", "r2"]},
    )


ROWS = {"lines": ["r4", "r2"]}
VALUES = {"purpose": "Travel", "lines/r4/amount": 5, "lines/r2/amount": 7, "lines/r2/iban": "DE0"}


def test_a_sensitive_value_is_in_no_problem() -> None:
    values = {**VALUES, "lines/r2/iban": "X"}
    (problem,) = FormModel("claim", CLAIM, sensitive=["lines/iban"]).problems(values, ROWS)
    assert problem == Problem(("lines/r2/iban",), "This value is not accepted")


def test_a_hosts_own_rules_see_the_document_and_name_its_places() -> None:
    seen = []

    def check(document: Any) -> Any:
        seen.append(document)
        return [{"keys": [["lines", 1, "amount"], "purpose"], "msg": "Too much for travel"}]

    model = FormModel("claim", CLAIM, validator=check)
    values = {**VALUES, "lines/r2/iban": "DE00"}
    assert model.problems(values, ROWS) == [Problem(("lines/r2/amount", "purpose"), "Too much for travel")]
    assert seen == [{"purpose": "Travel", "lines": [{"amount": 5}, {"amount": 7, "iban": "DE00"}]}]
    with pytest.raises(FieldErrors, match="Too much"):
        model.parse(values, ROWS)


def test_a_name_with_a_slash_is_one_member_in_a_form_without_groups_too() -> None:
    model = FormModel(
        "names", {"properties": {"a/b": {"type": "string"}, "x~y": {"type": "integer"}}, "required": ["a/b"]}
    )
    cells = Cells({"a~1b": "q", "x~0y": 1}, {})
    assert model.cells({"a/b": "q", "x~y": 1}) == cells
    assert model.problems(*cells) == []
    assert model.parse(*cells) == {"a/b": "q", "x~y": 1}


def test_fields_by_hand_are_judged_by_the_hosts_rules_alone() -> None:
    fields: list[Entry] = [{"key": "a"}, {"key": "b"}, {"key": "c", "showIf": {"key": "a", "in": ["x"]}}]
    model = FormModel(
        "pair", fields, validator=lambda values: {} if values.get("a") == values.get("b") else {"b": "Not a"}
    )
    assert model.fields == fields
    assert model.problems({"a": "x", "b": "y", "c": "z"}, {}) == [Problem(("b",), "Not a")]
    assert model.parse({"a": "y", "b": "y", "c": "z"}, {}) == {"a": "y", "b": "y"}


def test_a_document_need_not_have_what_nobody_can_give() -> None:
    schema = {
        "properties": {"id": {"type": "string", "readOnly": True}, "name": {"type": "string"}},
        "required": ["id", "name"],
    }
    model = FormModel("thing", schema)
    assert model.parse({"name": "a"}, {}) == {"name": "a"}
    with pytest.raises(FieldErrors, match="name"):
        model.parse({}, {})
    with pytest.raises(FieldErrors, match="id"):
        model.parse({"id": 5, "name": "a"}, {})


def test_a_typed_value_needs_what_nobody_can_give_too() -> None:
    thing = msgspec.defstruct("Thing", [("id", int), ("name", str)])
    with pytest.raises(FieldErrors, match="id"):
        FormModel("thing", thing, read_only=["id"]).parse({"name": "a"}, {})


def test_an_empty_list_is_an_answer_where_a_model_takes_one() -> None:
    model = FormModel(
        "tags", {"properties": {"tags": {"type": "array", "items": {"type": "string"}}}, "required": ["tags"]}
    )
    assert model.status({}, {}).missing == ("tags",)
    assert model.status({"tags": []}, {}).missing == ()
    assert model.status({"tags": []}, {}, unanswered=frozenset({"tags"})).missing == ("tags",)
    assert model.parse({"tags": []}, {}) == {"tags": []}


@pytest.mark.parametrize("least", [None, 0, 1])
def test_a_list_of_rows_that_is_there_is_an_answer_without_rows_where_a_model_takes_one(least: int | None) -> None:
    lines: dict[str, Any] = {"type": "array", "items": {"properties": {"amount": {"type": "number"}}}}
    lines |= {} if least is None else {"minItems": least}
    model = FormModel("lines", {"properties": {"lines": lines}, "required": ["lines"]})
    assert model.status(*model.cells({})).missing == ("lines",)
    assert model.status(*model.cells({"lines": []})).missing == (("lines",) if least else ())
    assert bool(model.problems(*model.cells({"lines": []}))) is False


def test_a_name_that_no_value_may_have_does_not_keep_a_form_from_being_opened() -> None:
    model = FormModel("names", {"properties": {"__proto__": {"type": "string"}, "constructor": {"type": "integer"}}})
    check_schema(model.fields, Limits())
    assert model.parse({"@rest": {"constructor": 4}}, {}) == {"constructor": 4}


def test_a_document_that_is_no_object_is_the_value_of_its_only_field() -> None:
    model = FormModel("list", {"type": "array", "items": {"type": "integer"}, "minItems": 2})
    assert model.parse({"value": [1, 2]}, {}) == [1, 2]
    assert [problem.keys for problem in model.problems({"value": [1]}, {})] == [("value",)]
    assert model.cells([1, 2]) == Cells({"value": [1, 2]}, {})


def test_a_schema_that_names_no_draft_has_the_fields_of_the_one_that_it_is_read_as() -> None:
    pair = {"items": [{"type": "string"}, {"type": "boolean"}]}
    named = {"$ref": "#/definitions/name", "minLength": 9}  # which is nothing beside a reference, up to draft 7
    schema = {"properties": {"pair": pair, "name": named}, "definitions": {"name": {"type": "string"}}}
    model = FormModel("old", schema)
    assert model.fields[1] == {"key": "name", "type": "string"}
    assert model.parse({"pair": ["a", True], "name": "Ada"}, {}) == {"pair": ["a", True], "name": "Ada"}


@pytest.mark.parametrize("source", [3, "text", b"x", None, object(), int.__add__])
def test_what_is_no_model_is_refused(source: Any) -> None:
    with pytest.raises(TypeError):
        FormModel("x", source)


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"$ref": "https://example.com/a"}}},
        {"properties": {"a": {"type": "string", "pattern": "("}}},
        {"type": "nothing"},
        nested_lists(5_000),
    ],
    ids=["reference", "pattern", "type", "depth"],
)
def test_a_schema_that_cannot_be_honoured_is_refused_when_the_form_is_made(schema: Any) -> None:
    with pytest.raises(ValueError, match=r"example\.com|JSON Schema|missing \)|regex"):
        FormModel("x", schema)
