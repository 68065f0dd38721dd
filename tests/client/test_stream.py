"""The event stream: kept while it is alive, resumed from its last cursor, given up where it does not come through."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from handshake_prompt.client import (
    AgentError,
    BadReplyError,
    CredentialRefusedError,
    Gap,
    ProblemsChanged,
    RefusedError,
    RowChange,
    SessionEndedError,
)
from tests.support.agents import CONTEXT, agent_against, problem
from tests.support.virtual_session import (
    Server,
    collected,
    edit_frame,
    frame,
    hello,
    numbered,
    once,
    saying,
    short,
    streaming,
)
from tests.support.virtual_time import in_virtual_time


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
    yield hello(0)
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
        assert [short(await anext(changes)) for _ in range(20)] == numbered(*range(1, 21))


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
            yield hello(after)
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
            yield hello(after)
            for number in itertools.count(after + 1):
                yield edit_frame(number)

        return streaming(chunks())

    server = Server(stream, edits=0)
    async with agent_against(server) as agent:
        changes = agent.changes("e.0")
        for number in range(1, 6):
            assert short(await anext(changes)) == ("n", number)
            await asyncio.sleep(300)
    assert server.count("events") == 1


@in_virtual_time
async def test_the_pause_that_a_stream_names_is_what_reconnections_are_spread_over() -> None:
    def stream(_: Server, after: int) -> httpx.Response:
        async def chunks() -> AsyncIterator[bytes]:
            yield hello(after).replace(b"1000", b"8000") + edit_frame(after + 1)

        return streaming(chunks())

    server = Server(stream, edits=0)
    await collected(server, 40)
    pauses = [later - earlier for earlier, later in itertools.pairwise(server.times("events"))]
    assert 4 < max(pauses) <= 8


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
            frame("revoked", by="host") + frame("closed", code=4410, reason="ended", final=True),
            SessionEndedError,
            "session_closed",
            id="by the host",
        ),
        pytest.param(
            frame("expired") + frame("closed", code=4410, reason="ended", final=True),
            SessionEndedError,
            "session_expired",
            id="expired",
        ),
        pytest.param(
            frame("submitted") + frame("closed", code=4410, reason="ended", final=True),
            SessionEndedError,
            "session_submitted",
            id="submitted",
        ),
        pytest.param(
            frame("revoked") + frame("closed", code=4410, reason="session_closed", final=True),
            SessionEndedError,
            "session_closed",
            id="reason before event",
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
        assert [short(await anext(changes)) for _ in range(2)] == numbered(1, 2)
        with pytest.raises(kind) as caught:
            await anext(changes)
    assert caught.value.code == code


@in_virtual_time
async def test_frames_that_are_no_changes_move_the_place_and_unknown_ones_do_no_harm() -> None:
    def stream(_: Server, after: int) -> httpx.Response:
        async def chunks() -> AsyncIterator[bytes]:
            afters.append(after)
            yield hello(after) + edit_frame(after + 1) + frame("done", f"e.{after + 2}", applied=1)
            yield frame("novelty", code="x", final="y", snapshot=3) + frame("novelty", f"e.{after + 3}")

        return streaming(chunks())

    afters: list[int] = []
    assert await collected(Server(stream, edits=0), 3) == numbered(1, 4, 7)
    assert afters == [0, 3, 6]


@in_virtual_time
async def test_rows_that_come_move_and_go_are_changes() -> None:
    at = "2026-01-01T12:00:00.000000+00:00"
    row = {"key": "lines/r3", "list": "lines", "row": "r3", "at": at}
    told = (
        frame("rowAdded", "e.1", **row, after="r1", by="user", seq=1)
        + frame("rowMoved", "e.2", **row, after=None, by="ai", seq=2)
        + frame("rowRemoved", "e.3", **row, by="user", seq=3)
    )
    afters: list[int] = []

    def stream(_: Server, after: int) -> httpx.Response:
        afters.append(after)
        return streaming(once(hello(after) + told))

    async with agent_against(Server(stream, edits=0)) as agent:
        changes = agent.changes("e.0")
        found = [await anext(changes) for _ in range(3)]
        assert changes.cursor == "e.3"
        await anext(changes)
    assert found == [
        RowChange("added", "lines/r3", "lines", "r3", "r1", "user", at, 1, "e.1"),
        RowChange("moved", "lines/r3", "lines", "r3", None, "ai", at, 2, "e.2"),
        RowChange("removed", "lines/r3", "lines", "r3", None, "user", at, 3, "e.3"),
    ]
    assert [one.by_person for one in found if isinstance(one, RowChange)] == [True, False, True]
    assert afters == [0, 3]


@in_virtual_time
async def test_problems_that_come_and_go_are_told_in_their_place() -> None:
    told = (
        frame("problem", "e.1", key="n", msg="No", previous=None)
        + edit_frame(2)
        + frame("problems", "e.3", problems=[])
    )
    server = Server(lambda _, after: streaming(once(hello(after) + told)), edits=0)
    async with agent_against(server) as agent:
        changes = agent.changes("e.0")
        found = [short(await anext(changes)) for _ in range(3)]
        assert changes.cursor == "e.3"
    assert found == [ProblemsChanged("e.1"), ("n", 2), ProblemsChanged("e.3")]


@in_virtual_time
async def test_a_form_that_changes_is_a_gap_once_it_can_be_read() -> None:
    class Away(Server):
        async def __call__(self, request: httpx.Request) -> httpx.Response:
            if "/context/" in request.url.path and self.count("context") < 1:
                self.asked.append(("context", 0.0))
                return problem(503, "store_unavailable", retryable=True)
            return await super().__call__(request)

    def stream(_: Server, after: int) -> httpx.Response:
        afters.append(after)
        told = edit_frame(1) + frame("schema", "e.2", set=[], remove=["n"], gone=["n"]) + edit_frame(3)
        return streaming(once(hello(after) + (told if after == 0 else edit_frame(after + 1))))

    afters: list[int] = []
    server = Away(stream, edits=7)
    async with agent_against(server) as agent:
        changes = agent.changes("e.0")
        await asyncio.sleep(10)
        found = [await anext(changes) for _ in range(4)]
    assert [short(one) for one in (found[0], found[1], found[3])] == [("n", 1), ("n", 3), ("n", 8)]
    assert found[2] == Gap(CONTEXT | {"cursor": "e.7"}, "e.7")
    assert afters == [0, 7]


@in_virtual_time
async def test_a_stream_that_cannot_be_resumed_begins_with_how_things_stand() -> None:
    snapshot = CONTEXT | {"cursor": "f.1"}
    cut_off = frame("connected", "f.1", recovered=False, snapshot=snapshot)
    server = Server(lambda *_: streaming(once(cut_off + edit_frame(2))), edits=0)
    assert await collected(server, 2) == [Gap(snapshot, "f.1"), ("n", 2)]
