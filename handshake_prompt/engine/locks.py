"""One asyncio lock per session, which exists only while somebody holds it or waits for it."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

from handshake_prompt.protocol.errors import StoreUnavailableError

LONG = 0.5
"""Seconds: a store that fails sooner, as when a connection breaks, may well do for who comes next."""


class Locks:
    """Locks by name. They order the tasks of this worker; workers are ordered by the store's version check."""

    def __init__(self) -> None:
        self._locks: dict[str, Lock] = {}

    def __len__(self) -> int:
        return len(self._locks)

    def hold(self, name: str) -> Hold:
        """Hold the lock of `name`, for one `async with`. First come, first served.

        Raises:
            StoreUnavailableError: the store has kept somebody who was ahead waiting, and then failed. Who comes next
                would wait as long, and the last in a queue many times that.
        """
        return Hold(self._locks, name)


class Lock(asyncio.Lock):
    """A lock that counts who holds it or waits for it."""

    users = 0
    lost = 0
    """How often a holder has waited for the store in vain."""
    saved: Any = None
    """What its holders have saved last, for those who wait: what they have in hand is older."""


class Hold:
    """One wait for a lock, and then the hold on it."""

    __slots__ = ("_begun", "_lock", "_locks", "_name")

    def __init__(self, locks: dict[str, Lock], name: str) -> None:
        self._locks = locks
        self._name = name

    async def __aenter__(self) -> Lock:
        lock = self._lock = self._locks.setdefault(self._name, Lock())
        lock.users += 1
        lost = lock.lost
        try:
            await lock.acquire()
        except BaseException:
            self._leave()
            raise
        if lock.lost != lost:
            lock.release()
            self._leave()
            raise StoreUnavailableError
        self._begun = asyncio.get_running_loop().time()
        return lock

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, StoreUnavailableError):
            self._lock.lost += asyncio.get_running_loop().time() - self._begun > LONG
        self._lock.release()
        self._leave()

    def _leave(self) -> None:
        self._lock.users -= 1
        if not self._lock.users:
            del self._locks[self._name]
