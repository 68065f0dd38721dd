"""Lease on the host's word that a watcher is the person's: a connection outlives the login that it was opened by.

A request is as old as its login; a connection may last for hours, in which its person logs out. Once the lease is over
the host is asked again, by single flight, with the request that opened the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class LoginLease:
    """The host's word on one connection.

    Args:
        confirm: asks the host whether the connection is the person's still.
        seconds: how long an answer counts.
    """

    def __init__(self, confirm: Callable[[], Awaitable[bool]], *, seconds: float) -> None:
        self._confirm = confirm
        self._seconds = seconds
        self._now = asyncio.get_running_loop().time
        self._ends_at = self._now() + seconds
        self._flight = asyncio.Lock()

    async def still_holds(self) -> bool:
        """Whether the connection is the person's. What the host has denied once, it is asked again."""
        if self._now() < self._ends_at:
            return True
        async with self._flight:
            if self._now() < self._ends_at:
                return True
            is_theirs = await self._confirm()
            if is_theirs:
                self._ends_at = self._now() + self._seconds
            return is_theirs
