"""Problems that a page reports: kept, bounded, and told with those of the form's validator."""

from __future__ import annotations

import pytest

from handshake_prompt.modes import FormFillHandler
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import TooLargeError
from handshake_prompt.protocol.events import Notice
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.session import Session, Turn
from handshake_prompt.session.aftermath import conclude_turn
from handshake_prompt.session.digests import state_digest
from handshake_prompt.session.page_problems import (
    CHARS,
    HIDDEN,
    MOST,
    forget_problems,
    host_faults,
    problem_members,
    quotes_any,
    report_problem,
)
from handshake_prompt.session.rows import remove
from handshake_prompt.session.submission import fail
from handshake_prompt.session.submission_record import Submission
from handshake_prompt.session.verdict import NO_PROBLEMS, UNKNOWN, Verdict
from tests.support.forms import NOON, new_session

FOUND = {"keys": ["end"], "msg": "too early"}


def session() -> Session:
    schema = [{"key": "name"}, {"key": "iban", "sensitive": True}]
    return new_session(FormFillHandler(), schema=schema).checkout(Turn(author=Role.USER, now=NOON))


def test_a_problem_is_logged_when_it_changes_and_when_it_is_over() -> None:
    page = session()
    seqs = [report_problem(page, "name", msg).seq for msg in ("a", "a", "b", None, "", None)]
    assert seqs == [1, 0, 2, 3, 0, 0]
    assert [event.members for event in page.commit()] == [  # type: ignore[union-attr]
        {"key": "name", "msg": "a", "previous": None},
        {"key": "name", "msg": "b", "previous": "a"},
        {"key": "name", "msg": None, "previous": "b"},
    ]
    assert page.page_problems == {}


def test_the_form_as_a_whole_has_no_key() -> None:
    page = session()
    report_problem(page, "", "too much")
    assert problem_members(page, NO_PROBLEMS) == {"problems": [{"keys": [], "msg": "too much"}]}


def test_those_of_the_page_come_first() -> None:
    page = session()
    report_problem(page, "name", "no")
    members = problem_members(page, Verdict((FOUND,)))
    assert members == {"problems": [{"keys": ["name"], "msg": "no"}, FOUND]}
    assert problem_members(page, UNKNOWN)["problemsUnknown"] is True


def test_a_text_about_a_sensitive_field_is_replaced() -> None:
    page = session()
    report_problem(page, "iban", "DE00 is wrong")
    assert page.page_problems == {"iban": HIDDEN}


def test_a_text_about_something_else_that_quotes_a_hidden_value_is_replaced() -> None:
    hidden = ["s3cret", {"a": [4711]}, "x"]
    texts = ["no s3cret!", "4711 is wrong", "x", "secret", ""]
    assert [text for text in texts if quotes_any(text, hidden)] == texts[:2]
    page = session()
    page.write("iban", "DE00 12")
    for key, msg in (("name", "not the name of DE00 12"), ("", "DE00 12 and name differ")):
        report_problem(page, key, msg)
    assert page.page_problems == {"name": HIDDEN, "": HIDDEN}


def test_a_text_is_one_line_and_not_long() -> None:
    page = session()
    report_problem(page, "name", " a\n b\t" + "x" * CHARS)
    told = page.page_problems["name"]
    assert (told[:4], len(told), told[-1]) == ("a b ", CHARS, "…")


def test_there_are_only_so_many_at_a_time() -> None:
    page = session()
    for number in range(MOST):
        report_problem(page, str(number), "no")
    with pytest.raises(TooLargeError) as refused:
        report_problem(page, "one more", "no")
    assert refused.value.code == "too_many_problems"
    report_problem(page, "0", "still not")
    report_problem(page, "0", None)
    report_problem(page, "one more", "no")
    assert len(page.page_problems) == MOST


def test_all_of_a_row_are_taken_back_with_it() -> None:
    page = session()
    for key in ("lines/r1", "lines/r1/a", "lines/r10", "lines"):
        report_problem(page, key, "no")
    forget_problems(page, "lines/r1")
    assert [*page.page_problems] == ["lines/r10", "lines"]


def test_an_end_forgets_them() -> None:
    page = session()
    report_problem(page, "name", "no")
    page.verdict = Verdict((FOUND,))
    page.end("revoked")
    assert not page.page_problems
    assert page.verdict is None


def test_a_draft_leaves_the_session_it_is_of_as_it_is() -> None:
    page = session()
    page.commit()
    draft = page.checkout(Turn(author=Role.USER, now=NOON))
    report_problem(draft, "name", "no")
    assert page.page_problems == {}


# Faults of a submission

FAULT = {"keys": ["home/street"], "msg": "no"}


def refused_form(*keys: str) -> Session:
    lines = {"key": "lines", "type": "rows", "fields": [{"key": "amount"}]}
    entries = [{"key": "name"}, {"key": "home/street", "group": "home"}, lines]
    values = {"name": "Ada", "lines": [{"amount": "1"}, {"amount": "2"}]}
    form = new_session(FormFillHandler(), schema=entries, data=values)
    draft = form.checkout(Turn(author=Role.USER, now=NOON))
    made = Submission(id="s", digest=state_digest(draft), until=0.0)
    fail(draft, made, [{"keys": [key] if key else [], "msg": "no"} for key in keys], "")
    return draft


@pytest.mark.parametrize(
    ("written", "left"),
    [
        (None, ["name", "home", "home/street", "lines", "lines/r1", "lines/r1/amount", "lines/r2/amount", ""]),
        ("name", ["home", "home/street", "lines/r1/amount", "lines/r2/amount"]),
        ("home/street", ["name", "lines/r1/amount", "lines/r2/amount"]),
        ("lines/r1/amount", ["name", "home", "home/street", "lines/r2/amount"]),
        ("-lines/r1", ["name", "home", "home/street", "lines/r2/amount"]),
    ],
)
def test_a_fault_stands_until_what_it_is_about_is_written(written: str | None, left: list[str]) -> None:
    draft = refused_form("name", "home", "home/street", "lines", "lines/r1", "lines/r1/amount", "lines/r2/amount", "")
    if written and written.startswith("-"):
        remove(draft, written[1:])
    elif written:
        draft.write(written, "new")
    assert ["/".join(one["keys"]) for one in host_faults(draft)] == left


def test_a_turn_that_corrects_a_fault_tells_of_those_left_and_another_does_not() -> None:
    form = refused_form("name", "home/street")
    form.commit()
    for key, told in (("lines/r1/amount", []), ("name", [[FAULT]]), ("home/street", [[]])):
        draft = form.checkout(Turn(author=Role.USER, now=NOON))
        draft.write(key, "new")
        conclude_turn(draft, form, 0.0, Limits())
        events = [event for event in draft.commit() if isinstance(event, Notice)]
        assert [event.members["problems"] for event in events] == told
        form = draft
