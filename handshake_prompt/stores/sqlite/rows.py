"""What is done with the rows: functions on a connection that is in a transaction.

Those that raise an error on purpose do so before they write anything.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from handshake_prompt.protocol import rate_limit
from handshake_prompt.protocol.errors import UnavailableError, VersionConflictError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.rate_limit import Quota, Window
from handshake_prompt.stores.base import PRESENCE_SECONDS, Claim, Receipt

PURGE_BATCH = 200
"""Rows of a kind that are purged in one go, and sessions at most: a few milliseconds."""
PURGE_EVENTS = 5000
"""Events that are purged with them, give or take one session's."""

NOTE_INTERVAL = 30.0
"""How often the time is noted if nothing else is written."""

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

LOG_LAST = "SELECT max(last) FROM log WHERE session = ?"
LOG_AFTER = "SELECT packed FROM log WHERE session = ? AND last > ? ORDER BY last"
LOG_OLDEST = "SELECT last, sizes FROM log WHERE session = ? AND last >= ? ORDER BY last"
LOG_APPEND = "INSERT INTO log VALUES (NULL, ?, ?, ?, ?)"
LOG_TRIM = "DELETE FROM log WHERE session = ? AND last < ?"
LOG_FORGET = "DELETE FROM log WHERE session = ?"

RECEIPT = "SELECT key, fingerprint, reply, lifetime FROM receipts WHERE session = ? AND key = ? AND ends_at > ?"
RECEIPT_SIZE = "SELECT length(reply) FROM receipts WHERE session = ? AND key = ?"
RECEIPT_KEEP = "INSERT OR REPLACE INTO receipts VALUES (NULL, ?, ?, ?, ?, ?, ?)"
RECEIPT_OLDEST = "SELECT id, length(reply) FROM receipts WHERE session = ? ORDER BY id"
RECEIPT_DROP = "DELETE FROM receipts WHERE id = ?"
RECEIPTS_FORGET = "DELETE FROM receipts WHERE session = ?"
RECEIPTS_EXPIRED = (
    "SELECT id, session, length(reply) FROM (SELECT id, session, reply, ends_at FROM receipts ORDER BY id LIMIT ?)"
    " WHERE ends_at <= ?"
)
RECEIPT_UNCOUNT = "UPDATE sessions SET receipt_bytes = receipt_bytes - ? WHERE id = ?"

COUNTER = "SELECT hits, ends_at FROM counters WHERE name = ?"
COUNT_FIRST = "INSERT OR REPLACE INTO counters VALUES (?, ?, ?)"
COUNT = "UPDATE counters SET hits = ? WHERE name = ?"
COUNTERS_EXPIRED = "SELECT name FROM counters WHERE ends_at <= ? LIMIT ?"
COUNTER_DROP = "DELETE FROM counters WHERE name = ?"

PRESENCE = "SELECT worker, watchers FROM presence WHERE session = ? AND ends_at > ?"
PRESENT = "INSERT OR REPLACE INTO presence SELECT id, ?, ?, ? FROM sessions WHERE name = ?"
ABSENT = "DELETE FROM presence WHERE worker = ? AND session = (SELECT id FROM sessions WHERE name = ?)"
PRESENCE_EXPIRED = "DELETE FROM presence WHERE ends_at <= ?"

DUE = "SELECT id, log_events FROM sessions WHERE purge_minute <= ? AND purge_at <= ? ORDER BY purge_minute LIMIT ?"
PURGE = (
    "DELETE FROM states WHERE session = ?",
    LOG_FORGET,
    RECEIPTS_FORGET,
    "DELETE FROM presence WHERE session = ?",
    "DELETE FROM sessions WHERE id = ?",
)
COUNT_PURGED = "UPDATE world SET sessions = sessions - ?"
NOTE_TIME = "UPDATE world SET latest = ? WHERE latest <= ?"


class New(NamedTuple):
    """A session to create."""

    name: str
    version: int
    packed: bytes
    expires_at: float
    purge_at: float
    owner: str | None


class Found(NamedTuple):
    """What was read of a session; not unpacked yet."""

    version: int
    expires_at: float
    purge_at: float
    packed: bytes
    presence: dict[str, int]
    log: Sequence[bytes]
    """Of each save, the events together; the first and the last save may have some that are not wanted."""
    log_first: int | None
    """The `seq` of the first event that is kept, None if none is."""
    receipt: Receipt | None


class Events(NamedTuple):
    """What a save appends to a session's log."""

    last: int
    """The `seq` of the last of them."""
    sizes: Sequence[int]
    packed: bytes


class Draft(NamedTuple):
    """What is to be saved of a session."""

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
    """The session's times if it is renewed by the visit."""

    @property
    def counter(self) -> str:
        """The name of what it is counted on."""
        return f"{self.claim.counter}:{self.name}"


class Row(NamedTuple):
    """What a save has to know of the session it replaces."""

    id: int
    version: int
    expires_at: float
    purge_at: float
    log_events: int
    log_bytes: int
    receipt_bytes: int


def create(connection: sqlite3.Connection, new: New, now: float, limits: Limits) -> None:
    """Keep a new session.

    Raises:
        UnavailableError: there are as many as there may be.
        VersionConflictError: there is one of this name.
    """
    if _is_full(connection, limits):
        purge(connection, now)
        if _is_full(connection, limits):
            raise UnavailableError("The server holds as many sessions as it can", code="at_capacity", retry_after=30)
    values = (new.name, new.version, False, new.expires_at, new.purge_at, _minute(new.purge_at), new.owner)
    created = connection.execute(CREATE, values)
    if not created.rowcount:
        raise VersionConflictError
    connection.execute(CREATE_STATE, (created.lastrowid, new.packed))
    connection.execute(COUNT_CREATED)


def load(connection: sqlite3.Connection, name: str, now: float, *, after: int | None, key: str | None) -> Found | None:
    """Read a session, and of its log and receipts what is asked for."""
    row = connection.execute(LOAD, (name, now)).fetchone()
    if row is None:
        return None
    session, version, expires_at, purge_at, packed, log_events = row
    presence = dict(connection.execute(PRESENCE, (session, now)).fetchall())
    log: list[bytes] = []
    first = None
    if after is not None:
        (last,) = connection.execute(LOG_LAST, (session,)).fetchone()
        first = None if last is None else last - log_events + 1
        log = [events for (events,) in connection.execute(LOG_AFTER, (session, max(after, (first or 0) - 1)))]
    receipt = None if key is None else connection.execute(RECEIPT, (session, key, now)).fetchone()
    return Found(version, expires_at, purge_at, packed, presence, log, first, Receipt(*receipt) if receipt else None)


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
        for statement in (LOG_FORGET, RECEIPTS_FORGET):
            connection.execute(statement, (row.id,))
        times, log, receipt_bytes = (draft.expires_at, draft.purge_at), (0, 0), 0
    else:
        times = max(draft.expires_at, row.expires_at), max(draft.purge_at, row.purge_at)
        log = _append(connection, row, draft.events, limits)
        receipt_bytes = _keep(connection, row, draft.receipt, now, limits)
    connection.execute(STAMP_SAVE, (now,))
    connection.execute(SAVE, (draft.ended, *times, *log, receipt_bytes, row.id))
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


def owned(connection: sqlite3.Connection, owner: str) -> list[str]:
    """Return the names of an owner's sessions."""
    return [name for (name,) in connection.execute(OWNED, (owner,))]


def present(connection: sqlite3.Connection, worker: str, watchers: Mapping[str, int], now: float) -> None:
    """Note how many watchers a worker has."""
    until = now + PRESENCE_SECONDS
    connection.executemany(PRESENT, [(worker, count, until, name) for name, count in watchers.items() if count])
    connection.executemany(ABSENT, [(worker, name) for name, count in watchers.items() if not count])


def purge(connection: sqlite3.Connection, now: float) -> bool:
    """Forget what is past its time, a bounded number of rows; return whether there may be more."""
    counters = connection.execute(COUNTERS_EXPIRED, (now, PURGE_BATCH)).fetchall()
    connection.executemany(COUNTER_DROP, counters)
    connection.execute(PRESENCE_EXPIRED, (now,))
    receipts = connection.execute(RECEIPTS_EXPIRED, (PURGE_BATCH, now)).fetchall()
    connection.executemany(RECEIPT_DROP, [(receipt,) for receipt, _, _ in receipts])
    connection.executemany(RECEIPT_UNCOUNT, [(size, session) for _, session, size in receipts])
    if sessions := _due(connection, now):
        for statement in PURGE:
            connection.executemany(statement, sessions)
        connection.execute(COUNT_PURGED, (len(sessions),))
    connection.execute(NOTE_TIME, (now, now - NOTE_INTERVAL))
    return bool(sessions) or PURGE_BATCH in (len(counters), len(receipts))


def note_time(connection: sqlite3.Connection, now: float) -> None:
    """Note what time it is, which time will not go back behind."""
    connection.execute(NOTE_TIME, (now, now))


def nothing(connection: sqlite3.Connection) -> None:
    """Only see that the file answers."""
    connection.execute(SESSIONS).fetchone()


def _due(connection: sqlite3.Connection, now: float) -> list[tuple[int]]:
    """Return sessions to purge, and not more events with them than can go at once."""
    sessions, events = [], 0
    for session, log_events in connection.execute(DUE, (_minute(now), now, PURGE_BATCH)):
        sessions.append((session,))
        events += log_events
        if events >= PURGE_EVENTS:
            break
    return sessions


def _is_full(connection: sqlite3.Connection, limits: Limits) -> bool:
    (sessions,) = connection.execute(SESSIONS).fetchone()
    return bool(sessions >= limits.sessions)


def _minute(time: float) -> int:
    return int(time // 60)


def _move(connection: sqlite3.Connection, session: int, before: float, purge_at: float) -> None:
    """Note in which minute a session is to be purged, if it is another one than before."""
    if _minute(purge_at) != _minute(before):
        connection.execute(MOVE, (_minute(purge_at), session))


def _append(connection: sqlite3.Connection, row: Row, events: Events | None, limits: Limits) -> tuple[int, int]:
    """Append to a log, let its oldest events make room, and return how many there are and of what size."""
    count, size = row.log_events, row.log_bytes
    if events is None:
        return count, size
    connection.execute(LOG_APPEND, (row.id, events.last, msgspec.msgpack.encode(events.sizes), events.packed))
    count, size = count + len(events.sizes), size + sum(events.sizes)
    if not _is_over(count, size, limits):
        return count, size
    first = events.last - count + 1
    oldest = connection.execute(LOG_OLDEST, (row.id, first))
    while _is_over(count, size, limits):
        last, packed = oldest.fetchone()
        sizes = msgspec.msgpack.decode(packed)
        for event_size in sizes[first - last - 1 :]:
            first, count, size = first + 1, count - 1, size - event_size
            if not _is_over(count, size, limits):
                break
    oldest.close()
    connection.execute(LOG_TRIM, (row.id, first))
    return count, size


def _is_over(events: int, size: int, limits: Limits) -> bool:
    return events > limits.log_events or (size > limits.log_bytes and events > 1)


def _keep(connection: sqlite3.Connection, row: Row, receipt: Receipt | None, now: float, limits: Limits) -> int:
    """Keep a receipt, let the oldest of the session make room for it, and return of what size they are."""
    if receipt is None:
        return row.receipt_bytes
    before = connection.execute(RECEIPT_SIZE, (row.id, receipt.key)).fetchone()
    ends_at = now + receipt.lifetime
    values = (row.id, receipt.key, receipt.fingerprint, receipt.reply, ends_at, receipt.lifetime)
    newest = connection.execute(RECEIPT_KEEP, values).lastrowid
    size = row.receipt_bytes - (before[0] if before else 0) + len(receipt.reply)
    if size <= limits.idempotency_bytes:
        return size
    for oldest, reply_size in connection.execute(RECEIPT_OLDEST, (row.id,)).fetchall():
        if size <= limits.idempotency_bytes or oldest == newest:
            break
        connection.execute(RECEIPT_DROP, (oldest,))
        size -= reply_size
    return size
