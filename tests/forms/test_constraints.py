"""What a field's constraints let through, and what the host's own check of types decides."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from handshake_prompt.forms.constraints import CustomType
from tests.support.forms import field

CODES = {"type": "code", "maxLength": 3, "pattern": "[A-Z]*"}
COLOURS = {"type": "enum", "options": [{"value": "red", "label": "Red"}, {"value": "green"}, "blue"]}
DAYTIME = {"type": "datetime", "min": "2024-01-01 00:00:00", "max": "2024-01-01 12:00:00"}

# The members of a schema entry, the values it accepts, and what is said of others.
CASES: dict[str, tuple[dict[str, Any], list[Any], list[tuple[Any, str]]]] = {
    "min and max": (
        {"type": "int", "min": 1, "max": 20},
        [1, 20],
        [(0, "a value below that"), (21, "a value above that"), ("7", "text")],
    ),
    "min of zero": ({"type": "float", "min": 0}, [0, 0.0], [(-0.1, "a value below that")]),
    "max alone": ({"type": "float", "max": 0.5}, [-1e300, 0.5], [(0.6, "a value above that")]),
    "bounds of a date": ({"type": "date", "min": "2024-01-01"}, ["2024-01-01"], [("2023-12-31", "a value below that")]),
    "bounds of a time": (
        {"type": "time", "min": "09:00", "max": "17:00"},
        ["17:00:00"],
        [("17:00:01", "a value above that"), ("08:59", "a value below that")],
    ),
    "naive bounds and a moment with an offset": (DAYTIME, ["2024-01-01T00:30:00+02:00"], []),
    "bounds of an unknown type": (
        {"type": "rating", "min": 1, "max": 5},
        [1, "six", True],
        [(6, "a value above that")],
    ),
    "lengths in characters": (
        {"minLength": 2, "maxLength": 2},
        ["🙂é"],
        [("a", "text that is shorter"), ("abc", "text that is longer")],
    ),
    "no room at all": ({"maxLength": 0, "required": True}, [""], [("a", "text that is longer")]),
    "lengths in entries": (
        {"type": "array", "minLength": 1, "maxLength": 2},
        [["long text", 2]],
        [([1, 2, 3], "a list that is longer")],
    ),
    "lengths and pattern of an unknown type": (
        CODES,
        ["ABC", 12345, ["abcd"]],
        [("abc", "text that does not match"), ("ABCD", "text that is longer")],
    ),
    "a pattern": (
        {"pattern": "[a-z]{2}"},
        ["ab"],
        [("abc", "text that does not match"), ("\ud800", "text that is not valid Unicode")],
    ),
    "a pattern that is costly": (
        {"pattern": "(?:[ab]{0,255})*"},
        ["ab" * 1_000],
        [("ab" * 15_000, "text that is too long for such a pattern")],
    ),
    "options": (COLOURS, ["red", "green", "blue"], [("Red", "another value"), ({"value": "red"}, "another value")]),
    "options that are numbers": (
        {"type": "enum", "options": [1, 2]},
        [1, 1.0],
        [(True, "another value"), ("1", "another value"), ([1], "another value")],
    ),
    "an option that is true": ({"type": "enum", "options": [True]}, [True], [(1, "another value")]),
    "an option that is null": ({"type": "enum", "options": [None, 1]}, [None, 1], [(0, "another value")]),
    "an enum without options": ({"type": "enum"}, [{"any": 1}, ["x"]], []),
    "an enum with no options left": ({"type": "enum", "options": []}, [1], []),
    "options of another type are suggestions": ({"options": ["a"]}, ["b"], []),
}


@pytest.mark.parametrize(("members", "good", "bad"), CASES.values(), ids=CASES)
def test_a_constraint_accepts_what_it_names_and_says_what_else_it_got(
    members: dict[str, Any], good: list[Any], bad: list[tuple[Any, str]]
) -> None:
    one = field(**members)
    assert [one.check(value) for value in good] == [None] * len(good)
    assert [one.check(value) for value, _ in bad] == [f"expected {one.accepts}, got {got}" for _, got in bad]


LISTS: dict[str, tuple[dict[str, Any], list[Any], list[tuple[Any, str]]]] = {
    "bounds": ({"type": "array<int>", "max": 5}, [[1, 5]], [([1, 6], "a value above that as entry 2")]),
    "pattern": (
        {"pattern": "[ab]*"},
        [["a", "b"], ["a"] * 4_000],
        [
            (["a", "c"], "text that does not match as entry 2"),
            (["a"] * 20_000, "text that is too long for such a pattern"),
        ],
    ),
    "lengths": ({"maxLength": 2}, [["long text", "longer text"]], [(["a", "b", "c"], "a list that is longer")]),
    "options": (
        {"type": "enum", "options": [1, True]},
        [[True, 1]],
        [
            ([1, 2], "another value as entry 2"),
            ([1, 1.0], "a list that repeats an entry"),
            ([1, [1]], "another value as entry 2"),
        ],
    ),
}


@pytest.mark.parametrize(("members", "good", "bad"), LISTS.values(), ids=LISTS)
def test_in_a_list_lengths_count_entries_and_all_else_holds_for_each(
    members: dict[str, Any], good: list[Any], bad: list[tuple[Any, str]]
) -> None:
    one = field(multiple=True, **members)
    assert [one.check(value) for value in good] == [None] * len(good)
    assert [one.check(value) for value, _ in bad] == [f"expected {one.accepts}, got {got}" for _, got in bad]


def recording() -> tuple[CustomType, list[tuple[Any, str]]]:
    """Return a check of types that takes anything but `three`, and the list of what it is asked."""
    asked: list[tuple[Any, str]] = []

    def custom_type(value: Any, name: str) -> bool:
        asked.append((value, name))
        return bool(value != "three")

    return custom_type, asked


def test_a_custom_type_stands_in_for_the_type_alone() -> None:
    custom, asked = recording()
    one = field(custom_type=custom, type="int", min=5)
    assert [one.check(value) for value in ("two", "three", None)] == [
        None,
        "expected an integer of at least 5, got another value",
        None,
    ]
    assert asked == [("two", "int"), ("three", "int")]
    assert field(custom_type=custom, type="enum", options=["a"]).check("two") is not None
    assert field(custom_type=custom, type="string", maxLength=1).check("two") is not None


def test_a_custom_type_sees_each_entry_of_a_multiple_field_and_arrays_as_a_whole() -> None:
    custom, asked = recording()
    assert field(custom_type=custom, type="int", multiple=True).check(["a", "b"]) is None
    assert field(custom_type=custom, type="int", multiple=True).check("a") is not None
    assert field(custom_type=custom, type="array<int>", max=5).check([1, 6]) is not None
    assert field(custom_type=custom, type="array<int>").check("1,2") is None
    assert field(custom_type=custom, type="array<enum>", options=["a"]).check("a") is None
    assert asked == [("a", "int"), ("b", "int"), ([1, 6], "array<int>"), ("1,2", "array<int>"), ("a", "array<enum>")]


@pytest.mark.parametrize("answer", [None, 1, "yes", [True], object()], ids=["None", "1", "text", "list", "object"])
def test_a_custom_type_that_answers_nonsense_refuses_and_is_logged(
    answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert field(custom_type=lambda *_: answer).check("a") is not None
    assert [(record.name, record.levelno) for record in caplog.records] == [("handshake_prompt", logging.ERROR)]
    assert "not True or False" in caplog.text


@pytest.mark.parametrize("sensitive", [False, True], ids=["open", "sensitive"])
def test_a_custom_type_that_raises_refuses_and_is_logged(*, sensitive: bool, caplog: pytest.LogCaptureFixture) -> None:
    def as_int(value: Any, _: str) -> bool:
        return int(value) > 0

    said = field(custom_type=as_int, sensitive=sensitive).check("hunter2")
    assert said == "expected text, got a value the server could not check"
    assert [(record.name, record.levelno) for record in caplog.records] == [("handshake_prompt", logging.ERROR)]
    assert "ValueError" in caplog.text
    assert "as_int" in caplog.text
    assert ("hunter2" in caplog.text) is not sensitive
