"""Servers that mean harm: the token stays where it belongs, no call outlasts its limit, no error is a foreign one."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from handshake_prompt.client import AgentError, BadReplyError, HandshakeAgent, RefusedError
from handshake_prompt.client.backoff import Backoff
from tests.support.agents import (
    ACTED,
    BASE_URL,
    CONTEXT,
    EXTENDED,
    SESSION_ID,
    TOKEN,
    agent_against,
    problem,
    replying,
)
from tests.support.between import Asked, Script, chunked, response, scripted, without_end
from tests.support.peer import PATIENCE, patient_client

LIMIT = 0.25
"""Seconds that a call may take here."""
NOISE = PATIENCE
"""Seconds that a busy machine may add."""

Act = Callable[[HandshakeAgent], Awaitable[Any]]
CALLS: dict[str, Act] = {
    "context": lambda agent: agent.get_context(),
    "markdown": lambda agent: agent.get_context(markdown=True),
    "action": lambda agent: agent.action({"name": "Ada"}, stream=False),
    "diff": lambda agent: agent.get_diff("1", wait=0.1),
    "extend": lambda agent: agent.extend(),
    "question": lambda agent: agent.ask("May I?"),
    "withdrawal": lambda agent: agent.withdraw("e.1"),
    "options": lambda agent: agent.options("city"),
    "row": lambda agent: agent.add_row("lines"),
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hardly any time pass between attempts."""
    monkeypatch.setattr(Backoff, "next_pause", lambda _, at_least=None: (at_least or 0.0) + 0.01)


def saying(*parts: bytes) -> Script:
    """Return a server that says the same to everyone and hangs up."""

    async def script(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.writelines(parts)

    return script


def pouring(start: bytes, parts: Iterable[bytes]) -> Script:
    """Return a server that does not stop by itself."""

    async def script(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        for part in parts:
            writer.write(part)
            await writer.drain()

    return script


def dripping(start: bytes, drop: bytes) -> Script:
    """Return a server that always has one more byte to say."""

    async def script(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(0.02)

    return script


async def silent(_: Asked, __: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def fate_of(awaitable: Awaitable[Any]) -> AgentError:
    """Return the error of the client's own that a call ends in, in time."""
    async with asyncio.timeout(LIMIT + NOISE):
        with pytest.raises(AgentError) as caught:
            await awaitable
    for text in (str(caught.value), repr(caught.value), *caught.value.next_steps):
        assert TOKEN not in text
        assert text.isprintable()
    return caught.value


CHUNKED = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"

HARMFUL = [
    pytest.param(silent, id="silence"),
    pytest.param(saying(), id="hanging up"),
    pytest.param(saying(b"\x00\xff" * 500), id="noise"),
    pytest.param(saying(b"SSH-2.0-OpenSSH\r\n"), id="another protocol"),
    pytest.param(saying(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), id="HTTP/2"),
    pytest.param(saying(HEAD), id="half a head"),
    pytest.param(saying(HEAD + b"content-length: 100\r\n\r\n{"), id="half a body"),
    pytest.param(saying(HEAD + b"content-length: -5\r\n\r\n{}"), id="negative length"),
    pytest.param(saying(HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\n{}"), id="two lengths"),
    pytest.param(saying(CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n"), id="chunk without a size"),
    pytest.param(saying(HEAD + b"x: \x00\r\n\r\n{}"), id="NUL in a header"),
    pytest.param(saying(HEAD + b"x: " + b"y" * 300_000 + b"\r\n\r\n{}"), id="huge header"),
    pytest.param(saying(b"HTTP/1.1 200 " + b"OK" * 100_000 + b"\r\n\r\n{}"), id="huge phrase"),
    pytest.param(saying(b"HTTP/1.1 99 Low\r\n\r\n"), id="low status"),
    pytest.param(saying(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"), id="upgrade"),
    pytest.param(pouring(b"HTTP/1.1 200 OK\r\n", without_end(b"x: y\r\n" * 1000)), id="endless headers"),
    pytest.param(pouring(b"", without_end(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)), id="endless interim replies"),
    pytest.param(pouring(CHUNKED, chunked(without_end(b" " * 65536))), id="endless chunks"),
    pytest.param(pouring(HEAD + b"\r\n", without_end(b"[" * 65536)), id="endless body"),
    pytest.param(pouring(HEAD + b"content-length: 999999999999\r\n\r\n", without_end(b" " * 65536)), id="huge body"),
    pytest.param(dripping(b"", b"H"), id="dripping status line"),
    pytest.param(dripping(HEAD, b"x: y\r\n"), id="dripping headers"),
    pytest.param(dripping(HEAD + b"content-length: 100000\r\n\r\n", b" "), id="dripping body"),
    pytest.param(dripping(b"HTTP/1.1 403 No\r\ncontent-length: 100000\r\n\r\n", b" "), id="dripping refusal"),
    pytest.param(dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="dripping interim replies"),
    pytest.param(saying(response(b"<h1>Log in</h1>", content_type="text/html")), id="page"),
    pytest.param(saying(response(b"", status="204 No Content")), id="no content"),
    pytest.param(saying(response(b"{}", status="206 Partial Content")), id="part of it"),
    pytest.param(
        saying(response(gzip.compress(b" " * 10**7, 9), content_encoding="gzip")), id="bomb that was not asked for"
    ),
    pytest.param(saying(response(zlib.compress(b" " * 10**7), content_encoding="deflate")), id="another bomb"),
    pytest.param(saying(response(b"\x1b", content_encoding="br, gzip, x")), id="unknown encodings"),
    pytest.param(saying(response(b"[" * 1_000_000)), id="depth"),
    pytest.param(saying(response(b'{"sessionId": "\xff"}')), id="invalid UTF-8"),
    pytest.param(saying(response(b'{"sessionId": "\\ud800", "mode": "\\udfff"}')), id="half characters"),
    pytest.param(saying(response(b"\xef\xbb\xbf{}")), id="byte order mark"),
    pytest.param(saying(response(b"9" * 100_000)), id="endless number"),
    pytest.param(saying(response(b'{"changes": NaN}')), id="NaN"),
    pytest.param(saying(response(b"")), id="nothing"),
    pytest.param(saying(response(b"null")), id="null"),
    pytest.param(saying(response(b"[]")), id="list"),
    pytest.param(saying(response(b"{}", set_cookie="\xff\x80=;;; Expires=never; Max-Age=x")), id="bad cookie"),
    pytest.param(saying(response(b"{}", content_type="\xff/\xfe; charset=\x80")), id="bad type"),
]


@pytest.mark.parametrize("script", HARMFUL)
async def test_no_server_makes_a_call_hang_or_fail_in_another_way_than_ours(script: Script) -> None:
    async with scripted(script) as server, HandshakeAgent(SESSION_ID, TOKEN, server.url, timeout=LIMIT) as agent:
        following = asyncio.ensure_future(anext(agent.changes("e.0")))
        await asyncio.gather(*(fate_of(act(agent)) for act in CALLS.values()))
        if following.done():
            await fate_of(following)
        following.cancel()
    assert all(asked.headers["host"] in server.url for asked in server.asked)


SHAPELESS: dict[str, Any] = {
    "problems": [{"keys": "a", "msg": "x"}],
    "missingPerson": "consent",
    "rows": {"lines": "r1"},
    "requests": [{"id": 7, "status": "open"}],
}
REPLIES: dict[str, dict[str, Any]] = {
    "context": CONTEXT,
    "action": {"applied": [], "rejected": [], "errors": []},
    "diff": {"changes": []},
}
IN_REPLIES = [
    *itertools.product(("context", "action"), ("problems", "missingPerson")),
    *itertools.product(("context", "diff"), ("rows",)),
    *itertools.product(("diff",), ("problems", "requests")),
]


@pytest.mark.parametrize(("name", "member"), IN_REPLIES)
async def test_members_of_another_shape_are_a_bad_reply(name: str, member: str) -> None:
    reply = json.dumps(REPLIES[name] | {member: SHAPELESS[member]}).encode()
    async with scripted(saying(response(reply))) as server, HandshakeAgent(SESSION_ID, TOKEN, server.url) as agent:
        error = await fate_of(CALLS[name](agent))
    assert isinstance(error, BadReplyError)
    assert error.code == "bad_reply"


@pytest.mark.parametrize("body", [b" " * 65536, b'{"a":' * 5000])
async def test_what_has_no_end_is_not_read_to_the_end(body: bytes) -> None:
    async with (
        scripted(pouring(CHUNKED, chunked(without_end(body)))) as server,
        HandshakeAgent(SESSION_ID, TOKEN, server.url) as agent,
    ):
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(BadReplyError) as caught:
                await agent.get_context()
    assert caught.value.code == "reply_too_large"
    assert len(server.asked) == 1


# The token


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("eager", [False, True], ids=["own client", "client that follows redirects"])
async def test_a_redirect_takes_the_token_nowhere(status: str, eager: bool) -> None:  # noqa: FBT001
    async with scripted(saying(response(json.dumps(CONTEXT).encode()))) as elsewhere:
        script = saying(response(status=status, location=f"{elsewhere.url}/handshake/context/{SESSION_ID}"))
        async with scripted(script) as server, patient_client(follow_redirects=True) as http:
            async with HandshakeAgent(SESSION_ID, TOKEN, server.url, http=http if eager else None) as agent:
                errors = await asyncio.gather(*(fate_of(act(agent)) for act in CALLS.values()))
            assert all(isinstance(error, BadReplyError) and "redirect" in error.detail for error in errors)
            assert len(server.asked) == len(CALLS)
    assert elsewhere.asked == []


@pytest.mark.parametrize(
    "location",
    [
        "/other",
        "//evil.example/",
        "http://[",
        "javascript:alert(1)",
        "\xff\xfe",
        "http://a b/",
        "x" * 60_000,
        "https://",
    ],
    ids=lambda location: ascii(location)[:20],
)
async def test_no_place_is_worth_a_redirect(location: str) -> None:
    script = saying(response(status="302 Found", location=location))
    async with scripted(script) as server, HandshakeAgent(SESSION_ID, TOKEN, server.url) as agent:
        await fate_of(agent.get_context())
    assert {asked.target for asked in server.asked} == {f"/handshake/context/{SESSION_ID}"}


async def test_following_takes_the_token_nowhere_either() -> None:
    async with scripted(saying(response(b"{}"))) as elsewhere:
        script = saying(response(status="307 Temporary", location=f"{elsewhere.url}/"))
        async with scripted(script) as server, HandshakeAgent(SESSION_ID, TOKEN, server.url) as agent:
            for since in (None, "e.0", "2026-01-01T12:00:00Z"):
                await fate_of(anext(agent.changes(since)))
    assert elsewhere.asked == []


async def test_the_token_is_in_one_header_and_nowhere_else_of_a_request() -> None:
    async with (
        scripted(saying(response(b"{}"))) as server,
        HandshakeAgent(SESSION_ID, TOKEN, server.url, name="Claude") as agent,
    ):
        for act in CALLS.values():
            await fate_of(act(agent))
    assert len(server.asked) == len(CALLS)
    for asked in server.asked:
        assert asked.raw.count(TOKEN.encode()) == 1
        assert asked.headers["x-handshake-token"] == TOKEN
        assert TOKEN not in asked.target


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 500])
@pytest.mark.parametrize("body", [b"", b"{}", b"[", b"\xff", b'{"code": 1, "retryable": "x"}', b"<h1>No</h1>"])
async def test_a_refusal_is_one_whatever_it_says(status: int, body: bytes) -> None:
    async with agent_against(as_answer(httpx.Response(status, content=body, headers={"retry-after": "-1"}))) as agent:
        error = await fate_of(agent.get_context())
    assert error.status == status


async def test_a_refusal_is_not_read_to_the_end() -> None:
    read = 0

    async def pour() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1000
            yield b" " * 1000

    async with agent_against(as_answer(httpx.Response(403, content=pour()))) as agent:
        error = await fate_of(agent.get_context())
    assert (error.status, error.code) == (403, "http_403")
    assert read < 100_000


async def test_a_server_that_repeats_the_token_does_not_get_it_into_an_error() -> None:
    said = f"Your token {TOKEN} is nice\x1b[31m"
    async with agent_against(as_answer(problem(403, "denied", detail=said, nextSteps=[said]))) as agent:
        error = await fate_of(agent.get_context())
    assert isinstance(error, RefusedError)
    assert error.detail.startswith("Your token [token] is nice")


def as_answer(reply: httpx.Response) -> Callable[[httpx.Request], Any]:
    async def answer(_: httpx.Request) -> httpx.Response:
        return reply

    return answer


# Types


WRONG: dict[str, list[Any]] = {
    "sessionId": [None, 7, ["x"]],
    "mode": [None, 7],
    "context": [[], "x", {"name": "Ada"}, {"name": None}],
    "data": [[], 7],
    "meta": ["x"],
    "schema": [{}, "x"],
    "missing": ["name", [7], {}],
    "expiresIn": ["soon", True, []],
    "cursor": [7, "", "a b", "a\nb", "é", "x" * 300],
    "applied": [None, "name", [7]],
    "rejected": [None, {}],
    "errors": [None, ["x"]],
    "results": ["x", [7]],
    "extended": [None, "1", True],
    "changes": [
        None,
        {},
        [7],
        [{}],
        [{"key": 7, "to": 1, "by": "ai", "at": "now"}],
        [{"key": "a", "to": 1, "by": "ai", "at": 1}],
        [{"key": "a", "to": 1, "by": "ai", "at": "now", "seq": "1"}],
    ],
    "truncated": ["yes", 1],
}
RIGHT: dict[str, tuple[Act, dict[str, Any]]] = {
    "context": (lambda agent: agent.get_context(), CONTEXT | {"data": {}}),
    "action": (lambda agent: agent.action({"name": "Ada"}), ACTED | {"missing": [], "context": {}, "cursor": "1"}),
    "diff": (lambda agent: agent.get_diff(), {"changes": [], "cursor": "1", "truncated": False}),
    "extend": (lambda agent: agent.extend(), EXTENDED),
}


@pytest.mark.parametrize("name", RIGHT)
async def test_a_member_of_another_type_is_no_reply(name: str) -> None:
    act, right = RIGHT[name]
    members = [(member, wrong) for member in right if member in WRONG for wrong in WRONG[member]]
    assert len(members) > 5
    for member, wrong in members:
        nothing = member not in {"sessionId", "mode", "applied", "rejected", "errors", "changes", "extended"}
        if wrong is None and nothing:
            continue
        async with agent_against(as_answer(replying(right | {member: wrong}))) as agent:
            error = await fate_of(act(agent))
            assert isinstance(error, BadReplyError), (member, wrong)
            assert "Check that the address" in str(error)


@pytest.mark.parametrize("name", RIGHT)
async def test_members_that_nobody_knows_are_passed_on(name: str) -> None:
    act, right = RIGHT[name]
    members = right | {"novelty": [1, {"a": None}]}
    async with agent_against(as_answer(replying(members))) as agent:
        assert await act(agent) == members


# Exceptions of the libraries underneath


@pytest.mark.parametrize(
    "exception",
    [
        httpx.ConnectTimeout("late"),
        httpx.PoolTimeout("late"),
        httpx.WriteError("broken"),
        httpx.CloseError("broken"),
        httpx.LocalProtocolError("header"),
        httpx.ProxyError("407"),
        httpx.DecodingError("zlib"),
        httpx.TooManyRedirects("loop"),
        httpx.UnsupportedProtocol("gopher"),
        httpx.InvalidURL("port"),
        httpx.StreamClosed(),
        ConnectionResetError(104, "reset"),
        TimeoutError(),
        UnicodeError("label too long"),
    ],
    ids=lambda exception: type(exception).__name__,
)
@pytest.mark.parametrize("act", [CALLS["context"], lambda agent: anext(agent.changes())], ids=["call", "changes"])
async def test_what_the_libraries_raise_is_translated(exception: Exception, act: Act) -> None:
    answers: list[Exception | httpx.Response] = [exception, problem(403, "denied", detail="After all")]

    async def answer(_: httpx.Request) -> httpx.Response:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    async with agent_against(answer, timeout=1) as agent:
        error = await fate_of(act(agent))
    assert isinstance(error, RefusedError)
    assert error.detail == "After all"


async def test_a_body_that_a_hook_has_read_is_read_all_the_same() -> None:
    async def read(reply: httpx.Response) -> None:
        await reply.aread()

    async with (
        scripted(saying(response(json.dumps(CONTEXT).encode()))) as server,
        patient_client(event_hooks={"response": [read]}) as http,
        HandshakeAgent(SESSION_ID, TOKEN, server.url, http=http) as agent,
    ):
        assert await agent.get_context() == CONTEXT


VALID = response(json.dumps(CONTEXT).encode())


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return a good reply with some of it replaced, left out or added."""
    reply = bytearray(VALID)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(reply)))
        end = start + draw(st.integers(0, 12))
        reply[start:end] = draw(st.binary(max_size=12) | st.sampled_from([b"\r\n", b"\r\n\r\n", b"\x00", b"[" * 5000]))
    return bytes(reply)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damaged())
async def test_no_damage_to_a_reply_ends_in_a_foreign_error(reply: bytes) -> None:
    async with scripted(saying(reply)) as server, HandshakeAgent(SESSION_ID, TOKEN, server.url, timeout=LIMIT) as agent:
        async with asyncio.timeout(LIMIT + NOISE):
            with suppress(AgentError):
                assert isinstance(await agent.get_context(), dict)


async def test_an_endless_stream_without_a_line_is_given_up() -> None:
    async def pour() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65536

    async def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.host in BASE_URL
        return httpx.Response(200, content=pour(), headers={"content-type": "text/event-stream"})

    async with agent_against(answer) as agent:
        error = await fate_of(anext(agent.changes("e.0")))
    assert isinstance(error, BadReplyError)
    assert error.code == "reply_too_large"
