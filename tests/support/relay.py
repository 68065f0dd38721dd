"""A store that passes everything on to another, and lets a test come in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from handshake_prompt.protocol.errors import StoreUnavailableError
from handshake_prompt.protocol.events import Event
from handshake_prompt.protocol.rate_limit import Quota
from handshake_prompt.stores import Loaded, Receipt, Record, SessionStore, Subscriber

Between = Callable[[str], Awaitable[None]]
"""Called with the name of a store's method; what it raises, the store's caller gets."""


async def nothing(_: str) -> None:
    """Let a call pass."""


def unreachable(kind: str) -> Between:
    """Return what makes one method of a store fail."""

    async def before(name: str) -> None:
        if name == kind:
            raise StoreUnavailableError

    return before


class RelayStore(SessionStore):
    """Calls `before` and `after` around each call of `inner`."""

    def __init__(self, inner: SessionStore) -> None:
        self.inner = inner
        self.before: Between = nothing
        self.after: Between = nothing

    def now(self) -> float:
        return self.inner.now()

    async def ready(self) -> None:
        async with self._passing("ready"):
            await self.inner.ready()

    async def create(self, record: Record) -> None:
        async with self._passing("create"):
            await self.inner.create(record)

    async def load(self, session_id: str, *, after: int | None = None, key: str | None = None) -> Loaded | None:
        async with self._passing("load"):
            return await self.inner.load(session_id, after=after, key=key)

    async def save(self, record: Record, *, events: Sequence[Event] = (), receipt: Receipt | None = None) -> None:
        async with self._passing("save"):
            await self.inner.save(record, events=events, receipt=receipt)

    async def touch(self, session_id: str, *, expires_at: float, purge_at: float) -> None:
        async with self._passing("touch"):
            await self.inner.touch(session_id, expires_at=expires_at, purge_at=purge_at)

    async def hit(self, counter: str, *, limit: int, window: float) -> Quota:
        async with self._passing("hit"):
            return await self.inner.hit(counter, limit=limit, window=window)

    async def owned_by(self, owner: Any) -> Sequence[str]:
        async with self._passing("owned_by"):
            return await self.inner.owned_by(owner)

    async def subscribe(self, session_id: str, subscriber: Subscriber) -> None:
        async with self._passing("subscribe"):
            await self.inner.subscribe(session_id, subscriber)

    def unsubscribe(self, session_id: str, subscriber: Subscriber) -> None:
        self.inner.unsubscribe(session_id, subscriber)

    async def report_watchers(self, worker: str, watchers: Mapping[str, int]) -> None:
        async with self._passing("report_watchers"):
            await self.inner.report_watchers(worker, watchers)

    @asynccontextmanager
    async def _passing(self, name: str) -> AsyncIterator[None]:
        await self.before(name)
        yield
        await self.after(name)
