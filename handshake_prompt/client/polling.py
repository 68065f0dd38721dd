"""Long polling, and repeated lists for version 0.2: sources of changes beside the event stream.

A source is read step by step and remembers its place. A step that fails or is cancelled loses nothing: the next one
begins at the end of the last that returned.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from . import updates
from .decoding import ContextReply, DiffReply, ListedChange, check_members, decode_object
from .errors import BadReplyError
from .http import HTTPClient, Request
from .updates import Gap, Update

LONG_POLL = 25.0
"""Seconds: allowed by servers, short enough for proxies."""
POLL_INTERVAL = 2.0
"""Seconds from the beginning of a poll to that of the next: half of 60 requests a minute stay for the agent's calls."""


class Source(Protocol):
    """A source of changes."""

    retry: float | None
    """Seconds that the first pause after a failure takes at most, if the server has said so."""

    async def step(self) -> tuple[Sequence[Update], bool]:
        """Wait a while; return the news, and whether the connection has proved itself.

        Raises:
            AgentError: it failed, for now or for good.
            NoStreamError: another source is needed.
        """

    async def aclose(self) -> None:
        """Close the connection, if one is open."""


class SessionReader:
    """Reads of a session that sources share, each in a single attempt."""

    def __init__(self, client: HTTPClient, session_id: str) -> None:
        self.client = client
        self._session_id = session_id

    def endpoint_path(self, name: str) -> str:
        """Return the path of one of the session's endpoints."""
        return f"/{name}/{self._session_id}"

    async def read_diff(self, since: str | None, *, wait: float = 0.0) -> DiffReply:
        """Return the changes since a place; the latest ones without a place."""
        request = Request(path=self.endpoint_path("diff"), query={"since": since} if since else {})
        reply = await self.client.send_once(request, limit=self.client.timeout + wait, wait=wait)
        return check_members(decode_object(reply.body), DiffReply)

    async def read_gap(self) -> Gap:
        """Return the present state, for a reader that may have missed changes."""
        reply = await self.client.send_once(Request(path=self.endpoint_path("context")), limit=self.client.timeout)
        context = decode_object(reply.body)
        return Gap(context, check_members(context, ContextReply).cursor)


class LongPolling:
    """Long polling: `GET /diff` with `wait`, from cursor to cursor."""

    retry: float | None = None

    def __init__(self, session: SessionReader, place: str) -> None:
        self._session = session
        self._place = place
        self._interval = PollInterval()

    async def step(self) -> tuple[Sequence[Update], bool]:
        await self._interval.wait_for_next()
        diff = await self._session.read_diff(self._place, wait=LONG_POLL)
        found, self._place = await updates_since(self._session, diff, self._place)
        return found, True

    async def aclose(self) -> None:
        """Nothing is open between two polls."""


class ListPolling:
    """Polling without cursors: successive lists of a server of version 0.2, compared."""

    retry: float | None = None

    def __init__(self, session: SessionReader, known: Sequence[ListedChange]) -> None:
        self._session = session
        self._known = known
        self._interval = PollInterval()

    async def step(self) -> tuple[Sequence[Update], bool]:
        await self._interval.wait_for_next()
        listed = (await self._session.read_diff(None)).changes
        fresh = updates.changes_beyond(self._known, listed)
        found = [await self._session.read_gap()] if fresh is None else updates.of_list(fresh)
        self._known = listed
        return found, True

    async def aclose(self) -> None:
        """Nothing is open between two polls."""


class PollInterval:
    """Least time between the beginnings of two polls, cancelled ones included."""

    def __init__(self) -> None:
        self._next = 0.0

    async def wait_for_next(self) -> None:
        """Return when the next poll may begin."""
        now = asyncio.get_running_loop().time
        if (left := self._next - now()) > 0:
            await asyncio.sleep(left)
        self._next = now() + POLL_INTERVAL


async def updates_since(session: SessionReader, diff: DiffReply, since: str) -> tuple[Sequence[Update], str]:
    """Return the changes of a diff, or a gap if they are not all of them, and the place behind it.

    A diff tells the present order of rows, but not the events that led there.

    Raises:
        AgentError: there is a gap, and the present state cannot be read.
    """
    if not diff.truncated and diff.rows is None:
        cursor = required_cursor(diff.cursor)
        return updates.of_diff(diff, since, cursor), cursor
    gap = await session.read_gap()
    return [gap], required_cursor(gap.cursor)


def required_cursor(cursor: str | None) -> str:
    """Return a cursor that a reply must have.

    Raises:
        BadReplyError: it has none.
    """
    if cursor is None:
        raise BadReplyError("The server has cursors, and one is missing in its reply")
    return cursor
