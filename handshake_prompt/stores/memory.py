"""Sessions in this process's memory: the default, and the model the other stores are held to."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from handshake_prompt.protocol import rate_limit
from handshake_prompt.protocol.errors import UnavailableError, VersionConflictError
from handshake_prompt.protocol.events import Event
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.rate_limit import Quota, Window

from .base import (
    PLAIN_VISIT,
    PRESENCE_SECONDS,
    Claim,
    Followers,
    Loaded,
    Log,
    Receipt,
    Record,
    SessionStore,
    Visit,
    Wake,
    first_that_holds,
    owner_digest,
)

SWEEP_BATCH = 100
"""Records looked at in one go: some 10 µs each if they are to be forgotten, so a sweep is never felt by a request."""
SWEEP_INTERVAL = 5.0
COUNTERS = 200_000
"""Running windows kept at most; the oldest make room. Each is one address or session that was active this minute."""


class MemoryStore(SessionStore):
    """Keeps sessions as objects, for one process.

    Args:
        limits: bounds on the number of sessions, their logs and receipts.
        clock: seconds that only go forward.
    """

    immediate = True

    def __init__(self, limits: Limits | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits or Limits()
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._due: list[tuple[float, str]] = []
        """A heap with an entry per record, two for one that was ended; times that have moved are put right when they
        come up."""
        self._owned: dict[str, set[str]] = {}
        self._followers = Followers()
        self._counters: OrderedDict[str, Window] = OrderedDict()
        self._sweeper: asyncio.TimerHandle | None = None
        self._sweeper_loop: asyncio.AbstractEventLoop | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def now(self) -> float:
        return self._clock()

    async def create(self, record: Record) -> None:
        session_id = record.session.session_id
        if len(self._entries) >= self._limits.sessions:
            self.sweep()
        if len(self._entries) >= self._limits.sessions:
            raise UnavailableError("The server holds as many sessions as it can", code="at_capacity", retry_after=30)
        if session_id in self._entries:
            raise VersionConflictError
        entry = self._entries[session_id] = _Entry(record)
        if record.session.owner is not None:
            entry.owner = owner_digest(record.session.owner)
            self._owned.setdefault(entry.owner, set()).add(session_id)
        heapq.heappush(self._due, (record.purge_at, session_id))
        self._schedule_sweep()

    async def load(self, session_id: str, *, after: int | None = None, key: str | None = None) -> Loaded | None:
        entry, now = self._entries.get(session_id), self._clock()
        if entry is None or entry.record.purge_at <= now:
            return None
        return entry.loaded(now, after, key)

    async def visit(
        self, session_id: str, visit: Visit = PLAIN_VISIT, *, claims: Sequence[Claim] = ()
    ) -> Loaded | None:
        entry, now = self._entries.get(session_id), self._clock()
        if entry is None or entry.record.purge_at <= now:
            return None
        claim = first_that_holds(claims, entry.record)
        if claim is None or entry.record.ended(now):
            return entry.loaded(now, visit.after, visit.key)
        quota = self._count(claim.counter + ":" + session_id, now, limit=claim.limit, window=claim.window)
        if visit.renew and quota.allowed:
            entry.record.renew(now)
        return entry.loaded(now, visit.after, visit.key, quota)

    async def save(self, record: Record, *, events: Sequence[Event] = (), receipt: Receipt | None = None) -> None:
        session_id = record.session.session_id
        entry = self._entries.get(session_id)
        if entry is None or entry.record.version != record.version:
            raise VersionConflictError
        record.version += 1
        if record.session.ended:
            entry.forget()
            heapq.heappush(self._due, (record.purge_at, session_id))
        else:
            record.expires_at = max(record.expires_at, entry.record.expires_at)
            record.purge_at = max(record.purge_at, entry.record.purge_at)
            entry.append(events, self._limits)
            if receipt is not None:
                entry.keep(receipt, self.now(), self._limits)
        entry.record = Record(record.session, record.version, record.expires_at, record.purge_at)
        self._followers.wake(session_id, record.version)

    async def touch(self, session_id: str, *, expires_at: float, purge_at: float) -> None:
        entry = self._entries.get(session_id)
        if entry is None or entry.record.session.ended:
            return
        entry.record.expires_at = max(entry.record.expires_at, expires_at)
        entry.record.purge_at = max(entry.record.purge_at, purge_at)

    async def owned(self, owner: Any) -> Sequence[str]:
        return sorted(self._owned.get(owner_digest(owner), ()))

    async def follow(self, session_id: str, wake: Wake) -> None:
        self._followers.add(session_id, wake)

    def unfollow(self, session_id: str, wake: Wake) -> None:
        self._followers.discard(session_id, wake)

    async def present(self, worker: str, watchers: Mapping[str, int]) -> None:
        until = self.now() + PRESENCE_SECONDS
        for session_id, count in watchers.items():
            if (entry := self._entries.get(session_id)) is None:
                continue
            entry.presence.pop(worker, None)
            if count:
                entry.presence[worker] = (until, count)

    async def hit(self, counter: str, *, limit: int, window: float) -> Quota:
        return self._count(counter, self._clock(), limit=limit, window=window)

    def _count(self, counter: str, now: float, *, limit: int, window: float) -> Quota:
        before = self._counters.get(counter)
        after, quota = rate_limit.hit(before, now, limit=limit, length=window)
        self._counters[counter] = after
        if before is None or after.ends_at != before.ends_at:
            self._counters.move_to_end(counter)
            self._drop_counters(now)
        return quota

    def sweep(self) -> bool:
        """Forget records past their time, a bounded number at once; return whether more are due."""
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
                self._forget(session_id)
        return True

    async def aclose(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    def _forget(self, session_id: str) -> None:
        entry = self._entries.pop(session_id)
        if (owned := self._owned.get(entry.owner)) is not None:
            owned.discard(session_id)
            if not owned:
                del self._owned[entry.owner]

    def _schedule_sweep(self) -> None:
        """Arm the sweep on the running loop: a timer, not a task, so nothing is left behind when a loop ends."""
        loop = asyncio.get_running_loop()
        if self._sweeper is None or self._sweeper_loop is not loop:
            self._sweeper_loop = loop
            self._sweeper = loop.call_later(SWEEP_INTERVAL, self._sweep_and_rearm)

    def _sweep_and_rearm(self) -> None:
        self._sweeper = None
        more = self.sweep()
        if self._entries and self._sweeper_loop is not None:
            self._sweeper = self._sweeper_loop.call_later(0 if more else SWEEP_INTERVAL, self._sweep_and_rearm)

    def _drop_counters(self, now: float) -> None:
        """Windows are kept in the order in which they began, so those that are over are at the front.

        Each that begins makes room for itself, and takes some of what is over along.
        """
        for _ in range(SWEEP_BATCH):
            oldest = next(iter(self._counters))
            if self._counters[oldest].ends_at > now and len(self._counters) <= COUNTERS:
                return
            del self._counters[oldest]


_SIZE = attrgetter("size")
_NO_LOG: deque[Event] = deque(maxlen=0)
"""Of all sessions in which nothing has happened: most of those that are idle."""


class _Entry(msgspec.Struct, gc=False):
    """A record with its log and its receipts; out of the garbage collector's way, since nothing in it is circular."""

    record: Record
    owner: str = ""
    """The digest of whom it was created for."""
    presence: dict[str, tuple[float, int]] = {}
    """Worker -> until when its word holds, and its watchers."""
    log: deque[Event] = _NO_LOG
    log_bytes: int = 0
    receipts: dict[str, tuple[float, Receipt]] = {}
    receipt_bytes: int = 0

    def loaded(self, now: float, after: int | None, key: str | None, quota: Quota | None = None) -> Loaded:
        kept = self.record
        presence = self.present(now) if self.presence else {}
        record = Record(kept.session, kept.version, kept.expires_at, kept.purge_at, presence)
        log = None if after is None else self.log_after(after)
        return Loaded(record, log, None if key is None else self.receipt(key, now), quota)

    def log_after(self, seq: int) -> Log:
        first_kept = self.log[0].seq if self.log else self.record.session.seq + 1
        return Log([event for event in self.log if event.seq > seq], complete=seq >= first_kept - 1)

    def receipt(self, key: str, now: float) -> Receipt | None:
        kept = self.receipts.get(key)
        return kept[1] if kept and kept[0] > now else None

    def present(self, now: float) -> dict[str, int]:
        return {worker: count for worker, (until, count) in self.presence.items() if until > now}

    def forget(self) -> None:
        self.log, self.log_bytes = _NO_LOG, 0
        self.receipts, self.receipt_bytes = {}, 0

    def append(self, events: Sequence[Event], limits: Limits) -> None:
        if events and self.log is _NO_LOG:
            self.log = deque()
        log, size = self.log, self.log_bytes + sum(map(_SIZE, events))
        log.extend(events)
        for _ in range(len(log) - limits.log_events):
            size -= log.popleft().size
        while size > limits.log_bytes and len(log) > 1:
            size -= log.popleft().size
        self.log_bytes = size

    def keep(self, receipt: Receipt, now: float, limits: Limits) -> None:
        if (before := self.receipts.pop(receipt.key, None)) is not None:
            self.receipt_bytes -= len(before[1].reply)
        self.receipts[receipt.key] = (now + receipt.lifetime, receipt)
        self.receipt_bytes += len(receipt.reply)
        while self.receipts:
            oldest = next(iter(self.receipts))
            ends_at, kept = self.receipts[oldest]
            if ends_at > now and (self.receipt_bytes <= limits.idempotency_bytes or kept is receipt):
                return
            self.receipt_bytes -= len(kept.reply)
            del self.receipts[oldest]
