"""SPEC.md section 4: MCP at one address for all sessions."""

from __future__ import annotations

from typing import Any

from tests.conformance.conftest import FORM, Local, Start
from tests.support.peer import Peer


async def call(server: Local, peer: Peer, name: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool as a client of 2025-11-25 does, and return its result."""
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
    headers = {"Accept": "application/json, text/event-stream"}
    response = await peer.http.post(f"{server.url}/mcp", json=message, headers=headers)
    assert response.status_code == 200, response.text
    result: dict[str, Any] = response.json()["result"]
    return result


async def test_hpp_352_connect_answers_a_handle_for_the_other_tools(local: Start) -> None:
    server = await local(mcp=True)
    peers = [await server.open(FORM | {"prompt": True}) for _ in range(2)]
    opened = [(await call(server, peer, "connect", prompt=peer.created["prompt"])) for peer in peers]
    for number, (peer, one) in enumerate(zip(peers, opened, strict=True)):
        page = one["structuredContent"]
        assert (page["sessionId"], page["missing"]) == (peer.session_id, ["name"])
        written = await call(server, peer, "set_fields", session=page["session"], fields={"age": number})
        assert written["structuredContent"]["applied"] == ["age"]
    for number, peer in enumerate(peers):
        record = (await peer.context())["context"]["age"]
        assert (record["value"], record["by"]) == (number, "ai")


async def test_hpp_353_another_handle_changes_nothing(local: Start) -> None:
    server = await local(mcp=True)
    peer, other = [await server.open(FORM | {"prompt": True}) for _ in range(2)]
    old = (await call(server, peer, "connect", prompt=peer.created["prompt"]))["structuredContent"]["session"]
    theirs = (await call(server, other, "connect", prompt=other.created["prompt"]))["structuredContent"]["session"]
    await peer.user("POST", "rotate", {})
    crossed = f"{old.partition('.')[0]}.{theirs.partition('.')[2]}"
    for handle in ("", "x", old, crossed, peer.session_id):
        refused = await call(server, peer, "set_fields", session=handle, fields={"age": 1})
        assert refused["isError"] is True
        assert refused["structuredContent"]["code"] in ("invalid_token", "not_connected")
    assert (await peer.user("GET", "context")).json()["context"] == {}
