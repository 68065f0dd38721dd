"""The agent's side in tests: of a real session, and of servers that only exist as a function."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx

from handshake_prompt.client import HandshakeAgent
from tests.support.peer import Peer

SESSION_ID = "5" * 32
TOKEN = "Secret-token_of-this-very-agent1"
BASE_URL = "https://forms.example"

Answering = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


def agent_of(peer: Peer, *, base_url: str | None = None, **options: Any) -> HandshakeAgent:
    """Return the agent of a real session, which reaches it directly or through something in between."""
    return HandshakeAgent(peer.session_id, peer.token, base_url or peer.base_url, **options)


@asynccontextmanager
async def agent_against(answer: Answering, **options: Any) -> AsyncIterator[HandshakeAgent]:
    """Yield an agent whose requests go to a function, in no time and without a network."""
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        agent = HandshakeAgent(SESSION_ID, TOKEN, BASE_URL, http=http, **options)
        try:
            yield agent
        finally:
            await agent.aclose()


def replying(members: Any, *, status: int = 200, **headers: str) -> httpx.Response:
    """Return a reply in JSON. Underscores in names of headers stand for dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, content=json.dumps(members), headers={"content-type": "application/json"} | named)


def problem(status: int, code: str, **members: Any) -> httpx.Response:
    """Return an error as this package's server sends it."""
    return replying(
        {"status": status, "code": code, "detail": f"It is {code}.", "error": code} | members, status=status
    )


CONTEXT: dict[str, Any] = {
    "sessionId": SESSION_ID,
    "mode": "form-fill",
    "role": "agent",
    "context": {},
    "schema": [],
    "missing": [],
    "meta": {},
    "expiresIn": 1800,
    "cursor": "0a1b2c3d.0",
}
ACTED: dict[str, Any] = {"ok": True, "applied": ["name"], "rejected": [], "errors": [], "results": []}
EXTENDED: dict[str, Any] = {"ok": True, "extended": 1800, "expiresIn": 3600}
