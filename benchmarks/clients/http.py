"""HTTP/1.1 over kept connections, on bare sockets: what a request costs the client must not show in the figures."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from benchmarks.servers import HOST

OK = range(200, 300)


class LoadError(RuntimeError):
    """A request failed, or was answered with anything but success: what was timed is not what was meant."""


@dataclass(frozen=True)
class Request:
    """One request, as every client sends it."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    def encode(self, port: int) -> bytes:
        """Return its bytes."""
        length = {"Content-Length": str(len(self.body.encode()))} if self.body else {}
        headers = {"Host": f"{HOST}:{port}", **length, **self.headers}
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n" + self.body).encode()


def post(path: str, value: Any, headers: Mapping[str, str] | None = None) -> Request:
    """Return the request that posts a value as JSON."""
    return Request("POST", path, {"Content-Type": "application/json", **(headers or {})}, json.dumps(value))


class Response(NamedTuple):
    """What came back."""

    status: int
    body: bytes


class Connection(asyncio.Protocol):
    """A connection that sends one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._answer: asyncio.Future[Response] | None = None

    @classmethod
    async def open(cls, port: int) -> Connection:
        """Connect to a server of this machine."""
        _, connection = await asyncio.get_running_loop().create_connection(cls, HOST, port)
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()

    async def send(self, request: bytes) -> Response:
        """Send an encoded request and return its reply.

        Raises:
            LoadError: there is none, or its status is not 2xx.
        """
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        response = await self._answer
        if response.status not in OK:
            raise LoadError(f"answered {response.status}: {response.body[:300].decode(errors='replace')}")
        return response

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, rest = self._received.partition(b"\r\n\r\n")
        if not blank:
            return
        length = _content_length(head)
        if len(rest) < length or self._answer is None or self._answer.done():
            return
        self._received.clear()
        self._answer.set_result(Response(int(head[9:12]), bytes(rest[:length])))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(LoadError(f"the connection was lost: {exc or 'closed by the server'}"))


def _content_length(head: bytes | bytearray) -> int:
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    if not found:
        raise LoadError("a reply without Content-Length cannot be timed")
    return int(rest.split(b"\r\n", 1)[0])
