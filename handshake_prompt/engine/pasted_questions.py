"""Questions of a pasted answer: each is checked on its own, and put before the person together with the batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from handshake_prompt.protocol import bodies
from handshake_prompt.protocol.bodies import AskRequest
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import HandshakeError
from handshake_prompt.protocol.messages import PastedQuestion
from handshake_prompt.session import Session

from .asking import Asking

CheckedQuestion = AskRequest | PastedQuestion
"""A question that can be asked, or the refusal of one."""


def check_questions(asking: Asking, asked: Sequence[Mapping[str, Any]]) -> list[CheckedQuestion]:
    """Return the questions of an answer, each of them checked."""
    return [_check_question(asking, one) for one in asked]


def put_questions(asking: Asking, session: Session, questions: Sequence[CheckedQuestion]) -> list[PastedQuestion]:
    """Put questions before the person, on a draft, and return the outcome of each."""
    return [_put_question(asking, session, one) if isinstance(one, AskRequest) else one for one in questions]


def _check_question(asking: Asking, asked: Mapping[str, Any]) -> CheckedQuestion:
    try:
        question = bodies.decode(AskRequest, asked)
        asking.check_question(question)
    except HandshakeError as error:
        return _refused_question(str(asked["text"]), error)
    return question


def _put_question(asking: Asking, session: Session, asked: AskRequest) -> PastedQuestion:
    try:
        request = asking.put_pasted(session, asked).wire_members(Role.AGENT, 0.0)
    except HandshakeError as error:
        return _refused_question(asked.text, error)
    told: dict[str, Any] = {
        name: request[name] for name in ("text", "fields", "key", "status", "answer") if name in request
    }
    return {**told, "request": request["id"]}  # type: ignore[typeddict-item]


def _refused_question(text: str, error: HandshakeError) -> PastedQuestion:
    return {"text": text, "status": "error", "code": error.code, "msg": error.detail}
