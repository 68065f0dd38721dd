"""The only writer of sessions: lock, load, apply, save, broadcast.

The lock orders the tasks of this process, the version check orders processes. A transition is run on a working copy;
when another process was first, the copy is thrown away and the transition runs again on the fresh one. No hook and no
network wait to a watcher ever happens in here.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Generic, NamedTuple, TypeVar

from .broadcast import Hub
from .credentials import Role
from .errors import SessionNotFoundError, TooLargeError, VersionConflictError
from .guard import ended_error
from .limits import Limits
from .locks import Locks
from .session import EXPIRED, Session, Turn
from .stores import Receipt, Record, SessionStore

T = TypeVar("T")

ATTEMPTS = 16
"""Runs of one transition before it is given up as a conflict: each failure means that another worker got through."""


class Applied(NamedTuple, Generic[T]):
    """A transition that is saved: what it returned, and the record after it."""

    result: T
    record: Record


class DoneBeforeError(Exception):
    """A request has been carried out before, under the same idempotency key; `receipt` has its outcome."""

    def __init__(self, receipt: Receipt) -> None:
        super().__init__(receipt.key)
        self.receipt = receipt


class Ledger:
    """Applies transitions to sessions.

    Args:
        wall_clock: seconds since the epoch, for the times that people read.
    """

    def __init__(
        self, store: SessionStore, hub: Hub, *, limits: Limits, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._hub = hub
        self._limits = limits
        self._wall_clock = wall_clock
        self.locks = Locks()

    def turn(self, author: Role, *, source: str | None = None, pace: float = 0.0) -> Turn:
        """Return a turn that happens now."""
        return Turn(author=author, now=self._wall_clock(), source=source, pace=pace)

    async def create(self, session: Session) -> Record:
        """Keep a new session.

        Raises:
            TooLargeError: it is larger than a session may be (`session_full`).
            UnavailableError: the store is full.
        """
        session.settle()
        self._check_size(session)
        record = Record(session, version=0, expires_at=0.0, purge_at=0.0)
        self._refresh(record)
        await self._store.create(record)
        return record

    async def apply(
        self,
        session_id: str,
        transition: Callable[[Record], T],
        *,
        turn: Turn,
        key: str | None = None,
        receipt: Callable[[T], Receipt | None] | None = None,
    ) -> Applied[T]:
        """Run a transition on a draft of a session's record and save what it made, with the request's receipt.

        Raises:
            DoneBeforeError: the request came with an idempotency `key`, and another worker was first.
            SessionNotFoundError: the session is gone or has ended.
            TooLargeError: the session would be larger than it may (`session_full`); nothing is written.
            VersionConflictError: other workers kept being first.
        """
        async with self.locks.hold(session_id):
            for _ in range(ATTEMPTS):
                draft = await self.current(session_id)
                # After the load: a receipt that is kept from here on makes the save below fail.
                if key is not None and (kept := await self._store.receipt(session_id, key)) is not None:
                    raise DoneBeforeError(kept)
                draft.session = draft.session.checkout(turn)
                self._refresh(draft)
                result = transition(draft)
                draft.purge_at = draft.expires_at + self._limits.tombstone_seconds
                events = draft.session.commit()
                self._check_size(draft.session)
                try:
                    await self._store.save(draft, events=events, receipt=receipt(result) if receipt else None)
                except VersionConflictError:
                    continue
                self._hub.publish(session_id, events, epoch=draft.session.epoch)
                self._hub.renew(session_id, draft.expires_at)
                return Applied(result, draft)
        raise VersionConflictError(retry_after=1)

    async def touch(self, record: Record) -> None:
        """Note that a session was used: its time starts anew. What has ended meanwhile stays ended.

        Raises:
            SessionExpiredError: it has.
        """
        if (ended := ended_error(record, self._store.now())) is not None:
            raise ended
        before = record.expires_at
        self._refresh(record)
        if record.expires_at > before:
            session_id = record.session.session_id
            await self._store.touch(session_id, expires_at=record.expires_at, purge_at=record.purge_at)
            self._hub.renew(session_id, record.expires_at)

    def left(self, record: Record) -> float:
        """Return the seconds a session has left."""
        return max(0.0, record.expires_at - self._store.now())

    async def expire(self, session_id: str) -> None:
        """Tell the watchers of a session whose time seems to be over that it has ended, unless it was used since."""
        record = await self._store.load(session_id)
        if record is not None and ended_error(record, self._store.now()) is None:
            self._hub.renew(session_id, record.expires_at)
        else:
            self._hub.end(session_id, (record.session.ended if record else None) or EXPIRED)

    @asynccontextmanager
    async def steady(self, session_id: str) -> AsyncIterator[Record]:
        """Hold a session still: while the block runs, this process writes nothing to it.

        Raises:
            SessionNotFoundError: it is gone or has ended.
        """
        async with self.locks.hold(session_id):
            yield await self.current(session_id)

    async def current(self, session_id: str) -> Record:
        """Return a live session as it is now.

        Raises:
            SessionNotFoundError: it is gone or has ended.
        """
        record = await self._store.load(session_id)
        if record is None:
            raise SessionNotFoundError
        if (ended := ended_error(record, self._store.now())) is not None:
            raise ended
        return record

    def _refresh(self, record: Record) -> None:
        """Let a session that is used now live for its TTL, within its absolute lifetime."""
        alive_until = max(record.expires_at, self._store.now() + record.session.ttl)
        record.expires_at = min(alive_until, record.session.deadline)
        record.purge_at = record.expires_at + self._limits.tombstone_seconds

    def _check_size(self, session: Session) -> None:
        if session.size > self._limits.session_bytes or len(session.values) > self._limits.fields:
            raise TooLargeError(
                f"A session holds at most {self._limits.session_bytes} bytes in {self._limits.fields} fields",
                code="session_full",
            )
