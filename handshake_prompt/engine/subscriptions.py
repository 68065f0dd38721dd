"""Subscriptions of this worker to the saves of all workers, which keep its watchers in step with them.

A wake-up carries no data, only the news of a save: the missed events are read from the log, after the place that this
worker's topic has reached. So a wake-up that is lost or comes twice costs time and never an event.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from handshake_prompt.protocol.credentials import Role, mint_connection
from handshake_prompt.protocol.errors import HandshakeError
from handshake_prompt.stores import Loaded, Record, SessionStore

from .delivery.frame_queue import FrameQueue
from .delivery.hub import Hub
from .transactions import Transactions

logger = logging.getLogger("handshake_prompt")

RETRY_PAUSE = 1.0
"""Seconds between two attempts to catch up while the store does not answer, with jitter of half of it."""


class Subscriptions:
    """Subscribes to the sessions that are watched here.

    Args:
        transactions: reads and publishes missed events.
    """

    def __init__(self, store: SessionStore, hub: Hub, transactions: Transactions) -> None:
        self._store = store
        self._hub = hub
        self._transactions = transactions
        self._users: Counter[str] = Counter()
        """Session -> its watchers and callers of `hold_for_joining`: the subscription lasts while there are any."""
        self._catching_up: dict[str, bool] = {}
        """Session that a task is catching up with -> whether another wake-up has come meanwhile."""
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def hold_for_joining(self, session_id: str, after: int | None) -> AsyncIterator[Loaded]:
        """Hold a session still while a watcher joins: it is subscribed to, and all its watchers here are up to date.

        Args:
            session_id: the session.
            after: a place in its log to read on from.

        Raises:
            SessionNotFoundError: it is gone or has ended.
        """
        async with self._transactions.locks.hold_lock(session_id):
            await self._subscribe(session_id)
            try:
                yield await self._transactions.read_on(session_id, after)
            finally:
                self._unsubscribe(session_id)

    def join(self, record: Record, role: Role, *, polling: bool = False, hidden: bool = False) -> FrameQueue:
        """Add a watcher within `hold_for_joining`. The caller pairs this with `leave`.

        Raises:
            RateLimitedError, UnavailableError: there are too many.
        """
        queue = self._hub.join(record, role, source=mint_connection(), polling=polling, hidden=hidden)
        self._users[queue.session_id] += 1
        return queue

    def leave(self, queue: FrameQueue) -> bool:
        """Remove a watcher; return whether it was there. Safe to call twice."""
        was_there = self._hub.leave(queue)
        if was_there:
            self._unsubscribe(queue.session_id)
        return was_there

    async def aclose(self) -> None:
        """Stop all catching up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _subscribe(self, session_id: str) -> None:
        if not self._users[session_id]:
            await self._store.subscribe(session_id, self._wake)
        self._users[session_id] += 1

    def _unsubscribe(self, session_id: str) -> None:
        self._users[session_id] -= 1
        if self._users[session_id] <= 0:
            del self._users[session_id]
            self._store.unsubscribe(session_id, self._wake)

    def _wake(self, session_id: str, version: int | None) -> None:
        # Not at once: a store may call from within a save of our own, whose events are about to be published.
        asyncio.get_running_loop().call_soon(self._catch_up_soon, session_id, version)

    def _catch_up_soon(self, session_id: str, version: int | None) -> None:
        topic = self._hub.topic(session_id)
        if topic is None or (version is not None and version <= topic.version):
            return
        if session_id in self._catching_up:
            self._catching_up[session_id] = True
        else:
            self._catching_up[session_id] = False
            self._spawn_task(self._catch_up(session_id, version))

    async def _catch_up(self, session_id: str, version: int | None) -> None:
        """Catch up with a session until no further wake-up has come.

        One task per session does this. A wake-up that comes meanwhile is noted in `_catching_up`, and its version is
        not: it may be older than the one that is being read, so the next round reads the newest version there is.
        """
        try:
            while True:
                await self._retry_until_caught_up(session_id, version)
                if not self._catching_up[session_id]:
                    return
                self._catching_up[session_id], version = False, None
        finally:
            del self._catching_up[session_id]

    async def _retry_until_caught_up(self, session_id: str, version: int | None) -> None:
        """Try until the store answers, or nobody watches any more."""
        while self._hub.topic(session_id) is not None:
            try:
                await self._transactions.catch_up(session_id, version)
            except HandshakeError as error:
                logger.debug("Session %s could not be caught up with: %s", session_id, error.code)
                await asyncio.sleep(random.uniform(RETRY_PAUSE / 2, RETRY_PAUSE))  # noqa: S311 - guards nothing
            else:
                return

    def _spawn_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
