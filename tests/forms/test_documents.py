"""Documents and the cells they are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from handshake_prompt.forms.documents import Cells, flat, nested
from handshake_prompt.forms.keys import escaped, joined
from handshake_prompt.forms.shape import Entry, GroupRule, lists_of, shape_of, without_rows
from handshake_prompt.protocol.errors import InvalidSchemaError

ENTRIES: list[Entry] = [
    {"key": "name"},
    {"key": "home/street", "group": "Home"},
    {"key": "home/geo/lat", "type": "number"},
    {"key": "home/@kind", "type": "enum", "options": ["a"], "virtual": True},
    {"key": "a~1b", "type": "integer"},
    {
        "key": "lines",
        "type": "rows",
        "fields": [
            {"key": "amount", "type": "number"},
            {"key": "to/iban"},
            {"key": "parts", "type": "rows", "fields": [{"key": "kg", "type": "number"}]},
        ],
    },
    {"key": "more/@rest", "type": "json", "rest": True},
    {"key": "more/known"},
]
SHAPE = shape_of(ENTRIES)
DOCUMENT = {
    "name": "Ada",
    "home": {"street": "High St", "geo": {"lat": 1.5}},
    "a/b": 3,
    "lines": [{"amount": 1, "to": {"iban": "X"}, "parts": [{"kg": 2}, {"kg": 3}]}, {"amount": 2}],
    "more": {"known": "k", "x": 1, "y": [2]},
}
CELLS = Cells(
    {
        "name": "Ada",
        "home/street": "High St",
        "home/geo/lat": 1.5,
        "a~1b": 3,
        "lines/r1/amount": 1,
        "lines/r1/to/iban": "X",
        "lines/r1/parts/r3/kg": 2,
        "lines/r1/parts/r4/kg": 3,
        "lines/r2/amount": 2,
        "more/known": "k",
        "more/@rest": {"x": 1, "y": [2]},
    },
    {"lines": ["r1", "r2"], "lines/r1/parts": ["r3", "r4"]},
)


def test_a_document_and_its_cells_are_made_of_one_another() -> None:
    assert flat(SHAPE, DOCUMENT) == CELLS
    assert nested(SHAPE, *CELLS) == DOCUMENT


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(st.text(min_size=1, max_size=3), inner, min_size=1, max_size=3).map(
        lambda found: {"members": found}
    )


leaves = st.one_of(st.integers(), st.text(min_size=1), st.lists(st.integers(), min_size=1))
members: st.SearchStrategy[Any] = st.recursive(
    leaves.map(lambda _: {}),
    lambda inner: st.one_of(objects(inner), objects(inner).map(lambda shape: {"rows": shape["members"]})),
    max_leaves=12,
)


def entries_of(shape: Any, prefix: str = "") -> list[Entry]:
    """Return entries for the members of an object."""
    found: list[Entry] = []
    for name, inner in shape.items():
        key = joined(prefix, escaped(name))
        if "members" in inner:
            found += entries_of(inner["members"], key)
        elif "rows" in inner:
            found.append({"key": key, "type": "rows", "fields": entries_of(inner["rows"])})
        else:
            found.append({"key": key, "type": "json", "group": "g"})
    return found


def document_of(draw: Callable[[st.SearchStrategy[Any]], Any], shape: Any) -> dict[str, Any]:
    """Return an object in which nothing is empty, since an object with nothing in it is none."""
    found: dict[str, Any] = {}
    for name, inner in shape.items():
        if "rows" in inner:
            count = draw(st.integers(1, 3))
            found[name] = [document_of(draw, inner["rows"]) for _ in range(count)]
        else:
            found[name] = document_of(draw, inner["members"]) if "members" in inner else draw(leaves)
    return found


@given(st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_document_is_made_of_its_cells_and_any_cells_of_their_document(data: st.DataObject) -> None:
    shape = data.draw(st.dictionaries(st.text(min_size=1, max_size=3), members, min_size=1, max_size=4))
    document = document_of(data.draw, shape)
    entries = entries_of(shape)
    cells = flat(shape_of(entries), document)
    assert nested(shape_of(entries), *cells) == document
    assert flat(shape_of(entries), nested(shape_of(entries), *cells)) == cells

    lists = sorted(cells.rows)
    if lists:  # a row that goes takes its cells along and no others
        key = data.draw(st.sampled_from(lists))
        gone = data.draw(st.sampled_from(cells.rows[key]))
        fewer = {**cells.rows, key: [row for row in cells.rows[key] if row != gone]}
        left = {name: value for name, value in cells.values.items() if not name.startswith(f"{key}/{gone}/")}
        assert nested(shape_of(entries), cells.values, fewer) == nested(shape_of(entries), left, fewer)


def test_rows_come_in_their_order_and_those_unknown_not_at_all() -> None:
    rows = {"lines": ["r2", "r1"], "lines/r1/parts": []}
    assert [line["amount"] for line in nested(SHAPE, CELLS.values, rows)["lines"]] == [2, 1]
    assert "parts" not in nested(SHAPE, CELLS.values, rows)["lines"][1]


def test_what_is_not_shown_is_left_out() -> None:
    document = nested(SHAPE, *CELLS, hidden={"name", "home/street", "lines"})
    assert document == {"home": {"geo": {"lat": 1.5}}, "a/b": 3, "more": DOCUMENT["more"]}


def test_a_choice_between_alternatives_is_no_part_of_the_document() -> None:
    assert nested(SHAPE, {"home/@kind": "a"}, {}) == {}


@pytest.mark.parametrize(
    ("entry", "value", "document"),
    [
        ({}, "", {"k": ""}),
        ({"minLength": 1}, "", {}),
        ({"type": "email"}, "", {}),
        ({"type": "integer"}, "", {}),
        ({"type": "enum", "options": ["", "a"]}, "", {"k": ""}),
        ({"type": "enum", "options": ["a"]}, "", {}),
        ({}, None, {}),
        ({"nullable": True}, None, {"k": None}),
        ({"type": "array<string>"}, [], {"k": []}),
        ({"type": "array<string>", "minLength": 1}, [], {}),
        ({"type": "boolean"}, False, {"k": False}),
        ({"type": "integer"}, 0, {"k": 0}),
    ],
)
def test_an_empty_value_is_there_where_its_field_takes_it(entry: Entry, value: Any, document: Any) -> None:
    assert nested(shape_of([{"key": "k", **entry}]), {"k": value}, {}) == document


@pytest.mark.parametrize(
    ("rule", "values", "document"),
    [
        (GroupRule(), {}, {}),
        (GroupRule(), {"g/a": ""}, {}),
        (GroupRule(), {"g/a": "x"}, {"g": {"a": "x"}}),
        (GroupRule(required=True), {}, {"g": {}}),
        (GroupRule(required=True), {"g/a": ""}, {"g": {"a": ""}}),
        (GroupRule(required=True, nullable=True), {"g/a": ""}, {"g": None}),
        (GroupRule(required=True, nullable=True), {"g/a": "x"}, {"g": {"a": "x"}}),
    ],
)
def test_an_object_is_there_if_it_has_to_be_or_something_in_it_is_filled(
    rule: GroupRule, values: dict[str, Any], document: Any
) -> None:
    assert nested(shape_of([{"key": "g/a"}], {"g": rule}), values, {}) == document


@pytest.mark.parametrize(
    ("required", "nullable", "document"), [(False, False, {}), (True, False, {"l": []}), (True, True, {"l": None})]
)
def test_a_list_without_rows_is_there_if_it_has_to_be(required: bool, nullable: bool, document: Any) -> None:  # noqa: FBT001
    entry = {"key": "l", "type": "rows", "fields": [{"key": "a"}], "required": required}
    assert nested(shape_of([entry], {"l": GroupRule(nullable=nullable)}), {}, {}) == document


def test_a_slash_means_nothing_in_a_form_without_groups_and_rows() -> None:
    assert nested(shape_of([{"key": "a/b"}]), {"a/b": 1}, {}) == {"a/b": 1}


@pytest.mark.parametrize("document", [{"home": 3}, {"lines": {}}, {"lines": [3]}, {"home": []}])
def test_a_document_of_another_shape_is_refused(document: Any) -> None:
    with pytest.raises(TypeError):
        flat(SHAPE, document)


def test_members_without_a_field_are_left_out() -> None:
    assert flat(SHAPE, {"other": 1, "name": "x"}) == Cells({"name": "x"}, {})


@pytest.mark.parametrize("keys", [("a", "a/b"), ("a/b", "a"), ("a/b/c", "a/b")])
def test_a_key_is_a_field_or_a_group(keys: tuple[str, str]) -> None:
    with pytest.raises(InvalidSchemaError):
        shape_of([{"key": key, "group": "g"} for key in keys])


@pytest.mark.parametrize(
    ("key", "plain"),
    [
        ("name", "name"),
        ("lines/r1/amount", "lines/amount"),
        ("lines/r1/parts/r3/kg", "lines/parts/kg"),
        ("lines/r1", "lines"),
        ("home/street", "home/street"),
    ],
)
def test_the_ids_of_rows_are_told_from_names(key: str, plain: str) -> None:
    assert without_rows(key, dict(lists_of(SHAPE))) == plain
