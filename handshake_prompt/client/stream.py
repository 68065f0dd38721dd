"""Event stream of a session, `GET /events/{sid}`: server-sent events, resumed from the last cursor."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import httpx

from . import updates
from .decoding import (
    AnyFrame,
    ChangeFrame,
    ClosedFrame,
    ConnectedFrame,
    ContextReply,
    DrainingFrame,
    EndedRequest,
    RowFrame,
    check_members,
    decode_object,
)
from .errors import AgentError, ServerUnavailableError
from .http import HTTPClient, Request, body_chunks, is_compressed
from .polling import SessionReader, required_cursor
from .problems import ENDS, error_of_close, is_end
from .sse import EventParser, ServerEvent
from .updates import Gap, ProblemsChanged, Update

FIRST_LINE = 5.0
"""Seconds until the first line of a stream. A stream without one is held back by a proxy that buffers replies."""
SILENCE = 40.0
"""Seconds of silence after which a stream is dead: a live one has a comment every 15."""
MOST_SILENCES = 2
"""In a row, before long polling takes the place of streams."""
LONGEST_AFTER = 60.0
"""Seconds that a server that shuts down can make a client wait."""

_NO_STREAM = frozenset({404, 405, 406, 415, 501})


class NoStreamError(Exception):
    """The server has no event stream, or a proxy holds it back.

    Args:
        place: the cursor to go on from with another source.
    """

    def __init__(self, place: str) -> None:
        super().__init__("There is no stream of events")
        self.place = place


class EventStream:
    """Source of changes that reads the event stream, connection after connection."""

    def __init__(self, session: SessionReader, place: str) -> None:
        self._place = place
        self.retry: float | None = None
        self._session = session
        self._connection: _Connection | None = None
        self._verdict: AgentError | None = None
        self._silences = 0
        self._after: float | None = None
        self._end: str | None = None
        self._is_outdated = False
        """Whether the page has changed its form: the present state takes the place of what was known."""

    async def step(self) -> tuple[Sequence[Update], bool]:
        if self._verdict is not None:
            verdict, self._verdict = self._verdict, None
            raise verdict
        try:
            return await self._read_updates()
        except ServerUnavailableError as error:
            if error.code == "timeout":
                self._silences += 1
            if self._silences >= MOST_SILENCES:
                raise NoStreamError(self._place) from error
            raise

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.aclose()

    async def _read_updates(self) -> tuple[Sequence[Update], bool]:
        if self._is_outdated:
            return [await self._read_anew()], True
        if self._connection is None:
            self._connection = await self._open_connection()
        connection = self._connection
        found: list[Update] = []
        try:
            for event in await connection.read_events():
                self._take_frame(event, found)
        except AgentError as error:
            await self.aclose()
            if not found:
                raise
            self._verdict = error  # the changes before it go first
        self.retry = connection.retry
        if connection.proven:
            self._silences = 0
        return found, connection.proven

    async def _read_anew(self) -> Gap:
        """Return the present state, and go on from there."""
        gap = await self._session.read_gap()
        self._place, self._is_outdated = required_cursor(gap.cursor), False
        await self.aclose()
        return gap

    async def _open_connection(self) -> _Connection:
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-cache", "Last-Event-ID": self._place}
        request = Request(path=self._session.endpoint_path("events"), headers=headers)
        try:
            response = await self._session.client.open_stream(request, limit=FIRST_LINE)
        except AgentError as error:
            if error.status in _NO_STREAM:  # if it is the session that is not there, a poll will say so
                raise NoStreamError(self._place) from error
            raise
        self._after = self._end = None
        connection = _Connection(self._session.client, response)
        if not connection.is_stream:
            await connection.aclose()
            raise NoStreamError(self._place)
        return connection

    def _take_frame(self, event: ServerEvent, found: list[Update]) -> None:
        """Read one frame.

        Raises:
            BadReplyError: it is malformed.
            AgentError: it ends the stream, for now or for good.
        """
        frame = decode_object(event.data)
        if event.kind in {"action", "edit"}:
            change = updates.of_frame(check_members(frame, ChangeFrame))
            self._place = change.cursor
            found.append(change)
        elif event.kind in updates.ROW_EVENTS:
            row = updates.of_row_frame(event.kind, check_members(frame, RowFrame))
            self._place = row.cursor
            found.append(row)
        elif event.kind in updates.REQUEST_EVENTS:
            ended = check_members(frame, EndedRequest)
            self._place = required_cursor(ended.cursor)
            found.append(updates.of_request(ended, self._place))
        elif event.kind == "connected":
            self._take_connected(check_members(frame, ConnectedFrame), found)
        elif event.kind == "draining":
            after = check_members(frame, DrainingFrame).after_ms / 1000
            self._after = min(max(after, 0.0), LONGEST_AFTER)
        elif event.kind == "closed":
            raise self._closing_error(check_members(frame, ClosedFrame))
        else:
            other = check_members(frame, AnyFrame)
            self._is_outdated = self._is_outdated or event.kind == "schema"
            if event.kind in updates.PROBLEM_EVENTS:
                found.append(ProblemsChanged(required_cursor(other.cursor)))
            if (end := f"session_{event.kind}") in ENDS:
                self._end = "session_closed" if other.by == "host" else end
            self._place = other.cursor or self._place

    def _take_connected(self, frame: ConnectedFrame, found: list[Update]) -> None:
        self._place = frame.cursor
        if not frame.recovered:
            snapshot = frame.snapshot or {}
            check_members(snapshot, ContextReply)
            found.append(Gap(snapshot, frame.cursor))

    def _closing_error(self, frame: ClosedFrame) -> AgentError:
        if not frame.final:
            return ServerUnavailableError("The stream ended", code="stream_ended", retry_after=self._after)
        reason = frame.reason if is_end(frame.reason) else self._end or frame.reason
        return error_of_close(frame.code, reason, secret=self._session.client.token)


class _Connection:
    """One connection: a reply with a body that goes on."""

    def __init__(self, client: HTTPClient, response: httpx.Response) -> None:
        self._client = client
        self._response = response
        self._chunks = body_chunks(response)
        self._parser = EventParser()
        self._now = asyncio.get_running_loop().time
        self._patience = FIRST_LINE
        self._heard = False
        self.proven = False
        """Whether lines came after the first ones, which pass even a proxy that buffers."""

    @property
    def is_stream(self) -> bool:
        """Whether the reply is an event stream at all."""
        kind = self._response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return kind == "text/event-stream" and not is_compressed(self._response)

    @property
    def retry(self) -> float | None:
        """Seconds to wait before the next connection, once the server has said so."""
        return self._parser.retry

    async def read_events(self) -> list[ServerEvent]:
        """Wait for bytes and return the events that they finish.

        Raises:
            ServerUnavailableError: it is over, or silent.
            BadReplyError: an event is too large.
        """
        began, lines = self._now(), self._parser.lines
        with self._client.translated_errors():
            async with asyncio.timeout(self._patience):
                chunk = await anext(self._chunks, b"")
        if not chunk:
            raise ServerUnavailableError("The stream ended", code="stream_ended")
        events = self._parser.feed_bytes(chunk)
        if self._parser.lines > lines:
            self.proven, self._heard = self._heard, True
            self._patience = SILENCE
        else:  # bytes that finish no line are no sign of life
            self._patience -= self._now() - began
        return events

    async def aclose(self) -> None:
        await self._response.aclose()
