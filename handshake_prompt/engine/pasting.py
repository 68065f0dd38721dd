"""Paste-back: the answer of an agent without network access, pasted by the person, applied as the agent.

The text is read, its keys and values are resolved by the form, and what it asks for becomes a batch like any of
`POST /action`, through the same checks. The person's role lets it in and gives it no right: the author is the agent.
SPEC.md sections 4 and 11.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from handshake_prompt.forms.typed_text import field_of, typed_value
from handshake_prompt.protocol import bodies
from handshake_prompt.protocol.bodies import ActionRequest, PasteRequest
from handshake_prompt.protocol.errors import OtherPromptError, UnreadableError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import ActionReply, PasteReply
from handshake_prompt.protocol.prompt_codes import prompt_code, shown_seq
from handshake_prompt.protocol.session import Session
from handshake_prompt.protocol.validation import check_actions, check_json
from handshake_prompt.texts.answer_reader import read_answer
from handshake_prompt.texts.answers import Answer, Fault, Loose, UnreadableAnswerError
from handshake_prompt.texts.row_tables import entries

from .batch import Batches, Origin
from .guard import Admission
from .transactions import Transactions

LONG_TEXT = 4096
"""Characters of a text that is read in a thread: some 5 ms of work."""


class Pasting:
    """Reads pasted answers, and previews or applies them."""

    def __init__(self, transactions: Transactions, batches: Batches, limits: Limits) -> None:
        self._transactions = transactions
        self._batches = batches
        self._limits = limits

    async def paste(self, admission: Admission, asked: PasteRequest) -> tuple[PasteReply, bool]:
        """Preview or apply an answer, once by its content; return the reply, and whether it is a replay.

        Raises:
            UnreadableError: there is no block that can be read, or it asks for nothing.
            OtherPromptError: it answers another prompt.
            HandshakeError: see `bodies.decode`, `check_actions` and `Batches.carry_out`.
        """
        session = admission.session
        form = _Names.of(session)
        answer = await self._read(asked.text, form)
        origin = Origin(is_pasted=True, seen=_shown(answer, session))
        if not (answer.fields or answer.add or answer.remove or answer.suggest or answer.ask):
            raise UnreadableError("The answer asks for nothing", members=_unread(answer.faults))
        body = _body(answer, form)
        check_json(body, self._limits)
        batch = bodies.decode(ActionRequest, body)
        check_actions(batch.actions, self._limits)
        replayed = False
        if asked.preview:
            payload = self._batches.preview(admission, batch, origin)
        else:
            key = f"paste-{hashlib.sha256(f'{origin.seen} '.encode() + body).hexdigest()}"
            loaded = await self._transactions.read(admission.session_id, key=key)
            payload, replayed = await self._batches.carry_out(replace(admission, loaded=loaded), batch, key, origin)
        return _reply(payload, answer, batch, session, is_preview=asked.preview), replayed

    @staticmethod
    async def _read(text: str, form: _Names) -> Answer:
        try:
            if len(text) > LONG_TEXT:
                return await asyncio.to_thread(read_answer, text, form.names)
            return read_answer(text, form.names)
        except UnreadableAnswerError as error:
            raise UnreadableError(str(error), members=_unread(error.faults)) from None


class _Names(NamedTuple):
    """The names by which an answer may call the fields of a page: keys, and labels that one field alone has."""

    schema: Sequence[Any]
    by_label: Mapping[str, str]
    names: frozenset[str]

    @classmethod
    def of(cls, session: Session) -> _Names:
        schema = session.schema
        fields = entries(schema)
        keys = {field["key"] for field in fields} | session.values.keys()
        labels = [field["label"].strip() for field in fields if isinstance(field.get("label"), str)]
        times = Counter(labels)
        by_label = {
            label: field["key"]
            for field in fields
            if isinstance(field.get("label"), str) and times[label := field["label"].strip()] == 1 and label not in keys
        }
        return cls(schema, by_label, frozenset(keys | by_label.keys()))

    def key(self, name: str) -> str:
        return self.by_label.get(name, name)

    def value(self, key: str, value: Any) -> Any:
        return typed_value(value, field_of(self.schema, key)) if isinstance(value, Loose) else value


def _shown(answer: Answer, session: Session) -> int | None:
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


def _unread(faults: Sequence[Fault]) -> dict[str, Any]:
    return {"unread": [fault._asdict() for fault in faults]}


def _body(answer: Answer, form: _Names) -> bytes:
    """Return what an answer asks for as the body of `POST /action`.

    Raises:
        UnreadableError: it gives two values for one field, by its key and by its label.
    """
    keys = [form.key(name) for name in answer.fields]
    if twice := sorted(key for key, times in Counter(keys).items() if times > 1):
        raise UnreadableError(f"There are two values for {', '.join(map(repr, twice))}, by key and by label")
    actions: list[dict[str, Any]] = [
        *({"type": "remove", "key": key} for key in answer.remove),
        *(
            {"type": "set", "key": key, "value": form.value(key, value)}
            for key, value in zip(keys, answer.fields.values(), strict=True)
        ),
        *({"type": "add", "key": form.key(name), "value": value} for name, value in answer.add),
        *(
            {"type": "suggest", "key": form.key(one.key), "value": one.value, "reason": one.reason or None}
            for one in answer.suggest
        ),
    ]
    return json.dumps({"actions": actions, "stream": False}).encode()


def _reply(
    payload: ActionReply, answer: Answer, batch: ActionRequest, session: Session, *, is_preview: bool
) -> PasteReply:
    cursor = str(session.cursor) if is_preview else payload["cursor"]
    told: PasteReply = {
        **{name: value for name, value in payload.items() if name != "context"},  # type: ignore[typeddict-item]
        "cursor": cursor,
        "preview": is_preview,
        "read": batch.actions,
        "blocks": answer.blocks,
        "line": answer.line,
        **_unread(answer.faults),
        "questions": answer.ask,
        "bound": bool(answer.code),
        "code": prompt_code(session.session_id, session.token_digest, int(cursor.partition(".")[2])),
    }
    return told
