"""Options as an agent or a person reads them."""

from __future__ import annotations

from typing import Any

import pytest

from handshake_prompt.texts.option_words import option_words

OPTIONS: dict[str, tuple[list[Any], str]] = {
    "scalars": (["a", 1, True], '"a", 1, true'),
    "labels": ([{"value": "a", "label": "Apple"}, {"value": "b"}], '"a" ("Apple"), "b"'),
    "a label that repeats the value": ([{"value": "a", "label": "a"}], '"a"'),
    "descriptions": ([{"value": "a", "label": "Apple", "desc": "Red"}], '"a" ("Apple", "Red")'),
    "groups": (
        [{"value": 1, "group": "Odd"}, {"value": 3, "group": "Odd"}, {"value": 2, "group": "Even"}, 0],
        '"Odd": 1, 3; "Even": 2; 0',
    ),
    "conditions": (
        [{"value": "NY", "when": {"key": "country", "in": ["US"]}}, {"value": "ON", "when": {"filled": "x"}}],
        'if "country" is "US": "NY"; if "x" has a value: "ON"',
    ),
    "disabled ones are left out": (["a", {"value": "b", "disabled": True}], '"a"'),
    "exclusive ones": (["a", {"value": "none", "label": "None", "exclusive": True}], '"a", "none" ("None", alone)'),
    "malformed ones": ([{"label": "x"}, None], '{"label": "x"}, null'),
}


@pytest.mark.parametrize(("options", "words"), OPTIONS.values(), ids=OPTIONS)
def test_options_are_told_in_words(options: list[Any], words: str) -> None:
    assert option_words(options, 100) == words


def test_of_many_options_the_first_are_shown_and_the_number_told() -> None:
    assert option_words(list(range(900)), 3) == "0, 1, 2, … (900 in all)"
