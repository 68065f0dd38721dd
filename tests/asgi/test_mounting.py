"""Every path below a prefix of ours is ours to answer, in a host of whatever kind."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette

from handshake_prompt import HandshakeApp

PATHS = ["/handshake/session/%0a/extend", "/handshake/%0a", "/handshake/context/a%0Ab", "/ws/handshake/%0a/x"]


@pytest.mark.parametrize("path", PATHS)
async def test_a_path_with_a_line_break_is_not_left_to_the_host(path: str) -> None:
    host = Starlette()
    HandshakeApp().mount_on(host)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(host), base_url="http://127.0.0.1") as http:
        response = await http.post(path, json={})
    assert response.headers["content-type"] == "application/problem+json"
    assert response.status_code in (403, 404, 405)
