"""What a store is: versioned records with their event logs, and counters. It knows no fields, modes or roles.

A store is written against this page and nothing else, and held to it by `handshake_prompt.testing.store_contract`. It
owns the clock that its records expire by (`now`), since several workers may share it. Every method may raise
`StoreUnavailableError` when the store cannot be reached, and raises nothing else that is not named. After that error
a save may have happened or not; whoever follows the session is woken if it has.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from handshake_prompt.protocol.events import Event
from handshake_prompt.protocol.rate_limit import Quota
from handshake_prompt.protocol.session import EXPIRED, Session, Turn

PRESENCE_SECONDS = 60.0
"""How long a worker's word about its watchers holds: a worker that was killed is forgotten after it."""

Wake = Callable[[str, int | None], None]
"""Called with a session's id and the version it has now, None if the store does not know what was missed.

It is called on the event loop that asked to be woken, returns at once and raises nothing."""


class Record(msgspec.Struct, gc=False):
    """A session as it is kept.

    `version` counts saves; a save names the version it started from. The session is shared: never change it, work on
    a checkout. `expires_at` is when it stops being of use, `purge_at` when it may be forgotten; both are on the
    store's clock, and both move with `touch`, which is not a save. `presence` is what workers last said about their
    watchers of this session, by the workers' names; a save does not write it.
    """

    session: Session
    version: int
    expires_at: float
    purge_at: float
    presence: Mapping[str, int] = {}

    def draft(self, turn: Turn) -> Record:
        """Return a copy on whose session `turn` can be played."""
        session = self.session.checkout(turn)
        return Record(session, self.version, self.expires_at, self.purge_at, self.presence)

    def renew(self, now: float) -> bool:
        """Let a session that is used now live for its TTL, within its absolute lifetime; return whether that moved."""
        until = min(max(self.expires_at, now + self.session.ttl), self.session.deadline)
        gained = until - self.expires_at
        self.expires_at, self.purge_at = until, self.purge_at + gained
        return gained > 0

    def ended(self, now: float) -> str | None:
        """Return why the session has ended (`expired`, `revoked`), None while it lives."""
        return self.session.ended or (EXPIRED if self.expires_at <= now else None)


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
    """What was read of a session, all of it as of one moment."""

    record: Record
    log: Log | None = None
    """What came after the place that was asked for; None if none was."""
    receipt: Receipt | None = None
    quota: Quota | None = None
    """How the request that asked was counted; None if no claim of it holds."""


class Claim(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A request's claim to be counted on one of a session's own counters.

    It holds if the session's `proofs` have this `digest` under the counter's name.
    """

    counter: str
    digest: str
    limit: int
    window: float


def first_that_holds(claims: Sequence[Claim], record: Record) -> Claim | None:
    """Return the first claim that holds for a session, None if none does."""
    proofs = record.session.proofs if claims else {}
    for claim in claims:
        if proofs.get(claim.counter) == claim.digest:
            return claim
    return None


class Visit(msgspec.Struct, frozen=True, gc=False):
    """What a request wants of a store besides the session's record."""

    renew: bool = False
    """Whether this use prolongs the session."""
    after: int | None = None
    """A `seq`: the log after it is returned too."""
    key: str | None = None
    """An idempotency key: the receipt kept under it is returned too."""


PLAIN_VISIT = Visit()
"""The record and nothing else."""


class SessionStore(ABC):
    """Where sessions live."""

    immediate = False
    """Whether nothing here ever waits, so that whoever calls it cannot be cut off in between."""

    @abstractmethod
    def now(self) -> float:
        """Return the time on the clock that records expire by, in seconds. Asked after `ready` only."""

    async def ready(self) -> None:  # noqa: B027 - a store in this process is always there
        """Make sure that the store answers. Called before its first use, and by health checks."""

    @abstractmethod
    async def create(self, record: Record) -> None:
        """Keep a new record.

        Raises:
            UnavailableError: the store is full.
            VersionConflictError: there is one of this name.
        """

    @abstractmethod
    async def load(self, session_id: str, *, after: int | None = None, key: str | None = None) -> Loaded | None:
        """Return a record, also one past `expires_at`; None if there is none or it is past `purge_at`.

        Args:
            session_id: which.
            after: a `seq`; what the log holds after it is returned too.
            key: an idempotency key; the receipt kept under it is returned too.
        """

    async def visit(
        self, session_id: str, visit: Visit = PLAIN_VISIT, *, claims: Sequence[Claim] = ()
    ) -> Loaded | None:
        """Load a session for a request: count it on the first claim that holds, and renew the session if so asked.

        Nothing is counted or renewed if no claim holds or the session has ended, nothing is renewed if the request is
        over its limit. This is what every request begins with, so a store that can do it in one go should.
        """
        loaded = await self.load(session_id, after=visit.after, key=visit.key)
        if loaded is None or loaded.record.ended(self.now()):
            return loaded
        record, claim = loaded.record, first_that_holds(claims, loaded.record)
        if claim is None:
            return loaded
        quota = await self.hit(claim.counter + ":" + session_id, limit=claim.limit, window=claim.window)
        if visit.renew and quota.allowed and record.renew(self.now()):
            await self.touch(session_id, expires_at=record.expires_at, purge_at=record.purge_at)
        return msgspec.structs.replace(loaded, quota=quota)

    @abstractmethod
    async def save(self, record: Record, *, events: Sequence[Event] = (), receipt: Receipt | None = None) -> None:
        """Replace a record, append to its log and keep the receipt: all of it or nothing. Wakes who follows it.

        `record.version` is the version that was loaded; it is raised by one. Times never move back, except those of a
        session that has ended, whose log and receipts are forgotten.

        Raises:
            VersionConflictError: somebody else saved it first, or it is gone.
        """

    @abstractmethod
    async def touch(self, session_id: str, *, expires_at: float, purge_at: float) -> None:
        """Move the times of a record forward without counting as a change.

        A caller may know less than the store: times never move back, and a record that has ended, or is unknown, is
        left alone.
        """

    @abstractmethod
    async def hit(self, counter: str, *, limit: int, window: float) -> Quota:
        """Count one request on a named counter, as `rate_limit.hit` does."""

    @abstractmethod
    async def owned(self, owner: Any) -> Sequence[str]:
        """Return the ids of the sessions created for an owner; some may have ended, or be gone, by now."""

    @abstractmethod
    async def follow(self, session_id: str, wake: Wake) -> None:
        """Have `wake` called soon after each save of a session, whoever saves; it is in force on return.

        Several saves may make one call, and a call may tell of nothing new. If a wake-up is lost on its way, another
        comes within 5 s.
        """

    @abstractmethod
    def unfollow(self, session_id: str, wake: Wake) -> None:
        """Take a `follow` back. Safe if there was none."""

    @abstractmethod
    async def present(self, worker: str, watchers: Mapping[str, int]) -> None:
        """Note how many watchers a worker has, by session id; 0 takes the note away. It holds `PRESENCE_SECONDS`."""

    async def aclose(self) -> None:  # noqa: B027 - a store may have nothing to let go of
        """Let go of what the store opened. Safe to call twice, and while late callers are still about."""


class Followers:
    """Who is to be woken for which session: the part of `follow` that every store has."""

    def __init__(self) -> None:
        self._wakes: dict[str, set[Wake]] = {}

    def __len__(self) -> int:
        return len(self._wakes)

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._wakes

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._wakes))

    def add(self, session_id: str, wake: Wake) -> None:
        """Add one."""
        self._wakes.setdefault(session_id, set()).add(wake)

    def discard(self, session_id: str, wake: Wake) -> None:
        """Remove one, and the session with its last."""
        wakes = self._wakes.get(session_id, set())
        wakes.discard(wake)
        if not wakes:
            self._wakes.pop(session_id, None)

    def wake(self, session_id: str, version: int | None) -> None:
        """Wake those who follow a session."""
        for wake in tuple(self._wakes.get(session_id, ())):
            wake(session_id, version)


def owner_digest(owner: Any) -> str:
    """Return what an index can find a session's owner by: equal for equal JSON values."""
    return hashlib.sha256(msgspec.json.encode(owner, order="deterministic")).hexdigest()
