"""Conditions told of an `if`: they hold where the validator of JSON Schema says so, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, note, settings, strategies as st
from jsonschema import Draft202012Validator

from handshake_prompt.forms.form_model import FormModel

TEXT = {"type": "string"}
NULLABLE = {"type": ["string", "null"]}
MEMBERS: tuple[tuple[Any, tuple[Any, ...]], ...] = (
    (TEXT, ("x", "y")),
    (NULLABLE, ("x", "y", None)),
    ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, (1, 2, None)),
    ({"type": ["integer", "string"]}, (1, "x", "y")),
    ({"enum": ["x", "y", 1, None]}, ("x", "y", 1, None)),
    ({"enum": [True, False]}, (True, False)),
    ({"type": "array", "items": {"enum": ["x", "y", 1]}}, (["x"], ["x", "y"], ["y", 1])),
    ({"type": "number"}, (1, 2.5)),
    ({}, ("x", 1, None)),
    ({"type": "object", "properties": {"c": NULLABLE}}, ({"c": "x"}, {"c": "y"}, {"c": None, "d": 1})),
)
"""Schemas of members, and values of them that are not empty, null aside."""

scalars = st.sampled_from(("x", "y", 1, 2, 2.5, True, False, None))
words = st.one_of(
    scalars.map(lambda value: {"const": value}),
    st.lists(scalars, min_size=1, max_size=3).map(lambda values: {"enum": values}),
    st.sampled_from([TEXT, NULLABLE, {"type": "null"}, {"type": "integer"}, {"type": "number"}, {}, True, False]),
    scalars.map(lambda value: {"type": "array", "contains": {"const": value}}),
    scalars.map(lambda value: {"contains": {"not": {"const": value}}}),
)


def _combined(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.tuples(st.sampled_from(("anyOf", "allOf", "oneOf")), st.lists(inner, min_size=1, max_size=2))
    return st.one_of(inner.map(lambda part: {"not": part}), several.map(lambda drawn: {drawn[0]: drawn[1]}))


values = st.recursive(words, _combined, max_leaves=3)


def _objects(names: tuple[str, ...]) -> st.SearchStrategy[Any]:
    within = st.one_of(values, _members(st.just("c"), values)) if "a" in names else values
    return _members(st.sampled_from(names), within)


def _members(names: st.SearchStrategy[str], inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"properties": st.dictionaries(names, inner, max_size=2)},
        optional={"required": st.lists(names, max_size=2, unique=True)},
    )


questions = st.recursive(_objects(("a", "b")), _combined, max_leaves=2)


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return an object's schema with an `if` that asks for `then` or for `else`, and a value of it without either."""
    members = {name: draw(st.sampled_from(MEMBERS)) for name in "ab"}
    schema = asking({name: schema for name, (schema, _) in members.items()}, draw(questions))
    given = {name: draw(st.sampled_from(found)) for name, (_, found) in members.items() if draw(st.booleans())}
    return schema, given


def asking(members: dict[str, Any], question: Any) -> dict[str, Any]:
    asked = {"then": {"type": "string"}, "else": {"type": "string"}}
    conditional = {"if": question, "then": {"required": ["then"]}, "else": {"required": ["else"]}}
    return {"type": "object", "properties": {**members, **asked}, **conditional}


IS_NULL = {"properties": {"a": {"const": None}}, "required": ["a"]}
PLACES: dict[str, tuple[Any, Any]] = {
    "form": (lambda schema: schema, lambda value: value),
    "group": (lambda schema: {"properties": {"g": schema}, "required": ["g"]}, lambda value: {"g": value}),
    "row": (lambda schema: {"properties": {"r": {"type": "array", "items": schema}}}, lambda value: {"r": [value]}),
}


@pytest.mark.parametrize("place", PLACES)
@given(case=cases())
@example(case=(asking({"a": {}}, IS_NULL), {}))
@example(case=(asking({"a": {}}, IS_NULL), {"a": None}))
@example(case=(asking({"a": NULLABLE}, {"properties": {"a": {"const": "x"}}}), {"a": None}))
@example(case=(asking({"a": NULLABLE}, {"required": ["a"]}), {"a": None}))
@example(case=(asking({"a": TEXT}, {"properties": {"a": {"not": {"const": "x"}}}, "required": ["a"]}), {}))
@example(
    case=(asking({"a": {"type": ["integer", "string"]}}, {"properties": {"a": TEXT}, "required": ["a"]}), {"a": 1})
)
@example(case=(asking({"a": MEMBERS[6][0]}, {"properties": {"a": {"const": "x"}}, "required": ["a"]}), {"a": ["x"]}))
@example(
    case=(asking({"a": MEMBERS[6][0]}, {"properties": {"a": {"contains": {"not": {"const": "x"}}}}}), {"a": ["x", 1]})
)
@example(
    case=(
        asking({"a": MEMBERS[9][0]}, {"properties": {"a": {"properties": {"c": {"const": "x"}}}}}),
        {"a": {"c": None}},
    )
)
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_what_a_condition_asks_for_is_what_the_validator_asks_for(place: str, case: Any) -> None:
    around, within = PLACES[place]
    schema, document = around(case[0]), within(case[1])
    form = FormModel("any", schema)
    cells = form.cells(document)
    status = form.status(*cells)
    note((form.fields, cells, status))
    document = form.document(*cells)
    fields = {entry["key"].rpartition("/")[2]: entry for entry in _leaves(form.fields)}
    found = document["g"] if place == "group" else document["r"][0] if place == "row" else document
    holds = Draft202012Validator(case[0]["if"]).is_valid(found)
    for name, is_asked in (("then", holds), ("else", not holds)):
        told = any(key.rpartition("/")[2] == name for key in status.missing)
        assert told is is_asked if {"requiredIf", "required"} & fields[name].keys() else not told


def _leaves(entries: Any) -> list[Any]:
    return [leaf for entry in entries for leaf in _leaves(entry.get("fields", ())) or [entry]]


MANY = {f"m{n}": TEXT for n in range(500)}
NESTED = {"type": "object", "properties": {"c": TEXT, **MANY}}
WITHIN: dict[str, tuple[Any, Any]] = {
    "other members": ({"additionalProperties": TEXT, **asking({}, {"properties": {"k": {"const": "x"}}})}, {"k": "y"}),
    "other members, required": ({"additionalProperties": TEXT, **asking({}, {"required": ["k"]})}, {"k": "y"}),
    "a name that no key has": (asking({"prototype": TEXT}, {"required": ["prototype"]}), {"prototype": "y"}),
    "an object too large": (
        asking({"a": NESTED}, {"properties": {"a": {"properties": {"c": {"const": "x"}}}}}),
        {"a": {"c": "y"}},
    ),
}


@pytest.mark.parametrize(("schema", "document"), WITHIN.values(), ids=WITHIN)
def test_nothing_is_told_of_a_value_that_stands_within_another(schema: Any, document: Any) -> None:
    form = FormModel("any", schema)
    cells = form.cells(document)
    assert form.document(*cells) == document
    assert form.status(*cells).missing == ()
