"""What may stand between a client and its server, or in the server's place: a line that breaks, a script of bytes."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.support.peer import PATIENCE

ENDLESS = 10**12


@dataclass
class Line:
    """A way to a server that breaks where it is told to.

    `lengths` says after how many bytes from the server each connection is cut, one number for each; then none is.
    """

    target: str
    url: str = ""
    lengths: Iterator[int] = field(default_factory=lambda: iter(()))
    connections: int = 0
    cuts: int = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        left = next(self.lengths, ENDLESS)
        parts = urlsplit(self.target)
        try:
            there, back = await asyncio.open_connection(parts.hostname, parts.port)
        except OSError:
            writer.transport.abort()
            return
        upwards = asyncio.create_task(_copy(reader, back))
        try:
            while left and (data := await there.read(65536)):
                writer.write(data[:left])
                left -= min(left, len(data))
            if not left:
                self.cuts += 1
                await writer.drain()
                writer.transport.abort()
        except OSError:
            pass
        finally:
            upwards.cancel()
            writer.close()
            back.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def line_to(target: str, lengths: Iterable[int] = ()) -> AsyncIterator[Line]:
    """Yield a line to the server at `target`."""
    line = Line(target, lengths=iter(lengths))
    async with _listening(line.carry) as line.url:
        yield line


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    target: str
    headers: dict[str, str]
    body: bytes
    raw: bytes


Script = Callable[[Asked, asyncio.StreamWriter], Coroutine[None, None, None]]


@dataclass
class Scripted:
    """A server of bytes, and what it was asked."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)


@contextlib.asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[Scripted]:
    """Yield a server that reads each request and then writes what `script` likes."""
    server = Scripted()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            asked = Asked(first.split(" ")[1], headers, body, head + body)
            server.asked.append(asked)
            await script(asked, writer)
            await writer.drain()
        writer.close()

    async with _listening(answer) as server.url:
        yield server


@contextlib.asynccontextmanager
async def _listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]],
) -> AsyncIterator[str]:
    """Serve connections on a free port of loopback until left, and leave none behind."""
    tasks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks[task] = writer
        task.add_done_callback(lambda _: tasks.pop(task).close())

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        await _steps()  # asyncio forgets a connection, open, that is accepted as its server closes
        server.close()
        await _steps()
        for task, writer in list(tasks.items()):
            task.cancel()
            writer.transport.abort()
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), PATIENCE)
        await _steps()  # an aborted connection is closed a step later


async def _steps() -> None:
    """Let the loop finish what takes it a few steps: to make a transport of a socket, or to close one."""
    for _ in range(5):
        await asyncio.sleep(0)


def response(body: bytes = b"", *, status: str = "200 OK", **headers: str) -> bytes:
    """Return a whole HTTP response. Underscores in names of headers stand for dashes."""
    named = {"content-type": "application/json", "content-length": str(len(body)), "connection": "close"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in named.items() if value)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Return chunks as HTTP has them, without an end if there is none."""
    return (b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


def without_end(chunk: bytes) -> Iterator[bytes]:
    """Return the same chunk for ever."""
    return itertools.repeat(chunk)
