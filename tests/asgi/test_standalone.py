"""The protocol without a host: whatever the path, the answer is of the protocol's own kind."""

from __future__ import annotations

from contextlib import aclosing

import httpx
import pytest
from starlette.types import ASGIApp

from handshake_prompt import HandshakeApp
from handshake_prompt.asgi.standalone import standalone
from tests.support.peer import open_session
from tests.support.serving import serving

PATHS = [
    "/",
    "/favicon.ico",
    "/handshakes",
    "/handshake/nothing",
    "/handshake/session/%0a/extend",
    "/handshake/%0A",
    "/%0a/handshake/session",
    "/handshake/session/a%0ab%0a",
    "/handshake/context/%00",
    "/handshake/context/%2e%2e/session",
    "/handshake/context/%ff%fe",
    "//handshake/session/x/y/z",
    "/handshake//session",
    "/ws/handshake",
    "/ws/handshake/%0a",
    "/ws/handshake/a/b",
    "/health",
    "/health/live/",
    "/health/ready%0a",
    "/handshake/client.js%0a",
    "/handshake/openapi.json%0a",
]
SERVED = ["/handshake", "/handshake/client.js", "/handshake/openapi.json", "/health/live", "/health/ready", *PATHS]


def app() -> ASGIApp:
    return standalone(HandshakeApp(), "/handshake", "/ws/handshake")


def asking() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app()), base_url="http://127.0.0.1")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "PUT", "TRACE"])
async def test_a_path_that_leads_nowhere_is_answered_with_a_problem(path: str, method: str) -> None:
    async with asking() as http:
        response = await http.request(method, path)
    assert response.status_code in (403, 404, 405)
    assert response.headers["content-type"] == "application/problem+json"
    assert method == "HEAD" or response.json()["status"] == response.status_code


@pytest.mark.parametrize("path", SERVED)
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "DELETE"])
async def test_no_browser_is_left_to_guess_what_it_was_served(path: str, method: str) -> None:
    async with asking() as http:
        response = await http.request(method, path)
    assert response.headers.get("x-content-type-options") == "nosniff" or not response.content


async def test_a_wrong_method_is_refused_with_a_problem_everywhere() -> None:
    async with asking() as http:
        for path in ("/health/live", "/handshake/session", "/handshake/client.js"):
            response = await http.put(path)
            assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
            assert "allow" in response.headers


async def test_health_is_told_by_store_and_drain() -> None:
    async with asking() as http:
        assert (await http.get("/health/live")).json() == {"status": "live"}
        ready = await http.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")


async def test_it_serves_sessions_and_sockets_at_its_prefixes() -> None:
    async with serving(app(), lifespan="on") as url:
        peer = await open_session(url)
        async with aclosing(peer.http), peer.watch() as page:
            assert (await page.next())["type"] == "connected"
