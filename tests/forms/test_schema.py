"""Schemas are compiled within bounds, or refused with a reason."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from handshake_prompt.forms.schema import compile_schema
from handshake_prompt.protocol.errors import InvalidSchemaError
from handshake_prompt.protocol.limits import Limits

LIMITS = Limits()


def refusal(schema: object) -> str:
    with pytest.raises(InvalidSchemaError) as caught:
        compile_schema(schema, LIMITS)
    assert (caught.value.status, caught.value.code) == (400, "invalid_schema")
    return caught.value.detail


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
    "with rows without fields": ({"key": "a", "type": "rows"}, 'rows need "fields"'),
    "with fewer rows than none": (
        {"key": "a", "type": "rows", "fields": [{"key": "b"}], "minRows": -1},
        "minRows must",
    ),
    "with the rows' bounds the wrong way round": (
        {"key": "a", "type": "rows", "fields": [{"key": "b"}], "minRows": 2, "maxRows": 1},
        "minRows must not be negative, nor above maxRows",
    ),
    "with rows of several": (
        {"key": "a", "type": "rows", "fields": [{"key": "b"}], "multiple": True},
        "multiple means nothing for rows",
    ),
    "with cells of keys too long": (
        {"key": "a" * 200, "type": "rows", "fields": [{"key": "b" * 60}]},
        "fields[0]: a key must be 1 to 256 characters",
    ),
    "with a faulty field of rows": (
        {"key": "a", "type": "rows", "fields": [{"key": "b"}, {"key": "c", "type": "int", "min": "1"}]},
        "fields[1]: min must be a number",
    ),
    "with rows that use a key twice": (
        {"key": "a", "type": "rows", "fields": [{"key": "b"}, {"key": "b"}]},
        'the key "a/b" is used before',
    ),
    "with a pattern of many steps": ({"key": "a", "pattern": ".{0,500}"}, "pattern is too costly"),
}


@pytest.mark.parametrize(("entry", "why"), ENTRIES.values(), ids=ENTRIES)
def test_a_schema_is_refused_for_an_entry(entry: Any, why: str) -> None:
    detail = refusal([{"key": "first"}, entry])
    assert detail.startswith("schema[1]")
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
    "fields": (True, 1, "a", {}),
    "minRows": (True, "1", 1.0, [], {}),
    "maxRows": (False, "1", 1.0, [], {}),
}


KINDS = {"options": "enum", "min": "int", "max": "int", "fields": "rows", "minRows": "rows", "maxRows": "rows"}


@pytest.mark.parametrize(
    ("member", "wrong"), [(member, wrong) for member, row in WRONG.items() for wrong in row], ids=repr
)
def test_a_member_of_the_wrong_json_type_is_refused_by_name(member: str, wrong: Any) -> None:
    kind = KINDS.get(member, "string")
    fields = {"fields": [{"key": "b"}]} if kind == "rows" else {}
    assert member.rstrip("s") in refusal([{"key": "a", "type": kind, **fields, member: wrong}])


@pytest.mark.parametrize("schema", [None, True, 1, "[]", {}, {"key": "a"}, ({"key": "a"},)], ids=repr)
def test_a_schema_is_a_list(schema: object) -> None:
    assert "must be a list" in refusal(schema)


def test_a_schema_has_a_bounded_number_of_fields() -> None:
    entries = [{"key": f"k{number}"} for number in range(501)]
    assert "501 fields: send at most 500" in refusal(entries)
    assert list(compile_schema(entries[:500], LIMITS)) == [entry["key"] for entry in entries[:500]]
    rows = {"key": "rows", "type": "rows", "fields": entries[:499]}
    assert len(compile_schema([rows], LIMITS)) == 500
    assert "501 fields: send at most 500" in refusal([*entries[:1], rows])


def test_different_patterns_are_bounded_together_and_equal_ones_count_once() -> None:
    compile_schema([{"key": f"k{number}", "pattern": "a" * 500} for number in range(100)], LIMITS)
    assert "too long in all" in refusal([{"key": f"k{number}", "pattern": f"{number:0500}"} for number in range(100)])


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


@settings(deadline=None)
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
