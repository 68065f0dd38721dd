"""Messages of a page over its connection: edits, releases, changes of rows, and messages to the session's mode."""

from __future__ import annotations

from typing import Any

from handshake_prompt.protocol import bodies
from handshake_prompt.protocol.bodies import PageMessage, PersonsMessage
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import UserRequiredError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.protocol.values import check_value
from handshake_prompt.session import Session
from handshake_prompt.stores import Loaded

from .asking import Asking
from .delivery.frame_queue import FrameQueue
from .page_reports import PageReports
from .session_changes import SessionChanges
from .tasks import Tasks
from .transactions import Applied

PERSONS = (*bodies.PAGE_MESSAGES, "answer", "revert")
"""Messages that every mode leaves to the person; any other is the mode's."""


class PageMessages:
    """Carries messages out."""

    def __init__(
        self, session_changes: SessionChanges, reports: PageReports, asking: Asking, tasks: Tasks, *, limits: Limits
    ) -> None:
        self._session_changes = session_changes
        self._reports = reports
        self._asking = asking
        self._tasks = tasks
        self._limits = limits

    async def perform(self, message: dict[str, Any], watcher: FrameQueue) -> tuple[Session, list[Outcome]]:
        """Carry out a message of a watcher's page; return the session after it, and the outcomes.

        Raises:
            UserRequiredError: the watcher is an agent, and the message is the person's: none to the mode.
            InvalidRequestError: the message is malformed, or unknown to the mode.
        """
        session_id, source = watcher.session_id, watcher.source
        if message["type"] not in PERSONS:
            check_value(message, self._limits)
            sent = self._session_changes.send_to_mode(session_id, message, watcher.role, source=source)
            outcomes, record = await self._tasks.finish(sent)
            return record.session, outcomes
        if watcher.role is not Role.USER:
            raise UserRequiredError
        if message["type"] == "answer":
            return await self._carry_out_answer(message, watcher)
        if message["type"] == "revert":
            return await self._carry_out_revert(message, watcher)
        asked = bodies.decode(bodies.PAGE_MESSAGES[message["type"]], message)
        outcome, record = await self.carry_out(session_id, asked, source=source)
        return record.session, [outcome]

    async def carry_out(
        self, session_id: str, asked: PersonsMessage, *, source: str | None = None, known: Loaded | None = None
    ) -> Applied[Outcome]:
        """Carry out a message of the person's page; see `SessionChanges.carry_out` and `PageReports.carry_out`."""
        if isinstance(asked, PageMessage):
            work = self._session_changes.carry_out(session_id, asked, source=source, known=known)
        else:
            work = self._reports.carry_out(session_id, asked, known=known)
        return await self._tasks.finish(work)

    async def _carry_out_revert(self, message: dict[str, Any], watcher: FrameQueue) -> tuple[Session, list[Outcome]]:
        """Put back the values before the agent's writes; the page is shown it, like all others."""
        work = self._asking.revert(watcher.session_id, bodies.decode(bodies.RevertRequest, message))
        _, record = await self._tasks.finish(work)
        return record.session, [Outcome(None, "applied", seq=record.session.seq)]

    async def _carry_out_answer(self, message: dict[str, Any], watcher: FrameQueue) -> tuple[Session, list[Outcome]]:
        """Carry out the person's decision on a request."""
        asked = bodies.decode(bodies.AnswerMessage, message)
        work = self._asking.answer(watcher.session_id, asked.id, asked, source=watcher.source)
        request, record = await self._tasks.finish(work)
        return record.session, [Outcome(request.key, "applied", seq=request.ended, request=request.id)]
