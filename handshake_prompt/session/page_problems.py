"""Problems of a session's form: the page's own reports, and the members of replies. SPEC.md section 5."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from handshake_prompt.protocol.errors import TooLargeError
from handshake_prompt.protocol.events import PROBLEM, PROBLEMS
from handshake_prompt.protocol.messages import Outcome

from .digests import is_same, state_digest
from .row_keys import inner_prefix
from .session import Session
from .submission_record import FAILED
from .verdict import NO_PROBLEMS, UNKNOWN, Verdict

MOST = 100
"""Of one page: far more than a person reads."""
CHARS = 300
"""Of one problem's text."""
QUOTED_CHARS = 3
"""Of a hidden value that is looked for in texts: a shorter one is in many by chance."""
HIDDEN = "This value is not accepted"
"""In the place of a text about a sensitive field: it may quote the value."""


def report_problem(session: Session, key: str, msg: str | None) -> Outcome:
    """Keep the page's problem with a field, a row, a list, a group, or with the form (""); None takes it back.

    Raises:
        TooLargeError: there are `MOST` others (`too_many_problems`).
    """
    told = short_line(msg) if msg else None
    if msg and (session.is_sensitive(key) or quotes_any(msg, hidden_values(session))):
        told = HIDDEN
    previous = session.page_problems.get(key)
    if told == previous:
        return Outcome(key, "applied", seq=0)
    others = {other: text for other, text in session.page_problems.items() if other != key}
    if told and len(others) >= MOST:
        raise TooLargeError(f"A page reports at most {MOST} problems at a time", code="too_many_problems")
    session.page_problems = {**others, key: told} if told else others
    session.notice(PROBLEM, key=key, msg=told, previous=previous)
    return Outcome(key, "applied", seq=session.seq)


def forget_problems(session: Session, gone: str) -> None:
    """Take back the problems of a removed row or list, and of everything in it."""
    inside = inner_prefix(gone)
    for key in [key for key in session.page_problems if key == gone or key.startswith(inside)]:
        report_problem(session, key, None)


def problem_members(session: Session, verdict: Verdict) -> dict[str, Any]:
    """Return the members for a session's problems: of the page, the form's validator, and a refused submission."""
    reported = map(_reported_problem, session.page_problems.items())
    told: dict[str, Any] = {"problems": [*reported, *verdict.problems, *host_faults(session)]}
    if verdict.unknown:
        told["problemsUnknown"] = True
    return told


def tell_problems(session: Session) -> None:
    """Tell the session's watchers all problems: some were found or dealt with."""
    known = session.verdict or (UNKNOWN if session.form else NO_PROBLEMS)
    session.notice(PROBLEMS, **problem_members(session, known))


def may_have_problems(session: Session) -> bool:
    """Whether replies tell of problems, be it that there are none any more."""
    submission = session.submission
    is_refused = submission is not None and submission.kept_problems is not None
    return bool(session.form or session.page_problems or is_refused)


def host_faults(session: Session) -> list[dict[str, Any]]:
    """Return the faults that the host has found with submitted values, as far as these are still there.

    Those of a field or a group stand until it is written, those of a row, a list or the whole form until anything is.
    """
    submission = session.submission
    if submission is None or submission.state != FAILED or submission.kept_problems is None:
        return []
    if is_same(submission.digest, state_digest(session)):
        return submission.problems
    return [
        problem
        for problem in submission.problems
        if problem["keys"] and all(_is_as_it_was(session, key, submission.seq) for key in problem["keys"])
    ]


def _is_as_it_was(session: Session, key: str, seq: int) -> bool:
    """Whether nothing in a field or group was written since a place in the log; of a row or list nobody can tell."""
    if session.rows and (key in session.rows or key in session.row_authors or _is_gone(session, key)):
        return False
    inside = inner_prefix(key)
    return all(field.rev <= seq for each, field in session.values.items() if each == key or each.startswith(inside))


def _is_gone(session: Session, key: str) -> bool:
    """Whether a key names a cell of a removed row."""
    is_cell = any(key.startswith(inner_prefix(one)) for one in session.rows)
    return is_cell and not any(key.startswith(inner_prefix(row)) for row in session.row_authors)


def hidden_values(session: Session) -> Iterator[Any]:
    """Yield the values that the agent never sees."""
    if session.sensitive:
        yield from (session.value(key) for key in session.values if session.is_sensitive(key))


def quotes_any(msg: str, values: Iterable[Any]) -> bool:
    """Whether a text has one of some values in it, or a part of one."""
    return any(text in msg for value in values for text in _texts_within(value) if len(text) >= QUOTED_CHARS)


def _texts_within(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from (value, short_line(value))
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts_within(part)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def encodable_text(text: str) -> str:
    """Return a text as UTF-8 can carry it: halves of surrogate pairs become question marks."""
    return text.encode(errors="replace").decode()


def short_line(msg: str) -> str:
    """Return a text on one line, cut to `CHARS`."""
    text = " ".join(encodable_text(msg).split())
    return text if len(text) <= CHARS else f"{text[: CHARS - 1]}…"


def _reported_problem(problem: tuple[str, str]) -> dict[str, Any]:
    key, msg = problem
    return {"keys": [key] if key else [], "msg": msg}
