"""Problems of a session's form: the page's own reports, and the members of replies. SPEC.md section 5."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .digests import is_same, state_digest
from .errors import TooLargeError
from .events import PROBLEM
from .messages import Outcome
from .row_keys import within
from .session import Session
from .submission_record import FAILED
from .verdict import Verdict

MOST = 100
"""Of one page: far more than a person reads."""
CHARS = 300
"""Of one problem's text."""
QUOTED_CHARS = 3
"""Of a hidden value that is looked for in texts: a shorter one is in many by chance."""
HIDDEN = "This value is not accepted"
"""In the place of a text about a sensitive field: it may quote the value."""


def report(session: Session, key: str, msg: str | None) -> Outcome:
    """Keep the page's problem with a field, a row, a list, a group, or with the form (""); None takes it back.

    Raises:
        TooLargeError: there are `MOST` others (`too_many_problems`).
    """
    told = short(msg) if msg else None
    if msg and (session.is_sensitive(key) or quotes(msg, hidden_values(session))):
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


def forget(session: Session, gone: str) -> None:
    """Take back the problems of a removed row or list, and of everything in it."""
    inside = within(gone)
    for key in [key for key in session.page_problems if key == gone or key.startswith(inside)]:
        report(session, key, None)


def problem_members(session: Session, verdict: Verdict) -> dict[str, Any]:
    """Return the members for a session's problems: of the page, the form's validator, and a refused submission."""
    refused = session.submission.problems if session.submission and is_refused(session) else ()
    told: dict[str, Any] = {"problems": [*map(_reported, session.page_problems.items()), *verdict.problems, *refused]}
    if verdict.unknown:
        told["problemsUnknown"] = True
    return told


def is_refused(session: Session) -> bool:
    """Whether the host has found faults with the present values when they were submitted."""
    submission = session.submission
    if submission is None or submission.state != FAILED:
        return False
    return is_same(submission.digest, state_digest(session))


def hidden_values(session: Session) -> Iterator[Any]:
    """Yield the values that the agent never sees."""
    if session.sensitive:
        yield from (session.value(key) for key in session.values if session.is_sensitive(key))


def quotes(msg: str, values: Iterable[Any]) -> bool:
    """Whether a text has one of some values in it, or a part of one."""
    return any(text in msg for value in values for text in _texts(value) if len(text) >= QUOTED_CHARS)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from (value, short(value))
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def sound(text: str) -> str:
    """Return a text as UTF-8 can carry it: halves of surrogate pairs become question marks."""
    return text.encode(errors="replace").decode()


def short(msg: str) -> str:
    """Return a text on one line, cut to `CHARS`."""
    text = " ".join(sound(msg).split())
    return text if len(text) <= CHARS else f"{text[: CHARS - 1]}…"


def _reported(problem: tuple[str, str]) -> dict[str, Any]:
    key, msg = problem
    return {"keys": [key] if key else [], "msg": msg}
