"""The database file: its tables, how it is opened, and how one of an earlier version is brought up to date."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Literal

from handshake_prompt.protocol.errors import StoreUnavailableError

from .lane import PATIENCE, TRY, is_busy, primary_code

Synchronous = Literal["normal", "full"]

APPLICATION = 0x48505031
"""Tells our files from other applications' databases."""
CHECKPOINT_PAGES = 4000
"""Of new pages that are kept apart, 16 MB, before the disk is waited for: a save writes about ten."""
CHECKED_BYTES = 64 * 1024 * 1024
"""Files up to this size are checked for damage when they are opened: about a tenth of a second."""

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
    -- Of the minute, which moves far more seldom than the time in it.
    CREATE INDEX sessions_by_purge ON sessions (purge_minute);
    CREATE INDEX sessions_by_stamp ON sessions (stamp);
    CREATE INDEX sessions_by_owner ON sessions (owner) WHERE owner IS NOT NULL;

    -- What is large is apart from what changes with every request.
    CREATE TABLE states (session INTEGER PRIMARY KEY, packed BLOB NOT NULL);

    -- The events of a save are one row: one insert, and one delete when they have made room.
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

    -- The number of the last save, the number of sessions, and what the clock needs.
    CREATE TABLE world (
        stamp INTEGER NOT NULL,
        sessions INTEGER NOT NULL,
        latest REAL NOT NULL,
        boot TEXT,
        ahead REAL NOT NULL
    );
    INSERT INTO world VALUES (0, 0, 0, NULL, 0);
    """,
)
"""What leads from each version of the schema to the next; never changed once released, only added to."""


def connect(path: Path, synchronous: Synchronous, *, timeout: float = PATIENCE) -> sqlite3.Connection:
    """Open a connection that begins and ends its transactions itself.

    `timeout` is how long a statement may wait for another process; 0 for who waits on its own.
    """
    connection = sqlite3.connect(path, timeout=timeout, isolation_level=None)
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    return connection


def prepare(path: Path, agree: Callable[[sqlite3.Connection], None], *, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Make a file ready for use: create it, or see that it is sound and of the newest version.

    Args:
        path: the file.
        agree: called in the transaction that does it.
        migrations: what makes the newest version of an earlier one.

    Raises:
        ValueError: the file cannot be used; the message says why and what to do.
        StoreUnavailableError: it cannot be used just now.
    """
    try:
        path.touch(mode=0o600)  # it will hold what people type
        _persist(lambda: _open_once(path, agree, migrations))
    except OSError as error:
        raise ValueError(f"Cannot write {path}: {error.strerror}. {_WRITABLE}") from error
    except sqlite3.Error as error:
        raise _explained(path, error) from error


def _persist(attempt: Callable[[], None]) -> None:
    """Try for as long as another process is in the way, and patience lasts: workers often start together."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return attempt()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= until:
                raise
        time.sleep(TRY)


def _open_once(path: Path, agree: Callable[[sqlite3.Connection], None], migrations: Sequence[str]) -> None:
    with closing(connect(path, "full", timeout=0)) as connection:  # which another process may be in the way of, too
        _make_ready(connection, path, agree, migrations)


def _make_ready(
    connection: sqlite3.Connection,
    path: Path,
    agree: Callable[[sqlite3.Connection], None],
    migrations: Sequence[str],
) -> None:
    _check_version(connection, path, newest=len(migrations))
    if path.stat().st_size <= CHECKED_BYTES and connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise ValueError(f"{path} {_DAMAGED}")
    if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
        raise ValueError(f"{path} is on a file system that workers cannot share. Use a local disk.")
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _check_version(connection, path, newest=len(migrations))  # again: others may start at the same time
        for script in migrations[version:]:
            for statement in script.split(";"):  # executescript would commit half-way
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        agree(connection)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _check_version(connection: sqlite3.Connection, path: Path, *, newest: int) -> int:
    """Return the version of a file, unless it is another application's or from the future."""
    occupied = connection.execute("SELECT 1 FROM sqlite_master").fetchone()  # first: another worker may be filling it
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION and occupied:
        raise ValueError(f"{path} is the database of another application. Name a file of its own for the sessions.")
    if version > newest:
        raise ValueError(
            f"{path} was written by a newer version of handshake-prompt. Upgrade this one, or name another file."
        )
    return version


_WRITABLE = "See that its directory exists, and that this user may write to both."
_DAMAGED = "is damaged, or no database. Put a backup in its place, or move it away to begin with an empty one."

_EXPLANATIONS = {
    sqlite3.SQLITE_CANTOPEN: f"cannot be opened. {_WRITABLE}",
    sqlite3.SQLITE_READONLY: f"is read-only. {_WRITABLE}",
    sqlite3.SQLITE_PERM: f"may not be opened. {_WRITABLE}",
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
}
"""What a second attempt cannot mend."""


def _explained(path: Path, error: sqlite3.Error) -> Exception:
    explanation = _EXPLANATIONS.get(primary_code(error))
    if explanation is not None:
        return ValueError(f"{path} {explanation}")
    if is_busy(error):
        return StoreUnavailableError(f"{path} is locked by another process. Close that one, then try again.")
    return StoreUnavailableError(f"{path} cannot be used just now: {error}")
