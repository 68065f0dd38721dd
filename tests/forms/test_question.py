"""Questions: small forms, whose answers are judged by the fields on show."""

from __future__ import annotations

from typing import Any

import pytest

from handshake_prompt.forms.question import Question
from handshake_prompt.protocol.errors import HandshakeError
from handshake_prompt.protocol.limits import Limits

LIMITS = Limits()
HOW = {"key": "how", "type": "enum", "options": ["train", "plane", "foot"], "required": True}
SEAT = {"key": "seat", "type": "enum", "options": ["aisle", "window"], "required": True}
FLIES = {"key": "how", "in": ["plane"]}
TRIP = [
    HOW,
    SEAT | {"showIf": FLIES},
    {"key": "meal", "type": "integer", "showIf": {"filled": "seat"}},
    {"key": "card/number", "requiredIf": {"not": {"key": "how", "in": ["foot"]}}},
    {"key": "why", "required": True, "showIf": {"not": {"filled": "card"}}},
    {"key": "sign", "required": True, "by": "person", "showIf": {"key": "how", "in": ["train"]}},
    {"key": "note", "type": "integer", "required": True, "nullable": True, "showIf": {"key": "sign", "in": ["yes"]}},
]

ANSWERS: dict[str, tuple[dict[str, Any], Any]] = {
    "what is shown": ({"how": "plane", "seat": "aisle", "card/number": "7"}, None),
    "a value of what is not shown": ({"how": "foot", "seat": "aisle", "why": "sun"}, {"how": "foot", "why": "sun"}),
    "one that would not fit": ({"how": "foot", "seat": 7, "why": "sun"}, {"how": "foot", "why": "sun"}),
    "one behind what is not shown": ({"how": "foot", "meal": "x", "why": "sun"}, {"how": "foot", "why": "sun"}),
    "one that is shown and does not fit": ({"how": "plane", "seat": 7, "card/number": "7"}, "invalid_value"),
    "what is shown and missing": ({"how": "plane", "card/number": "7"}, "missing_answer"),
    "what is required by another": ({"how": "plane", "seat": "aisle", "why": "sun"}, "missing_answer"),
    "what is asked of the person alone": ({"how": "train", "card/number": "7"}, "missing_answer"),
    "null as an answer": ({"how": "train", "card/number": "7", "sign": "yes", "note": None}, None),
    "null left out": ({"how": "train", "card/number": "7", "sign": "yes"}, "missing_answer"),
    "nothing": ({}, "missing_answer"),
    "a field that is none": ({"how": "foot", "why": "sun", "what": 1}, "unknown_field"),
}


@pytest.mark.parametrize(("values", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_is_judged_by_the_fields_on_show(values: dict[str, Any], expected: Any) -> None:
    question = Question(TRIP, LIMITS)
    if isinstance(expected, str):
        with pytest.raises(HandshakeError) as refused:
            question.answered(values)
        assert refused.value.code == expected
    else:
        assert question.answered(values) == (expected or values)


def test_an_option_is_chosen_while_its_condition_holds() -> None:
    meals = ["none", {"value": "fish", "when": FLIES}]
    question = Question([HOW, {"key": "meals", "type": "enum", "multiple": True, "options": meals}], LIMITS)
    for how, chosen in (("plane", ["fish"]), ("foot", ["none"])):
        assert question.answered({"how": how, "meals": chosen})["meals"] == chosen
    with pytest.raises(HandshakeError) as refused:
        question.answered({"how": "foot", "meals": ["none", "fish"]})
    assert refused.value.code == "invalid_value"


ELSEWHERE: dict[str, list[Any]] = {
    "shown by a field of the form": [HOW | {"showIf": {"filled": "name"}}],
    "required by one": [HOW | {"requiredIf": {"key": "name", "in": ["Ada"]}}],
    "an option of one": [{"key": "a", "type": "enum", "options": [{"value": 1, "when": {"filled": "name"}}]}],
    "a circle": [{"key": "a", "showIf": {"filled": "b"}}, {"key": "b", "showIf": {"filled": "a"}}],
    "itself": [{"key": "a", "showIf": {"filled": "a"}}],
    "no condition": [{"key": "a", "showIf": {"of": "b"}}],
}


@pytest.mark.parametrize("fields", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_condition_on_anything_but_the_questions_own_fields_is_refused(fields: list[Any]) -> None:
    with pytest.raises(HandshakeError) as refused:
        Question(fields, LIMITS)
    assert refused.value.code == "invalid_schema"


def test_an_answer_that_is_costly_to_match_is_refused_as_a_whole_alone() -> None:
    question = Question([{"key": key, "pattern": "(?:[ab]?c?){5}"} for key in "abcdefgh"], LIMITS)
    for keys, code in (("a", "invalid_value"), ("abcdefgh", "patterns_too_costly")):
        with pytest.raises(HandshakeError) as refused:
            question.answered(dict.fromkeys(keys, "a" * 20_000))
        assert refused.value.code == code
