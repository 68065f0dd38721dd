"""What a field's constraints let through, and what the host's own check of types decides."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from handshake_prompt.forms.constraints import CustomType
from tests.support.cost import cpu_time
from tests.support.forms import field

CODES = {"type": "code", "maxLength": 3, "pattern": "[A-Z]*"}
COLOURS: dict[str, Any] = {"type": "enum", "options": [{"value": "red", "label": "Red"}, {"value": "green"}, "blue"]}
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
    "bounds not included": (
        {"type": "number", "exclusiveMin": 0, "exclusiveMax": 1},
        [0.001, 0.999],
        [(0, "a value that is not above that"), (1, "a value that is not below that")],
    ),
    "bounds of a date not included": (
        {"type": "date", "exclusiveMin": "2026-01-01"},
        ["2026-01-02"],
        [("2026-01-01", "a value that is not above that")],
    ),
    "steps": (
        {"type": "number", "step": 0.01},
        [19.99, 0.1, 0.3, -0.07, 3],
        [(1.005, "a value between two steps")],
    ),
    "steps from the lower bound": (
        {"type": "integer", "min": 3, "step": 6},
        [3, 9],
        [(6, "a value between two steps"), (-3, "a value below that")],
    ),
    "steps of a day": (
        {"type": "date", "min": "2026-01-01", "step": 7},
        ["2026-01-08"],
        [("2026-01-09", "a value between two steps")],
    ),
    "steps of a time in seconds": (
        {"type": "time", "step": 900, "min": "08:10"},
        ["09:25", "09:25:00"],
        [("09:15", "a value between two steps"), ("09:25:01", "a value between two steps")],
    ),
    "steps of a moment in seconds": (
        {"type": "datetime-local", "step": 60},
        ["2026-05-04T09:30", "1969-12-31T23:59"],
        [("2026-05-04T09:30:15", "a value between two steps"), ("2026-05-04T09:30:00.5", "a value between two steps")],
    ),
    "steps of a month": (
        {"type": "month", "step": 3},
        ["2026-01", "2026-04"],
        [("2026-05", "a value between two steps")],
    ),
    "steps of a week": (
        {"type": "week", "step": 2},
        ["1970-W01", "2026-W03"],
        [("2026-W02", "a value between two steps")],
    ),
    "any step, as HTML says": ({"type": "number", "step": "any"}, [1.005], []),
    "a format": ({"format": "month"}, ["2026-05"], [("2026-13", "other text"), (5, "an integer")]),
    "a format that is a hint": ({"format": "telegram"}, ["x"], []),
    "a format of a text too long for it": (
        {"format": "uri"},
        ["mailto:a@example.com"],
        [("a:" + "b" * 3_000, "text that is too long for such a format")],
    ),
    "several types": (
        {"type": ["string", "integer"], "minLength": 2, "min": 5, "step": 5},
        ["ab", 5, 10],
        [
            ("a", "text that is shorter"),
            (4, "a value below that"),
            (7, "a value between two steps"),
            (1.5, "a number"),
            (True, "a boolean"),
        ],
    ),
    "a moment or a number": (
        {"type": ["date", "integer"], "min": 5},
        ["2026-01-01", 5],
        [(4, "a value below that"), ("x", "other text")],
    ),
    "text or a list of texts": (
        {"type": ["string", "array<string>"]},
        ["a", ["a"], []],
        [([1], "a list"), (1, "an integer")],
    ),
    "options of several types": (
        {"type": ["string", "integer"], "options": ["a", 1]},
        ["a", 1],
        [("b", "another value")],
    ),
    "null where it is a value": ({"type": "integer", "nullable": True, "required": True}, [None, 1], [("", "text")]),
    "options and other text": (
        {"type": "enum", "options": ["a", 1], "open": True, "maxLength": 3},
        ["a", 1, "abc"],
        [(2, "another value"), ("abcd", "text that is longer")],
    ),
    "an option that is disabled": (
        {"type": "enum", "options": ["a", {"value": "b", "disabled": True}]},
        ["a"],
        [("b", "another value")],
    ),
    "options that are looked up": ({"type": "enum", "options": ["a"], "lookup": True}, ["anything"], []),
    "no list or object twice": (
        {"type": "array", "unique": True},
        [[[1], [True], {"a": 1}, {"a": 2}]],
        [([{"a": 1, "b": [2]}, {"b": [2.0], "a": 1}], "a list that repeats an entry")],
    ),
    "any JSON": ({"type": "json"}, [1, "a", ["a"], {"b": {}}], []),
    "JSON with a schema": (
        {"type": "json", "schema": {"type": "object", "additionalProperties": {"maxLength": 2}}},
        [{}, {"a": "bc"}],
        [
            ({"a": "bcd"}, "a value of which a does not fit: This may have at most 2 characters"),
            ("a", "a value of which the whole does not fit: This has to be of type object"),
        ],
    ),
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
    "options that may come again": (
        {"type": "enum", "options": [1, 2], "repeats": True},
        [[1, 1, 2]],
        [([1, 3], "another value as entry 2")],
    ),
    "an option that stands alone": (
        {"type": "enum", "options": ["web", "app", {"value": "none", "exclusive": True}]},
        [["web", "app"], ["none"]],
        [(["web", "none"], "a list that has more beside an option that stands alone")],
    ),
    "lengths of entries": (
        {"each": {"minLength": 1, "maxLength": 2}, "minLength": 2},
        [["a", "bc"]],
        [(["a", ""], "text that is shorter as entry 2"), (["abc", "a"], "text that is longer as entry 1")],
    ),
    "no entry twice": (
        {"type": "number", "unique": True},
        [[1, 2, 1.5]],
        [([1, 2, 1.0], "a list that repeats an entry")],
    ),
    "steps and formats": (
        {"type": ["string", "number"], "step": 0.1, "format": "uuid"},
        [["00000000-0000-0000-0000-00000000000a", 0.3]],
        [([0.3, 0.35], "a value between two steps as entry 2"), (["x"], "other text as entry 1")],
    ),
}


@pytest.mark.parametrize(("members", "good", "bad"), LISTS.values(), ids=LISTS)
def test_in_a_list_lengths_count_entries_and_all_else_holds_for_each(
    members: dict[str, Any], good: list[Any], bad: list[tuple[Any, str]]
) -> None:
    one = field(multiple=True, **members)
    assert [one.check(value) for value in good] == [None] * len(good)
    assert [one.check(value) for value, _ in bad] == [f"expected {one.accepts}, got {got}" for _, got in bad]


@pytest.mark.parametrize(
    ("value", "meant"),
    {
        "red": "red",
        "Red": "red",
        "RED ": "red",
        "Green": "green",
        "BLUE": "blue",
        "Dark  blue": "navy",
        "Sea": "Sea",
        "": "",
        "r": "r",
        1: 1,
    }.items(),
)
def test_a_text_means_the_one_option_that_it_is_the_label_of_or_another_case_of(value: Any, meant: Any) -> None:
    options = [*COLOURS["options"], {"value": "navy", "label": "dark blue"}]
    options += [{"value": "teal", "label": "Sea"}, {"value": "aqua", "label": "sea"}]
    one = field(type="enum", options=options)
    assert one.choices.resolved(value) == meant
    assert one.choices.resolved([value, "Red"]) == [meant, "red"]


def test_a_value_is_never_taken_for_a_label() -> None:
    one = field(type="enum", options=[{"value": "a", "label": "b"}, {"value": "b", "label": "a"}])
    assert [one.choices.resolved(value) for value in ("a", "b", "A", "B")] == ["a", "b", "A", "B"]


@pytest.mark.parametrize(
    ("value", "nearest"),
    [
        ("gren", '"green"'),
        ("blew", '"blue"'),
        ("Redd", '"red" ("Red")'),
        ("reddish", '"red" ("Red")'),
        (["green", "bleu"], '"blue"'),
        ("xyz", None),
        ("", None),
        (5, None),
        (["green"], None),
    ],
)
def test_the_option_that_a_text_is_most_like_is_known(value: Any, nearest: str | None) -> None:
    assert field(**COLOURS).nearest(value) == nearest


def test_the_nearest_of_very_many_options_is_found_fast() -> None:
    options = [{"value": f"option {number}", "label": "x" * 100} for number in range(900)]
    one = field(type="enum", options=options)
    assert one.nearest("Option 37") == f'"option 37" ("{"x" * 60}…")'
    assert min(cpu_time(one.nearest, "no such " * 4_000) for _ in range(3)) < 0.001


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
    assert field(custom_type=lambda _, name: name == "b", type=["a", "b"]).check("two") is None
    assert field(custom_type=lambda *_: False, type=["a", "b"]).check("two") is not None


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
