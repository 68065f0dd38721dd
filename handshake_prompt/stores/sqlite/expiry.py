"""Sweep of expired rows, in bounded steps."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from handshake_prompt.protocol.limits import Limits

from .history import LOG_FORGET, RECEIPT_DROP, RECEIPTS_FORGET

PURGE_BATCH = 200
"""Rows of a table that one step deletes at most: a few milliseconds."""
PURGE_EVENTS = 5000
"""Events that go with its sessions, give or take one session's."""
NOTE_INTERVAL = 30.0
"""How often the high-water mark of time is noted if nothing else is written."""

COUNTERS_EXPIRED = "SELECT name FROM counters WHERE ends_at <= ? LIMIT ?"
COUNTER_DROP = "DELETE FROM counters WHERE name = ?"
PRESENCE_EXPIRED = "DELETE FROM presence WHERE ends_at <= ?"
RECEIPTS_EXPIRED = (
    "SELECT id, session, length(reply) FROM (SELECT id, session, reply, ends_at FROM receipts ORDER BY id LIMIT ?)"
    " WHERE ends_at <= ?"
)
RECEIPT_UNCOUNT = "UPDATE sessions SET receipt_bytes = receipt_bytes - ? WHERE id = ?"
DUE = (
    "SELECT id, CAST(log_events AS INTEGER) FROM sessions WHERE purge_minute <= ? AND purge_at <= ?"
    " ORDER BY purge_minute LIMIT ?"
)
PURGE = (
    "DELETE FROM states WHERE session = ?",
    LOG_FORGET,
    RECEIPTS_FORGET,
    "DELETE FROM presence WHERE session = ?",
    "DELETE FROM sessions WHERE id = ?",
)
UNUSED = (
    "SELECT id FROM sessions WHERE unused_since <= ?"
    " AND NOT EXISTS (SELECT 1 FROM presence WHERE session = id AND ends_at > ?) ORDER BY unused_since LIMIT ?"
)
COUNT_PURGED = "UPDATE world SET sessions = sessions - ?"
NOTE_TIME = "UPDATE world SET latest = ? WHERE latest <= ?"


class Swept(NamedTuple):
    """Result of one step."""

    sessions: int
    more_due: bool


def purge_expired(connection: sqlite3.Connection, now: float) -> Swept:
    """Delete expired rows, a bounded number."""
    counters = connection.execute(COUNTERS_EXPIRED, (now, PURGE_BATCH)).fetchall()
    connection.executemany(COUNTER_DROP, counters)
    connection.execute(PRESENCE_EXPIRED, (now,))
    receipts = connection.execute(RECEIPTS_EXPIRED, (PURGE_BATCH, now)).fetchall()
    connection.executemany(RECEIPT_DROP, [(receipt,) for receipt, _, _ in receipts])
    connection.executemany(RECEIPT_UNCOUNT, [(size, session) for _, session, size in receipts])
    sessions = _due_sessions(connection, now)
    _delete_sessions(connection, sessions)
    connection.execute(NOTE_TIME, (now, now - NOTE_INTERVAL))
    return Swept(len(sessions), bool(sessions) or PURGE_BATCH in (len(counters), len(receipts)))


def evict_unused(connection: sqlite3.Connection, now: float, limits: Limits) -> int:
    """Delete sessions that nobody has used or watches, a bounded number; return how many there were."""
    unused = connection.execute(UNUSED, (now - limits.unused_seconds, now, PURGE_BATCH)).fetchall()
    _delete_sessions(connection, unused)
    return len(unused)


def note_time(connection: sqlite3.Connection, now: float) -> None:
    """Note the high-water mark of time."""
    connection.execute(NOTE_TIME, (now, now))


def purge_minute(time: float) -> int:
    """Return the minute of a purge, the indexed column: it moves far more seldom than the time in it."""
    return int(time // 60)


def _delete_sessions(connection: sqlite3.Connection, sessions: Sequence[tuple[int]]) -> None:
    if sessions:
        for statement in PURGE:
            connection.executemany(statement, sessions)
        connection.execute(COUNT_PURGED, (len(sessions),))


def _due_sessions(connection: sqlite3.Connection, now: float) -> list[tuple[int]]:
    """Return sessions to purge, no more of them than one step can delete with their events."""
    sessions, events = [], 0
    for session, log_events in connection.execute(DUE, (purge_minute(now), now, PURGE_BATCH)):
        sessions.append((session,))
        events += log_events
        if events >= PURGE_EVENTS:
            break
    return sessions
