"""A real uvicorn, on a free port of loopback, in the test's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from websockets.exceptions import InvalidState

from tests.support.peer import PATIENCE


class Server(uvicorn.Server):
    """A uvicorn that leaves the process's signals alone and loses no time.

    The real one looks ten times a second whether it is to stop, and pauses while it does; a thousand tests would spend
    their time with that. How the real one stops is tested on processes of their own.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stop = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            with contextlib.suppress(InvalidState):  # uvicorn, where the peer has begun to close at this very moment
                connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                while self.server_state.connections or self.server_state.tasks:
                    await asyncio.sleep(0.001)
        for task in self.server_state.tasks:
            task.cancel()
        await self.lifespan.shutdown()


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, **options: Any) -> AsyncIterator[str]:
    """Serve `app` and yield its base URL, such as `http://127.0.0.1:41234`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # Connections inherit it; without it every reply of two writes waits 40 ms for an acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        settings: dict[str, Any] = {
            "lifespan": "auto",
            "log_config": None,
            "timeout_graceful_shutdown": 2,
            "timeout_keep_alive": 60,  # clients give theirs up after 5 s: not at the same moment
            "http": "h11",  # whatever else is installed
        }
        server = Server(uvicorn.Config(app, **(settings | options)))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        async with asyncio.timeout(PATIENCE):
            while not server.started:
                await asyncio.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.stop.set()
            async with asyncio.timeout(PATIENCE):
                await task


def free_port() -> int:
    """Return a port of loopback that is free, for servers that cannot be handed a socket.

    It is below the ports that the kernel gives to outgoing connections, and each process of a run draws from a range of
    its own: nobody else takes it before the server does.
    """
    for port in _ports:
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("the ports go round in a circle")


_PORTS_EACH = 1_000
_first_port = 12_000 + _PORTS_EACH * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_start = os.getpid() % _PORTS_EACH  # another run beside this one begins elsewhere
_ports = itertools.cycle([_first_port + (_start + number) % _PORTS_EACH for number in range(_PORTS_EACH)])
