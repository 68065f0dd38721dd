"""Queries on the tables `log` and `receipts`: the bounded history of a session.

Both are counted in the session's row, so a bound is checked without reading them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from itertools import chain
from typing import NamedTuple

import msgspec

from handshake_prompt.protocol.limits import Limits
from handshake_prompt.stores.codec import decode_foreign
from handshake_prompt.stores.records import Receipt

from .typed_rows import Cells, all_rows, first_row

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


class NewestRow(Cells):
    """The end of a log."""

    last: int | None


class EventsRow(Cells):
    """The events of a save."""

    packed: bytes


_decode_sizes = msgspec.msgpack.Decoder(list[int]).decode


class Events(NamedTuple):
    """Events of one save: one row of the log."""

    last: int
    """The `seq` of the last of them."""
    sizes: Sequence[int]
    packed: bytes


class Usage(NamedTuple):
    """Size of a session's history."""

    log_events: int
    log_bytes: int
    receipt_bytes: int


EMPTY = Usage(0, 0, 0)


class LogPart(NamedTuple):
    """The log after some place, not unpacked yet."""

    packed: Sequence[bytes]
    """The events of each save; the first and the last save may have more than was asked for."""
    first: int | None
    """The `seq` of the first event that is kept, None if none is."""


def log_after(connection: sqlite3.Connection, session: int, after: int, *, log_events: int) -> LogPart:
    """Read a session's log after a place.

    Raises:
        StoreUnavailableError: it cannot be read.
    """
    newest = first_row(connection.execute(LOG_LAST, (session,)), NewestRow, table="log")
    last = newest.last if newest else None
    first = None if last is None else last - log_events + 1
    found = connection.execute(LOG_AFTER, (session, max(after, (first or 0) - 1)))
    return LogPart([row.packed for row in all_rows(found, EventsRow, table="log")], first)


def live_receipt(connection: sqlite3.Connection, session: int, key: str, now: float) -> Receipt | None:
    """Read the receipt under a key, unless its lifetime is over.

    Raises:
        StoreUnavailableError: it cannot be read.
    """
    return first_row(connection.execute(RECEIPT, (session, key, now)), Receipt, table="receipts")


def drop_history(connection: sqlite3.Connection, session: int) -> Usage:
    """Delete log and receipts."""
    for statement in (LOG_FORGET, RECEIPTS_FORGET):
        connection.execute(statement, (session,))
    return EMPTY


def extend_history(
    connection: sqlite3.Connection,
    session: int,
    usage: Usage,
    events: Events | None,
    receipt: Receipt | None,
    *,
    now: float,
    limits: Limits,
) -> Usage:
    """Append to the log, keep a receipt, and return the size of both; the oldest of each make room.

    Raises:
        StoreUnavailableError: the log cannot be read; nothing is written.
    """
    if events is not None:
        usage = _append_events(connection, session, usage, events, limits)
    if receipt is not None:
        usage = _keep_receipt(connection, session, usage, receipt, now=now, limits=limits)
    return usage


def _append_events(connection: sqlite3.Connection, session: int, usage: Usage, events: Events, limits: Limits) -> Usage:
    count, size = usage.log_events + len(events.sizes), usage.log_bytes + sum(events.sizes)
    first = before = events.last - count + 1
    if _is_over(count, size, limits):
        first, count, size = _trimmed_log(connection, session, count, size, events=events, limits=limits)
    connection.execute(LOG_APPEND, (session, events.last, msgspec.msgpack.encode(events.sizes), events.packed))
    if first > before:
        connection.execute(LOG_TRIM, (session, first))
    return usage._replace(log_events=count, log_bytes=size)


def _trimmed_log(
    connection: sqlite3.Connection, session: int, count: int, size: int, *, events: Events, limits: Limits
) -> tuple[int, int, int]:
    """Return the first event, the events and the bytes of a log that is within its bounds after an append.

    A save's row goes with the last of its events: until then its dropped events are only left out of the count.
    """
    first = events.last - count + 1
    with closing(connection.execute(LOG_OLDEST, (session, first))) as oldest:
        kept = ((last, _decode_event_sizes(packed)) for last, packed in oldest)
        for last, sizes in chain(kept, [(events.last, events.sizes)]):
            for event_size in sizes[first - last - 1 :]:
                if not _is_over(count, size, limits):
                    return first, count, size
                first, count, size = first + 1, count - 1, size - event_size
    return first, count, size


def _decode_event_sizes(packed: bytes) -> Sequence[int]:
    return decode_foreign(_decode_sizes, packed, place="the table log")


def _is_over(events: int, size: int, limits: Limits) -> bool:
    return events > limits.log_events or (size > limits.log_bytes and events > 1)


def _keep_receipt(
    connection: sqlite3.Connection, session: int, usage: Usage, receipt: Receipt, *, now: float, limits: Limits
) -> Usage:
    before = connection.execute(RECEIPT_SIZE, (session, receipt.key)).fetchone()
    ends_at = now + receipt.lifetime
    values = (session, receipt.key, receipt.fingerprint, receipt.reply, ends_at, receipt.lifetime)
    newest = connection.execute(RECEIPT_KEEP, values).lastrowid
    size = usage.receipt_bytes - (before[0] if before else 0) + len(receipt.reply)
    if size > limits.idempotency_bytes:
        for oldest, reply_size in connection.execute(RECEIPT_OLDEST, (session,)).fetchall():
            if size <= limits.idempotency_bytes or oldest == newest:
                break
            connection.execute(RECEIPT_DROP, (oldest,))
            size -= reply_size
    return usage._replace(receipt_bytes=size)
