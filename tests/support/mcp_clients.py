"""The official SDK's client of MCP, on a session."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, Implementation, TextContent

from tests.support.peer import PATIENCE, Peer

ERAS = ("auto", "legacy")
"""How a client begins: as of 2026, without a handshake, and as of 2025, with one."""
NAME = "Desk agent"


def address(peer: Peer) -> str:
    """Return the URL that a client of MCP is given."""
    return f"{peer.base_url}/handshake/mcp/{peer.session_id}"


@asynccontextmanager
async def over_http(
    peer: Peer, *, mode: str = "auto", token: str | None = None, headers: dict[str, str] | None = None, auth: Any = None
) -> AsyncIterator[Client]:
    """Connect a client to a session; with the session's token unless another, or none (`""`), is given."""
    given = peer.token if token is None else token
    bearer = {"Authorization": f"Bearer {given}"} if given else {}
    async with (
        httpx2.AsyncClient(headers=bearer | (headers or {}), auth=auth, timeout=PATIENCE, verify=False) as http,
        Client(
            streamable_http_client(address(peer), http_client=http),
            mode=mode,
            client_info=Implementation(name="desk", version="1", title=NAME),
            read_timeout_seconds=PATIENCE,
        ) as client,
    ):
        yield client


def text(result: CallToolResult) -> str:
    """Return what a host shows its model that knows no structured results."""
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def members(result: CallToolResult) -> dict[str, Any]:
    """Return the structured result."""
    assert isinstance(result.structured_content, dict)
    return result.structured_content


def failure(error: BaseException) -> MCPError:
    """Return the error of MCP that a client's task groups have wrapped up."""
    while isinstance(error, BaseExceptionGroup):
        (error,) = error.exceptions
    assert isinstance(error, MCPError)
    return error


def message(method: str, **params: Any) -> dict[str, Any]:
    """Return a request as clients of 2025 send it."""
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def tool_call(name: str, /, **arguments: Any) -> dict[str, Any]:
    """Return the request that calls a tool."""
    return message("tools/call", name=name, arguments=arguments)


async def post(peer: Peer, content: Any, **headers: str) -> httpx.Response:
    """Post a message as the agent; bytes go as they are. Headers are named with `_` for `-`."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    given = {"Authorization": f"Bearer {peer.token}", "Content-Type": "application/json"}
    sent = given | {name.replace("_", "-"): value for name, value in headers.items()}
    return await peer.http.post(address(peer), content=raw, headers=sent)


def modern(raw: bytes) -> bytes:
    """Return a message with the envelope that clients of 2026 put around each, as far as it has parameters."""
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    return re.sub(rb'"params": ?{', b'"params":{"_meta":' + json.dumps(meta).encode() + b",", raw, count=1)
