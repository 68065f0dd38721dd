"""Following a session: every change once and in order, whatever lies between."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from handshake_prompt import HandshakeApp, Limits, MemoryStore
from handshake_prompt.client import (
    AgentError,
    BadReplyError,
    Change,
    Changes,
    CredentialRefusedError,
    Gap,
    RefusedError,
    ServerUnavailableError,
    SessionEndedError,
)
from handshake_prompt.client.backoff import Backoff
from handshake_prompt.client.decoding import ListedChange
from handshake_prompt.client.updates import fresh, later
from tests.support.agents import CONTEXT, SESSION_ID, agent_against, agent_of, problem, replying
from tests.support.between import line_to
from tests.support.peer import PATIENCE, Peer, open_session
from tests.support.serving import serving
from tests.support.virtual_time import in_virtual_time, loop_time

Pair = Callable[..., Awaitable[Peer]]
BUSY = Limits(agent_requests=10_000, user_requests=10_000)
NOON = "2026-01-01T12:00:00.000000+00:00"


async def first(changes: Changes, count: int) -> list[Any]:
    """Return the next changes, as keys and values, and gaps as they are."""
    async with asyncio.timeout(PATIENCE):
        return [_short(await anext(changes)) for _ in range(count)]


def _short(item: Change | Gap) -> Any:
    return (item.key, item.value) if isinstance(item, Change) else item


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time pass before a connection is made again."""
    monkeypatch.setattr(Backoff, "pause", lambda _, at_least=None: at_least or 0.0)


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
    async with httpx.AsyncClient() as http, agent_of(peer, http=http) as agent:
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
    for _ in range(200):
        if not hpp.engine.statistics.watchers:
            break
        await asyncio.sleep(0.005)
    return hpp.engine.statistics.watchers


@pytest.mark.parametrize("foreign", [False, True], ids=["own client", "given client"])
async def test_closing_the_agent_ends_whoever_still_waits(pair: Pair, foreign: bool) -> None:  # noqa: FBT001
    hpp = HandshakeApp()
    peer = await pair(hpp)
    async with httpx.AsyncClient() as http:
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
    peer = await pair(HandshakeApp(ttl=0.5 if how == "expired" else 60))
    kind: type[AgentError] = CredentialRefusedError if how == "rotated" else SessionEndedError
    async with agent_of(peer) as agent:
        changes = agent.changes(peer.created["cursor"])
        await peer.edit("name", "Grace")
        assert await first(changes, 1) == [("name", "Grace")]
        if how == "revoked":
            await peer.user("DELETE", "session")
        if how == "rotated":
            await peer.user("POST", "rotate", {})
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
        told: list[Change | Gap] = []
        editing = asyncio.create_task(edit_until(peer, lambda made: line.cuts < 50 or made < 150, told))
        async with asyncio.timeout(30):
            async for item in agent.changes(peer.created["cursor"]):
                told.append(item)
                if isinstance(item, Change) and item.key == "end":
                    break
    assert line.cuts == 50
    assert [_short(item) for item in told] == await editing


async def edit_until(peer: Peer, on: Callable[[int], bool], told: list[Any]) -> list[tuple[str, Any]]:
    """Let the person and the agent write by turns, never far ahead of what was told; return what they wrote."""
    made: list[tuple[str, Any]] = []
    async with asyncio.timeout(30):
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


class Server:
    """A session of which this test is the server: an edit a second, in virtual time.

    `stream` answers whoever asks for events; without it there are none.
    """

    def __init__(self, stream: Callable[[Server, int], httpx.Response] | None = None, *, edits: int = 10**6) -> None:
        self.began = loop_time()
        self.edits = edits
        self.stream = stream
        self.asked: list[tuple[str, float]] = []
        self.truncated = False

    @property
    def seq(self) -> int:
        """How many edits there were by now."""
        return min(int(loop_time() - self.began), self.edits)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.split("/")[2]
        self.asked.append((name, loop_time()))
        if name == "events":
            after = int(request.headers["last-event-id"].removeprefix("e."))
            return self.stream(self, after) if self.stream else problem(404, "not_found")
        if name == "context":
            return replying(CONTEXT | {"cursor": f"e.{self.seq}"})
        after = int(request.url.params.get("since", "e.0").removeprefix("e."))
        ends = loop_time() + float(request.url.params.get("wait", 0))
        while after >= self.seq and loop_time() < ends:
            await asyncio.sleep(0.1)
        changes = [{"key": "n", "to": n, "by": "user", "at": NOON, "seq": n} for n in range(after + 1, self.seq + 1)]
        return replying({"changes": changes, "cursor": f"e.{self.seq}", "truncated": self.truncated})

    def count(self, name: str) -> int:
        return sum(asked == name for asked, _ in self.asked)

    def times(self, name: str) -> list[float]:
        return [at for asked, at in self.asked if asked == name]


def frame(kind: str, cursor: str | None = None, **members: Any) -> bytes:
    """Return an event as the server writes it."""
    place = {"cursor": cursor} if cursor else {}
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | place | members)}\n\n".encode()


def edit_frame(number: int) -> bytes:
    return frame("edit", f"e.{number}", key="n", value=number, by="user", at=NOON, seq=number)


def opening(after: int) -> bytes:
    return b"retry: 1000\n\n" + frame("connected", f"e.{after}", recovered=True, snapshot=None)


def streaming(chunks: AsyncIterator[bytes], **headers: str) -> httpx.Response:
    return httpx.Response(200, content=chunks, headers={"content-type": "text/event-stream"} | headers)


def saying(*parts: bytes) -> Callable[[Server, int], httpx.Response]:
    """Return a stream that begins as it should, says some things, and stays open in silence."""

    def stream(_: Server, after: int) -> httpx.Response:
        async def chunks() -> AsyncIterator[bytes]:
            for part in (opening(after), *parts):
                yield part
                await asyncio.sleep(0.1)
            await asyncio.sleep(86_400)

        return streaming(chunks())

    return stream


async def collected(server: Server, count: int, *, since: str | None = "e.0", within: float = 600) -> list[Any]:
    async with agent_against(server) as agent, asyncio.timeout(within):
        changes = agent.changes(since)
        return [_short(await anext(changes)) for _ in range(count)]


def numbered(*numbers: int) -> list[tuple[str, int]]:
    return [("n", number) for number in numbers]


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(lambda *_: problem(404, "not_found"), id="404"),
        pytest.param(lambda *_: httpx.Response(404, text="<h1>Not Found</h1>"), id="404 of a proxy"),
        pytest.param(lambda *_: problem(405, "method_not_allowed"), id="405"),
        pytest.param(lambda *_: httpx.Response(406), id="406"),
        pytest.param(lambda *_: httpx.Response(501), id="501"),
        pytest.param(lambda *_: httpx.Response(200, text="<h1>Hi</h1>"), id="page"),
        pytest.param(lambda _, after: httpx.Response(200, content=edit_frame(after + 1)), id="unnamed"),
        pytest.param(
            lambda _, after: httpx.Response(
                200,
                content=once(edit_frame(after + 1)),
                headers={"content-type": "text/event-stream", "content-encoding": "x"},
            ),
            id="compressed",
        ),
    ],
)
@in_virtual_time
async def test_where_there_is_no_stream_changes_are_polled(stream: Callable[..., httpx.Response]) -> None:
    server = Server(stream)
    assert await collected(server, 20) == numbered(*range(1, 21))
    assert server.count("events") == 1
    assert all(later - earlier >= 2 for earlier, later in itertools.pairwise(server.times("diff")))


async def held_back() -> AsyncIterator[bytes]:
    await asyncio.sleep(86_400)
    yield b""


async def dripping() -> AsyncIterator[bytes]:
    yield b"retry: 1000\n\n: "
    while True:
        yield b"x"
        await asyncio.sleep(1)


async def first_words() -> AsyncIterator[bytes]:
    yield opening(0)
    await asyncio.sleep(86_400)


@pytest.mark.parametrize(
    ("chunks", "longest"),
    [
        pytest.param(held_back, 12.5, id="nothing comes through"),
        pytest.param(first_words, 82.5, id="only the first words come through"),
        pytest.param(dripping, 82.5, id="bytes that end no line"),
    ],
)
@in_virtual_time
async def test_a_stream_that_does_not_come_through_gives_way_to_polls(
    chunks: Callable[[], AsyncIterator[bytes]], longest: float
) -> None:
    server = Server(lambda *_: streaming(chunks()))
    count = int(longest) + 5
    assert await collected(server, count, within=longest + 10) == numbered(*range(1, count + 1))
    assert server.count("events") == 2
    assert server.times("diff")[0] - server.began <= longest


@in_virtual_time
async def test_a_server_that_never_answers_for_events_is_polled_too() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        if "/events/" in request.url.path:
            await asyncio.sleep(86_400)
        return await server(request)

    server = Server()
    async with agent_against(answer) as agent, asyncio.timeout(60):
        changes = agent.changes("e.0")
        assert [_short(await anext(changes)) for _ in range(20)] == numbered(*range(1, 21))


@in_virtual_time
async def test_a_stream_that_works_is_kept_however_often_it_falls_silent() -> None:
    server = Server(saying(b": ping\n\n", b": ping\n\n"), edits=0)
    with pytest.raises(TimeoutError):
        await collected(server, 1, within=900)
    assert server.count("events") > 15
    assert server.count("diff") == 0


@in_virtual_time
async def test_a_quiet_stream_is_not_taken_for_a_silent_one() -> None:
    def stream(_: Server, after: int) -> httpx.Response:
        async def chunks() -> AsyncIterator[bytes]:
            yield opening(after)
            for _ in range(20):
                await asyncio.sleep(15)
                yield b": ping\n\n"
            yield edit_frame(1)

        return streaming(chunks())

    server = Server(stream, edits=0)
    assert await collected(server, 1) == numbered(1)
    assert [name for name, _ in server.asked] == ["events"]


@in_virtual_time
async def test_whoever_takes_long_over_a_change_does_not_take_the_stream_for_silent() -> None:
    def stream(_: Server, after: int) -> httpx.Response:
        async def chunks() -> AsyncIterator[bytes]:
            yield opening(after)
            for number in itertools.count(after + 1):
                yield edit_frame(number)

        return streaming(chunks())

    server = Server(stream, edits=0)
    async with agent_against(server) as agent:
        changes = agent.changes("e.0")
        for number in range(1, 6):
            assert _short(await anext(changes)) == ("n", number)
            await asyncio.sleep(300)
    assert server.count("events") == 1


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
        assert _short(await anext(agent.changes("e.0"))) == ("n", 1)
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
async def test_the_pause_that_a_stream_names_is_what_reconnections_are_spread_over() -> None:
    def stream(_: Server, after: int) -> httpx.Response:
        async def chunks() -> AsyncIterator[bytes]:
            yield opening(after).replace(b"1000", b"8000") + edit_frame(after + 1)

        return streaming(chunks())

    server = Server(stream, edits=0)
    await collected(server, 40)
    pauses = [later - earlier for earlier, later in itertools.pairwise(server.times("events"))]
    assert 4 < max(pauses) <= 8


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
        assert _short(await anext(changes)) == ("n", 1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(changes), 600)
    assert len(failed) > 10


@pytest.mark.parametrize(("after_ms", "pause"), [(3000, 3), (10**9, 60), (-5, 0)])
@in_virtual_time
async def test_a_server_that_shuts_down_says_when_to_come_again(after_ms: int, pause: float) -> None:
    closed = frame("draining", afterMs=after_ms) + frame("closed", code=4503, reason="draining", final=False)

    def stream(server: Server, after: int) -> httpx.Response:
        return saying(edit_frame(after + 1) + closed)(server, after)

    server = Server(stream, edits=0)
    assert await collected(server, 3) == numbered(1, 2, 3)
    times = server.times("events")
    assert all(pause <= later - earlier <= pause + 1.2 for earlier, later in itertools.pairwise(times))


@pytest.mark.parametrize(
    ("ending", "kind", "code"),
    [
        pytest.param(
            frame("revoked") + frame("closed", code=4410, reason="ended", final=True),
            SessionEndedError,
            "session_revoked",
            id="revoked",
        ),
        pytest.param(
            frame("expired") + frame("closed", code=4410, reason="ended", final=True),
            SessionEndedError,
            "session_expired",
            id="expired",
        ),
        pytest.param(
            frame("closed", code=4410, reason="ended", final=True), SessionEndedError, "session_not_found", id="ended"
        ),
        pytest.param(
            frame("closed", code=4401, reason="unauthenticated", final=True),
            CredentialRefusedError,
            "invalid_token",
            id="unauthenticated",
        ),
        pytest.param(frame("closed", code=4403, reason="x", final=True), RefusedError, "closed", id="forbidden"),
        pytest.param(frame("closed", code="4410", final=True), BadReplyError, "bad_reply", id="code of another type"),
        pytest.param(b"event: edit\ndata: {\n\n", BadReplyError, "bad_reply", id="no JSON"),
        pytest.param(b"event: edit\ndata: \xff\n\n", BadReplyError, "bad_reply", id="no text"),
        pytest.param(b"event: edit\ndata: [1]\n\n", BadReplyError, "bad_reply", id="no object"),
        pytest.param(b"event: edit\ndata: " + b"[" * 9999 + b"\n\n", BadReplyError, "bad_reply", id="too deep"),
        pytest.param(edit_frame(9).replace(b'"n"', b"7"), BadReplyError, "bad_reply", id="key of another type"),
        pytest.param(edit_frame(9).replace(b"e.9", b"e\\n9"), BadReplyError, "bad_reply", id="cursor of two lines"),
        pytest.param(edit_frame(9).replace(b"e.9", b"e" * 300), BadReplyError, "bad_reply", id="endless cursor"),
        pytest.param(
            frame("connected", "e.1", recovered=False, snapshot=None), BadReplyError, "bad_reply", id="no snapshot"
        ),
    ],
)
@in_virtual_time
async def test_what_ends_a_stream_for_good_comes_after_what_was_told(
    ending: bytes, kind: type[AgentError], code: str
) -> None:
    server = Server(saying(edit_frame(1) + edit_frame(2) + ending), edits=0)
    async with agent_against(server) as agent:
        changes = agent.changes("e.0")
        assert [_short(await anext(changes)) for _ in range(2)] == numbered(1, 2)
        with pytest.raises(kind) as caught:
            await anext(changes)
    assert caught.value.code == code


@in_virtual_time
async def test_frames_that_are_no_changes_move_the_place_and_unknown_ones_do_no_harm() -> None:
    def stream(_: Server, after: int) -> httpx.Response:
        async def chunks() -> AsyncIterator[bytes]:
            afters.append(after)
            yield opening(after) + edit_frame(after + 1) + frame("done", f"e.{after + 2}", applied=1)
            yield frame("novelty", code="x", final="y", snapshot=3) + frame("novelty", f"e.{after + 3}")

        return streaming(chunks())

    afters: list[int] = []
    assert await collected(Server(stream, edits=0), 3) == numbered(1, 4, 7)
    assert afters == [0, 3, 6]


@in_virtual_time
async def test_a_stream_that_cannot_be_resumed_begins_with_how_things_stand() -> None:
    snapshot = CONTEXT | {"cursor": "f.1"}
    cut_off = frame("connected", "f.1", recovered=False, snapshot=snapshot)
    server = Server(lambda *_: streaming(once(cut_off + edit_frame(2))), edits=0)
    assert await collected(server, 2) == [Gap(snapshot, "f.1"), ("n", 2)]


async def once(chunk: bytes) -> AsyncIterator[bytes]:
    yield chunk


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


@in_virtual_time
async def test_a_poll_that_does_not_list_all_is_a_gap() -> None:
    server = Server()
    async with agent_against(server) as agent:
        changes = agent.changes("e.0")
        await asyncio.sleep(3)
        assert [_short(await anext(changes)) for _ in range(3)] == numbered(1, 2, 3)
        server.truncated = True
        gap = await anext(changes)
        server.truncated = False
        assert isinstance(gap, Gap)
        assert gap.cursor is not None
        number = int(gap.cursor.removeprefix("e."))
        assert _short(await anext(changes)) == ("n", number + 1)


@in_virtual_time
async def test_a_poll_that_has_no_place_any_more_is_a_bad_reply() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return replying({"changes": []}) if "/diff/" in request.url.path else problem(404, "not_found")

    async with agent_against(answer) as agent:
        with pytest.raises(BadReplyError):
            await anext(agent.changes("e.0"))


# Version 0.2


class OldServer:
    """A server of version 0.2: no events, no cursors, no waiting; a list of the latest fifty."""

    def __init__(self) -> None:
        self.changes: list[dict[str, Any]] = []
        self.polls = 0

    def edit(self, *values: Any, at: str = "2026-01-01T12:00:00.000000+01:00") -> None:
        self.changes += [{"key": "n", "from": None, "to": value, "by": "user", "at": at} for value in values]

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if "/context/" in request.url.path:
            return replying({"sessionId": SESSION_ID, "mode": "default", "data": {}, "meta": {}, "expiresIn": 1})
        if "/diff/" not in request.url.path:
            return httpx.Response(404, text="<h1>Not Found</h1>")
        self.polls += 1
        since = request.url.params.get("since", "")
        listed = [change for change in self.changes if change["at"] > since] if since else self.changes[-50:]
        return replying({"sessionId": SESSION_ID, "since": since, "changes": listed})


@in_virtual_time
async def test_version_0_2_is_polled_and_nothing_is_told_twice() -> None:
    server = OldServer()
    server.edit(*range(3))
    async with agent_against(server) as agent:
        changes = agent.changes()
        waiting = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(60)
        assert 20 <= server.polls <= 32
        server.edit(3, 3, 3)
        await waiting
        server.edit(4)
        assert [_short(await anext(changes)) for _ in range(3)] == numbered(3, 3, 4)
        server.edit(*range(5, 40))
        assert [_short(await anext(changes)) for _ in range(35)] == numbered(*range(5, 40))
        assert changes.cursor == "2026-01-01T12:00:00.000000+01:00"


@in_virtual_time
async def test_version_0_2_may_set_its_clock_back() -> None:
    server = OldServer()
    server.edit(1, at="2026-10-25T02:59:59.000000+02:00")
    async with agent_against(server) as agent:
        changes = agent.changes("2026-10-25T00:00:00Z")
        assert _short(await anext(changes)) == ("n", 1)
        server.edit(2, at="2026-10-25T02:00:01.000000+01:00")
        assert _short(await anext(changes)) == ("n", 2)


@in_virtual_time
async def test_more_than_version_0_2_lists_is_a_gap() -> None:
    server = OldServer()
    server.edit(0)
    async with agent_against(server) as agent:
        changes = agent.changes("2026-01-01T00:00:00Z")
        assert _short(await anext(changes)) == ("n", 0)
        server.edit(*range(1, 60))
        gap = await anext(changes)
        assert isinstance(gap, Gap)
        assert gap.cursor is None
        server.edit(60)
        assert _short(await anext(changes)) == ("n", 60)


# The parts


def listed(*numbers: int) -> list[ListedChange]:
    return [ListedChange("n", number, "user", NOON) for number in numbers]


@pytest.mark.parametrize(
    ("known", "seen", "expected"),
    [
        pytest.param([], [], [], id="nothing"),
        pytest.param([], range(49), range(49), id="the first ones"),
        pytest.param([], range(50), None, id="the first ones, perhaps not all"),
        pytest.param(range(5), range(5), [], id="nothing new"),
        pytest.param(range(5), range(7), [5, 6], id="new ones"),
        pytest.param(range(50), range(3, 53), [50, 51, 52], id="old ones slid out"),
        pytest.param(range(50), range(49, 99), range(50, 99), id="one is left"),
        pytest.param(range(50), range(50, 100), None, id="none is left"),
        pytest.param([1, 1, 1], [1, 1, 1, 1], [1], id="equal ones"),
        pytest.param(range(5), [], None, id="all is gone"),
    ],
)
def test_what_is_new_in_a_list_is_what_follows_the_known(
    known: Iterable[int], seen: Iterable[int], expected: Iterable[int] | None
) -> None:
    assert fresh(listed(*known), listed(*seen)) == (None if expected is None else listed(*expected))


@pytest.mark.parametrize(
    ("times", "since", "expected"),
    [
        pytest.param(["2026-01-01T12:00:00+01:00"], "2026-01-01T11:00:00Z", 0, id="the same instant"),
        pytest.param(["2026-01-01T12:00:00+01:00"], "2026-01-01T10:59:59Z", 1, id="earlier in UTC"),
        pytest.param(["2026-01-01T12:00:00Z"], "2026-01-01T11:59:59", 1, id="no offset is UTC"),
        pytest.param(["2026-01-01T12:00:00Z"] * 50, "2026-01-01T11:59:59", None, id="perhaps not all"),
        pytest.param(["2026-01-01T12:00:00Z"] * 50, "2026-01-01T12:00:00Z", 0, id="all, none later"),
        pytest.param(["yesterday"], "2026-01-01T12:00:00Z", None, id="a time that is none"),
        pytest.param([], "e.3", None, id="a place that is none"),
    ],
)
def test_instants_are_compared_as_instants(times: list[str], since: str, expected: int | None) -> None:
    found = later([ListedChange("n", 1, "user", at) for at in times], since)
    assert (None if found is None else len(found)) == expected
