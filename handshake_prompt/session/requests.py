"""State machine of requests: an agent's proposals, for the person alone to decide. Pure. SPEC.md section 5.

A request is open until exactly one of `STEPS` ends it; nothing leads out of an end. Time is the store's clock, given by
the caller: a request counts as expired once its time is over, and the log is told by the next transition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import (
    ChangedError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    RateLimitedError,
)
from handshake_prompt.protocol.events import Cursor
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.protocol.packing import pack, to_json

from .annotation import annotate_write
from .digests import answer_digest, is_same, request_digest
from .field_value import is_empty
from .notes import Note
from .request_record import ANSWERED, ASKED, OPEN, STEPS, Request, Step
from .session import Session

Write = Callable[[str, Any], Outcome]
"""Writes a field as the turn's author, as the session's mode allows."""


class Kind(NamedTuple):
    """A kind of request.

    `accept` carries out an acceptance with the values of an answer, and returns the agent's part of the answer.
    `dies_by_edit`: it has nothing more to say once its field is written.
    """

    accept: Callable[[Session, Request, Mapping[str, Any], Write], Mapping[str, Any] | None]
    dies_by_edit: bool


def _accept_question(session: Session, request: Request, values: Mapping[str, Any], write: Write) -> Mapping[str, Any]:
    """Put the answer for a field of the form there, as the person's; a sensitive one is told as `filled` alone."""
    key, told = request.key, dict(values)
    if key is None:
        return {"values": told}
    if key in told:
        _write_answer(write, key, told.pop(key))
    value = session.value(key)
    if is_empty(value):
        raise InvalidRequestError("An acceptance brings a value for the field", code="missing_answer")
    return {"values": told, "filled": True} if request.sensitive else {"values": told | {key: value}}


def _accept_suggestion(session: Session, request: Request, values: Mapping[str, Any], write: Write) -> None:
    """Write the value suggested, or the person's own in its place, as the person; the log names where it is from."""
    key = request.key or ""
    outcome = _write_answer(write, key, values.get(key, request.value))
    note = Note(source=request.source, confidence=request.confidence, reason=request.reason, request=request.id)
    annotate_write(session, key, outcome.seq, note)


KINDS = {
    "ask": Kind(_accept_question, dies_by_edit=False),
    "suggest": Kind(_accept_suggestion, dies_by_edit=True),
}


# Transitions


def ask(session: Session, request: Request, *, limits: Limits) -> Request:
    """Open a request, once it has an id and a digest; a suggestion of the same agent for the same field gives way.

    Raises:
        RateLimitedError: as many are open as may be (`too_many_requests`).
    """
    for one in _open_requests(session):
        if KINDS[one.kind].dies_by_edit and (one.kind, one.key, one.name) == (request.kind, request.key, request.name):
            _end_request(session, one, STEPS["supersede"])
    if len(_open_requests(session)) >= limits.open_requests:
        raise RateLimitedError(
            f"{limits.open_requests} requests are open: wait for the person, or withdraw one",
            code="too_many_requests",
            retry_after=limits.answer_seconds,
        )
    seq = session.seq + 1
    opened = replace(request, id=str(Cursor(session.epoch, seq)), opened=seq)
    content = opened.content()
    opened = replace(opened, digest=request_digest(session, content), size=len(to_json(content)))
    session.notice(ASKED, **opened.wire_members(Role.AGENT, 0.0))
    _keep_request(session, opened)
    return opened


def answer(
    session: Session,
    request_id: str,
    decision: str,
    *,
    digest: str,
    values: Mapping[str, Any],
    judge: Callable[[Request], Mapping[str, Any]],
    write: Write,
    now: float,
) -> Request:
    """Let the person decide; the same decision with the same values changes nothing the second time.

    `judge` returns the part of the values that answers the request, or raises; `write` writes the form's own of them.

    Raises:
        NotFoundError: there is no such request (`request_not_found`).
        ChangedError: the person was shown something else.
        ConflictError: it has ended (`request_ended`).
        InvalidRequestError: a value of an acceptance cannot be written.
    """
    request, step = _find_request(session, request_id), STEPS[decision]
    if not is_same(digest, request.digest):
        raise ChangedError("The request is not what was shown", next_steps=["Show the request as it is now."])
    by = answer_digest(session, values) if step.status == ANSWERED else ""
    if (request.status, request.answered_by) == (step.status, by):
        return request
    _check_is_open(request, now)
    if step.status != ANSWERED:
        return _end_request(session, request, step)
    told = KINDS[request.kind].accept(session, request, judge(request), write)
    return _end_request(session, replace(request, answered_by=by), step, answer=told)


def withdraw(session: Session, request_id: str, *, now: float) -> Request:
    """Take a request back; twice changes nothing the second time.

    Raises:
        NotFoundError: there is no such request (`request_not_found`).
        ConflictError: it has ended otherwise (`request_ended`).
    """
    request, step = _find_request(session, request_id), STEPS["withdraw"]
    if request.status == step.status:
        return request
    _check_is_open(request, now)
    return _end_request(session, request, step)


def sweep_requests(session: Session, now: float, limits: Limits) -> None:
    """End overdue and pointless requests, and let go of ended ones beyond the bound, oldest first."""
    for request in _open_requests(session):
        if request.until <= now:
            _end_request(session, request, STEPS["expire"])
        elif _is_pointless(session, request):
            _end_request(session, request, STEPS["supersede"])
    ended = [one for one in session.requests.values() if one.status != OPEN]
    for request in sorted(ended, key=_ended_seq)[: max(0, len(ended) - limits.ended_requests)]:
        _drop_request(session, request)


def supersede_lost(session: Session, is_decidable: Callable[[Request, str], bool]) -> None:
    """End requests about fields that a new schema keeps from agents, or leaves nothing to decide of."""
    for request in _open_requests(session):
        key = request.key
        if key is not None and (request.sensitive != session.is_sensitive(key) or not is_decidable(request, key)):
            _end_request(session, request, STEPS["supersede"])


def note_read(session: Session, now: float, limits: Limits) -> None:
    """Note the delivery of ended requests to the agent, and let go of the ones delivered long ago.

    It is kept a while, since the reply may be lost on the way.
    """
    for request in tuple(session.requests.values()):
        if request.status != OPEN and not request.read_at:
            _keep_request(session, replace(request, read_at=now))
        elif request.read_at and now - request.read_at >= limits.answer_seconds:
            _drop_request(session, request)


# Views


def is_overdue(session: Session, now: float) -> bool:
    """Whether the time of a request is over, and the log does not say so yet."""
    return any(one.status == OPEN and one.until <= now for one in session.requests.values())


def has_unread(session: Session, now: float, limits: Limits) -> bool:
    """Whether a read by the agent is to be noted: an end is new to it, or was sent to it long enough ago."""
    return any(
        one.status != OPEN and (not one.read_at or now - one.read_at >= limits.answer_seconds)
        for one in session.requests.values()
    )


def visible_requests(session: Session, role: Role, now: float, *, after: int = 0) -> list[dict[str, Any]]:
    """Return the requests asked or ended after a `seq`, as `role` may see them.

    From the beginning, the person is shown open ones alone. An end is shown to the agent until its delivery, wherever
    it lies.
    """
    is_agent = role is Role.AGENT
    return [
        one.wire_members(role, now)
        for one in session.requests.values()
        if (is_open := one.status_at(now) == OPEN) or is_agent or after
        if max(one.opened, one.ended) > after or (is_agent and not is_open and not one.read_at)
    ]


def next_expiry(session: Session) -> float | None:
    """Return when the next request expires, on the store's clock; None if none is open."""
    return min((one.until for one in _open_requests(session)), default=None) if session.requests else None


def is_same_question(request: Request, other: Request) -> bool:
    """Whether two requests of pasted answers ask the same."""
    return _question_identity(request) == _question_identity(other)


def _question_identity(request: Request) -> tuple[Any, ...]:
    return request.kind, request.pasted, request.text, request.kept_fields, request.key


def row_around(session: Session, key: str) -> str | None:
    """Return the row around a field, None if there is none."""
    around = key.rpartition("/")[0]
    while around and around not in session.row_authors:
        around = around.rpartition("/")[0]
    return around or None


def field_revision(session: Session, key: str) -> int:
    """Return the revision of a field's value, 0 where there is none."""
    field = session.values.get(key)
    return field.rev if field else 0


# How transitions are made


def _is_pointless(session: Session, request: Request) -> bool:
    """Whether there is nothing more to decide: the field was written, or the row around it is gone."""
    if request.row is not None and request.row not in session.row_authors:
        return True
    return KINDS[request.kind].dies_by_edit and request.rev != field_revision(session, request.key or "")


def _end_request(session: Session, request: Request, step: Step, *, answer: Mapping[str, Any] | None = None) -> Request:
    kept, size = pack(answer) if answer is not None else (None, 0)
    told = {} if kept is None else {"answer": kept}
    session.notice(step.event, id=request.id, kind=request.kind, status=step.status, **told)
    ended = replace(request, status=step.status, ended=session.seq, kept_answer=kept, size=request.size + size)
    _keep_request(session, ended)
    return ended


def _keep_request(session: Session, request: Request) -> None:
    old = session.requests.get(request.id)
    _charge_agent(session, request.size - (old.size if old else 0))
    session.requests = session.requests | {request.id: request}


def _drop_request(session: Session, request: Request) -> None:
    _charge_agent(session, -request.size)
    session.requests = {key: one for key, one in session.requests.items() if key != request.id}


def _charge_agent(session: Session, size: int) -> None:
    """Count bytes of requests, and of their answers, into the part of the agent, as the asker."""
    session.size += size
    session.agent_size += size


def _find_request(session: Session, request_id: str) -> Request:
    request = session.requests.get(request_id)
    if request is None:
        raise NotFoundError("There is no such request, or it has ended and was told of", code="request_not_found")
    return request


def _check_is_open(request: Request, now: float) -> None:
    status = request.status_at(now)
    if status != OPEN:
        raise ConflictError(f"The request has ended: {status}", code="request_ended")


def _open_requests(session: Session) -> list[Request]:
    return [one for one in session.requests.values() if one.status == OPEN]


def _ended_seq(request: Request) -> int:
    return request.ended


def _write_answer(write: Write, key: str, value: Any) -> Outcome:
    outcome = write(key, value)
    if outcome.status != "applied":
        raise InvalidRequestError(outcome.msg, code=outcome.code)
    return outcome
