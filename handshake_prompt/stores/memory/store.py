"""Store that keeps sessions as objects of this process."""

from __future__ import annotations

import asyncio
import heapq
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from handshake_prompt.protocol.errors import UnavailableError, VersionConflictError
from handshake_prompt.protocol.events import Event
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.rate_limit import Quota
from handshake_prompt.stores.base import PRESENCE_SECONDS, SessionStore
from handshake_prompt.stores.capacity import Urgency, at_capacity, check_room
from handshake_prompt.stores.records import (
    PLAIN_VISIT,
    Claim,
    Loaded,
    Receipt,
    Record,
    Visit,
    first_valid_claim,
    owner_digest,
)
from handshake_prompt.stores.subscribers import Subscriber, Subscribers

from .counters import Counters
from .entry import Entry
from .siblings import warn_of_siblings

SWEEP_BATCH = 100
"""Records looked at by one step of a sweep: up to 10 µs each, so that no request feels it."""
SWEEP_INTERVAL = 5.0
"""Seconds between two sweeps, unless said otherwise."""


class MemoryStore(SessionStore):
    """Store of sessions as objects, for one process.

    Args:
        limits: bounds on the number and memory of sessions, their logs and receipts.
        clock: seconds that only go forward.
        sweep_interval: seconds between two sweeps of what has expired.
    """

    immediate = True

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sweep_interval: float = SWEEP_INTERVAL,
    ) -> None:
        self._limits = limits or Limits()
        self._clock = clock
        self._sweep_interval = sweep_interval
        self._entries: dict[str, Entry] = {}
        self._bytes = 0
        """Memory of all entries, estimated."""
        one_session = self._limits.session_bytes + self._limits.log_bytes + self._limits.idempotency_bytes
        self._roomy = self._limits.store_bytes - one_session
        """Memory up to which any save finds room."""
        self._due: list[tuple[float, str]] = []
        """Heap of purge times, one item a record, two for one that was ended; outdated ones are pushed back when they
        come up."""
        self._owned: dict[str, set[str]] = {}
        self._unused: dict[str, None] = {}
        """Sessions that nobody has used yet, the oldest first."""
        self._subscribers = Subscribers()
        self._counters = Counters()
        self._lock = threading.Lock()
        """Held by each method: event loops in several threads may share a store."""
        self._sweeper: asyncio.TimerHandle | None = None
        self._sweeper_loop: asyncio.AbstractEventLoop | None = None

    def __repr__(self) -> str:
        return f"<MemoryStore of {len(self)} sessions>"

    def __len__(self) -> int:
        return len(self._entries)

    def now(self) -> float:
        return self._clock()

    async def create(self, record: Record) -> None:
        warn_of_siblings()
        with self._lock:
            self._insert_record(record)
            self._schedule_sweep()

    async def load(self, session_id: str, *, after: int | None = None, key: str | None = None) -> Loaded | None:
        with self._lock:
            entry, now = self._entries.get(session_id), self._clock()
            if entry is None or entry.record.purge_at <= now:
                return None
            return entry.read_result(now, after, key)

    async def visit(
        self, session_id: str, visit: Visit = PLAIN_VISIT, *, claims: Sequence[Claim] = ()
    ) -> Loaded | None:
        with self._lock:
            entry, now = self._entries.get(session_id), self._clock()
            if entry is None or entry.record.purge_at <= now:
                return None
            claim = first_valid_claim(claims, entry.record)
            if claim is None or entry.record.ended(now):
                return entry.read_result(now, visit.after, visit.key)
            counter = claim.counter + ":" + session_id
            quota = self._counters.count_request(counter, now, limit=claim.limit, length=claim.window)
            if visit.renew and quota.allowed:
                entry.record.renew(now)
                if session_id in self._unused:
                    del self._unused[session_id]
            return entry.read_result(now, visit.after, visit.key, quota)

    async def save(self, record: Record, *, events: Sequence[Event] = (), receipt: Receipt | None = None) -> None:
        with self._lock:
            self._replace_record(record, events, receipt)
        self._subscribers.notify(record.session.session_id, record.version)

    async def touch(self, session_id: str, *, expires_at: float, purge_at: float) -> None:
        with self._lock:
            entry = self._entries.get(session_id)
            if entry is None or entry.record.session.ended:
                return
            entry.record.expires_at = max(entry.record.expires_at, expires_at)
            entry.record.purge_at = max(entry.record.purge_at, purge_at)
            self._unused.pop(session_id, None)

    async def hit(self, counter: str, *, limit: int, window: float) -> Quota:
        with self._lock:
            return self._counters.count_request(counter, self._clock(), limit=limit, length=window)

    async def owned_by(self, owner: Any) -> Sequence[str]:
        with self._lock:
            return sorted(self._owned.get(owner_digest(owner), ()))

    async def subscribe(self, session_id: str, subscriber: Subscriber) -> None:
        self._subscribers.add(session_id, subscriber)

    def unsubscribe(self, session_id: str, subscriber: Subscriber) -> None:
        self._subscribers.discard(session_id, subscriber)

    async def report_watchers(self, worker: str, watchers: Mapping[str, int]) -> None:
        with self._lock:
            until = self.now() + PRESENCE_SECONDS
            for session_id, count in watchers.items():
                if (entry := self._entries.get(session_id)) is not None:
                    entry.renew_lease(worker, count, until)

    def sweep(self) -> bool:
        """Forget records past their time, a bounded number at once; return whether more are due."""
        with self._lock:
            return self._forget_due()

    async def aclose(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    # Under the lock

    def _insert_record(self, record: Record) -> None:
        session_id = record.session.session_id
        entry = Entry(record)
        if session_id in self._entries:
            raise VersionConflictError
        try:
            self._check_room_for(entry)
        except UnavailableError:
            self._forget_due()
            self._evict_unused()
            self._check_room_for(entry)
        self._entries[session_id] = entry
        self._unused[session_id] = None
        self._bytes += entry.note_charged()
        if record.session.owner is not None:
            entry.owner = owner_digest(record.session.owner)
            self._owned.setdefault(entry.owner, set()).add(session_id)
        heapq.heappush(self._due, (record.purge_at, session_id))

    def _check_room_for(self, entry: Entry) -> None:
        if len(self._entries) >= self._limits.sessions:
            raise at_capacity()
        check_room(Urgency.CREATION, used=self._bytes, needed=entry.bytes, capacity=self._limits.store_bytes)

    def _replace_record(self, record: Record, events: Sequence[Event], receipt: Receipt | None) -> None:
        session_id = record.session.session_id
        entry = self._entries.get(session_id)
        if entry is None or entry.record.version != record.version:
            raise VersionConflictError
        saved = Record(record.session, record.version + 1, record.expires_at, record.purge_at)
        if session_id in self._unused and (record.session.used or record.session.ended):
            del self._unused[session_id]
        if record.session.ended:
            entry.drop_history()
            heapq.heappush(self._due, (record.purge_at, session_id))
        else:
            if self._bytes > self._roomy:
                needed, capacity = entry.growth(record.session, events, receipt), self._limits.store_bytes
                check_room(record.urgency, used=self._bytes, needed=needed, capacity=capacity)
            saved.expires_at = max(record.expires_at, entry.record.expires_at)
            saved.purge_at = max(record.purge_at, entry.record.purge_at)
            entry.append_events(events, self._limits)
            if receipt is not None:
                entry.keep_receipt(receipt, self.now(), self._limits)
        entry.record = saved
        record.version, record.expires_at, record.purge_at = saved.version, saved.expires_at, saved.purge_at
        self._bytes += entry.note_charged()

    def _forget_due(self) -> bool:
        now = self.now()
        for _ in range(SWEEP_BATCH):
            if not self._due or self._due[0][0] > now:
                return False
            _, session_id = heapq.heappop(self._due)
            entry = self._entries.get(session_id)
            if entry is None:
                continue
            if entry.record.purge_at > now:
                heapq.heappush(self._due, (entry.record.purge_at, session_id))
            else:
                self._forget_session(session_id)
        return True

    def _evict_unused(self) -> None:
        """Forget sessions that nobody has used or watches, a bounded number at once."""
        now = self.now()
        for session_id in tuple(islice(self._unused, SWEEP_BATCH)):
            entry = self._entries[session_id]
            if entry.record.session.created_at + self._limits.unused_seconds > now:
                return
            if not entry.live_watchers(now):
                self._forget_session(session_id)

    def _forget_session(self, session_id: str) -> None:
        entry = self._entries.pop(session_id)
        self._unused.pop(session_id, None)
        self._bytes -= entry.charged
        if (owned := self._owned.get(entry.owner)) is not None:
            owned.discard(session_id)
            if not owned:
                del self._owned[entry.owner]

    # The periodic sweep

    def _schedule_sweep(self) -> None:
        """Arm the sweep on the running loop: a timer rather than a task, so that nothing outlives its loop."""
        loop = asyncio.get_running_loop()
        if self._sweeper is None or self._sweeper_loop is not loop:
            self._sweeper_loop = loop
            self._sweeper = loop.call_later(self._sweep_interval, self._sweep_and_rearm)

    def _sweep_and_rearm(self) -> None:
        self._sweeper = None
        more = self.sweep()
        if self._entries and self._sweeper_loop is not None:
            self._sweeper = self._sweeper_loop.call_later(0 if more else self._sweep_interval, self._sweep_and_rearm)
