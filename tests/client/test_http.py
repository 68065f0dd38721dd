"""What a call does when the network or the server fails: again where that is safe, never twice, never for ever."""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from handshake_prompt.client import AgentError, HandshakeAgent, RateLimitedError, ServerUnavailableError
from tests.conftest import FORM
from tests.support.agents import (
    ACTED,
    CONTEXT,
    EXTENDED,
    agent_against,
    agent_of,
    problem,
    replying,
)
from tests.support.between import line_to
from tests.support.peer import Peer
from tests.support.virtual_time import in_virtual_time, loop_time

Pair = Callable[..., Awaitable[Peer]]
Act = Callable[[HandshakeAgent], Awaitable[Any]]


def read(agent: HandshakeAgent) -> Awaitable[Any]:
    return agent.get_context()


def write(agent: HandshakeAgent) -> Awaitable[Any]:
    return agent.action({"name": "Ada"}, stream=False)


def extend(agent: HandshakeAgent) -> Awaitable[Any]:
    return agent.extend()


SUCCESS = {"/context/": CONTEXT, "/action/": ACTED, "/session/": EXTENDED}


def success(request: httpx.Request) -> httpx.Response:
    """Return what the server answers when all is well."""
    return next(replying(members) for path, members in SUCCESS.items() if path in request.url.path)


class Failing:
    """A server that fails in the given ways, one for each attempt, and then does not. It notes when it was asked."""

    def __init__(self, *failures: httpx.Response | Exception) -> None:
        self.failures = list(failures)
        self.asked: list[httpx.Request] = []
        self.times: list[float] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        self.times.append(loop_time())
        failure = self.failures.pop(0) if self.failures else success(request)
        if isinstance(failure, Exception):
            raise failure
        return failure


async def never(_: httpx.Request) -> httpx.Response:
    """Answer in a day."""
    await asyncio.sleep(86_400)
    raise AssertionError("the call went on")


# Again


PASSING = [
    pytest.param(lambda: httpx.ConnectError("refused"), id="not reached"),
    pytest.param(lambda: httpx.ReadError("reset"), id="reset"),
    pytest.param(lambda: httpx.RemoteProtocolError("Server disconnected"), id="closed"),
    pytest.param(lambda: problem(503, "draining", retryable=True, retryAfter=1), id="503"),
    pytest.param(lambda: httpx.Response(503, text="<h1>Sorry</h1>"), id="503 of a proxy"),
    pytest.param(lambda: replying({"error": "rate limit exceeded"}, status=429), id="429 of version 0.2"),
    pytest.param(lambda: problem(429, "rate_limited", retryable=True, retryAfter=1), id="429"),
]
LOST_OR_LATE = [
    pytest.param(lambda: httpx.ReadTimeout("late"), id="late"),
    pytest.param(lambda: httpx.Response(502), id="502"),
    pytest.param(lambda: httpx.Response(504), id="504"),
    pytest.param(lambda: problem(409, "idempotency_in_progress", retryable=False, retryAfter=1), id="in progress"),
    pytest.param(lambda: problem(409, "version_conflict", retryable=True), id="conflict"),
    pytest.param(lambda: problem(408, "body_timeout", retryable=True), id="408"),
]


@pytest.mark.parametrize("act", [read, write])
@pytest.mark.parametrize("failure", [*PASSING, *LOST_OR_LATE])
@in_virtual_time
async def test_what_passes_is_tried_again(failure: Callable[[], httpx.Response | Exception], act: Act) -> None:
    server = Failing(failure(), failure(), failure())
    async with agent_against(server) as agent:
        await act(agent)
    assert len(server.asked) == 4


@pytest.mark.parametrize("failure", PASSING)
@in_virtual_time
async def test_a_fourth_failure_is_the_answer(failure: Callable[[], httpx.Response | Exception]) -> None:
    server = Failing(*(failure() for _ in range(9)))
    async with agent_against(server) as agent:
        with pytest.raises((ServerUnavailableError, RateLimitedError)) as caught:
            await agent.get_context()
    assert len(server.asked) == 4
    assert caught.value.retryable


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(functools.partial(problem, status, "code"), id=str(status))
        for status in (400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 500, 501)
    ]
    + [
        pytest.param(lambda: problem(503, "at_capacity", retryable=False), id="503 that says so"),
        pytest.param(lambda: httpx.Response(302, headers={"location": "/"}), id="redirect"),
        pytest.param(lambda: httpx.Response(200, text="<h1>Log in</h1>"), id="page"),
    ],
)
@pytest.mark.parametrize("act", [read, write, extend])
@in_virtual_time
async def test_what_does_not_pass_is_not_tried_again(failure: Callable[[], httpx.Response], act: Act) -> None:
    server = Failing(failure())
    async with agent_against(server) as agent:
        with pytest.raises(AgentError) as caught:
            await act(agent)
    assert len(server.asked) == 1
    assert not caught.value.retryable


@pytest.mark.parametrize("failure", PASSING)
@in_virtual_time
async def test_an_extension_is_tried_again_only_if_it_was_not_granted(
    failure: Callable[[], httpx.Response | Exception],
) -> None:
    failed = failure()
    lost = isinstance(failed, httpx.ReadError | httpx.RemoteProtocolError)
    server = Failing(failed)
    async with agent_against(server) as agent:
        if lost:
            with pytest.raises(ServerUnavailableError):
                await agent.extend()
        else:
            await agent.extend()
    assert len(server.asked) == (1 if lost else 2)


@pytest.mark.parametrize("failure", LOST_OR_LATE)
@in_virtual_time
async def test_an_extension_that_may_have_been_granted_is_not_asked_for_again(
    failure: Callable[[], httpx.Response | Exception],
) -> None:
    server = Failing(failure())
    async with agent_against(server) as agent:
        with pytest.raises(AgentError):
            await agent.extend()
    assert len(server.asked) == 1


@in_virtual_time
async def test_all_attempts_of_a_write_have_one_key_and_no_two_writes_do() -> None:
    server = Failing(httpx.ReadError("reset"), httpx.Response(503))
    async with agent_against(server) as agent:
        await write(agent)
        await write(agent)
    keys = [request.headers["idempotency-key"] for request in server.asked]
    assert len(keys) == 4
    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert len({request.content for request in server.asked}) == 1


# When


@in_virtual_time
async def test_a_pause_that_the_server_asks_for_is_kept() -> None:
    server = Failing(replying({}, status=429, Retry_After="7"))
    async with agent_against(server) as agent:
        await agent.get_context()
    assert 7 <= server.times[1] - server.times[0] < 7.5


@pytest.mark.parametrize("status", [429, 503])
@in_virtual_time
async def test_a_pause_that_does_not_fit_is_not_begun(status: int) -> None:
    server = Failing(replying({}, status=status, Retry_After="16"))
    began = loop_time()
    async with agent_against(server) as agent:
        with pytest.raises((RateLimitedError, ServerUnavailableError)) as caught:
            await agent.get_context()
    assert (caught.value.retry_after, loop_time() - began, len(server.asked)) == (16, 0, 1)


@pytest.mark.parametrize(
    ("act", "longest"),
    [
        pytest.param(read, 15.0, id="read"),
        pytest.param(write, 15.0, id="write"),
        pytest.param(lambda agent: agent.get_diff("1", wait=20), 35.0, id="diff that waits"),
        pytest.param(lambda agent: agent.action({str(n): n for n in range(10)}), 18.0, id="paced batch"),
        pytest.param(lambda agent: agent.action({"a": 1}, interval_ms=10**9), 75.0, id="batch paced beyond reason"),
        pytest.param(extend, 7.5, id="extension, which is not repeated"),
    ],
)
@in_virtual_time
async def test_a_call_never_takes_longer_than_it_may(act: Act, longest: float) -> None:
    began = loop_time()
    async with agent_against(never) as agent:
        with pytest.raises(ServerUnavailableError) as caught:
            await act(agent)
    assert caught.value.code == "timeout"
    assert longest - 1 < loop_time() - began <= longest + 0.001


@in_virtual_time
async def test_an_attempt_that_hangs_leaves_time_for_another() -> None:
    attempts = itertools.count()

    async def answer(request: httpx.Request) -> httpx.Response:
        return await never(request) if next(attempts) == 0 else success(request)

    async with agent_against(answer) as agent:
        assert await agent.get_context() == CONTEXT


@in_virtual_time
async def test_a_wait_that_broke_off_is_taken_up_where_it_was() -> None:
    waits = []

    async def answer(request: httpx.Request) -> httpx.Response:
        waits.append(float(request.url.params["wait"]))
        if len(waits) == 1:
            await asyncio.sleep(15)
            raise httpx.ReadError("reset")
        await asyncio.sleep(waits[-1])
        return replying({"changes": [], "cursor": "1", "truncated": False})

    began = loop_time()
    async with agent_against(answer) as agent:
        await agent.get_diff("1", wait=20)
    assert waits[0] == 20
    assert 4.5 < waits[1] <= 5
    assert 19.9 < loop_time() - began < 20.6


# Once


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hardly any time pass between attempts."""
    monkeypatch.setattr("handshake_prompt.client.http.FIRST_PAUSE", 0.005)


@pytest.mark.usefixtures("impatient")
async def test_a_write_whose_replies_are_lost_is_applied_once(pair: Pair) -> None:
    peer = await pair(body=FORM)
    async with line_to(peer.base_url, [1, 40, 300]) as line, agent_of(peer, base_url=line.url) as agent:
        reply = await agent.action({"name": "Ada", "age": 36})
    assert (line.cuts, line.connections) == (3, 4)
    assert reply["applied"] == ["name", "age"]
    changes = (await peer.user("GET", "diff")).json()["changes"]
    assert [(change["key"], change["to"]) for change in changes] == [("name", "Ada"), ("age", 36)]


@pytest.mark.usefixtures("impatient")
async def test_writes_over_a_bad_line_are_applied_once_each_and_in_order(pair: Pair) -> None:
    peer = await pair(body={})
    async with line_to(peer.base_url, itertools.cycle((10, 10**6, 90, 400, 10**6))) as line:
        for number in range(10):
            async with agent_of(peer, base_url=line.url) as agent:
                await agent.action({"count": number}, stream=False)
    assert line.cuts >= 10
    changes = (await peer.user("GET", "diff")).json()["changes"]
    assert [change["to"] for change in changes] == list(range(10))
