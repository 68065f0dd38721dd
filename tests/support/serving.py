"""A real uvicorn, on a free port of loopback, in the test's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp


class Server(uvicorn.Server):
    """A uvicorn that leaves the process's signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, **options: Any) -> AsyncIterator[str]:
    """Serve `app` and yield its base URL, such as `http://127.0.0.1:41234`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings: dict[str, Any] = {"lifespan": "auto", "log_config": None, "timeout_graceful_shutdown": 2}
        server = Server(uvicorn.Config(app, **(settings | options)))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        async with asyncio.timeout(5):
            while not server.started:
                await asyncio.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            async with asyncio.timeout(10):
                await task


def free_port() -> int:
    """Return a port of loopback that was free a moment ago, for servers that cannot be handed a socket."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
