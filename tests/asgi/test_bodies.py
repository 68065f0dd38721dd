"""Bodies that a server loses on the way are told apart from ones that were never sent."""

from __future__ import annotations

import asyncio
import json
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import pytest

from handshake_prompt import HandshakeApp
from tests.support.parts import absent
from tests.support.peer import PATIENCE
from tests.support.serving import serving

OFFER = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
"""What the HttpClient of every JDK sends along with its first request."""
BODY = b'{"mode": "default"}'
FRAMINGS = {
    "length": (f"Content-Length: {len(BODY)}\r\n", BODY),
    "chunks": ("Transfer-Encoding: chunked\r\n", b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)),
}

framings = pytest.mark.parametrize(("framing", "body"), FRAMINGS.values(), ids=FRAMINGS)


async def posted(url: str, framing: str, body: bytes, *, offer: str = OFFER) -> tuple[int, dict[str, Any]]:
    """Return the status of `POST /session` with raw headers, and the members of the reply."""
    host = urlsplit(url)
    reader, writer = await asyncio.open_connection(host.hostname, host.port)
    head = f"POST /session HTTP/1.1\r\nHost: {host.netloc}\r\nContent-Type: application/json\r\n{offer}{framing}\r\n"
    writer.write(head.encode() + body)
    async with asyncio.timeout(PATIENCE):
        status = int((await reader.readline()).split()[1])
        length = 0
        while (line := await reader.readline()).strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        members: dict[str, Any] = json.loads(await reader.readexactly(length))
    writer.close()
    return status, members


@framings
async def test_a_body_is_read_whatever_else_the_client_offers(framing: str, body: bytes) -> None:
    async with serving(HandshakeApp(), http="h11") as url:
        status, members = await posted(url, framing, body)
    assert (status, members["mode"]) == (200, "default")


@framings
async def test_a_body_that_the_server_lost_is_told_with_the_remedy(framing: str, body: bytes) -> None:
    if not find_spec("httptools"):
        absent("httptools", "pip install httptools")
    async with serving(HandshakeApp(), http="httptools") as url:
        status, members = await posted(url, framing, body)
        assert (status, members["code"]) == (400, "body_lost")
        assert "--http h11" in members["nextSteps"][0]
        assert (await posted(url, framing, body, offer=""))[0] == 200


async def test_a_body_that_was_never_sent_is_no_lost_one() -> None:
    async with serving(HandshakeApp(), http="h11") as url:
        status, members = await posted(url, "Content-Length: 0\r\n", b"")
    assert (status, members["code"]) == (400, "invalid_json")
