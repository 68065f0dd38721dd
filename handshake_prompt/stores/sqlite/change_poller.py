"""Save notifications across processes, by polling the file.

`PRAGMA data_version` moves with every commit of another connection. After that, each save has a stamp of its own, one
higher than the last.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from typing import NamedTuple

from handshake_prompt.stores.subscribers import Subscriber, Subscribers

from .connection_thread import call_soon

DATA_VERSION = "PRAGMA data_version"
STAMP = "SELECT stamp FROM world"
SAVED_SINCE = "SELECT name, version, stamp FROM sessions WHERE stamp > ? ORDER BY stamp"


class Position(NamedTuple):
    """How far polling has come."""

    connection: sqlite3.Connection
    data_version: int
    """Meaningless on any other connection."""
    stamp: int
    """Of the last save that was notified."""


class ChangePoller:
    """Subscribers of this process, on all of its event loops. `poll` and `interval` belong to the reading thread.

    Args:
        interval: seconds between two polls.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._subscribers: dict[asyncio.AbstractEventLoop, Subscribers] = {}
        self._lock = threading.Lock()
        """Held to change the subscribers: there may be several event loops."""
        self._position: Position | None = None
        """None without subscribers."""

    @property
    def active(self) -> bool:
        """Whether there are subscribers."""
        return bool(self._subscribers)

    def add(self, session_id: str, subscriber: Subscriber) -> None:
        """Add a subscriber, to be called on the running event loop."""
        with self._lock:
            self._subscribers.setdefault(asyncio.get_running_loop(), Subscribers()).add(session_id, subscriber)

    def discard(self, session_id: str, subscriber: Subscriber) -> None:
        """Remove a subscriber."""
        with self._lock:
            for loop, subscribers in tuple(self._subscribers.items()):
                subscribers.discard(session_id, subscriber)
                if not subscribers:
                    del self._subscribers[loop]

    def interval(self) -> float | None:
        """Return the seconds between two polls. None without subscribers; the position is forgotten then."""
        with self._lock:
            for loop in [loop for loop in self._subscribers if loop.is_closed()]:
                del self._subscribers[loop]
            if self._subscribers:
                return self._interval
        self._position = None
        return None

    def poll(self, connection: sqlite3.Connection) -> None:
        """Notify subscribers of saves since the last poll; the first poll only takes the position."""
        (data_version,) = connection.execute(DATA_VERSION).fetchone()
        position = self._position
        if position is None:
            (stamp,) = connection.execute(STAMP).fetchone()
        elif (position.connection, position.data_version) == (connection, data_version):
            return
        else:
            saved = connection.execute(SAVED_SINCE, (position.stamp,)).fetchall()
            stamp = saved[-1][2] if saved else position.stamp
            self._notify([(name, version) for name, version, _ in saved])
        self._position = Position(connection, data_version, stamp)

    def _notify(self, saved: list[tuple[str, int]]) -> None:
        with self._lock:
            loops = tuple(self._subscribers.items())
        for loop, subscribers in loops if saved else ():
            call_soon(loop, _notify_all, subscribers, saved)


def _notify_all(subscribers: Subscribers, saved: list[tuple[str, int]]) -> None:
    for session_id, version in saved:
        subscribers.notify(session_id, version)
