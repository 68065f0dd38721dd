"""Keeps the watchers of this worker in step with what all workers save, and tells the others how many there are.

A wake-up carries no data, only that there is some: what was missed is read from the log after the place this worker's
channel has reached. So a wake-up that is lost or comes twice costs time and never an event.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

from handshake_prompt.protocol.credentials import Role, mint_connection
from handshake_prompt.protocol.errors import HandshakeError
from handshake_prompt.stores import PRESENCE_SECONDS, Loaded, Record, SessionStore

from .hub import FrameQueue, Hub
from .transactions import Transactions

logger = logging.getLogger("handshake_prompt")

REFRESH = PRESENCE_SECONDS / 3
"""How often a worker's word about its watchers is renewed: two of them may be lost."""
REFRESH_BATCH = 500
"""Sessions told of in one call: well under a millisecond's work for any store."""
PAUSE = 1.0
"""Between two attempts to read what was missed, while the store does not answer; spread by half of it."""


class Subscriptions:
    """Follows the sessions that are watched here.

    Args:
        transactions: reads and publishes what was missed.
    """

    def __init__(self, store: SessionStore, hub: Hub, transactions: Transactions) -> None:
        self._store = store
        self._hub = hub
        self._transactions = transactions
        self._worker = mint_connection()
        self._holds: Counter[str] = Counter()
        self._behind: dict[str, bool] = {}
        """Sessions that a task is catching up with -> whether there is more by now."""
        self._told: set[str] = set()
        """Sessions whose number of watchers has changed since it was last told."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._teller: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    def clients(self, record: Record) -> int:
        """Return the number of watchers of a session, in all workers."""
        here = self._hub.count(record.session.session_id)
        if not record.presence:
            return here
        return here + sum(count for worker, count in record.presence.items() if worker != self._worker)

    @asynccontextmanager
    async def joining(self, session_id: str, after: int | None) -> AsyncIterator[Loaded]:
        """Hold a session still while a watcher joins: it is followed, and all its watchers here are up to date.

        Args:
            session_id: which.
            after: a place in its log to read on from.

        Raises:
            SessionNotFoundError: it is gone or has ended.
        """
        async with self._transactions.locks.hold(session_id):
            await self._hold(session_id)
            try:
                yield await self._transactions.read_on(session_id, after)
            finally:
                self._release(session_id)

    def join(self, record: Record, role: Role, *, polling: bool = False) -> FrameQueue:
        """Add a watcher within `joining`. Whoever calls this calls `leave`.

        Raises:
            RateLimitedError, UnavailableError: there are too many.
        """
        watcher = self._hub.join(record, role, source=mint_connection(), polling=polling)
        self._holds[watcher.channel.session_id] += 1
        return watcher

    async def announce(self, watcher: FrameQueue) -> None:
        """Tell the other workers of a watcher that has joined."""
        await self._say([watcher.channel.session_id])
        self._keep_telling()

    def leave(self, watcher: FrameQueue) -> None:
        """Remove a watcher. Safe to call twice."""
        session_id = watcher.channel.session_id
        if watcher not in watcher.channel.watchers:
            return
        self._hub.leave(watcher)
        self._release(session_id)
        if not watcher.polling:
            self._told.add(session_id)
            self._keep_telling()

    async def aclose(self) -> None:
        """Stop all work in the background."""
        tasks = [*self._tasks, *([self._teller] if self._teller else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _hold(self, session_id: str) -> None:
        if not self._holds[session_id]:
            await self._store.subscribe(session_id, self._wake)
        self._holds[session_id] += 1

    def _release(self, session_id: str) -> None:
        self._holds[session_id] -= 1
        if self._holds[session_id] <= 0:
            del self._holds[session_id]
            self._store.unsubscribe(session_id, self._wake)

    def _wake(self, session_id: str, version: int | None) -> None:
        # Not at once: a store may call from within a save of our own, whose events are about to be published.
        asyncio.get_running_loop().call_soon(self._look, session_id, version)

    def _look(self, session_id: str, version: int | None) -> None:
        channel = self._hub.channel(session_id)
        if channel is None or (version is not None and version <= channel.version):
            return
        if session_id in self._behind:
            self._behind[session_id] = True
        else:
            self._behind[session_id] = False
            self._spawn(self._catch_up(session_id, version))

    async def _catch_up(self, session_id: str, version: int | None) -> None:
        """Catch up with a session until nobody says that there is more."""
        try:
            while True:
                await self._try_to_catch_up(session_id, version)
                if not self._behind[session_id]:
                    return
                self._behind[session_id], version = False, None
        finally:
            del self._behind[session_id]

    async def _try_to_catch_up(self, session_id: str, version: int | None) -> None:
        """Try until the store answers, or nobody watches any more."""
        while self._hub.channel(session_id) is not None:
            try:
                await self._transactions.catch_up(session_id, version)
            except HandshakeError as error:
                logger.debug("Session %s could not be caught up with: %s", session_id, error.code)
                await asyncio.sleep(random.uniform(PAUSE / 2, PAUSE))  # noqa: S311 - spreads load, guards nothing
            else:
                return

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _keep_telling(self) -> None:
        if self._teller is None or self._teller.done():
            self._changed = asyncio.Event()  # a new one: an event belongs to the loop it was waited for on
            self._teller = asyncio.create_task(self._tell())
        self._changed.set()

    async def _tell(self) -> None:
        """Tell of what has changed at once, and of everything now and then, while there is anything to tell."""
        while self._hub.watchers or self._told:
            self._changed.clear()
            if not self._told:
                await self._wait_for_a_change()
            due = [self._told.pop() for _ in range(min(len(self._told), REFRESH_BATCH))]
            try:
                await self._say(due)
            except HandshakeError as error:  # what is not renewed runs out by itself
                logger.debug("The watchers of %d sessions could not be told of: %s", len(due), error.code)

    async def _say(self, session_ids: Sequence[str]) -> None:
        """Say how many watchers sessions have, until that is so: of two calls at once the older may arrive last."""
        while session_ids:
            told = {one: self._hub.count(one) for one in session_ids}
            await self._store.report_watchers(self._worker, told)
            session_ids = [one for one in session_ids if self._hub.count(one) != told[one]]

    async def _wait_for_a_change(self) -> None:
        try:
            async with asyncio.timeout(REFRESH):
                await self._changed.wait()
        except TimeoutError:
            self._told.update(self._hub.sessions)
