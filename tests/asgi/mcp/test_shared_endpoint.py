"""MCP at one address for all sessions: the official client, and two workers without a memory of each other."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import httpx2
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import Implementation
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from handshake_prompt import HandshakeApp, Limits, MemoryStore
from handshake_prompt.mcp.stdio import ToolServer
from handshake_prompt.mcp.tools import KINDS
from tests.conftest import FORM
from tests.support.in_process import open_in_process
from tests.support.mcp_clients import ERAS, NAME, members, message, modern, tool_call
from tests.support.peer import PATIENCE, Peer, open_session, patient_client
from tests.support.serving import serving


@asynccontextmanager
async def connected(url: str, mode: str = "auto") -> AsyncIterator[Client]:
    """Connect a client that knows no session."""
    async with (
        httpx2.AsyncClient(timeout=PATIENCE) as http,
        Client(
            streamable_http_client(f"{url}/handshake/mcp", http_client=http),
            mode=mode,
            client_info=Implementation(name="desk", version="1", title=NAME),
            read_timeout_seconds=PATIENCE,
        ) as client,
    ):
        yield client


async def form(hpp: HandshakeApp | None = None, **options: Any) -> Peer:
    return await open_in_process(hpp or HandshakeApp(mcp=True, **options), FORM | {"prompt": True})


async def post(peer: Peer, content: Any, **headers: str) -> httpx.Response:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    sent = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await peer.http.post(f"{peer.base_url}/handshake/mcp", content=raw, headers=sent)


async def call(peer: Peer, name: str, /, **arguments: Any) -> dict[str, Any]:
    response = await post(peer, tool_call(name, **arguments))
    assert response.status_code == 200, response.text
    result: dict[str, Any] = response.json()["result"]
    return result


def handle_of(peer: Peer) -> str:
    return f"{peer.session_id}.{peer.token}"


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_was_set_up_once_works_on_the_session_of_any_prompt(era: str) -> None:
    app = Starlette()
    HandshakeApp(mcp=True).mount_on(app)
    async with serving(app) as url, AsyncExitStack() as stack:
        peers = [await open_session(url, FORM | {"prompt": True}) for _ in range(2)]
        for peer in peers:
            stack.push_async_callback(peer.http.aclose)
        async with connected(url, era) as client:
            handles = list[str]()
            for peer in peers:
                opened = await client.call_tool("connect", {"prompt": f"Please:\n{peer.created['prompt']}"})
                assert "# The page as it is now" in text_of(opened)
                handles.append(members(opened)["session"])
                assert handles[-1] in text_of(opened)
            for number, handle in enumerate(handles):
                written = await client.call_tool("set_fields", {"session": handle, "fields": {"age": number}})
                assert members(written)["applied"] == ["age"]
        for number, peer in enumerate(peers):
            record = (await peer.context())["context"]["age"]
            assert (record["value"], record["by"]) == (number, "ai")


def text_of(result: Any) -> str:
    return "".join(part.text for part in result.content)


TRIP = [
    {"key": "name", "type": "string", "required": True},
    {"key": "city", "type": "enum", "lookup": True},
    {"key": "note", "type": "string"},
    {"key": "stops", "type": "rows", "fields": [{"key": "nights", "type": "integer"}]},
]


async def cities(_: Any, key: str, query: str) -> list[str]:
    return [city for city in ("Bern", "Rome") if query.lower() in city.lower()] if key == "city" else []


@asynccontextmanager
async def two_workers() -> AsyncIterator[str]:
    """Serve two workers over one store, which take turns: no two messages of a client meet the same one."""
    store = MemoryStore()
    apps = [HandshakeApp(mcp=True, store=store) for _ in range(2)]
    for hpp in apps:
        hpp.on_options(cities)
    workers = [Starlette(routes=[Mount("/handshake", hpp)]) for hpp in apps]
    turns = itertools.cycle(workers)

    async def balancer(scope: Scope, receive: Receive, send: Send) -> None:
        await next(turns)(scope, receive, send)

    async with serving(balancer, lifespan="off") as url:
        yield url


@pytest.mark.parametrize("era", ERAS)
async def test_a_whole_session_is_driven_over_workers_that_take_turns(era: str) -> None:
    body = {"mode": "form-fill", "schema": TRIP, "prompt": True}
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(two_workers())
        peer = await open_session(url, body)
        stack.push_async_callback(peer.http.aclose)
        client = await stack.enter_async_context(connected(url, era))

        async def use(name: str, **arguments: Any) -> dict[str, Any]:
            result = await client.call_tool(name, arguments if name == "connect" else {"session": handle} | arguments)
            assert not result.is_error, text_of(result)
            return members(result)

        assert client.protocol_version == {"auto": "2026-07-28", "legacy": "2025-11-25"}[era]
        names = {tool.name for tool in (await client.list_tools()).tools}
        page = await use("connect", prompt=peer.created["prompt"])
        handle = page["session"]
        assert page["missing"] == ["name"]
        await peer.edit("note", "mine")
        assert (await use("find_options", key="city", query="ro"))["options"] == ["Rome"]
        assert (await use("set_fields", fields={"name": "Ada", "city": "Rome"}))["applied"] == ["name", "city"]
        added = await use("edit_rows", add=[{"list": "stops", "values": {"nights": 2}}])
        assert added["rows"] == {"stops": ["r1"]}
        assert (await use("suggest_fields", suggestions=[{"key": "note", "value": "yours"}]))["suggested"] == ["note"]
        assert (await use("ask_person", text="Sure?", seconds=0))["status"] == "open"
        changes = await use("get_changes", since=page["cursor"])
        assert {one["key"] for one in changes["changes"]} == {"note", "name", "city", "stops/r1/nights"}
        waiting = asyncio.create_task(use("wait_for_user", since=changes["cursor"]))
        await decide(peer, changes["requests"])
        seen = await waiting
        assert "answered" in {one["status"] for one in seen["requests"]}
        assert (await use("get_context"))["context"]["name"]["value"] == "Ada"
        assert (await use("extend", seconds=60))["extended"] == 60
    assert names == {"connect", *KINDS}


async def decide(peer: Peer, requests: list[dict[str, Any]]) -> None:
    """Accept all that is asked, as the person."""
    for request in requests:
        address = f"{peer.base_url}{peer.created['answerUrl']}/{request['id']}"
        sent = {"decision": "accept", "digest": request["digest"]}
        response = await peer.http.post(address, json=sent, headers={"Cookie": peer.cookie})
        assert response.status_code == 200, response.text


def without_handle(tool: dict[str, Any]) -> dict[str, Any]:
    """Return a tool as it is where there is one session alone."""
    schema = tool["inputSchema"]
    properties = {name: about for name, about in schema.get("properties", {}).items() if name != "session"}
    required = [name for name in schema.get("required", []) if name != "session"]
    return tool | {"inputSchema": {**schema, "properties": properties, "required": required}}


async def test_all_transports_offer_the_same_tools() -> None:
    peer = await form()
    shared = (await post(peer, message("tools/list"))).json()["result"]["tools"]
    alone = await peer.http.post(
        f"{peer.base_url}/handshake/mcp/{peer.session_id}", json=message("tools/list"), headers=peer.as_agent
    )
    async with Client(ToolServer().server()) as client:
        listed = (await client.list_tools()).tools
    at_desk = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed]
    assert [tool["name"] for tool in shared] == [tool["name"] for tool in at_desk] == ["connect", *KINDS]
    of_session = [*map(without_handle, alone.json()["result"]["tools"])]
    assert [*map(without_handle, shared[1:])] == [*map(without_handle, at_desk[1:])] == of_session
    assert without_handle(shared[0])["inputSchema"] == without_handle(at_desk[0])["inputSchema"]


async def test_any_worker_answers_any_message() -> None:
    store = MemoryStore()
    apps = [HandshakeApp(mcp=True, store=store) for _ in range(2)]
    first = await form(apps[0])
    second = Peer(first.base_url, first.created, first.cookie, (await form(apps[1])).http)
    opened = await call(first, "connect", prompt=first.created["prompt"])
    written = await call(second, "set_fields", session=opened["structuredContent"]["session"], fields={"age": 7})
    assert written["structuredContent"]["applied"] == ["age"]


@pytest.mark.parametrize("way", ["address", "message", "code", "code as it was said"])
async def test_connect_takes_the_code_of_a_pickup_once(way: str) -> None:
    peer = await open_in_process(HandshakeApp(mcp=True), FORM | {"pickup": True})
    offer = peer.created["pickup"]
    said = {
        "address": offer["url"],
        "message": f"This one, please: {offer['url']}.",
        "code": offer["code"],
        "code as it was said": offer["code"].lower().replace("-", " "),
    }[way]
    handle = (await call(peer, "connect", prompt=said))["structuredContent"]["session"]
    written = await call(peer, "set_fields", session=handle, fields={"name": "Ada"})
    assert written["structuredContent"]["applied"] == ["name"]
    refused = await call(peer, "connect", prompt=said)
    assert (refused["isError"], refused["structuredContent"]["code"]) == (True, "pickup_taken")
    wrong = await call(peer, "connect", prompt="0000-0000-0000")
    assert (wrong["isError"], wrong["structuredContent"]["code"]) == (True, "pickup_not_found")


async def test_a_connect_that_is_sent_again_with_its_key_is_the_same_exchange() -> None:
    peer = await open_in_process(HandshakeApp(mcp=True), FORM | {"pickup": True})
    asked = tool_call("connect", prompt=peer.created["pickup"]["url"])
    replies = [(await post(peer, asked, Idempotency_Key="once")).json()["result"] for _ in range(2)]
    assert len({reply["structuredContent"]["session"] for reply in replies}) == 1


async def test_every_tool_but_connect_takes_a_session() -> None:
    peer = await form()
    listed = (await post(peer, message("tools/list"))).json()["result"]["tools"]
    required = {tool["name"]: "session" in tool["inputSchema"].get("required", []) for tool in listed}
    assert required.pop("connect") is False
    assert required
    assert all(required.values())
    alone = await peer.http.post(
        f"{peer.base_url}/handshake/mcp/{peer.session_id}",
        json=message("tools/list"),
        headers={"Authorization": f"Bearer {peer.token}"},
    )
    tools = alone.json()["result"]["tools"]
    assert not any("session" in tool["inputSchema"].get("properties", {}) for tool in tools)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({}, "not_connected"),
        ({"session": 7}, "not_connected"),
        ({"session": "x"}, "not_connected"),
        ({"session": "0" * 32 + "." + "t" * 32}, "invalid_token"),
    ],
)
async def test_a_call_without_a_session_of_this_server_is_refused_with_advice(
    arguments: dict[str, Any], code: str
) -> None:
    refused = await call(await form(), "get_context", **arguments)
    assert (refused["isError"], refused["structuredContent"]["code"]) == (True, code)
    assert "connect" in refused["structuredContent"]["nextSteps"][0]


async def test_the_token_of_another_session_opens_nothing() -> None:
    peer = await form()
    other = await form(HandshakeApp(mcp=True))
    refused = await call(peer, "get_context", session=f"{peer.session_id}.{other.token}")
    assert refused["structuredContent"]["code"] == "invalid_token"


async def test_a_damaged_prompt_is_told_before_the_session_is_asked() -> None:
    peer = await form()
    damaged = peer.created["prompt"].replace(peer.token, peer.token[:-1] + ("x" if peer.token[-1] != "x" else "y"), 1)
    refused = await call(peer, "connect", prompt=damaged)
    assert refused["structuredContent"]["code"] == "invalid_prompt"
    assert "damaged" in refused["structuredContent"]["detail"]


async def test_a_damaged_prompt_of_a_pickup_is_told_and_no_second_exchange_is_tried() -> None:
    peer = await open_in_process(HandshakeApp(mcp=True), FORM | {"pickup": True})
    prompt = (await peer.http.post(peer.created["pickup"]["url"])).text
    refused = await call(peer, "connect", prompt=prompt.replace("token: ", "token: x", 1))
    assert refused["structuredContent"]["code"] == "invalid_prompt"
    assert (await peer.context(role="user"))["pickup"]["refused"] == 0


async def test_the_persons_cookie_makes_nobody_the_person_here() -> None:
    peer = await form()
    sent = tool_call("set_fields", session=handle_of(peer), fields={"age": 7})
    await post(peer, sent, Cookie=peer.cookie)
    assert (await peer.context())["context"]["age"]["by"] == "ai"


async def test_a_client_of_2026_is_named_on_the_page() -> None:
    peer = await form()
    call_ = json.dumps(tool_call("set_fields", session=handle_of(peer), fields={"age": 7})).encode()
    named = modern(call_).replace(
        b'"io.modelcontextprotocol/clientCapabilities": {}',
        b'"io.modelcontextprotocol/clientCapabilities": {}, "io.modelcontextprotocol/clientInfo": '
        b'{"name": "desk", "version": "1", "title": "Desk agent"}',
    )
    response = await post(
        peer, named, MCP_Protocol_Version="2026-07-28", Mcp_Method="tools/call", Mcp_Name="set_fields"
    )
    assert response.status_code == 200, response.text
    status = (await peer.user("GET", "session")).json()
    assert status["agent"] == NAME


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "HEAD"])
@pytest.mark.parametrize("accept", ["text/event-stream", "application/json, text/event-stream", "text/html", "*/*"])
async def test_there_is_no_stream_to_get_and_no_session_to_delete(method: str, accept: str) -> None:
    peer = await form()
    for path in ("", f"/{peer.session_id}"):
        sent = {"Accept": accept, "MCP-Session-Id": "x", "MCP-Protocol-Version": "2025-11-25", "Last-Event-ID": "1"}
        response = await peer.http.request(method, f"{peer.base_url}/handshake/mcp{path}", headers=sent)
        assert (response.status_code, response.headers["allow"]) == (405, "OPTIONS, POST")
        assert response.headers["content-type"] == "application/json"
        if method != "HEAD":
            error = response.json()["error"]
            assert ("by POST" in error["message"], error["data"]["code"]) == (True, "method_not_allowed")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_foreign_page_is_told_so_before_anything_else(method: str) -> None:
    peer = await form()
    for path in ("", f"/{peer.session_id}"):
        response = await peer.http.request(
            method, f"{peer.base_url}/handshake/mcp{path}", headers={"Origin": "https://evil.example"}
        )
        assert (response.status_code, response.json()["error"]["data"]["code"]) == (403, "origin_not_allowed")


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2099-01-01"])
async def test_a_client_that_begins_with_a_handshake_is_told_a_version_that_both_know(version: str) -> None:
    about = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
    response = await post(await form(), message("initialize", **about), MCP_Session_Id="theirs")
    result = response.json()["result"]
    assert result["protocolVersion"] == (version if version < "2099" else "2025-11-25")
    assert (result["serverInfo"]["title"], "connect" in result["instructions"]) == ("Handshake Prompt", True)
    assert result["capabilities"] == {"tools": {"listChanged": False}}
    assert "mcp-session-id" not in response.headers


async def test_a_client_that_discovers_the_server_is_told_its_versions_and_what_it_offers() -> None:
    peer = await form()
    asked = modern(json.dumps(message("server/discover", x=1)).encode())
    sent = {"MCP_Protocol_Version": "2026-07-28", "Mcp_Method": "server/discover"}
    response = await post(peer, asked, **sent)
    result = response.json()["result"]
    assert ("2026-07-28" in result["supportedVersions"], result["capabilities"]) == (
        True,
        {"tools": {"listChanged": False}},
    )
    assert "connect" in result["instructions"]
    mismatched = await post(peer, asked, **sent | {"Mcp_Method": "tools/list"})
    assert (mismatched.status_code, mismatched.json()["error"]["code"]) == (400, -32020)
    later = asked.replace(b"2026-07-28", b"2099-01-01")
    other = await post(peer, later, **sent | {"MCP_Protocol_Version": "2099-01-01"})
    assert (other.status_code, other.json()["error"]["code"]) == (400, -32022)
    assert "2026-07-28" in other.json()["error"]["data"]["supported"]


async def test_an_unknown_method_is_a_404_to_a_client_of_2026_and_an_error_to_one_of_2025() -> None:
    peer = await form()
    asked = message("resources/list", x=1)
    old = await post(peer, asked, MCP_Protocol_Version="2025-11-25")
    new = await post(
        peer, modern(json.dumps(asked).encode()), MCP_Protocol_Version="2026-07-28", Mcp_Method="resources/list"
    )
    assert [(one.status_code, one.json()["error"]["code"]) for one in (old, new)] == [(200, -32601), (404, -32601)]


WELL_KNOWN = [
    "oauth-protected-resource",
    "oauth-protected-resource/mcp",
    "oauth-authorization-server",
    "openid-configuration",
    "mcp.json",
]


@pytest.mark.parametrize("document", WELL_KNOWN)
async def test_a_client_that_looks_for_a_login_finds_none_and_no_page_in_its_place(document: str) -> None:
    async with serving(HandshakeApp(mcp=True)) as url, patient_client() as http:
        response = await http.get(f"{url}/.well-known/{document}")
        registered = await http.post(f"{url}/register", json={})
    assert [one.status_code for one in (response, registered)] == [404, 404]
    assert response.json()["code"] == "not_found"


async def test_a_foreign_page_is_refused() -> None:
    response = await post(await form(), message("tools/list"), Origin="https://evil.example")
    assert (response.status_code, response.json()["error"]["data"]["code"]) == (403, "origin_not_allowed")


async def test_messages_are_bounded_by_address() -> None:
    peer = await form(limits=Limits(messages_per_address=2))
    replies = [(await post(peer, message("tools/list"))).status_code for _ in range(3)]
    assert replies == [200, 200, 429]


async def test_guessed_handles_are_counted_as_attempts() -> None:
    peer = await form(limits=Limits(wrong_tokens_per_address=3))
    codes = [
        (await call(peer, "get_context", session=f"{peer.session_id}.{'t' * 31}{n}"))["structuredContent"]["code"]
        for n in range(5)
    ]
    assert codes[:3] == ["invalid_token"] * 3
    assert codes[-1] == "too_many_attempts"
    right = await call(peer, "get_context", session=handle_of(peer))
    assert not right.get("isError")


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"jsonrpc": "2.0"}', b"\xff", b"[" * 50_000])
async def test_a_malformed_message_is_refused_and_no_failure(raw: bytes) -> None:
    assert 400 <= (await post(await form(), raw)).status_code < 500


@pytest.mark.parametrize("number", [None, 1.5, True, {"a": 1}, [1]], ids=repr)
async def test_a_message_whose_id_cannot_come_back_is_refused_and_not_taken_for_a_notification(number: Any) -> None:
    peer = await form()
    told = await post(peer, {"jsonrpc": "2.0", "id": number, "method": "ping"})
    assert (told.status_code, told.json()["error"]["code"]) == (400, -32600)
    assert "whole number" in told.json()["error"]["message"]


SECRET = "S" * 32
MESSAGE = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
OF_NO_SHAPE: dict[str, Any] = {
    "a text": SECRET,
    "an object": {"token": SECRET},
    "a batch": [MESSAGE | {"params": {"name": "connect", "arguments": {"prompt": SECRET}}}],
    "another version": MESSAGE | {"jsonrpc": "1.0", "params": {"token": SECRET}},
    "no method": {"jsonrpc": "2.0", "id": 1, "params": {"token": SECRET}},
    "a method that is no text": MESSAGE | {"method": {"token": SECRET}},
    "params that are no object": MESSAGE | {"params": SECRET},
}


@pytest.mark.parametrize("message", OF_NO_SHAPE.values(), ids=OF_NO_SHAPE)
async def test_a_message_of_no_shape_is_refused_without_a_word_of_it(message: Any) -> None:
    told = await post(await form(), json.dumps(message).encode())
    assert (told.status_code, told.json()["error"]["code"]) == (400, -32600)
    assert "one object of JSON-RPC" in told.json()["error"]["message"]
    assert SECRET[:5] not in told.text
