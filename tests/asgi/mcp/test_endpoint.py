"""The tools over HTTP: the official client, a real server, a mounted application."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import httpx
import pytest
from mcp.client.auth import OAuthClientProvider, TokenStorage
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.auth import OAuthClientMetadata
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult
from pydantic import AnyUrl
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from handshake_prompt import HandshakeApp, Limits, MemoryStore, Session
from handshake_prompt.asgi.mcp.stateless_server import StatelessServer
from handshake_prompt.mcp.tools import SessionTools
from handshake_prompt.modes import DEFAULT_HANDLERS, DefaultHandler
from handshake_prompt.protocol.bodies import Action
from handshake_prompt.protocol.errors import UnavailableError
from tests.conftest import FORM, Open
from tests.support.clock import ManualClock
from tests.support.in_process import open_in_process
from tests.support.mcp_clients import (
    ERAS,
    NAME,
    address,
    failure,
    members,
    message,
    modern,
    over_http,
    post,
    text,
    tool_call,
)
from tests.support.peer import PATIENCE, Peer, open_session

NAMES = [
    "get_context",
    "find_options",
    "set_fields",
    "edit_rows",
    "ask_person",
    "suggest_fields",
    "get_changes",
    "wait_for_user",
    "extend",
]


async def form(body: dict[str, Any] | None = None, *, hpp: HandshakeApp | None = None, **options: Any) -> Peer:
    """Open a session without a server."""
    return await open_in_process(hpp or HandshakeApp(mcp=True, **options), FORM if body is None else body)


def result(response: httpx.Response) -> CallToolResult:
    """Return the result in the answer to the call of a tool."""
    assert response.status_code == 200, response.text
    return CallToolResult.model_validate(response.json()["result"])


async def refusal(peer: Peer, **options: Any) -> MCPError:
    """Return what a client is told that is not let in."""
    try:
        async with over_http(peer, **options):
            pass
    except BaseExceptionGroup as group:
        return failure(group)
    raise AssertionError("it was let in")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.002)


# A client at work


@pytest.mark.parametrize("mode", ERAS)
async def test_a_client_fills_in_the_form_and_sees_what_the_person_does(pair: Open, mode: str) -> None:
    peer = await pair(HandshakeApp(mcp=True))
    async with over_http(peer, mode=mode) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == NAMES
        await peer.edit("email", "ada@example.com")
        page = await client.call_tool("get_context")
        fields = {"name": "Ada", "email": "x@example.com", "age": 200}
        written = await client.call_tool("set_fields", {"fields": fields})
        waiting = asyncio.create_task(client.call_tool("wait_for_user", {"since": members(page)["cursor"]}))
        await asyncio.sleep(0.02)
        assert not waiting.done()
        await peer.edit("name", "Grace")
        seen = await waiting
        changes = await client.call_tool("get_changes", {"since": members(page)["cursor"]})
        extended = await client.call_tool("extend", {"seconds": 60})

    assert members(page)["missing"] == ["name"]
    assert '`"ada@example.com"` (person, rev ' in text(page)
    assert not written.is_error
    assert members(written)["applied"] == ["name"]
    assert [entry.get("code") for entry in members(written)["results"]] == [None, "user_locked", "invalid_value"]
    assert 'Refused: `"email"`: user_locked' in text(written)
    assert [(one["key"], one["to"], one["by"]) for one in members(seen)["changes"]] == [("name", "Grace", "user_edit")]
    assert text(seen).startswith('`"name"`: `"Grace"` (by the person)')
    assert [one["by"] for one in members(changes)["changes"]] == ["ai", "user_edit"]
    assert members(extended)["extended"] == 60


async def test_whoever_uses_the_tools_is_an_agent(pair: Open) -> None:
    peer = await pair(HandshakeApp(mcp=True))
    async with peer.watch() as page, over_http(peer, headers={"Cookie": peer.cookie}) as client:
        await page.next("connected")
        await peer.edit("iban", "DE02")
        await client.call_tool("set_fields", {"fields": {"name": "Ada"}})
        shown = await page.next("action")
        read = members(await client.call_tool("get_context"))
    assert (shown["key"], shown["value"], shown["by"]) == ("name", "Ada", "ai")
    assert read["role"] == "agent"
    assert read["context"]["iban"]["value"] is None  # a cookie beside the token makes nobody the person


@pytest.mark.parametrize("mode", ERAS)
async def test_the_page_hears_what_the_client_calls_itself(pair: Open, mode: str) -> None:
    peer = await pair(HandshakeApp(mcp=True))
    async with peer.watch() as page, over_http(peer, mode=mode):
        told = await page.next("agent")
    assert (told["event"], told["name"]) == ("joined", NAME)


async def test_a_name_in_the_header_goes_before_the_client_s_own(pair: Open) -> None:
    peer = await pair(HandshakeApp(mcp=True))
    async with peer.watch() as page, over_http(peer, headers={"X-Agent-Name": "Robin"}) as client:
        await client.call_tool("set_fields", {"fields": {"name": "Ada"}})
        frames = await page.until("done")
    assert {frame["name"] for frame in frames if frame["type"] == "agent"} == {"Robin"}


async def test_a_wait_ends_with_its_client_and_frees_its_place(pair: Open) -> None:
    hpp = HandshakeApp(mcp=True)
    peer = await pair(hpp)
    async with over_http(peer) as client:
        cursor = members(await client.call_tool("get_context"))["cursor"]
        waiting = asyncio.create_task(client.call_tool("wait_for_user", {"since": cursor}))
        await until(lambda: hpp.engine.statistics.watchers == 1)
        waiting.cancel()
        await asyncio.wait({waiting})
        await until(lambda: hpp.engine.statistics.watchers == 0)


async def test_nothing_depends_on_a_lifespan(serve: Callable[..., Awaitable[str]]) -> None:
    host = Starlette()
    host.mount("/handshake", HandshakeApp(mcp=True))
    peer = await open_session(await serve(host, lifespan="off"), FORM)
    async with aclosing(peer.http), over_http(peer) as client:
        assert not (await client.call_tool("get_context")).is_error


async def test_calls_side_by_side_get_each_its_own_answer(pair: Open) -> None:
    peer = await pair(HandshakeApp(mcp=True))
    async with over_http(peer) as client:
        calls = [client.call_tool("set_fields", {"fields": {"age": number}}) for number in range(20)]
        written = await asyncio.gather(*calls)
    assert len({members(one)["results"][0]["seq"] for one in written}) == 20


# Who is let in


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("token", [pytest.param("", id="none"), pytest.param("x" * 32, id="wrong")])
async def test_a_client_without_the_token_reads_what_to_do(pair: Open, mode: str, token: str) -> None:
    error = await refusal(await pair(HandshakeApp(mcp=True)), mode=mode, token=token)
    assert error.message.startswith("Invalid token. The session's token belongs into the header Authorization: Bearer")
    assert error.data["code"] == "invalid_token"


class NothingStored(TokenStorage):
    """What a client of OAuth knows before its first sign-in."""

    async def get_tokens(self) -> None:
        return None

    async def set_tokens(self, tokens: Any) -> None:
        raise AssertionError("it has signed in")

    async def get_client_info(self) -> None:
        return None

    async def set_client_info(self, client_info: Any) -> None:
        raise AssertionError("it has registered")


async def test_a_wrong_token_sends_no_client_off_to_sign_in(serve: Callable[..., Awaitable[str]]) -> None:
    hpp, asked = HandshakeApp(mcp=True), set()

    async def host(scope: Scope, receive: Receive, send: Send) -> None:
        asked.add(scope["path"])
        await mounted(scope, receive, send)

    mounted = hpp.wrap(Starlette())
    peer = await open_session(await serve(host, lifespan="off"), FORM)
    about = OAuthClientMetadata(redirect_uris=[AnyUrl("http://127.0.0.1:1/")])
    signing_in = OAuthClientProvider(address(peer), about, NothingStored())
    async with aclosing(peer.http):
        error = await refusal(peer, token="x" * 32, auth=signing_in)
    assert error.data["code"] == "invalid_token"
    assert asked == {"/handshake/session", f"/handshake/mcp/{peer.session_id}"}


async def test_a_wrong_token_is_a_403_without_a_challenge() -> None:
    response = await post(await form(), tool_call("get_context"), Authorization="Bearer wrong")
    assert response.status_code == 403
    assert "www-authenticate" not in response.headers
    assert response.json()["id"] is None


async def test_wrong_tokens_are_counted_as_everywhere() -> None:
    peer = await form(limits=Limits(wrong_tokens_per_session=2))
    statuses = [
        (await post(peer, tool_call("get_context"), Authorization="Bearer wrong")).status_code for _ in range(3)
    ]
    assert statuses == [403, 403, 429]
    assert (await post(peer, tool_call("get_context"))).status_code == 200


@pytest.mark.parametrize("mode", ERAS)
async def test_a_session_that_was_ended_is_named_as_such(pair: Open, mode: str) -> None:
    peer = await pair(HandshakeApp(mcp=True))
    async with over_http(peer, mode=mode) as client:
        await peer.user("DELETE", "session")
        with pytest.raises(MCPError, match="The person has ended the session") as caught:
            await client.call_tool("set_fields", {"fields": {"name": "Ada"}})
    assert caught.value.data["code"] == "session_revoked"
    assert (await refusal(peer, mode=mode)).data["code"] == "session_revoked"


async def test_a_session_ended_during_a_wait_ends_it_with_a_refusal(pair: Open) -> None:
    hpp = HandshakeApp(mcp=True)
    peer = await pair(hpp)
    async with over_http(peer) as client:
        cursor = members(await client.call_tool("get_context"))["cursor"]
        waiting = asyncio.create_task(client.call_tool("wait_for_user", {"since": cursor}))
        await until(lambda: hpp.engine.statistics.watchers == 1)
        await peer.user("DELETE", "session")
        ended = await waiting
    assert ended.is_error
    assert members(ended)["code"] == "session_revoked"
    assert text(ended).startswith("The person has ended the session. Ask the person to open a new session")


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        pytest.param("https://evil.example", 403, id="foreign"),
        pytest.param("null", 403, id="null"),
        pytest.param("https://app.example", 200, id="allowed"),
        pytest.param("http://localhost", 200, id="own"),
    ],
)
async def test_a_page_may_call_only_from_where_pages_may_act(origin: str, status: int) -> None:
    peer = await form(allowed_origins=["https://app.example"])
    assert (await post(peer, tool_call("get_context"), Origin=origin)).status_code == status


# What it costs


async def test_requests_are_counted_once_and_with_those_of_the_other_routes() -> None:
    peer = await form(limits=Limits(agent_requests=5))
    since = (await peer.context())["cursor"]
    calls = [
        tool_call("set_fields", fields={"name": "Ada"}),
        tool_call("get_changes", since=since),
        tool_call("extend", seconds=10),
    ]
    left = [(await post(peer, call)).headers["ratelimit"].partition(";t=")[0] for call in calls]
    assert left == ['"session";r=3', '"session";r=2', '"session";r=1']
    assert (await peer.agent("GET", "context")).status_code == 200
    over = await post(peer, tool_call("get_context"))
    assert over.status_code == 429
    assert int(over.headers["retry-after"]) > 0
    assert over.json()["error"]["data"]["retryable"] is True
    assert "s, then repeat the call." in over.json()["error"]["message"]
    assert (await peer.agent("GET", "context")).status_code == 429


async def test_a_wait_in_which_others_write_is_one_request(pair: Open) -> None:
    async def left() -> int:
        response = await peer.agent("GET", "context")
        return int(response.headers["ratelimit"].partition(";r=")[2].partition(";")[0])

    peer = await pair(HandshakeApp(mcp=True))
    async with over_http(peer) as client:
        page = await client.call_tool("get_context")
        before = await left()
        waiting = asyncio.create_task(client.call_tool("wait_for_user", {"since": members(page)["cursor"]}))
        for number in range(3):
            await peer.act({"age": number})
        await peer.edit("name", "Grace")
        seen = await waiting
    assert [change["key"] for change in members(seen)["changes"]] == ["name"]
    assert before - await left() == 3 + 1 + 1  # writes, the wait, and asking what is left


async def test_each_request_renews_the_session() -> None:
    clock = ManualClock()
    peer = await form(ttl=100, store=MemoryStore(clock=clock))
    clock.advance(60)
    assert members(result(await post(peer, tool_call("get_context"))))["expiresIn"] == 100
    clock.advance(60)
    assert members(result(await post(peer, tool_call("extend", seconds=10))))["expiresIn"] == 110


# What is asked wrongly


async def test_options_are_looked_up_over_http_too(pair: Open) -> None:
    hpp = HandshakeApp(mcp=True)

    @hpp.on_options
    def cities(_: Session, key: str, query: str) -> list[str]:
        return [key, query]

    peer = await pair(hpp, {"mode": "form-fill", "schema": [{"key": "city", "type": "string", "lookup": True}]})
    async with over_http(peer) as client:
        found = await client.call_tool("find_options", {"key": "city", "query": "os"})
        wrong = await client.call_tool("find_options", {"key": "name"})
    assert (members(found)["options"], text(found)) == (["city", "os"], '`"city", "os"`')
    assert (wrong.is_error, members(wrong)["code"]) == (True, "unknown_field")


async def test_the_person_is_asked_over_http_too(pair: Open) -> None:
    peer = await pair(HandshakeApp(mcp=True))
    async with over_http(peer) as client:
        asking = asyncio.create_task(client.call_tool("ask_person", {"text": "May I?"}))
        async with asyncio.timeout(PATIENCE):
            while not (requests := (await peer.context(role="user")).get("requests")):
                await asyncio.sleep(0.01)
        await peer.decide(requests[0])
        assert text(await asking) == "answered: yes."


@pytest.mark.parametrize("mode", ERAS)
async def test_an_unknown_tool_is_told_with_those_there_are(pair: Open, mode: str) -> None:
    async with over_http(await pair(HandshakeApp(mcp=True)), mode=mode) as client:
        with pytest.raises(MCPError) as caught:
            await client.call_tool("submit")
    assert caught.value.code == -32602
    assert caught.value.message == f'There is no tool "submit". There are: {", ".join(NAMES)}.'


@pytest.mark.parametrize(
    ("name", "arguments", "why"),
    [
        pytest.param("set_fields", {}, "missing required field `fields`", id="missing"),
        pytest.param("set_fields", {"name": "Ada"}, "unknown field `name`", id="unknown"),
        pytest.param("set_fields", {"fields": {}}, "length >= 1", id="empty"),
        pytest.param("set_fields", {"fields": [1]}, "Expected `object`, got `array`", id="type"),
        pytest.param("set_fields", {"fields": {"age": 1}, "ifRev": {"name": 1}}, "only keys that fields has", id="rev"),
        pytest.param("wait_for_user", {}, "missing required field `since`", id="no-place"),
        pytest.param("wait_for_user", {"since": "", "seconds": 26}, "Expected `float` <= 25", id="too-long"),
        pytest.param("extend", {"seconds": 0}, "Expected `int` >= 1", id="no-time"),
        pytest.param("get_context", {"sid": "x"}, "unknown field `sid`", id="none-taken"),
    ],
)
async def test_wrong_arguments_are_a_result_that_says_what_is_wrong(
    name: str, arguments: dict[str, Any], why: str
) -> None:
    told = result(await post(await form(), tool_call(name, **arguments)))
    assert told.is_error
    assert members(told)["code"] == "invalid_arguments"
    assert why in text(told)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        pytest.param({"name": "x" * 40_000}, "value_too_large", id="value"),
        pytest.param({str(number): 1 for number in range(201)}, "too_many_actions", id="count"),
        pytest.param({"__proto__": 1}, "invalid_key", id="key"),
        pytest.param({"name": 2**60}, "invalid_value", id="number"),
    ],
)
async def test_the_bounds_of_a_batch_hold_here_too(fields: dict[str, Any], code: str) -> None:
    told = result(await post(await form(), tool_call("set_fields", fields=fields)))
    assert told.is_error
    assert members(told)["code"] == code


async def test_a_revision_makes_a_write_conditional() -> None:
    peer = await form()
    await peer.act({"name": "Ada", "age": 36})
    rev = (await peer.context())["context"]["age"]["rev"]
    call = tool_call("set_fields", fields={"name": "Eve", "age": 37}, ifRev={"name": 99, "age": rev})
    written = members(result(await post(peer, call)))
    assert [entry.get("code") for entry in written["results"]] == ["stale", None]
    assert written["results"][0]["current"]["value"] == "Ada"


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
async def test_other_methods_are_refused(method: str) -> None:
    peer = await form()
    response = await peer.http.request(method, address(peer), headers=peer.as_agent)
    assert (response.status_code, response.headers["allow"]) == (405, "OPTIONS, POST")


@pytest.mark.parametrize(
    ("headers", "size", "status", "code"),
    [
        pytest.param({}, 300_000, 413, "body_too_large", id="too-large"),
        pytest.param({"Content_Type": "text/plain"}, 9, 415, "unsupported_media_type", id="type"),
        pytest.param({"Content_Encoding": "gzip"}, 9, 415, "unsupported_media_type", id="compressed"),
        pytest.param({"Authorization": "Bearer no"}, 300_000, 403, "invalid_token", id="credential-first"),
        pytest.param({"Authorization": "Bearer no", "Content_Type": "a/b"}, 9, 403, "invalid_token", id="before-type"),
    ],
)
async def test_a_body_is_bounded_and_not_read_for_strangers(
    headers: dict[str, str], size: int, status: int, code: str
) -> None:
    response = await post(await form(), b" " * size, **headers)
    assert response.status_code == status
    assert response.json()["error"]["data"]["code"] == code
    assert ("ratelimit" in response.headers) is (status != 403)


DEEP = b"[" * 5000 + b"]" * 5000
CALL = (
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"set_fields","arguments":{"fields":{"age":%s}}}}'
)


@pytest.mark.parametrize("era", ["2025", "2026"])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"\xff\xfe", id="bytes"),
        pytest.param(b"1", id="scalar"),
        pytest.param(b"[]", id="batch"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"result":{}}', id="response"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}', id="list"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"clientInfo":7}}', id="client"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{}}', id="listen"),
        pytest.param(CALL % DEEP, id="deep"),
        pytest.param(CALL % (b"[" * 100 + b"]" * 100), id="rather-deep"),
        pytest.param(CALL % b"NaN", id="nan"),
        pytest.param(CALL % (b"9" * 5000), id="digits"),
        pytest.param(CALL % b'"\\ud800"', id="surrogate"),
        pytest.param(CALL.replace(b'"fields"', b'"\\ud800"') % b"1", id="surrogate-name"),
    ],
)
async def test_no_message_is_too_broken_for_an_answer(body: bytes, era: str) -> None:
    peer = await form()
    response = await post(peer, body if era == "2025" else modern(body), **(HEADERS if era == "2026" else {}))
    assert response.status_code in (200, 202, 400, 404)
    assert "internal" not in response.text.lower()
    assert (await peer.context())["context"] == {}


HEADERS = {"MCP_Protocol_Version": "2026-07-28", "Mcp_Method": "tools/call", "Mcp_Name": "set_fields"}


async def test_a_notification_is_accepted_and_counted() -> None:
    response = await post(await form(), {"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (response.status_code, response.content) == (202, b"")
    assert response.headers["ratelimit"].startswith('"session";r=59;')


async def test_methods_beyond_the_tools_are_not_found() -> None:
    response = await post(await form(), message("resources/list"))
    assert response.json()["error"]["code"] == -32601


async def test_nothing_can_be_listened_to() -> None:
    listen = modern(json.dumps(message("subscriptions/listen", notifications={})).encode())
    headers = HEADERS | {"Mcp_Method": "subscriptions/listen", "Accept": "application/json, text/event-stream"}
    response = await post(await form(), listen, **headers)
    assert response.json()["error"]["code"] == -32601


# What the host has to say


async def test_hooks_see_the_request_and_judge_each_field() -> None:
    hpp, seen = HandshakeApp(mcp=True), []

    @hpp.on_action
    async def judge(_: Session, action: Action, request: Request) -> bool:
        seen.append((request.headers["x-of-host"], (await request.json())["method"]))
        return action.key != "age"

    peer = await form(hpp=hpp)
    call = tool_call("set_fields", fields={"name": "Ada", "age": 36})
    written = members(result(await post(peer, call, X_Of_Host="yes")))
    assert seen == [("yes", "tools/call")] * 2
    assert [entry.get("code") for entry in written["results"]] == [None, "vetoed"]


async def test_a_host_that_denies_more_time_is_heard() -> None:
    hpp = HandshakeApp(mcp=True)
    hpp.on_extend(lambda *_: False)
    told = result(await post(await form(hpp=hpp), tool_call("extend")))
    assert told.is_error
    assert members(told)["code"] == "extend_denied"


async def test_a_request_that_comes_again_with_its_key_has_one_effect() -> None:
    peer = await form()
    call = tool_call("set_fields", fields={"name": "Ada"})
    first, again = [result(await post(peer, call, Idempotency_Key="one")) for _ in range(2)]
    assert members(first)["results"] == members(again)["results"]
    assert (await peer.context())["context"]["name"]["rev"] == members(first)["results"][0]["seq"]


async def test_a_second_call_without_a_key_is_a_second_write_and_not_said_to_be_none() -> None:
    peer = await form()
    call = tool_call("set_fields", fields={"name": "Ada"})
    await post(peer, call)
    await peer.edit("name", "Grace")
    await peer.user("POST", "notify", {"key": "name", "release": True})
    assert members(result(await post(peer, call)))["applied"] == ["name"]
    listed = (await post(peer, message("tools/list"))).json()["result"]["tools"]
    (tool,) = (one for one in listed if one["name"] == "set_fields")
    assert tool["annotations"]["idempotentHint"] is False


DECIDING = ["answer", "answer_request", "accept", "decline", "revert", "submit", "release", "notify"]
"""Names that a tool of the person's would have."""


async def test_no_tool_decides_reverts_or_submits_whatever_it_is_given() -> None:
    peer = await form()
    await post(peer, tool_call("set_fields", fields={"age": 3}))
    asked = (await peer.agent("POST", "ask", {"text": "Which one?"})).json()
    digest = (await peer.context())["digest"]
    given: dict[str, Any] = {"id": asked["id"], "decision": "accept", "digest": asked["digest"], "all": True}
    for name in DECIDING:
        for arguments in (given, given | {"digest": digest}):
            answer = (await post(peer, tool_call(name, **arguments))).json()
            assert "error" in answer or answer["result"]["isError"], name
    for name in NAMES:
        await post(peer, tool_call(name, **given, wait=0))
    context = await peer.context(role="user")
    assert [one["status"] for one in context["requests"] if one["id"] == asked["id"]] == ["open"]
    assert (context["context"]["age"]["by"], "submission" in context) == ("ai", False)


async def test_a_fault_in_the_list_of_tools_is_logged_and_not_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**_: object) -> None:
        raise KeyError("a secret")

    monkeypatch.setattr("handshake_prompt.mcp.tools.listed", fail)
    answer = await post(await form(), message("tools/list"))
    assert answer.json()["error"]["message"].startswith("The server failed")
    assert "a secret" not in answer.text
    assert "a secret" in caplog.text


class Failing(DefaultHandler):
    """A mode with a fault."""

    def process_actions(self, session: Session, actions: Sequence[Action]) -> Any:
        raise RuntimeError("a secret")


async def test_a_fault_is_logged_and_the_model_gets_its_number(caplog: pytest.LogCaptureFixture) -> None:
    peer = await form({"mode": "failing"}, mode_handlers={**DEFAULT_HANDLERS, "failing": Failing()})
    told = result(await post(peer, tool_call("set_fields", fields={"a": 1})))
    assert told.is_error
    assert members(told)["code"] == "internal_error"
    assert "a secret" not in json.dumps(members(told)) + text(told)
    (record,) = [record for record in caplog.records if record.exc_info]
    assert record.getMessage().partition("]")[0].strip("[") in text(told)


class Endless:
    """A session that never answers."""

    async def get_context(self) -> dict[str, Any]:
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    async def action(self, values: Sequence[Mapping[str, Any]], /) -> dict[str, Any]:
        return await self.get_context()

    async def get_diff(self, since: str | None, /, *, wait: float) -> dict[str, Any]:
        return await self.get_context()

    async def extend(self, extra_seconds: int, /) -> dict[str, Any]:
        return await self.get_context()

    async def options(self, key: str, query: str, /) -> dict[str, Any]:
        return await self.get_context()

    async def open_question(self, text: str, **_: Any) -> dict[str, Any]:
        return await self.get_context()


@pytest.mark.parametrize("headers", [[], [("mcp-protocol-version", "2025-11-25")]], ids=["without", "with-version"])
async def test_a_call_that_takes_too_long_is_given_up(headers: list[tuple[str, str]]) -> None:
    given = [*headers, ("content-type", "application/json"), ("accept", "*/*")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in given],
    }
    body = json.dumps(tool_call("get_context")).encode()
    tasks = asyncio.all_tasks()
    with pytest.raises(UnavailableError) as caught:
        async with asyncio.timeout(PATIENCE):
            await StatelessServer(SessionTools(Endless()), scope, body, seconds=0.05).answer()
    assert caught.value.code == "timeout"
    assert asyncio.all_tasks() == tasks


# What it leaves behind


async def test_answers_are_kept_by_no_cache() -> None:
    response = await post(await form(), tool_call("get_context"))
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_no_log_tells_of_servers_that_come_and_go(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    peer = await form()
    assert not result(await post(peer, tool_call("get_context"))).is_error
    assert not [record for record in caplog.records if record.name.startswith("mcp.")]
    async with StreamableHTTPSessionManager(Server("host")).run():
        pass
    assert [record for record in caplog.records if record.name.startswith("mcp.")]  # that of the host is none of ours


async def test_the_token_is_in_no_log(pair: Open, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    peer = await pair(HandshakeApp(mcp=True))
    async with over_http(peer) as client:
        await client.call_tool("get_context")
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert ours
    assert not [line for line in ours if peer.token in line]


async def test_without_asking_there_is_no_such_route() -> None:
    peer = await open_in_process(HandshakeApp(), FORM)
    assert (await post(peer, tool_call("get_context"))).status_code == 404
