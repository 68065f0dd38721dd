"""Reports of a page on its own form: its problems, and changes of its schema. SPEC.md section 5."""

from __future__ import annotations

from handshake_prompt.modes import Modes
from handshake_prompt.protocol.bodies import PageProblem, SchemaChange
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import RateLimitedError
from handshake_prompt.protocol.form_errors import SchemaFixedError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.protocol.validation import check_problem, check_schema_change
from handshake_prompt.session import Session
from handshake_prompt.session.page_problems import report_problem
from handshake_prompt.stores import Loaded, Record, SessionStore

from .access.fair_queue import take_slot
from .transactions import Applied, Transactions, Transition


class PageReports:
    """Carries reports out; the person's credential was proved."""

    def __init__(self, store: SessionStore, transactions: Transactions, modes: Modes, *, limits: Limits) -> None:
        self._store = store
        self._transactions = transactions
        self._modes = modes
        self._limits = limits

    async def carry_out(
        self, session_id: str, asked: PageProblem | SchemaChange, *, known: Loaded | None = None
    ) -> Applied[Outcome]:
        """Keep a problem, or change the schema.

        Raises:
            InvalidRequestError, TooLargeError: a part of it is not allowed, or there is too much of it.
            SchemaFixedError: the schema is the server's own.
            RateLimitedError: the page changes its schema too often.
        """
        if isinstance(asked, SchemaChange):
            await self._take_turn(session_id, asked)
        else:
            check_problem(asked.key, asked.msg, self._limits)

        def play(draft: Record) -> Outcome:
            return self._play_report(draft.session, asked)

        transition = Transition(play, self._transactions.turn(Role.USER))
        return await self._transactions.apply(session_id, transition, known=known)

    def _play_report(self, session: Session, asked: PageProblem | SchemaChange) -> Outcome:
        mode = self._modes.of(session)
        if isinstance(asked, SchemaChange):
            if session.form:
                raise SchemaFixedError
            return mode.change_schema(session, asked.set, asked.remove)
        if asked.key and not mode.has_place(session, asked.key):
            return session.refuse(asked.key, "unknown_field", "The form has no such field", status="error")
        return report_problem(session, asked.key, asked.msg)

    async def _take_turn(self, session_id: str, change: SchemaChange) -> None:
        """Let a page change its schema now and then: the whole of it is compiled anew."""
        check_schema_change(change.set, change.remove, self._limits)
        limit, window = self._limits.schema_changes, self._limits.rate_window
        quota = await self._store.hit(f"schema:{session_id}", limit=limit, window=window)
        if not quota.allowed:
            raise RateLimitedError(
                f"A page changes its schema at most {limit} times in {window:g} s: send several at once",
                retry_after=quota.reset_after,
            )
        await take_slot(session_id)
