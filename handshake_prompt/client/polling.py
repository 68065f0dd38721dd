"""Where changes come from: a request that waits, or the list that version 0.2 has. `stream` is the third source.

Each source gives what is new, one step at a time, and remembers its place. A step that fails or is cancelled loses
nothing: the next one begins where the last that returned had ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from . import updates
from .decoding import ContextReply, DiffReply, ListedChange, checked, decoded
from .errors import BadReplyError
from .http import HTTPClient, Request
from .updates import Gap, Update

LONG_POLL = 25.0
"""Seconds: what servers allow, and proxies stand."""
POLL_INTERVAL = 2.0
"""Seconds from the beginning of a poll to that of the next: half of 60 requests a minute stay for the agent's calls."""


class Source(Protocol):
    """One way to learn of changes."""

    retry: float | None
    """Seconds that the first pause after a failure takes at most, if the server has said so."""

    async def step(self) -> tuple[Sequence[Update], bool]:
        """Wait a while; return what is new, and whether the connection has proved itself.

        Raises:
            AgentError: it failed, for now or for good.
            NoStreamError: another source is needed.
        """

    async def aclose(self) -> None:
        """Let go of what is open."""


class SessionReader:
    """What all sources ask of a session, each time in a single attempt."""

    def __init__(self, client: HTTPClient, session_id: str) -> None:
        self.client = client
        self._session_id = session_id

    def path(self, name: str) -> str:
        """Return the path of one of the session's endpoints."""
        return f"/{name}/{self._session_id}"

    async def diff(self, since: str | None, *, wait: float = 0.0) -> DiffReply:
        """Return what changed since a place; without one, what changed last."""
        request = Request(path=self.path("diff"), query={"since": since} if since else {})
        reply = await self.client.send_once(request, limit=self.client.timeout + wait, wait=wait)
        return checked(decoded(reply.body), DiffReply)

    async def gap(self) -> Gap:
        """Return how things stand."""
        reply = await self.client.send_once(Request(path=self.path("context")), limit=self.client.timeout)
        context = decoded(reply.body)
        return Gap(context, checked(context, ContextReply).cursor)


class LongPolling:
    """Asks with `wait` what changed since a cursor."""

    retry: float | None = None

    def __init__(self, session: SessionReader, place: str) -> None:
        self._session = session
        self._place = place
        self._interval = PollInterval()

    async def step(self) -> tuple[Sequence[Update], bool]:
        await self._interval.wait()
        diff = await self._session.diff(self._place, wait=LONG_POLL)
        found, self._place = await updates_since(self._session, diff, self._place)
        return found, True

    async def aclose(self) -> None:
        """Nothing is open between two polls."""


class ListPolling:
    """Compares what a server of version 0.2 lists with what it listed before."""

    retry: float | None = None

    def __init__(self, session: SessionReader, known: Sequence[ListedChange]) -> None:
        self._session = session
        self._known = known
        self._interval = PollInterval()

    async def step(self) -> tuple[Sequence[Update], bool]:
        await self._interval.wait()
        listed = (await self._session.diff(None)).changes
        fresh = updates.fresh(self._known, listed)
        found = [await self._session.gap()] if fresh is None else updates.of_list(fresh)
        self._known = listed
        return found, True

    async def aclose(self) -> None:
        """Nothing is open between two polls."""


class PollInterval:
    """Keeps the beginnings of polls apart, those of cancelled ones too."""

    def __init__(self) -> None:
        self._next = 0.0

    async def wait(self) -> None:
        """Return when the next poll may begin."""
        now = asyncio.get_running_loop().time
        if (left := self._next - now()) > 0:
            await asyncio.sleep(left)
        self._next = now() + POLL_INTERVAL


async def updates_since(session: SessionReader, diff: DiffReply, since: str) -> tuple[Sequence[Update], str]:
    """Return what a diff since some place tells, and the place behind it.

    Raises:
        AgentError: it does not tell all, and how things stand cannot be found out.
    """
    if not diff.truncated:
        cursor = required_cursor(diff.cursor)
        return updates.of_diff(diff, since, cursor), cursor
    gap = await session.gap()
    return [gap], required_cursor(gap.cursor)


def required_cursor(cursor: str | None) -> str:
    """Return a cursor that has to be there.

    Raises:
        BadReplyError: it is not.
    """
    if cursor is None:
        raise BadReplyError("The server has cursors, and one is missing in its reply")
    return cursor
