"""The store for several workers on one machine, with nothing to install."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast, get_args
from urllib.parse import parse_qsl, unquote, urlsplit

from handshake_prompt.protocol import rate_limit
from handshake_prompt.protocol.errors import StoreUnavailableError
from handshake_prompt.protocol.events import Event
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.rate_limit import Quota, Window
from handshake_prompt.stores.base import (
    PLAIN_VISIT,
    Claim,
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
from handshake_prompt.stores.codec import pack, pack_session, unpack_events, unpack_session

from . import rows, schema
from .clock import Machine, SharedClock
from .lane import Lane
from .schema import Synchronous
from .wakes import Wakes

SWEEP_INTERVAL = 5.0
SWEEP_PAUSE = 0.05
"""Between two steps of one sweep, for others to write in."""


class SQLiteStore(SessionStore):
    """Keeps sessions in a file, on a local disk, which the workers of one machine share.

    Nothing that was acknowledged is lost when a process is killed. When the machine itself goes down, `synchronous`
    decides: with `normal` the last moments may be missing, with `full`, which is several times slower, nothing is. The
    file is sound in either case.

    Args:
        path: the file; it is created if there is none, readable by this user alone.
        limits: bounds on the number of sessions, their logs and receipts.
        synchronous: `normal` or `full`.
        machine: what tells the time.

    Raises:
        ValueError: the file cannot be used; the message says why and what to do.
        StoreUnavailableError: the file cannot be used just now, such as when another process has locked it.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        limits: Limits | None = None,
        *,
        synchronous: Synchronous = "normal",
        machine: Machine | None = None,
    ) -> None:
        if synchronous not in get_args(Synchronous):
            raise ValueError(f"synchronous is {synchronous!r}. It is 'normal' or 'full'.")
        if os.fspath(path) in ("", ":memory:"):
            raise ValueError("SQLiteStore needs a file. For sessions in memory use memory://.")
        self._path = Path(path).absolute()
        self._limits = limits or Limits()
        self._synchronous = synchronous
        self._clock = SharedClock(machine or Machine())
        self._wakes = Wakes()
        self._spare: dict[str, Window] = {}
        """Counts of visits while the file cannot be written: one for each session and role that comes meanwhile."""
        self._more_due = False
        """Whether the last sweep left something over. This and the next belong to the thread that writes."""
        self._saved = False
        """Whether there was a save in the transaction under way."""
        self._lanes: _Lanes | None = None
        self._lock = threading.Lock()
        """Held to open and to close."""
        self._closed = False
        schema.prepare(self._path, self._clock.agree)

    @classmethod
    def from_url(cls, url: str, limits: Limits | None = None) -> SQLiteStore:
        """Open the file that a URL names: `sqlite:///relative.db`, `sqlite:////absolute.db?synchronous=full`.

        Raises:
            ValueError: it names none, or the file cannot be used.
            StoreUnavailableError: the file cannot be used just now.
        """
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        if not url.startswith("sqlite:///") or parts.fragment or parts.path == "/":
            raise ValueError(
                "A SQLite URL is sqlite:///relative.db or sqlite:////absolute.db, with three slashes or four."
            )
        if options.keys() - {"synchronous"}:
            raise ValueError(f"A SQLite URL has no {min(options)!r}; it may have synchronous=full.")
        return cls(
            unquote(parts.path[1:]), limits, synchronous=cast("Synchronous", options.get("synchronous", "normal"))
        )

    def now(self) -> float:
        return self._clock.now()

    async def ready(self) -> None:
        """Make sure that the file can be read and written. Opens a store again that was closed."""
        self._closed = False
        lanes = self._open()
        await lanes.reader.do(rows.nothing)
        await lanes.writer.do(rows.nothing)

    async def create(self, record: Record) -> None:
        session = record.session
        owner = None if session.owner is None else owner_digest(session.owner)
        packed = pack_session(session)
        new = rows.New(session.session_id, record.version, packed, record.expires_at, record.purge_at, owner)
        await self._open().writer.do(partial(rows.create, new=new, now=self.now(), limits=self._limits))

    async def load(self, session_id: str, *, after: int | None = None, key: str | None = None) -> Loaded | None:
        find = partial(self._find, name=session_id, after=after, key=key)
        return _unpacked(await self._open().reader.do(find), after)

    async def visit(
        self, session_id: str, visit: Visit = PLAIN_VISIT, *, claims: Sequence[Claim] = ()
    ) -> Loaded | None:
        """Load a session for a request, and count and renew in one transaction.

        While the file can be read and not written, requests are counted in this process alone and nothing is renewed:
        what only reads goes on.
        """
        if not claims:
            return await self.load(session_id, after=visit.after, key=visit.key)
        find = partial(self._find, name=session_id, after=visit.after, key=visit.key)

        def find_and_count(connection: sqlite3.Connection) -> Loaded | None:
            found = _unpacked(find(connection), visit.after)
            return self._count(found, claims, partial(rows.count, connection), renew=visit.renew)

        try:
            loaded = await self._open().writer.do(find_and_count)
        except StoreUnavailableError:
            loaded = await self.load(session_id, after=visit.after, key=visit.key)
            return self._count(loaded, claims, self._count_here, renew=False)
        self._spare.clear()
        return loaded

    async def save(self, record: Record, *, events: Sequence[Event] = (), receipt: Receipt | None = None) -> None:
        session = record.session
        draft = rows.Draft(
            session.session_id,
            record.version,
            pack_session(session),
            session.ended is not None,
            record.expires_at,
            record.purge_at,
            rows.Events(events[-1].seq, [event.size for event in events], pack(events)) if events else None,
            receipt,
        )
        record.expires_at, record.purge_at = await self._open().writer.do(partial(self._save, draft=draft))
        record.version += 1

    async def touch(self, session_id: str, *, expires_at: float, purge_at: float) -> None:
        work = partial(rows.touch, name=session_id, expires_at=expires_at, purge_at=purge_at)
        await self._open().writer.do(work)

    async def hit(self, counter: str, *, limit: int, window: float) -> Quota:
        work = partial(rows.hit, name=counter, now=self.now(), limit=limit, window=window)
        return await self._open().writer.do(work)

    async def owned(self, owner: Any) -> Sequence[str]:
        return await self._open().reader.do(partial(rows.owned, owner=owner_digest(owner)))

    async def follow(self, session_id: str, wake: Wake) -> None:
        lanes = self._open()
        self._wakes.add(session_id, wake)
        try:
            await lanes.reader.do(self._wakes.look)
        except BaseException:
            self._wakes.discard(session_id, wake)
            raise

    def unfollow(self, session_id: str, wake: Wake) -> None:
        self._wakes.discard(session_id, wake)

    async def present(self, worker: str, watchers: Mapping[str, int]) -> None:
        work = partial(rows.present, worker=worker, watchers=dict(watchers), now=self.now())
        await self._open().writer.do(work)

    async def sweep(self) -> bool:
        """Forget what is past its time, a bounded number of rows at once; return whether more are due.

        It is done unasked, too.
        """
        return await self._open().writer.do(self._sweep)

    async def aclose(self) -> None:
        with self._lock:
            lanes, self._lanes, self._closed = self._lanes, None, True
        if lanes is None or lanes.process != os.getpid():
            return
        with suppress(StoreUnavailableError):  # the time is noted every half minute, too
            await lanes.writer.do(partial(rows.note_time, now=self.now()))
        await lanes.writer.aclose()
        await lanes.reader.aclose()

    def _find(self, connection: sqlite3.Connection, name: str, after: int | None, key: str | None) -> rows.Found | None:
        return rows.load(connection, name, self.now(), after=after, key=key)

    def _count(
        self,
        loaded: Loaded | None,
        claims: Sequence[Claim],
        count: Callable[[rows.CountedVisit, float], Quota],
        *,
        renew: bool,
    ) -> Loaded | None:
        """Count a visit on the first claim that holds, and renew the session unless the visit is over its limit."""
        now = self.now()
        if loaded is None or loaded.record.ended(now):
            return loaded
        claim = first_that_holds(claims, loaded.record)
        if claim is None:
            return loaded
        renewed = copy(loaded.record)
        times = (renewed.expires_at, renewed.purge_at) if renew and renewed.renew(now) else None
        quota = count(rows.CountedVisit(renewed.session.session_id, claim, times), now)
        record = renewed if quota.allowed else loaded.record
        return Loaded(record, loaded.log, loaded.receipt, quota)

    def _count_here(self, visit: rows.CountedVisit, now: float) -> Quota:
        limit, length = visit.claim.limit, visit.claim.window
        self._spare[visit.counter], quota = rate_limit.hit(
            self._spare.get(visit.counter), now, limit=limit, length=length
        )
        return quota

    def _sweep(self, connection: sqlite3.Connection) -> bool:
        self._more_due = rows.purge(connection, self.now())
        return self._more_due

    def _sweep_pause(self) -> float:
        return SWEEP_PAUSE if self._more_due else SWEEP_INTERVAL

    def _save(self, connection: sqlite3.Connection, draft: rows.Draft) -> tuple[float, float]:
        times = rows.save(connection, draft, self.now(), self._limits)
        self._saved = True
        return times

    def _open(self) -> _Lanes:
        """Return the lanes of this process, and start them if they do not run.

        A process that was forked has the memory of its parent and none of its threads: it begins anew.
        """
        with self._lock:
            if self._closed:
                raise StoreUnavailableError("The store is closed")
            if self._lanes is not None and self._lanes.process != os.getpid():
                self._lanes, self._wakes = None, Wakes()
            if self._lanes is None:
                self._lanes = self._start()
            return self._lanes

    def _start(self) -> _Lanes:
        def committed() -> None:
            if self._saved and self._wakes.wanted:
                reader.hurry()
            self._saved = False

        reader = Lane(
            partial(schema.connect, self._path, self._synchronous),
            writes=False,
            chore=self._wakes.look,
            pause=self._wakes.pause,
        )
        writer = Lane(
            partial(schema.connect, self._path, self._synchronous, timeout=0),
            writes=True,
            chore=self._sweep,
            pause=self._sweep_pause,
            committed=committed,
        )
        return _Lanes(os.getpid(), reader, writer)


class _Lanes(NamedTuple):
    """What a process has of its own: one connection to read by, so that reads go on while others write."""

    process: int
    reader: Lane
    writer: Lane


def _unpacked(found: rows.Found | None, after: int | None) -> Loaded | None:
    if found is None:
        return None
    session = unpack_session(found.packed)
    record = Record(session, found.version, found.expires_at, found.purge_at, found.presence)
    if after is None:
        return Loaded(record, receipt=found.receipt)
    first = session.seq + 1 if found.log_first is None else found.log_first
    place = max(after, first - 1)
    events = [event for packed in found.log for event in unpack_events(packed) if event.seq > place]
    return Loaded(record, Log(events, complete=place == after), found.receipt)
