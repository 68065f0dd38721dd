"""Requests of the agent to the person: asked, answered, withdrawn, and noticed in time. SPEC.md section 5."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from msgspec.structs import replace

from handshake_prompt.forms.question import Question
from handshake_prompt.modes import Modes
from handshake_prompt.modes.base import unsupported
from handshake_prompt.protocol.bodies import Action, AnswerRequest, AskRequest, RevertRequest
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.decisions import Asked
from handshake_prompt.protocol.errors import HandshakeError, InvalidRequestError, InvalidSchemaError, RateLimitedError
from handshake_prompt.protocol.instants import format_instant
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import CreationWarning, Outcome, whole_seconds
from handshake_prompt.protocol.packing import pack, unpack
from handshake_prompt.protocol.validation import check_ask
from handshake_prompt.protocol.values import check_count, check_key, check_values
from handshake_prompt.session import Session, requests
from handshake_prompt.session.agent_presence import announce_agent
from handshake_prompt.session.field_value import FieldValue
from handshake_prompt.session.request_record import ANSWERED, DECLINED, OPEN, Request
from handshake_prompt.session.revert import revert_writes
from handshake_prompt.stores import Loaded, Record, SessionStore
from handshake_prompt.texts.quoting import quote

from .access.guard import Admission
from .idempotency import Idempotency
from .idempotency_keys import IdempotencyKey
from .presence import Presence
from .transactions import Applied, Transactions, Transition


class Asking:
    """Carries out the operations on requests, and the revert."""

    def __init__(
        self,
        store: SessionStore,
        transactions: Transactions,
        modes: Modes,
        *,
        presence: Presence,
        idempotency: Idempotency,
        limits: Limits,
    ) -> None:
        self._store = store
        self._transactions = transactions
        self._modes = modes
        self._presence = presence
        self._idempotency = idempotency
        self._limits = limits

    async def ask(self, admission: Admission, asked: AskRequest, key: str | None) -> tuple[Asked, bool]:
        """Ask the person, once if it comes with an idempotency key; return the reply, and whether it is a replay.

        Raises:
            InvalidRequestError, TooLargeError: the question cannot be asked.
            RateLimitedError: too many are open, or were asked in a short time.
            HandshakeError: see `Transactions.apply` and `Idempotency.run_once`.
        """
        ask = partial(self._ask_once, admission, asked, self.check_question(asked))
        if key is None:
            return await ask(), False
        return await self._idempotency.run_once(admission, key, body=asked, run=ask)

    def check_question(self, asked: AskRequest) -> list[CreationWarning]:
        """Check the form of a question, and return what of its fields is likely a mistake.

        Raises:
            InvalidRequestError, TooLargeError: it cannot be asked.
        """
        check_ask(asked, self._limits)
        question = Question(asked.fields or (), self._limits)
        if asked.key in question:
            raise InvalidSchemaError(f"the field {quote(asked.key)} is asked for twice: by fields, and by key")
        return question.warnings()

    def put_pasted(self, session: Session, asked: AskRequest) -> Request:
        """Put a question of a pasted answer before the person, on a draft, once in all answers; return the request.

        Nobody waits for it: unless the agent says otherwise, the person has as long as the session lives.

        Raises:
            InvalidRequestError, RateLimitedError: it cannot be asked, or too many are open.
        """
        now, content = self._transactions.now(), _as_request(asked, is_pasted=True)
        for one in session.requests.values():
            if requests.is_same_question(one, content) and one.status_at(now) in (OPEN, ANSWERED, DECLINED):
                return one
        left = session.deadline - now
        request = self._with_times(content, min(asked.expires_in or left, left))
        return requests.ask(session, self._with_field_notes(session, request), limits=self._limits)

    def suggest(self, session: Session, action: Action, name: str, *, is_pasted: bool = False) -> Outcome:
        """Put a value before the person, on a draft; the outcome is `suggested`, or says why not.

        It is judged by the session's mode as if the field were nobody's. So a value unfit for the field is refused,
        and nothing is told of the present one.
        """
        if action.key is None:
            return unsupported(action, "The action has no key", code="missing_key")
        key, revision = action.key, requests.field_revision(session, action.key)
        judged = self._judge_value(session, key, action.value)
        if isinstance(judged, Outcome):
            return judged
        if action.if_rev is not None and action.if_rev != revision:
            return session.refuse(key, "stale", "The field has changed since; look at current and decide again")
        request = Request(
            kind="suggest",
            name=name,
            key=key,
            kept=judged.kept,
            rev=revision,
            reason=action.reason,
            source=action.source,
            confidence=action.confidence,
            sensitive=session.is_sensitive(key),
            pasted=is_pasted,
            row=requests.row_around(session, key),
        )
        try:
            timed = self._with_times(request, session.deadline - self._transactions.now())
            opened = requests.ask(session, timed, limits=self._limits)
        except RateLimitedError as error:
            return session.refuse(key, error.code, error.detail)
        return Outcome(key, "suggested", seq=opened.opened, request=opened.id)

    async def answer(
        self,
        session_id: str,
        request_id: str,
        asked: AnswerRequest,
        *,
        source: str | None = None,
        known: Loaded | None = None,
    ) -> Applied[Request]:
        """Let the person decide on a request.

        Raises:
            InvalidRequestError, TooLargeError: a value of the answer is not allowed.
            NotFoundError, ConflictError: see `requests.answer`.
        """
        values = asked.values or {}
        check_values(values, self._limits)

        def play(draft: Record) -> Request:
            session = draft.session

            def judge(request: Request) -> Mapping[str, Any]:
                return self._values_of_answer(request, values)

            def write(key: str, value: Any) -> Outcome:
                return self._modes.of(session).process_notify(session, key, value)

            now = self._transactions.now()
            return requests.answer(
                session,
                request_id,
                asked.decision,
                digest=asked.digest,
                values=values,
                judge=judge,
                write=write,
                now=now,
            )

        turn = self._transactions.turn(Role.USER, source=source)
        return await self._transactions.apply(session_id, Transition(play, turn), known=known)

    async def withdraw(self, admission: Admission, request_id: str) -> Applied[Request]:
        """Take a request back.

        Raises:
            NotFoundError, ConflictError: see `requests.withdraw`.
        """

        def play(draft: Record) -> Request:
            admission.confirm_credential(draft.session)
            return requests.withdraw(draft.session, request_id, now=self._transactions.now())

        transition = Transition(play, self._transactions.turn(Role.AGENT))
        return await self._transactions.apply(admission.session_id, transition, known=admission.loaded)

    async def revert(self, session_id: str, asked: RevertRequest, *, known: Loaded | None = None) -> Applied[list[str]]:
        """Put back the values before the agent's writes; every watcher is shown them, as any edit.

        Raises:
            InvalidRequestError: it names nothing, or no proper key.
            TooLargeError: it names more keys than a form has fields (`too_many_fields`).
        """
        keys = [*(asked.keys or ()), *([] if asked.key is None else [asked.key])]
        check_count(len(keys), self._limits.fields, "fields in one revert")
        for key in keys:
            check_key(key, self._limits)
        if not keys and not asked.all:
            raise InvalidRequestError("Name a key, several keys, or all", code="missing_key")

        def play(draft: Record) -> list[str]:
            session = draft.session
            return revert_writes(session, None if asked.all else keys, form=self._modes.form_of(session))

        return await self._transactions.apply(
            session_id, Transition(play, self._transactions.turn(Role.USER)), known=known
        )

    async def log_discoveries(self, record: Record, role: Role) -> Record:
        """Log the discoveries of a read: requests past their time, and the delivery of ends to the agent.

        Views are right without it; so a store that cannot be written to is no reason to refuse a read.
        """
        session, now = record.session, self._transactions.now()
        is_agent = role is Role.AGENT
        if not requests.is_overdue(session, now) and not (is_agent and requests.has_unread(session, now, self._limits)):
            return record

        def play(draft: Record) -> None:
            if is_agent:
                requests.note_read(draft.session, now, self._limits)

        with suppress(HandshakeError):
            transition = Transition(play, self._transactions.turn(role))
            return (await self._transactions.apply(session.session_id, transition, known=Loaded(record))).record
        return record

    async def log_expiry(self, session_id: str) -> None:
        """Log the expiry of requests, unless it is logged; the hub's timer asks again while the store is away."""
        with suppress(HandshakeError):
            await self.log_discoveries((await self._transactions.read(session_id)).record, Role.USER)

    async def _ask_once(
        self,
        admission: Admission,
        asked: AskRequest,
        warnings: list[CreationWarning],
        key: IdempotencyKey | None = None,
    ) -> Asked:
        await self._count_question(admission.session_id)
        content = _as_request(asked, admission.agent_name)

        def play(draft: Record) -> Asked:
            session = draft.session
            admission.confirm_credential(session)
            if admission.agent_name:
                announce_agent(session, admission.agent_name)
            seconds = min(asked.expires_in or self._limits.ask_seconds, self._transactions.seconds_left(draft))
            request = self._with_times(self._with_field_notes(session, content), seconds)
            opened = requests.ask(session, request, limits=self._limits)
            payload: Asked = {
                "ok": True,
                "id": opened.id,
                "status": opened.status,
                "attended": self._presence.is_attended(draft),
                "expiresIn": whole_seconds(seconds),
                "digest": opened.digest,
                "cursor": str(session.cursor),
            }
            return {**payload, "warnings": warnings} if warnings else payload

        transition = Transition(play, self._transactions.turn(Role.AGENT), key)
        return (await self._transactions.apply(admission.session_id, transition, known=admission.loaded)).result

    def _with_times(self, request: Request, seconds: float) -> Request:
        """Return a request of now, with its times."""
        opened, until = self._transactions.wall_time(), self._transactions.now() + seconds
        opened_at, expires_at = (format_instant(round(time * 1e6)) for time in (opened, opened + seconds))
        return replace(request, opened_at=opened_at, expires_at=expires_at, until=until)

    def _judge_value(self, session: Session, key: str, value: Any) -> FieldValue | Outcome:
        """Return a field with the value that the mode would write, as if the field were nobody's; or its refusal."""
        trial = session.checkout(self._transactions.turn(Role.AGENT))
        trial.values.pop(key, None)
        judged = self._modes.of(session).process_actions(trial, [Action(type="set", key=key, value=value)])[0]
        if judged.status == "error":
            return judged
        if key not in trial.values:
            return session.refuse(key, "unsupported_action", "Values of fields alone can be suggested", status="error")
        return trial.values[key]

    def _with_field_notes(self, session: Session, request: Request) -> Request:
        """Return a question with the session's own notes on its field.

        Raises:
            InvalidRequestError: the person could not write that field.
        """
        key = request.key
        if key is None:
            return request
        trial = session.checkout(self._transactions.turn(Role.USER))
        outcome = self._modes.of(session).process_notify(trial, key, session.value(key))
        if outcome.status != "applied":
            raise InvalidRequestError(outcome.msg, code=outcome.code)
        if key not in trial.values:
            raise InvalidRequestError("Values of fields alone can be asked for", code="unsupported_action")
        return replace(request, sensitive=session.is_sensitive(key), row=requests.row_around(session, key))

    def _values_of_answer(self, request: Request, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the part of an acceptance's values that is the answer to a request.

        Raises:
            InvalidRequestError, TooLargeError: see `Question.answered`.
        """
        for_form = {key: value for key, value in values.items() if key == request.key}
        own = {key: value for key, value in values.items() if key != request.key}
        return Question(unpack(request.kept_fields) or (), self._limits).answered(own) | for_form

    async def _count_question(self, session_id: str) -> None:
        """Count a question.

        Raises:
            RateLimitedError: there were too many in a short time.
        """
        quota = await self._store.hit(f"ask:{session_id}", limit=self._limits.asks, window=self._limits.ask_window)
        if not quota.allowed:
            raise RateLimitedError(
                "That is more questions than a person can be asked in such a time", retry_after=quota.reset_after
            )


def _as_request(asked: AskRequest, name: str = "", *, is_pasted: bool = False) -> Request:
    """Return a question as a request without times."""
    fields = pack(asked.fields)[0] if asked.fields else None
    return Request(kind="ask", name=name, text=asked.text, kept_fields=fields, key=asked.key, pasted=is_pasted)
