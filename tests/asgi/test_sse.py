"""The event stream over a real server: the WebSocket's frames, for whoever can read a reply line by line."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack

import pytest

from handshake_prompt import HandshakeApp, Limits
from tests.conftest import Open
from tests.support.peer import PATIENCE, Peer

ROOMY = Limits(agent_requests=10_000, user_requests=10_000, creates_per_address=10_000)


async def clients(peer: Peer) -> int:
    count: int = (await peer.act({"name": "x"}))["broadcast"]["clients"]
    return count


async def test_a_stream_begins_at_once_and_no_proxy_is_to_keep_or_change_it(pair: Open) -> None:
    peer = await pair()
    async with peer.events() as stream:
        headers = stream.response.headers
        assert stream.response.status_code == 200
        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert headers["cache-control"] == "no-store, no-transform"
        assert headers["x-accel-buffering"] == "no"
        assert headers["ratelimit"].startswith('"session";r=59;')
        assert await stream.block() == ["retry: 1000"]
        connected = await stream.next()
        assert (connected["type"], connected["role"], connected["recovered"]) == ("connected", "agent", False)
        assert connected["snapshot"]["cursor"] == connected["cursor"] == stream.last_event_id


@pytest.mark.parametrize("role", ["agent", "user"])
async def test_its_events_are_the_frames_of_the_socket_with_their_cursors_as_ids(pair: Open, role: str) -> None:
    peer = await pair()
    async with peer.events(role=role) as stream, peer.watch(role=role) as page:
        await stream.next("connected")
        await page.next("connected")
        await peer.act({"name": "名\u2028", "iban": "DE89"})
        await peer.edit("age", 36)
        for frame in [*await page.until("done"), await page.next()]:
            assert await stream.next() == frame
            assert stream.last_event_id == frame["cursor"]


async def test_who_comes_again_with_the_last_id_misses_nothing(pair: Open) -> None:
    peer = await pair()
    async with peer.events() as stream:
        await stream.next("connected")
        await peer.edit("name", "one")
        await stream.next("edit")
        last = stream.last_event_id
    await peer.edit("name", "two")
    await peer.edit("name", "three")
    async with peer.events(last_event_id=last, query=f"after={peer.created['cursor']}") as stream:
        assert (await stream.next("connected"))["recovered"] is True
        assert [(await stream.next())["value"] for _ in range(2)] == ["two", "three"]
    async with peer.events(query=f"after={peer.created['cursor']}") as stream:
        await stream.next("connected")
        assert [(await stream.next())["value"] for _ in range(3)] == ["one", "two", "three"]


@pytest.mark.parametrize("place", ["nonsense", "ffffffff.3", "\u00ff"])
async def test_an_id_that_is_no_place_in_the_log_begins_anew(pair: Open, place: str) -> None:
    peer = await pair()
    async with peer.events(query=f"after={place}") as stream:
        connected = await stream.next("connected")
        assert connected["recovered"] is False
        assert connected["snapshot"]


async def test_silence_is_broken_by_comments_that_are_no_events(pair: Open) -> None:
    peer = await pair(HandshakeApp(limits=ROOMY.replace(stream_keepalive=0.05)))
    async with peer.events() as stream:
        assert (await stream.next("connected"))["keepalive"] == 0.05
        assert [await stream.block() for _ in range(3)] == [[": ping"]] * 3


async def test_a_stream_whose_time_is_over_says_so_and_is_resumed_without_a_gap(pair: Open) -> None:
    peer = await pair(HandshakeApp(limits=ROOMY.replace(stream_life=0.2)))
    last: str = peer.created["cursor"]
    values: list[int] = []
    edits = asyncio.create_task(edit_many(peer, 40))
    while len(values) < 40:
        async with peer.events(last_event_id=last) as stream:
            closed, events = await stream.closed()
            assert (closed["code"], closed["final"]) == (1000, False)
            assert events[0]["recovered"] is True
            values += [event["value"] for event in events[1:]]
            last = stream.last_event_id or last
    await edits
    assert values == list(range(40))


async def edit_many(peer: Peer, count: int) -> None:
    for number in range(count):
        await peer.edit("age", number)
        await asyncio.sleep(0.01)


ENDS: dict[str, tuple[str, str, int, bool]] = {
    "revoked": ("DELETE", "session", 4410, True),
    "its token was replaced": ("POST", "rotate", 4401, True),
}


@pytest.mark.parametrize(("method", "name", "code", "final"), ENDS.values(), ids=ENDS)
async def test_an_end_is_told_with_its_verdict(pair: Open, method: str, name: str, code: int, *, final: bool) -> None:
    peer = await pair()
    async with peer.events() as stream:
        await stream.next("connected")
        assert (await peer.user(method, name, {} if method == "POST" else None)).status_code == 200
        closed, _ = await stream.closed()
        assert (closed["code"], closed["final"]) == (code, final)


async def test_a_drain_sends_its_readers_elsewhere(pair: Open) -> None:
    hpp = HandshakeApp(limits=ROOMY.replace(drain_spread=0.2))
    peer = await pair(hpp)
    async with peer.events() as stream:
        await stream.next("connected")
        await hpp.engine.drain()
        closed, events = await stream.closed()
        assert (closed["code"], closed["final"], events[-1]["type"]) == (4503, False, "draining")
        assert events[-1]["afterMs"] >= 0
    hpp.engine.resume()


REFUSALS: dict[str, tuple[dict[str, str], int, str]] = {
    "no credential": ({}, 403, "invalid_token"),
    "a wrong token": ({"X-Handshake-Token": "A" * 32}, 403, "invalid_token"),
}


@pytest.mark.parametrize(("headers", "status", "code"), REFUSALS.values(), ids=REFUSALS)
async def test_a_refusal_is_a_problem_and_no_stream(
    pair: Open, headers: dict[str, str], status: int, code: str
) -> None:
    peer = await pair()
    response = await peer.send("GET", "events", headers=headers)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_page_of_another_origin_may_not_listen_as_the_person(pair: Open) -> None:
    peer = await pair()
    response = await peer.user("GET", "events", headers={"Origin": "https://evil.example"})
    assert (response.status_code, response.json()["code"]) == (403, "origin_not_allowed")


async def test_a_reader_takes_a_watchers_place_and_gives_it_back(pair: Open) -> None:
    peer = await pair(HandshakeApp(limits=ROOMY.replace(watchers_per_session=2)))
    async with peer.events() as first, peer.events() as second:
        for stream in (first, second):
            await stream.next("connected")
        assert await clients(peer) == 2
        refused = await peer.agent("GET", "events")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_watchers")
    async with asyncio.timeout(PATIENCE):
        while await clients(peer):
            await asyncio.sleep(0.01)


async def test_a_reader_that_does_not_read_holds_up_nobody_and_loses_its_place(pair: Open) -> None:
    hpp = HandshakeApp(limits=ROOMY.replace(send_timeout=1))  # enough for one that reads
    peer = await pair(hpp, {})
    host, port = peer.base_url.removeprefix("http://").split(":")
    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await asyncio.to_thread(lazy.connect, (host, int(port)))
        lazy.sendall(
            f"GET {peer.created['eventsUrl']} HTTP/1.1\r\nHost: x\r\nX-Handshake-Token: {peer.token}\r\n\r\n".encode()
        )
        async with peer.events() as brisk:
            await brisk.next("connected")
            async with asyncio.timeout(6 * PATIENCE):  # the buffers between the two take hundreds of such frames
                while hpp.engine.statistics.watchers < 2:
                    await asyncio.sleep(0.01)
                while hpp.engine.statistics.watchers == 2:
                    await peer.act({"name": "x" * 30_000})
                    assert (await brisk.next("action"))["value"] == "x" * 30_000


async def test_a_head_request_takes_no_place(pair: Open) -> None:
    hpp = HandshakeApp()
    peer = await pair(hpp)
    response = await peer.agent("HEAD", "events")
    assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert hpp.engine.statistics.watchers == 0


async def test_a_thousand_streams_are_open_at_once_and_all_are_told(pair: Open) -> None:
    """Eight in a session is the bound, so this is 125 sessions of eight."""
    hpp = HandshakeApp(limits=ROOMY)
    peers = [await pair(hpp, {}) for _ in range(125)]
    async with AsyncExitStack() as stack:
        streams = [await raw_stream(stack, peer) for peer in peers for _ in range(8)]
        assert hpp.engine.statistics.watchers == 1000
        for peer in peers:
            await peer.edit("n", 1)
        async with asyncio.timeout(3 * PATIENCE):
            await asyncio.gather(*(stream.readuntil(b"event: edit\n") for stream in streams))


async def raw_stream(stack: AsyncExitStack, peer: Peer) -> asyncio.StreamReader:
    """Open a stream without a client library, which would take longer than what is tested."""
    host, port = peer.base_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=2**20)
    stack.callback(writer.close)
    request = f"GET {peer.created['eventsUrl']} HTTP/1.1\r\nHost: x\r\nX-Handshake-Token: {peer.token}\r\n\r\n"
    writer.write(request.encode())
    async with asyncio.timeout(PATIENCE):
        await reader.readuntil(b"event: connected\n")
    return reader
