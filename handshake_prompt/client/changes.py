"""Subscription to the changes of a session: resumed from its last cursor after every cut, with exponential back-off."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Self

from . import updates
from .backoff import Backoff
from .decoding import DiffReply, is_cursor
from .errors import RateLimitedError, ServerUnavailableError
from .http import other_loop
from .polling import ListPolling, LongPolling, SessionReader, Source, updates_since
from .stream import EventStream, NoStreamError
from .updates import Update

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0


class Changes:
    """An async iterator of `Change` and `Gap`.

    A wait for the next one can be cancelled, by a time limit say, and begun anew: nothing is lost, and the connection
    stays as it is. Only one task at a time may wait.

    Args:
        session: the session to follow.
        since: a cursor or an ISO 8601 instant; without it, changes from the first step on.
    """

    def __init__(self, session: SessionReader, since: str | None = None) -> None:
        self._session = session
        self._since = since
        self._cursor = since
        self._source: Source | None = None
        self._ready: deque[Update] = deque()
        self._backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        self._not_before = 0.0
        self._running: asyncio.Future[Sequence[Update]] | None = None
        self._closed = False

    @property
    def cursor(self) -> str | None:
        """A place for `changes(since=...)`, behind the last change handed out; None while none is known."""
        return self._cursor

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Update:
        """Return the next change, however long it takes.

        Raises:
            StopAsyncIteration: `aclose` was called.
            AgentError: there will be none, or the server does not speak the protocol.
        """
        while not self._ready:
            await self._next_step()
        item = self._ready.popleft()
        self._cursor = item.cursor or self._cursor
        return item

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the iteration and let go of the connection."""
        self._closed = True
        if self._session.client.is_elsewhere:  # the connection went with its event loop
            return
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        if self._source is not None:
            await self._source.aclose()

    async def _next_step(self) -> None:
        """Wait for a step to end; it goes on by itself when the wait is cancelled."""
        if self._closed:
            raise StopAsyncIteration
        if self._session.client.is_elsewhere:
            raise other_loop()
        self._running = self._running or asyncio.ensure_future(self._next_updates())
        await asyncio.wait({self._running})
        if self._closed:
            raise StopAsyncIteration
        step, self._running = self._running, None
        self._ready.extend(step.result())

    async def _next_updates(self) -> Sequence[Update]:
        """Take one step of the source; wait, rather than fail, where another attempt may do better."""
        now = asyncio.get_running_loop().time
        if (left := self._not_before - now()) > 0:
            await asyncio.sleep(left)
        try:
            if self._source is None:
                return await self._find_beginning()
            found, proven = await self._source.step()
        except NoStreamError as error:
            self._source = LongPolling(self._session, error.place)
            return ()
        except (ServerUnavailableError, RateLimitedError) as error:
            if error.status is None and not error.retryable:
                raise
            self._not_before = now() + self._backoff.next_pause(error.retry_after)
            return ()
        if found or proven:
            self._backoff.restart(self._source.retry)
        return found

    async def _find_beginning(self) -> Sequence[Update]:
        """Find the place to begin at, unless it is known. A diff that names none says that the version is 0.2."""
        if self._since is not None and is_cursor(self._since) and updates.parse_moment(self._since) is None:
            self._source = EventStream(self._session, self._since)
            return ()
        diff = await self._session.read_diff(self._since)
        if diff.cursor is None:
            return await self._begin_without_cursors(diff)
        found, place = (
            ([], diff.cursor) if self._since is None else await updates_since(self._session, diff, self._since)
        )
        self._source = EventStream(self._session, place)
        self._cursor = self._cursor or place
        return found

    async def _begin_without_cursors(self, diff: DiffReply) -> Sequence[Update]:
        if self._since is None:
            self._source = ListPolling(self._session, diff.changes)
            return ()
        known = (await self._session.read_diff(None)).changes  # what it lists since an instant is not what came later
        missed = updates.changes_after(known, self._since)
        found = [await self._session.read_gap()] if missed is None else updates.of_list(missed)
        self._source = ListPolling(self._session, known)
        return found
