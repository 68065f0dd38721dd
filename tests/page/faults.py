"""Faults on demand: an ASGI application that stands between pages and the real server, and a store that can fail."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handshake_prompt import MemoryStore
from handshake_prompt.protocol.errors import StoreUnavailableError
from handshake_prompt.protocol.events import Event
from handshake_prompt.stores import Receipt, Record


class FailingStore(MemoryStore):
    """A store that cannot be reached for the next `failures` saves."""

    failures = 0

    async def save(self, record: Record, *, events: Sequence[Event] = (), receipt: Receipt | None = None) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailableError
        await super().save(record, events=events, receipt=receipt)


class Faults:
    """Passes everything on to `app` and takes note of it, until it is told to do otherwise.

    `lines` are the WebSockets pages have opened, oldest first; `requests` all HTTP requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.reset()

    def reset(self) -> None:
        """Forget what has passed, and break nothing."""
        self.lines: list[Line] = []
        self.requests: list[HTTPConnection[Any]] = []
        self.bodies: list[bytes] = []
        """What requests have brought."""
        self.refusing = False
        """Whether WebSocket handshakes fail, as on a server that is not there."""
        self.silent = False
        """Whether new lines are held from their first frame on."""
        self.latency = 0.0
        """Seconds that requests take on their way, and frames of new lines in either direction."""
        self.gate = asyncio.Event()
        """Requests to /notify wait for it; it is set unless a test clears it."""
        self.gate.set()

    @property
    def line(self) -> Line:
        """The newest WebSocket."""
        return self.lines[-1]

    @property
    def is_sound(self) -> bool:
        """Whether the newest WebSocket, or the next one, passes on what is sent."""
        return not (self.silent or self.refusing) and (not self.lines or self.line.is_sound)

    @property
    def notified(self) -> int:
        """How many requests to /notify there were."""
        return sum("/notify/" in request.url.path and request.scope["method"] == "POST" for request in self.requests)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._carry(scope, receive, send)
            return
        if scope["type"] == "http":
            self.requests.append(HTTPConnection(scope))
            if "/notify/" in scope["path"]:
                await self.gate.wait()
            await asyncio.sleep(self.latency)
            receive = self._overhearing(receive)
        await self._app(scope, receive, send)

    def _overhearing(self, receive: Receive) -> Receive:
        async def heard() -> Message:
            message = await receive()
            self.bodies.append(message.get("body", b""))
            return message

        return heard

    async def _carry(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.refusing:
            await send({"type": "websocket.close"})
            return
        async with distant(receive, send, self.latency) as (receive_late, send_late):
            line = Line(HTTPConnection(scope), receive_late, send_late)
            if self.silent:
                line.hold()
            self.lines.append(line)
            await self._app(scope, line.receive, line.send)


@contextlib.asynccontextmanager
async def distant(receive: Receive, send: Send, latency: float) -> AsyncIterator[tuple[Receive, Send]]:
    """Put as much time between the two ends of a WebSocket; what follows closely on one another goes on doing so."""
    loop = asyncio.get_running_loop()
    arriving: asyncio.Queue[tuple[float, Message]] = asyncio.Queue()
    leaving: asyncio.Queue[tuple[float, Message]] = asyncio.Queue()

    async def arrive() -> None:
        while True:
            arriving.put_nowait((loop.time() + latency, await receive()))

    async def leave() -> None:
        while True:
            due, message = await leaving.get()
            await asyncio.sleep(due - loop.time())
            await send(message)

    async def receive_late() -> Message:
        due, message = await arriving.get()
        await asyncio.sleep(due - loop.time())
        return message

    async def send_late(message: Message) -> None:
        leaving.put_nowait((loop.time() + latency, message))

    if not latency:
        yield receive, send
        return
    pumps = [asyncio.create_task(arrive()), asyncio.create_task(leave())]
    try:
        yield receive_late, send_late
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.wait(pumps)


class Line:
    """One WebSocket. `sent` is what the page has sent over it; `deaf` loses what it goes on to send."""

    def __init__(self, handshake: HTTPConnection[Any], receive: Receive, send: Send) -> None:
        self.handshake = handshake
        self.after = handshake.query_params.get("after")
        self.sent: list[dict[str, Any]] = []
        self.deaf = False
        self._receive = receive
        self._send = send
        self._dropped = False
        self._holds_all = False
        self._holding: frozenset[str] = frozenset()
        self._held: list[str] = []

    @property
    def is_sound(self) -> bool:
        """Whether it passes on what is sent, in either direction."""
        return not (self.deaf or self._holds_all or self._holding)

    @property
    def held(self) -> list[str]:
        """The types of the frames that are held."""
        return [json.loads(text)["type"] for text in self._held]

    def hold(self, *kinds: str) -> None:
        """Keep the server's frames of these types from the page, or all of them if none is named."""
        self._holds_all, self._holding = not kinds, frozenset(kinds)

    async def let_go(self, *, backwards: bool = False) -> None:
        """Hold nothing any more, and deliver what was held."""
        held, self._held = self._held[:: -1 if backwards else 1], []
        self._holds_all, self._holding = False, frozenset()
        for text in held:
            await self._deliver(text)

    async def drop(self, code: int) -> None:
        """Close the page's end; the server is told as if the page had gone."""
        self._dropped = True
        await self._send({"type": "websocket.close", "code": code})

    async def receive(self) -> Message:
        """Be the server's `receive`."""
        while True:
            message = await self._receive()
            if message["type"] != "websocket.receive":
                return message
            self.sent.append(json.loads(message["text"]))
            if not self.deaf:
                return message

    async def send(self, message: Message) -> None:
        """Be the server's `send`."""
        if self._dropped:
            return
        if message["type"] != "websocket.send":
            await self._send(message)
            return
        if self._holds_all or json.loads(message["text"])["type"] in self._holding:
            self._held.append(message["text"])
        else:
            await self._deliver(message["text"])

    async def _deliver(self, text: str) -> None:
        await self._send({"type": "websocket.send", "text": text})
