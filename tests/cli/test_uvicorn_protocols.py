"""The server of `serve` and `demo`: what a peer sends is bounded, and one that reads nothing is let go."""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets import CloseCode
from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from handshake_prompt import HandshakeApp, Limits
from handshake_prompt.asgi.standalone import standalone
from handshake_prompt.cli import uvicorn_protocols, uvicorn_server
from tests.support.peer import PATIENCE, Peer, open_session, patient_client
from tests.support.serving import serving

LIMITS = Limits(agent_requests=10_000, queue_bytes=64 * 1024 * 1024, queue_events=100_000, send_timeout=0.3)
VALUE = "x" * 30_000
FIELDS, REPLIES, PEERS = 15, 12, 5


PROTOCOLS: dict[str, Any] = {"h11": uvicorn_protocols.H11}
if find_spec("httptools"):
    PROTOCOLS["httptools"] = uvicorn_protocols.HttpTools


@pytest.fixture(autouse=True, params=list(PROTOCOLS.values()), ids=list(PROTOCOLS))
def protocol(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve HTTP by each of the parsers, with deadlines that tests can wait for."""
    monkeypatch.setattr(uvicorn_server, "HTTPProtocol", request.param)
    monkeypatch.setattr(uvicorn_protocols.WriteDeadline, "write_timeout", 0.3)


@asynccontextmanager
async def served(hpp: HandshakeApp) -> AsyncIterator[tuple[Peer, set[Any]]]:
    """Yield a session of a server, and the server's connections so far."""
    connections: set[Any] = set()
    settings = uvicorn_server.server_settings(hpp.engine.limits)

    base: Any = settings["http"]

    class Counted(base):  # type: ignore[misc]
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            connections.add(transport)
            super().connection_made(transport)

    settings["http"] = Counted
    async with serving(standalone(hpp, "/handshake", "/ws/handshake"), **settings) as url:
        peer = await open_session(url)
        async with aclosing(peer.http):
            yield peer, connections


@contextmanager
def sent(peer: Peer, name: str, *headers: str, buffer: int = 1024) -> Iterator[socket.socket]:
    """Send requests over a connection that takes in no more than a buffer of bytes until it is read.

    They are repeated until the replies are more than the system buffers for the server.
    """
    host = urlsplit(peer.base_url)
    lines = [
        f"GET {peer.created[name]} HTTP/1.1",
        f"Host: {host.netloc}",
        f"Authorization: Bearer {peer.token}",
        *headers,
    ]
    request = "\r\n".join([*lines, "", ""]).encode()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        connection.connect((host.hostname, host.port))
        connection.sendall(request if headers else request * REPLIES)
        yield connection


async def fill(peer: Peer) -> None:
    """Write more than one send buffer's worth of values."""
    for number in range(FIELDS):
        await peer.act({f"k{number}": VALUE})


UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    f"Sec-WebSocket-Key: {'A' * 22}==",
)
REQUESTS = {
    "reply": ("contextUrl", ()),
    "stream": ("eventsUrl", ("Accept: text/event-stream",)),
    "socket": ("wsUrl", UPGRADE),
}


@pytest.mark.parametrize(("name", "headers"), REQUESTS.values(), ids=REQUESTS)
async def test_the_connection_of_a_peer_that_reads_nothing_is_aborted(name: str, headers: tuple[str, ...]) -> None:
    hpp = HandshakeApp(limits=LIMITS)
    async with served(hpp) as (peer, connections), AsyncExitStack() as stack:
        await fill(peer)
        own = set(connections)
        for _ in range(PEERS):
            stack.enter_context(sent(peer, name, *headers))
        async with asyncio.timeout(2 * PATIENCE):
            while len(connections - own) < PEERS or not all(one.is_closing() for one in connections - own):
                await fill(peer)
                await asyncio.sleep(0.05)
            while any(one.get_write_buffer_size() for one in connections - own) or hpp.engine.statistics.watchers:
                await asyncio.sleep(0.05)


async def test_a_peer_that_reads_slowly_gets_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn_protocols.WriteDeadline, "write_timeout", 0.5)
    async with served(HandshakeApp(limits=LIMITS)) as (peer, _):
        await fill(peer)
        loop = asyncio.get_running_loop()
        slow_until, taken = loop.time() + 1.5, bytearray()
        with sent(peer, "contextUrl", buffer=256 * 1024) as connection:
            connection.setblocking(False)
            async with asyncio.timeout(2 * PATIENCE):
                while taken.count(b'"expiresIn"') < REPLIES:
                    taken += await loop.sock_recv(connection, 64 * 1024)
                    await asyncio.sleep(0.05 if loop.time() < slow_until else 0)
    assert loop.time() > slow_until


async def test_no_frame_is_inflated() -> None:
    async with served(HandshakeApp()) as (peer, _):
        url = peer.base_url.replace("http", "ws", 1) + peer.created["wsUrl"]
        offer = [ClientPerMessageDeflateFactory()]
        async with connect(url, extensions=offer, additional_headers=peer.as_user) as page:
            await page.recv()
            assert page.protocol.extensions == []
            deflate = zlib.compressobj(wbits=-15)
            bomb = deflate.compress(b" " * 15_000_000) + deflate.flush(zlib.Z_SYNC_FLUSH)
            page.transport.write(struct.pack("!BBH4x", 0b1100_0001, 0x80 | 126, len(bomb)) + bomb)
            async with asyncio.timeout(PATIENCE):
                await page.wait_closed()
            assert page.close_code == CloseCode.PROTOCOL_ERROR


@pytest.mark.parametrize(("size", "code"), [(64 * 1024 + 1, 4513), (1024 * 1024, 1009)], ids=["over", "far over"])
async def test_a_frame_over_its_bound_is_refused_by_whoever_meets_it_first(size: int, code: int) -> None:
    async with served(HandshakeApp()) as (peer, _), peer.watch() as page:
        await page.next("connected")
        await page.send("x" * size)
        assert (await page.closed())[0] == code


async def test_a_body_is_read_whatever_else_the_client_offers() -> None:
    async with served(HandshakeApp()) as (peer, _), patient_client(base_url=peer.base_url) as http:
        offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__"}
        for headers in (offer, {}, offer):  # on one connection
            reply = await http.post("/handshake/session", json={"mode": "x"}, headers=headers)
            assert reply.json()["mode"] == "x"
