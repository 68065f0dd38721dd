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
from handshake_prompt.stores.capacity import Urgency, at_capacity, check_room
from handshake_prompt.stores.codec import unreadable_error
from handshake_prompt.stores.records import Claim, Receipt

from . import history
from .expiry import evict_unused, purge_expired, purge_minute
from .history import Events, LogPart
from .rows import CounterRow, LoadedRow, NameRow, PresenceRow, SavedRow, TimesRow, WorldRow
from .typed_rows import all_rows, first_row

FIND = "SELECT id, version, expires_at, purge_at, log_events, log_bytes, receipt_bytes FROM sessions WHERE name = ?"
LOAD = (
    "SELECT id, version, expires_at, purge_at, packed, log_events FROM sessions JOIN states ON session = id"
    " WHERE name = ? AND purge_at > ?"
)
CREATE = "INSERT OR IGNORE INTO sessions VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, ?)"
CREATE_STATE = "INSERT INTO states VALUES (?, ?)"
COUNT_CREATED = "UPDATE world SET sessions = sessions + 1"
SESSIONS = "SELECT sessions FROM world"
STAMP_SAVE = "UPDATE world SET stamp = stamp + 1, latest = max(latest, ?)"
SAVE = (
    "UPDATE sessions SET version = version + 1, ended = ?, expires_at = ?, purge_at = ?,"
    " unused_since = iif(?, NULL, unused_since), stamp = (SELECT stamp FROM world),"
    " log_events = ?, log_bytes = ?, receipt_bytes = ? WHERE id = ?"
)
STATE_SIZE = "SELECT coalesce(sum(length(packed)), 0) FROM states WHERE session = ?"
USED = (
    "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
)
SAVE_STATE = "UPDATE states SET packed = ? WHERE session = ?"
MOVE = "UPDATE sessions SET purge_minute = ? WHERE id = ?"
FIND_LIVING = "SELECT id, expires_at, purge_at FROM sessions WHERE name = ? AND NOT ended"
TOUCH = "UPDATE sessions SET expires_at = ?, purge_at = ?, unused_since = NULL WHERE id = ?"
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
    created_at: float


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
    used: bool
    expires_at: float
    purge_at: float
    events: Events | None
    receipt: Receipt | None
    urgency: Urgency

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        events = len(self.events.packed) if self.events else 0
        return len(self.packed) + events + (len(self.receipt.reply) if self.receipt else 0)


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


def create(connection: sqlite3.Connection, new: New, now: float, limits: Limits) -> None:
    """Insert a session.

    Raises:
        UnavailableError: there is no room for another.
        VersionConflictError: there is one of this name.
    """
    try:
        _check_room_for(connection, new, limits)
    except UnavailableError:
        if not purge_expired(connection, now).sessions and not evict_unused(connection, now, limits):
            raise
        _check_room_for(connection, new, limits)
    times = (new.expires_at, new.purge_at, purge_minute(new.purge_at))
    values = (new.name, new.version, False, *times, new.owner, new.created_at)
    created = connection.execute(CREATE, values)
    if not created.rowcount:
        raise VersionConflictError
    connection.execute(CREATE_STATE, (created.lastrowid, new.packed))
    connection.execute(COUNT_CREATED)


def load(connection: sqlite3.Connection, name: str, now: float, *, after: int | None, key: str | None) -> Found | None:
    """Read a session, and on demand its log after a place and the receipt under a key.

    Raises:
        StoreUnavailableError: it cannot be read.
    """
    found = first_row(connection.execute(LOAD, (name, now)), LoadedRow, table="sessions")
    if found is None:
        return None
    presence = {
        row.worker: row.watchers
        for row in all_rows(connection.execute(PRESENCE, (found.id, now)), PresenceRow, table="presence")
    }
    log = None if after is None else history.log_after(connection, found.id, after, log_events=found.log_events)
    receipt = None if key is None else history.live_receipt(connection, found.id, key, now)
    return Found(found.version, found.expires_at, found.purge_at, found.packed, presence, log, receipt)


def save(connection: sqlite3.Connection, draft: Draft, now: float, limits: Limits) -> tuple[float, float]:
    """Replace a session, append to its log and keep a receipt; return its times.

    Raises:
        StoreUnavailableError: it cannot be read.
        UnavailableError: there is no room for a write of this urgency.
        VersionConflictError: it is of another version, or gone.
    """
    kept = first_row(connection.execute(FIND, (draft.name,)), SavedRow, table="sessions")
    if kept is None or kept.version != draft.version:
        raise VersionConflictError
    if draft.ended:
        times, usage = (draft.expires_at, draft.purge_at), history.drop_history(connection, kept.id)
    else:
        _check_room_to_grow(connection, kept, draft, limits)
        times = max(draft.expires_at, kept.expires_at), max(draft.purge_at, kept.purge_at)
        usage = history.extend_history(
            connection, kept.id, kept.usage, draft.events, draft.receipt, now=now, limits=limits
        )
    connection.execute(STAMP_SAVE, (now,))
    connection.execute(SAVE, (draft.ended, *times, draft.used, *usage, kept.id))
    _note_purge_minute(connection, kept.id, kept.purge_at, times[1])
    connection.execute(SAVE_STATE, (draft.packed, kept.id))
    return times


def touch(connection: sqlite3.Connection, name: str, expires_at: float, purge_at: float) -> None:
    """Move the times of a session that has not ended forward.

    Raises:
        StoreUnavailableError: it cannot be read.
    """
    kept = first_row(connection.execute(FIND_LIVING, (name,)), TimesRow, table="sessions")
    if kept is None:
        return
    purge_at = max(purge_at, kept.purge_at)
    connection.execute(TOUCH, (max(expires_at, kept.expires_at), purge_at, kept.id))
    _note_purge_minute(connection, kept.id, kept.purge_at, purge_at)


def count_request(connection: sqlite3.Connection, name: str, now: float, *, limit: int, window: float) -> Quota:
    """Count a request.

    Raises:
        StoreUnavailableError: the counter cannot be read.
    """
    counter = first_row(connection.execute(COUNTER, (name,)), CounterRow, table="counters")
    before = Window(counter.hits, counter.ends_at) if counter else None
    after, quota = rate_limit.hit(before, now, limit=limit, length=window)
    if before is None or after.ends_at != before.ends_at:
        connection.execute(COUNT_FIRST, (name, after.hits, after.ends_at))
    elif after.hits != before.hits:
        connection.execute(COUNT, (after.hits, name))
    return quota


def count_visit(connection: sqlite3.Connection, visit: CountedVisit, now: float) -> Quota:
    """Count a visit, and renew the session if the visit is within its limit."""
    quota = count_request(connection, visit.counter, now, limit=visit.claim.limit, window=visit.claim.window)
    if quota.allowed and visit.renewed is not None:
        touch(connection, visit.name, *visit.renewed)
    return quota


def owned_by(connection: sqlite3.Connection, owner: str) -> list[str]:
    """Return the names of an owner's sessions.

    Raises:
        StoreUnavailableError: they cannot be read.
    """
    return [row.name for row in all_rows(connection.execute(OWNED, (owner,)), NameRow, table="sessions")]


def report_watchers(connection: sqlite3.Connection, worker: str, watchers: Mapping[str, int], now: float) -> None:
    """Renew or end a worker's lease on its number of watchers, by session."""
    until = now + PRESENCE_SECONDS
    connection.executemany(PRESENT, [(worker, count, until, name) for name, count in watchers.items() if count])
    connection.executemany(ABSENT, [(worker, name) for name, count in watchers.items() if not count])


def probe_file(connection: sqlite3.Connection) -> None:
    """Read the number of sessions, to see that the file answers.

    Raises:
        StoreUnavailableError: it cannot be read.
    """
    _number_of_sessions(connection)


def _number_of_sessions(connection: sqlite3.Connection) -> int:
    found = first_row(connection.execute(SESSIONS), WorldRow, table="world")
    if found is None:
        raise unreadable_error("the table world", LookupError())
    return found.sessions


def _check_room_for(connection: sqlite3.Connection, new: New, limits: Limits) -> None:
    if _number_of_sessions(connection) >= limits.sessions:
        raise at_capacity()
    check_room(Urgency.CREATION, used=_used_bytes(connection), needed=len(new.packed), capacity=limits.store_bytes)


def _check_room_to_grow(connection: sqlite3.Connection, kept: SavedRow, draft: Draft, limits: Limits) -> None:
    used = _used_bytes(connection)
    if used + draft.size > limits.store_bytes * draft.urgency.value:
        (before,) = connection.execute(STATE_SIZE, (kept.id,)).fetchone()
        check_room(draft.urgency, used=used, needed=draft.size - before, capacity=limits.store_bytes)


def _used_bytes(connection: sqlite3.Connection) -> int:
    """Return the size of the file without its free pages."""
    used: int = connection.execute(USED).fetchone()[0]
    return used


def _note_purge_minute(connection: sqlite3.Connection, session: int, before: float, purge_at: float) -> None:
    """Note the minute of a session's purge if it has changed."""
    if purge_minute(purge_at) != purge_minute(before):
        connection.execute(MOVE, (purge_minute(purge_at), session))
