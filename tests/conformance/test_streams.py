"""SPEC.md section 7: the WebSocket's frames as server-sent events."""

from __future__ import annotations

import pytest

from tests.conformance.conftest import Open, Start


@pytest.mark.parametrize("role", ["agent", "user"])
async def test_hpp_135_a_stream_brings_the_frames_of_the_socket(pair: Open, role: str) -> None:
    peer = await pair()
    async with peer.events(role=role) as stream, peer.watch(role=role) as socket:
        headers = stream.response.headers
        assert headers["content-type"].startswith("text/event-stream")
        assert {"no-store", "no-transform"} <= set(headers["cache-control"].split(", "))
        assert headers["x-accel-buffering"] == "no"
        first, connected = await stream.next(), await socket.next()
        assert first.keys() == connected.keys()
        assert (first["type"], first["role"], stream.last_event_id) == ("connected", role, connected["cursor"])
        await peer.act({"name": "Ada", "iban": "DE89"})
        await peer.edit("city", "Ulm")
        for frame in [*await socket.until("done"), await socket.next()]:
            assert (await stream.next(), stream.last_event_id) == (frame, frame["cursor"])


async def test_hpp_136_a_stream_goes_on_from_where_it_was_left(pair: Open) -> None:
    peer = await pair()
    async with peer.events() as stream:
        await stream.next("connected")
        await peer.edit("name", "one")
        await stream.next("edit")
        last = stream.last_event_id
    await peer.edit("name", "two")
    async with peer.events(last_event_id=last, query=f"after={peer.created['cursor']}") as stream:
        assert (await stream.next())["recovered"] is True
        assert (await stream.next())["value"] == "two"
    async with peer.events(query=f"after={peer.created['cursor']}") as stream:
        assert (await stream.next())["recovered"] is True
        assert [(await stream.next())["value"] for _ in range(2)] == ["one", "two"]
    async with peer.events(query="after=nonsense") as stream:
        assert (await stream.next())["recovered"] is False


async def test_hpp_137_a_stream_says_why_it_ends(pair: Open, local: Start) -> None:
    peer = await pair()
    async with peer.events() as stream:
        await stream.next("connected")
        await peer.user("DELETE", "session")
        closed, events = await stream.closed()
        assert events[-1]["type"] == "revoked"
        assert (closed["type"], closed["code"], closed["final"]) == ("closed", 4410, True)
    brief = await (await local({"stream_life": 0.1})).open()
    async with brief.events() as stream:
        closed, _ = await stream.closed()
        assert (closed["code"], closed["final"]) == (1000, False)


async def test_hpp_138_a_refused_stream_is_a_refused_request(pair: Open) -> None:
    peer = await pair()
    for headers, status, code in (({}, 403, "invalid_token"), ({"X-Handshake-Token": "A" * 32}, 403, "invalid_token")):
        refused = await peer.send("GET", "events", headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
        assert refused.headers["content-type"] == "application/problem+json"
    await peer.user("DELETE", "session")
    gone = await peer.agent("GET", "events")
    assert (gone.status_code, gone.json()["code"]) == (404, "session_revoked")
