"""Problems: told once, bounded, at the right key, and without quoting what is sensitive."""

from __future__ import annotations

from typing import Any

import pytest

from handshake_prompt.forms.problems import PROBLEMS, FieldErrors, Problem, bounded, place_of, told
from handshake_prompt.forms.shape import shape_of
from handshake_prompt.session.page_problems import CHARS, HIDDEN

SHAPE = shape_of(
    [
        {"key": "name"},
        {"key": "home/street", "group": "Home"},
        {"key": "lines", "type": "rows", "fields": [{"key": "amount"}, {"key": "to/iban"}]},
        {"key": "more/@rest", "type": "json", "rest": True},
        {"key": "more/known"},
    ]
)
ROWS = {"lines": ["r7", "r3"]}
DOCUMENT = {"name": "x", "home": {"street": "y"}, "lines": [{"amount": 1}, {"to": {"iban": "z"}}], "more": {"odd": [1]}}


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ((), ""),
        (("name",), "name"),
        (("name", 0, "deeper"), "name"),
        (("home",), "home"),
        (("home", "street"), "home/street"),
        (("home", "Address", "street"), "home/street"),
        (("lines",), "lines"),
        (("lines", 0), "lines/r7"),
        (("lines", 1, "amount"), "lines/r3/amount"),
        (("lines", 1, "to", "iban"), "lines/r3/to/iban"),
        (("lines", "list[Line]", 1, "amount"), "lines/r3/amount"),
        (("lines", 5, "amount"), "lines"),
        (("more", "odd", 0), "more/@rest"),
        (("more", "known"), "more/known"),
        (("nowhere",), ""),
        (("function-after[check()]", "name"), "name"),
    ],
)
def test_a_path_leads_to_the_nearest_key(path: Any, key: str) -> None:
    assert place_of(path, DOCUMENT, SHAPE, ROWS).key == key


def test_a_path_into_the_value_of_a_field_is_kept() -> None:
    assert place_of(("more", "odd", 0), DOCUMENT, SHAPE, ROWS) == ("more/@rest", ("odd", 0))
    assert place_of(("name", "x"), DOCUMENT, SHAPE, ROWS) == ("name", ("x",))


def test_that_nobody_can_fill_a_field_is_no_problem_of_anybody() -> None:
    problems = [Problem(("id",), "required", is_lack=True), Problem(("id",), "odd")]
    assert bounded(problems, sensitive=(), closed={"id"}) == problems[1:]


def test_problems_are_told_once_and_shortly() -> None:
    found = bounded([Problem(("a",), "x  \n y")] * 3 + [Problem((), "z" * 1000)], missing=(), sensitive=())
    assert [(one.keys, one.msg) for one in found] == [(("a",), "x y"), ((), "z" * (CHARS - 1) + "…")]


def test_a_problem_names_no_more_keys_than_an_agent_reads() -> None:
    given: Any = [{"keys": (f"k{number}" for number in range(10_000)), "msg": "x"}]
    (problem,) = FieldErrors(given).problems
    assert problem.keys == tuple(f"k{number}" for number in range(PROBLEMS))


def test_there_are_no_more_problems_than_an_agent_reads() -> None:
    found = bounded((Problem((f"k{number}",), "x") for number in range(1_000_000)), missing=(), sensitive=())
    assert len(found) == PROBLEMS


def test_what_is_missing_is_no_problem_yet() -> None:
    problems = [Problem(("a",), "required"), Problem(("a", "b"), "one of them"), Problem((), "whole")]
    assert bounded(problems, missing={"a"}, sensitive=()) == problems[1:]


def test_that_a_group_is_not_there_is_no_problem_while_a_field_in_it_is_missing() -> None:
    lack, other = Problem(("home",), "required", is_lack=True), Problem(("home",), "odd")
    assert bounded([lack, other], missing={"home/street"}, sensitive=()) == [other]
    assert bounded([lack, other], missing={"homes"}, sensitive=()) == [lack, other]


def test_a_problem_with_a_sensitive_field_quotes_nothing() -> None:
    (found,) = bounded([Problem(("a", "pin"), "1234 is too short")], missing=(), sensitive={"pin"})
    assert found.msg == HIDDEN


def key_at(path: Any) -> str:
    return place_of(path, DOCUMENT, SHAPE, ROWS).key


@pytest.mark.parametrize(
    ("answer", "problems"),
    [
        (None, []),
        ([], []),
        ({}, []),
        (
            {"name": "bad", "home/street": ["one", "two"]},
            [("name", "bad"), ("home/street", "one"), ("home/street", "two")],
        ),
        ({"lines/1/amount": "bad"}, [("lines/r3/amount", "bad")]),
        (["bad"], [("", "bad")]),
        ([{"keys": ["name"], "msg": "bad"}], [("name", "bad")]),
        ([{"keys": [["lines", 0]], "msg": "bad"}], [("lines/r7", "bad")]),
        ([{"msg": "bad"}], [("", "bad")]),
        ([Problem(("name",), "bad")], [("name", "bad")]),
        ((text for text in ("a", "b")), [("", "a"), ("", "b")]),
    ],
)
def test_a_hosts_own_rules_answer_in_any_of_these_ways(answer: Any, problems: list[tuple[str, str]]) -> None:
    assert [("".join(one.keys), one.msg) for one in told(answer, key_at)] == problems


@pytest.mark.parametrize(
    "answer", ["bad", 3, True, [3], [{"keys": [1], "msg": "x"}], [{"keys": []}], {"name": 3}, [None]]
)
def test_an_answer_that_says_nothing_is_refused(answer: Any) -> None:
    with pytest.raises(TypeError):
        told(answer, key_at)


class Lazy:
    """A lazily translated text: no `str`, with the methods of one."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text

    def casefold(self) -> str:
        return self.text.casefold()


def test_errors_of_fields_are_problems_by_key() -> None:
    error = FieldErrors({"a": "bad"})
    assert error.problems == (Problem(("a",), "bad"),)
    assert str(error) == "a: bad"
    assert error.problems[0].data() == {"keys": ["a"], "msg": "bad"}


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({"a": ["bad", "worse"]}, [(("a",), "bad"), (("a",), "worse")]),
        ({"a": Lazy("bad")}, [(("a",), "bad")]),
        ({"a": [Lazy("bad")]}, [(("a",), "bad")]),
        ({"": "late"}, [((), "late")]),
        (["late"], [((), "late")]),
        ({"a~1b/r0/c": "bad"}, [(("a~1b/r0/c",), "bad")]),
        ({"a/0~1/b": "bad"}, [(("a/0~1/b",), "bad")]),
        ({"\ud800": "bad"}, [(("?",), "bad")]),
    ],
)
def test_errors_of_fields_are_given_as_a_host_has_them(given: Any, problems: Any) -> None:
    assert [(one.keys, one.msg) for one in FieldErrors(given).problems] == problems


@pytest.mark.parametrize("given", ["late", {"a": 5}, {"a": None}, {"a": [5]}, {3: "bad"}, [3], 7])
def test_errors_of_fields_that_are_none_are_refused_where_they_are_made(given: Any) -> None:
    with pytest.raises(TypeError):
        FieldErrors(given)


def test_what_no_store_can_keep_is_not_told() -> None:
    (problem,) = bounded(FieldErrors({"k" * 10**6: "half \ud800 " + "x" * 10**6}).problems, sensitive=())
    assert (len(problem.keys[0]), len(problem.msg)) == (300, 300)
    assert problem.msg.startswith("half ? x")
