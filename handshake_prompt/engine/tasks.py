"""Tasks that outlive the requests that began them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from handshake_prompt.stores import SessionStore

from .host.hooks import Hooks

T = TypeVar("T")


class Tasks:
    """Work that goes on to its end, even if the client is gone meanwhile. The engine drains it when it stops."""

    def __init__(self, store: SessionStore, hooks: Hooks) -> None:
        self._store = store
        self._hooks = hooks
        self._running: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._running)

    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of some work, which goes on if the caller is cancelled."""
        if self._store.immediate and not self._hooks.has_any:  # it never waits, so it cannot be cancelled half way
            return await work
        return await asyncio.shield(self.spawn(work))

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin some work in the background."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._drop_task)
        return task

    async def drain(self, timeout: float) -> None:
        """Wait for all work that is under way, for `timeout` seconds at most."""
        if self._running:
            await asyncio.wait(self._running, timeout=timeout)

    def _drop_task(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen: a caller that still waits gets it, and asyncio need not warn of it
