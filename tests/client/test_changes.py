"""Following a session: every change once and in order, whatever lies between."""

from __future__ import annotations

import asyncio
import itertools
import random
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from handshake_prompt import HandshakeApp, Limits, MemoryStore
from handshake_prompt.client import (
    AgentError,
    Change,
    Changes,
    CredentialRefusedError,
    Gap,
    ProblemsChanged,
    RequestEnded,
    RowChange,
    ServerUnavailableError,
    SessionEndedError,
)
from handshake_prompt.client.backoff import Backoff
from tests.support.agents import CONTEXT, agent_against, agent_of, problem, replying
from tests.support.between import line_to
from tests.support.clock import ManualClock
from tests.support.peer import PATIENCE, Peer, open_session, patient_client
from tests.support.serving import serving
from tests.support.virtual_session import (
    Server,
    collected,
    edit_frame,
    frame,
    numbered,
    once,
    saying,
    short,
    streaming,
)
from tests.support.virtual_time import in_virtual_time, loop_time

Pair = Callable[..., Awaitable[Peer]]
BUSY = Limits(agent_requests=10_000, user_requests=10_000)


async def first(changes: Changes, count: int) -> list[Any]:
    """Return the next changes, as keys and values, and gaps as they are."""
    async with asyncio.timeout(PATIENCE):
        return [short(await anext(changes)) for _ in range(count)]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time pass before a connection is made again."""
    monkeypatch.setattr(Backoff, "next_pause", lambda _, at_least=None: at_least or 0.0)


# On a real server


async def test_every_change_is_told_with_all_there_is_to_know(pair: Pair) -> None:
    peer = await pair()
    async with agent_of(peer) as agent:
        context = await agent.get_context()
        changes = agent.changes(context["cursor"])
        await agent.action({"name": "Ada"}, stream=False)
        edited = await peer.edit("name", "Grace")
        await peer.edit("iban", "DE02")
        written, edit, hidden = [await anext(changes) for _ in range(3)]
    assert isinstance(written, Change)
    assert isinstance(edit, Change)
    assert isinstance(hidden, Change)
    assert (written.key, written.value, written.by, written.by_person) == ("name", "Ada", "ai", False)
    assert (edit.value, edit.by, edit.by_person) == ("Grace", "user_edit", True)
    assert (edit.seq, edit.cursor) == (edited["seq"], edited["cursor"])
    assert (hidden.value, hidden.sensitive, edit.sensitive) == (None, True, False)


async def test_without_a_place_to_begin_at_only_what_is_new_is_told(pair: Pair) -> None:
    peer = await pair()
    await peer.edit("name", "Grace")
    async with agent_of(peer) as agent:
        changes = agent.changes()
        following = asyncio.create_task(first(changes, 1))
        async with asyncio.timeout(PATIENCE):
            while changes.cursor is None:
                await asyncio.sleep(0.005)
        await peer.edit("age", 9)
        assert await following == [("age", 9)]


@pytest.mark.parametrize("as_time", [False, True], ids=["cursor", "instant"])
async def test_any_change_is_a_place_to_go_on_from(pair: Pair, as_time: bool) -> None:  # noqa: FBT001
    peer = await pair(body={})
    for number in range(5):
        await peer.edit("count", number)
    listed = (await peer.user("GET", "diff")).json()["changes"]
    async with agent_of(peer) as agent:
        changes = agent.changes(listed[1]["at"] if as_time else peer.created["cursor"])
        skipped = 0 if as_time else 2
        assert (await first(changes, 3 + skipped))[skipped:] == [("count", 2), ("count", 3), ("count", 4)]
        await peer.edit("count", 5)
        assert await first(changes, 1) == [("count", 5)]
        again = agent.changes(changes.cursor)
        await peer.edit("count", 6)
        assert await first(again, 1) == [("count", 6)]


async def test_a_place_that_is_none_any_more_is_a_gap_with_how_things_stand(pair: Pair) -> None:
    peer = await pair(body={})
    await peer.edit("name", "Grace")
    async with agent_of(peer) as agent:
        changes = agent.changes("ffffffff.3")
        (gap,) = await first(changes, 1)
        assert isinstance(gap, Gap)
        assert gap.context["data"] == {"name": "Grace"}
        assert gap.cursor == changes.cursor
        await peer.edit("name", "Ada")
        assert await first(changes, 1) == [("name", "Ada")]


async def test_a_wait_can_be_given_up_and_taken_up_again(pair: Pair) -> None:
    hpp = HandshakeApp()
    peer = await pair(hpp)
    async with agent_of(peer) as agent:
        changes = agent.changes()
        for number in range(20):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(changes), 0.01)
            if number > 10:
                await peer.edit("age", number)
                assert await first(changes, 1) == [("age", number)]
        requests = (await peer.agent("GET", "session")).headers["ratelimit"]
    assert "r=57;" in requests  # the first place, one stream, and this


async def test_a_loop_that_was_broken_off_goes_on_where_it_was_until_it_is_closed(pair: Pair) -> None:
    hpp = HandshakeApp()
    peer = await pair(hpp)
    async with patient_client() as http, agent_of(peer, http=http) as agent:
        async with agent.changes(peer.created["cursor"]) as changes:
            await peer.edit("name", "Grace")
            async for _ in changes:
                break
            await peer.edit("name", "Ada")
            assert await first(changes, 1) == [("name", "Ada")]
            assert hpp.engine.statistics.watchers == 1
        assert await settled(hpp) == 0
        assert [item async for item in changes] == []


async def settled(hpp: HandshakeApp) -> int:
    """Return the number of watchers once those that have left are gone."""
    async with asyncio.timeout(PATIENCE):
        while hpp.engine.statistics.watchers:
            await asyncio.sleep(0.005)
    return hpp.engine.statistics.watchers


@pytest.mark.parametrize("foreign", [False, True], ids=["own client", "given client"])
async def test_closing_the_agent_ends_whoever_still_waits(pair: Pair, foreign: bool) -> None:  # noqa: FBT001
    hpp = HandshakeApp()
    peer = await pair(hpp)
    async with patient_client() as http:
        agent = agent_of(peer, http=http if foreign else None)
        changes = agent.changes()

        async def follow() -> list[Any]:
            return [item async for item in changes]

        following = asyncio.create_task(follow())
        async with asyncio.timeout(PATIENCE):
            while not hpp.engine.statistics.watchers:
                await asyncio.sleep(0.005)
            await agent.aclose()
            assert await following == []
        assert await settled(hpp) == 0


@pytest.mark.parametrize("how", ["revoked", "expired", "rotated"])
async def test_the_end_is_an_error_that_says_which(pair: Pair, how: str) -> None:
    clock = ManualClock()
    limits = Limits(stream_keepalive=0.5)  # at a heartbeat a stream sees what time it is by this clock
    peer = await pair(HandshakeApp(store=MemoryStore(clock=clock), ttl=60, limits=limits))
    kind: type[AgentError] = CredentialRefusedError if how == "rotated" else SessionEndedError
    async with agent_of(peer) as agent:
        changes = agent.changes(peer.created["cursor"])
        await peer.edit("name", "Grace")
        assert await first(changes, 1) == [("name", "Grace")]
        if how == "revoked":
            await peer.user("DELETE", "session")
        if how == "rotated":
            await peer.user("POST", "rotate", {})
        if how == "expired":
            clock.advance(61)
        with pytest.raises(kind) as caught:
            await first(changes, 1)
        with pytest.raises(kind) as again:
            await first(changes, 1)
    codes = {"rotated": "invalid_token", "revoked": "session_revoked", "expired": "session_expired"}
    assert caught.value.code == again.value.code == codes[how]


async def test_a_wrong_token_is_an_error_at_once(pair: Pair) -> None:
    peer = await pair()
    peer.created["token"] = peer.token[::-1]
    async with agent_of(peer) as agent:
        with pytest.raises(CredentialRefusedError):
            await first(agent.changes(), 1)


@pytest.mark.usefixtures("impatient")
async def test_through_fifty_cuts_every_change_comes_once_and_in_order(pair: Pair) -> None:
    peer = await pair(HandshakeApp(limits=BUSY), {})
    chance = random.Random(4)
    lengths = itertools.chain((chance.randrange(300, 1600) for _ in range(50)), itertools.repeat(10**9))
    async with line_to(peer.base_url, lengths) as line, agent_of(peer, base_url=line.url) as agent:
        told: list[Change | RowChange | RequestEnded | ProblemsChanged | Gap] = []
        editing = asyncio.create_task(edit_until(peer, lambda made: line.cuts < 50 or made < 150, told))
        async with asyncio.timeout(3 * PATIENCE):
            async for item in agent.changes(peer.created["cursor"]):
                told.append(item)
                if isinstance(item, Change) and item.key == "end":
                    break
    assert line.cuts == 50
    assert [short(item) for item in told] == await editing


async def edit_until(peer: Peer, on: Callable[[int], bool], told: list[Any]) -> list[tuple[str, Any]]:
    """Let the person and the agent write by turns, never far ahead of what was told; return what they wrote."""
    made: list[tuple[str, Any]] = []
    async with asyncio.timeout(3 * PATIENCE):
        while on(len(made)):
            while len(made) > len(told) + 20:
                await asyncio.sleep(0.001)
            by_person = len(made) % 2 == 0
            made.append(("mine" if by_person else "its", len(made)))
            await (peer.edit(*made[-1]) if by_person else peer.act(dict([made[-1]])))
    made.append(("end", True))
    await peer.edit(*made[-1])
    return made


@pytest.mark.parametrize("in_order", [True, False], ids=["in order", "at once"])
@pytest.mark.usefixtures("impatient")
async def test_a_restart_of_the_server_is_waited_out(in_order: bool) -> None:  # noqa: FBT001
    store = MemoryStore(BUSY)
    first_app, second_app = (HandshakeApp(store=store, limits=BUSY.replace(drain_spread=0.1)) for _ in range(2))
    async with line_to("http://127.0.0.1:1") as line:
        async with serving(hosting(first_app), timeout_graceful_shutdown=0) as line.target:
            peer = await open_session(line.target, {})
            agent = agent_of(peer, base_url=line.url)
            changes = agent.changes(peer.created["cursor"])
            await peer.edit("n", 1)
            assert await first(changes, 1) == [("n", 1)]
            await peer.edit("n", 2)
            if in_order:
                await first_app.engine.drain()
        async with serving(hosting(second_app)) as line.target, agent:
            peer.base_url = line.target
            await peer.edit("n", 3)
            assert await first(changes, 2) == [("n", 2), ("n", 3)]
        await peer.http.aclose()


def hosting(hpp: HandshakeApp) -> Starlette:
    host = Starlette()
    hpp.mount_on(host)
    return host


# On servers and networks that are not as they should be


@pytest.mark.parametrize(
    ("failure", "pause"),
    [
        pytest.param(lambda: problem(503, "draining", retryAfter=9), 9, id="503"),
        pytest.param(lambda: problem(429, "too_many_watchers", retryAfter=20), 20, id="429"),
        pytest.param(lambda: problem(500, "internal_error"), 0, id="500"),
        pytest.param(lambda: httpx.Response(502), 0, id="502"),
    ],
)
@in_virtual_time
async def test_refusals_for_the_moment_are_waited_out(failure: Callable[[], httpx.Response], pause: float) -> None:
    refusals = [failure(), failure()]

    def stream(server: Server, after: int) -> httpx.Response:
        return refusals.pop() if refusals else saying(*map(edit_frame, range(after + 1, 9)))(server, after)

    server = Server(stream, edits=0)
    assert await collected(server, 8) == numbered(*range(1, 9))
    times = server.times("events")
    assert len(times) == 3
    assert all(pause <= later - earlier <= pause + 2 for earlier, later in itertools.pairwise(times))
    assert server.count("diff") == 0


@in_virtual_time
async def test_connection_losses_are_waited_out_ever_more_patiently() -> None:
    fails = itertools.count()

    async def answer(request: httpx.Request) -> httpx.Response:
        if next(fails) < 40:
            times.append(loop_time())
            raise httpx.ConnectError("refused")
        return await server(request)

    times: list[float] = []
    server = Server(saying(edit_frame(1)), edits=0)
    async with agent_against(answer) as agent, asyncio.timeout(86_400):
        assert short(await anext(agent.changes("e.0"))) == ("n", 1)
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert max(pauses[:2]) <= 2
    assert 15 < max(pauses) <= 30


@in_virtual_time
async def test_a_certificate_that_is_not_valid_is_not_waited_out() -> None:
    async def answer(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("verify failed") from ssl.SSLCertVerificationError("self-signed")

    async with agent_against(answer) as agent, asyncio.timeout(600):
        with pytest.raises(ServerUnavailableError) as caught:
            await anext(agent.changes())
    assert caught.value.code == "untrusted_certificate"


@in_virtual_time
async def test_a_server_that_wants_no_pauses_gets_some_all_the_same() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        if len(server.asked) == 1:
            failed.append(loop_time())
            assert len(failed) < 100, "no pauses"
            raise httpx.ConnectError("refused")
        return await server(request)

    failed: list[float] = []
    server = Server(lambda _, after: streaming(once(b"retry: 0\n\n" + edit_frame(after + 1))), edits=0)
    async with agent_against(answer) as agent:
        changes = agent.changes("e.0")
        assert short(await anext(changes)) == ("n", 1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(changes), 600)
    assert len(failed) > 10


@pytest.mark.parametrize("since", ["here", "e 0", "\u043a", "x" * 999, "e.0\r\nX-Evil: 1"], ids=ascii)
@in_virtual_time
async def test_a_place_that_cannot_be_one_does_no_harm(since: str) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if "/events/" in request.url.path:
            snapshot = CONTEXT | {"cursor": "e.0"}
            lost = frame("connected", "e.0", recovered=False, snapshot=snapshot)
            return streaming(once(lost + edit_frame(1)))
        if "/context/" in request.url.path:
            return replying(CONTEXT | {"cursor": "e.0"})
        return replying({"changes": [], "cursor": "e.0", "truncated": True})

    asked: list[httpx.Request] = []
    async with agent_against(answer) as agent:
        gap = await anext(agent.changes(since))
    assert isinstance(gap, Gap)
    assert not any("x-evil" in request.headers for request in asked)
