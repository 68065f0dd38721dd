"""A connection with a thread of its own, so that the event loop never waits for a disk or another process's lock.

Whatever was asked for while a transaction ran goes into the next one together: under load many share a commit.
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

logger = logging.getLogger("handshake_prompt")

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

PATIENCE = 2.0
"""Seconds to wait for another process that holds the file: below the 2.5 s in which every request is answered."""
IMPATIENCE = 0.1
"""And from then on until it works again, so that a lock that stays does not make every request wait."""
TRY = 0.001
"""Between two tries, give or take half of it. SQLite's own waiting grows to 0.1 s, which is unfair under load."""
TURN, YIELD = 0.01, 0.002
"""How long one process may write on while more and more is queued, and the gap that it leaves then: longer than between
the tries of others."""
BATCH = 200
"""Jobs in one transaction at most: a few milliseconds in which other processes cannot write."""
RETRY = 1.0
"""Before a chore that failed is tried again."""


class Lane:
    """Does work on a connection of its own, in order; what has queued up is one transaction.

    Work that raises a `HandshakeError`, or another error before it has written anything, fails alone: the others' work
    is committed all the same. Any other error, or one of the file's, undoes the whole transaction, and all of it has
    failed.

    Args:
        connect: opens the connection, in the thread.
        writes: whether the work writes: then other processes can write only between its transactions.
        chore: done in the thread unasked, in a transaction of its own, and once more at the end.
        pause: tells how long after the last time the chore is due again; None for not at all.
        committed: called in the thread after each commit.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        *,
        writes: bool,
        chore: Work[object],
        pause: Callable[[], float | None],
        committed: Callable[[], None] = lambda: None,
    ) -> None:
        self._connect = connect
        self._writes = writes
        self._chore = chore
        self._pause = pause
        self._committed = committed
        self._connection: sqlite3.Connection | None = None
        self._failing = False
        self._chore_done = time.monotonic()
        self._turn_ends: float | None = None
        """When others are to be let in; None while nothing is queued."""
        self._hurried = False
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        """None makes the thread look up: the chore is due, or the end has come."""
        self._gate = threading.Lock()
        """Held to queue a job, so that none is queued behind the end."""
        self._closing: asyncio.Future[None] | None = None
        self._thread = threading.Thread(target=self._run, name="handshake-prompt-sqlite", daemon=True)
        self._thread.start()

    async def do(self, work: Work[T]) -> T:
        """Have work done, and return what it returned.

        Raises:
            StoreUnavailableError: the file could not be read or written, or the lane is closed.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with self._gate:
            if self._closing is not None:
                raise StoreUnavailableError("The store is closed")
            self._queue.put(Job(work, future))
        return await future

    def hurry(self) -> None:
        """Have the chore done now, if it is wanted at all. Safe from any thread."""
        self._hurried = True
        self._queue.put(None)

    async def aclose(self) -> None:
        """Finish what was asked for, then end connection and thread. To be called once."""
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._gate:
            self._closing = ended
        self._queue.put(None)
        await ended
        self._thread.join()  # it has told of its end as its last act

    # In the thread

    def _run(self) -> None:
        while self._closing is None or not self._queue.empty():
            if jobs := self._take(self._wait()):
                self._settle(jobs)
                self._let_others_in()
            if self._wait() == 0:
                self._do_chore()
        if self._connection is not None:
            self._do_chore()
        self._disconnect()
        _deliver([Job(lambda _: None, self._closing)])

    def _let_others_in(self) -> None:
        """Leave a gap if there has been more to do already for a whole turn; what queues up in it shares a commit."""
        now = time.monotonic()
        if not self._writes or self._queue.empty():
            self._turn_ends = None
        elif self._turn_ends is None:
            self._turn_ends = now + TURN
        elif now >= self._turn_ends:
            time.sleep(YIELD)
            self._turn_ends = None

    def _wait(self) -> float | None:
        """Return how long the thread may wait for work before the chore is due."""
        pause = self._pause()
        if pause is None:
            return None
        return 0.0 if self._hurried else max(0.0, self._chore_done + pause - time.monotonic())

    def _take(self, timeout: float | None) -> list[Job]:
        """Return the jobs that have queued up, waiting for the first."""
        try:
            jobs = [self._queue.get(timeout=timeout)]
        except Empty:
            return []
        while len(jobs) < BATCH and not self._queue.empty():
            jobs.append(self._queue.get())
        return [job for job in jobs if job is not None]

    def _do_chore(self) -> None:
        self._hurried = False
        chore = Job(self._chore)
        self._settle([chore])
        self._chore_done = time.monotonic() + (RETRY if chore.error else 0.0)

    def _settle(self, jobs: list[Job]) -> None:
        """Do jobs in one transaction and hand back what came of them."""
        try:
            self._transact(jobs)
        except Exception as error:  # noqa: BLE001 - whatever it was: the thread goes on, and those who wait are told
            self._recover(error)
            for job in jobs:
                job.fail(error)
        else:
            self._note_success()
        _deliver(jobs)

    def _transact(self, jobs: Iterable[Job]) -> None:
        if self._connection is None:
            self._connection = self._connect()
        self._enter(self._connection)
        for job in jobs:
            job.run(self._connection)
        self._connection.execute("COMMIT")
        self._committed()

    def _enter(self, connection: sqlite3.Connection) -> None:
        until = time.monotonic() + (IMPATIENCE if self._failing else PATIENCE)
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE" if self._writes else "BEGIN")
            except sqlite3.OperationalError as error:
                if not is_busy(error) or time.monotonic() >= until:
                    raise
            else:
                return
            time.sleep(TRY * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load, guards nothing

    def _recover(self, error: Exception) -> None:
        """Undo what was begun, and begin anew with the next transaction."""
        if not self._failing:
            logger.warning("The session store fails: %s", error)
        self._failing = True
        if self._connection is not None and is_busy(error):
            with suppress(sqlite3.Error):  # there was nothing to undo, or the lock is lost with what was begun
                self._connection.execute("ROLLBACK")
        else:
            self._disconnect()

    def _note_success(self) -> None:
        if self._failing:
            logger.warning("The session store works again")
        self._failing = False

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):  # what was committed is safe whether or not the file can be tidied up
                self._connection.close()
        self._connection = None


@dataclass(slots=True)
class Job:
    """A piece of work, and what came of it."""

    work: Work[Any]
    future: asyncio.Future[Any] | None = None
    result: Any = None
    error: Exception | None = None

    def run(self, connection: sqlite3.Connection) -> None:
        """Do it. What it raises on purpose is its own outcome, and so is a mistake that has left the file as it was."""
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
        """Let it have failed with its transaction; with an error of its own, for callers add to what they get."""
        self.error = error
        if isinstance(error, sqlite3.Error):
            self.error = StoreUnavailableError()
            self.error.__cause__ = error

    def hand_over(self) -> None:
        """Tell who waits for it; on that one's event loop."""
        if self.future is None or self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


def is_busy(error: Exception) -> bool:
    """Whether another process holds the file just now."""
    return primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def primary_code(error: Exception) -> int:
    """Return which of SQLite's errors it is, without the details; 0 if it is none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def call_soon(loop: asyncio.AbstractEventLoop, function: Callable[..., object], *arguments: Any) -> None:
    """Have a function called on an event loop, from another thread."""
    with suppress(RuntimeError):  # the loop is closed: nobody is left there to be told
        loop.call_soon_threadsafe(function, *arguments)


def _deliver(jobs: Sequence[Job]) -> None:
    """Hand over what came of jobs, with one call to each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in jobs:
        if job.future is not None:
            by_loop.setdefault(job.future.get_loop(), []).append(job)
    for loop, done in by_loop.items():
        call_soon(loop, _hand_over, done)


def _hand_over(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job.hand_over()
