"""The application without a server, for tables too long for sockets: HTTP through the ASGI interface."""

from __future__ import annotations

import weakref
from typing import Any

import httpx
from starlette.applications import Starlette

from handshake_prompt import HandshakeApp
from handshake_prompt.testing import InProcessTransport
from tests.support.peer import PATIENCE, Peer

BASE_URL = "http://localhost"
_hosts: weakref.WeakKeyDictionary[HandshakeApp, Starlette] = weakref.WeakKeyDictionary()


def client(hpp: HandshakeApp, **options: Any) -> httpx.AsyncClient:
    """Return an HTTP client of an application mounted at /handshake. Further calls share the mount.

    Args:
        hpp: the application.
        options: of `InProcessTransport`, such as `client=("203.0.113.7", 1)` for another address.
    """
    if hpp not in _hosts:
        host = Starlette()
        hpp.mount_on(host)
        _hosts[hpp] = host
    transport = InProcessTransport(_hosts[hpp], **options)
    return httpx.AsyncClient(transport=transport, base_url=BASE_URL, timeout=PATIENCE)


async def open_in_process(hpp: HandshakeApp, body: dict[str, Any] | None = None, **options: Any) -> Peer:
    """Open a session as a page would, without a server. There is nothing to close."""
    http = client(hpp, **options)
    response = await http.post("/handshake/session", json=body if body is not None else {})
    assert response.status_code == 200, response.text
    cookie = response.headers["set-cookie"].partition(";")[0]
    http.cookies.clear()
    return Peer(BASE_URL, response.json(), cookie, http)
