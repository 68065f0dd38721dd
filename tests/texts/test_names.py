"""What an agent calls itself is shown, and is never taken for the person."""

from __future__ import annotations

import pytest

from handshake_prompt.texts.names import NAME_CHARS, claimed_name
from tests.support.cost import cpu_time
from tests.support.unseen import UNSEEN

NAMES = {
    "plain": ("Claude", "Claude"),
    "of two words": ("My  helper ", "My helper"),
    "of another script": ("助手 🤖", "助手 🤖"),
    "with invisible letters": ("a\u202e\u200b\u3164b\u2028", "ab"),
    "with blanks": ("a\u00a0\u2003b", "ab"),
    "long": ("x" * 100, "x" * 64),
    "long with a blank at the cut": ("x" * 63 + " y", "x" * 63),
    "of blanks": (" \u00a0\u3000\u2800\u3164", ""),
    "of marks alone": ("\u0301\u0302", ""),
    "empty": ("", ""),
    "like the person": ("You", "“You” (agent)"),
    "like the person, shouting": (" YOU! ", "“YOU!” (agent)"),
    "like the person, hidden": ("Y\u200bou", "“You” (agent)"),
    "like the person, full width": ("Ｙｏｕ", "“Ｙｏｕ” (agent)"),
    "like the person, in Cyrillic": ("Yоu", "“Yоu” (agent)"),
    "like the person, with a digit": ("y0u", "“y0u” (agent)"),
    "like the person, accented": ("Yöu", "“Yöu” (agent)"),
    "like the person, in Chinese": ("你", "“你” (agent)"),
    "like the person, with a Greek capital": ("Υou", "“Υou” (agent)"),
    "like the person, in small capitals": ("ʏᴏᴜ", "“ʏᴏᴜ” (agent)"),
    "like the person, in Armenian": ("yoս", "“yoս” (agent)"),
    "like the person, with a currency": ("¥ou", "“¥ou” (agent)"),
    "like the person, in words of Chinese": ("您本人", "“您本人” (agent)"),
    "like the person's": ("Yours", "“Yours” (agent)"),
    "a person": ("This  user", "“This user” (agent)"),
    "the page with an article": ("the page", "“the page” (agent)"),
    "a name of a person": ("Yuri", "Yuri"),
    "a Chinese name with such a letter": ("小我", "小我"),
    "the person": ("The person", "“The person” (agent)"),
    "the page": ("system", "“system” (agent)"),
    "a word of the page's among others": ("Your helper", "Your helper"),
}


@pytest.mark.parametrize(("text", "name"), NAMES.values(), ids=NAMES)
def test_a_name_is_made_fit_to_be_shown(text: str, name: str) -> None:
    assert claimed_name(text) == name


def test_nothing_without_a_glyph_is_in_a_name() -> None:
    for start in range(0, len(UNSEEN), 50):
        assert claimed_name("".join(UNSEEN[start : start + 50])) == ""
        assert claimed_name("a" + "".join(UNSEEN[start : start + 50]) + "b") == "ab"
    assert len(claimed_name("You" + " " * NAME_CHARS + "x")) <= NAME_CHARS


@pytest.mark.parametrize("unit", ["a", "\u200b", "\u0301", "我", "x "])
def test_a_long_name_takes_little_time(unit: str) -> None:
    assert min(cpu_time(claimed_name, unit * (64_000 // len(unit))) for _ in range(3)) < 0.002
