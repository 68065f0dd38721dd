"""One asyncio lock per session, which exists only while somebody holds it or waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from .errors import StoreUnavailableError

LONG = 0.5
"""Seconds: a store that fails sooner, as when a connection breaks, may well do for who comes next."""


class Locks:
    """Locks by name. They order the tasks of this worker; workers are ordered by the store's version check."""

    def __init__(self) -> None:
        self._locks: dict[str, Lock] = {}

    def __len__(self) -> int:
        return len(self._locks)

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[Lock]:
        """Hold the lock of `name`. First come, first served.

        Raises:
            StoreUnavailableError: the store has kept somebody who was ahead waiting, and then failed. Who comes next
                would wait as long, and the last in a queue many times that.
        """
        lock = self._locks.setdefault(name, Lock())
        lock.users += 1
        lost = lock.lost
        try:
            async with lock:
                if lock.lost != lost:
                    raise StoreUnavailableError
                with lock.noting_loss():
                    yield lock
        finally:
            lock.users -= 1
            if not lock.users:
                del self._locks[name]


class Lock(asyncio.Lock):
    """A lock that counts who holds it or waits for it."""

    users = 0
    lost = 0
    """How often a holder has waited for the store in vain."""
    version = -1
    """The newest version its holders have saved: whoever waited with an older one in hand reads again."""

    @contextmanager
    def noting_loss(self) -> Iterator[None]:
        """Take note if the store fails its holder after a long time."""
        clock = asyncio.get_running_loop().time
        begun = clock()
        try:
            yield
        except StoreUnavailableError:
            self.lost += clock() - begun > LONG
            raise
