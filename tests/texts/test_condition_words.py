"""Conditions as an agent or a person reads them."""

from __future__ import annotations

from typing import Any

import pytest

from handshake_prompt.texts.condition_words import condition_words

IS = {"key": "kind", "in": ["company"]}
FILLED = {"filled": "home"}
CONDITIONS: dict[str, tuple[Any, str]] = {
    "a value": (IS, '"kind" is "company"'),
    "values": ({"key": "n", "in": [1, None, True]}, '"n" is one of 1, null, true'),
    "no values": ({"key": "n", "in": []}, '"n" is one of '),
    "many values": (
        {"key": "n", "in": list(range(22))},
        f'"n" is one of {", ".join(map(str, range(12)))}, … (22 in all)',
    ),
    "filled": (FILLED, '"home" has a value'),
    "empty": ({"not": FILLED}, '"home" is empty'),
    "another value": ({"not": IS}, '"kind" is not "company"'),
    "none of some": ({"not": {"key": "n", "in": [1, 2]}}, '"n" is none of 1, 2'),
    "all": ({"all": [IS, FILLED]}, '"kind" is "company" and "home" has a value'),
    "any": ({"any": [IS, FILLED]}, '"kind" is "company" or "home" has a value'),
    "one of one": ({"any": [{"all": [IS]}]}, '"kind" is "company"'),
    "any in all": (
        {"all": [FILLED, {"any": [IS, FILLED]}]},
        '"home" has a value and ("kind" is "company" or "home" has a value)',
    ),
    "not all": ({"not": {"all": [IS, FILLED]}}, 'not ("kind" is "company" and "home" has a value)'),
    "twice negated": ({"not": {"not": FILLED}}, 'not "home" is empty'),
    "none": ({"always": True}, '{"always": true}'),
    "no object": ("x", '"x"'),
    "quotation marks": ({"key": 'a" is "b', "in": ["\n"]}, '"a\\" is \\"b" is "\\n"'),
}


@pytest.mark.parametrize(("condition", "words"), CONDITIONS.values(), ids=CONDITIONS)
def test_a_condition_is_told_in_words(condition: Any, words: str) -> None:
    assert condition_words(condition) == words


def test_of_many_values_the_first_are_shown_and_the_number_told() -> None:
    shown = ", ".join(map(str, range(12)))
    assert condition_words({"key": "n", "in": list(range(22))}) == f'"n" is one of {shown}, … (22 in all)'


def test_a_condition_deeper_than_any_server_takes_stands_as_json() -> None:
    deep: Any = FILLED
    for _ in range(100):
        deep = {"not": {"any": [deep, IS]}}
    assert '{"not": {"any": [' in condition_words(deep)
