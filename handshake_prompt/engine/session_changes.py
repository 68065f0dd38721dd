"""Changes of a session beside an agent's batch: edits, messages to a mode, more time, a new token, the end."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec

from handshake_prompt.modes import Modes
from handshake_prompt.protocol.bodies import ADD_ROW, RELEASE, REMOVE_ROW, USER_EDIT, PageMessage
from handshake_prompt.protocol.credentials import Role, digest_token
from handshake_prompt.protocol.errors import ConflictError, HandshakeError
from handshake_prompt.protocol.events import EXTENDED, ROTATED
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import Outcome, whole_seconds
from handshake_prompt.protocol.validation import check_edit
from handshake_prompt.session import Session, Turn, rows
from handshake_prompt.session.agent_presence import announce_agent
from handshake_prompt.stores import Loaded, Record

from .access.guard import Admission
from .host.hooks import Hooks
from .idempotency_keys import IdempotencyKey, check_idempotency_key
from .transactions import AlreadyDoneError, Applied, Transactions, Transition

PERSONS_KEY = "page {}"
"""An idempotency key of the person's, as it is kept: no agent's has a blank in it."""


class SessionChanges:
    """Makes changes: a transition each, applied by the transactions.

    Every method may raise the errors of `Transactions.apply`.
    """

    def __init__(self, transactions: Transactions, hooks: Hooks, modes: Modes, *, limits: Limits) -> None:
        self._transactions = transactions
        self._hooks = hooks
        self._modes = modes
        self._limits = limits

    async def carry_out(
        self, session_id: str, message: PageMessage, *, source: str | None = None, known: Loaded | None = None
    ) -> Applied[Outcome]:
        """Carry out a message of the person's page, once if it comes with an idempotency key.

        Raises:
            InvalidRequestError, TooLargeError: key or value are not allowed.
            IdempotencyMismatchError: the idempotency key was used with another message.
        """
        check_edit(message.key, message.value, self._limits)
        turn = self._transactions.turn(Role.USER, source=source)
        transition = Transition(lambda draft: self._play_message(draft.session, message), turn)
        if message.idempotency_key is None:
            return await self._transactions.apply(session_id, transition, known=known)
        return await self._carry_out_once(session_id, message, transition)

    async def _carry_out_once(
        self, session_id: str, message: PageMessage, transition: Transition[Outcome]
    ) -> Applied[Outcome]:
        """Apply a transition unless it was under this key before; then its result is the kept one."""
        check_idempotency_key(message.idempotency_key or "")
        text, body = PERSONS_KEY.format(message.idempotency_key), msgspec.structs.replace(message, ref=None)
        key = IdempotencyKey.of(text, body, seconds=self._limits.idempotency_seconds)
        try:
            return await self._transactions.apply(session_id, transition._replace(key=key))
        except AlreadyDoneError as done:
            kept = key.kept_reply(done.loaded.receipt)
            return Applied(msgspec.json.decode(kept, type=Outcome), done.loaded.record)

    def _play_message(self, session: Session, message: PageMessage) -> Outcome:
        mode, key = self._modes.of(session), message.key
        if message.type == USER_EDIT:
            return mode.process_notify(session, key, message.value)
        if message.type == RELEASE:
            has_rows = key in session.row_authors or key in session.rows
            return rows.release(session, key) if has_rows else session.release(key)
        if message.type == ADD_ROW:
            return mode.add_row(session, key, message.value, after=message.after)
        if message.type == REMOVE_ROW:
            return mode.remove_row(session, key)
        return mode.move_row(session, key, message.after)

    async def send_to_mode(
        self, session_id: str, message: dict[str, Any], role: Role, *, source: str
    ) -> Applied[list[Outcome]]:
        """Let the session's mode play a message from a watcher that it alone understands."""

        def play(draft: Record) -> list[Outcome]:
            return self._modes.of(draft.session).process_ws_message(draft.session, message)

        turn = self._transactions.turn(role, source=source)
        return await self._transactions.apply(session_id, Transition(play, turn))

    async def extend(self, admission: Admission, asked: int) -> Applied[int]:
        """Give a session more time, as far as the hooks grant it; the result is the seconds it gained.

        Raises:
            ForbiddenError: the hooks grant none.
            ConflictError: it is at its longest lifetime (`lifetime_exhausted`).
        """
        granted = await self._hooks.ask_extension(admission.session.detached(), asked, admission.request)

        def lengthen(draft: Record) -> int:
            admission.confirm_credential(draft.session)
            before = draft.expires_at
            draft.expires_at = min(before + granted, draft.session.deadline)
            gained = whole_seconds(draft.expires_at - before)
            if not gained:
                raise ConflictError(
                    "The session is at its longest lifetime",
                    code="lifetime_exhausted",
                    next_steps=["Finish in the time that is left, or ask the person to open a new session."],
                )
            draft.session.notice(EXTENDED, expiresIn=whole_seconds(self._transactions.seconds_left(draft)))
            return gained

        transition = Transition(lengthen, self._transactions.turn(admission.role))
        return await self._transactions.apply(admission.session_id, transition, known=admission.loaded)

    async def rotate(self, admission: Admission, token: str) -> Applied[Session]:
        """Make `token` the agent's, and the one before worthless."""

        def replace(draft: Record) -> Session:
            draft.session.token_digest = digest_token(token)
            draft.session.pickup = None
            draft.session.notice(ROTATED)
            return draft.session

        transition = Transition(replace, self._transactions.turn(admission.role))
        return await self._transactions.apply(admission.session_id, transition, known=admission.loaded)

    async def end(self, session_id: str, reason: str, role: Role, *, known: Loaded | None = None) -> None:
        """End a session for good: `revoked` by the person, or `closed` by the host."""

        def forget(draft: Record) -> None:
            draft.session.end(reason)
            draft.expires_at = self._transactions.now()

        await self._transactions.apply(session_id, Transition(forget, self._transactions.turn(role)), known=known)

    async def announce_agent(self, session_id: str, name: str, turn: Turn) -> None:
        """Let the page know of an agent by the name it gives itself; if that fails, its next request does."""
        with suppress(HandshakeError):
            await self._transactions.apply(
                session_id, Transition(lambda draft: announce_agent(draft.session, name), turn)
            )
