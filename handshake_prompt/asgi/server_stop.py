"""Detection of the server's stop, while long polls, event streams and WebSockets would hold it up.

uvicorn tells an application of its stop through the lifespan, and only once all replies are finished, which a stream's
is not for minutes. Its server object, which handles the process's signals, knows at once. Servers that cancel their
requests instead (hypercorn and daphne, and uvicorn at the end of its grace) are noticed by the cancellation, in `http`,
`sse` and `websocket`.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from handshake_prompt.protocol.errors import UnavailableError

INTERVAL = 0.025
"""Seconds between two looks. uvicorn itself looks every 0.1 s, and cuts WebSockets off once it has seen a stop: nearly
always this look comes first."""
PARTING = 1.0
"""Seconds in which a peer is told that its connection has been cancelled."""


class ServerStop:
    """Drains the engine when the server stops.

    Args:
        drain: sends all watchers elsewhere at once.
    """

    def __init__(self, drain: Callable[[], Awaitable[None]]) -> None:
        self._drain = drain
        self._waiting = 0
        self._lookout: asyncio.Task[None] | None = None

    @contextmanager
    def noticed(self) -> Iterator[None]:
        """Notice a stop during the block; any number of requests may be in one."""
        self._waiting += 1
        self._look_out()
        try:
            yield
        finally:
            self._waiting -= 1

    def _look_out(self) -> None:
        server = uvicorn_server()
        if server is not None and (self._lookout is None or self._lookout.done()):
            self._lookout = asyncio.create_task(self._notice(server))

    async def _notice(self, server: Any) -> None:
        while self._waiting:
            if is_stopping(server):
                await self._drain()
                return
            await asyncio.sleep(INTERVAL)


def uvicorn_server() -> Any:
    """Return the uvicorn server of this process, from the handler it has for signals; None if there is none.

    One that sends its watchers elsewhere by itself is left alone.
    """
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return server if hasattr(server, "should_exit") and not getattr(server, "drains", False) else None


def is_stopping(server: Any) -> bool:
    """Whether a uvicorn server was asked to stop, or has closed its listening sockets: its requests are used up."""
    return server.should_exit or not all(listening.is_serving() for listening in getattr(server, "servers", ()))


def stopping() -> UnavailableError:
    """Return the answer to a request that the server has cancelled."""
    return UnavailableError("The server is shutting down", code="draining", retry_after=1)
