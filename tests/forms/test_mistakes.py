"""What looks like a mistake in a schema or a request is told; what is only unknown is not."""

from __future__ import annotations

from typing import Any

import pytest

from handshake_prompt.forms.mistakes import MOST_WARNINGS, body_mistakes, schema_mistakes, similar
from tests.support.cost import cpu_time

MEMBERS = {
    "maxlength": "maxLength",
    "min-length": "minLength",
    "READONLY": "readOnly",
    "Type": "type",
    "KEY": "key",
    "requird": "required",
    "requiredd": "required",
    "patern": "pattern",
    "pattren": "pattern",
    "option": "options",
    "mutliple": "multiple",
    "sensitve": "sensitive",
    "minimum": "min",
    "min_value": "min",
    "maxItems": "maxLength",
    "minLen": "minLength",
    "isRequired": "required",
    "is_sensitive": "sensitive",
    "values": "options",
    "lable": "label",
    "maximum": "max",
    "enum": "options",
    "regex": "pattern",
}


@pytest.mark.parametrize(("member", "meant"), MEMBERS.items(), ids=MEMBERS)
def test_a_member_that_looks_like_one_of_ours_is_warned_of(member: str, meant: str) -> None:
    told = schema_mistakes([{"key": "a"}, {"key": "b", member: 1}])
    assert told == [{"key": "b", "member": member, "msg": f'"{member}" is not read: did you mean "{meant}"?'}]


UNSUSPECTED: dict[str, Any] = {
    "label": "x",
    "desc": "x",
    "description": "x",
    "example": 1,
    "title": "x",
    "help": "x",
    "placeholder": "x",
    "autocomplete": "cc-name",
    "x-mine": 1,
    "mix": 1,
    "order": 3,
    "showIf": {},
    "": 1,
    "名": 1,
    "maxLengthOfEverythingInTheWholeWideWorld": 1,
}


def test_a_member_for_show_or_of_the_hosts_own_is_not() -> None:
    assert schema_mistakes([{"key": "a", **UNSUSPECTED}]) == []


@pytest.mark.parametrize("given", [["billing", "cc-name"], {"is": "cc-name"}, 1, True], ids=str)
def test_tokens_for_a_browser_that_are_no_text_are_warned_of(given: Any) -> None:
    (told,) = schema_mistakes([{"key": "a", "autocomplete": given}])
    assert (told["key"], told["member"]) == ("a", "autocomplete")


TYPES = {
    "String": "string",
    "interger": "integer",
    "EMAIL": "email",
    "date_time": "datetime",
    "date-time": "datetime",
    "drop-down": "enum",
    "uri": "url",
    "checkboxes": "checkbox",
    "numbr": "number",
    "Select": "select",
    "selectMultiple": "select-multiple",
    "multi-select": "select-multiple",
    "phone": "tel",
    "string[]": "array:string",
    "int32[]": "array:integer",
    "array<strng>": "array:string",
    "array<String>": "array:string",
    "array[number": "array:number",
    "Array<Integer>": "array:integer",
}


@pytest.mark.parametrize(("name", "meant"), TYPES.items(), ids=TYPES)
def test_a_type_that_looks_like_one_of_ours_is_warned_of(name: str, meant: str) -> None:
    [told] = schema_mistakes([{"key": "a", "type": name}])
    assert told["member"] == "type"
    assert told["msg"].endswith(f'did you mean "{meant}"?')


@pytest.mark.parametrize(
    "name", ["string", "checkbox", "datetime-local", "array<int>", "array", "array<any>", "signature", "x", None]
)
def test_a_type_that_is_one_or_like_none_is_not(name: str | None) -> None:
    assert schema_mistakes([{"key": "a", "type": name}]) == []


@pytest.mark.parametrize("name", ["string", "number", "array<text>", None])
def test_options_are_warned_of_where_they_mean_nothing(name: str | None) -> None:
    [told] = schema_mistakes([{"key": "a", "type": name, "options": ["x"]}])
    assert (told["member"], told["msg"].rpartition("mean ")[2]) == ("options", '"enum"?')


@pytest.mark.parametrize("name", ["enum", "select", "radio", "select-multiple", "array<enum>"])
def test_choices_without_options_are_warned_of(name: str) -> None:
    for options in (None, list[str]()):
        [told] = schema_mistakes([{"key": "a", "type": name, "options": options}])
        assert told["member"] == "options"
    assert schema_mistakes([{"key": "a", "type": name, "options": ["x"]}]) == []


def test_options_of_one_value_are_warned_of() -> None:
    twice = [{"value": "on", "label": "Yes"}, {"value": "on", "label": "No"}]
    [told] = schema_mistakes([{"key": "a", "type": "radio", "options": twice}])
    assert (told["key"], told["member"]) == ("a", "options")
    assert schema_mistakes([{"key": "a", "type": "radio", "options": [1, True, "1", {"value": "on"}]}]) == []


BODIES: dict[str, list[str]] = {
    "schemaa": ["schema"],
    "Contexts": ["context"],
    "fields": ["schema"],
    "usertoken": ["userToken"],
}


@pytest.mark.parametrize(("member", "meant"), BODIES.items(), ids=BODIES)
def test_a_body_is_looked_at_in_the_same_way(member: str, meant: list[str]) -> None:
    told = body_mistakes(["mode", member, "later"])
    assert [one["msg"].rpartition("mean ")[2] for one in told] == [f'"{name}"?' for name in meant]


def test_names_are_like_one_another_but_for_one_letter() -> None:
    known = ("options", "min")
    for name in ("options", "option", "optionss", "optoins", "opt1ons", "OPTIONS", "op-tions"):
        assert similar(name, known) == "options", name
    for name in ("optns1", "opt", "mi", "mind", "", "o" * 30, "optionsoptions"):
        assert similar(name, known) is None, name


def test_a_warning_quotes_what_it_is_about_as_data() -> None:
    [told] = body_mistakes(["sch\u200bema"])
    assert told["msg"].startswith(r'"sch\u200bema" is not read')


def test_warnings_are_bounded_and_so_is_the_search_for_them() -> None:
    many = [{"key": f"k{number}", "maxlength": 1} for number in range(500)]
    assert len(schema_mistakes(many)) == MOST_WARNINGS
    hostile = [{"key": "k", **{f"maxlengt{number}x": 1 for number in range(10_000)}}]
    assert min(cpu_time(schema_mistakes, hostile) for _ in range(3)) < 0.03
    assert min(cpu_time(body_mistakes, [f"contex{number}y" for number in range(1000)]) for _ in range(3)) < 0.03
