"""Session of a memory store: its record, log, receipts and presence."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from operator import attrgetter

import msgspec

from handshake_prompt.protocol.events import Event
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.rate_limit import Quota
from handshake_prompt.session import Session
from handshake_prompt.stores.records import Loaded, Log, Receipt, Record

SESSION_BYTES, VALUE_BYTES, EVENT_BYTES, RECEIPT_BYTES = 1300, 270, 340, 320
"""Memory of a session, of one of its values, events and receipts, beside their JSON; measured on CPython 3.11."""
_SIZE = attrgetter("size")
_NO_LOG: deque[Event] = deque(maxlen=0)
"""Shared by all sessions in which nothing has happened: most of the idle ones."""


class Entry(msgspec.Struct, gc=False):
    """A record with its log and its receipts; invisible to the garbage collector, since nothing in it is circular."""

    record: Record
    owner: str = ""
    """Digest of the session's owner."""
    presence: dict[str, tuple[float, int]] = {}
    """Worker -> end of its lease, and its number of watchers."""
    log: deque[Event] = _NO_LOG
    log_bytes: int = 0
    receipts: dict[str, tuple[float, Receipt]] = {}
    receipt_bytes: int = 0
    charged: int = 0
    """Its part of the memory that the store has counted."""

    @property
    def bytes(self) -> int:
        """Memory of all of it, estimated."""
        session = self.record.session
        overhead = VALUE_BYTES * len(session.values) + EVENT_BYTES * len(self.log) + RECEIPT_BYTES * len(self.receipts)
        return SESSION_BYTES + overhead + session.size + self.log_bytes + self.receipt_bytes

    def note_charged(self) -> int:
        """Note its memory as counted; return the change."""
        before, self.charged = self.charged, self.bytes
        return self.charged - before

    def growth(self, session: Session, events: Sequence[Event], receipt: Receipt | None) -> int:
        """Return the memory that a save would add, before the oldest events and receipts make room."""
        old = self.record.session
        values = VALUE_BYTES * (len(session.values) - len(old.values)) + session.size - old.size
        log: int = EVENT_BYTES * len(events) + sum(map(_SIZE, events))
        return values + log + (RECEIPT_BYTES + len(receipt.reply) if receipt else 0)

    def read_result(self, now: float, after: int | None, key: str | None, quota: Quota | None = None) -> Loaded:
        """Return the result of a read."""
        kept = self.record
        presence = self.live_watchers(now) if self.presence else {}
        record = Record(kept.session, kept.version, kept.expires_at, kept.purge_at, presence)
        log = None if after is None else self.log_after(after)
        return Loaded(record, log, None if key is None else self.live_receipt(key, now), quota)

    def log_after(self, seq: int) -> Log:
        """Return the log after a place."""
        first_kept = self.log[0].seq if self.log else self.record.session.seq + 1
        return Log([event for event in self.log if event.seq > seq], complete=seq >= first_kept - 1)

    def live_receipt(self, key: str, now: float) -> Receipt | None:
        """Return the receipt under a key, None if there is none or its lifetime is over."""
        kept = self.receipts.get(key)
        return kept[1] if kept and kept[0] > now else None

    def live_watchers(self, now: float) -> dict[str, int]:
        """Return the number of watchers by worker, without leases that have run out."""
        return {worker: count for worker, (until, count) in self.presence.items() if until > now}

    def renew_lease(self, worker: str, count: int, until: float) -> None:
        """Renew or end a worker's lease on its number of watchers."""
        presence = {name: lease for name, lease in self.presence.items() if name != worker}
        self.presence = presence | {worker: (until, count)} if count else presence

    def drop_history(self) -> None:
        """Drop log and receipts."""
        self.log, self.log_bytes = _NO_LOG, 0
        self.receipts, self.receipt_bytes = {}, 0

    def append_events(self, events: Sequence[Event], limits: Limits) -> None:
        """Append to the log; its oldest events make room."""
        if events and self.log is _NO_LOG:
            self.log = deque()
        log, size = self.log, self.log_bytes + sum(map(_SIZE, events))
        log.extend(events)
        for _ in range(len(log) - limits.log_events):
            size -= log.popleft().size
        while size > limits.log_bytes and len(log) > 1:
            size -= log.popleft().size
        self.log_bytes = size

    def keep_receipt(self, receipt: Receipt, now: float, limits: Limits) -> None:
        """Keep a receipt. Expired receipts are dropped, and the oldest make room."""
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
