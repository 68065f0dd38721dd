"""What changed since a place in a session's log: the answer of `GET /diff`. SPEC.md section 6."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.events import Change, Cursor, change_record
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.session import parse_instant
from handshake_prompt.stores import Loaded, Log

from .transactions import Transactions


class Changes(NamedTuple):
    """Changes in order, and where the log stood. `truncated`: there may be more than is listed."""

    events: Sequence[Change]
    cursor: Cursor
    truncated: bool

    def members(self, role: Role) -> dict[str, Any]:
        """Return the members of the reply, as `role` may see them."""
        return {
            "changes": [change_record(event, role) for event in self.events],
            "cursor": str(self.cursor),
            "truncated": self.truncated,
        }


def place_of(since: str) -> int:
    """Return the place in a log after which what changed `since` is to be found."""
    cursor = Cursor.parse(since)
    return cursor.seq if cursor else 0


async def changes_since(transactions: Transactions, loaded: Loaded, since: str, *, limits: Limits) -> Changes:
    """Return what changed in a session since a cursor or an ISO 8601 instant.

    `loaded` is the session, read on from `place_of(since)`. Without `since` these are the last changes. A `since` that
    is no place in this session's log is answered in the same way and marked as truncated: whoever asks has to read
    the context again.
    """
    cursor = Cursor.parse(since)
    if cursor is not None and not loaded.record.session.has_been_at(cursor):
        loaded, cursor = await transactions.read(loaded.record.session.session_id, after=0), None
    session, log = loaded.record.session, loaded.log or Log((), complete=True)
    if cursor is not None:
        return Changes(_changes(log), session.cursor, truncated=not log.complete)
    if (instant := parse_instant(since)) is not None:
        known = log.complete or (bool(log.events) and log.events[0].at <= instant)
        return Changes([e for e in _changes(log) if e.at > instant], session.cursor, truncated=not known)
    changes = _changes(log)
    latest = changes[-limits.diff_events :]
    cut = bool(since) or len(latest) < len(changes) or not log.complete
    return Changes(latest, session.cursor, truncated=cut)


def _changes(log: Log) -> list[Change]:
    return [event for event in log.events if isinstance(event, Change)]
