"""Validation of whole forms: the host's validator judges saved values, outside every lock. SPEC.md section 5.

A validator is foreign code: it may wait for a database, raise, hang, or answer nonsense. It never refuses a write, and
no reply waits for it longer than `Limits.validator_timeout`. Of one state of a session it is asked once at a time in a
worker (single flight), and its verdict is remembered.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import HandshakeError
from handshake_prompt.protocol.events import PROBLEMS
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.session import Session, Turn
from handshake_prompt.session.page_problems import may_have_problems, problem_members
from handshake_prompt.session.verdict import NO_PROBLEMS, UNKNOWN, Verdict
from handshake_prompt.stores import Record

from .host.hook import ENDS_THE_SERVER, HostCodeError
from .host.named_forms import NamedForm, NamedForms
from .tasks import Tasks
from .transactions import Transactions, Transition

REMEMBERED = 1024
"""Sessions whose latest verdict a worker remembers, each with up to 50 problems."""
EDIT_PATIENCE = 0.25
"""Seconds that a page waits for the verdict on what its person did; a slower one comes as an event."""
FEW_PARTS, FEW_BYTES = 500, 32 * 1024
"""JSON values and bytes that native code judges in a millisecond or two."""

State = tuple[str, str, int]
"""One state of a session's values: its id, its epoch, and the place of its latest write."""


class Foreseen(NamedTuple):
    """The verdict on a batch that is not saved yet; it holds if the batch is played on this version of the session."""

    version: int
    verdict: Verdict
    until: float
    """How long the reply may wait for another verdict, on the loop's clock."""

    def time_left(self) -> float:
        """Return the seconds until then."""
        return max(0.0, self.until - asyncio.get_running_loop().time())


class FormValidation:
    """Asks the validators of named forms, and tells watchers of new verdicts."""

    def __init__(self, forms: NamedForms, transactions: Transactions, tasks: Tasks, *, limits: Limits) -> None:
        self._forms = forms
        self._transactions = transactions
        self._tasks = tasks
        self._limits = limits
        self._flights: dict[State, asyncio.Task[Verdict]] = {}
        self._remembered: OrderedDict[str, tuple[State, Verdict, float]] = OrderedDict()
        """By session: the state, the verdict on it, and until when it holds, on the loop's clock."""
        self._newest: dict[str, Record] = {}
        """The newest record of each session whose watchers are to be told of a verdict."""

    async def verdict_on(self, session: Session, *, within: float | None = None) -> Verdict:
        """Return the verdict on a session that is saved, or about to be with the values it begins with.

        It takes `Limits.validator_timeout` at most. If it takes more than `within` seconds there is no statement yet.
        """
        form = self._form_of(session)
        if form is None:
            return NO_PROBLEMS
        verdict = self._remembered_verdict(session)
        if verdict is not None:
            return verdict
        state = _state_of(session)
        flight = self._flights.get(state)
        if flight is None:
            flight = self._flights[state] = self._tasks.spawn(self._judge_and_remember(form, session, state))
        done, _ = await asyncio.wait({flight}, timeout=within)
        return flight.result() if done else UNKNOWN

    async def problem_members(self, session: Session) -> dict[str, Any]:
        """Return the members of a page's reply for problems, none in a session without any.

        A verdict later than a page waits comes as an event.
        """
        if not may_have_problems(session):
            return {}
        return problem_members(session, await self.verdict_on(session, within=EDIT_PATIENCE))

    def known_verdict(self, session: Session) -> Verdict:
        """Return the verdict on a saved session if there is one already."""
        if self._form_of(session) is None:
            return NO_PROBLEMS
        return self._remembered_verdict(session) or UNKNOWN

    async def foresee_verdict(self, record: Record, turn: Turn, play: Callable[[Record], object]) -> Foreseen | None:
        """Return the verdict on a transition's result; None for a session of no form by name.

        A mode is pure, so the transition is played on a draft and the draft thrown away.

        Raises:
            HandshakeError: the transition cannot be played.
        """
        form = self._form_of(record.session)
        if form is None:
            return None
        within = self._limits.validator_timeout
        draft, until = record.draft(turn), asyncio.get_running_loop().time() + within
        try:
            play(draft)
        except ENDS_THE_SERVER as error:
            raise HostCodeError("A mode raised what ends a process") from error
        draft.session.commit()
        is_changed = draft.session.written != record.session.written
        verdict = await (
            self._judge_values(form, draft.session, within=within) if is_changed else self.verdict_on(record.session)
        )
        return Foreseen(record.version, verdict, until)

    def tell_when_judged(self, record: Record, verdict: Verdict | None = None) -> None:
        """Tell a session's watchers of the verdict on a record, once there is one, unless they were told.

        Args:
            record: as it was saved.
            verdict: the one known by now, if it has been asked for.
        """
        session, told = record.session, record.session.verdict
        is_told = told is not None and (told.agrees_with(verdict) if verdict else told.seq >= session.written)
        if is_told or self._form_of(session) is None:
            return
        newest = self._newest.get(session.session_id)
        if newest is None:
            self._tasks.spawn(self._judge_newest(session.session_id))
        if newest is None or newest.version < record.version:
            self._newest[session.session_id] = record

    def remember_verdict(self, session: Session, verdict: Verdict) -> None:
        """Remember the verdict on a saved session; one that says nothing is asked for again after a while."""
        holds = self._limits.validator_timeout if verdict.unknown else float("inf")
        until = asyncio.get_running_loop().time() + holds
        self._remembered[session.session_id] = (_state_of(session), verdict, until)
        self._remembered.move_to_end(session.session_id)
        if len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)

    def _form_of(self, session: Session) -> NamedForm | None:
        """Return the form that a session was opened with, if this process has it."""
        return self._forms.get(session.form) if session.form else None

    def _remembered_verdict(self, session: Session) -> Verdict | None:
        told = session.verdict
        if told is not None and not told.unknown and told.seq >= session.written:
            return told
        state, verdict, until = self._remembered.get(session.session_id, (None, UNKNOWN, 0.0))
        return verdict if state == _state_of(session) and asyncio.get_running_loop().time() < until else None

    async def _judge_and_remember(self, form: NamedForm, session: Session, state: State) -> Verdict:
        try:
            verdict = await self._judge_values(form, session, within=self._limits.validator_timeout)
        finally:
            del self._flights[state]
        self.remember_verdict(session, verdict)
        return verdict

    @staticmethod
    async def _judge_values(form: NamedForm, session: Session, *, within: float) -> Verdict:
        values = {key: field.value for key, field in session.values.items()}
        are_few = session.parts <= FEW_PARTS and session.size <= FEW_BYTES
        problems = await form.problems(values, session.rows, within=within, are_few=are_few)
        return Verdict(unknown=True, seq=session.seq) if problems is None else Verdict(problems, session.seq)

    async def _judge_newest(self, session_id: str) -> None:
        record: Record | None = None
        try:
            with suppress(HandshakeError):  # it has ended, or the store cannot say: whoever reads it is told
                # Each round is about the newest record. A write that comes meanwhile makes for another one.
                while (newest := self._newest[session_id]) is not record:
                    record = newest
                    await self._log_verdict(record, await self.verdict_on(record.session))
        finally:
            del self._newest[session_id]

    async def _log_verdict(self, record: Record, verdict: Verdict) -> None:
        """Log a verdict that is new to the session's watchers."""
        if verdict.agrees_with(record.session.verdict):
            return

        def play(draft: Record) -> None:
            session, told = draft.session, draft.session.verdict
            if not verdict.agrees_with(told) and (told is None or told.seq <= verdict.seq):
                session.verdict = verdict
                session.notice(PROBLEMS, **problem_members(session, verdict))

        turn = self._transactions.turn(Role.USER)
        await self._transactions.apply(record.session.session_id, Transition(play, turn))


def _state_of(session: Session) -> State:
    return session.session_id, session.epoch, session.written
