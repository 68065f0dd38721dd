"""The form that an agent's answer is about: labels, types and groups resolved, as actions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handshake_prompt.forms.answered_form import AnsweredForm
from handshake_prompt.forms.seen_state import conditional
from handshake_prompt.texts.answers.answer import Answer, Entry, Loose, Noted, UnreadableAnswerError
from handshake_prompt.texts.answers.placed_json import Members
from handshake_prompt.texts.answers.reader import read_answer

FORM = AnsweredForm(
    [
        {"key": "name", "type": "string", "label": " Full name "},
        {"key": "age", "type": "integer", "label": "Number"},
        {"key": "size", "type": "number", "label": "Number"},
        {"key": "zip", "type": "string", "label": "age"},
        {"key": "home/street", "type": "string", "label": "Street"},
        {"key": "home/geo/lat", "type": "number"},
        {"key": "data", "type": "json"},
        "no entry",
        {"label": "no key"},
    ],
    ["free"],
)


def answer_of(fields: dict[str, Any] | None = None, **parts: list[Entry]) -> Answer:
    members = Members()
    members.update(fields or {})
    return Answer(fields=members, **parts)  # type: ignore[arg-type]


def fields(**given: Any) -> dict[str, Any]:
    return {one["key"]: one["value"] for one in FORM.resolve(answer_of(given)).actions}


def test_a_field_is_known_by_its_key_and_by_a_label_that_it_has_alone() -> None:
    names = ("name", "Full name", "age", "Number", "size", "zip", "Street", "home/geo/lat", "free", "mood")
    assert {name: FORM.names.key_of(name) for name in names} == {
        "name": "name",
        "Full name": "name",
        "age": "age",
        "Number": None,
        "size": "size",
        "zip": "zip",
        "Street": "home/street",
        "home/geo/lat": "home/geo/lat",
        "free": "free",
        "mood": None,
    }


def test_objects_that_are_groups_are_taken_apart_and_others_are_not() -> None:
    nested = {"street": "A", "geo": {"lat": 1.5}, "door": 2}
    assert fields(home=nested, data={"a": {"b": 1}}, mood={"good": 1}) == {
        "home/street": "A",
        "home/geo/lat": 1.5,
        "home/door": 2,
        "data": {"a": {"b": 1}},
        "mood": {"good": 1},
    }


GROUPED = AnsweredForm(
    [
        *({"key": f"{group}/city", "type": "string", "label": "Town"} for group in ("home", "work")),
        {"key": "home/geo/lat", "type": "number", "label": "Latitude"},
    ]
)


def test_a_label_in_a_group_names_the_field_of_that_group() -> None:
    answer = answer_of({"home": {"Town": "Bern", "geo": {"latitude": 1.5}}, "work": {"Town": "Biel"}, "Town": "x"})
    assert [(one["key"], one["value"]) for one in GROUPED.resolve(answer).actions] == [
        ("home/city", "Bern"),
        ("home/geo/lat", 1.5),
        ("work/city", "Biel"),
        ("Town", "x"),
    ]


def test_a_group_is_known_in_another_case_too() -> None:
    answer = answer_of({"Home": {"City": "Bern", "Geo": {"lat": 1.5}}})
    assert [one["key"] for one in GROUPED.resolve(answer).actions] == ["home/city", "home/geo/lat"]


HEADED = AnsweredForm(
    [
        {"key": f"{name}_city", "type": "string", "label": "City", "group": f"{name.title()} address"}
        for name in ("billing", "delivery")
    ]
)


def test_a_label_under_a_heading_names_the_field_of_that_heading() -> None:
    answer = answer_of({"Billing address": {"City": "Bern"}, "Delivery address": {"City": "Biel", "Town": "x"}})
    assert [(one["key"], one["value"]) for one in HEADED.resolve(answer).actions] == [
        ("billing_city", "Bern"),
        ("Delivery address", {"City": "Biel", "Town": "x"}),
    ]


LISTS = AnsweredForm(
    [
        {
            "key": "lines",
            "type": "rows",
            "fields": [
                {"key": "what", "type": "string", "label": "Item"},
                {"key": "n", "type": "number", "label": "Number"},
                {"key": "m", "type": "number", "label": "Number"},
                {"key": "parts", "type": "rows", "label": "Parts", "fields": [{"key": "p", "label": "Part"}]},
            ],
        },
        {"key": "data", "type": "json"},
    ]
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"Item": "x", "n": 1}, {"what": "x", "n": 1}),
        ({"item": "x", "Number": 1}, {"what": "x", "Number": 1}),
        ({"Parts": [{"Part": "y"}, {"p": "z"}]}, {"parts": [{"p": "y"}, {"p": "z"}]}),
        ({"mood": {"Item": 1}}, {"mood": {"Item": 1}}),
        ("x", "x"),
    ],
)
def test_columns_of_rows_may_be_called_by_labels_that_they_have_alone(given: Any, expected: Any) -> None:
    answer = answer_of({"lines": [given], "data": [given]}, add=[Entry("lines", given), Entry("data", given)])
    assert [one["value"] for one in LISTS.resolve(answer).actions] == [[expected], [given], expected, given]
    noted = answer_of({"lines": {"value": [given], "source": "a list"}})
    assert LISTS.resolve(noted).actions == [{"type": "set", "key": "lines", "value": [expected], "source": "a list"}]
    assert LISTS.resolve(answer_of({"lines": Loose(json.dumps([given]))})).actions[0]["value"] == [expected]


def test_two_values_for_a_column_by_key_and_by_label_are_refused() -> None:
    assert refused(LISTS, '{"add": {"lines": [{"what": "x",\n"Item": "y"}]}}') == [
        (2, "there are two values for 'what' in a row of 'lines'")
    ]


def test_texts_get_the_type_of_their_field_and_others_stay_as_they_are() -> None:
    assert fields(age=Loose("36"), name=Loose("36"), size="36") == {"age": 36, "name": "36", "size": "36"}
    assert fields(age=Loose("null"), name=Loose("null")) == {"age": None, "name": "null"}


@pytest.mark.parametrize(
    "text",
    [
        '{"fields": {"home/street": "A", "home": {\n"street": "B"}}}',
        '{"fields": {"home/street": 1,\n"home": {\n"Street": 1}}}',
        '{"fields": {"home": {"Street": "A"},\n"name": "x",\n"Street": "B"}}',
    ],
    ids=["by key and by group", "by key and by label in a group", "by label in a group and alone"],
)
def test_two_values_for_a_field_are_refused_with_the_line_of_the_second(text: str) -> None:
    assert refused(FORM, text) == [(text.count("\n") + 1, "there are two values for 'home/street'")]


def refused(form: AnsweredForm, text: str) -> list[tuple[int, str]]:
    """The lines of a text that are refused once its names are resolved."""
    answer = read_answer(text, form.names)
    with pytest.raises(UnreadableAnswerError) as caught:
        form.resolve(answer)
    return [(fault.line, fault.msg) for fault in caught.value.faults]


def test_each_action_has_the_line_at_which_it_stands() -> None:
    parts = ['"remove": ["lines/r1",\n"lines/r2"]', '"fields": {\n"n":\n1, "data": 2}', '"add": {"lines": [{},\n{}]}']
    text = "{" + ",\n".join([*parts, '"suggest": {\n"Item": "x"}']) + "}"
    assert LISTS.resolve(read_answer(text, LISTS.names)).lines == [1, 2, 4, 5, 6, 7, 9]
    lines = "Here:\n```handshake\nAge: 1\n- name: x\n| zip | 2 |\n```"
    assert FORM.resolve(read_answer(lines, FORM.names)).lines == [3, 4, 5]


FLAT = AnsweredForm(
    [
        {"key": "home_street", "type": "string"},
        {"key": "home_city", "type": "string"},
        {"key": "job.title", "type": "string"},
        {"key": "trip[days]", "type": "integer"},
        {"key": "name", "type": "string", "group": "About you"},
        {"key": "age", "type": "integer", "label": "Age", "group": "About you"},
        {"key": "note", "type": "string"},
    ]
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"home": {"street": "A", "city": "B"}}, {"home_street": "A", "home_city": "B"}),
        ({"job": {"title": "x"}}, {"job.title": "x"}),
        ({"trip": {"days": 3}}, {"trip[days]": 3}),
        ({"About you": {"name": "Ann", "Age": 36}}, {"name": "Ann", "age": 36}),
        ({"home": {"street": "A", "door": 2}}, {"home": {"street": "A", "door": 2}}),
        ({"spouse": {"name": "Bob"}}, {"spouse": {"name": "Bob"}}),
        ({"About you": {"name": "Ann", "note": "x"}}, {"About you": {"name": "Ann", "note": "x"}}),
        ({"home": {}}, {"home": {}}),
    ],
)
def test_objects_are_taken_apart_where_their_names_say_which_fields_are_meant(
    given: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert {one["key"]: one["value"] for one in FLAT.resolve(answer_of(given)).actions} == expected


def test_a_value_with_its_label_is_the_value() -> None:
    given = {"name": {"value": "a", "label": "A"}}
    assert FORM.resolve(answer_of(given)).actions == [{"type": "set", "key": "name", "value": "a"}]


def test_an_object_of_a_value_and_notes_becomes_an_action_with_them() -> None:
    noted = {"value": 36, "source": "the passport", "reason": "it says so", "confidence": 0.9}
    answer = answer_of({"age": noted, "name": {"value": "Ann"}, "data": {"value": 1}, "zip": {"value": "1", "x": 2}})
    assert FORM.resolve(answer).actions == [
        {"type": "set", "key": "age", **noted},
        {"type": "set", "key": "name", "value": "Ann"},
        {"type": "set", "key": "data", "value": {"value": 1}},
        {"type": "set", "key": "zip", "value": {"value": "1", "x": 2}},
    ]


def test_all_that_an_answer_asks_for_becomes_actions_in_order() -> None:
    answer = answer_of(
        {"age": 1},
        add=[Entry("lines", {"a": 1})],
        remove=[Entry("lines/r1")],
        suggest=[Entry("name", "A", notes={"reason": "so"}), Entry("age", 2)],
    )
    assert FORM.resolve(answer).actions == [
        {"type": "remove", "key": "lines/r1"},
        {"type": "set", "key": "age", "value": 1},
        {"type": "add", "key": "lines", "value": {"a": 1}},
        {"type": "suggest", "key": "name", "value": "A", "reason": "so"},
        {"type": "suggest", "key": "age", "value": 2},
    ]


def test_notes_of_actions_come_with_them_whatever_type_their_field_has() -> None:
    answer = answer_of(
        {"data": Noted(value={"value": 1}, ifRev=3), "age": {"value": 1, "ifRev": 2}},
        add=[Entry("lines", {"a": 1}, notes={"after": "r1"})],
        remove=[Entry("lines/r1", notes={"ifRev": 4})],
    )
    assert FORM.resolve(answer).actions == [
        {"type": "remove", "key": "lines/r1", "ifRev": 4},
        {"type": "set", "key": "data", "value": {"value": 1}, "ifRev": 3},
        {"type": "set", "key": "age", "value": 1, "ifRev": 2},
        {"type": "add", "key": "lines", "value": {"a": 1}, "after": "r1"},
    ]


CONTEXT = {
    "name": {"value": "A", "by": "default", "rev": 7},
    "age": {"value": 1, "by": "ai", "rev": 8},
    "lines/r1/a": {"value": 1, "by": "default", "rev": 3},
    "lines/r1/b": {"value": 1, "by": "ai", "rev": 9},
}


@pytest.mark.parametrize(
    ("action", "seq", "expected"),
    [
        ({"type": "set", "key": "name"}, 5, 5),
        ({"type": "set", "key": "name"}, 7, 7),
        ({"type": "set", "key": "name"}, None, 7),
        ({"type": "set", "key": "age"}, 5, 8),
        ({"type": "set", "key": "size"}, 5, 0),
        ({"type": "remove", "key": "lines/r1"}, 5, 9),
        ({"type": "remove", "key": "lines/r1"}, 2, 2),
        ({"type": "set", "key": "lines"}, 2, 2),
        ({"type": "set", "key": "name", "ifRev": 4}, 5, 4),
        ({"type": "add", "key": "lines"}, 2, None),
        ({"type": "suggest", "key": "name"}, 2, None),
    ],
)
def test_an_action_is_on_the_condition_of_what_its_agent_has_seen(
    action: dict[str, Any], seq: int | None, expected: int | None
) -> None:
    assert conditional([action], CONTEXT, seq)[0].get("ifRev") == expected
