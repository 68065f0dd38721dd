"""Schemas are compiled or refused with a reason, and fields say what they accept."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from handshake_prompt.forms.constraints import Constraints
from handshake_prompt.forms.fields import compile_schema
from handshake_prompt.forms.patterns import MATCH_STEPS
from handshake_prompt.protocol.errors import InvalidSchemaError
from handshake_prompt.protocol.limits import Limits
from tests.support.forms import field

LIMITS = Limits()


def refusal(schema: object) -> str:
    with pytest.raises(InvalidSchemaError) as caught:
        compile_schema(schema, LIMITS)
    assert (caught.value.status, caught.value.code) == (400, "invalid_schema")
    return caught.value.detail


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
    "options": ({"type": "enum", "options": [{"value": "red", "label": "Red"}, 1, True]}, 'one of "red", 1, true'),
    "many options": (
        {"type": "enum", "options": list(range(25))},
        f"one of {', '.join(map(str, range(20)))} or 5 more",
    ),
    "suggestions": ({"options": ["a"]}, "text"),
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
    "an empty list clears no required list": (
        {"type": "array", "minLength": 2, "required": True},
        [],
        "a list that is shorter",
    ),
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


ENTRIES: dict[str, tuple[Any, str]] = {
    "not an object": ("age", "a field must be an object"),
    "null": (None, "a field must be an object"),
    "without a key": ({"type": "int"}, "a key must be text"),
    "with a number as key": ({"key": 1}, "a key must be text"),
    "with a list as key": ({"key": ["a"]}, "a key must be text"),
    "with a reserved key": ({"key": "__proto__"}, "reserved name"),
    "with a key too long": ({"key": "k" * 257}, "1 to 256 characters"),
    "with a key used before": ({"key": "first"}, 'the key "first" is used before'),
    "with a type that is not Unicode": ({"key": "a", "type": "\ud800"}, "type: text must be valid Unicode"),
    "with min above max": ({"key": "a", "type": "int", "min": 2, "max": 1}, "min must not be above max"),
    "with times the wrong way round": ({"key": "a", "type": "time", "min": "17:00", "max": "09:00"}, "min must not be"),
    "with minLength above maxLength": ({"key": "a", "minLength": 2, "maxLength": 1}, "minLength must not be above"),
    "with a negative length": ({"key": "a", "maxLength": -1}, "maxLength must not be negative"),
    "with a broken length": ({"key": "a", "minLength": 1.5}, "minLength must be a whole number"),
    "with a bound no number can be": ({"key": "a", "type": "int", "min": 10**5000}, "min: an integer must lie"),
    "with an infinite bound": ({"key": "a", "type": "float", "max": float("inf")}, "max: a number must be finite"),
    "with text as a number's bound": ({"key": "a", "type": "int", "min": "1"}, "min must be a number"),
    "with no date as a date's bound": ({"key": "a", "type": "date", "max": "2023-02-29"}, "max must be a date"),
    "with min for text": ({"key": "a", "min": 1}, "min means nothing for this type"),
    "with a pattern for a number": ({"key": "a", "type": "int", "pattern": "1"}, "pattern means nothing"),
    "with a length for a Boolean": ({"key": "a", "type": "bool", "maxLength": 1}, "maxLength means nothing"),
    "with options that are no list": ({"key": "a", "type": "enum", "options": "abc"}, "options must be a list"),
    "with an option without a value": (
        {"key": "a", "type": "enum", "options": [{"label": "A"}]},
        'must have a "value"',
    ),
    "with a list as option": ({"key": "a", "type": "enum", "options": [["a"]]}, "an option must be text"),
    "with an object as option's value": ({"key": "a", "type": "enum", "options": [{"value": {}}]}, "an option must be"),
    "with a pattern that is not Unicode": ({"key": "a", "pattern": "\ud800"}, "pattern: text must be valid Unicode"),
    "with a pattern of many steps": ({"key": "a", "pattern": ".{0,500}"}, "pattern is too costly"),
}


@pytest.mark.parametrize(("entry", "why"), ENTRIES.values(), ids=ENTRIES)
def test_a_schema_is_refused_for_an_entry(entry: Any, why: str) -> None:
    detail = refusal([{"key": "first"}, entry])
    assert detail.startswith("schema[1]: ")
    assert why in detail


WRONG: dict[str, tuple[Any, ...]] = {
    "type": (1, 1.5, True, [], {}),
    "required": (0, 1, "true", [], {}),
    "sensitive": (0, 1, "false", [], {}),
    "readOnly": (0, 1, "", [], {}),
    "multiple": (0, 1, "no", [], {}),
    "min": (True, "1", [], {}),
    "max": (False, "", [1], {"a": 1}),
    "minLength": (True, "1", 1.0, [], {}),
    "maxLength": (False, "", 1.0, [], {}),
    "pattern": (True, 1, 1.5, [], {}),
    "options": (True, 1, "a", {}, [[]], [{}]),
}


@pytest.mark.parametrize(
    ("member", "wrong"), [(member, wrong) for member, row in WRONG.items() for wrong in row], ids=repr
)
def test_a_member_of_the_wrong_json_type_is_refused_by_name(member: str, wrong: Any) -> None:
    kind = {"options": "enum", "min": "int", "max": "int"}.get(member, "string")
    assert member.rstrip("s") in refusal([{"key": "a", "type": kind, member: wrong}])


@pytest.mark.parametrize("schema", [None, True, 1, "[]", {}, {"key": "a"}, ({"key": "a"},)], ids=repr)
def test_a_schema_is_a_list(schema: object) -> None:
    assert "must be a list" in refusal(schema)


def test_a_schema_has_a_bounded_number_of_fields() -> None:
    entries = [{"key": f"k{number}"} for number in range(501)]
    assert "501 fields: send at most 500" in refusal(entries)
    assert list(compile_schema(entries[:500], LIMITS)) == [entry["key"] for entry in entries[:500]]


def test_different_patterns_are_bounded_together_and_equal_ones_count_once() -> None:
    compile_schema([{"key": f"k{number}", "pattern": "a" * 500} for number in range(100)], LIMITS)
    assert "too long in all" in refusal([{"key": f"k{number}", "pattern": f"{number:0500}"} for number in range(100)])


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


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=8),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=4), part, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["string", "int", "number", "bool", "datetime", "date", "time", "email", "url", "enum", "array", "array<int>", "x"]
)
MEMBERS = (
    "required",
    "sensitive",
    "readOnly",
    "multiple",
    "options",
    "min",
    "max",
    "minLength",
    "maxLength",
    "pattern",
)
ENTRY = st.fixed_dictionaries(
    {"key": st.sampled_from(["a", "b"]) | JSON},
    optional={
        "type": NAMES | JSON,
        **dict.fromkeys(MEMBERS, JSON),
        "options": st.lists(st.none() | st.integers() | st.text(), max_size=3) | JSON,
        "pattern": st.text(st.sampled_from(r"ab.*+?()[]{}\1^$|,"), max_size=12) | JSON,
    },
)


@settings(max_examples=300, deadline=None)
@given(schema=JSON | st.lists(ENTRY | JSON, max_size=3), value=JSON)
def test_no_schema_and_no_value_raise_anything_but_a_refusal(schema: Any, value: Any) -> None:
    try:
        fields = compile_schema(schema, LIMITS)
    except InvalidSchemaError:
        return
    for one in fields.values():
        said = one.check(value)
        assert said is None or said.startswith("expected ")


CANARY = "correct horse battery staple"


@settings(deadline=None)
@given(entry=ENTRY, value=st.sampled_from([CANARY, [CANARY], {"a": CANARY}, [[CANARY]], f"{CANARY}@example.org"]))
def test_a_refusal_never_repeats_the_value(entry: dict[str, Any], value: Any) -> None:
    try:
        fields = compile_schema([entry], LIMITS)
    except InvalidSchemaError:
        return
    assert all(CANARY not in (one.check(value) or "") for one in fields.values())
