"""Notes on a field: what it takes, when, and from whom."""

from __future__ import annotations

from typing import Any

import pytest

from handshake_prompt.forms.field_types import TYPES as FIELD_TYPES
from handshake_prompt.texts.field_notes import TYPES, Style, field_notes, page_words
from handshake_prompt.texts.quoting import code_span

PLAIN = Style(span=str, options=12)

NOTES: dict[str, tuple[dict[str, Any], str]] = {
    "text": ({"minLength": 1}, "at least 1 characters"),
    "a list": ({"type": "integer", "multiple": True}, "multiple: a list; integer"),
    "a list in the type's name": ({"type": "array[url]", "maxLength": 3}, "multiple: a list; url; at most 3 entries"),
    "a list of anything": ({"type": "array"}, "multiple: a list"),
    "a list of something unknown": ({"type": "array<x>"}, 'multiple: a list; "array\\u003cx>"'),
    "several options by HTML's name": (
        {"type": "select-multiple", "minLength": 1},
        "multiple: a list; select-multiple; at least 1 entries",
    ),
    "a group of checkboxes": (
        {"type": "checkbox", "options": ["a"], "maxLength": 2},
        'multiple: a list, none twice; checkbox; at most 2 entries; one of "a"',
    ),
    "a checkbox": ({"type": "checkbox"}, "checkbox"),
    "options in an array": (
        {"type": "array:enum", "options": ["a"], "repeats": True},
        'multiple: a list; enum; one of "a"',
    ),
    "each entry": (
        {"multiple": True, "unique": True, "each": {"minLength": 2, "maxLength": 3}},
        "no entry twice; multiple: a list; each 2 to 3 characters",
    ),
    "a choice of alternatives": (
        {"type": "enum", "options": ["Person"], "virtual": True},
        'chooses what else is asked for; enum; one of "Person"',
    ),
    "further members": ({"type": "json", "rest": True}, "further members, as an object; json"),
    "empty is an answer": (
        {"type": "array<string>", "required": True, "blank": True},
        "required; empty is an answer; multiple: a list; string",
    ),
    "one of several types": ({"type": ["string", "integer"], "nullable": True}, "null is an answer; string or integer"),
    "a type of the page's own": ({"type": "money"}, '"money"'),
    "a pattern": ({"pattern": "[a-z]"}, 'matches "[a-z]"'),
    "a format": ({"format": "uri"}, 'format "uri"'),
    "days": ({"type": "date", "min": "2026-01-01"}, 'date; at least "2026-01-01"'),
    "steps": (
        {"type": "number", "exclusiveMin": 0, "exclusiveMax": 9.5, "step": 0.01},
        "number; more than 0; less than 9.5; in steps of 0.01",
    ),
    "any step": ({"type": "number", "step": "any"}, "number"),
    "rows": ({"type": "rows", "minRows": 1, "maxRows": 20, "fields": []}, "rows; 1 to 20 rows"),
    "other text": ({"type": "enum", "options": ["a"], "open": True}, 'enum; one of "a" or other text'),
    "a lookup": ({"lookup": True}, "options on request"),
    "flags": ({"required": True, "readOnly": True, "sensitive": True}, "required; read only; hidden from the agent"),
    "the person's": ({"by": "person", "type": "password"}, "the person's to fill; password"),
    "conditions": (
        {"requiredIf": {"filled": "a"}, "showIf": {"key": "b", "in": [1]}},
        'required if "a" has a value; shown if "b" is 1',
    ),
    "JSON": ({"type": "json", "schema": {"type": "object"}}, 'json; schema {"type": "object"}'),
    "JSON of a long schema": ({"type": "json", "schema": {"enum": ["x" * 1000]}}, "json; schema: see the JSON"),
    "values to go by": ({"default": 0, "example": "Ada"}, 'default 0; such as "Ada"'),
    "nothing": ({"required": False, "type": None, "options": [], "min": None, "default": None}, ""),
}


@pytest.mark.parametrize(("field", "told"), NOTES.values(), ids=NOTES)
def test_a_field_tells_what_it_takes(field: dict[str, Any], told: str) -> None:
    assert "; ".join(field_notes({"key": "k", **field}, PLAIN)) == told


def test_a_missing_field_is_told_as_that() -> None:
    assert list(field_notes({"required": True}, PLAIN, is_missing=True)) == ["missing"]


def test_text_of_the_page_is_marked_as_such() -> None:
    field = {"pattern": "`", "showIf": {"filled": "`"}, "options": ["`"]}
    told = list(field_notes(field, Style(span=code_span, options=12)))
    assert told == [r'shown if `"\u0060" has a value`', r'matches `"\u0060"`', r'one of `"\u0060"`']


def test_a_label_that_repeats_the_key_is_not_told() -> None:
    assert page_words("name", {"label": "name", "desc": "Of the person"}) == ['"Of the person"']


def test_the_names_of_the_types_are_the_protocol_s() -> None:
    assert set(FIELD_TYPES) <= TYPES
