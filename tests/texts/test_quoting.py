"""Foreign text is quoted so that all of it is seen, none of it is active, and no byte of it costs more than another."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from handshake_prompt.texts import quoting
from handshake_prompt.texts.quoting import code, has_glyph, quote, visible
from tests.support.cost import cpu_time
from tests.support.unseen import UNSEEN

QUOTED: dict[str, tuple[Any, str]] = {
    "text": ("a b", '"a b"'),
    "scripts": ("Zoë 李 שלום 🙂", '"Zoë 李 שלום 🙂"'),
    "a list": ([1, None, True, "x"], '[1, null, true, "x"]'),
    "an object": ({"a": {}}, '{"a": {}}'),
    "a line break": ("a\n- b", r'"a\n- b"'),
    "a tag": ("<script>", r'"\u003cscript>"'),
    "DEL": ("\x7f", r'"\u007f"'),
    "a no-break space": ("a\u00a0b", r'"a\u00a0b"'),
    "an ideographic space": ("\u3000", r'"\u3000"'),
    "a Hangul filler": ("\u3164", r'"\u3164"'),
    "a blank Braille pattern": ("\u2800", r'"\u2800"'),
    "a tag character": ("\U000e0041", r'"\udb40\udc41"'),
    "a quotation mark": ('"', r'"\""'),
}


@pytest.mark.parametrize(("value", "shown"), QUOTED.values(), ids=QUOTED)
def test_a_value_is_quoted_as_json_in_which_all_is_seen(value: Any, shown: str) -> None:
    assert quote(value) == shown
    assert json.loads(shown) == value


def test_no_character_without_a_glyph_is_left_but_the_space() -> None:
    shown = visible("".join(UNSEEN) + " ")
    assert set(shown) & set(UNSEEN) == set()
    assert shown.endswith(" ")


@given(st.text())
def test_nothing_is_lost_and_nothing_is_active(text: str) -> None:
    assert json.loads(quote(text)) == text
    assert len(quote(text).splitlines()) == 1
    assert "<" not in quote(text)
    assert json.loads(code(text)[1:-1]) == text
    assert code(text).count("`") == 2


SEEN = {"a": True, "名": True, "🙂": True, "?": True, " a ": True, "": False, " ": False, "\u0301\u0301": False}


@pytest.mark.parametrize(("text", "seen"), SEEN.items(), ids=map(ascii, SEEN))
def test_a_text_is_seen_if_one_of_its_characters_has_a_glyph(text: str, *, seen: bool) -> None:
    assert has_glyph(text) is seen
    assert has_glyph("\u3164\u2800\u00a0" + text) is seen


def test_no_character_without_a_glyph_makes_a_text_seen() -> None:
    assert not has_glyph("".join(UNSEEN))


CLASSES = [
    "a",
    "\x7f",
    "\x00",
    "é",
    "éa",
    "語",
    "🙂",
    "<",
    "<a",
    "\u200b",
    "\u200ba",
    "\u00a0a",
    "🙂\u200b",
    "\U000e0100",
]


@pytest.mark.parametrize("chars", CLASSES, ids=map(ascii, CLASSES))
def test_a_byte_of_any_character_costs_about_the_same_to_quote(chars: str) -> None:
    text = chars * (128 * 1024 // len(chars.encode()))
    assert min(cpu_time(code, text) for _ in range(5)) < 0.03  # thrice the worst of them


def test_a_text_of_very_many_characters_costs_no_more_and_leaves_nothing_behind() -> None:
    text = "".join(map(chr, range(0xE000, 0xF8FF)))  # private ones
    assert min(cpu_time(code, text * 6) for _ in range(5)) < 0.06
    assert len(quoting._forms) <= quoting._KNOWN_CHARS
