"""Composition of two lifespans: ours inside that of an application, or alone where the application has none."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger("handshake_prompt")


def composed(serve: ASGIApp, app: ASGIApp, lifespan: Callable[[], AbstractAsyncContextManager[None]]) -> ASGIApp:
    """Return an application that serves with `serve` and runs the lifespans of `app` and of ours.

    Ours begins after the application's has, and ends before it does, so that hooks find the host's resources open.
    """

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _Lifespan(receive, send, lifespan).run(app, scope)
        else:
            await serve(scope, receive, send)

    return application


class _Lifespan:
    """One run of the lifespan protocol, with ours inside the application's."""

    def __init__(self, receive: Receive, send: Send, lifespan: Callable[[], AbstractAsyncContextManager[None]]) -> None:
        self._receive = receive
        self._send = send
        self._lifespan = lifespan
        self._ours = AsyncExitStack()
        self._asked = False
        self._answered = False

    async def run(self, app: ASGIApp, scope: Scope) -> None:
        """Run the application's lifespan; one that cannot be run is as good as one that does nothing."""
        try:
            await app(scope, self._receive_for_app, self._send_for_app)
        except Exception as error:
            if self._answered:
                raise
            logger.debug("The wrapped application has no lifespan: %s", error)
        if not self._answered:
            await self._run_alone()

    async def _receive_for_app(self) -> Message:
        message = await self._receive()
        self._asked = True
        if message["type"] == "lifespan.shutdown":
            await self._ours.aclose()
        return message

    async def _send_for_app(self, message: Message) -> None:
        self._answered = True
        if message["type"] == "lifespan.startup.complete":
            await self._ours.enter_async_context(self._lifespan())
        await self._send(message)

    async def _run_alone(self) -> None:
        if not self._asked:
            await self._receive()
        async with self._lifespan():
            await self._send({"type": "lifespan.startup.complete"})
            await self._receive()
        await self._send({"type": "lifespan.shutdown.complete"})
