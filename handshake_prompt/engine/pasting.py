"""Paste-back: the answer of an agent without network access, pasted by the person, applied as the agent.

The text is read, its keys and values are resolved by the form, and its writes become a batch like any of
`POST /action`, through the same checks. The person's role lets it in and gives it no right: the author is the agent.
SPEC.md sections 4 and 11.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from handshake_prompt.forms.answered_form import AnsweredForm, Resolved
from handshake_prompt.protocol import bodies
from handshake_prompt.protocol.bodies import ActionRequest, PasteRequest
from handshake_prompt.protocol.errors import HandshakeError, OtherPromptError, UnreadableError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import ActionReply, PasteReply, encode
from handshake_prompt.protocol.prompt_codes import prompt_code, shown_seq
from handshake_prompt.protocol.validation import check_actions
from handshake_prompt.protocol.values import check_count, check_json
from handshake_prompt.session import Session
from handshake_prompt.texts.answers.answer import Answer, UnreadableAnswerError
from handshake_prompt.texts.answers.pasted_text import Fault
from handshake_prompt.texts.answers.reader import read_answer
from handshake_prompt.texts.paste_report import report_lines

from .access.guard import Admission
from .asking import Asking
from .batch import Batches, Origin
from .pasted_questions import check_questions
from .transactions import Transactions

LONG_TEXT = 4096
"""Characters of a text that is read in a thread: some 5 ms of work."""


class Pasting:
    """Reads pasted answers, and previews or applies them."""

    def __init__(self, transactions: Transactions, batches: Batches, asking: Asking, limits: Limits) -> None:
        self._transactions = transactions
        self._batches = batches
        self._asking = asking
        self._limits = limits

    async def paste(self, admission: Admission, asked: PasteRequest) -> tuple[PasteReply, bool]:
        """Preview or apply an answer, once by its content until a revert; return the reply, and whether it is a replay.

        Raises:
            UnreadableError: there is no block that can be read, or it asks for nothing.
            OtherPromptError: it answers another prompt.
            HandshakeError: see `bodies.decode`, `check_actions` and `Batches.carry_out`.
        """
        session = admission.session
        form = AnsweredForm(session.schema, session.values)
        answer, resolved = await self._read_answer(asked.text, form)
        seen = _seen_seq(answer, session)
        body = _batch_body(resolved.actions, answer.ask)
        try:
            batch = self._check_batch(body)
        except HandshakeError as error:
            error.members = {**error.members, **_unread_members(self._refused_lines(answer, resolved))}
            raise
        check_count(len(answer.ask), self._limits.open_requests, "questions in an answer")
        origin = Origin(is_pasted=True, seen=seen, questions=check_questions(self._asking, answer.ask))
        replayed = False
        if asked.preview:
            payload = self._batches.preview(admission, batch, origin)
        else:
            place = f"{origin.seen} {session.reverts} "
            key = f"paste-{hashlib.sha256(place.encode() + body).hexdigest()}"
            loaded = await self._transactions.read(admission.session_id, key=key)
            payload, replayed = await self._batches.carry_out(replace(admission, loaded=loaded), batch, key, origin)
        members = {"read": batch.actions, "lines": resolved.lines, **_answer_members(answer)}
        return _paste_reply(payload, members, session, is_preview=asked.preview), replayed

    def _check_batch(self, body: bytes) -> ActionRequest:
        """Return the batch of an answer, if it is one that an agent may send.

        Raises:
            HandshakeError: it is not.
        """
        check_json(body, self._limits)
        batch = bodies.decode(ActionRequest, body)
        check_actions(batch.actions, self._limits)
        return batch

    def _refused_lines(self, answer: Answer, resolved: Resolved) -> Iterator[Fault]:
        """Yield the line of the first action for which a batch is refused; none if that is for all of them together."""
        for action, line in zip(resolved.actions, resolved.lines, strict=True):
            try:
                self._check_batch(_batch_body([action]))
            except HandshakeError as error:
                yield answer.source.fault_in(line, error.detail)
                break

    @staticmethod
    async def _read_answer(text: str, form: AnsweredForm) -> tuple[Answer, Resolved]:
        def read() -> tuple[Answer, Resolved]:
            answer = read_answer(text, form.names)
            return answer, form.resolve(answer)

        try:
            return await asyncio.to_thread(read) if len(text) > LONG_TEXT else read()
        except UnreadableAnswerError as error:
            raise UnreadableError(str(error), members=_unread_members(error.faults)) from None


def _batch_body(actions: Sequence[Any], questions: Sequence[Any] = ()) -> bytes:
    return json.dumps({"actions": actions, "ask": questions, "stream": False}).encode()


def _seen_seq(answer: Answer, session: Session) -> int | None:
    """Return the place in the log that the agent has seen; None if its answer does not say.

    Raises:
        OtherPromptError: it answers the prompt of another session, or of a token that was replaced.
    """
    if answer.session_id and answer.session_id.lower() != session.session_id:
        raise OtherPromptError
    if not answer.code:
        return None
    seq = shown_seq(answer.code, session.session_id, session.token_digest)
    if seq is None:
        raise OtherPromptError
    return seq


def _unread_members(faults: Iterable[Fault]) -> dict[str, Any]:
    return {"unread": [fault._asdict() for fault in faults]}


def _answer_members(answer: Answer) -> dict[str, Any]:
    """Return the members of a reply about the answer itself."""
    return {"blocks": answer.blocks, "line": answer.line, **_unread_members(answer.faults), "bound": bool(answer.code)}


def _paste_reply(payload: ActionReply, members: Mapping[str, Any], session: Session, *, is_preview: bool) -> PasteReply:
    cursor = str(session.cursor) if is_preview else payload["cursor"]
    told: PasteReply = {
        **{name: value for name, value in payload.items() if name != "context"},  # type: ignore[typeddict-item]
        "cursor": cursor,
        "preview": is_preview,
        **members,
        "code": prompt_code(session.session_id, session.token_digest, int(cursor.partition(".")[2])),
    }
    if not is_preview:
        told["report"] = "\n".join(report_lines(msgspec.json.decode(encode(told))))
    return told
