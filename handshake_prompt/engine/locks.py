"""One asyncio lock per session, with hand-over: a holder leaves the record it saved to the next in line.

A lock exists only while it is held or waited for.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Generic, TypeVar

from handshake_prompt.protocol.errors import StoreUnavailableError

T = TypeVar("T")

LONG = 0.5
"""Seconds: a store that fails sooner, as when a connection breaks, may well serve the next in line."""


class Locks(Generic[T]):
    """Locks by name. They order the tasks of this worker; workers are ordered by the store's version check."""

    def __init__(self) -> None:
        self._locks: dict[str, Lock[T]] = {}

    def __len__(self) -> int:
        return len(self._locks)

    def hold_lock(self, name: str) -> Hold[T]:
        """Hold the lock of `name`, for one `async with`. First come, first served.

        Raises:
            StoreUnavailableError: the store has kept an earlier holder waiting, and then failed. The next in line
                would wait as long, and the last of a queue many times that.
        """
        return Hold(self._locks, name)


class Lock(asyncio.Lock, Generic[T]):
    """A lock that counts its holder and its waiters."""

    users = 0
    timeouts = 0
    """How often a holder has waited for the store in vain."""
    handed_over: T | None = None
    """The newest state that a holder has saved. A waiter's own is older, so this one spares it a read."""


class Hold(Generic[T]):
    """One wait for a lock, and then the hold on it."""

    __slots__ = ("_began_at", "_lock", "_locks", "_name")

    def __init__(self, locks: dict[str, Lock[T]], name: str) -> None:
        self._locks = locks
        self._name = name

    async def __aenter__(self) -> Lock[T]:
        lock = self._lock = self._locks.setdefault(self._name, Lock())
        lock.users += 1
        timeouts = lock.timeouts
        try:
            await lock.acquire()
        except BaseException:
            self._drop_if_unused()
            raise
        if lock.timeouts != timeouts:
            lock.release()
            self._drop_if_unused()
            raise StoreUnavailableError
        self._began_at = asyncio.get_running_loop().time()
        return lock

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, StoreUnavailableError):
            self._lock.timeouts += asyncio.get_running_loop().time() - self._began_at > LONG
        self._lock.release()
        self._drop_if_unused()

    def _drop_if_unused(self) -> None:
        self._lock.users -= 1
        if not self._lock.users:
            del self._locks[self._name]
