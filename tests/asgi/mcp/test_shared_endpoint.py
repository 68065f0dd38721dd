"""MCP at one address for all sessions: the official client, and two workers without a memory of each other."""

from __future__ import annotations

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

from handshake_prompt import HandshakeApp, Limits, MemoryStore
from tests.conftest import FORM
from tests.support.in_process import open_in_process
from tests.support.mcp_clients import ERAS, NAME, members, message, modern, tool_call
from tests.support.peer import PATIENCE, Peer, open_session
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


async def test_any_worker_answers_any_message() -> None:
    store = MemoryStore()
    apps = [HandshakeApp(mcp=True, store=store) for _ in range(2)]
    first = await form(apps[0])
    second = Peer(first.base_url, first.created, first.cookie, (await form(apps[1])).http)
    opened = await call(first, "connect", prompt=first.created["prompt"])
    written = await call(second, "set_fields", session=opened["structuredContent"]["session"], fields={"age": 7})
    assert written["structuredContent"]["applied"] == ["age"]


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


async def test_there_is_no_stream_to_get() -> None:
    peer = await form()
    response = await peer.http.get(f"{peer.base_url}/handshake/mcp", headers={"Accept": "text/event-stream"})
    assert (response.status_code, response.headers["allow"]) == (405, "OPTIONS, POST")


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
