"""Fixtures that every test may ask for."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp

from handshake_prompt import HandshakeApp
from tests.support.parts import absent
from tests.support.peer import Peer, open_session
from tests.support.serving import serving

CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

FORM = {
    "mode": "form-fill",
    "schema": [
        {"key": "name", "label": "Name", "type": "string", "required": True},
        {"key": "age", "label": "Age", "type": "integer", "min": 0, "max": 150},
        {"key": "email", "label": "E-mail", "type": "email"},
        {"key": "iban", "label": "Account", "type": "string", "sensitive": True},
        {"key": "plan", "label": "Plan", "type": "enum", "options": [{"value": "basic"}, {"value": "pro"}]},
        {"key": "number", "label": "Customer number", "type": "string", "readOnly": True},
    ],
}
"""A small form with one field of each kind that is treated in a way of its own."""

Open = Callable[..., Awaitable[Peer]]


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Return `await serve(app)`, which serves any ASGI application for the length of the test and returns its URL."""
    async with AsyncExitStack() as stack:

        async def start(app: ASGIApp, **options: Any) -> str:
            return await stack.enter_async_context(serving(app, **options))

        yield start


@pytest.fixture
async def pair(serve: Callable[..., Awaitable[str]]) -> AsyncIterator[Open]:
    """Return `await pair(hpp, body)`: a session of a freshly served `HandshakeApp`, mounted at /handshake.

    Further calls with the same application open further sessions of the same server.
    """
    urls: dict[int, str] = {}
    async with AsyncExitStack() as stack:

        async def pair_up(hpp: HandshakeApp | None = None, body: dict[str, Any] | None = None) -> Peer:
            hpp = hpp or HandshakeApp()
            if id(hpp) not in urls:
                host = Starlette()
                hpp.mount_on(host)
                urls[id(hpp)] = await serve(host)
            peer = await open_session(urls[id(hpp)], FORM if body is None else body)
            stack.push_async_callback(peer.http.aclose)
            return peer

        yield pair_up


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of a real Chromium; Playwright drives it with `CHROMIUM_ARGS`."""
    path = os.environ.get("HPP_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        absent("Chromium", "apt-get install chromium, or set HPP_CHROMIUM to its path")
    return str(path)
