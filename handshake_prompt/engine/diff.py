"""Changes since a place in a session's log, and the long poll for the next one: `GET /diff`. SPEC.md section 6."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.events import (
    PROBLEM,
    PROBLEMS,
    ROW_EVENTS,
    SCHEMA,
    Change,
    Cursor,
    Event,
    Notice,
    change_record,
)
from handshake_prompt.protocol.instants import parse_instant
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import Diff
from handshake_prompt.session.page_problems import problem_members
from handshake_prompt.session.verdict import NO_PROBLEMS
from handshake_prompt.stores import Loaded, Log, Record

from .access.guard import Admission
from .delivery.frame_queue import FrameQueue
from .delivery.hub import Hub
from .subscriptions import Subscriptions
from .transactions import Transactions
from .views import Views

TIMED_OUT = "Nothing changed in time. This is not an answer of the person's, neither yes nor no."


class Difference(NamedTuple):
    """Changes in order, and the record of the session behind them. `truncated`: there may be more than is listed."""

    changes: Sequence[Change]
    record: Record
    truncated: bool
    rows_by: Sequence[str] = ()
    """The authors of additions, removals and moves of rows; none where there were none."""
    changes_problems: bool = False
    """Whether problems of the form were told."""
    requests: Mapping[str, Any] = {}
    """The members that tell of requests."""
    timed_out: bool = False
    """Whether the time for a change ran out."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell."""
        told = self.changes or self.rows_by or self.changes_problems or self.requests
        return not (told or self.truncated)

    def reply_members(self, since: str, role: Role) -> Diff:
        """Return the members of the reply, as `role` may see them."""
        session = self.record.session
        reply: Diff = {
            "sessionId": session.session_id,
            "since": since,
            "changes": [change_record(change, role, values=session.values) for change in self.changes],
            "cursor": str(session.cursor),
            "truncated": self.truncated,
        }
        if self.rows_by:
            reply["rows"], reply["rowsBy"] = session.rows, self.rows_by
        if self.changes_problems:
            reply.update(problem_members(session, session.verdict or NO_PROBLEMS))  # type: ignore[typeddict-item]
        if self.requests:
            reply["requests"], reply["attended"] = self.requests["requests"], self.requests["attended"]
        if self.timed_out:
            reply["timedOut"], reply["note"] = True, TIMED_OUT
        return reply


class Differ:
    """Collects changes, and waits for them.

    Args:
        subscriptions: makes a long poll a watcher.
        views: tells of requests.
    """

    def __init__(
        self, hub: Hub, transactions: Transactions, subscriptions: Subscriptions, views: Views, *, limits: Limits
    ) -> None:
        self._hub = hub
        self._transactions = transactions
        self._subscriptions = subscriptions
        self._views = views
        self._limits = limits

    async def changes_since(self, admission: Admission, since: str, *, patience: float) -> Difference:
        """Return the changes since a cursor or an ISO 8601 instant, waiting up to `patience` seconds for the first.

        The admission's session was read on from `place_of(since)`.
        """
        difference = await self._compare_from(admission, admission.loaded, since)
        if not difference.is_empty or not patience or self._hub.draining:
            return difference
        until = asyncio.get_running_loop().time() + patience
        async with self._subscriptions.hold_for_joining(admission.session_id, place_of(since)) as loaded:
            if self._hub.draining:
                return await self._compare_from(admission, loaded, since)
            queue = self._subscriptions.join(loaded.record, admission.role, polling=True)
        try:
            return await self._wait_for_change(admission, loaded, since, queue=queue, until=until)
        finally:
            self._subscriptions.leave(queue)

    async def _wait_for_change(
        self, admission: Admission, loaded: Loaded, since: str, *, queue: FrameQueue, until: float
    ) -> Difference:
        """Compare again after each event, until there is a change or the time is over."""
        while True:
            difference = await self._compare_from(admission, loaded, since)
            left = until - asyncio.get_running_loop().time()
            if not difference.is_empty:
                return difference
            if left <= 0:
                return difference._replace(timed_out=True)
            if self._hub.draining or queue.close_code is not None:
                return difference
            await queue.wait_and_discard(min(left, self._transactions.seconds_left(loaded.record)))
            loaded = await self._transactions.read(admission.session_id, after=place_of(since))

    async def _compare_from(self, admission: Admission, loaded: Loaded, since: str) -> Difference:
        """Return the changes since a place, in a session that was read on from there.

        Without `since` these are the last changes. A `since` that is no place in this session's log is answered in the
        same way and marked as truncated: the caller has to read the context again.

        Raises:
            InvalidTokenError: the agent's token was replaced meanwhile.
        """
        cursor = Cursor.parse(since)
        if cursor is not None and not loaded.record.session.has_been_at(cursor):
            loaded, cursor = await self._transactions.read(admission.session_id, after=0), None
        admission.confirm_credential(loaded.record.session)
        session, log = loaded.record.session, loaded.log or Log((), complete=True)
        record = loaded.record
        instant = None if cursor else parse_instant(since)
        after = cursor.seq if cursor else session.seq if instant else 0
        told = self._views.request_members(record, admission.role, after=after) if session.requests else {}
        if cursor is not None:
            return _difference_in(log.events, record, truncated=not log.complete, requests=told)
        if instant is not None:
            known = log.complete or (bool(log.events) and log.events[0].at <= instant)
            later = [event for event in log.events if event.at > instant]
            return _difference_in(later, record, truncated=not known, requests=told)
        whole = _difference_in(log.events, record, truncated=bool(since) or not log.complete, requests=told)
        latest = whole.changes[-self._limits.diff_events :]
        return whole._replace(changes=latest, truncated=whole.truncated or len(latest) < len(whole.changes))


def _difference_in(
    events: Sequence[Event], record: Record, *, truncated: bool, requests: Mapping[str, Any]
) -> Difference:
    """Return the part of a log that `/diff` tells. A change of the schema is to be read in the context."""
    changes = [event for event in events if isinstance(event, Change)]
    notices = [event for event in events if isinstance(event, Notice)]
    kinds = {event.type for event in notices}
    return Difference(
        changes,
        record,
        truncated or SCHEMA in kinds,
        rows_by=sorted(
            {event.members["by"] for event in events if isinstance(event, Notice) and event.type in ROW_EVENTS}
        ),
        changes_problems=not kinds.isdisjoint((PROBLEM, PROBLEMS)),
        requests=requests,
    )


def place_of(since: str) -> int:
    """Return the place in a log after which the changes `since` are to be found."""
    cursor = Cursor.parse(since)
    return cursor.seq if cursor else 0
