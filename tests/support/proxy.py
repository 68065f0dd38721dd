"""A TCP proxy on loopback that can be told to misbehave, in the test's own event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.support.peer import PATIENCE


class Passage:
    """One connection through the proxy."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.near = near
        self.far = far
        self.sent = b""
        """The beginning of what the client sent: it tells what the connection is for."""
        self.dead = False
        self.upstream = False
        """Whether the last word was the client's."""

    def cut(self) -> None:
        for writer in (self.near, self.far):
            writer.transport.abort()


class Proxy:
    """Passes everything on, until it is told otherwise."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.url = ""
        self.passages: list[Passage] = []
        """Those that are open."""
        self.accepted = 0
        self.round_trips = 0
        """How often a server has begun to answer."""
        self.delay = 0.0
        """Seconds that every piece of data is held back, in either direction."""
        self.loses: Callable[[bytes], bool] = lambda _: False
        """Which pieces of a server's data are thrown away."""
        self.cuts_before: Callable[[bytes], bool] = lambda _: False
        """Which pieces of a server's data the connection is cut before."""

    def cut(self) -> None:
        """Break all connections."""
        for passage in self.passages:
            passage.cut()

    def half_open(self, *, only: bytes = b"") -> None:
        """Let the open connections stand and pass nothing on any more, or only those on which something was sent."""
        for passage in self.passages:
            passage.dead = passage.dead or only in passage.sent

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far = await asyncio.open_connection("127.0.0.1", self.target)
        passage = Passage(writer, far)
        self.accepted += 1
        self.passages.append(passage)
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._upstream(reader, passage))
                pumps.create_task(self._downstream(far_reader, passage))
        except* OSError:
            pass
        finally:
            self.passages.remove(passage)
            passage.cut()

    async def _upstream(self, reader: asyncio.StreamReader, passage: Passage) -> None:
        while data := await reader.read(65_536):
            passage.sent = (passage.sent + data)[:4096]
            passage.upstream = True
            await self._pass_on(data, passage.far, passage)
        passage.cut()

    async def _downstream(self, reader: asyncio.StreamReader, passage: Passage) -> None:
        while data := await reader.read(65_536):
            self.round_trips += passage.upstream
            passage.upstream = False
            if self.cuts_before(data):
                break
            if not self.loses(data):
                await self._pass_on(data, passage.near, passage)
        passage.cut()

    async def _pass_on(self, data: bytes, writer: asyncio.StreamWriter, passage: Passage) -> None:
        if self.delay:
            await asyncio.sleep(self.delay)
        if not passage.dead:
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def proxying(port: int) -> AsyncIterator[Proxy]:
    """Run a proxy to a Redis on a port of loopback."""
    proxy = Proxy(port)
    server = await asyncio.start_server(proxy.handle, "127.0.0.1", 0)
    try:
        proxy.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield proxy
    finally:
        server.close()
        proxy.cut()
        async with asyncio.timeout(PATIENCE):
            while proxy.passages:
                await asyncio.sleep(0.005)
