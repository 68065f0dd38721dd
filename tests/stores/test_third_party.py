"""A third-party store, written from the names of `handshake_prompt.stores` alone, passes the contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from handshake_prompt.stores import (
    PRESENCE_SECONDS,
    Event,
    Limits,
    Loaded,
    Log,
    Quota,
    Receipt,
    Record,
    SessionStore,
    Subscriber,
    Subscribers,
    UnavailableError,
    Urgency,
    VersionConflictError,
    Window,
    check_room,
    hit,
    owner_digest,
    pack_events,
    pack_session,
    unpack_events,
    unpack_session,
)
from handshake_prompt.testing import StoreContract, Stores
from tests.support.clock import ManualClock


@dataclass
class Row:
    packed: bytes
    version: int
    expires_at: float
    purge_at: float
    ended: bool
    owner: str | None
    unused_since: float | None
    log: list[bytes] = field(default_factory=list)
    receipts: dict[str, tuple[float, Receipt]] = field(default_factory=dict)
    presence: dict[str, tuple[float, int]] = field(default_factory=dict)


class ShelfStore(SessionStore):
    """Keeps rows of packed bytes in a dictionary."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._rows: dict[str, Row] = {}
        self._windows: dict[str, Window] = {}
        self._subscribers = Subscribers()

    def now(self) -> float:
        return self._clock()

    async def create(self, record: Record) -> None:
        session = record.session
        if session.session_id in self._rows:
            raise VersionConflictError
        packed = pack_session(session)
        try:
            self._check_room(Urgency.CREATION, len(packed))
        except UnavailableError:
            self._evict_unused()
            self._check_room(Urgency.CREATION, len(packed))
        owner = None if session.owner is None else owner_digest(session.owner)
        self._rows[session.session_id] = Row(
            packed, 0, record.expires_at, record.purge_at, ended=False, owner=owner, unused_since=session.created_at
        )

    async def load(self, session_id: str, *, after: int | None = None, key: str | None = None) -> Loaded | None:
        row, now = self._rows.get(session_id), self.now()
        if row is None or row.purge_at <= now:
            return None
        session = unpack_session(row.packed)
        presence = {worker: count for worker, (until, count) in row.presence.items() if until > now}
        until, receipt = row.receipts.get(key or "", (now, None))
        return Loaded(
            Record(session, row.version, row.expires_at, row.purge_at, presence),
            None if after is None else log_after(row, after, session.seq),
            receipt if until > now else None,
        )

    async def save(self, record: Record, *, events: Sequence[Event] = (), receipt: Receipt | None = None) -> None:
        row = self._rows.get(record.session.session_id)
        if row is None or row.version != record.version:
            raise VersionConflictError
        packed = pack_session(record.session)
        if not record.session.ended:
            self._check_room(record.urgency, len(packed) - len(row.packed) + sum(event.size for event in events))
        row.ended = record.session.ended is not None
        if row.ended:
            row.log, row.receipts = [], {}
        else:
            record.expires_at = max(record.expires_at, row.expires_at)
            record.purge_at = max(record.purge_at, row.purge_at)
            self._append(row, events)
            self._keep(row, receipt)
        record.version += 1
        row.packed, row.version = packed, record.version
        if record.session.used:
            row.unused_since = None
        row.expires_at, row.purge_at = record.expires_at, record.purge_at
        self._subscribers.notify(record.session.session_id, record.version)

    def _check_room(self, urgency: Urgency, needed: int) -> None:
        used = sum(len(row.packed) + sum(map(len, row.log)) for row in self._rows.values())
        check_room(urgency, used=used, needed=needed, capacity=self._limits.store_bytes)

    def _evict_unused(self) -> None:
        since = self.now() - self._limits.unused_seconds
        unused = [name for name, row in self._rows.items() if row.unused_since is not None and not row.presence]
        for name in unused:
            if (self._rows[name].unused_since or 0.0) <= since:
                del self._rows[name]

    async def touch(self, session_id: str, *, expires_at: float, purge_at: float) -> None:
        row = self._rows.get(session_id)
        if row is not None and not row.ended:
            row.expires_at, row.purge_at = max(row.expires_at, expires_at), max(row.purge_at, purge_at)
            row.unused_since = None

    async def hit(self, counter: str, *, limit: int, window: float) -> Quota:
        self._windows[counter], quota = hit(self._windows.get(counter), self.now(), limit=limit, length=window)
        return quota

    async def owned_by(self, owner: Any) -> Sequence[str]:
        return [session_id for session_id, row in self._rows.items() if row.owner == owner_digest(owner)]

    async def subscribe(self, session_id: str, subscriber: Subscriber) -> None:
        self._subscribers.add(session_id, subscriber)

    def unsubscribe(self, session_id: str, subscriber: Subscriber) -> None:
        self._subscribers.discard(session_id, subscriber)

    async def report_watchers(self, worker: str, watchers: Mapping[str, int]) -> None:
        for session_id in watchers.keys() & self._rows:
            presence = self._rows[session_id].presence
            presence[worker] = (self.now() + PRESENCE_SECONDS, watchers[session_id])
            if not watchers[session_id]:
                del presence[worker]

    def _append(self, row: Row, events: Sequence[Event]) -> None:
        log = [unpacked(one) for one in row.log] + list(events)
        while len(log) > self._limits.log_events or (
            len(log) > 1 and sum(event.size for event in log) > self._limits.log_bytes
        ):
            del log[0]
        row.log = [pack_events([event]) for event in log]

    def _keep(self, row: Row, receipt: Receipt | None) -> None:
        if receipt is None:
            return
        row.receipts.pop(receipt.key, None)
        row.receipts[receipt.key] = (self.now() + receipt.lifetime, receipt)
        while len(row.receipts) > 1 and (
            sum(len(kept.reply) for _, kept in row.receipts.values()) > self._limits.idempotency_bytes
        ):
            del row.receipts[next(iter(row.receipts))]


def unpacked(packed: bytes) -> Event:
    (event,) = unpack_events(packed)
    return event


def log_after(row: Row, seq: int, newest: int) -> Log:
    log = [unpacked(one) for one in row.log]
    first = log[0].seq if log else newest + 1
    return Log([event for event in log if event.seq > seq], complete=seq >= first - 1)


class TestShelfStore(StoreContract):
    @pytest.fixture
    def stores(self) -> Stores:
        clock = ManualClock()

        async def open_one(**bounds: float) -> ShelfStore:
            return ShelfStore(Limits().replace(**bounds), clock)

        async def advance(seconds: float) -> None:
            clock.advance(seconds)

        return Stores(open_one, advance)
