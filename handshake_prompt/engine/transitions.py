"""Every change of a session but an agent's batch: edits, messages to a mode, more time, a new token, the end."""

from __future__ import annotations

from typing import Any

from handshake_prompt.modes import Modes
from handshake_prompt.protocol.credentials import Role, digest
from handshake_prompt.protocol.errors import ConflictError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import Outcome, whole_seconds
from handshake_prompt.protocol.session import EXTENDED, REVOKED, ROTATED, Session, Turn
from handshake_prompt.protocol.validation import check_edit
from handshake_prompt.stores import Loaded, Record

from .guard import Admission
from .hooks import Hooks
from .transactions import Applied, Transactions


class Transitions:
    """Makes changes: a transition each, which the transactions applies."""

    def __init__(self, transactions: Transactions, hooks: Hooks, modes: Modes, *, limits: Limits) -> None:
        self._transactions = transactions
        self._hooks = hooks
        self._modes = modes
        self._limits = limits

    async def edit(
        self,
        session_id: str,
        key: str | None,
        value: tuple[Any] | None,
        *,
        source: str | None = None,
        known: Loaded | None = None,
    ) -> Applied[Outcome]:
        """Write the person's value, or release the field when there is none.

        Raises:
            HandshakeError: the key or the value is malformed; see `Transactions.apply` too.
        """
        key = check_edit(key, value[0] if value else None, self._limits)

        def play(draft: Record) -> Outcome:
            if value is None:
                return draft.session.release(key)
            return self._modes.of(draft.session).process_notify(draft.session, key, value[0])

        turn = self._transactions.turn(Role.USER, source=source)
        return await self._transactions.apply(session_id, play, turn=turn, known=known)

    async def send_to_mode(
        self, session_id: str, message: dict[str, Any], role: Role, *, source: str
    ) -> Applied[list[Outcome]]:
        """Let the session's mode play a message of a watcher's that it alone understands."""

        def play(draft: Record) -> list[Outcome]:
            return self._modes.of(draft.session).process_ws_message(draft.session, message)

        return await self._transactions.apply(session_id, play, turn=self._transactions.turn(role, source=source))

    async def extend(self, admission: Admission, asked: int) -> Applied[int]:
        """Give a session more time, as far as the hooks grant it; the result is what it gained.

        Raises:
            ForbiddenError: the hooks grant none.
            ConflictError: it is at its longest lifetime (`lifetime_exhausted`).
        """
        granted = await self._hooks.extended(admission.session.detached(), asked, admission.request)

        def lengthen(draft: Record) -> int:
            admission.confirm(draft.session)
            before = draft.expires_at
            draft.expires_at = min(before + granted, draft.session.deadline)
            gained = whole_seconds(draft.expires_at - before)
            if not gained:
                raise ConflictError(
                    "The session is at its longest lifetime",
                    code="lifetime_exhausted",
                    next_steps=["Finish in the time that is left, or ask the person to open a new session."],
                )
            draft.session.notice(EXTENDED, expiresIn=whole_seconds(self._transactions.left(draft)))
            return gained

        turn = self._transactions.turn(admission.role)
        return await self._transactions.apply(admission.session_id, lengthen, turn=turn, known=admission.loaded)

    async def rotate(self, admission: Admission, token: str) -> Applied[Session]:
        """Make `token` the agent's, and the one before worthless."""

        def replace(draft: Record) -> Session:
            draft.session.token_digest = digest(token)
            draft.session.notice(ROTATED)
            return draft.session

        turn = self._transactions.turn(admission.role)
        return await self._transactions.apply(admission.session_id, replace, turn=turn, known=admission.loaded)

    async def revoke(self, session_id: str, role: Role, *, known: Loaded | None = None) -> None:
        """End a session for good."""

        def forget(draft: Record) -> None:
            draft.session.end(REVOKED)
            draft.expires_at = self._transactions.now()

        await self._transactions.apply(session_id, forget, turn=self._transactions.turn(role), known=known)

    async def announce(self, session_id: str, name: str, turn: Turn) -> None:
        """Let the page know of an agent by the name it gives itself."""
        await self._transactions.apply(session_id, lambda draft: draft.session.announce(name), turn=turn)
