"""SPEC.md section 7: the WebSocket, what a page may send on it, and how it closes."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.conformance.conftest import Open, Start
from tests.support.peer import PATIENCE, Peer, Socket


async def test_hpp_086_only_the_protocols_own_subprotocol_is_selected(pair: Open) -> None:
    peer = await pair()
    secret = f"hpp.bearer.{peer.token}"
    selected = {}
    for offer in ([], [secret], ["hpp.v1", secret], [secret, "hpp.v1"], ["chat", "hpp.v1", secret], ["hpp.v1"]):
        async with _connection(peer, offer=offer, headers=peer.as_user) as connection:
            assert json.loads(await connection.recv())["type"] == "connected"
            selected[tuple(offer)] = connection.subprotocol
    assert [name for offer, name in selected.items() if "hpp.v1" in offer] == ["hpp.v1"] * 4
    assert [name for offer, name in selected.items() if "hpp.v1" not in offer] == [None] * 2


@pytest.mark.parametrize(
    ("case", "code", "verdict"),
    [
        ("no credential", "invalid_token", 4401),
        ("wrong token", "invalid_token", 4401),
        ("unknown session", "invalid_token", 4401),
        ("foreign origin", "origin_not_allowed", 4403),
        ("ended", "session_revoked", 4410),
        ("unknown path", None, 4404),
    ],
)
async def test_hpp_087_a_refusal_is_an_accept_and_a_close_that_says_why(
    pair: Open, case: str, code: str | None, verdict: int
) -> None:
    peer = await pair()
    path = peer.created["wsUrl"]
    offer = ["hpp.v1"] + (["hpp.bearer.wrong"] if case == "wrong token" else [])
    headers = peer.as_user if case in ("foreign origin", "ended") else {}
    if case == "unknown session":
        path = path.replace(peer.session_id, "0" * 32)
    if case == "unknown path":
        path += "/nothing"
    if case == "foreign origin":
        headers |= {"Origin": "https://evil.example"}
    if case == "ended":
        await peer.user("DELETE", "session")
    async with _connection(peer, offer=offer, headers=headers, path=path) as connection:
        assert connection.subprotocol == "hpp.v1"
        closed, frames = await Socket(connection).closed()
    assert closed == verdict
    assert [(frame["type"], frame["code"]) for frame in frames] == ([("error", code)] if code else [])


@pytest.mark.parametrize("role", ["agent", "user"])
async def test_hpp_088_the_first_frame_says_who_watches_what_from_where(pair: Open, role: str) -> None:
    peer = await pair()
    async with peer.watch(role=role) as watcher:
        connected = await watcher.next()
    assert set(connected) == {
        "type",
        "sessionId",
        "mode",
        "role",
        "cursor",
        "recovered",
        "snapshot",
        "expiresIn",
        "keepalive",
    }
    assert (connected["type"], connected["sessionId"]) == ("connected", peer.session_id)
    assert (connected["mode"], connected["role"]) == ("form-fill", role)
    assert connected["cursor"] == peer.created["cursor"]
    assert connected["keepalive"] > 0


async def test_hpp_089_an_agent_cannot_write_as_the_person_over_the_socket(pair: Open) -> None:
    peer = await pair()
    await peer.edit("city", "Ulm")
    before = await peer.context()
    async with peer.watch(role="agent") as agent:
        await agent.next("connected")
        await agent.send({"type": "userEdit", "key": "name", "value": "A", "by": "user", "role": "user", "ref": 1})
        await agent.send({"type": "release", "key": "city", "ref": 2})
        refused = [await agent.next(), await agent.next()]
    assert [(one["type"], one["code"], one["ref"]) for one in refused] == [
        ("error", "user_required", 1),
        ("error", "user_required", 2),
    ]
    after = await peer.context()
    assert (after["context"], after["cursor"]) == (before["context"], before["cursor"])


REFUSED: list[tuple[Any, str, str | int | None]] = [
    ("{", "invalid_json", None),
    ("[1]", "invalid_request", None),
    ({"key": "name"}, "invalid_request", None),
    ({"type": "userEdit", "value": 1, "ref": "r"}, "invalid_request", "r"),
    ({"type": "userEdit", "key": "nobody", "value": 1, "ref": "r"}, "unknown_field", "r"),
    ({"type": "userEdit", "key": "number", "value": 1, "ref": 3}, "read_only", 3),
    ({"type": "userEdit", "key": "a\u0000", "value": 1, "ref": "r"}, "invalid_key", "r"),
    ({"type": "userEdit", "key": "name", "value": 2**53, "ref": "r"}, "invalid_value", "r"),
    ({"type": "someday", "ref": "r"}, "unknown_message", "r"),
    (r'{"type": "userEdit", "key": "name", "value": "\ud83d", "ref": "r"}', "invalid_json", "r"),
    ('{"type": "userEdit", "ref": 3, "key": "name", "value": ', "invalid_json", 3),
]


async def test_hpp_090_a_refused_frame_is_answered_and_the_connection_stays(pair: Open) -> None:
    peer = await pair()
    async with peer.watch() as page:
        await page.next("connected")
        for frame, code, ref in REFUSED:
            await page.send(frame)
            error = await page.next()
            assert (error["type"], error["code"], error.get("ref")) == ("error", code, ref)
            assert error["msg"]
            await page.send({"type": "userEdit", "key": "name", "value": "A"})
            assert (await page.next())["type"] == "ack"


OBJECTIONS = {1003: [], 4513: ["frame_too_large"], 4529: ["invalid_json"] * 10}


@pytest.mark.parametrize(
    ("frames", "verdict"),
    [([b"\x00"], 1003), (["x" * (64 * 1024 + 1)], 4513), (["{"] * 10, 4529)],
    ids=["binary", "large", "malformed"],
)
async def test_hpp_091_a_page_that_does_not_keep_to_the_frames_is_closed(
    pair: Open, frames: list[str | bytes], verdict: int
) -> None:
    peer = await pair()
    async with peer.watch() as page:
        await page.next("connected")
        for frame in frames:
            await page.send(frame)
        code, answers = await page.closed()
    assert code == verdict
    assert [answer["code"] for answer in answers] == OBJECTIONS[verdict]


async def test_hpp_092_a_page_that_sends_too_fast_is_slowed_down_and_loses_nothing(local: Start) -> None:
    server = await local({"frames_per_second": 50, "frames_burst": 5})
    peer = await server.open({})
    async with peer.watch() as page:
        await page.next("connected")
        begun = time.monotonic()
        for number in range(25):
            await page.send({"type": "userEdit", "key": "n", "value": number, "ref": number})
        acks = [await page.next("ack") for _ in range(25)]
        assert time.monotonic() - begun > 0.35
    assert [ack["ref"] for ack in acks] == list(range(25))
    assert (await peer.context())["data"] == {"n": 24}


async def test_hpp_093_a_ninth_page_is_turned_away_for_now_and_eight_stay_whatever_the_agent_has(pair: Open) -> None:
    peer = await pair()
    async with AsyncExitStack() as stack:
        for _ in range(8):
            await stack.enter_async_context(peer.watch(role="agent"))
        watchers = [await stack.enter_async_context(peer.watch()) for _ in range(9)]
        for watcher in watchers[:8]:
            await watcher.next("connected")
        code, frames = await watchers[8].closed()
        assert (code, frames[0]["code"]) == (4529, "too_many_watchers")
        await peer.act({"name": "A"})
        for watcher in watchers[:8]:
            assert (await watcher.next())["type"] == "action"


async def test_hpp_094_a_quiet_connection_gets_heartbeats(local: Start) -> None:
    server = await local({"keepalive": 0.1})
    peer = await server.open()
    async with peer.watch() as page:
        assert (await page.next())["keepalive"] == 0.1
        assert [await page.next() for _ in range(2)] == [{"type": "heartbeat"}] * 2


async def test_hpp_140_a_ping_is_answered_at_once_and_changes_nothing(pair: Open) -> None:
    peer = await pair()
    async with peer.watch() as page, peer.watch(role="agent") as agent:
        before = (await page.next("connected"))["cursor"]
        await agent.next("connected")
        applied = (await peer.act({"name": "first", "age": 36}, stream=True, interval_ms=1_000))["applied"]
        for watcher in (page, agent):
            await watcher.next("action")
            for _ in range(12):  # more than a page may send of what is malformed
                await watcher.send({"type": "ping", "ref": "still there?"})
                assert await watcher.next() == {"type": "pong", "ref": "still there?"}
    async with peer.watch(after=before) as page, peer.watch(role="agent", after=before) as agent:
        for frames in await asyncio.gather(page.until("done"), agent.until("done")):
            assert [frame["type"] for frame in frames] == ["connected", *("action" for _ in applied), "done"]


async def test_hpp_095_a_slow_watcher_is_cut_off_and_resumes_without_loss(local: Start) -> None:
    large = 512 * 1024
    room = {"value_bytes": 2 * large, "frame_bytes": 2 * large, "body_bytes": 4 * large, "session_bytes": 4 * large}
    ends = {"queue_bytes": 2 * large, "log_bytes": 100 * large, "send_timeout": 10 * PATIENCE}
    server = await local(room | ends)
    peer = await server.open({})
    async with (
        _connection(peer, headers=peer.as_user, max_queue=1, sock=_narrow(peer)) as connection,
        peer.watch() as quick,
    ):
        slow = Socket(connection)
        await slow.opened()
        await quick.next("connected")
        for number in range(24):  # 12 MiB: more than the buffers of both ends take
            async with asyncio.timeout(PATIENCE):
                await peer.act({"blob": f"{number:03}" + "x" * large})
                assert (await quick.next("action"))["value"].startswith(f"{number:03}")
        code, seen = await slow.closed()
        assert (code, seen[0]["type"]) == (4508, "connected")
    path = f"{peer.created['wsUrl']}?after={seen[-1]['cursor']}"
    async with _connection(peer, headers=peer.as_user, path=path) as again:
        assert (await Socket(again).next())["recovered"] is True
        while seen[-1].get("seq") != 48:
            seen.append(await Socket(again).next())
    assert [frame["seq"] for frame in seen[1:]] == list(range(1, 49))


async def test_hpp_141_no_flood_of_an_agents_closes_a_page_that_reads(pair: Open) -> None:
    peer = await pair({})
    text = "\u00e9" * 1_300  # three times as long in a frame
    async with peer.watch() as page:
        await page.next("connected")
        await peer.act({f"k{number}": text for number in range(24)}, stream=True, interval_ms=2000)
        batches = [{f"k{number}": f"{batch}{text}" for number in range(48)} for batch in range(8)]
        await asyncio.gather(*map(peer.act, batches))
        await peer.act({"last": 1})
        view: dict[str, Any] = {}
        while "last" not in view:
            frame = await page.next()
            if frame["type"] == "connected":
                view = {key: record["value"] for key, record in frame["snapshot"]["context"].items()}
            elif frame["type"] == "action":
                view[frame["key"]] = frame["value"]
    assert view == (await peer.context())["data"]


async def test_hpp_096_a_server_that_shuts_down_sends_its_watchers_elsewhere(local: Start) -> None:
    server = await local({"drain_spread": 0.1})
    peer = await server.open()
    async with peer.watch() as page, peer.watch(role="agent") as agent:
        for watcher in (page, agent):
            await watcher.next("connected")
        await server.drain()
        for watcher in (page, agent):
            code, frames = await watcher.closed()
            assert (code, [frame["type"] for frame in frames]) == (4503, ["draining"])
            assert isinstance(frames[0]["afterMs"], int)
    async with peer.watch() as late:
        code, frames = await late.closed()
        assert (code, frames[0]["code"]) == (4503, "draining")


def _connection(
    peer: Peer,
    *,
    offer: list[str] | None = None,
    headers: dict[str, str],
    path: str | None = None,
    max_queue: int = 1024,
    sock: socket.socket | None = None,
) -> connect:
    return connect(
        peer.base_url.replace("http", "ws", 1) + (path or peer.created["wsUrl"]),
        subprotocols=[Subprotocol(name) for name in offer or []] or None,
        additional_headers=headers,
        open_timeout=PATIENCE,
        close_timeout=1,
        max_queue=max_queue,
        max_size=None,
        compression=None,
        sock=sock,
    )


def _narrow(peer: Peer) -> socket.socket:
    """Return a connection that takes in little ahead of its reader, where a system may have room for megabytes."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    place = urlsplit(peer.base_url)
    narrow.connect((place.hostname, place.port))
    return narrow
