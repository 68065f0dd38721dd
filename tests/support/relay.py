"""A store that passes everything on to another, and lets a test come in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from handshake_prompt.events import Event
from handshake_prompt.rate_limit import Quota
from handshake_prompt.stores import Log, Receipt, Record, SessionStore

Between = Callable[[str], Awaitable[None]]
"""Called with the name of a store's method; what it raises, the store's caller gets."""


async def nothing(_: str) -> None:
    """Let a call pass."""


class RelayStore(SessionStore):
    """Calls `before` and `after` around each call of `inner`."""

    def __init__(self, inner: SessionStore) -> None:
        self.inner = inner
        self.before: Between = nothing
        self.after: Between = nothing

    def now(self) -> float:
        return self.inner.now()

    async def create(self, record: Record) -> None:
        async with self._passing("create"):
            await self.inner.create(record)

    async def load(self, session_id: str) -> Record | None:
        async with self._passing("load"):
            return await self.inner.load(session_id)

    async def save(self, record: Record, *, events: Sequence[Event] = (), receipt: Receipt | None = None) -> None:
        async with self._passing("save"):
            await self.inner.save(record, events=events, receipt=receipt)

    async def touch(self, session_id: str, *, expires_at: float, purge_at: float) -> None:
        async with self._passing("touch"):
            await self.inner.touch(session_id, expires_at=expires_at, purge_at=purge_at)

    async def events_after(self, session_id: str, seq: int) -> Log:
        async with self._passing("events_after"):
            return await self.inner.events_after(session_id, seq)

    async def receipt(self, session_id: str, key: str) -> Receipt | None:
        async with self._passing("receipt"):
            return await self.inner.receipt(session_id, key)

    async def hit(self, counter: str, *, limit: int, window: float) -> Quota:
        async with self._passing("hit"):
            return await self.inner.hit(counter, limit=limit, window=window)

    @asynccontextmanager
    async def _passing(self, name: str) -> AsyncIterator[None]:
        await self.before(name)
        yield
        await self.after(name)
