"""Values on the command line, by the type of their field."""

from __future__ import annotations

from typing import Any

import pytest

from handshake_prompt.forms.typed_text import field_of, typed_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("Ada", "Ada", id="text"),
        pytest.param("", "", id="empty"),
        pytest.param("b=c", "b=c", id="equals-sign"),
        pytest.param("12.5", 12.5, id="number"),
        pytest.param("true", True, id="boolean"),
        pytest.param("null", None, id="null"),
        pytest.param('["x", 1]', ["x", 1], id="list"),
        pytest.param('{"b": {}}', {"b": {}}, id="object"),
        pytest.param('"12"', "12", id="quoted"),
        pytest.param("007", "007", id="leading-zeros"),
        pytest.param("NaN", "NaN", id="not-a-number"),
        pytest.param("-Infinity", "-Infinity", id="infinity"),
        pytest.param("1e400", "1e400", id="beyond-all-numbers"),
        pytest.param("[", "[", id="half-a-list"),
        pytest.param("[" * 100_000, "[" * 100_000, id="too-deep"),
        pytest.param("9" * 5_000, "9" * 5_000, id="too-long-a-number"),
    ],
)
@pytest.mark.parametrize(
    "field", [None, {"type": "anything"}, {"type": "enum"}], ids=["no-field", "any-type", "any-enum"]
)
def test_without_a_type_a_value_is_json_where_it_can_be_and_text_elsewhere(
    text: str, value: Any, field: dict[str, Any] | None
) -> None:
    found = typed_value(text, field)
    assert found == value
    assert type(found) is type(value)


COUNTS = [{"value": 1, "label": "One"}, {"value": 2.5}, {"value": True}]
SIZES = ["S", {"value": "M", "label": "Medium"}, "X, Y"]
WORDS = ["1", "true", {"value": "null", "label": "None"}]


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        pytest.param({}, "170123456", "170123456", id="no type is text"),
        pytest.param({"type": "string"}, "170123456", "170123456", id="digits"),
        pytest.param({"type": "str"}, "true", "true", id="word of JSON"),
        pytest.param({"type": "string"}, "null", "null", id="name of a person"),
        pytest.param({"type": "string"}, "[1]", "[1]", id="list in text"),
        pytest.param({"type": "string"}, "1e5", "1e5", id="number in text"),
        pytest.param({"type": "string"}, '"Ada"', "Ada", id="text in quotation marks"),
        pytest.param({"type": "string"}, "", "", id="empty text"),
        pytest.param({"type": "date"}, "2026-11-20", "2026-11-20", id="date"),
        pytest.param({"type": "date"}, "", None, id="empty date"),
        pytest.param({"type": "integer"}, "36", 36, id="integer"),
        pytest.param({"type": "int"}, "36.0", 36.0, id="number for an integer"),
        pytest.param({"type": "integer"}, "old", "old", id="text for an integer"),
        pytest.param({"type": "number"}, "null", None, id="null for a number"),
        pytest.param({"type": "number"}, "", None, id="empty number"),
        pytest.param({"type": "boolean"}, "true", True, id="boolean"),
        pytest.param({"type": "boolean"}, "True", True, id="boolean of Python"),
        pytest.param({"type": "checkbox"}, "FALSE", False, id="boolean of a spreadsheet"),
        pytest.param({"type": ["boolean", "string"]}, "True", "True", id="text that looks like a boolean"),
        pytest.param({"type": "boolean"}, "yes", "yes", id="word for a boolean"),
        pytest.param({"type": "enum", "options": WORDS}, "1", "1", id="option of text"),
        pytest.param({"type": "enum", "options": WORDS}, "true", "true", id="option that looks like JSON"),
        pytest.param({"type": "enum", "options": WORDS}, "null", "null", id="option with a label"),
        pytest.param({"type": "enum", "options": COUNTS}, "1", 1, id="option of a number"),
        pytest.param({"type": "enum", "options": COUNTS}, "2.5", 2.5, id="option of a fraction"),
        pytest.param({"type": "enum", "options": COUNTS}, "true", True, id="option of a boolean"),
        pytest.param({"type": "enum", "options": COUNTS}, "3", "3", id="no option"),
        pytest.param({"type": "enum", "options": [1, "1"]}, "1", "1", id="text before numbers"),
        pytest.param({"type": "enum", "options": ["a"]}, "null", None, id="null for an enum"),
        pytest.param({"type": "enum", "options": [1]}, "null", None, id="null for an enum of numbers"),
        pytest.param({"type": "date"}, "20261120", "20261120", id="digits for a date"),
        pytest.param({"type": "month"}, "2026", "2026", id="a year for a month"),
        pytest.param({"type": "email"}, "null", None, id="null for an address"),
        pytest.param({"type": "checkbox", "options": ["a", "b"]}, "a", ["a"], id="one of a group of checkboxes"),
        pytest.param({"type": "checkbox", "options": ["a", "b"]}, '["a", "b"]', ["a", "b"], id="a group of checkboxes"),
        pytest.param({"type": "checkbox", "options": [1, 2]}, "2", [2], id="a number of a group of checkboxes"),
        pytest.param({"type": "checkbox"}, "true", True, id="checkbox"),
        pytest.param({"type": "select-multiple", "options": ["a"]}, "a", ["a"], id="one of several"),
        pytest.param({"type": "string", "options": [1]}, "1", "1", id="options that mean nothing"),
        pytest.param({"multiple": True}, '["a", "b"]', ["a", "b"], id="list"),
        pytest.param({"multiple": True}, "a", ["a"], id="one of a list"),
        pytest.param({"multiple": True, "options": SIZES}, "S, Medium", ["S", "Medium"], id="options"),
        pytest.param({"multiple": True, "options": SIZES}, "S，M；S、M", ["S", "M", "S", "M"], id="other signs"),
        pytest.param({"multiple": True, "options": SIZES}, "X, Y", ["X, Y"], id="an option with a comma"),
        pytest.param({"multiple": True, "options": SIZES}, "S, L", ["S, L"], id="no options all"),
        pytest.param({"multiple": True}, "a, b", ["a, b"], id="a comma in an entry of a list"),
        pytest.param({"options": SIZES}, "S, M", "S, M", id="options of a field that takes one"),
        pytest.param({"multiple": True}, "12", ["12"], id="digits in a list"),
        pytest.param({"multiple": True}, "", [], id="empty list"),
        pytest.param({"type": "integer", "multiple": True}, "12", [12], id="one number of a list"),
        pytest.param({"type": "array<integer>"}, "12", [12], id="one of an array"),
        pytest.param({"type": "array"}, "[1]", [1], id="array of anything"),
        pytest.param({"multiple": True}, "null", None, id="null for a list"),
        pytest.param({"type": ["string"], "options": 7}, "12", "12", id="malformed field"),
        pytest.param({"type": ["string", "integer"]}, "12", 12, id="number of a type among several"),
        pytest.param({"type": ["string", "integer"]}, "007", "007", id="digits of a type among several"),
        pytest.param({"type": ["string", "integer"]}, "true", "true", id="text of a type among several"),
        pytest.param({"type": ["boolean", "array"]}, '["a"]', ["a"], id="list of a type among several"),
        pytest.param({"type": ["integer", "boolean"]}, "", None, id="nothing for several types"),
        pytest.param({"type": ["integer", "date"], "multiple": True}, "12", [12], id="one of a list of several types"),
        pytest.param({"nullable": True}, "null", None, id="null for a text that takes it"),
        pytest.param({"multiple": True, "nullable": True}, "null", None, id="null for a list that takes it"),
        pytest.param({"type": "json"}, '{"a": 1}', {"a": 1}, id="JSON"),
        pytest.param({"type": "json"}, "a", "a", id="text for JSON"),
        pytest.param({"type": "rows", "fields": []}, '[{"a": 1}]', [{"a": 1}], id="rows"),
        pytest.param({"type": "enum", "open": True, "options": [1]}, "2", "2", id="other text"),
    ],
)
def test_the_type_of_the_field_decides(field: dict[str, Any], text: str, value: Any) -> None:
    found = typed_value(text, field)
    assert found == value
    assert type(found) is type(value)


LINES = {"key": "lines", "type": "rows", "fields": [{"key": "tags/all", "type": "rows", "fields": [{"key": "n"}]}]}


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("lines", "lines"),
        ("lines/r3/tags/all", "tags/all"),
        ("lines/r3/tags/all/r1/n", "n"),
        ("a/b", "a/b"),
        ("lines/r3", None),
        ("lines/r3/other", None),
        ("other", None),
    ],
)
def test_a_cell_has_the_entry_of_its_column(key: str, found: str | None) -> None:
    entry = field_of([LINES, {"key": "a/b"}, None], key)
    assert (entry and entry["key"]) == found
