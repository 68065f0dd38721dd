"""Status of cells: hidden and missing ones."""

from __future__ import annotations

import time
from itertools import permutations
from typing import Any

import pytest

from handshake_prompt.forms.budget import Budget
from handshake_prompt.forms.rules import compile_rules
from handshake_prompt.forms.status import Evaluation, Status, status_of
from handshake_prompt.protocol.errors import TooLargeError


def status(entries: list[dict[str, Any]], values: dict[str, Any], rows: Any = None) -> Status:
    return status_of(compile_rules(entries), values, rows or {})


A_IS_1 = {"key": "a", "in": [1]}


def test_a_field_not_shown_is_neither_missing_nor_counted_as_filled() -> None:
    entries: list[dict[str, Any]] = [
        {"key": "a"},
        {"key": "b", "required": True, "showIf": A_IS_1},
        {"key": "c", "required": True, "showIf": {"filled": "b"}},
    ]
    assert status(entries, {"a": 2, "b": "x"}) == Status(frozenset({"b", "c"}), (), ())
    assert status(entries, {"a": 1, "b": "x"}) == Status(frozenset(), ("c",), ())
    assert status(entries, {"a": 1}) == Status(frozenset({"c"}), ("b",), ())


def test_what_is_required_under_a_condition_is_missing_while_it_holds() -> None:
    entries: list[dict[str, Any]] = [
        {"key": "home/a", "group": "h"},
        {"key": "home/b", "requiredIf": {"filled": "home"}},
    ]
    assert status(entries, {}).missing == ()
    assert status(entries, {"home/a": "x"}).missing == ("home/b",)
    assert status(entries, {"home/a": "", "home/b": "x"}).missing == ()


@pytest.mark.parametrize(
    ("entry", "values", "expected"),
    [
        ({"required": True}, {}, "missing"),
        ({"required": True}, {"k": ""}, "missing"),
        ({"required": True}, {"k": False}, None),
        ({"required": True}, {"k": 0}, None),
        ({"required": True}, {"k": None}, "missing"),
        ({"required": True, "nullable": True}, {"k": None}, None),
        ({"required": True, "nullable": True}, {}, "missing"),
        ({"required": True, "readOnly": True}, {}, None),
        ({"required": True, "by": "person"}, {}, "person"),
        ({}, {}, None),
    ],
)
def test_what_is_missing_is_asked_for_and_empty(entry: Any, values: Any, expected: str | None) -> None:
    found = status([{"key": "k", **entry}], values)
    assert (found.missing, found.missing_person) == (
        ("k",) if expected == "missing" else (),
        ("k",) if expected == "person" else (),
    )


def test_a_null_that_nobody_gave_as_an_answer_is_missing() -> None:
    rules = compile_rules([{"key": "k", "required": True, "nullable": True}])
    assert status_of(rules, {"k": None}, {}, unanswered=frozenset({"k"})).missing == ("k",)


ROWS: list[dict[str, Any]] = [
    {"key": "kind"},
    {
        "key": "lines",
        "type": "rows",
        "minRows": 2,
        "required": True,
        "fields": [
            {"key": "kind"},
            {"key": "own", "required": True, "showIf": {"key": "kind", "in": ["x"]}},
            {"key": "outer", "required": True, "showIf": {"filled": "lines"}},
        ],
    },
    {"key": "sum", "requiredIf": {"filled": "lines"}},
]


def test_a_name_in_a_row_means_the_same_row_first_and_then_the_form() -> None:
    values = {"kind": "x", "lines/r1/kind": "y", "lines/r2/kind": "x"}
    found = status(ROWS, values, {"lines": ["r1", "r2"]})
    assert found.hidden == {"lines/r1/own"}
    assert found.missing == ("lines/r1/outer", "lines/r2/own", "lines/r2/outer", "sum")


@pytest.mark.parametrize(("rows", "missing"), [([], True), (["r1"], True), (["r1", "r2"], False)])
def test_too_few_rows_are_missing(rows: list[str], missing: bool) -> None:  # noqa: FBT001
    assert ("lines" in status(ROWS, {}, {"lines": rows}).missing) is missing


def test_an_optional_list_is_missing_once_it_is_begun_and_not_complete() -> None:
    entry = {"key": "l", "type": "rows", "minRows": 2, "fields": [{"key": "a"}]}
    assert [status([entry], {}, {"l": ["r1", "r2"][:count]}).missing for count in range(3)] == [(), ("l",), ()]


def test_a_list_not_shown_hides_the_cells_of_its_rows() -> None:
    entry = {"key": "l", "type": "rows", "showIf": A_IS_1, "fields": [{"key": "b", "required": True}]}
    found = status([{"key": "a"}, entry], {"l/r1/b": ""}, {"l": ["r1"]})
    assert found == Status(frozenset({"l", "l/r1/b"}), (), ())


def test_the_order_of_fields_makes_no_difference_to_what_is_shown() -> None:
    entries: list[dict[str, Any]] = [
        {"key": "a"},
        {"key": "b", "showIf": A_IS_1},
        {"key": "c", "showIf": {"filled": "b"}},
        {"key": "d", "showIf": {"not": {"filled": "c"}}},
    ]
    for a in (1, 2):
        found = {status(list(order), {"a": a, "b": 1, "c": 1}).hidden for order in permutations(entries)}
        assert len(found) == 1


def test_a_name_found_nowhere_counts_as_empty() -> None:
    assert status([{"key": "b", "showIf": {"filled": "gone"}}], {"gone": 1}).hidden == {"b"}


def test_what_is_required_may_depend_on_itself() -> None:
    entries: list[dict[str, Any]] = [
        {"key": "a", "requiredIf": {"filled": "b"}},
        {"key": "b", "requiredIf": {"filled": "a"}},
    ]
    assert status(entries, {"a": 1}).missing == ("b",)


def test_the_largest_form_of_conditions_is_judged_at_once() -> None:
    names = [f"g/k{number}" for number in range(250)]
    entries: list[dict[str, Any]] = [{"key": name, "group": "g"} for name in names]
    entries += [{"key": f"c{number}", "showIf": {"any": [{"filled": "g"}] * 4}} for number in range(250)]
    rules = compile_rules(entries)
    began = time.thread_time()
    assert len(status_of(rules, {}, {}).hidden) == 250
    assert time.thread_time() - began < 0.05


def test_one_cell_is_judged_by_itself_and_by_the_lists_around_it() -> None:
    entries: list[dict[str, Any]] = [
        {"key": "a"},
        {"key": "home/b", "showIf": A_IS_1},
        {
            "key": "l",
            "type": "rows",
            "showIf": A_IS_1,
            "fields": [{"key": "c"}, {"key": "home/d", "showIf": {"filled": "c"}}],
        },
    ]
    rules, rows = compile_rules(entries), {"l": ["r1", "r2"]}
    cells = ("a", "home/b", "l", "l/r1/c", "l/r1/home/d", "l/r2/c", "l/r2/home/d")
    for values in ({"a": 1, "l/r1/c": "x"}, {"a": 2, "l/r1/c": "x"}):
        evaluation = Evaluation(rules, values, rows)
        hidden = status_of(rules, values, rows).hidden
        assert {key for key in cells if not evaluation.is_shown(key)} == hidden
    assert not Evaluation(rules, {}, rows, budget=Budget(1)).is_shown("l/r1/home/d")
    with pytest.raises(TooLargeError) as refusal:
        Evaluation(rules, {"a": 1}, rows, budget=Budget(1)).is_shown("l/r1/home/d")
    assert refusal.value.code == "checks_too_costly"
