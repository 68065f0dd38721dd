"""Transactions with optimistic concurrency, the only writer of sessions: lock, load, apply, save, publish.

The lock orders the tasks of this worker, the version check orders workers. A transition is run on a working copy. When
another worker was first, the copy is thrown away and the transition runs again on the fresh record. No hook and no
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
    VersionConflictError,
)
from handshake_prompt.protocol.events import Event
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.session import EXPIRED, Session, Turn
from handshake_prompt.session.aftermath import conclude_turn
from handshake_prompt.session.requests import sweep_requests
from handshake_prompt.session.room import check_room
from handshake_prompt.stores import Loaded, Record, SessionStore

from .delivery.hub import Hub, Topic
from .host.hook import ENDS_THE_SERVER, HostCodeError
from .idempotency_keys import IdempotencyKey
from .locks import Locks

T = TypeVar("T")

ATTEMPTS = 16
"""Runs of one transition before it is given up as a conflict: each failure means that another worker got through."""
BACKOFF_BASE, BACKOFF_CEILING = 0.001, 0.05
"""Seconds, doubled with each conflict, and drawn at random up to that (full jitter): workers in step would collide."""


class Transition(NamedTuple, Generic[T]):
    """One change to make.

    `play` makes it on a draft of the session's record and may run more than once, so it does nothing else. With a `key`
    it is made at most once under that idempotency key, and its result is the reply to keep.
    """

    play: Callable[[Record], T]
    turn: Turn
    key: IdempotencyKey | None = None
    renews: bool = True
    """Whether this is a use of the session, which prolongs it."""
    outlasts: bool = False
    """Whether it is made after the session's time, too, while that is kept: the outcome of a submission."""


class Applied(NamedTuple, Generic[T]):
    """A transition that is saved: its result, and the record after it."""

    result: T
    record: Record


class AlreadyDoneError(Exception):
    """A request has been carried out before, under the same idempotency key; `loaded` has its receipt."""

    def __init__(self, loaded: Loaded) -> None:
        super().__init__(loaded.record.session.session_id)
        self.loaded = loaded


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
        self.now = store.now
        """Returns the time on the store's clock, by which sessions end."""
        self.locks = Locks[Record]()
        self.form_saved: Callable[[Record], object] = _unchanged
        """Called with each record saved of a session that was opened with a form by name."""

    def turn(self, author: Role, *, source: str | None = None, pace: float = 0.0) -> Turn:
        """Return a turn that happens now."""
        return Turn(author=author, now=self._wall_clock(), source=source, pace=pace)

    async def create(self, session: Session) -> Record:
        """Keep a new session, which is settled.

        Raises:
            TooLargeError: it is larger than a session may be (`session_full`).
            UnavailableError: the store is full.
        """
        check_room(session.held_by(Role.USER), self._limits)
        now = self._store.now()
        record = Record(session, version=0, expires_at=now, purge_at=now + self._limits.tombstone_seconds)
        record.renew(now)
        await self._store.create(record)
        return record

    async def apply(self, session_id: str, transition: Transition[T], *, known: Loaded | None = None) -> Applied[T]:
        """Play a transition on a draft of a session's record and save the draft, with the request's receipt.

        `known` is the session as it was found a moment ago; if nothing happened since, it need not be read again. Nor
        need it if this worker was the last to save it, and this change was waiting for that.

        Raises:
            AlreadyDoneError: the request came with an idempotency key, and another worker was first.
            SessionNotFoundError: the session is gone or has ended.
            TooLargeError: the session would be larger than it may (`session_full`); nothing is written.
            VersionConflictError: other workers kept being first.
        """
        async with self.locks.hold_lock(session_id) as lock:
            newest = lock.handed_over
            if known is None or (newest is not None and known.record.version < newest.version):
                known = Loaded(newest) if newest is not None and transition.key is None else None
            if known is not None and self._is_stale(known.record):
                known = None
            applied = await self._apply_under_lock(session_id, transition, known)
            lock.handed_over = applied.record
            if applied.record.session.form:
                self.form_saved(applied.record)
            return applied

    async def read(
        self, session_id: str, *, after: int | None = None, key: str | None = None, even_expired: bool = False
    ) -> Loaded:
        """Return a live session as it is now; or `even_expired`, while that is kept.

        Raises:
            SessionNotFoundError: it is gone or has ended.
        """
        loaded = await self._store.load(session_id, after=after, key=key)
        if loaded is None:
            raise SessionNotFoundError
        ended = loaded.record.ended_error(self._store.now())
        if ended is not None and not (even_expired and loaded.record.session.ended is None):
            raise ended
        return loaded

    async def read_on(self, session_id: str, after: int | None) -> Loaded:
        """Read a live session for a watcher that joins, with the part of its log after a place.

        The caller holds the session's lock. All watchers of the session here are brought up to the same moment.

        Raises:
            SessionNotFoundError: it is gone or has ended.
        """
        topic = self._hub.topic(session_id)
        if topic is None:
            return await self.read(session_id, after=after)
        loaded = await self.read(session_id, after=topic.seq if after is None else min(after, topic.seq))
        if not await self._publish_loaded(loaded):
            return await self.read_on(session_id, after)
        return Loaded(loaded.record, loaded.log.beyond(after) if loaded.log and after is not None else None)

    async def catch_up(self, session_id: str, version: int | None) -> None:
        """Bring this worker's watchers of a session up to the saves of other workers: to `version` at least."""
        async with self.locks.hold_lock(session_id):
            topic = self._hub.topic(session_id)
            if topic is not None and (version is None or topic.version < version):
                await self._catch_up(topic)

    async def refresh_lifetime(self, session_id: str) -> None:
        """Ask the store how long a watched session still lives, and tell its watchers if it has ended."""
        loaded = await self._store.load(session_id)
        if loaded is None or loaded.record.ended(self._store.now()):
            self._publish_end(session_id, loaded)
        else:
            self._hub.note_lifetime(session_id, loaded.record.expires_at)

    def wall_time(self) -> float:
        """Return the time of day, in seconds since the epoch; for display alone."""
        return self._wall_clock()

    def seconds_left(self, record: Record) -> float:
        """Return the seconds a session has left."""
        return max(0.0, record.expires_at - self._store.now())

    async def _apply_under_lock(self, session_id: str, transition: Transition[T], known: Loaded | None) -> Applied[T]:
        key = transition.key
        text = key.text if key else None
        # Optimistic concurrency. Through all rounds this holds:
        # - The lock is ours, so of this worker's tasks nobody else writes the session or publishes its events.
        # - A draft is a copy. If its save is refused, nothing of it has happened: the next round plays anew on a fresh
        #   read. Only the first round may start from a record that was `known` before, which may be old by now.
        # - A receipt under the request's key, in any round, means that another worker has made the change.
        # - Once saved, the draft is the truth, and its events are published before the lock is released: in order.
        for attempt in range(ATTEMPTS):
            if attempt > 1:  # the first conflict may come from the known record
                ceiling = min(BACKOFF_BASE * 2**attempt, BACKOFF_CEILING)
                await asyncio.sleep(random.uniform(0, ceiling))  # noqa: S311 - spreads load, guards nothing
            loaded = known or await self.read(session_id, key=text, even_expired=transition.outlasts)
            known = None
            if loaded.receipt is not None:  # one that is kept from here on makes the save below fail
                raise AlreadyDoneError(loaded)
            draft = loaded.record.draft(transition.turn)
            is_older = self._is_older_than_published(draft)
            if is_older:
                draft.session.restart(mint_epoch())
            now = self._store.now()
            if transition.renews and not (transition.outlasts and draft.ended(now)):
                draft.renew(now)
            try:
                if draft.session.requests:
                    sweep_requests(draft.session, now, self._limits)
                result = transition.play(draft)
                conclude_turn(draft.session, loaded.record.session, now, self._limits)
            except ENDS_THE_SERVER as error:
                raise HostCodeError("A mode raised what ends a process") from error
            draft.purge_at = draft.expires_at + self._limits.tombstone_seconds
            events = draft.session.commit()
            check_room(draft.session.held_by(transition.turn.author), self._limits)
            try:
                await self._store.save(draft, events=events, receipt=key.receipt_for(result) if key else None)
            except VersionConflictError:
                continue
            if is_older:
                self._hub.restart_watchers(draft)
            else:
                await self._publish_saved(draft, events)
            return Applied(result, draft)
        raise VersionConflictError(retry_after=1)

    async def _publish_saved(self, record: Record, events: Sequence[Event]) -> None:
        """Publish the events just saved, after any that other workers saved before them."""
        if self._hub.publish(record, events):
            return
        topic = self._hub.topic(record.session.session_id)
        try:
            if topic is not None:
                await self._catch_up(topic)
        except StoreUnavailableError:  # it is saved all the same: its watchers come again and ask for it
            self._hub.restart_watchers(record)

    async def _catch_up(self, topic: Topic) -> None:
        """Read on from the topic's place in the log, and publish the events there.

        The caller holds the session's lock. So the topic's place does not move between the read and the publication,
        and the events join on to it, unless the log itself has lost a part.
        """
        loaded = await self._store.load(topic.session_id, after=topic.seq)
        if loaded is None or loaded.record.ended(self._store.now()):
            self._publish_end(topic.session_id, loaded)
        else:
            await self._publish_loaded(loaded)

    async def _publish_loaded(self, loaded: Loaded) -> bool:
        """Publish a record just read, or have the watchers come again if it does not lead on from where they are."""
        record = loaded.record
        if self._is_older_than_published(record):
            await self._apply_under_lock(record.session.session_id, Transition(_unchanged, self.turn(Role.USER)), None)
            return False
        if self._hub.publish(record, loaded.log.events if loaded.log else ()):
            return True
        self._hub.restart_watchers(record)
        return False

    def _is_stale(self, record: Record) -> bool:
        """Whether a record that was read a while ago is worth reading again: its truth may be another by now."""
        return self._is_older_than_published(record) or record.ended(self._store.now()) is not None

    def _is_older_than_published(self, record: Record) -> bool:
        """Whether this worker's watchers have seen a newer version.

        If that is so of a record just read, the store has lost a part of the log, as a replica does that lagged behind
        when it took over. From there on the log has a new epoch, so that no number stands for two events.
        """
        topic = self._hub.topic(record.session.session_id)
        return topic is not None and record.version < topic.version

    def _publish_end(self, session_id: str, loaded: Loaded | None) -> None:
        self._hub.end_session(session_id, (loaded.record.session.ended if loaded else None) or EXPIRED)


def _unchanged(_: Record) -> None:
    """Change nothing."""
