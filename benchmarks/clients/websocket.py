"""WebSocket clients on bare sockets, a thousand to a process: they take frames apart and no more (RFC 6455).

They offer no compression, so none is measured. Pings are answered, or a server would hang up.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from benchmarks.servers import HOST

from .http import LoadError

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
WHOLE = 0x80
TWO_BYTES, EIGHT_BYTES = 126, 127
KEY = "AAAAAAAAAAAAAAAAAAAAAA=="
OPEN_SECONDS = 60.0
AT_ONCE = 64
"""Connections that are being opened at the same time: below the backlog of any server."""


@dataclass(frozen=True)
class Place:
    """Where a watcher connects, what it says first, and how many frames it gets before it is in."""

    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    says: str = ""
    greetings: int = 0

    def handshake(self, port: int) -> bytes:
        """Return the bytes of its opening handshake."""
        headers = {
            "Host": f"{HOST}:{port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": KEY,
            "Sec-WebSocket-Version": "13",
            **self.headers,
        }
        lines = [f"GET {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


class FrameQueue(asyncio.Protocol):
    """One connection. `on_text` is given the payload of every text frame after the greetings."""

    def __init__(self, place: Place, port: int, on_text: Callable[[bytes], None]) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.hung_up = asyncio.Event()
        """Set once the server has ended the connection, as far as was read."""
        self._place = place
        self._port = port
        self._on_text = on_text
        self._greetings = place.greetings
        self._upgraded = False
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._place.handshake(self._port))

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else bytes(data)
        if self._upgraded or self._upgrade():
            self._read_frames()

    def connection_lost(self, exc: Exception | None) -> None:
        self.hung_up.set()
        if not self.opened.done():
            self.opened.set_exception(LoadError(f"a watcher was not let in: {exc or self._received[:300]!r}"))

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()

    def stop_reading(self) -> None:
        """Leave everything from here on in the socket."""
        assert self._transport is not None
        self._transport.pause_reading()

    def read_on(self) -> None:
        """Take what was left in the socket after all."""
        assert self._transport is not None
        self._transport.resume_reading()

    def _send(self, opcode: int, payload: bytes) -> None:
        assert self._transport is not None
        self._transport.write(masked(opcode, payload))

    def _upgrade(self) -> bool:
        head, blank, rest = self._received.partition(b"\r\n\r\n")
        if not blank:
            return False
        if not head.startswith(b"HTTP/1.1 101"):
            self.close()
            return False
        self._upgraded, self._received = True, rest
        if self._place.says:
            self._send(TEXT, self._place.says.encode())
        self._greet()
        return True

    def _greet(self) -> None:
        if not self._greetings and not self.opened.done():
            self.opened.set_result(None)

    def _read_frames(self) -> None:
        data, at, end = self._received, 0, len(self._received)
        while end - at >= 2:  # noqa: PLR2004 - the shortest header
            length, begin = data[at + 1], at + 2
            if length == TWO_BYTES:
                length, begin = int.from_bytes(data[begin : begin + 2], "big"), begin + 2
            elif length == EIGHT_BYTES:
                length, begin = int.from_bytes(data[begin : begin + 8], "big"), begin + 8
            if end - begin < length:
                break
            self._take(data[at], data[begin : begin + length])
            at = begin + length
        self._received = data[at:]

    def _take(self, first: int, payload: bytes) -> None:
        if first == WHOLE | TEXT:
            if self._greetings:
                self._greetings -= 1
                self._greet()
            else:
                self._on_text(payload)
        elif first == WHOLE | PING:
            self._send(PONG, payload)
        elif first == WHOLE | CLOSE:
            self.close()


class Audience:
    """Watchers that wait together until each of them has seen so many frames."""

    def __init__(self) -> None:
        self.watchers: list[FrameQueue] = []
        self._counts: list[int] = []
        self._target = 0
        self._short = 0
        self._complete = asyncio.Event()

    @classmethod
    async def of(cls, port: int, places: Sequence[Place]) -> Audience:
        """Open a watcher at each place."""
        audience = cls()
        seats = [audience._seat(number) for number in range(len(places))]
        audience._counts = [0] * len(places)
        audience.watchers = await open_watchers(port, places, seats)
        return audience

    def expect(self, frames: int) -> None:
        """Begin to count anew, up to so many frames for each watcher."""
        self._counts = [0] * len(self._counts)
        self._target = frames
        self._short = len(self._counts)
        self._complete.clear()

    async def complete(self, timeout: float) -> None:
        """Wait until every watcher has what it was to get.

        Raises:
            LoadError: one did not.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._complete.wait()
        except TimeoutError:
            total = sum(self._counts)
            message = f"{total} of {self._target * len(self._counts)} frames arrived within {timeout:.0f} s"
            raise LoadError(message) from None

    def close(self) -> None:
        """Hang up, all of them."""
        for watcher in self.watchers:
            watcher.close()

    def _seat(self, number: int) -> Callable[[bytes], None]:
        def seen(_: bytes) -> None:
            self._counts[number] += 1
            if self._counts[number] != self._target:
                return
            self._short -= 1
            if not self._short:
                self._complete.set()

        return seen


async def open_watchers(
    port: int, places: Sequence[Place], on_texts: Sequence[Callable[[bytes], None]], *, receive_buffer: int = 0
) -> list[FrameQueue]:
    """Open connections and return them once all are in.

    Args:
        port: of the server.
        places: where each connects.
        on_texts: what each gives its frames to.
        receive_buffer: bytes the system may keep for a connection that is not read; its own choice if 0.

    Raises:
        LoadError: one was not let in.
    """
    gate = asyncio.Semaphore(AT_ONCE)

    async def enter(place: Place, on_text: Callable[[bytes], None]) -> FrameQueue:
        async with gate:
            loop = asyncio.get_running_loop()
            endpoint = socket.socket()
            endpoint.setblocking(False)
            if receive_buffer:
                endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            await loop.sock_connect(endpoint, (HOST, port))
            _, watcher = await loop.create_connection(lambda: FrameQueue(place, port, on_text), sock=endpoint)
            await watcher.opened
            return watcher

    async with asyncio.timeout(OPEN_SECONDS):
        return list(await asyncio.gather(*map(enter, places, on_texts)))


def masked(opcode: int, payload: bytes) -> bytes:
    """Return a short frame as a client sends it. A mask of zeros is one, and changes nothing."""
    assert len(payload) < TWO_BYTES
    return bytes([WHOLE | opcode, 0x80 | len(payload), 0, 0, 0, 0]) + payload
