"""Queries on sessions, counters and presence: functions of a connection that is in a transaction.

An error raised on purpose is raised before anything is written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import NamedTuple

from handshake_prompt.protocol import rate_limit
from handshake_prompt.protocol.errors import UnavailableError, VersionConflictError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.rate_limit import Quota, Window
from handshake_prompt.stores.base import PRESENCE_SECONDS
from handshake_prompt.stores.records import Claim, Receipt

from . import history
from .expiry import purge, purge_minute
from .history import Events, LogPart, Usage

FIND = "SELECT id, version, expires_at, purge_at, log_events, log_bytes, receipt_bytes FROM sessions WHERE name = ?"
LOAD = (
    "SELECT id, version, expires_at, purge_at, packed, log_events FROM sessions JOIN states ON session = id"
    " WHERE name = ? AND purge_at > ?"
)
CREATE = "INSERT OR IGNORE INTO sessions VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0)"
CREATE_STATE = "INSERT INTO states VALUES (?, ?)"
COUNT_CREATED = "UPDATE world SET sessions = sessions + 1"
SESSIONS = "SELECT sessions FROM world"
STAMP_SAVE = "UPDATE world SET stamp = stamp + 1, latest = max(latest, ?)"
SAVE = (
    "UPDATE sessions SET version = version + 1, ended = ?, expires_at = ?, purge_at = ?,"
    " stamp = (SELECT stamp FROM world), log_events = ?, log_bytes = ?, receipt_bytes = ? WHERE id = ?"
)
SAVE_STATE = "UPDATE states SET packed = ? WHERE session = ?"
MOVE = "UPDATE sessions SET purge_minute = ? WHERE id = ?"
FIND_LIVING = "SELECT id, expires_at, purge_at FROM sessions WHERE name = ? AND NOT ended"
TOUCH = "UPDATE sessions SET expires_at = ?, purge_at = ? WHERE id = ?"
OWNED = "SELECT name FROM sessions WHERE owner = ? ORDER BY name"

COUNTER = "SELECT hits, ends_at FROM counters WHERE name = ?"
COUNT_FIRST = "INSERT OR REPLACE INTO counters VALUES (?, ?, ?)"
COUNT = "UPDATE counters SET hits = ? WHERE name = ?"

PRESENCE = "SELECT worker, watchers FROM presence WHERE session = ? AND ends_at > ?"
PRESENT = "INSERT OR REPLACE INTO presence SELECT id, ?, ?, ? FROM sessions WHERE name = ?"
ABSENT = "DELETE FROM presence WHERE worker = ? AND session = (SELECT id FROM sessions WHERE name = ?)"


class New(NamedTuple):
    """A session to create."""

    name: str
    version: int
    packed: bytes
    expires_at: float
    purge_at: float
    owner: str | None


class Found(NamedTuple):
    """A session as read, not unpacked yet."""

    version: int
    expires_at: float
    purge_at: float
    packed: bytes
    presence: dict[str, int]
    log: LogPart | None
    receipt: Receipt | None


class Draft(NamedTuple):
    """A session to save."""

    name: str
    version: int
    packed: bytes
    ended: bool
    expires_at: float
    purge_at: float
    events: Events | None
    receipt: Receipt | None


class CountedVisit(NamedTuple):
    """A visit to count."""

    name: str
    claim: Claim
    renewed: tuple[float, float] | None
    """The session's times if the visit renews it."""

    @property
    def counter(self) -> str:
        """The name of its counter."""
        return f"{self.claim.counter}:{self.name}"


class Row(NamedTuple):
    """The columns of a session that a save depends on."""

    id: int
    version: int
    expires_at: float
    purge_at: float
    log_events: int
    log_bytes: int
    receipt_bytes: int

    @property
    def usage(self) -> Usage:
        """Size of the session's history."""
        return Usage(self.log_events, self.log_bytes, self.receipt_bytes)


def create(connection: sqlite3.Connection, new: New, now: float, limits: Limits) -> None:
    """Insert a session.

    Raises:
        UnavailableError: there are as many as there may be.
        VersionConflictError: there is one of this name.
    """
    if _is_full(connection, limits):
        purge(connection, now)
        if _is_full(connection, limits):
            raise UnavailableError("The server holds as many sessions as it can", code="at_capacity", retry_after=30)
    values = (new.name, new.version, False, new.expires_at, new.purge_at, purge_minute(new.purge_at), new.owner)
    created = connection.execute(CREATE, values)
    if not created.rowcount:
        raise VersionConflictError
    connection.execute(CREATE_STATE, (created.lastrowid, new.packed))
    connection.execute(COUNT_CREATED)


def load(connection: sqlite3.Connection, name: str, now: float, *, after: int | None, key: str | None) -> Found | None:
    """Read a session, and on demand its log after a place and the receipt under a key."""
    row = connection.execute(LOAD, (name, now)).fetchone()
    if row is None:
        return None
    session, version, expires_at, purge_at, packed, log_events = row
    presence = dict(connection.execute(PRESENCE, (session, now)).fetchall())
    log = None if after is None else history.log_after(connection, session, after, log_events=log_events)
    receipt = None if key is None else history.receipt(connection, session, key, now)
    return Found(version, expires_at, purge_at, packed, presence, log, receipt)


def save(connection: sqlite3.Connection, draft: Draft, now: float, limits: Limits) -> tuple[float, float]:
    """Replace a session, append to its log and keep a receipt; return its times.

    Raises:
        VersionConflictError: it is of another version, or gone.
    """
    found = connection.execute(FIND, (draft.name,)).fetchone()
    if found is None or found[1] != draft.version:
        raise VersionConflictError
    row = Row(*found)
    if draft.ended:
        times, usage = (draft.expires_at, draft.purge_at), history.forget(connection, row.id)
    else:
        times = max(draft.expires_at, row.expires_at), max(draft.purge_at, row.purge_at)
        usage = history.extend(connection, row.id, row.usage, draft.events, draft.receipt, now=now, limits=limits)
    connection.execute(STAMP_SAVE, (now,))
    connection.execute(SAVE, (draft.ended, *times, *usage, row.id))
    _move(connection, row.id, row.purge_at, times[1])
    connection.execute(SAVE_STATE, (draft.packed, row.id))
    return times


def touch(connection: sqlite3.Connection, name: str, expires_at: float, purge_at: float) -> None:
    """Move the times of a session that has not ended forward."""
    found = connection.execute(FIND_LIVING, (name,)).fetchone()
    if found is None:
        return
    session, expires_before, purge_before = found
    purge_at = max(purge_at, purge_before)
    connection.execute(TOUCH, (max(expires_at, expires_before), purge_at, session))
    _move(connection, session, purge_before, purge_at)


def hit(connection: sqlite3.Connection, name: str, now: float, *, limit: int, window: float) -> Quota:
    """Count a request."""
    row = connection.execute(COUNTER, (name,)).fetchone()
    before = row and Window(*row)
    after, quota = rate_limit.hit(before, now, limit=limit, length=window)
    if before is None or after.ends_at != before.ends_at:
        connection.execute(COUNT_FIRST, (name, after.hits, after.ends_at))
    elif after.hits != before.hits:
        connection.execute(COUNT, (after.hits, name))
    return quota


def count(connection: sqlite3.Connection, visit: CountedVisit, now: float) -> Quota:
    """Count a visit, and renew the session if the visit is within its limit."""
    quota = hit(connection, visit.counter, now, limit=visit.claim.limit, window=visit.claim.window)
    if quota.allowed and visit.renewed is not None:
        touch(connection, visit.name, *visit.renewed)
    return quota


def owned_by(connection: sqlite3.Connection, owner: str) -> list[str]:
    """Return the names of an owner's sessions."""
    return [name for (name,) in connection.execute(OWNED, (owner,))]


def report_watchers(connection: sqlite3.Connection, worker: str, watchers: Mapping[str, int], now: float) -> None:
    """Renew or end a worker's lease on its number of watchers, by session."""
    until = now + PRESENCE_SECONDS
    connection.executemany(PRESENT, [(worker, count, until, name) for name, count in watchers.items() if count])
    connection.executemany(ABSENT, [(worker, name) for name, count in watchers.items() if not count])


def probe(connection: sqlite3.Connection) -> None:
    """Read a row, to see that the file answers."""
    connection.execute(SESSIONS).fetchone()


def _is_full(connection: sqlite3.Connection, limits: Limits) -> bool:
    (sessions,) = connection.execute(SESSIONS).fetchone()
    return bool(sessions >= limits.sessions)


def _move(connection: sqlite3.Connection, session: int, before: float, purge_at: float) -> None:
    """Note the minute of a session's purge if it has changed."""
    if purge_minute(purge_at) != purge_minute(before):
        connection.execute(MOVE, (purge_minute(purge_at), session))
