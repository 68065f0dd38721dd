"""The agent's calls, against a real server."""

from __future__ import annotations

import asyncio
import logging
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
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
    PromptError,
    RateLimitedError,
    RefusedError,
    ServerUnavailableError,
    SessionEndedError,
)
from tests.conftest import FORM
from tests.support.agents import BASE_URL, CONTEXT, SESSION_ID, TOKEN, agent_against, agent_of, replying
from tests.support.between import Asked, response, scripted
from tests.support.parts import absent
from tests.support.peer import PATIENCE, Peer

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
        await agent.action({"name": "Ann", "age": 2, "email": "c@d.example"}, stream=False, interval_ms=2000)
        await page.next("done")
    assert 0.12 <= paced < 2


async def test_a_call_with_the_key_of_an_earlier_one_has_no_second_effect(pair: Pair) -> None:
    peer = await pair()
    async with agent_of(peer) as agent:
        first = await agent.action({"name": "Ada"}, idempotency_key="batch-1")
        await agent.action({"name": "Ann"})
        assert await agent.action({"name": "Ada"}, idempotency_key="batch-1") == first
        assert (await agent.get_context())["context"]["name"]["value"] == "Ann"


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


# Where it sends the token


@pytest.mark.parametrize(
    "base_url",
    [
        "http://example.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://10.0.0.1:8000",
        "http://0.0.0.0:8000",
        "http://[2001:db8::1]",
        "HTTP://EXAMPLE.COM",
        "http://2130706433",
    ],
)
def test_the_token_is_not_sent_in_the_clear_over_a_network(base_url: str) -> None:
    with pytest.raises(InsecureAddressError) as caught:
        HandshakeAgent(SESSION_ID, TOKEN, base_url)
    assert caught.value.code == "insecure_address"
    assert "https://" in str(caught.value)
    HandshakeAgent(SESSION_ID, TOKEN, base_url, allow_http=True)


@pytest.mark.parametrize(
    "base_url",
    [
        "http://localhost:8000",
        "http://LOCALHOST:8000",
        "http://app.localhost",
        "http://127.0.0.1",
        "http://127.9.9.9:1",
        "http://[::1]:8000/root",
        "https://example.com",
    ],
)
def test_this_machine_and_https_are_safe_enough(base_url: str) -> None:
    assert HandshakeAgent(SESSION_ID, TOKEN, base_url).base_url == base_url


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"session_id": "../" * 10 + "ab"}, "sessionId", id="session id that is a path"),
        pytest.param({"token": TOKEN + "\r\nX-Evil: 1"}, "token", id="token that is a header"),
        pytest.param({"token": "short"}, "token", id="short token"),
        pytest.param({"base_url": "https://user:pass@example.com"}, "baseUrl", id="user in the address"),
        pytest.param({"base_url": "ftp://example.com"}, "baseUrl", id="scheme"),
        pytest.param({"base_url": "https://example.com:99999"}, "cannot be used", id="port"),
        pytest.param({"base_url": "https://[:::::]"}, "cannot be used", id="host that looks like one"),
        pytest.param({"prefix": "@evil.example"}, "prefix", id="prefix that moves the host"),
        pytest.param({"prefix": ".evil.example/x"}, "prefix", id="prefix that lengthens the host"),
        pytest.param({"timeout": 0}, "positive number of seconds", id="no time"),
        pytest.param({"timeout": float("inf")}, "positive number of seconds", id="all the time"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_sent(given: dict[str, Any], message: str) -> None:
    usual: dict[str, Any] = {"session_id": SESSION_ID, "token": TOKEN, "base_url": BASE_URL}
    with pytest.raises(ValueError, match=message) as caught:
        HandshakeAgent(**(usual | given))
    assert "token" not in given or given["token"] not in str(caught.value)


@pytest.mark.parametrize("base_url", ["https://a..b", "https://" + "a" * 64 + ".example"])
async def test_a_host_that_cannot_be_looked_up_is_a_server_that_is_not_there(base_url: str) -> None:
    async with HandshakeAgent(SESSION_ID, TOKEN, base_url, timeout=0.3) as agent:
        with pytest.raises(ServerUnavailableError):
            await agent.get_context()


def test_a_text_that_is_no_prompt_is_refused_as_one() -> None:
    with pytest.raises(PromptError, match="copy the whole handshake prompt"):
        HandshakeAgent.from_prompt("hello")


async def test_what_goes_to_this_machine_does_not_go_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(response(b'{"sessionId": "a", "mode": "default"}'))

    async with scripted(answer) as proxy, scripted(answer) as server:
        for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with HandshakeAgent(SESSION_ID, TOKEN, server.url) as agent:
            await agent.get_context()
    assert (len(server.asked), len(proxy.asked)) == (1, 0)


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*await asyncio.to_thread(self_signed, tmp_path))
    arrived = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(await reader.read(65536))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, HandshakeAgent(SESSION_ID, TOKEN, url) as agent:
        with pytest.raises(ServerUnavailableError) as caught:
            await agent.get_context()
    assert (caught.value.code, caught.value.retryable) == ("untrusted_certificate", False)
    assert not any(arrived)


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Return the paths of a certificate for localhost and of its key, both new."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost"]
    try:
        subprocess.run(["openssl", *kind, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    except FileNotFoundError:
        absent("openssl", "apt-get install openssl")
    return certificate, key


# What it keeps and what it lets go of


async def test_a_client_of_ones_own_is_left_open(pair: Pair) -> None:
    peer = await pair()
    async with httpx.AsyncClient(follow_redirects=True) as http:
        async with agent_of(peer, http=http) as agent:
            await agent.get_context()
        assert not http.is_closed
        async with agent_of(peer) as agent:
            await agent.get_context()
        assert agent._http.is_closed


async def test_no_cookie_makes_an_agent_the_person() -> None:
    async def answer(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(response(b'{"sessionId": "a", "mode": "default"}', set_cookie=f"hpp_{SESSION_ID}=stolen; Path=/"))

    async with scripted(answer) as server, HandshakeAgent(SESSION_ID, TOKEN, server.url) as agent:
        await agent.get_context()
        await agent.get_context()
    assert len(server.asked) == 2
    assert not any("cookie" in asked.headers for asked in server.asked)


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
