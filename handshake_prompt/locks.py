"""One asyncio lock per session, which exists only while somebody holds it or waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Locks:
    """Locks by name. They order the tasks of this worker; workers are ordered by the store's version check."""

    def __init__(self) -> None:
        self._locks: dict[str, Lock] = {}

    def __len__(self) -> int:
        return len(self._locks)

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[Lock]:
        """Hold the lock of `name`. First come, first served."""
        lock = self._locks.setdefault(name, Lock())
        lock.users += 1
        try:
            async with lock:
                yield lock
        finally:
            lock.users -= 1
            if not lock.users:
                del self._locks[name]


class Lock(asyncio.Lock):
    """A lock that counts who holds it or waits for it."""

    users = 0
    version = -1
    """The newest version its holders have saved: whoever waited with an older one in hand reads again."""
