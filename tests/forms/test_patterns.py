"""Patterns are compiled within bounds, match whole texts, and their cost is known before they are matched."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from handshake_prompt.forms.patterns import MATCH_STEPS, Pattern, Patterns, UnknownPatternError
from handshake_prompt.protocol.errors import InvalidSchemaError
from handshake_prompt.protocol.limits import Limits
from tests.support.cost import cpu_time


def pattern(text: str) -> Pattern:
    return Patterns(Limits()).compile(text)


def refusal_of(text: str, patterns: Patterns) -> str:
    try:
        patterns.compile(text)
    except InvalidSchemaError as error:
        return "too costly in all" if "too costly in all" in error.detail else error.detail
    return ""


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
    "one that explodes": ("a{1,1000}" * 50, "pattern is too costly"),
    "one of many steps": (".{0,500}", "pattern is too costly"),
    "one too long": ("a" * 513, "pattern must not exceed 512 characters"),
}


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED)
def test_a_pattern_is_refused_for_a_reason(text: str, why: str) -> None:
    assert why in refusal(text)


def test_a_pattern_that_re2_does_not_take_is_tried_once() -> None:
    patterns = Patterns(Limits(pattern_chars=10))
    for _ in range(100):
        with pytest.raises(UnknownPatternError):
            patterns.compile("(?=abc)def")
    assert patterns.compile("abc").text == "abc"


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
    short, long = pattern("[ab]*"), pattern("[ab]*a[ab]{0,200}")
    assert short.steps * 20 < long.steps
    start = short.cost("")
    assert start == long.cost("") > 0
    assert long.cost("aé\ud800") == start + 6 * long.steps


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
    value = (part * 32_000)[: min(32_000, MATCH_STEPS // hostile.steps)] + "!"
    assert min(cpu_time(hostile.check, value) for _ in range(3)) < 0.04  # thrice what it takes


@pytest.mark.parametrize("text", ["^.{1,100}$", r"\p{L}[\p{L} '-]*", "[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}"])
def test_a_pattern_that_is_matched_in_one_way_costs_little_a_byte(text: str) -> None:
    assert pattern(text).steps <= 300


SLOW = [
    r"(?i)\pL" * 72,
    r"[^\pL]" * 85,
    "a{1,1000}" * 56,
    r"\pL{1,1000}" * 42,
    r"(?i:\PL)" * 64,
    r"(?:\b|a){0,1000}" * 30,
]
SLOW += ["(a|" * 170, "(?:" * 170, r"\p" * 256, "[[:^" * 128, "{1}" * 170, "x{9}" * 128]


@pytest.mark.parametrize("text", SLOW, ids=[text[:8] for text in SLOW])
def test_a_pattern_is_refused_as_fast_as_it_is_taken(text: str) -> None:
    def compile_it() -> None:
        with suppress(InvalidSchemaError):
            Patterns(Limits()).compile(text)

    assert min(cpu_time(compile_it) for _ in range(3)) < 0.01


MANY: dict[str, Callable[[int], str]] = {
    "letters": lambda n: rf"(?i)x{n}\pL",
    "two classes": lambda n: rf"\pL{{1}}{n}\pL",
    "tiny ones": lambda n: f"{n}?",
    "nested": lambda n: f"{n}" + "(a|" * 40 + ")" * 40,
}


@pytest.mark.parametrize("made", MANY.values(), ids=MANY)
def test_the_patterns_of_a_schema_are_bounded_by_what_compiling_them_takes(made: Callable[[int], str]) -> None:
    def compile_all(salt: int) -> None:
        patterns = Patterns(Limits())
        with suppress(InvalidSchemaError):
            for number in range(Limits().fields):
                patterns.compile(made(number + salt))

    assert min(cpu_time(compile_all, salt * 1000) for salt in range(3)) < 0.04  # thrice what it takes


def test_a_schema_may_have_a_pattern_of_letters_for_several_fields() -> None:
    patterns = Patterns(Limits())
    for number in range(5):
        patterns.compile(rf"\p{{L}}[\p{{L}} '-]*{number}")
    more = [rf"\p{{L}}[\p{{L}} '-]*x{{{number}}}" for number in range(20)]
    assert "too costly in all" in {refusal_of(text, patterns) for text in more}
