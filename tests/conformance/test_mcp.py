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


def addresses(server: Local, peer: Peer) -> list[str]:
    return [f"{server.url}/mcp", f"{server.url}/mcp/{peer.session_id}"]


ACCEPT = {"Accept": "application/json, text/event-stream"}


async def test_hpp_362_there_is_nothing_to_get_and_nothing_for_foreign_pages(local: Start) -> None:
    server = await local(mcp=True)
    peer = await server.open(FORM)
    for address in addresses(server, peer):
        for method in ("GET", "DELETE"):
            response = await peer.http.request(method, address, headers=peer.as_agent | ACCEPT)
            assert (response.status_code, "POST" in response.headers["allow"]) == (405, True)
            assert response.json()["error"]["message"]
        for method in ("GET", "DELETE", "POST"):
            sent = peer.as_agent | ACCEPT | {"Origin": "https://evil.example"}
            response = await peer.http.request(method, address, headers=sent)
            assert (response.status_code, response.json()["error"]["data"]["code"]) == (403, "origin_not_allowed")


META: dict[str, Any] = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "x", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
CLIENT: dict[str, Any] = {"capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}


async def test_hpp_363_clients_of_both_eras_are_told_what_there_is(local: Start) -> None:
    server = await local(mcp=True)
    peer = await server.open(FORM)
    for address in addresses(server, peer):

        async def ask(method: str, address: str = address, **params: Any) -> dict[str, Any]:
            message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            modern = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method} if "_meta" in params else {}
            sent = peer.as_agent | ACCEPT | {"MCP-Session-Id": "theirs"} | modern
            response = await peer.http.post(address, json=message, headers=sent)
            assert (response.status_code, "mcp-session-id" in response.headers) == (200, False), response.text
            result: dict[str, Any] = response.json()["result"]
            return result

        for version in ("2025-11-25", "2025-06-18"):
            assert (await ask("initialize", protocolVersion=version, **CLIENT))["protocolVersion"] == version
        assert "2026-07-28" in (await ask("server/discover", _meta=META))["supportedVersions"]


async def test_hpp_364_one_address_offers_what_each_of_the_others_does(local: Start) -> None:
    server = await local(mcp=True)
    peer = await server.open(FORM)
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    shared, alone = [
        {
            tool["name"]: set(tool["inputSchema"].get("properties", {}))
            for tool in (await peer.http.post(address, json=message, headers=peer.as_agent | ACCEPT)).json()["result"][
                "tools"
            ]
        }
        for address in addresses(server, peer)
    ]
    assert shared == {"connect": {"prompt"}, **{name: names | {"session"} for name, names in alone.items()}}
