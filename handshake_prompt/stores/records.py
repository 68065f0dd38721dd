"""Values exchanged with a store: a session's record, its log, receipts, and the counting of requests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import (
    HandshakeError,
    SessionClosedError,
    SessionExpiredError,
    SessionRevokedError,
    SessionSubmittedError,
)
from handshake_prompt.protocol.events import Event
from handshake_prompt.protocol.rate_limit import Quota
from handshake_prompt.session import CLOSED, EXPIRED, REVOKED, SUBMITTED, Session, Turn

from .capacity import Urgency

ENDS: dict[str, type[HandshakeError]] = {
    REVOKED: SessionRevokedError,
    CLOSED: SessionClosedError,
    SUBMITTED: SessionSubmittedError,
}
"""Why a session has ended -> the error that tells it; any other end is that of its time."""


class Record(msgspec.Struct, gc=False):
    """A session as it is kept.

    `version` counts saves; a save names the version it started from (optimistic concurrency). The session is shared
    with other readers: work on a checkout of it. `expires_at` is the end of its life and `purge_at` the end of its
    storage, both on the store's clock and both moved by `touch`, which is no save. `presence` maps each worker to its
    number of watchers of this session, by its latest report; a save leaves it alone. `urgency` is that of the next
    save, and is not kept.
    """

    session: Session
    version: int
    expires_at: float
    purge_at: float
    presence: Mapping[str, int] = {}
    urgency: Urgency = Urgency.ORDINARY

    def draft(self, turn: Turn) -> Record:
        """Return a copy with a session to play `turn` on. The person's turns find room in a full store."""
        session = self.session.checkout(turn)
        urgency = Urgency.RESERVED if turn.author is Role.USER else Urgency.ORDINARY
        return Record(session, self.version, self.expires_at, self.purge_at, self.presence, urgency)

    def renew(self, now: float) -> bool:
        """Let a session that is used now live for its TTL, within its absolute lifetime; return whether that moved."""
        until = min(max(self.expires_at, now + self.session.ttl), self.session.deadline)
        gained = until - self.expires_at
        self.expires_at, self.purge_at = until, self.purge_at + gained
        return gained > 0

    def ended(self, now: float) -> str | None:
        """Return why the session has ended (`expired`, `revoked`, `closed`, `submitted`), None while it lives."""
        return self.session.ended or (EXPIRED if self.expires_at <= now else None)

    def ended_error(self, now: float) -> HandshakeError | None:
        """Return the error that tells why the session has ended, None while it lives."""
        reason = self.ended(now)
        if reason is None:
            return None
        return ENDS.get(reason, SessionExpiredError)()


class Receipt(NamedTuple):
    """The outcome of a request under its idempotency key, saved with the change itself."""

    key: str
    fingerprint: str
    """Digest of the request's body: the same key with another body is a mistake."""
    reply: bytes
    lifetime: float


class Log(NamedTuple):
    """The part of a session's log after some place, in order. `complete` is False if some of it is no longer kept."""

    events: Sequence[Event]
    complete: bool

    def beyond(self, seq: int) -> Log:
        """Return the part after a later place."""
        return Log(
            [event for event in self.events if event.seq > seq],
            self.complete or (bool(self.events) and self.events[0].seq <= seq + 1),
        )


class Loaded(msgspec.Struct, frozen=True):
    """The result of a read: everything in it is of one moment."""

    record: Record
    log: Log | None = None
    """The log after the requested place; None if no place was given."""
    receipt: Receipt | None = None
    quota: Quota | None = None
    """The outcome of counting the request; None if none of its claims is valid."""

    @property
    def size(self) -> int:
        """Bytes of JSON read with the record."""
        return self.record.session.size + (sum(event.size for event in self.log.events) if self.log else 0)


class Claim(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A request's claim to be counted on one of a session's own counters.

    It is valid if the session's `proofs` have this `digest` under the counter's name.
    """

    counter: str
    digest: str
    limit: int
    window: float


def first_valid_claim(claims: Sequence[Claim], record: Record) -> Claim | None:
    """Return the first claim that is valid for a session, None if none is."""
    proofs = record.session.proofs if claims else {}
    for claim in claims:
        if proofs.get(claim.counter) == claim.digest:
            return claim
    return None


class Visit(msgspec.Struct, frozen=True, gc=False):
    """Reads and renewals of one request, besides the read of the session's record."""

    renew: bool = False
    """Whether this use prolongs the session."""
    after: int | None = None
    """A `seq`: the log after it is returned too."""
    key: str | None = None
    """An idempotency key: the receipt kept under it is returned too."""


PLAIN_VISIT = Visit()
"""The record and nothing else."""


def owner_digest(owner: Any) -> str:
    """Return the index key of a session's owner: equal for equal JSON values."""
    return hashlib.sha256(msgspec.json.encode(owner, order="deterministic")).hexdigest()
