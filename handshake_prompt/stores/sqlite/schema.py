"""Schema of the database file: its tables, its migrations, and the settings of a connection."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Literal

from handshake_prompt.protocol.errors import StoreUnavailableError

from .connection_thread import is_busy, primary_code
from .database_file import (
    APPLICATION,
    DAMAGED,
    TORN,
    WRITABLE,
    check_version,
    is_being_written,
    provide_file,
    write_traces,
)
from .timings import SQLiteTimings

Synchronous = Literal["normal", "full"]

CHECKPOINT_PAGES = 4000
"""Pages in the write-ahead log, 16 MB, before a checkpoint waits for the disk: a save writes about ten."""
CHECKED_BYTES = 64 * 1024 * 1024
"""Size of a file up to which it is checked for damage when it is opened: about a tenth of a second."""

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE sessions (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        version INTEGER NOT NULL,
        ended INTEGER NOT NULL,
        expires_at REAL NOT NULL,
        purge_at REAL NOT NULL,
        purge_minute INTEGER NOT NULL,
        owner TEXT,
        stamp INTEGER NOT NULL,
        log_events INTEGER NOT NULL,
        log_bytes INTEGER NOT NULL,
        receipt_bytes INTEGER NOT NULL
    );
    -- The minute of the purge moves far more seldom than its time.
    CREATE INDEX sessions_by_purge ON sessions (purge_minute);
    CREATE INDEX sessions_by_stamp ON sessions (stamp);
    CREATE INDEX sessions_by_owner ON sessions (owner) WHERE owner IS NOT NULL;

    -- Large values are apart from the columns that change with every request.
    CREATE TABLE states (session INTEGER PRIMARY KEY, packed BLOB NOT NULL);

    -- One row for the events of a save: one insert, and one delete when they make room.
    CREATE TABLE log (
        id INTEGER PRIMARY KEY,
        session INTEGER NOT NULL,
        last INTEGER NOT NULL,
        sizes BLOB NOT NULL,
        packed BLOB NOT NULL,
        UNIQUE (session, last)
    );

    CREATE TABLE receipts (
        id INTEGER PRIMARY KEY,
        session INTEGER NOT NULL,
        key TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        reply BLOB NOT NULL,
        ends_at REAL NOT NULL,
        lifetime REAL NOT NULL,
        UNIQUE (session, key)
    );

    CREATE TABLE counters (name TEXT PRIMARY KEY, hits INTEGER NOT NULL, ends_at REAL NOT NULL) WITHOUT ROWID;
    CREATE INDEX counters_by_end ON counters (ends_at);

    CREATE TABLE presence (
        session INTEGER,
        worker TEXT,
        watchers INTEGER NOT NULL,
        ends_at REAL NOT NULL,
        PRIMARY KEY (session, worker)
    ) WITHOUT ROWID;

    -- One row: stamp of the last save, number of sessions, then boot, offset and high-water mark of the clock.
    CREATE TABLE world (
        stamp INTEGER NOT NULL,
        sessions INTEGER NOT NULL,
        latest REAL NOT NULL,
        boot TEXT,
        ahead REAL NOT NULL
    );
    INSERT INTO world VALUES (0, 0, 0, NULL, 0);
    """,
    """
    -- Creation of a session, until it is used.
    ALTER TABLE sessions ADD COLUMN unused_since REAL;
    CREATE INDEX sessions_unused ON sessions (unused_since) WHERE unused_since IS NOT NULL;
    """,
)
"""One script from each version of the schema to the next; append-only once released."""


def open_connection(path: Path, synchronous: Synchronous, *, timeout: float) -> sqlite3.Connection:
    """Open a connection without implicit transactions.

    `timeout` is SQLite's own wait for another process; 0 for callers with a wait of their own.
    """
    connection = sqlite3.connect(path, timeout=timeout, isolation_level=None)
    try:
        connection.execute("PRAGMA secure_delete = ON")  # what was deleted is overwritten
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    except BaseException:
        connection.close()
        raise
    return connection


def truncate_log(connection: sqlite3.Connection) -> bool:
    """Empty the write-ahead log into the file; return whether nobody was in the way."""
    busy: int = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return not busy


def prepare_file(
    path: Path,
    agree: Callable[[sqlite3.Connection], None],
    *,
    migrations: Sequence[str] = MIGRATIONS,
    timings: SQLiteTimings | None = None,
) -> None:
    """Make a file ready for use: create it, or check that it is sound, and migrate it to the newest version.

    Args:
        path: the file.
        agree: called in the transaction of the migration.
        migrations: scripts, one a version.
        timings: how long to wait for locks.

    Raises:
        ValueError: the file cannot be used; the message says why and what to do.
        StoreUnavailableError: it cannot be used just now.
    """
    try:
        timings = timings or SQLiteTimings()
        _provide_whole(path, timings, newest=len(migrations))
        _retry_while_busy(lambda: _open_once(path, agree, migrations), timings)
    except OSError as error:
        raise ValueError(f"Cannot write {path}: {error.strerror}. {WRITABLE}") from error
    except sqlite3.Error as error:
        raise _explained_error(path, error) from error


def _provide_whole(path: Path, timings: SQLiteTimings, *, newest: int) -> None:
    """Provide a file, and look again at one that another worker is filling: without a lock its pages may be torn."""
    until = time.monotonic() + timings.busy_timeout
    while True:
        before = write_traces(path)
        try:
            return provide_file(path, newest=newest)
        except sqlite3.DatabaseError as error:
            is_torn = primary_code(error) in TORN and (is_being_written(path) or write_traces(path) != before)
            if not is_torn or time.monotonic() >= until:
                raise
        time.sleep(timings.busy_retry)


def _retry_while_busy(attempt: Callable[[], None], timings: SQLiteTimings) -> None:
    """Retry while another process holds a lock: workers often start together."""
    until = time.monotonic() + timings.busy_timeout
    while True:
        try:
            return attempt()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= until:
                raise
        time.sleep(timings.busy_retry)


def _open_once(path: Path, agree: Callable[[sqlite3.Connection], None], migrations: Sequence[str]) -> None:
    with closing(open_connection(path, "full", timeout=0)) as connection:  # opening may find it locked, too
        _make_ready(connection, path, agree, migrations)


def _make_ready(
    connection: sqlite3.Connection,
    path: Path,
    agree: Callable[[sqlite3.Connection], None],
    migrations: Sequence[str],
) -> None:
    if check_version(connection, path, newest=len(migrations)) == 0:  # while the file has no log of its own yet
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
    if path.stat().st_size <= CHECKED_BYTES and connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise ValueError(f"{path} {DAMAGED}")
    if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
        raise ValueError(f"{path} is on a file system that workers cannot share. Use a local disk.")
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = check_version(connection, path, newest=len(migrations))  # again: others may start at the same time
        for script in migrations[version:]:
            for statement in script.split(";"):  # executescript would commit half-way
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        agree(connection)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


_EXPLANATIONS = {
    sqlite3.SQLITE_CANTOPEN: f"cannot be opened. {WRITABLE}",
    sqlite3.SQLITE_READONLY: f"is read-only. {WRITABLE}",
    sqlite3.SQLITE_PERM: f"may not be opened. {WRITABLE}",
    sqlite3.SQLITE_NOTADB: DAMAGED,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
}
"""Errors that no second attempt can mend."""


def _explained_error(path: Path, error: sqlite3.Error) -> Exception:
    explanation = _EXPLANATIONS.get(primary_code(error))
    if explanation is not None:
        return ValueError(f"{path} {explanation}")
    if is_busy(error):
        return StoreUnavailableError(f"{path} is locked by another process. Close that one, then try again.")
    return StoreUnavailableError(f"{path} cannot be used just now: {error}")
