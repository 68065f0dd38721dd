"""Store for several workers on one machine, with nothing to install."""

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
from handshake_prompt.stores.base import SessionStore
from handshake_prompt.stores.codec import (
    decode_foreign,
    pack_events,
    pack_session,
    unpack_events,
    unpack_session,
    unreadable_error,
)
from handshake_prompt.stores.records import (
    PLAIN_VISIT,
    Claim,
    Loaded,
    Log,
    Receipt,
    Record,
    Visit,
    first_valid_claim,
    owner_digest,
)
from handshake_prompt.stores.subscribers import Subscriber

from . import expiry, queries, schema
from .change_poller import ChangePoller
from .connection_thread import ConnectionThread
from .history import Events, LogPart
from .schema import Synchronous
from .shared_clock import MachineClocks, SharedClock
from .timings import SQLiteTimings


class SQLiteStore(SessionStore):
    """Keeps sessions in a file, on a local disk, for the workers of one machine.

    Nothing that was acknowledged is lost when a process is killed. When the machine itself goes down, `synchronous`
    decides: with `normal` the last moments may be missing, with `full`, which is several times slower, nothing is. The
    file is sound in either case (write-ahead log).

    Args:
        path: the file; it is created if there is none, readable by this user alone.
        limits: bounds on the number of sessions and the size of the file, on logs and receipts.
        synchronous: `normal` or `full`.
        machine: the machine's clocks.
        timings: intervals and timeouts.

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
        machine: MachineClocks | None = None,
        timings: SQLiteTimings | None = None,
    ) -> None:
        if synchronous not in get_args(Synchronous):
            raise ValueError(f"synchronous is {synchronous!r}. It is 'normal' or 'full'.")
        if os.fspath(path) in ("", ":memory:"):
            raise ValueError("SQLiteStore needs a file. For sessions in memory use memory://.")
        self._path = Path(path).absolute()
        self._limits = limits or Limits()
        self._synchronous = synchronous
        self._timings = timings or SQLiteTimings()
        self._clock = SharedClock(machine or MachineClocks())
        self._poller = ChangePoller(self._timings.poll_interval)
        self._local_windows: dict[str, Window] = {}
        """Counts of visits while the file cannot be written: one for each session and role that comes meanwhile."""
        self._more_due = False
        """Whether the last step of a sweep left something over. This and the next two belong to the writing thread."""
        self._saved = False
        """Whether the transaction under way has a save."""
        self._has_traces = True
        """Whether the write-ahead log may hold values of a session that has ended; from a killed process, too."""
        self._threads: _Threads | None = None
        self._inherited: list[_Threads] = []
        """Of a parent process: to close its connections here would release locks on the file."""
        self._lock = threading.Lock()
        """Held to open and to close."""
        self._closed = False
        schema.prepare_file(self._path, self._clock.agree_offset, timings=self._timings)

    @classmethod
    def from_url(cls, url: str, limits: Limits | None = None) -> SQLiteStore:
        """Open the file of a URL: `sqlite:///relative.db`, `sqlite:////absolute.db?synchronous=full`.

        Raises:
            ValueError: it has no file, or the file cannot be used.
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

    def __repr__(self) -> str:
        return f"<SQLiteStore {self._path}>"

    def now(self) -> float:
        return self._clock.now()

    async def ready(self) -> None:
        """Make sure that the file can be read and written. Opens a closed store again."""
        self._closed = False
        threads = self._running_threads()
        await threads.reader.run(queries.probe_file)
        await threads.writer.run(queries.probe_file)

    async def create(self, record: Record) -> None:
        session = record.session
        owner = None if session.owner is None else owner_digest(session.owner)
        packed = pack_session(session)
        new = queries.New(
            session.session_id,
            record.version,
            packed,
            record.expires_at,
            record.purge_at,
            owner,
            session.created_at,
        )
        await self._running_threads().writer.run(partial(queries.create, new=new, now=self.now(), limits=self._limits))

    async def load(self, session_id: str, *, after: int | None = None, key: str | None = None) -> Loaded | None:
        find = partial(self._load_session, name=session_id, after=after, key=key)
        return _unpack_found(session_id, await self._running_threads().reader.run(find), after)

    async def visit(
        self, session_id: str, visit: Visit = PLAIN_VISIT, *, claims: Sequence[Claim] = ()
    ) -> Loaded | None:
        """Load a session for a request, and count and renew in one transaction.

        While the file can be read and not written, requests are counted in this process alone and nothing is renewed:
        reads go on.
        """
        if not claims:
            return await self.load(session_id, after=visit.after, key=visit.key)
        find = partial(self._load_session, name=session_id, after=visit.after, key=visit.key)

        def find_and_count(connection: sqlite3.Connection) -> Loaded | None:
            found = _unpack_found(session_id, find(connection), visit.after)
            return self._count_and_renew(found, claims, partial(queries.count_visit, connection), renew=visit.renew)

        try:
            loaded = await self._running_threads().writer.run(find_and_count)
        except StoreUnavailableError:
            loaded = await self.load(session_id, after=visit.after, key=visit.key)
            return self._count_and_renew(loaded, claims, self._count_locally, renew=False)
        self._local_windows.clear()
        return loaded

    async def save(self, record: Record, *, events: Sequence[Event] = (), receipt: Receipt | None = None) -> None:
        session = record.session
        draft = queries.Draft(
            session.session_id,
            record.version,
            pack_session(session),
            session.ended is not None,
            session.used or session.ended is not None,
            record.expires_at,
            record.purge_at,
            Events(events[-1].seq, [event.size for event in events], pack_events(events)) if events else None,
            receipt,
            record.urgency,
        )
        record.expires_at, record.purge_at = await self._running_threads().writer.run(
            partial(self._save_draft, draft=draft)
        )
        record.version += 1

    async def touch(self, session_id: str, *, expires_at: float, purge_at: float) -> None:
        work = partial(queries.touch, name=session_id, expires_at=expires_at, purge_at=purge_at)
        await self._running_threads().writer.run(work)

    async def hit(self, counter: str, *, limit: int, window: float) -> Quota:
        work = partial(queries.count_request, name=counter, now=self.now(), limit=limit, window=window)
        return await self._running_threads().writer.run(work)

    async def owned_by(self, owner: Any) -> Sequence[str]:
        return await self._running_threads().reader.run(partial(queries.owned_by, owner=owner_digest(owner)))

    async def subscribe(self, session_id: str, subscriber: Subscriber) -> None:
        threads = self._running_threads()
        self._poller.subscribers.add(session_id, subscriber)
        try:
            await threads.reader.run(self._poller.notify_changed)
        except BaseException:
            self._poller.subscribers.discard(session_id, subscriber)
            raise

    def unsubscribe(self, session_id: str, subscriber: Subscriber) -> None:
        self._poller.subscribers.discard(session_id, subscriber)

    async def report_watchers(self, worker: str, watchers: Mapping[str, int]) -> None:
        work = partial(queries.report_watchers, worker=worker, watchers=dict(watchers), now=self.now())
        await self._running_threads().writer.run(work)

    async def sweep(self) -> bool:
        """Delete expired rows, a bounded number at once; return whether more are due.

        This also happens periodically by itself.
        """
        return await self._running_threads().writer.run(self._sweep_expired)

    async def aclose(self) -> None:
        with self._lock:
            threads, self._threads, self._closed = self._threads, None, True
        if threads is None or threads.process != os.getpid():
            return
        with suppress(StoreUnavailableError):  # the time is noted every half minute, too
            await threads.writer.run(partial(expiry.note_time, now=self.now()))
        await threads.writer.aclose()
        await threads.reader.aclose()

    def _load_session(
        self, connection: sqlite3.Connection, name: str, after: int | None, key: str | None
    ) -> queries.Found | None:
        return queries.load(connection, name, self.now(), after=after, key=key)

    def _count_and_renew(
        self,
        loaded: Loaded | None,
        claims: Sequence[Claim],
        count: Callable[[queries.CountedVisit, float], Quota],
        *,
        renew: bool,
    ) -> Loaded | None:
        """Count a visit on its first valid claim, and renew the session unless the visit is over its limit."""
        now = self.now()
        if loaded is None or loaded.record.ended(now):
            return loaded
        claim = first_valid_claim(claims, loaded.record)
        if claim is None:
            return loaded
        renewed = copy(loaded.record)
        times = (renewed.expires_at, renewed.purge_at) if renew and renewed.renew(now) else None
        quota = count(queries.CountedVisit(renewed.session.session_id, claim, times), now)
        record = renewed if quota.allowed else loaded.record
        return Loaded(record, loaded.log, loaded.receipt, quota)

    def _count_locally(self, visit: queries.CountedVisit, now: float) -> Quota:
        limit, length = visit.claim.limit, visit.claim.window
        self._local_windows[visit.counter], quota = rate_limit.hit(
            self._local_windows.get(visit.counter), now, limit=limit, length=length
        )
        return quota

    def _sweep_expired(self, connection: sqlite3.Connection) -> bool:
        swept = expiry.purge_expired(connection, self.now())
        self._more_due = swept.more_due
        self._has_traces |= swept.sessions > 0
        return swept.more_due

    def _sweep_interval(self) -> float:
        if self._more_due:
            return self._timings.sweep_pause
        return self._timings.erase_interval if self._has_traces else self._timings.sweep_interval

    def _erase_traces(self, connection: sqlite3.Connection) -> None:
        """Empty the write-ahead log, once no transaction needs it any more."""
        if self._has_traces and not self._more_due:
            self._has_traces = not schema.truncate_log(connection)

    def _save_draft(self, connection: sqlite3.Connection, draft: queries.Draft) -> tuple[float, float]:
        times = queries.save(connection, draft, self.now(), self._limits)
        self._saved = True
        self._has_traces |= draft.ended
        return times

    def _running_threads(self) -> _Threads:
        """Return the threads of this process, starting them if need be.

        A forked process has the memory of its parent and none of its threads: it starts its own.
        """
        with self._lock:
            if self._closed:
                raise StoreUnavailableError("The store is closed")
            if self._threads is not None and self._threads.process != os.getpid():
                self._inherited.append(self._threads)
                self._threads, self._poller = None, ChangePoller(self._timings.poll_interval)
            if self._threads is None:
                self._threads = self._start_threads()
            return self._threads

    def _start_threads(self) -> _Threads:
        def committed() -> None:
            if self._saved and self._poller.subscribers:
                reader.request_maintenance()
            self._saved = False

        connect = partial(schema.open_connection, self._path, self._synchronous)
        reader = ConnectionThread(
            partial(connect, timeout=self._timings.busy_timeout),
            writes=False,
            maintenance=self._poller.notify_changed,
            interval=self._poller.poll_interval,
            timings=self._timings,
        )
        writer = ConnectionThread(
            partial(connect, timeout=0),
            writes=True,
            maintenance=self._sweep_expired,
            interval=self._sweep_interval,
            after_maintenance=self._erase_traces,
            committed=committed,
            timings=self._timings,
        )
        return _Threads(os.getpid(), reader, writer)


class _Threads(NamedTuple):
    """The connections of a process: one to read by, so that reads go on while others write."""

    process: int
    reader: ConnectionThread
    writer: ConnectionThread


def _unpack_found(name: str, found: queries.Found | None, after: int | None) -> Loaded | None:
    if found is None:
        return None
    session = decode_foreign(unpack_session, found.packed, place=f"session {name}")
    if session.session_id != name:
        raise unreadable_error(f"session {name}", LookupError())
    record = Record(session, found.version, found.expires_at, found.purge_at, found.presence)
    log = None if after is None or found.log is None else _unpacked_log(name, found.log, after, newest=session.seq)
    return Loaded(record, log, found.receipt)


def _unpacked_log(name: str, part: LogPart, after: int, *, newest: int) -> Log:
    first = newest + 1 if part.first is None else part.first
    place = max(after, first - 1)
    saves = (decode_foreign(unpack_events, packed, place=f"the log of session {name}") for packed in part.packed)
    return Log([event for events in saves for event in events if event.seq > place], complete=place == after)
