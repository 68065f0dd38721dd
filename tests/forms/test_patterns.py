"""Patterns are compiled within bounds, match whole texts, and their cost is known before they are matched."""

from __future__ import annotations

import time

import pytest

from handshake_prompt.forms.patterns import MATCH_STEPS, Pattern, Patterns
from handshake_prompt.protocol.errors import InvalidSchemaError
from handshake_prompt.protocol.limits import Limits


def pattern(text: str) -> Pattern:
    return Patterns(Limits()).compile(text)


def refusal(text: str, patterns: Patterns | None = None) -> str:
    with pytest.raises(InvalidSchemaError) as caught:
        (patterns or Patterns(Limits())).compile(text)
    return caught.value.detail


NO_MATCH = "text that does not match"
MATCHES: dict[str, tuple[str, object, str | None]] = {
    "the whole text": ("[a-z]{2}", "ab", None),
    "not the beginning alone": ("[a-z]{2}", "abc", NO_MATCH),
    "not the end alone": ("[a-z]{2}", "1ab", NO_MATCH),
    "not an alternative's part": ("a|ab", "abb", NO_MATCH),
    "not before a line break": (r"^\d+$", "12\n", NO_MATCH),
    "letters of any script": (r"\p{L}[\p{L} '-]*", "Zoë d'Amélie 名", None),
    "a point is a character, not a byte": (".", "🙂", None),
    "nothing": ("", "", None),
    "a text that is long": (r"(?s).*\S.*", "a" * 30_000, None),
    "no lone surrogate": (".*", "\ud800", "text that is not valid Unicode"),
    "what is no text is not its matter": ("[a-z]", 12, None),
    "nor is a list": ("[a-z]", ["1"], None),
}


@pytest.mark.parametrize(("text", "value", "said"), MATCHES.values(), ids=MATCHES)
def test_a_pattern_matches(text: str, value: object, said: str | None) -> None:
    assert pattern(text).check(value) == said


REFUSED: dict[str, tuple[str, str]] = {
    "lookahead": ("(?=a)b", "lookaround and backreferences are not supported"),
    "lookbehind": ("(?<!a)b", "lookaround and backreferences are not supported"),
    "a backreference": (r"(a)\1", "lookaround and backreferences are not supported"),
    "an open bracket": ("[a", "pattern is not one that RE2 takes"),
    "a count above 1000": ("a{1001}", "nor are counts above 1000"),
    "one that explodes": ("a{1,1000}" * 50, "pattern is not one that RE2 takes"),
    "one of many steps": (".{0,500}", "pattern is too costly"),
    "one too long": ("a" * 513, "pattern must not exceed 512 characters"),
}


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED)
def test_a_pattern_is_refused_for_a_reason(text: str, why: str) -> None:
    assert why in refusal(text)


def test_different_patterns_are_bounded_together_and_equal_ones_are_one() -> None:
    patterns = Patterns(Limits(pattern_chars=10))
    first = patterns.compile("a" * 10)
    for text in "bcdefgh":
        patterns.compile(text * 10)
    assert patterns.compile("a" * 10) is first
    assert "too long in all" in refusal("i", patterns)


@pytest.mark.parametrize("value", [None, 1, True, ["a" * 1000], {"a": "b"}], ids=repr)
def test_what_is_no_text_costs_nothing(value: object) -> None:
    assert pattern("[ab]*").cost(value) == 0


def test_the_cost_grows_with_bytes_and_with_instructions() -> None:
    short, long = pattern("[ab]*"), pattern("[ab]{0,200}")
    assert short.instructions * 20 < long.instructions
    start = short.cost("")
    assert start == long.cost("") > 0
    assert long.cost("aé\ud800") == start + 6 * long.instructions


WORST: dict[str, tuple[str, str]] = {
    "nested repeats": ("(a+)+$", "a"),
    "overlapping alternatives": ("(a|aa)*b", "a"),
    "a repeat of nothing": ("(a*)*$", "a"),
    "greedy repeats": ("(.*a){20}", "ab"),
    "a window": ("[ab]*a[ab]{50}", "abbab"),
    "a wide window": ("[ab]*a[ab]{900}", "a"),
    "optional parts": ("(?:a?){400}a{400}", "a"),
    "bounded repeats": ("(?:[ab]{0,255})*", "abbab"),
    "nothing, over and over": ("(?:(?:a*)*)*(?:a?){500}", "a"),
}


@pytest.mark.parametrize(("text", "part"), WORST.values(), ids=WORST)
def test_no_pattern_takes_longer_than_its_cost_says(text: str, part: str) -> None:
    hostile = pattern(text)
    value = (part * 32_000)[: min(32_000, MATCH_STEPS // hostile.instructions)] + "!"
    hostile.check(value)
    began = time.process_time()
    hostile.check(value)
    assert time.process_time() - began < 0.25  # five times what it takes, for machines that are busy
