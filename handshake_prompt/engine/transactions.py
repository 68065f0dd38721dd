"""The only writer of sessions: lock, load, apply, save, broadcast.

The lock orders the tasks of this worker, the version check orders workers. A transition is run on a working copy;
when another worker was first, the copy is thrown away and the transition runs again on the fresh one. No hook and no
network wait to a watcher ever happens in here.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from handshake_prompt.protocol.credentials import Role, mint_epoch
from handshake_prompt.protocol.errors import (
    SessionNotFoundError,
    StoreUnavailableError,
    TooLargeError,
    VersionConflictError,
)
from handshake_prompt.protocol.events import Event
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.session import EXPIRED, Session, Turn
from handshake_prompt.stores import Loaded, Receipt, Record, SessionStore

from .guard import ended_error
from .hub import Hub, Topic
from .locks import Locks

T = TypeVar("T")

ATTEMPTS = 16
"""Runs of one transition before it is given up as a conflict: each failure means that another worker got through."""
PAUSE, LONGEST_PAUSE = 0.001, 0.05
"""Seconds, doubled with each conflict and drawn at random up to that: workers in step would get in each other's way."""


class Applied(NamedTuple, Generic[T]):
    """A transition that is saved: what it returned, and the record after it."""

    result: T
    record: Record


class DoneBeforeError(Exception):
    """A request has been carried out before, under the same idempotency key; `receipt` has its outcome."""

    def __init__(self, receipt: Receipt) -> None:
        super().__init__(receipt.key)
        self.receipt = receipt


class Transactions:
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
        now = self._store.now()
        record = Record(session, version=0, expires_at=now, purge_at=now + self._limits.tombstone_seconds)
        record.renew(now)
        await self._store.create(record)
        return record

    async def apply(
        self,
        session_id: str,
        transition: Callable[[Record], T],
        *,
        turn: Turn,
        known: Loaded | None = None,
        key: str | None = None,
        receipt: Callable[[T], Receipt | None] | None = None,
    ) -> Applied[T]:
        """Run a transition on a draft of a session's record and save what it made, with the request's receipt.

        `known` is the session as it was found a moment ago; if nothing happened since, it need not be read again. Nor
        need it if this worker was the last to save it, and this change was waiting for that.

        Raises:
            DoneBeforeError: the request came with an idempotency `key`, and another worker was first.
            SessionNotFoundError: the session is gone or has ended.
            TooLargeError: the session would be larger than it may (`session_full`); nothing is written.
            VersionConflictError: other workers kept being first.
        """
        async with self.locks.hold(session_id) as lock:
            newest: Record | None = lock.saved
            if known is None or (newest is not None and known.record.version < newest.version):
                known = Loaded(newest) if newest is not None and key is None else None
            if known is not None and self._is_stale(known.record):
                known = None
            applied = await self._apply(session_id, transition, turn=turn, known=known, key=key, receipt=receipt)
            lock.saved = applied.record
            return applied

    async def read(self, session_id: str, *, after: int | None = None, key: str | None = None) -> Loaded:
        """Return a live session as it is now.

        Raises:
            SessionNotFoundError: it is gone or has ended.
        """
        loaded = await self._store.load(session_id, after=after, key=key)
        if loaded is None:
            raise SessionNotFoundError
        if (ended := ended_error(loaded.record, self._store.now())) is not None:
            raise ended
        return loaded

    async def read_on(self, session_id: str, after: int | None) -> Loaded:
        """Read a live session for somebody who joins its watchers, with what its log holds after a place.

        Whoever calls this holds the session's lock. All that watch the session here are brought up to the same moment.

        Raises:
            SessionNotFoundError: it is gone or has ended.
        """
        channel = self._hub.channel(session_id)
        if channel is None:
            return await self.read(session_id, after=after)
        loaded = await self.read(session_id, after=channel.seq if after is None else min(after, channel.seq))
        if not await self._bring_up(loaded):
            return await self.read_on(session_id, after)
        return Loaded(loaded.record, loaded.log.beyond(after) if loaded.log and after is not None else None)

    async def catch_up(self, session_id: str, version: int | None) -> None:
        """Bring this worker's watchers of a session to where other workers have taken it: to `version` at least."""
        async with self.locks.hold(session_id):
            channel = self._hub.channel(session_id)
            if channel is not None and (version is None or channel.version < version):
                await self._catch_up(channel)

    async def look_again(self, session_id: str) -> None:
        """Ask the store how long a watched session still lives, and tell its watchers if it has ended."""
        loaded = await self._store.load(session_id)
        if loaded is None or loaded.record.ended(self._store.now()):
            self._end(session_id, loaded)
        else:
            self._hub.renew(session_id, loaded.record.expires_at)

    def now(self) -> float:
        """Return the time on the store's clock, by which sessions end."""
        return self._store.now()

    def left(self, record: Record) -> float:
        """Return the seconds a session has left."""
        return max(0.0, record.expires_at - self._store.now())

    async def _apply(
        self,
        session_id: str,
        transition: Callable[[Record], T],
        *,
        turn: Turn,
        known: Loaded | None = None,
        key: str | None = None,
        receipt: Callable[[T], Receipt | None] | None = None,
    ) -> Applied[T]:
        for attempt in range(ATTEMPTS):
            if attempt > 1:  # the first conflict may come from what was known before
                await asyncio.sleep(random.uniform(0, min(PAUSE * 2**attempt, LONGEST_PAUSE)))  # noqa: S311 - no secret
            loaded, known = known or await self.read(session_id, key=key), None
            if loaded.receipt is not None:  # one that is kept from here on makes the save below fail
                raise DoneBeforeError(loaded.receipt)
            draft = loaded.record.draft(turn)
            is_older = self._is_older_than_seen(draft)
            if is_older:
                draft.session.epoch = mint_epoch()
            draft.renew(self._store.now())
            result = transition(draft)
            draft.purge_at = draft.expires_at + self._limits.tombstone_seconds
            events = draft.session.commit()
            self._check_size(draft.session)
            try:
                await self._store.save(draft, events=events, receipt=receipt(result) if receipt else None)
            except VersionConflictError:
                continue
            if is_older:
                self._hub.restart(draft)
            else:
                await self._tell(draft, events)
            return Applied(result, draft)
        raise VersionConflictError(retry_after=1)

    async def _tell(self, record: Record, events: Sequence[Event]) -> None:
        """Pass on what was just saved, with what other workers had saved before it."""
        if self._hub.publish(record, events):
            return
        channel = self._hub.channel(record.session.session_id)
        try:
            if channel is not None:
                await self._catch_up(channel)
        except StoreUnavailableError:  # it is saved all the same: who watches it comes again and asks for it
            self._hub.restart(record)

    async def _catch_up(self, channel: Topic) -> None:
        loaded = await self._store.load(channel.session_id, after=channel.seq)
        if loaded is None or loaded.record.ended(self._store.now()):
            self._end(channel.session_id, loaded)
        else:
            await self._bring_up(loaded)

    async def _bring_up(self, loaded: Loaded) -> bool:
        """Publish what was read, or have the watchers come again if it does not lead on from where they are."""
        record = loaded.record
        if self._is_older_than_seen(record):
            await self._apply(record.session.session_id, _leave_it, turn=self.turn(Role.USER))
            return False
        if self._hub.publish(record, loaded.log.events if loaded.log else ()):
            return True
        self._hub.restart(record)
        return False

    def _is_stale(self, record: Record) -> bool:
        """Whether a record that was read a while ago is worth reading again: its truth may be another by now."""
        return self._is_older_than_seen(record) or record.ended(self._store.now()) is not None

    def _is_older_than_seen(self, record: Record) -> bool:
        """Whether this worker's watchers have seen a newer version.

        If that is so of a record just read, the store has lost a part of the log, as a replica does that lagged behind
        when it took over. From there on the log has a new epoch, so that no number stands for two events.
        """
        channel = self._hub.channel(record.session.session_id)
        return channel is not None and record.version < channel.version

    def _end(self, session_id: str, loaded: Loaded | None) -> None:
        self._hub.end(session_id, (loaded.record.session.ended if loaded else None) or EXPIRED)

    def _check_size(self, session: Session) -> None:
        if session.size > self._limits.session_bytes or len(session.values) > self._limits.fields:
            raise TooLargeError(
                f"A session holds at most {self._limits.session_bytes} bytes in {self._limits.fields} fields",
                code="session_full",
            )


def _leave_it(_: Record) -> None:
    """Change nothing."""
