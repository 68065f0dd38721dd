"""SQLite connection with a thread of its own: the event loop never waits for a disk or another process's lock.

Jobs that queue up while a transaction runs share the next one (group commit).
"""

from __future__ import annotations

import asyncio
import logging
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from handshake_prompt.protocol.errors import HandshakeError, StoreUnavailableError

from .timings import SQLiteTimings

logger = logging.getLogger("handshake_prompt")

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

BATCH = 200
"""Jobs in one transaction at most: a few milliseconds in which other processes cannot write."""


class ConnectionThread:
    """Runs jobs on a connection of its own, in order; all queued jobs in one transaction.

    A job that raises a `HandshakeError`, or another error before it has written anything, fails alone: the other jobs
    are committed. Any other error, or one of SQLite's, rolls the whole transaction back, and all of its jobs fail.

    Args:
        connect: opens the connection, in the thread.
        writes: whether jobs write: then other processes can write only between two transactions.
        maintenance: a periodic job, in a transaction of its own, run once more at the end.
        interval: returns the seconds between two runs of maintenance; None for none.
        after_maintenance: called in the thread between two transactions.
        committed: called in the thread after each commit.
        timings: how long to wait for locks.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        *,
        writes: bool,
        maintenance: Work[object],
        interval: Callable[[], float | None],
        after_maintenance: Work[object] = lambda _: None,
        committed: Callable[[], None] = lambda: None,
        timings: SQLiteTimings,
    ) -> None:
        self._connect = connect
        self._writes = writes
        self._maintenance = maintenance
        self._interval = interval
        self._after_maintenance = after_maintenance
        self._committed = committed
        self._timings = timings
        self._connection: sqlite3.Connection | None = None
        self._failing = False
        self._maintained_at = time.monotonic()
        self._turn_ends: float | None = None
        """The time to leave a gap for other processes; None while nothing is queued."""
        self._maintenance_requested = False
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        """None wakes the thread: for maintenance, or for the end."""
        self._gate = threading.Lock()
        """Held to queue a job, so that none is queued behind the end."""
        self._closing: asyncio.Future[None] | None = None
        self._thread = threading.Thread(target=self._run_jobs, name="handshake-prompt-sqlite", daemon=True)
        self._thread.start()

    async def run(self, work: Work[T]) -> T:
        """Run a job and return its result.

        Raises:
            StoreUnavailableError: the file could not be read or written, or the thread is closed.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with self._gate:
            if self._closing is not None:
                raise StoreUnavailableError("The store is closed")
            self._queue.put(Job(work, future))
        return await future

    def request_maintenance(self) -> None:
        """Run maintenance now, unless its interval is None. Safe from any thread."""
        self._maintenance_requested = True
        self._queue.put(None)

    async def aclose(self) -> None:
        """Finish all queued jobs, then close the connection and end the thread. To be called once."""
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._gate:
            self._closing = ended
        self._queue.put(None)
        await ended
        self._thread.join()  # the future is set by its last statement

    # In the thread

    def _run_jobs(self) -> None:
        while self._closing is None or not self._queue.empty():
            if jobs := self._take_jobs(self._seconds_to_maintenance()):
                self._run_and_deliver(jobs)
                self._let_others_in()
            if self._seconds_to_maintenance() == 0:
                self._run_maintenance()
        if self._connection is not None:
            self._run_maintenance()
        self._disconnect()
        _deliver_outcomes([Job(lambda _: None, self._closing)])

    def _let_others_in(self) -> None:
        """Leave a gap if jobs have been queued for a whole turn; the jobs of the gap share a commit."""
        now = time.monotonic()
        if not self._writes or self._queue.empty():
            self._turn_ends = None
        elif self._turn_ends is None:
            self._turn_ends = now + self._timings.write_turn
        elif now >= self._turn_ends:
            time.sleep(self._timings.write_gap)
            self._turn_ends = None

    def _seconds_to_maintenance(self) -> float | None:
        interval = self._interval()
        if interval is None:
            return None
        return 0.0 if self._maintenance_requested else max(0.0, self._maintained_at + interval - time.monotonic())

    def _take_jobs(self, timeout: float | None) -> list[Job]:
        """Return the queued jobs, waiting for the first."""
        try:
            jobs = [self._queue.get(timeout=timeout)]
        except Empty:
            return []
        while len(jobs) < BATCH and not self._queue.empty():
            jobs.append(self._queue.get())
        return [job for job in jobs if job is not None]

    def _run_maintenance(self) -> None:
        self._maintenance_requested = False
        job = Job(self._maintenance)
        self._run_and_deliver([job])
        self._maintained_at = time.monotonic() + (self._timings.maintenance_retry if job.error else 0.0)
        if self._connection is None or job.error:
            return
        try:
            self._after_maintenance(self._connection)
        except sqlite3.Error as error:
            self._roll_back(error)

    def _run_and_deliver(self, jobs: list[Job]) -> None:
        """Run jobs in one transaction and deliver their outcomes."""
        try:
            self._run_transaction(jobs)
        except Exception as error:  # noqa: BLE001 - the thread outlives any error, and each caller is told
            self._roll_back(error)
            for job in jobs:
                job.fail(error)
        else:
            self._note_success()
        _deliver_outcomes(jobs)

    def _run_transaction(self, jobs: Iterable[Job]) -> None:
        if self._connection is None:
            self._connection = self._connect()
        self._begin_transaction(self._connection)
        for job in jobs:
            job.run(self._connection)
        self._connection.execute("COMMIT")
        self._committed()

    def _begin_transaction(self, connection: sqlite3.Connection) -> None:
        timings = self._timings
        until = time.monotonic() + (timings.failing_busy_timeout if self._failing else timings.busy_timeout)
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE" if self._writes else "BEGIN")
            except sqlite3.OperationalError as error:
                if not is_busy(error) or time.monotonic() >= until:
                    raise
            else:
                return
            time.sleep(timings.busy_retry * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load, guards nothing

    def _roll_back(self, error: Exception) -> None:
        """Roll back; after any error but a lock, the next transaction gets a new connection."""
        if not self._failing:
            logger.warning("The session store fails: %s", error)
        self._failing = True
        if self._connection is not None and is_busy(error):
            with suppress(sqlite3.Error):  # no transaction was open, or it is lost with the lock
                self._connection.execute("ROLLBACK")
        else:
            self._disconnect()

    def _note_success(self) -> None:
        if self._failing:
            logger.warning("The session store works again")
        self._failing = False

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):  # commits are safe whether or not the file can be tidied up
                self._connection.close()
        self._connection = None


@dataclass(slots=True)
class Job:
    """A function of the connection, and its outcome."""

    work: Work[Any]
    future: asyncio.Future[Any] | None = None
    result: Any = None
    error: Exception | None = None

    def run(self, connection: sqlite3.Connection) -> None:
        """Run it. An error raised on purpose is its own outcome, and so is a bug that has left the file as it was."""
        before = connection.total_changes
        try:
            self.result = self.work(connection)
        except HandshakeError as error:
            self.error = error
        except Exception as error:
            if isinstance(error, sqlite3.Error) or connection.total_changes != before:
                raise
            self.error = error

    def fail(self, error: Exception) -> None:
        """Fail with its transaction; each job with an error of its own, since callers add to theirs."""
        self.error = error
        if isinstance(error, sqlite3.Error):
            self.error = StoreUnavailableError()
            self.error.__cause__ = error

    def deliver(self) -> None:
        """Give the outcome to the caller, on the caller's event loop."""
        if self.future is None or self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


def is_busy(error: Exception) -> bool:
    """Whether another process holds a lock on the file."""
    return primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def primary_code(error: Exception) -> int:
    """Return SQLite's error code without its extension; 0 for other errors."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def call_soon(loop: asyncio.AbstractEventLoop, function: Callable[..., object], *arguments: Any) -> None:
    """Call a function on an event loop, from another thread; on a closed loop there is nobody left to call."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(function, *arguments)


def _deliver_outcomes(jobs: Sequence[Job]) -> None:
    """Deliver outcomes, with one call to each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in jobs:
        if job.future is not None:
            by_loop.setdefault(job.future.get_loop(), []).append(job)
    for loop, done in by_loop.items():
        call_soon(loop, _deliver_each, done)


def _deliver_each(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job.deliver()
