"""Fields say what they accept, and what is wrong with a value."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from handshake_prompt.forms.constraints import Constraints
from handshake_prompt.forms.patterns import MATCH_STEPS
from tests.support.forms import field

SENTENCES: dict[str, tuple[dict[str, Any], str]] = {
    "no type": ({}, "text"),
    "a type": ({"type": "date"}, "a date (YYYY-MM-DD)"),
    "an unknown type": ({"type": "colour-picker"}, "a value"),
    "a list of anything": ({"type": "array<thing>"}, "a list"),
    "a list of a type": ({"type": "array:int"}, "a list of which each is an integer"),
    "many of a type": ({"type": "email", "multiple": True}, "a list of which each is an email address"),
    "both bounds": ({"type": "int", "min": 1, "max": 20}, "an integer between 1 and 20"),
    "one bound": ({"type": "time", "max": "17:00"}, "a time (HH:MM or HH:MM:SS) of at most 17:00"),
    "a bound of each entry": ({"type": "array<int>", "min": 5}, "a list of which each is an integer of at least 5"),
    "a length of text": ({"minLength": 2}, "text of at least 2 characters"),
    "a length of a list": ({"type": "array", "minLength": 1, "maxLength": 2}, "a list between 1 and 2 entries"),
    "a length of many": ({"multiple": True, "maxLength": 2}, "a list of at most 2 entries of which each is text"),
    "a pattern": (
        {"type": "code", "maxLength": 3, "pattern": r"^\d+$"},
        r'a value of at most 3 characters matching the pattern "^\\d+$"',
    ),
    "options": (
        {"type": "enum", "options": [{"value": "red", "label": "Red"}, 1, True]},
        'one of "red" ("Red"), 1, true',
    ),
    "several options": (
        {"type": "enum", "multiple": True, "options": [{"value": "mon", "label": "Monday"}, "tue"]},
        'a list of which each is one of "mon" ("Monday"), "tue", such as ["mon"]',
    ),
    "an example": ({"type": "date", "example": "2026-01-31"}, 'a date (YYYY-MM-DD), such as "2026-01-31"'),
    "an example of a list": (
        {"type": "integer", "multiple": True, "example": [1, 2]},
        "a list of which each is an integer, such as [1, 2]",
    ),
    "a select": ({"type": "select", "options": ["x"]}, 'one of "x"'),
    "a group of checkboxes": (
        {"type": "checkbox", "options": ["x"]},
        'a list of which each is one of "x", such as ["x"]',
    ),
    "a range": ({"type": "range"}, "a number between 0 and 100"),
    "a range with one bound": ({"type": "range", "min": 200}, "a number between 200 and 200"),
    "a range below nothing": ({"type": "range", "max": -5}, "a number between -5 and -5"),
    "a moment with a bound": (
        {"type": "datetime-local", "min": "2026-11-20T10:00"},
        "a local date and time (YYYY-MM-DDTHH:MM, no offset) of at least 2026-11-20T10:00",
    ),
    "many options": (
        {"type": "enum", "options": list(range(25))},
        f"one of {', '.join(map(str, range(20)))} or 5 more",
    ),
    "suggestions": ({"options": ["a"]}, "text"),
    "bounds not included": ({"type": "number", "exclusiveMin": 0, "exclusiveMax": 1}, "a number above 0 below 1"),
    "steps": ({"type": "number", "step": 0.5, "max": 30}, "a number of at most 30 in steps of 0.5"),
    "steps of a time": (
        {"type": "time", "step": 900, "min": "08:00"},
        "a time (HH:MM or HH:MM:SS) of at least 08:00 in steps of 900 seconds from 08:00",
    ),
    "a format": ({"format": "uri"}, "a URI"),
    "a format of one of several types": (
        {"type": ["string", "number"], "format": "month"},
        "text or a number (a month (YYYY-MM))",
    ),
    "a format that is a hint": ({"format": "html"}, "text"),
    "lengths of entries": (
        {"multiple": True, "each": {"maxLength": 5}, "maxLength": 2},
        "a list of at most 2 entries of which each is text of at most 5 characters",
    ),
    "no entry twice": (
        {"type": "array<int>", "unique": True},
        "a list without repeats of which each is an integer",
    ),
    "options and other text": ({"type": "enum", "options": ["a"], "open": True}, 'one of "a" or other text'),
    "JSON": ({"type": "json"}, "JSON"),
}


@pytest.mark.parametrize(("members", "accepts"), SENTENCES.values(), ids=SENTENCES)
def test_a_field_says_in_words_what_it_accepts(members: dict[str, Any], accepts: str) -> None:
    one = field(required=True, **members)
    assert one.accepts == accepts
    assert one.check(None) == f"expected {accepts}, got null"


# Members of the schema entry, a value, and what it is said to be: None when it is accepted.
CASES: dict[str, tuple[dict[str, Any], Any, str | None]] = {
    "int takes no Boolean": ({"type": "int"}, True, "a boolean"),
    "int takes no float": ({"type": "int"}, 1.0, "a number"),
    "bool takes no number": ({"type": "bool"}, 1, "an integer"),
    "text of another form is told from another kind": ({"type": "date"}, "2023-02-29", "other text"),
    "an unknown type takes an object": ({"type": "colour-picker"}, {"r": 1}, None),
    "array takes any list": ({"type": "array"}, [1, "a", None], None),
    "array takes no text": ({"type": "array"}, "a", "text"),
    "arrays of arrays take any list": ({"type": "array<array<int>>"}, ["a"], None),
    "array of a type": ({"type": "array<int>"}, [1, 2], None),
    "array of a type names the entry": ({"type": "array[int]"}, [1, "a"], "text as entry 2"),
    "array of a type takes no single value": ({"type": "array:int"}, 1, "an integer"),
    "multiple": ({"type": "email", "multiple": True}, ["a@b.c", "d@e.f"], None),
    "multiple names the entry": ({"type": "email", "multiple": True}, ["a@b.c", "d"], "other text as entry 2"),
    "multiple takes no single value": ({"type": "email", "multiple": True}, "a@b.c", "text"),
    "multiple of arrays": ({"type": "array", "multiple": True}, [[1], []], None),
    "null clears": ({"type": "int", "min": 1}, None, None),
    "null clears no required field": ({"type": "int", "required": True}, None, "null"),
    "null clears nothing within a list": ({"type": "array<int>"}, [None], "null as entry 1"),
    "empty text clears a date": ({"type": "date", "min": "2024-01-01"}, "", None),
    "empty text clears a choice": ({"type": "enum", "options": ["a"]}, "", None),
    "empty text clears whatever its length": ({"minLength": 2}, "", None),
    "empty text clears no required date": ({"type": "date", "required": True}, "", "other text"),
    "empty text is text in a required field": ({"required": True}, "", None),
    "empty text clears no number": ({"type": "int"}, "", "text"),
    "an empty list clears": ({"type": "array", "minLength": 2}, [], None),
    "an empty list clears a multiple field": ({"type": "int", "multiple": True, "minLength": 2}, [], None),
    "null alone clears a field that is never blank": ({"minLength": 2, "blank": False}, None, None),
    "empty text clears no field that is never blank": ({"minLength": 2, "blank": False}, "", "text that is shorter"),
    "an empty list clears no list that is never blank": (
        {"type": "array", "minLength": 2, "blank": False},
        [],
        "a list that is shorter",
    ),
    "an empty list clears no required list": (
        {"type": "array", "minLength": 2, "required": True},
        [],
        "a list that is shorter",
    ),
    "a select takes an option": ({"type": "select", "options": ["x"]}, "x", None),
    "a select takes no other value": ({"type": "select", "options": ["x"]}, "zzz", "another value"),
    "a moment without seconds": ({"type": "datetime", "min": "2026-11-20T10:00"}, "2026-11-20T10:00", None),
    "a moment below a bound without seconds": (
        {"type": "datetime", "min": "2026-11-20T10:00"},
        "2026-11-20 09:59:59",
        "a value below that",
    ),
    "a control holds no offset": ({"type": "datetime-local"}, "2026-11-20T10:00+01:00", "other text"),
    "zero and false clear nothing": ({"type": "string"}, 0, "an integer"),
    "members that are null are left out": (
        {"type": None, "required": None, "options": None, "min": None, "pattern": None},
        "a",
        None,
    ),
    "other members may be anything": (
        {"label": 1, "desc": [], "example": {}, "placeholder": None, "x": "y"},
        "a",
        None,
    ),
}


@pytest.mark.parametrize(("members", "value", "got"), CASES.values(), ids=CASES)
def test_a_field_checks_a_value(members: dict[str, Any], value: Any, got: str | None) -> None:
    one = field(**members)
    assert one.check(value) == (None if got is None else f"expected {one.accepts}, got {got}")


def test_a_field_knows_what_a_value_costs_it_to_match() -> None:
    text = "ab" * 1000
    assert field(maxLength=9).cost(text) == 0
    assert field(pattern="[ab]*").cost(5) == 0
    one, many = field(pattern="[ab]*"), field(pattern="[ab]*", multiple=True)
    assert one.cost(text) == many.cost([text]) > len(text)
    assert many.cost([text, 1, "ab", text]) == 2 * one.cost(text) + one.cost("ab")
    assert one.cost([text]) == 0


def test_what_costs_more_than_matching_may_is_refused_unmatched() -> None:
    words = ["ab" * 1000] * 100
    many = field(type="x", pattern="[ab]{0,100}", multiple=True)
    assert many.cost(words) > MATCH_STEPS
    assert str(many.check(words)).endswith("got text that is too long for such a pattern")
    assert field(type="x", pattern="[ab]{0,100}").check(words) is None


def test_a_field_says_that_it_takes_null() -> None:
    assert field(type="integer", nullable=True).accepts == "an integer or null"


def test_a_field_is_an_immutable_value() -> None:
    one = field(type="enum", options=[1, 1.0, "a"], required=True, sensitive=True, readOnly=True, multiple=True)
    assert (one.key, one.type, one.options, one.constraints) == ("k", "enum", (1.0, "a"), Constraints())
    assert (one.required, one.sensitive, one.read_only, one.multiple) == (True, True, True, True)
    assert len({one, field(type="enum", options=[1.0, "a"])}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.required = False  # type: ignore[misc]


def test_flags_are_off_unless_they_are_set() -> None:
    one = field(minLength=1, maxLength=9, pattern="a*")
    assert (one.required, one.sensitive, one.read_only, one.multiple, one.options) == (False, False, False, False, ())
    assert one.constraints == Constraints(min_length=1, max_length=9, pattern="a*")
