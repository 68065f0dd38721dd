"""Save notifications across processes, by polling the file.

`PRAGMA data_version` moves with every commit of another connection. After that, each save has a stamp of its own, one
higher than the last.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from handshake_prompt.stores.codec import unreadable_error
from handshake_prompt.stores.subscribers import Subscribers

from .typed_rows import Cells, first_row


class StampRow(Cells):
    """Stamp of the last save."""

    stamp: int


DATA_VERSION = "PRAGMA data_version"
STAMP = "SELECT stamp FROM world"
SAVED_SINCE = (
    "SELECT name, version, stamp FROM sessions WHERE stamp > ?"
    " AND typeof(stamp) = 'integer' AND typeof(version) = 'integer' ORDER BY stamp"
)


class Position(NamedTuple):
    """How far polling has come."""

    connection: sqlite3.Connection
    data_version: int
    """Meaningless on any other connection."""
    stamp: int
    """Of the last save that was notified."""


class ChangePoller:
    """Polls for saves on behalf of the subscribers of this process.

    `notify_changed` and `poll_interval` belong to the reading thread.

    Args:
        interval: seconds between two polls.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self.subscribers = Subscribers()
        self._position: Position | None = None
        """None without subscribers."""

    def poll_interval(self) -> float | None:
        """Return the seconds between two polls. None without subscribers; the position is forgotten then."""
        self.subscribers.prune()
        if self.subscribers:
            return self._interval
        self._position = None
        return None

    def notify_changed(self, connection: sqlite3.Connection) -> None:
        """Notify subscribers of saves since the last poll; the first poll only takes the position."""
        (data_version,) = connection.execute(DATA_VERSION).fetchone()
        position = self._position
        if position is None:
            stamp = _newest_stamp(connection)
        elif (position.connection, position.data_version) == (connection, data_version):
            return
        else:
            saved = connection.execute(SAVED_SINCE, (position.stamp,)).fetchall()
            stamp = saved[-1][2] if saved else position.stamp
            self.subscribers.notify_all([(name, version) for name, version, _ in saved])
        self._position = Position(connection, data_version, stamp)


def _newest_stamp(connection: sqlite3.Connection) -> int:
    newest = first_row(connection.execute(STAMP), StampRow, table="world")
    if newest is None:
        raise unreadable_error("the table world", LookupError())
    return newest.stamp
