"""A compiled form knows the field of each cell, its lists of rows, and whether its values change what it asks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from handshake_prompt import forms
from handshake_prompt.forms.cache import FormCache
from handshake_prompt.forms.form import Form
from handshake_prompt.protocol.errors import InvalidSchemaError
from handshake_prompt.protocol.limits import Limits

TRIP: list[Any] = [
    {"key": "name", "required": True},
    {"key": "home/street", "group": "Home"},
    {
        "key": "passengers",
        "type": "rows",
        "fields": [
            {"key": "home/street", "sensitive": True},
            {"key": "bags", "type": "rows", "maxRows": 2, "fields": [{"key": "kg", "type": "number"}]},
        ],
    },
]


def form_of(schema: list[Any]) -> Form:
    return FormCache(Limits()).of(schema)


@pytest.mark.parametrize(
    ("key", "path"),
    {
        "name": "name",
        "home/street": "home/street",
        "passengers": "passengers",
        "passengers/r1/home/street": "passengers/home/street",
        "passengers/r1/bags": "passengers/bags",
        "passengers/r1/bags/r2/kg": "passengers/bags/kg",
        "passengers/r1": None,
        "passengers/home/street": None,
        "passengers/bags/kg": None,
        "passengers/r1/bags/r2": None,
        "passengers/r1/bags/kg": None,
        "home": None,
        "": None,
        "/": None,
    }.items(),
)
def test_a_cell_has_the_field_of_its_entry(key: str, path: str | None) -> None:
    field = form_of(TRIP).field_of(key)
    assert (field.key if field is not None else None) == path


def test_a_list_of_rows_is_found_within_rows_too() -> None:
    form = form_of(TRIP)
    outer, inner = form.rows_of("passengers"), form.rows_of("passengers/r1/bags")
    assert outer is not None
    assert inner is not None
    assert (list(outer.item.members), inner.entry["maxRows"]) == (["home", "bags"], 2)
    for other in ("name", "passengers/r1", "passengers/bags", "passengers/r1/home", "nowhere"):
        assert form.rows_of(other) is None


def test_keys_of_flat_forms_may_have_any_slashes() -> None:
    form = form_of([{"key": "a/b"}, {"key": "a"}, {"key": "/"}])
    assert [field.key for key in ("a/b", "a", "/") if (field := form.field_of(key))] == ["a/b", "a", "/"]


@pytest.mark.parametrize(
    ("schema", "static"),
    [
        (TRIP[:2], True),
        (TRIP, False),
        ([{"key": "a", "showIf": {"filled": "b"}}, {"key": "b"}], False),
        ([{"key": "a", "requiredIf": {"filled": "b"}}, {"key": "b"}], False),
    ],
    ids=["flat", "rows", "showIf", "requiredIf"],
)
def test_a_form_without_rows_and_conditions_is_static(schema: list[Any], *, static: bool) -> None:
    assert form_of(schema).is_static is static


def test_marks_within_rows_are_known_without_the_ids_of_rows() -> None:
    form = form_of(TRIP)
    assert form.sensitive == ("passengers/home/street",)


def test_a_static_form_knows_who_is_asked_for_what() -> None:
    schema = [
        {"key": "name", "required": True},
        {"key": "number", "required": True, "readOnly": True},
        {"key": "card", "required": True, "autocomplete": "cc-number"},
        {"key": "free"},
    ]
    form = form_of(schema)
    assert [one.key for one in form.required] == ["name"]
    assert [one.key for one in form.required_person] == ["card"]


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ([{"key": "a", "group": "x"}, {"key": "a/b"}], '"a" is both a field and a group'),
        ([{"key": "g/" * 17 + "k", "group": "x"}], "stands in more than 16 groups"),
        ([{"key": "a", "showIf": 1}], '"a": showIf: a condition is an object'),
        ([{"key": "a", "showIf": {"filled": "a"}}], "depends on itself"),
    ],
    ids=["a field that is a group", "groups without an end", "no condition", "a circle"],
)
def test_a_form_that_contradicts_itself_is_refused(schema: list[Any], why: str) -> None:
    with pytest.raises(InvalidSchemaError, match=why):
        form_of(schema)


def test_the_example_of_the_readme_is_a_form_without_warnings() -> None:
    example = (Path(forms.__file__).parent / "README.md").read_text("utf-8").split("```json\n")[1].partition("```")[0]
    form = form_of(json.loads(example))
    assert form.mistakes == ()
    assert (form.fields["card"].by_person, sorted(form.lists)) == (True, ["lines"])
