"""Regular expressions of models: matched in linear time where RE2 can, and under a time limit elsewhere."""

from __future__ import annotations

import time

import pytest

from handshake_prompt.forms.expressions import MatchTimeoutError, UnknownExpressionError, WholePatterns, searcher
from tests.support.parts import need_extra_forms


@pytest.mark.parametrize(
    ("expression", "pattern"),
    [
        ("^[a-z]+$", "[a-z]+"),
        ("[a-z]", "(?s:.*)[a-z](?s:.*)"),
        ("^a", "a(?s:.*)"),
        ("a$", "(?s:.*)a"),
        (r"^a\$", r"a\$(?s:.*)"),
        ("^a|b$", "(?s:.*)(?:^a|b$)(?s:.*)"),
        (r"^[-\w]+\Z", r"[-\w]+"),
        (r"^\u00e4$", r"\x{00e4}"),
        (r"^\ud83d\ude00$", r"\x{1f600}"),
        (r"^\u{1F600}$", r"\x{1F600}"),
        ("^[|$]$", "[|$]"),
    ],
)
def test_the_pattern_of_a_field_is_for_the_whole_text(expression: str, pattern: str) -> None:
    assert WholePatterns().of(expression) == pattern


@pytest.mark.parametrize("expression", [r"(a)\1", "^(?=.*[0-9]).{8,}$", "(?<=a)b", "("])
def test_there_is_no_pattern_of_what_a_field_cannot_match(expression: str) -> None:
    assert WholePatterns().of(expression) is None


def test_the_patterns_of_one_schema_are_bounded_together() -> None:
    patterns = WholePatterns()
    found = [patterns.of(f"^[a-z]{{1,9}}{number}{'x' * 200}$") for number in range(100)]
    assert found[0] is not None
    assert found[-1] is None


PASSWORD = "^(?=.*[0-9])(?=.*[a-z])(?!.*secret).{8,}$"


@pytest.mark.parametrize(
    ("expression", "text", "expected"),
    [
        ("b", "abc", True),
        ("^b", "abc", False),
        ("^abc$", "abc\n", False),
        (r"^\d+$", "٣", False),
        ("a|b", "xb", True),
        (PASSWORD, "abcdefg1", True),
        (PASSWORD, "abcdefgh", False),
        (PASSWORD, "12345678", False),
        (PASSWORD, "1secretx", False),
        (PASSWORD, "a1", False),
    ],
)
def test_an_expression_is_found_in_a_text_as_ecma_262_says(expression: str, text: str, expected: bool) -> None:  # noqa: FBT001
    assert searcher(expression)(text) is expected


@pytest.mark.parametrize(
    ("expression", "text", "expected"),
    [
        (r"^(a|b)\1$", "aa", True),
        (r"^(a|b)\1$", "ab", False),
        ("(?<=a)b", "ab", True),
        ("(?<=a)b", "b", False),
    ],
)
def test_what_re2_does_not_take_is_found_all_the_same(expression: str, text: str, expected: bool) -> None:  # noqa: FBT001
    need_extra_forms()
    assert searcher(expression)(text) is expected


def test_what_backtracks_without_end_is_stopped() -> None:
    need_extra_forms()
    began = time.thread_time()
    with pytest.raises(MatchTimeoutError):
        searcher(r"^(?:(a|aa)(?=(a*)))+\2z$")("a" * 200)
    assert time.thread_time() - began < 0.5


@pytest.mark.parametrize("expression", ["(", "[", "*", "(?<=a+)(?P<x>", "^(?=a"])
def test_what_is_no_expression_is_told_so(expression: str) -> None:
    with pytest.raises(UnknownExpressionError):
        searcher(expression)
