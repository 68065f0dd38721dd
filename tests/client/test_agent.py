"""The agent's calls, against a real server."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import threading
import traceback
import warnings
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from handshake_prompt import HandshakeApp, Limits
from handshake_prompt.client import (
    AgentError,
    BadReplyError,
    CredentialRefusedError,
    HandshakeAgent,
    InsecureAddressError,
    LocalSetupError,
    PromptError,
    RateLimitedError,
    RefusedError,
    ServerUnavailableError,
    SessionEndedError,
)
from tests.conftest import FORM
from tests.support.agents import BASE_URL, CONTEXT, SESSION_ID, TOKEN, agent_against, agent_of, replying
from tests.support.between import Asked, Script, response, scripted
from tests.support.peer import PATIENCE, Peer, patient_client
from tests.support.stalls import waiting_at_most

Pair = Callable[..., Awaitable[Peer]]


def nested(depth: int) -> list[Any]:
    """Return lists within lists."""
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


# What it does


async def test_a_prompt_is_all_that_is_needed(pair: Pair) -> None:
    peer = await pair(body=FORM | {"prompt": True})
    async with HandshakeAgent.from_prompt(f"Please help me:\n{peer.created['prompt']}") as agent:
        assert (agent.session_id, agent.base_url) == (peer.session_id, peer.base_url)
        before = await agent.get_context()
        reply = await agent.action({"name": "Ada", "age": 36})
        diff = await agent.get_diff(before["cursor"])
        assert (await agent.extend(60))["extended"] == 60
    assert before["missing"] == ["name"]
    assert (reply["applied"], reply["missing"]) == (["name", "age"], [])
    assert [(change["key"], change["to"], change["by"]) for change in diff["changes"]] == [
        ("name", "Ada", "ai"),
        ("age", 36, "ai"),
    ]
    assert {key: record["value"] for key, record in (await peer.context())["context"].items()} == {
        "name": "Ada",
        "age": 36,
    }


async def test_what_is_refused_is_told_field_by_field(pair: Pair) -> None:
    peer = await pair()
    await peer.edit("name", "Grace")
    async with agent_of(peer) as agent:
        reply = await agent.action({"name": "Ada", "age": "old", "nickname": "A", "email": "a@b.example"})
    assert [(result["key"], result.get("code")) for result in reply["results"]] == [
        ("name", "user_locked"),
        ("age", "invalid_value"),
        ("nickname", "unknown_field"),
        ("email", None),
    ]


async def test_a_list_of_actions_goes_out_as_it_is(pair: Pair) -> None:
    peer = await pair()
    await peer.act({"name": "Ada"})
    async with agent_of(peer) as agent:
        reply = await agent.action([{"type": "set", "key": "name", "value": "Ann", "ifRev": 99}], stream=False)
    assert reply["results"][0]["code"] == "stale"


async def test_a_batch_is_paced_as_asked(pair: Pair) -> None:
    peer = await pair()
    async with peer.watch() as page, agent_of(peer) as agent:
        await page.next("connected")
        began = asyncio.get_running_loop().time()
        await agent.action({"name": "Ada", "age": 1, "email": "a@b.example"}, interval_ms=60)
        await page.next("done")
        paced = asyncio.get_running_loop().time() - began
        async with waiting_at_most(2):
            await agent.action({"name": "Ann", "age": 2, "email": "c@d.example"}, stream=False, interval_ms=2000)
            await page.next("done")
    assert paced >= 0.12


async def test_a_call_with_the_key_of_an_earlier_one_has_no_second_effect(pair: Pair) -> None:
    peer = await pair()
    async with agent_of(peer) as agent:
        first = await agent.action({"name": "Ada"}, idempotency_key="batch-1")
        await agent.action({"name": "Ann"})
        assert await agent.action({"name": "Ada"}, idempotency_key="batch-1") == first
        assert (await agent.get_context())["context"]["name"]["value"] == "Ann"


LOOKUP = {"mode": "form-fill", "schema": [{"key": "city", "type": "string", "lookup": True}]}


async def test_options_that_are_not_in_the_schema_are_looked_up(pair: Pair) -> None:
    hpp = HandshakeApp()

    @hpp.on_options
    async def cities(_: Any, key: str, query: str) -> list[Any]:
        return [{"value": "osl", "label": f"{key} with {query!r}"}]

    peer = await pair(hpp, LOOKUP)
    async with agent_of(peer) as agent:
        assert (await agent.options("city", "o&s"))["options"] == [{"value": "osl", "label": "city with 'o&s'"}]
        assert (await agent.options("city"))["options"] == [{"value": "osl", "label": "city with ''"}]
        with pytest.raises(RefusedError) as caught:
            await agent.options("name")
    assert caught.value.code == "unknown_field"


async def test_a_server_without_options_to_look_up_is_named_as_that() -> None:
    async def answer(_: httpx.Request) -> httpx.Response:
        return replying({"code": "not_found", "detail": "There is nothing at this path"}, status=404)

    async with agent_against(answer) as agent:
        with pytest.raises(RefusedError, match="too old") as caught:
            await agent.options("city")
    assert caught.value.code == "unsupported"


def permit(fields: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the JSON Schema of a form as large as a city's building permit, and a value for each of its fields."""
    properties: dict[str, Any] = {}
    values: dict[str, Any] = {}
    kinds: list[tuple[dict[str, Any], Any]] = [
        ({"type": "string", "maxLength": 100}, "12 Market Street"),
        ({"type": "string"}, "Ada Lovelace"),
        ({"type": "number", "minimum": 0}, 1250.5),
        ({"type": "boolean"}, True),
        ({"type": "string", "format": "date"}, "2026-05-04"),
        ({"oneOf": [{"const": "new", "title": "New building"}, {"const": "alter", "title": "Alteration"}]}, "new"),
    ]
    for number in range(fields):
        kind, value = kinds[number % len(kinds)]
        key = f"contractorAddress{number}"
        properties[key] = {**kind, "title": f"Address of the contractor, part {number}"}
        values[key] = value
    required = [key for number, key in enumerate(properties) if number % 3 == 0]
    return {"type": "object", "properties": properties, "required": required}, values


async def test_a_form_of_167_fields_costs_an_agent_less_than_40_kilobytes(pair: Pair) -> None:
    schema, values = permit(167)
    hpp = HandshakeApp()
    hpp.form("permit", schema)
    peer = await pair(hpp, {"form": "permit"})
    async with agent_of(peer) as agent:
        opened = await peer.agent("GET", "context")
        reply = await agent.action(values, stream=False)
        assert (len(reply["applied"]), reply["problems"]) == (167, [])
        filled = await peer.agent("GET", "context")
        text = await agent.get_context(markdown=True)
    assert len(opened.content) < 24 * 1024
    assert len(filled.content) < 40 * 1024
    assert len(text.encode()) < 30 * 1024


async def test_a_diff_waits_for_the_person(pair: Pair) -> None:
    hpp = HandshakeApp()
    peer = await pair(hpp)
    async with agent_of(peer) as agent:
        cursor = (await agent.get_context())["cursor"]
        waiting = asyncio.create_task(agent.get_diff(cursor, wait=20))
        async with asyncio.timeout(PATIENCE):
            while not hpp.engine.statistics.watchers:
                await asyncio.sleep(0.005)
        await peer.edit("name", "Grace")
        diff = await asyncio.wait_for(waiting, PATIENCE)
    assert [change["to"] for change in diff["changes"]] == ["Grace"]


async def test_the_context_is_also_there_to_be_read(pair: Pair) -> None:
    peer = await pair()
    await peer.edit("name", "Grace")
    async with agent_of(peer) as agent:
        text = await agent.get_context(markdown=True)
    assert '"Grace"' in text
    assert not text.startswith("{")


async def test_a_server_without_markdown_is_named_as_that() -> None:
    async def answer(_: httpx.Request) -> httpx.Response:
        return replying(CONTEXT)

    async with agent_against(answer) as agent:
        with pytest.raises(BadReplyError) as caught:
            await agent.get_context(markdown=True)
    assert caught.value.code == "no_markdown"


async def test_markdown_that_is_no_text_is_a_bad_reply() -> None:
    async def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"# \xff", headers={"content-type": "Text/Markdown; charset=utf-8"})

    async with agent_against(answer) as agent:
        with pytest.raises(BadReplyError) as caught:
            await agent.get_context(markdown=True)
    assert caught.value.code == "bad_reply"


@pytest.mark.parametrize("name", ["Claude", "Zoë's agent", "助手 7", "x" * 64, "  padded "], ids=repr)
async def test_watchers_are_told_the_agents_name(pair: Pair, name: str) -> None:
    peer = await pair()
    async with peer.watch() as page, agent_of(peer, name=name) as agent:
        await agent.get_context()
        told = await page.next("agent")
    assert (told["event"], told["name"]) == ("joined", name.strip())


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 65, "a\u202eb", "\ud800"], ids=ascii)
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="1 to 64 printable characters"):
        HandshakeAgent(SESSION_ID, TOKEN, BASE_URL, name=name)


# What it says when it cannot


async def test_a_wrong_token_is_told_apart_from_all_else(pair: Pair) -> None:
    peer = await pair()
    async with HandshakeAgent(peer.session_id, TOKEN, peer.base_url) as agent:
        with pytest.raises(CredentialRefusedError) as caught:
            await agent.get_context()
    assert (caught.value.status, caught.value.code, caught.value.retryable) == (403, "invalid_token", False)
    assert "new prompt" in str(caught.value)


async def test_a_session_that_the_person_ended_is_said_to_be_over(pair: Pair) -> None:
    peer = await pair()
    await peer.user("DELETE", "session")
    async with agent_of(peer) as agent:
        with pytest.raises(SessionEndedError) as caught:
            await agent.action({"name": "Ada"})
    assert (caught.value.status, caught.value.code) == (404, "session_revoked")
    assert str(caught.value).startswith("The person has ended the session. ")


@pytest.mark.parametrize(
    ("act", "status", "code"),
    [
        pytest.param(lambda agent: agent.extend(0), 400, "invalid_request", id="extension of nothing"),
        pytest.param(lambda agent: agent.action({"__proto__": 1}), 400, "invalid_key", id="reserved key"),
        pytest.param(lambda agent: agent.action({"name": "x" * 300_000}), 413, "body_too_large", id="body"),
        pytest.param(lambda agent: agent.action({"name": "\ud800"}), 400, "invalid_json", id="half a character"),
    ],
)
async def test_a_refusal_has_the_servers_code_and_words(
    pair: Pair, act: Callable[[HandshakeAgent], Awaitable[Any]], status: int, code: str
) -> None:
    peer = await pair()
    async with agent_of(peer) as agent:
        with pytest.raises(RefusedError) as caught:
            await act(agent)
    assert (caught.value.status, caught.value.code, caught.value.retryable) == (status, code, False)


async def test_a_path_that_is_no_handshake_server_is_no_ended_session(pair: Pair) -> None:
    peer = await pair()
    async with agent_of(peer, prefix="/elsewhere") as agent:
        with pytest.raises(RefusedError) as caught:
            await agent.get_context()
    assert caught.value.status == 404


async def test_a_rate_that_lasts_longer_than_the_call_may_is_told_at_once(pair: Pair) -> None:
    peer = await pair(HandshakeApp(limits=Limits(agent_requests=1)))
    async with agent_of(peer) as agent:
        await agent.get_context()
        with pytest.raises(RateLimitedError) as caught:
            await agent.get_context()
    assert caught.value.retryable
    assert caught.value.retry_after is not None
    assert 15 < caught.value.retry_after <= 60


async def test_a_server_that_is_not_there_is_said_to_be(unused_url: str) -> None:
    async with HandshakeAgent(SESSION_ID, TOKEN, unused_url, timeout=0.2) as agent:
        with pytest.raises(ServerUnavailableError) as caught:
            await agent.get_context()
    assert (caught.value.status, caught.value.code, caught.value.retryable) == (None, "unreachable", True)
    assert unused_url.removeprefix("http://") in caught.value.detail


@pytest.fixture
async def unused_url() -> str:
    """Return the address of a server that has gone."""

    async def nothing(_: Asked, __: asyncio.StreamWriter) -> None:
        return

    async with scripted(nothing) as server:
        return server.url


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"name": float("nan")}, id="NaN"),
        pytest.param({"name": object()}, id="no JSON"),
        pytest.param({"name": {1, 2}}, id="set"),
        pytest.param({"name": nested(100_000)}, id="depth"),
    ],
)
async def test_what_json_cannot_express_never_leaves(values: dict[str, Any]) -> None:
    async def answer(_: httpx.Request) -> httpx.Response:
        raise AssertionError("nothing was to be sent")

    async with agent_against(answer) as agent:
        with pytest.raises((ValueError, TypeError)):
            await agent.action(values)


@pytest.mark.parametrize("key", ["", " ", "a b", "a\r\nX-Evil: 1", "ключ", "x" * 256], ids=ascii)
async def test_an_idempotency_key_that_cannot_be_one_is_refused(key: str) -> None:
    async def answer(_: httpx.Request) -> httpx.Response:
        raise AssertionError("nothing was to be sent")

    async with agent_against(answer) as agent:
        with pytest.raises(ValueError, match="visible ASCII"):
            await agent.action({"name": "Ada"}, idempotency_key=key)


# What it refuses at once


def test_a_text_that_is_no_prompt_is_refused_as_one() -> None:
    with pytest.raises(PromptError, match="copy the whole handshake prompt"):
        HandshakeAgent.from_prompt("hello")


# What it keeps and what it lets go of


async def test_a_client_of_ones_own_is_left_open(pair: Pair) -> None:
    peer = await pair()
    async with patient_client(follow_redirects=True) as http:
        async with agent_of(peer, http=http) as agent:
            await agent.get_context()
        assert not http.is_closed
        async with agent_of(peer) as agent:
            await agent.get_context()
        assert agent._client._http.is_closed


async def test_the_token_is_in_no_repr_no_error_and_no_log(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    peer = await pair()
    shown = []
    async with agent_of(peer, name="Claude") as agent:
        shown += [repr(agent), str(agent)]
        await agent.action({"name": "Ada"})
        async with agent.changes() as changes:
            await peer.edit("name", "Grace")
            shown += [repr(changes), repr(agent.changes("1"))]
        await peer.user("DELETE", "session")
        with pytest.raises(AgentError) as caught:
            await agent.get_context()
        shown += [repr(caught.value), str(caught.value), str(vars(caught.value))]
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith(("http", "hands")))
    assert "context" in logged
    assert not [text for text in [*shown, logged] if peer.token in text]


# Credentials in frames


def locals_of(error: BaseException | None) -> Iterator[str]:
    """Yield what an error tracker shows of an error: the local variables of all frames, causes included."""
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if not frame.f_code.co_name.startswith("test_"):
                yield from map(repr, frame.f_locals.values())
        error = error.__cause__ or error.__context__


async def reset(_: Asked, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def silent(_: Asked, __: asyncio.StreamWriter) -> None:
    await asyncio.sleep(PATIENCE)


async def garbled(_: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 OK\r\n\r\n")


async def refusing(_: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(response(b'{"code": "denied"}', status="403 Forbidden"))


@pytest.mark.parametrize("script", [reset, silent, garbled, refusing])
async def test_no_frame_of_a_failed_call_shows_the_token(script: Script) -> None:
    async with scripted(script) as server, HandshakeAgent(SESSION_ID, TOKEN, server.url, timeout=0.1) as agent:
        with pytest.raises(AgentError) as caught:
            await agent.action({"name": "Ada"})
    assert not [shown for shown in locals_of(caught.value) if TOKEN in shown]


async def test_no_frame_of_the_http_stack_shows_the_token() -> None:
    async def write(request: httpx.Request) -> httpx.Response:
        sent = b"\r\n".join(name + b": " + value for name, value in request.headers.raw)
        raise httpx.WriteError(f"{len(sent)} bytes are left")

    async with agent_against(write, timeout=0.1) as agent:
        with pytest.raises(AgentError, match="bytes are left") as caught:
            await agent.get_context()
        with pytest.raises(AgentError) as followed:
            await agent.extend()
    shown = [*locals_of(caught.value), *locals_of(followed.value)]
    assert shown
    assert not [text for text in shown if TOKEN in text]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"- sessionId: {SESSION_ID}\n- token: {TOKEN}\n", id="line missing"),
        pytest.param(f"- sessionId: x\n- token: {TOKEN}\n- baseUrl: {BASE_URL}\n", id="line malformed"),
        pytest.param(f"- sessionId: {SESSION_ID}\n- token: {TOKEN}\n- baseUrl: http://example.com\n", id="address"),
    ],
)
def test_no_frame_of_a_refused_prompt_shows_the_token(text: str) -> None:
    with pytest.raises((PromptError, InsecureAddressError)) as caught:
        HandshakeAgent.from_prompt(text, name="Claude")
    assert not [shown for shown in locals_of(caught.value) if TOKEN in shown]


# Event loops


class KeepingOpen(BaseHTTPRequestHandler):
    """Answers a read of the context, and keeps the connection for the next."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps(CONTEXT).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def lasting_url() -> Iterator[str]:
    """Return the address of a server that belongs to no event loop."""
    with ThreadingHTTPServer(("127.0.0.1", 0), KeepingOpen) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(PATIENCE)


def test_an_agent_that_is_used_in_a_second_event_loop_says_so(lasting_url: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # of the connection that the first loop leaves behind
        use_in_two_loops(lasting_url)
        gc.collect()


def use_in_two_loops(url: str) -> None:
    agent = HandshakeAgent(SESSION_ID, TOKEN, url)
    changes = agent.changes()

    async def read() -> object:
        return await agent.get_context()

    async def follow() -> object:
        return await anext(changes)

    asyncio.run(read())
    for work in (read, follow):
        with pytest.raises(LocalSetupError, match=r"another event loop\. Do all .* within one asyncio\.run") as caught:
            asyncio.run(work())
        assert caught.value.code == "event_loop_changed"
    asyncio.run(agent.aclose())
