"""The WebSocket through a real server: what comes first, what is resumed, what ends it and with which code."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from handshake_prompt import HandshakeApp, Limits, MemoryStore, ModeHandler, Role, Session
from handshake_prompt.modes import DEFAULT_HANDLERS
from tests.conftest import FORM, Open
from tests.support.clock import ManualClock
from tests.support.peer import PATIENCE, Peer, Socket
from tests.support.sessions import record_of
from tests.support.stalls import waiting_at_most

BUSY = Limits(agent_requests=10_000, user_requests=10_000)
LIVELY = BUSY.replace(keepalive=0.03)
"""A watcher that looks at the clock often, for tests that turn it by hand."""

LOGGED = {"action", "edit", "done", "extended", "rotated"}


def sequence(frames: Sequence[Mapping[str, Any]]) -> list[int]:
    return [frame["seq"] for frame in frames if frame["type"] in LOGGED]


@contextlib.asynccontextmanager
async def watchers(peer: Peer, *roles: str) -> AsyncIterator[list[Socket]]:
    """Open a watcher of each role and wait until all are connected."""
    async with contextlib.AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(peer.watch(role=role)) for role in roles]
        for socket in sockets:
            await socket.next("connected")
        yield sockets


# What comes first


async def test_connected_comes_first_with_a_snapshot_and_a_cursor(pair: Open) -> None:
    peer = await pair()
    await peer.act({"name": "Alice"})
    async with peer.watch() as page:
        first = await page.next()
    context = await peer.context(role="user")
    assert first["type"] == "connected"
    assert first["sessionId"] == peer.session_id
    assert (first["mode"], first["role"]) == ("form-fill", "user")
    assert first["recovered"] is False
    assert first["keepalive"] == 25
    assert first["expiresIn"] > 1790
    assert first["cursor"] == context["cursor"]
    assert first["snapshot"] | {"expiresIn": 0} == context | {"expiresIn": 0}


async def test_connected_comes_first_however_busy_the_session_is(pair: Open) -> None:
    peer = await pair(HandshakeApp(limits=BUSY))
    acting = asyncio.create_task(asyncio.wait([asyncio.create_task(peer.act({"age": n})) for n in range(20)]))
    for _ in range(5):
        async with peer.watch() as page:
            first = await page.next()
            assert first["type"] == "connected"
            place = int(first["cursor"].partition(".")[2])
            await peer.edit("name", "x")
            while (frame := await page.next())["type"] != "edit":
                assert frame["seq"] == (place := place + 1)
    await acting


async def test_the_agents_snapshot_withholds_what_is_sensitive(pair: Open) -> None:
    peer = await pair()
    await peer.edit("iban", "DE02")
    async with peer.watch(role="agent") as agent, peer.watch() as page:
        shown = (await agent.next("connected"))["snapshot"]["context"]["iban"]
        theirs = (await page.next("connected"))["snapshot"]["context"]["iban"]
    assert (shown["value"], shown["sensitive"], shown["filled"]) == (None, True, True)
    assert theirs["value"] == "DE02"


async def test_every_logged_frame_says_where_it_is_in_the_log(pair: Open) -> None:
    peer = await pair()
    async with watchers(peer, "user") as [page]:
        await peer.act({"name": "Alice", "age": 30})
        await peer.edit("email", "a@example.com")
        await peer.agent("POST", "extend", {"extraSeconds": 60})
        await peer.user("POST", "rotate", {})
        frames = await page.until("rotated")
    assert [frame["type"] for frame in frames] == ["action", "action", "done", "edit", "extended", "rotated"]
    assert sequence(frames) == [1, 2, 3, 4, 5, 6]
    assert all(frame["cursor"].endswith(f".{frame['seq']}") and frame["at"] for frame in frames)
    assert frames[2] | {"at": ""} == frames[2] | {"applied": 2, "rejected": [], "missing": [], "at": ""}


# Resuming


async def test_a_watcher_that_comes_back_gets_every_event_it_missed(pair: Open) -> None:
    peer = await pair()
    async with peer.watch() as page:
        cursor = (await page.next("connected"))["cursor"]
    await peer.act({"name": "Alice", "age": 30})
    await peer.edit("age", 31)
    async with peer.watch(after=cursor) as page:
        connected = await page.next()
        missed = [await page.next() for _ in range(4)]
        await peer.edit("name", "Bob")
        live = await page.next()
    assert (connected["type"], connected["recovered"], connected["snapshot"]) == ("connected", True, None)
    assert connected["cursor"] == cursor
    assert [frame["type"] for frame in missed] == ["action", "action", "done", "edit"]
    assert sequence([*missed, live]) == [1, 2, 3, 4, 5]


async def test_a_watcher_that_missed_nothing_is_told_so(pair: Open) -> None:
    peer = await pair()
    cursor = (await peer.act({"name": "Alice"}))["cursor"]
    async with peer.watch(after=cursor) as page:
        connected = await page.next()
        await peer.edit("name", "Bob")
        assert (await page.next())["seq"] == 3
    assert (connected["recovered"], connected["snapshot"], connected["cursor"]) == (True, None, cursor)


NOWHERE: dict[str, Callable[[str, int, Peer], str]] = {
    "garbage": lambda _epoch, _place, _other: "garbage",
    "another session's": lambda _epoch, _place, other: str(other.created["cursor"]),
    "ahead of the log": lambda epoch, place, _other: f"{epoch}.{place + 1}",
    "far ahead": lambda epoch, _place, _other: f"{epoch}.{10**14}",
    "negative": lambda epoch, _place, _other: f"{epoch}.-1",
    "no epoch": lambda _epoch, place, _other: str(place),
    "epoch only": lambda epoch, _place, _other: epoch,
    "empty": lambda _epoch, _place, _other: "",
}
"""Cursors that are no place in a session's log, made of its epoch and place and of another session."""


@pytest.mark.parametrize("case", NOWHERE)
async def test_a_cursor_that_is_no_place_in_the_log_gets_a_snapshot(pair: Open, case: str) -> None:
    hpp = HandshakeApp()
    peer, other = await pair(hpp), await pair(hpp)
    cursor = (await peer.act({"name": "Alice"}))["cursor"]
    epoch, _, place = cursor.partition(".")
    async with peer.watch(query=f"after={NOWHERE[case](epoch, int(place), other)}") as page:
        connected = await page.next()
        await peer.edit("age", 3)
        after = await page.next()
    assert connected["recovered"] is False
    assert connected["snapshot"]["context"]["name"]["value"] == "Alice"
    assert connected["cursor"] == cursor
    assert after["seq"] == 3


@pytest.mark.parametrize(("missed", "recovered"), [(300, True), (301, False)])
async def test_up_to_three_hundred_missed_events_are_replayed(pair: Open, missed: int, *, recovered: bool) -> None:
    peer = await pair(HandshakeApp(limits=BUSY), {})
    start = peer.created["cursor"]
    for batch in range(2):
        await peer.act({f"key{number}": batch for number in range(149)})
    for number in range(missed - 300):
        await peer.edit("more", number)
    async with peer.watch(after=start) as page:
        connected = await page.next()
        assert connected["recovered"] is recovered
        assert (connected["snapshot"] is None) is recovered
        frames = [await page.next() for _ in range(300)] if recovered else []
        await peer.edit("last", 1)
        frames.append(await page.next())
    assert sequence(frames) == list(range(1 if recovered else missed + 1, missed + 2))


async def test_a_place_the_log_does_not_keep_any_more_gets_a_snapshot_and_never_a_part(pair: Open) -> None:
    peer = await pair(HandshakeApp(limits=BUSY.replace(log_events=10, replay_events=10)), {})
    places = [peer.created["cursor"], *[(await peer.edit("a", number))["cursor"] for number in range(15)]]
    for place, cursor in enumerate(places):
        async with peer.watch(after=cursor) as page:
            connected = await page.next()
            assert connected["recovered"] is (place >= 5), place
            if connected["recovered"]:
                frames = [await page.next() for _ in range(15 - place)]
                assert sequence(frames) == list(range(place + 1, 16))


async def test_a_replay_is_not_paced(pair: Open) -> None:
    peer = await pair()
    cursor = peer.created["cursor"]
    await peer.act({"name": "a", "age": 1, "email": "a@example.com"}, stream=True, interval_ms=2000)
    async with peer.watch(after=cursor) as page, waiting_at_most(1):
        await page.until("done")


async def test_a_watcher_cut_off_between_paced_frames_and_its_own_edit_resumes_without_a_hole(pair: Open) -> None:
    peer = await pair()
    async with watchers(peer, "user") as [page]:
        await peer.act({"name": "a", "age": 1, "plan": "pro"}, stream=True, interval_ms=500)
        seen = [await page.next("action")]
        await page.send({"type": "userEdit", "key": "email", "value": "me@example.com", "ref": 1})
        seen += await page.until("ack")  # it overtakes the frames that are held back
        places = (frame["cursor"] for frame in seen if "cursor" in frame)
        cursor = max(places, key=lambda text: int(text.partition(".")[2]))
    async with peer.watch(after=cursor) as page:
        connected = await page.next()
        await peer.edit("name", "last")
        frames = await page.until("edit")
        while frames[-1]["key"] != "name":
            frames += await page.until("edit")
    assert connected["recovered"] is True
    known = {frame["key"] for frame in [*seen, *frames] if "key" in frame}
    assert known == {"name", "age", "plan", "email"}
    assert sequence(frames)[-1] == 6


async def test_several_watchers_see_the_same_log(pair: Open) -> None:
    peer = await pair()
    async with watchers(peer, "user", "user", "agent") as sockets:
        await peer.act({"name": "Alice", "age": 30})
        await peer.edit("email", "a@example.com")
        views = [await socket.until("edit") for socket in sockets]
    assert [sequence(view) for view in views] == [[1, 2, 3, 4]] * 3
    assert views[0] == views[1] == views[2]


# What a page sends


async def test_an_edit_is_acknowledged_to_its_socket_and_shown_to_the_others(pair: Open) -> None:
    peer = await pair()
    async with watchers(peer, "user", "user", "agent") as [page, tab, agent]:
        await page.send({"type": "userEdit", "key": "name", "value": "Zoë", "ref": "r1"})
        ack = await page.next()
        shown, told = await tab.next(), await agent.next()
        await peer.edit("age", 1)
        following = await page.next()
    assert ack.keys() == {"type", "key", "by", "seq", "at", "digest", "ref"}
    assert (ack["type"], ack["key"], ack["by"], ack["seq"], ack["ref"]) == ("ack", "name", "user", 1, "r1")
    assert (shown["type"], shown["key"], shown["value"], shown["by"]) == ("edit", "name", "Zoë", "user")
    assert told == shown
    assert (following["type"], following["key"]) == ("edit", "age"), "an own edit came back"


async def test_an_edit_over_http_is_shown_to_every_watcher(pair: Open) -> None:
    peer = await pair()
    async with watchers(peer, "user", "user") as sockets:
        await peer.edit("name", "x")
        for socket in sockets:
            assert (await socket.next())["value"] == "x"


async def test_a_release_is_acknowledged_and_shown_as_an_edit_by_default(pair: Open) -> None:
    peer = await pair()
    await peer.edit("name", "mine")
    async with watchers(peer, "user", "user") as [page, tab]:
        await page.send({"type": "release", "key": "name", "ref": 7})
        ack, shown = await page.next(), await tab.next()
    assert (ack["type"], ack["by"], ack["ref"]) == ("ack", "default", 7)
    assert (shown["type"], shown["value"], shown["by"]) == ("edit", "mine", "default")
    assert (await peer.act({"name": "theirs"}))["applied"] == ["name"]


async def test_a_refused_edit_is_an_error_frame_and_nothing_else(pair: Open) -> None:
    peer = await pair()
    async with watchers(peer, "user", "user") as [page, tab]:
        for key, code in (("number", "read_only"), ("nowhere", "unknown_field")):
            await page.send({"type": "userEdit", "key": key, "value": "x", "ref": key})
            error = await page.next()
            assert (error["type"], error["code"], error["key"], error["ref"]) == ("error", code, key, key)
        await peer.edit("name", "x")
        assert (await tab.next())["key"] == "name"


@pytest.mark.parametrize("kind", ["userEdit", "release"])
async def test_an_agent_that_writes_as_the_person_is_refused_and_nothing_changes(pair: Open, kind: str) -> None:
    hpp = HandshakeApp()
    peer = await pair(hpp)
    await peer.edit("age", 30)
    async with watchers(peer, "agent") as [agent]:
        before = await record_of(hpp.engine.store, peer.session_id)
        await agent.send({"type": kind, "key": "age", "value": 99, "ref": "x", "by": "user", "role": "user"})
        error = await agent.next()
        assert await record_of(hpp.engine.store, peer.session_id) == before
    assert (error["type"], error["code"], error["ref"]) == ("error", "user_required", "x")


async def test_watching_alone_does_not_keep_a_session_alive(pair: Open) -> None:
    clock = ManualClock()
    hpp = HandshakeApp(store=MemoryStore(LIVELY, clock=clock), limits=LIVELY)
    peer = await pair(hpp)

    async def expires_at() -> float:
        record = await record_of(hpp.engine.store, peer.session_id)
        return record.expires_at

    before = await expires_at()
    async with watchers(peer, "user") as [page]:
        clock.advance(100)
        await page.next("heartbeat")
        await page.send({"type": "nonsense"})
        await page.next("error")
        assert await expires_at() == before
        await page.send({"type": "userEdit", "key": "name", "value": "x"})
        await page.next("ack")
        assert await expires_at() == before + 100


# Ends


async def test_an_idle_watcher_hears_a_heartbeat(pair: Open) -> None:
    peer = await pair(HandshakeApp(limits=LIVELY))
    async with watchers(peer, "user") as [page]:
        assert [await page.next() for _ in range(3)] == [{"type": "heartbeat"}] * 3


async def test_a_session_that_runs_out_says_so_before_and_then_closes_4410(pair: Open) -> None:
    clock = ManualClock()
    peer = await pair(HandshakeApp(store=MemoryStore(clock=clock), ttl=1800, limits=LIVELY))
    async with watchers(peer, "user", "agent") as sockets:
        clock.advance(1741)
        for socket in sockets:
            assert (await socket.next("expiring"))["expiresIn"] == 59
        clock.advance(59)
        for socket in sockets:
            code, frames = await socket.closed()
            assert code == 4410
            assert frames[-1] == {"type": "expired"}
            assert [frame["type"] for frame in frames].count("expiring") == 0, "told twice"


async def test_a_session_that_is_used_again_warns_again(pair: Open) -> None:
    clock = ManualClock()
    peer = await pair(HandshakeApp(store=MemoryStore(clock=clock), ttl=1800, limits=LIVELY))
    async with watchers(peer, "user") as [page]:
        clock.advance(1750)
        await page.next("expiring")
        await peer.act({"name": "x"})
        clock.advance(1750)
        assert (await page.next("expiring"))["expiresIn"] == 50


async def test_i13_a_session_that_ran_out_is_closed_within_a_second(pair: Open) -> None:
    """I13, by the real clock and with the usual keepalive."""
    peer = await pair(HandshakeApp(ttl=1.0))
    async with peer.watch() as page, peer.watch(role="agent") as agent, waiting_at_most(2.0):
        verdicts = await asyncio.gather(page.closed(), agent.closed())
    assert [code for code, _ in verdicts] == [4410, 4410]


async def test_i13_a_revoked_session_closes_all_watchers_and_refuses_everything_within_a_second(pair: Open) -> None:
    """I13."""
    peer = await pair()
    async with watchers(peer, "user", "agent", "user", "agent") as sockets:
        polling = asyncio.create_task(peer.agent("GET", "diff", params={"since": peer.created["cursor"], "wait": 25}))
        await peer.context()
        async with waiting_at_most(1):
            assert (await peer.user("DELETE", "session")).json() == {"ok": True}
            verdicts = await asyncio.gather(*(socket.closed() for socket in sockets))
            polled = await polling
    assert [code for code, _ in verdicts] == [4410] * 4
    assert all(frames[-1] == {"type": "revoked"} for _, frames in verdicts)
    assert polled.json()["code"] == "session_revoked"
    for name, method in (("context", "GET"), ("diff", "GET"), ("session", "GET"), ("action", "POST")):
        assert (await peer.agent(method, name, {} if method == "POST" else None)).json()["code"] == "session_revoked"
    assert (await peer.user("POST", "notify", {"key": "name", "value": 1})).json()["code"] == "session_revoked"


async def test_rotating_the_token_closes_the_agents_4401_and_leaves_the_person(pair: Open) -> None:
    peer = await pair()
    async with watchers(peer, "user", "agent", "agent") as [page, *agents]:
        token = (await peer.user("POST", "rotate", {})).json()["token"]
        for agent in agents:
            assert (await agent.closed())[0] == 4401
        assert (await page.next())["type"] == "rotated"
        async with peer.watch(role="agent") as agent:
            assert (await agent.closed())[0] == 4401
        peer.created["token"] = token
        async with peer.watch(role="agent") as agent:
            assert (await agent.next("connected"))["role"] == "agent"
        await peer.edit("name", "x")
        assert (await page.next())["type"] == "edit"


async def test_the_ninth_watcher_is_closed_4529_and_the_others_stay(pair: Open) -> None:
    peer = await pair()
    async with contextlib.AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(peer.watch()) for _ in range(8)]
        for socket in sockets:
            await socket.next("connected")
        async with peer.watch() as ninth:
            code, frames = await ninth.closed()
        assert (code, frames[0]["code"]) == (4529, "too_many_watchers")
        await peer.edit("name", "x")
        for socket in sockets:
            assert (await socket.next())["type"] == "edit"
        await sockets[0].connection.close()
        async with asyncio.timeout(PATIENCE):
            while (await peer.user("GET", "session")).json()["watchers"] == 8:
                await asyncio.sleep(0.01)
        async with peer.watch() as socket:
            assert (await socket.next())["type"] == "connected"


async def test_a_full_server_sends_the_next_watcher_elsewhere(pair: Open) -> None:
    hpp = HandshakeApp(limits=Limits(watchers=1))
    peer, other = await pair(hpp), await pair(hpp)
    async with watchers(peer, "user"), other.watch() as socket:
        code, frames = await socket.closed()
    assert (code, frames[0]["code"]) == (4503, "at_capacity")


async def test_a_frame_of_64_kib_is_taken_and_a_larger_one_closes_4513(pair: Open) -> None:
    peer = await pair()
    async with watchers(peer, "user") as [page]:
        padding = json_of_size(64 * 1024)
        await page.send(padding)
        assert (await page.next())["type"] == "ack"
        await page.send(padding + " ")
        assert (await page.closed())[0] == 4513
    async with watchers(peer, "user") as [page]:
        await page.send("é" * (32 * 1024 + 1))  # fewer characters than bytes
        assert (await page.closed())[0] == 4513
    assert (await peer.act({"name": "x"}))["ok"]


def json_of_size(size: int) -> str:
    frame = '{"type":"userEdit","key":"age","value":1}'
    return frame + " " * (size - len(frame))


async def test_a_binary_frame_closes_1003(pair: Open) -> None:
    peer = await pair()
    async with watchers(peer, "user", "user") as [page, tab]:
        await page.send(b'{"type":"userEdit","key":"name","value":"x"}')
        assert (await page.closed())[0] == 1003
        await peer.edit("age", 1)
        assert (await tab.next())["key"] == "age"


async def test_ten_malformed_frames_in_a_minute_close_4529(pair: Open) -> None:
    peer = await pair()
    async with watchers(peer, "user") as [page]:
        for number in range(9):
            await page.send(f"nonsense {number}")
            assert (await page.next())["code"] == "invalid_json"
        await page.send({"type": "userEdit", "key": "name", "value": "x"})
        assert (await page.next())["type"] == "ack"
        await page.send("nonsense 10")
        code, frames = await page.closed()
    assert code == 4529
    assert [frame["code"] for frame in frames] == ["invalid_json"]


async def test_refused_edits_are_not_malformed(pair: Open) -> None:
    peer = await pair()
    async with watchers(peer, "user") as [page]:
        for _ in range(20):
            await page.send({"type": "userEdit", "key": "number", "value": "x"})
            assert (await page.next())["code"] == "read_only"
        await page.send({"type": "userEdit", "key": "name", "value": "x"})
        assert (await page.next())["type"] == "ack"


async def test_a_burst_is_slowed_down_and_nothing_of_it_is_dropped(pair: Open) -> None:
    peer = await pair(HandshakeApp(limits=Limits(frames_burst=5, frames_per_second=50)))
    async with watchers(peer, "user") as [page]:
        before = time.monotonic()
        for number in range(25):
            await page.send({"type": "userEdit", "key": "age", "value": number, "ref": number})
        refs = [(await page.next("ack"))["ref"] for _ in range(25)]
        elapsed = time.monotonic() - before
    assert refs == list(range(25))
    assert elapsed >= 20 / 50 - 0.02


async def test_a_burst_of_sixty_frames_is_not_slowed_down(pair: Open) -> None:
    peer = await pair()
    async with watchers(peer, "user") as [page], waiting_at_most(1):  # all but the first 20 would be three seconds
        for number in range(60):
            await page.send({"type": "userEdit", "key": "age", "value": number})
        for _ in range(60):
            await page.next("ack")


async def test_one_pages_burst_does_not_slow_another(pair: Open) -> None:
    peer = await pair(HandshakeApp(limits=Limits(frames_burst=1, frames_per_second=0.5)))
    async with watchers(peer, "user", "user") as [page, tab]:
        for number in range(3):
            await page.send({"type": "userEdit", "key": "age", "value": number})
        async with waiting_at_most(1):  # the page's own second frame is read after two seconds
            await tab.send({"type": "userEdit", "key": "name", "value": "x"})
            assert (await tab.next("ack"))["key"] == "name"


# The handshake


@pytest.mark.parametrize(
    ("offered", "selected"),
    [
        (["hpp.v1"], "hpp.v1"),
        (["hpp.v1", "TOKEN"], "hpp.v1"),
        (["TOKEN", "hpp.v1"], "hpp.v1"),
        (["chat", "hpp.v1"], "hpp.v1"),
        (["TOKEN"], None),
        (["hpp.v2"], None),
        ([], None),
    ],
    ids=str,
)
async def test_hpp_v1_is_selected_whenever_it_is_offered_and_a_credential_never(
    pair: Open, offered: list[str], selected: str | None
) -> None:
    peer = await pair()
    names = [Subprotocol(f"hpp.bearer.{peer.token}" if name == "TOKEN" else name) for name in offered]
    url = peer.base_url.replace("http", "ws", 1) + peer.created["wsUrl"]
    async with connect(url, subprotocols=names or None, additional_headers=peer.as_user, close_timeout=1) as connection:
        assert connection.subprotocol == selected
        assert peer.token not in str(connection.response.headers if connection.response else "")
        assert (await Socket(connection).next())["type"] == "connected"


async def test_a_refusal_is_an_accept_and_a_close_with_its_code(pair: Open) -> None:
    peer = await pair()
    async with peer.watch(headers={}) as socket:  # so that a browser learns the code
        code, frames = await socket.closed()
        assert socket.connection.subprotocol == "hpp.v1"
    assert code == 4401
    assert socket.connection.close_reason == "invalid_token"
    assert [(frame["type"], frame["code"]) for frame in frames] == [("error", "invalid_token")]


async def test_wrong_credentials_of_websockets_are_counted_too(pair: Open) -> None:
    peer = await pair()
    codes = []
    for _ in range(11):
        async with peer.watch(headers={"X-Handshake-Token": "wrong"}) as socket:
            codes.append((await socket.closed())[0])
    assert codes == [4401] * 10 + [4429]
    async with peer.watch(role="agent") as socket:
        assert (await socket.next())["type"] == "connected"


@pytest.mark.parametrize("path", ["/ws/handshake/", "/ws/handshake/x/y", "/handshake/nothing", "/handshake/ws/"])
async def test_a_websocket_to_nowhere_is_closed_4404(pair: Open, path: str) -> None:
    peer = await pair()
    url = peer.base_url.replace("http", "ws", 1) + path
    async with connect(url, additional_headers=peer.as_user, close_timeout=1) as connection:
        assert (await Socket(connection).closed())[0] == 4404


async def test_a_websocket_url_with_a_slash_at_the_end_works(pair: Open) -> None:
    peer = await pair()
    peer.created["wsUrl"] += "/"
    async with peer.watch() as page:
        assert (await page.next())["type"] == "connected"


# Modes of the host


class Talking(ModeHandler):
    """A mode with a message of its own, which fails on demand."""

    def context_response(self, session: Session, role: Role) -> dict[str, Any]:
        if session.meta.get("fail"):
            raise RuntimeError("the secret plans are in /etc/plans")
        return {"data": {}}

    def process_ws_message(self, session: Session, message: Mapping[str, Any]) -> list[Any]:
        if message["type"] == "fail":
            raise RuntimeError("the secret plans are in /etc/plans")
        return [self.set_value(session, "said", message["text"])]


MODES = {**DEFAULT_HANDLERS, "talk": Talking()}


async def test_a_modes_own_message_is_carried_out_as_the_watchers_role(pair: Open) -> None:
    peer = await pair(HandshakeApp(mode_handlers=MODES), {"mode": "talk"})
    async with watchers(peer, "user", "agent") as [page, agent]:
        await agent.send({"type": "say", "text": "a"})
        assert (await agent.next())["by"] == "ai"
        assert (await page.next())["type"] == "action"
        await page.send({"type": "say", "text": "b"})
        assert (await page.next())["by"] == "user_edit"
        assert (await agent.next())["type"] == "edit"


async def test_a_mode_that_fails_on_a_message_closes_4500_and_tells_nothing(
    pair: Open, caplog: pytest.LogCaptureFixture
) -> None:
    peer = await pair(HandshakeApp(mode_handlers=MODES), {"mode": "talk"})
    async with watchers(peer, "user", "user") as [page, tab]:
        await page.send({"type": "fail"})
        code, frames = await page.closed()
        assert code == 4500
        assert "plans" not in str(frames)
        await peer.edit("a", 1)
        assert (await tab.next())["key"] == "a"
    assert any(record.exc_info for record in caplog.records)


async def test_a_mode_that_fails_on_the_snapshot_closes_4500_and_tells_nothing(
    pair: Open, caplog: pytest.LogCaptureFixture
) -> None:
    hpp = HandshakeApp(mode_handlers=MODES)
    peer = await pair(hpp, {"mode": "talk", "meta": {"fail": True}})
    async with peer.watch() as page:
        code, frames = await page.closed()
    assert code == 4500
    assert "plans" not in str(frames)
    assert any(record.exc_info for record in caplog.records)
    assert hpp.engine.statistics.watchers == 0


async def test_nothing_is_left_of_a_watcher_that_has_gone(pair: Open) -> None:
    hpp = HandshakeApp()
    peer = await pair(hpp, FORM)
    async with watchers(peer, "user", "agent"):
        assert hpp.engine.statistics.watchers == 2
    async with asyncio.timeout(PATIENCE):
        while hpp.engine.statistics != (0, 0, 0):
            await asyncio.sleep(0.01)
