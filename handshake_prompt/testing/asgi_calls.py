"""Calls of an ASGI application within the process: a queue each way, backpressure, and an end of bounded length."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import httpx

Message = MutableMapping[str, Any]
App = Callable[[Any, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]

LEAVING = 5.0
"""Seconds for an application to end a call whose client has left; background tasks are a part of it."""
MESSAGES_AHEAD = 256
"""Messages of an application that wait for their reader; its `send` waits for room beyond."""


class ASGICall:
    """One call of an application: a request, a WebSocket, or a lifespan.

    Args:
        app: the application.
        scope: of the call.
        goodbye: the message that `receive` returns once the client has left.
    """

    def __init__(self, app: App, scope: Message, *, goodbye: Message) -> None:
        self._goodbye = goodbye
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._outbox: asyncio.Queue[Message | None] = asyncio.Queue(MESSAGES_AHEAD)
        self._has_left = asyncio.Event()
        self._error: Exception | None = None
        self._task = asyncio.ensure_future(self._run(app, scope))

    def put(self, message: Message) -> None:
        """Let the application receive a message."""
        self._inbox.put_nowait(message)

    async def next(self) -> Message | None:
        """Return the next message of the application, None once it has returned.

        Raises:
            Exception: any that the application raised.
        """
        if self._task.done() and self._outbox.empty():
            return None
        message = await self._outbox.get()
        if message is None:
            self._raise_error()
        return message

    async def leave(self) -> None:
        """Leave as a client: the application is told, and cancelled if it does not end in time.

        Raises:
            Exception: any that the application raised, if `next` has not.
        """
        self._has_left.set()
        while not self._outbox.empty():  # makes room, for a `send` that waits for it
            self._outbox.get_nowait()
        try:
            await asyncio.wait({self._task}, timeout=LEAVING)
        finally:
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._raise_error()

    async def _run(self, app: App, scope: Message) -> None:
        try:
            await app(scope, self._receive, self._send)
        except Exception as error:  # noqa: BLE001 - an application under test: raised to the caller of `next`
            self._error = error
        await self._send(None)

    def _raise_error(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    async def _receive(self) -> Message:
        if self._has_left.is_set() and self._inbox.empty():
            return self._goodbye
        message = asyncio.ensure_future(self._inbox.get())
        left = asyncio.ensure_future(self._has_left.wait())
        try:
            await asyncio.wait({message, left}, return_when=asyncio.FIRST_COMPLETED)
            return message.result() if message.done() else self._goodbye
        finally:
            message.cancel()
            left.cancel()

    async def _send(self, message: Message | None) -> None:
        if not self._has_left.is_set():
            await self._outbox.put(message)


def scope_of(
    kind: str, request: httpx.Request, *, client: tuple[str, int] | None, root_path: str = ""
) -> dict[str, Any]:
    """Return the members of an ASGI scope that HTTP and WebSocket share."""
    raw_path, _, query = request.url.raw_path.partition(b"?")
    port = request.url.port or (443 if request.url.scheme in ("https", "wss") else 80)
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": raw_path,
        "query_string": query,
        "root_path": root_path,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "server": (request.url.host, port),
        "client": client,
        "extensions": {},
    }
