"""Who is to be woken for which session, and how it is noticed that one was saved, by whichever worker."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from typing import NamedTuple

from handshake_prompt.stores.base import Followers, Wake

from .lane import call_soon

LOOK = 0.025
"""Seconds between two looks, so that others are heard of well within 50 ms. A look at a file that nobody has written
takes 0.02 ms, or 0.2 ms with what it costs to wake a thread that slept: 1 % of a processor."""

DATA_VERSION = "PRAGMA data_version"
STAMP = "SELECT stamp FROM world"
SAVED_SINCE = "SELECT name, version, stamp FROM sessions WHERE stamp > ? ORDER BY stamp"


class Place(NamedTuple):
    """How far the looking has come."""

    connection: sqlite3.Connection
    changes: int
    """Moves whenever anybody else has written the file; of no meaning to any other connection."""
    stamp: int
    """Of the last save that was told of."""


class Wakes:
    """The followers in this process, on all of its event loops. Looking is for the thread that reads."""

    def __init__(self) -> None:
        self._followers: dict[asyncio.AbstractEventLoop, Followers] = {}
        self._lock = threading.Lock()
        """Held to change who follows, for several event loops may."""
        self._seen: Place | None = None
        """How far the looking has come; None while nobody follows."""

    @property
    def wanted(self) -> bool:
        """Whether anybody follows anything."""
        return bool(self._followers)

    def add(self, session_id: str, wake: Wake) -> None:
        """Add one, to be called on the running event loop."""
        with self._lock:
            self._followers.setdefault(asyncio.get_running_loop(), Followers()).add(session_id, wake)

    def discard(self, session_id: str, wake: Wake) -> None:
        """Remove one."""
        with self._lock:
            for loop, followers in tuple(self._followers.items()):
                followers.discard(session_id, wake)
                if not followers:
                    del self._followers[loop]

    def pause(self) -> float | None:
        """Return the seconds between two looks, None while nobody follows: then what was seen is forgotten."""
        with self._lock:
            for loop in [loop for loop in self._followers if loop.is_closed()]:
                del self._followers[loop]
            if self._followers:
                return LOOK
        self._seen = None
        return None

    def look(self, connection: sqlite3.Connection) -> None:
        """Wake those who follow what was saved since the last look; the first one only takes note of where it is."""
        (changes,) = connection.execute(DATA_VERSION).fetchone()
        seen = self._seen
        if seen is None:
            (stamp,) = connection.execute(STAMP).fetchone()
        elif (seen.connection, seen.changes) == (connection, changes):
            return
        else:
            saved = connection.execute(SAVED_SINCE, (seen.stamp,)).fetchall()
            stamp = saved[-1][2] if saved else seen.stamp
            self._tell([(name, version) for name, version, _ in saved])
        self._seen = Place(connection, changes, stamp)

    def _tell(self, saved: list[tuple[str, int]]) -> None:
        with self._lock:
            loops = tuple(self._followers.items())
        for loop, followers in loops if saved else ():
            call_soon(loop, _wake_all, followers, saved)


def _wake_all(followers: Followers, saved: list[tuple[str, int]]) -> None:
    for session_id, version in saved:
        followers.wake(session_id, version)
