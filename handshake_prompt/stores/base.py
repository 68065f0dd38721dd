"""Interface of a session store: versioned records with their event logs, counters and save notifications.

A store knows no fields, modes or roles. It owns the clock that its records expire by (`now`), since several workers
may share it. Every method may raise `StoreUnavailableError` when the store cannot be reached, and raises nothing
else but the errors it names. After that error a save may have happened or not; subscribers of the session are notified
if it has.

`handshake_prompt.testing.store_contract` tests all of this.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from handshake_prompt.protocol.events import Event
from handshake_prompt.protocol.rate_limit import Quota

from .records import PLAIN_VISIT, Claim, Loaded, Receipt, Record, Visit, first_valid_claim
from .subscribers import Subscriber

PRESENCE_SECONDS = 60.0
"""Lease of a worker's report of its watchers: a killed worker is forgotten after it."""


class SessionStore(ABC):
    """A store of sessions: the interface of `MemoryStore`, `SQLiteStore`, `RedisStore`, and of one of your own.

    A store is right when it passes `handshake_prompt.testing.StoreContract`. It knows no fields, modes
    and roles.

    Raises:
        StoreUnavailableError: any method, where the store cannot be reached or answers too late.
    """

    immediate = False
    """Whether no method ever waits, so that a caller cannot be cancelled within one."""

    @abstractmethod
    def now(self) -> float:
        """Return the time on the clock that records expire by, in seconds. Asked after `ready` only."""

    async def ready(self) -> None:  # noqa: B027 - a store in this process is always there
        """Make sure that the store answers. Called before its first use, and by health checks."""

    @abstractmethod
    async def create(self, record: Record) -> None:
        """Keep a new record. A full store first deletes sessions that nobody has used or watches.

        A session is unused until a renewing visit, a touch, or a save of one that is `used`. It keeps its place for
        `Limits.unused_seconds` from its creation.

        Raises:
            UnavailableError: the store has no room for another (`at_capacity`).
            VersionConflictError: there is one of this name.
        """

    @abstractmethod
    async def load(self, session_id: str, *, after: int | None = None, key: str | None = None) -> Loaded | None:
        """Return a record, also one past `expires_at`; None if there is none or it is past `purge_at`.

        Args:
            session_id: the session's name.
            after: a `seq`; the log after it is returned too.
            key: an idempotency key; the receipt kept under it is returned too.
        """

    async def visit(
        self, session_id: str, visit: Visit = PLAIN_VISIT, *, claims: Sequence[Claim] = ()
    ) -> Loaded | None:
        """Load a session for a request: count it on its first valid claim, and renew the session if asked to.

        Nothing is counted or renewed without a valid claim or once the session has ended; nothing is renewed by a
        request over its limit. Every request begins with this, so a store that can do it in one step should.
        """
        loaded = await self.load(session_id, after=visit.after, key=visit.key)
        if loaded is None or loaded.record.ended(self.now()):
            return loaded
        record, claim = loaded.record, first_valid_claim(claims, loaded.record)
        if claim is None:
            return loaded
        quota = await self.hit(claim.counter + ":" + session_id, limit=claim.limit, window=claim.window)
        if visit.renew and quota.allowed and record.renew(self.now()):
            await self.touch(session_id, expires_at=record.expires_at, purge_at=record.purge_at)
        return msgspec.structs.replace(loaded, quota=quota)

    @abstractmethod
    async def save(self, record: Record, *, events: Sequence[Event] = (), receipt: Receipt | None = None) -> None:
        """Replace a record, append to its log and keep the receipt, all or nothing; then notify its subscribers.

        `record.version` is the version that was loaded; it is raised by one. Times never move back, except in
        the record of a session that has ended: its log and receipts are dropped. An end always finds room. A record
        past `expires_at` is saved like any other until it is purged.

        Raises:
            UnavailableError: the store has no room for a save of the record's `urgency` (`at_capacity`).
            VersionConflictError: another writer saved it first, or it is gone.
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
    async def owned_by(self, owner: Any) -> Sequence[str]:
        """Return the ids of the sessions created for an owner; some may have ended, or be gone, by now."""

    @abstractmethod
    async def subscribe(self, session_id: str, subscriber: Subscriber) -> None:
        """Have `subscriber` called soon after each save of a session, by any worker; it is in force on return.

        Several saves may make one call, and a call may bring nothing new. A notification that is lost on its way is
        made up for within 5 s.
        """

    @abstractmethod
    def unsubscribe(self, session_id: str, subscriber: Subscriber) -> None:
        """End a subscription. Safe if there was none."""

    @abstractmethod
    async def report_watchers(self, worker: str, watchers: Mapping[str, int]) -> None:
        """Note a worker's number of watchers by session id; 0 removes the note. A lease of `PRESENCE_SECONDS`."""

    async def aclose(self) -> None:  # noqa: B027 - a store may hold nothing open
        """Close everything the store has opened. Safe to call twice, and while late callers are still running."""
