"""Inspection of a database file before it is written: a foreign file is refused untouched."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

logger = logging.getLogger("handshake_prompt")

APPLICATION = 0x48505031
"""SQLite's application id, which marks our files."""

TORN = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}
"""Errors of a file that is damaged, or was read while it was being written."""

HEADER_BYTES = 100
"""Of every database that is not empty: https://www.sqlite.org/fileformat2.html#the_database_header."""

WRITABLE = "See that its directory exists, and that this user may write to both."
DAMAGED = "is damaged, or no database. Put a backup in its place, or move it away to begin with an empty one."


def provide_file(path: Path, *, newest: int) -> None:
    """Create a file that is missing, for this user alone; else look at it, and warn if other users may.

    Raises:
        ValueError: the file is another application's, or of a version above `newest`.
        OSError, sqlite3.Error: it may not be created, may not be read, or is no database.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))  # it will hold people's data
    except FileExistsError:
        inspect_file(path, newest=newest)


def inspect_file(path: Path, *, newest: int) -> None:
    """Look at a file without locking or changing it, and leave its write-ahead log alone.

    SQLite itself reads it: closing a descriptor of our own would release the locks that this process has on it.

    Raises:
        ValueError, OSError, sqlite3.Error: as for `provide_file`.
    """
    found = path.stat()
    mode = found.st_mode
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path} is no file. Name one for the sessions.")
    if not os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    if mode & stat.S_IRWXO and os.name == "posix":
        logger.warning("%s is open to other users of this machine and holds people's data: chmod o= it", path)
    if 0 < found.st_size < HEADER_BYTES:  # one byte alone SQLite takes for an empty database, and overwrites
        raise ValueError(f"{path} {DAMAGED}")
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)) as connection:
        check_version(connection, path, newest=newest)


def write_traces(path: Path) -> tuple[int, int] | None:
    """Return the size and the time of the last write of a file; None if there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns


def is_being_written(path: Path) -> bool:
    """Whether a journal or a write-ahead log lies beside a file: it is written now, or its writer was killed."""
    return any(path.with_name(path.name + ending).exists() for ending in ("-journal", "-wal"))


def check_version(connection: sqlite3.Connection, path: Path, *, newest: int) -> int:
    """Return the version of a file, unless it is another application's or from the future.

    Raises:
        ValueError: so it is.
    """
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
