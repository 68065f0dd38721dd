"""What fails around the protocol: slow and vanishing peers, repeated requests, stores that are away, jumping clocks."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from handshake_prompt import HandshakeApp, Limits, MemoryStore, ModeHandler, Role, Session
from handshake_prompt.modes import DEFAULT_HANDLERS, DefaultHandler
from handshake_prompt.protocol.bodies import Action, CreateRequest
from handshake_prompt.protocol.errors import HandshakeError, StoreUnavailableError
from handshake_prompt.protocol.messages import Outcome
from tests.conftest import FORM, Open
from tests.support.clock import ManualClock
from tests.support.in_process import client, open_in_process
from tests.support.peer import PATIENCE, Peer, open_session
from tests.support.relay import RelayStore
from tests.support.serving import serving
from tests.support.sessions import log_of, record_of
from tests.support.stalls import waiting_at_most

BUSY = Limits(agent_requests=10_000, user_requests=10_000, creates_per_address=10_000)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds, but not for long."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


# A watcher that never reads


@contextlib.asynccontextmanager
async def deaf_watcher(peer: Peer) -> AsyncIterator[socket.socket]:
    """Open a WebSocket with a small receive buffer and never read from it."""
    address = urlsplit(peer.base_url)
    loop = asyncio.get_running_loop()
    with socket.socket() as raw:
        raw.setblocking(False)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await loop.sock_connect(raw, (address.hostname, address.port))
        request = (
            f"GET {peer.created['wsUrl']} HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nCookie: {peer.cookie}\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\n\r\n"
        )
        await loop.sock_sendall(raw, request.encode())
        yield raw


async def test_a_watcher_that_never_reads_is_cut_off_and_nobody_else_notices(pair: Open) -> None:
    hpp = HandshakeApp(limits=BUSY.replace(send_timeout=1))  # enough for one that reads
    peer = await pair(hpp, {})
    start = peer.created["cursor"]
    async with deaf_watcher(peer), peer.watch() as page:
        connected = await page.next("connected")
        await until(lambda: hpp.engine.statistics.watchers == 2)
        place = 0
        for batch in range(40):  # 9 MiB: what the system buffers for a socket has to be filled first
            async with waiting_at_most(0.5):
                await peer.act({f"key{number}": str(batch) + "x" * 32_000 for number in range(7)})
            for frame in await page.until("done"):
                assert frame["seq"] == (place := place + 1)
        await until(lambda: hpp.engine.statistics.watchers == 1)
    assert connected["cursor"] == start
    async with peer.watch(after=start) as page:  # the one that was cut off comes back
        resumed = await page.next("connected")
    context = await peer.context(role="user")
    assert resumed["recovered"] is False
    assert resumed["snapshot"]["context"] == context["context"]
    assert resumed["cursor"] == context["cursor"]


async def test_a_watcher_behind_its_queue_is_sent_the_rest_from_the_log_without_a_hole(pair: Open) -> None:
    limits = BUSY.replace(queue_events=40, actions=30)
    peer = await pair(HandshakeApp(limits=limits), {})
    async with peer.watch() as page, peer.watch() as other:
        for watcher in (page, other):
            await watcher.next("connected")
        await peer.act({f"key{number}": 1 for number in range(15)}, stream=True, interval_ms=2000)
        await peer.act({f"key{number}": 2 for number in range(29)})  # too much on top of what is held back
        await peer.edit("name", "x")
        for watcher in (page, other):
            assert [(await watcher.next())["seq"] for _ in range(47)] == list(range(1, 48))


async def test_an_agent_that_floods_and_takes_all_places_it_can_costs_the_page_nothing(pair: Open) -> None:
    hpp = HandshakeApp(limits=BUSY)
    peer = await pair(hpp, {})
    text = "\u00e9" * 1_300  # three times as long in a frame
    async with peer.watch() as page:
        await page.next("connected")
        await peer.act({f"k{number}": text for number in range(24)}, stream=True, interval_ms=2000)
        await peer.act({f"k{number}": f"0{text}" for number in range(48)})
        async with contextlib.AsyncExitStack() as stack:
            taken = [await stack.enter_async_context(peer.watch(role="agent")) for _ in range(8)]
            for watcher in taken:
                await watcher.next("connected")
            await asyncio.gather(
                *(peer.act({f"k{number}": f"{batch}{text}" for number in range(48)}) for batch in range(1, 9))
            )
            await page.send({"type": "userEdit", "key": "last", "value": "mine", "ref": 1})
            async with peer.watch() as tab:
                assert (await tab.next("connected"))["role"] == "user"
        await peer.act({"end": 1})
        view: dict[str, Any] = {}
        while "end" not in view:
            frame = await page.next()
            if frame["type"] == "connected":
                view = {key: record["value"] for key, record in frame["snapshot"]["context"].items()}
            elif frame["type"] in ("action", "ack"):
                view[frame["key"]] = frame.get("value", "mine")
    context = await peer.context(role="user")
    assert view == {key: record["value"] for key, record in context["context"].items()}
    assert context["context"]["last"]["by"] == "user"
    assert (await peer.user("DELETE", "session")).status_code == 200


async def test_a_watcher_that_vanishes_in_the_middle_of_a_frame_is_forgotten(pair: Open) -> None:
    hpp = HandshakeApp(limits=BUSY)
    peer = await pair(hpp)
    async with peer.watch() as page:
        await page.next("connected")
        async with deaf_watcher(peer) as raw:
            await until(lambda: hpp.engine.statistics.watchers == 2)
            await asyncio.get_running_loop().sock_sendall(raw, b"\x81\xfe")
        await until(lambda: hpp.engine.statistics.watchers == 1)
        await peer.act({"name": "x"})
        assert (await page.next())["value"] == "x"


# Code of the host's that would end the process


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, BaseException], ids=lambda kind: kind.__name__)
async def test_no_hook_ends_the_server_whatever_it_raises(pair: Open, kind: type[BaseException]) -> None:
    """Under a real server, whose event loop such an error would go through."""

    def raise_if_asked_to(request: Request) -> bool:
        if "fatal" in request.headers:
            raise kind
        return True

    hpp = HandshakeApp(require_browser_auth=lambda request, _: raise_if_asked_to(request))

    @hpp.on_create_session
    async def create(_: Session, request: Request) -> None:
        raise_if_asked_to(request)

    @hpp.on_action
    async def act(_: Session, __: Action, request: Request) -> None:
        raise_if_asked_to(request)

    @hpp.on_extend
    def extend(_: Session, __: int, request: Request) -> None:
        raise_if_asked_to(request)

    @hpp.on_done
    async def done(*_: object) -> None:
        raise kind

    peer, fatal = await pair(hpp), {"fatal": "1"}
    url = f"{peer.base_url}/handshake/session"
    action = {"actions": [{"type": "set", "key": "name", "value": "x"}]}
    answers = [
        await peer.http.post(url, json={}, headers=fatal),
        await peer.agent("POST", "extend", {}, headers=fatal),
        await peer.user("GET", "context", headers=fatal),
        await peer.agent("POST", "action", action, headers=fatal),
        await peer.agent("POST", "action", action),
        await peer.agent("GET", "context"),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403, 200, 200, 200]
    assert [answer.json()["applied"] for answer in answers[3:5]] == [[], ["name"]]


class FatalHandler(DefaultHandler):
    def process_action(self, session: Session, action: Action) -> Outcome:
        raise SystemExit

    def setup_session(self, session: Session, body: CreateRequest) -> None:
        if body.meta:
            raise SystemExit


async def test_no_mode_ends_the_server_whatever_it_raises(pair: Open) -> None:
    hpp = HandshakeApp(mode_handlers={**DEFAULT_HANDLERS, "fatal": FatalHandler()})
    peer = await pair(hpp, {"mode": "fatal"})
    created = await peer.http.post(f"{peer.base_url}/handshake/session", json={"mode": "fatal", "meta": {"a": 1}})
    acted = await peer.agent("POST", "action", {"actions": [{"type": "set", "key": "k", "value": 1}]})
    assert [created.status_code, acted.status_code] == [500, 500]
    assert (await peer.agent("GET", "context")).status_code == 200


# A client that goes away


def raw_action(peer: Peer, **headers: str) -> bytes:
    body = json.dumps({"actions": [{"type": "set", "key": "name", "value": "x"}]}).encode()
    lines = {
        "Host": urlsplit(peer.base_url).netloc,
        "X-Handshake-Token": peer.token,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {peer.created['actionUrl']} HTTP/1.1\r\n{head}\r\n".encode() + body


async def say(peer: Peer, raw: bytes) -> None:
    """Send bytes and hang up."""
    address = urlsplit(peer.base_url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(raw)
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def test_a_request_cut_off_at_any_byte_writes_nothing(pair: Open, caplog: pytest.LogCaptureFixture) -> None:
    hpp = HandshakeApp(limits=BUSY)
    peer = await pair(hpp)
    raw = raw_action(peer)
    for cut in range(1, len(raw)):
        await say(peer, raw[:cut])
    assert (await peer.context())["context"] == {}
    assert await log_of(hpp.engine.store, peer.session_id) == []
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_whole_request_is_carried_out_even_if_its_client_has_gone(pair: Open) -> None:
    hpp = HandshakeApp(limits=BUSY, store=MemoryStore(BUSY))  # a slower one is asked before the body is read
    gone, judged = asyncio.Event(), asyncio.Event()

    @hpp.on_action
    async def slow(_session: Session, _action: Action, _request: object) -> bool:
        judged.set()
        await gone.wait()
        return True

    peer = await pair(hpp)
    saying = asyncio.create_task(say(peer, raw_action(peer, **{"Idempotency-Key": "k"})))
    await judged.wait()
    await saying
    gone.set()
    await until(lambda: hpp.engine.statistics.running == 0)
    assert [event.type for event in await log_of(hpp.engine.store, peer.session_id)] == ["action", "done"]
    actions = {"actions": [{"type": "set", "key": "name", "value": "x"}]}
    again = await peer.agent("POST", "action", actions, headers={"Idempotency-Key": "k"})
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json()["applied"] == ["name"]
    assert len(await log_of(hpp.engine.store, peer.session_id)) == 2


async def test_a_long_poll_whose_client_has_gone_is_forgotten(pair: Open) -> None:
    hpp = HandshakeApp(limits=BUSY)
    peer = await pair(hpp)
    address = urlsplit(peer.base_url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    query = f"?since={peer.created['cursor']}&wait=25&token={peer.token}"
    writer.write(f"GET {peer.created['diffUrl']}{query} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
    await until(lambda: hpp.engine.statistics.watchers == 1)
    writer.close()
    await until(lambda: hpp.engine.statistics == (0, 0, 0))


async def test_a_body_that_drips_in_is_refused_408_however_many_bytes_still_come(pair: Open) -> None:
    hpp = HandshakeApp(limits=BUSY.replace(body_timeout=0.3))
    peer = await pair(hpp)
    raw = raw_action(peer, Connection="close", **{"Content-Length": "1000"})
    address = urlsplit(peer.base_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(raw)
    before = time.monotonic()

    async def drip() -> None:
        while True:
            writer.write(b" ")
            await asyncio.sleep(0.05)

    dripping = asyncio.create_task(drip())
    async with asyncio.timeout(PATIENCE):
        head = await reader.readuntil(b"\r\n\r\n")
    elapsed = time.monotonic() - before
    dripping.cancel()
    writer.close()
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in head
    assert elapsed > 0.25
    assert await log_of(hpp.engine.store, peer.session_id) == []
    assert (await peer.act({"name": "x"}))["ok"]


# Requests that come again


async def test_i7_a_hundred_copies_of_a_request_have_one_effect() -> None:
    """I7: one effect, one set of events, one run of the hooks."""
    hpp = HandshakeApp(limits=BUSY)
    judged, finished = [], []

    @hpp.on_action
    async def judge(_session: Session, action: Action, _request: object) -> bool:
        judged.append(action.key)
        await asyncio.sleep(0)
        return True

    @hpp.on_done
    async def done(_session: Session, applied: list[str], _rejected: list[str], _errors: list[object]) -> None:
        finished.append(applied)

    peer = await open_in_process(hpp, FORM)
    actions = {"actions": [{"type": "set", "key": "name", "value": "x"}, {"type": "set", "key": "age", "value": 1}]}
    replies = await asyncio.gather(
        *(peer.agent("POST", "action", actions, headers={"Idempotency-Key": "once"}) for _ in range(100))
    )
    await until(lambda: hpp.engine.statistics.running == 0)
    assert [reply.status_code for reply in replies] == [200] * 100
    assert len({reply.content for reply in replies}) == 1
    assert [reply.headers.get("idempotency-replayed") for reply in replies].count("true") == 99
    assert [event.type for event in await log_of(hpp.engine.store, peer.session_id)] == ["action", "action", "done"]
    assert judged == ["name", "age"]
    assert finished == [["name", "age"]]


async def test_an_idempotency_key_with_another_body_is_refused_and_changes_nothing() -> None:
    hpp = HandshakeApp(limits=BUSY)
    peer = await open_in_process(hpp, FORM)

    async def act(value: object, key: str = "k", **members: object) -> Any:
        actions = [{"type": "set", "key": "name", "value": value}]
        return await peer.agent("POST", "action", {"actions": actions, **members}, headers={"Idempotency-Key": key})

    assert (await act("first")).status_code == 200
    for changed in (await act("second"), await act("first", stream=False), await act(None)):
        assert (changed.status_code, changed.json()["code"]) == (422, "idempotency_key_reused")
    assert (await act("first")).headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in (await act("second", key="other")).headers
    assert (await peer.context())["context"]["name"]["value"] == "second"


async def test_a_key_belongs_to_its_session() -> None:
    hpp = HandshakeApp(limits=BUSY)
    for peer in (await open_in_process(hpp, FORM), await open_in_process(hpp, FORM)):
        reply = await peer.agent("POST", "action", {"actions": []}, headers={"Idempotency-Key": "k"})
        assert "idempotency-replayed" not in reply.headers


async def test_a_copy_of_a_request_that_is_still_running_waits_and_is_then_told_409() -> None:
    hpp = HandshakeApp(limits=BUSY.replace(idempotency_join=0.05))
    release = asyncio.Event()

    @hpp.on_action
    async def slow(_session: Session, _action: Action, _request: object) -> bool:
        await release.wait()
        return True

    peer = await open_in_process(hpp, FORM)
    actions = {"actions": [{"type": "set", "key": "name", "value": "x"}]}
    key = {"Idempotency-Key": "k"}
    first = asyncio.create_task(peer.agent("POST", "action", actions, headers=key))
    await until(lambda: hpp.engine.statistics.running == 1)
    copy = await peer.agent("POST", "action", actions, headers=key)
    release.set()
    assert (copy.status_code, copy.json()["code"]) == (409, "idempotency_in_progress")
    assert int(copy.headers["retry-after"]) >= 1
    assert (await first).json()["applied"] == ["name"]
    assert (await peer.agent("POST", "action", actions, headers=key)).headers["idempotency-replayed"] == "true"


async def test_a_request_that_failed_can_be_sent_again_under_its_key() -> None:
    hpp = HandshakeApp(limits=BUSY, store=FaultyStore(BUSY))
    peer = await open_in_process(hpp, FORM)
    store = hpp.engine.store
    assert isinstance(store, FaultyStore)
    actions = {"actions": [{"type": "set", "key": "name", "value": "x"}]}
    store.fail("save", StoreUnavailableError())
    assert (await peer.agent("POST", "action", actions, headers={"Idempotency-Key": "k"})).status_code == 503
    reply = await peer.agent("POST", "action", actions, headers={"Idempotency-Key": "k"})
    assert (reply.status_code, reply.headers.get("idempotency-replayed")) == (200, None)
    assert reply.json()["applied"] == ["name"]


# Wrong tokens


async def test_the_right_token_is_never_locked_out_by_wrong_ones() -> None:
    clock = ManualClock()
    hpp = HandshakeApp(store=MemoryStore(BUSY, clock=clock), limits=BUSY)
    peer = await open_in_process(hpp, FORM, client=("203.0.113.7", 1))
    wrong = {"X-Handshake-Token": "A" * 32}
    record = await record_of(hpp.engine.store, peer.session_id)
    clock.advance(10)
    statuses = []
    for attempt in range(500):
        response = await peer.send("GET", "context", headers=wrong)
        statuses.append(response.status_code)
        if response.status_code == 429:
            assert response.json()["code"] == "too_many_attempts"
            assert 1 <= int(response.headers["retry-after"]) <= 60
        if attempt % 50 == 0:
            assert (await peer.agent("GET", "session")).status_code == 200
            assert (await peer.user("GET", "session")).status_code == 200
    assert statuses == [403] * 10 + [429] * 490
    after = await record_of(hpp.engine.store, peer.session_id)
    assert after.expires_at == record.expires_at, "a wrong token refreshed the session"
    assert (await peer.act({"name": "x"}))["applied"] == ["name"]
    clock.advance(60)
    assert (await peer.send("GET", "context", headers=wrong)).status_code == 403


async def test_wrong_tokens_use_up_nothing_of_the_rightful_holders_rate() -> None:
    peer = await open_in_process(HandshakeApp(rate_limit_per_min=5), FORM)
    for _ in range(30):
        await peer.send("GET", "context", headers={"X-Handshake-Token": "A" * 32})
    assert (await peer.agent("GET", "context")).headers["ratelimit"].startswith('"session";r=4;')


async def test_an_address_that_guesses_at_many_sessions_is_stopped_and_others_are_not() -> None:
    hpp = HandshakeApp(limits=BUSY)
    guesser = client(hpp, client=("203.0.113.66", 1))
    statuses = []
    for number in range(25):
        victim = await open_in_process(hpp, FORM)
        url = victim.created["contextUrl"] if number % 2 else f"/handshake/context/{number:032x}"
        statuses.append((await guesser.get(url, headers={"X-Handshake-Token": "A" * 32})).status_code)
    assert statuses == [403] * 20 + [429] * 5
    peer = await open_in_process(hpp, FORM, client=("203.0.113.7", 1))
    assert (await peer.send("GET", "context", headers={"X-Handshake-Token": "A" * 32})).status_code == 403
    same_address = await guesser.get(peer.created["contextUrl"], headers=peer.as_agent)
    assert same_address.status_code == 200


# Shutting down


async def test_draining_sends_the_watchers_elsewhere_and_lets_running_batches_finish(pair: Open) -> None:
    hpp = HandshakeApp(limits=BUSY.replace(drain_spread=0.1))
    release = asyncio.Event()

    @hpp.on_action
    async def slow(_session: Session, _action: Action, _request: object) -> bool:
        await release.wait()
        return True

    peer = await pair(hpp)
    async with peer.watch() as page, peer.watch(role="agent") as agent:
        cursor = (await page.next("connected"))["cursor"]
        await agent.next("connected")
        acting = asyncio.create_task(peer.act({"name": "x"}))
        await until(lambda: hpp.engine.statistics.running == 1)
        draining = asyncio.create_task(hpp.engine.drain())
        for socket_ in (page, agent):
            code, frames = await socket_.closed()
            assert code == 4503
            assert frames[-1]["type"] == "draining"
            assert 0 <= frames[-1]["afterMs"] <= 100
        async with peer.watch() as late:
            code, frames = await late.closed()
            assert (code, frames[0]["code"]) == (4503, "draining")
        assert not draining.done(), "the running batch was not waited for"
        release.set()
        await draining
        assert (await acting)["applied"] == ["name"]
    hpp.engine.resume()
    async with peer.watch(after=cursor) as page:
        assert (await page.next("connected"))["recovered"] is True
        assert (await page.next())["value"] == "x"


async def test_draining_answers_long_polls(pair: Open) -> None:
    hpp = HandshakeApp(limits=BUSY.replace(drain_spread=0.01))
    peer = await pair(hpp)
    polling = asyncio.create_task(peer.agent("GET", "diff", params={"since": peer.created["cursor"], "wait": 25}))
    await until(lambda: hpp.engine.statistics.watchers == 1)
    await hpp.engine.drain()
    async with asyncio.timeout(PATIENCE):
        reply = await polling
    assert reply.json()["changes"] == []
    hpp.engine.resume()


async def test_a_server_with_open_watchers_stops_soon_and_asks_them_to_reconnect() -> None:
    host = Starlette()
    HandshakeApp(limits=BUSY.replace(drain_spread=0.1)).mount_on(host)
    async with contextlib.AsyncExitStack() as stack:
        server = contextlib.AsyncExitStack()
        url = await server.enter_async_context(serving(host))
        peer = await open_session(url, FORM)
        stack.push_async_callback(peer.http.aclose)
        sockets = [await stack.enter_async_context(peer.watch()) for _ in range(3)]
        for one in sockets:
            await one.next("connected")
        async with waiting_at_most(4):
            await server.aclose()
        for one in sockets:
            code, _ = await one.closed()
            assert code in (1012, 4503), "a page would not reconnect"


# Values that blind


BLINDING = {
    "line separator": "a\u2028b\u2029c",
    "NUL": "a\x00b",
    "escape": "\x1b[2J\x1b]0;x\x07",
    "controls": "".join(map(chr, range(32))) + "\x7f\x85",
    "byte order mark": "\ufeffx",
    "right to left": "\u202eabc\u2066",
    "astral": "😀\U0010ffff",
    "noncharacter": "\ufffe\uffff",
    "closing script": "</script><!--",
    "quotes": "\"'\\`${x}",
    "very long": "漢" * 9000,
}


@pytest.mark.parametrize("case", BLINDING)
async def test_no_text_ends_or_blinds_a_watcher(pair: Open, case: str) -> None:
    peer = await pair(HandshakeApp(limits=BUSY), {"meta": {"page": BLINDING[case][:100]}})
    text = BLINDING[case]
    async with peer.watch() as page, peer.watch(role="agent") as agent:
        await page.next("connected")
        await agent.next("connected")
        await peer.act({"a": text, "b": {text[:200]: [text[:200]]}})
        await peer.edit("c", text)
        for watcher in (page, agent):
            frames = await watcher.until("edit")
            assert [frame.get("value") for frame in frames] == [text, {text[:200]: [text[:200]]}, None, text]
    async with peer.watch() as page:
        assert (await page.next())["snapshot"]["context"]["c"]["value"] == text
    changes = (await peer.agent("GET", "diff")).json()["changes"]
    assert [change["to"] for change in changes if change["key"] != "b"] == [text, text]


class Careless(ModeHandler):
    """A mode of a host that writes what no JSON can carry."""

    def context_response(self, session: Session, role: Role) -> dict[str, Any]:
        return {"data": {}}

    def process_action(self, session: Session, action: Action) -> Outcome:
        value = "\ud800" if action.value == "evil" else action.value
        return self.set_value(session, action.key or "", value)


async def test_a_mode_that_writes_a_lone_surrogate_fails_alone(pair: Open, caplog: pytest.LogCaptureFixture) -> None:
    hpp = HandshakeApp(limits=BUSY, mode_handlers={**DEFAULT_HANDLERS, "careless": Careless()})
    peer = await pair(hpp, {"mode": "careless"})
    async with peer.watch() as page, peer.watch() as tab:
        for watcher in (page, tab):
            await watcher.next("connected")
        actions = [{"type": "set", "key": "a", "value": "good"}, {"type": "set", "key": "b", "value": "evil"}]
        assert (await peer.agent("POST", "action", {"actions": actions})).status_code == 500
        await peer.act({"c": "good"})
        for watcher in (page, tab):
            frames = await watcher.until("done")
            assert [frame["seq"] for frame in frames] == [1, 2]
            assert frames[0]["key"] == "c"
    assert any(record.exc_info for record in caplog.records)


# A store that fails


class FaultyStore(RelayStore):
    """A memory store whose calls fail on demand: one of a kind, or the n-th of all."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(MemoryStore(limits, clock=clock))
        self.before = self._called
        self.calls: list[str] = []
        self._kind = ""
        self._nth = 0
        self._error: Exception | None = None

    def fail(self, kind: str, error: Exception) -> None:
        """Let the next call of a kind fail."""
        self._kind, self._nth, self._error = kind, 0, error

    def fail_nth(self, nth: int, error: Exception) -> None:
        """Let the n-th call from now on fail."""
        self._kind, self._nth, self._error = "", len(self.calls) + nth, error

    async def _called(self, kind: str) -> None:
        self.calls.append(kind)
        if self._error is not None and (kind == self._kind or len(self.calls) == self._nth):
            error, self._error = self._error, None
            raise error


ENDPOINTS: dict[str, tuple[str, str, str, Any]] = {
    "create": ("agent", "POST", "create", {}),
    "status": ("agent", "GET", "session", None),
    "context": ("agent", "GET", "context", None),
    "action": ("agent", "POST", "action", {"actions": [{"type": "set", "key": "name", "value": "x"}]}),
    "edit": ("user", "POST", "notify", {"key": "name", "value": "x"}),
    "release": ("user", "POST", "notify", {"key": "name", "release": True}),
    "diff": ("agent", "GET", "diff", None),
    "extend": ("user", "POST", "extend", {"extraSeconds": 60}),
    "rotate": ("user", "POST", "rotate", {}),
    "revoke": ("user", "DELETE", "session", None),
}
FAILURES: dict[str, tuple[Callable[[], Exception], int, str]] = {
    "unreachable": (StoreUnavailableError, 503, "store_unavailable"),
    "broken": (lambda: RuntimeError("no route to store.internal:6379"), 500, "internal_error"),
}


async def call(peer: Peer, endpoint: str) -> Any:
    role, method, name, body = ENDPOINTS[endpoint]
    if name == "create":
        response = await peer.http.post("/handshake/session", json=body, headers=peer.as_user)
        peer.http.cookies.clear()
        return response
    headers = {"Idempotency-Key": "k"} if name == "action" else {}
    return await (peer.agent if role == "agent" else peer.user)(method, name, body, headers=headers)


async def test_the_table_of_endpoints_is_complete_as_to_the_stores_calls() -> None:
    hpp = HandshakeApp(limits=BUSY, store=FaultyStore(BUSY))
    store = hpp.engine.store
    assert isinstance(store, FaultyStore)
    for endpoint in ENDPOINTS:
        peer = await open_in_process(hpp, FORM, client=("203.0.113.7", 1))
        assert (await call(peer, endpoint)).status_code == 200
    assert {*store.calls} == {"ready", "create", "load", "save", "touch", "hit"}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_a_store_that_fails_at_any_call_is_answered_honestly_and_leaves_nothing_half_done(
    endpoint: str, failure: str, caplog: pytest.LogCaptureFixture
) -> None:
    make, status, code = FAILURES[failure]
    for nth in range(1, 20):
        caplog.clear()
        hpp = HandshakeApp(limits=BUSY, store=FaultyStore(BUSY))
        store = hpp.engine.store
        assert isinstance(store, FaultyStore)
        peer = await open_in_process(hpp, FORM, client=("203.0.113.7", 1))
        before = await record_of(store.inner, peer.session_id)
        called = len(store.calls)
        store.fail_nth(nth, make())
        response = await call(peer, endpoint)
        if len(store.calls) - called < nth:
            break
        assert (response.status_code, response.json()["code"]) == (status, code), nth
        assert "store.internal" not in response.text
        if status == 503:
            assert int(response.headers["retry-after"]) >= 1
            assert response.json()["retryable"] is True
        else:
            assert any(record.exc_info for record in caplog.records)
        after = await record_of(store.inner, peer.session_id)
        assert after.session == before.session
        assert await log_of(store.inner, peer.session_id) == []
        assert (await call(peer, endpoint)).status_code == 200, "it did not recover by itself"
    assert nth > 1, "the store was never asked"


async def test_no_watcher_is_told_of_a_change_that_was_not_written(pair: Open) -> None:
    store = FaultyStore(BUSY)
    peer = await pair(HandshakeApp(limits=BUSY, store=store))
    async with peer.watch() as page:
        await page.next("connected")
        store.fail("save", StoreUnavailableError())
        assert (await peer.agent("POST", "action", ENDPOINTS["action"][3])).status_code == 503
        store.fail("save", StoreUnavailableError())
        await page.send({"type": "userEdit", "key": "name", "value": "lost", "ref": 1})
        error = await page.next()
        assert (error["type"], error["code"], error["ref"]) == ("error", "store_unavailable", 1)
        await peer.edit("name", "kept")
        frame = await page.next()
        assert (frame["type"], frame["value"], frame["seq"]) == ("edit", "kept", 1)


@pytest.mark.parametrize(
    ("error", "code"), [(StoreUnavailableError(), 4503), (RuntimeError("store.internal"), 4500)], ids=["away", "broken"]
)
async def test_a_watcher_that_the_store_can_not_serve_is_asked_to_come_back(
    pair: Open, error: Exception, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    store = FaultyStore(BUSY)
    hpp = HandshakeApp(limits=BUSY, store=store)
    peer = await pair(hpp)
    async with peer.watch() as page:  # `fail` works once, so this one is opened before
        cursor = (await page.next("connected"))["cursor"]
    for kind in ("load", "hit", "subscribe", "report_watchers"):
        store.fail(kind, error)
        async with peer.watch(after=cursor) as page:
            closed, frames = await page.closed()
        assert closed == code, kind
        assert "store.internal" not in str(frames)
    async with peer.watch(after=cursor) as page:
        assert (await page.next("connected"))["recovered"] is True
    assert any(record.exc_info for record in caplog.records) is (code == 4500)


@pytest.mark.parametrize(
    ("error", "code"), [(StoreUnavailableError(), 4503), (RuntimeError("store.internal"), 4500)], ids=["away", "broken"]
)
async def test_a_store_that_fails_when_a_sessions_time_is_over_asks_the_watcher_to_come_back(
    pair: Open, error: Exception, code: int
) -> None:
    clock = ManualClock()
    store = FaultyStore(BUSY, clock)
    peer = await pair(HandshakeApp(limits=BUSY.replace(keepalive=0.03), store=store, ttl=600))
    async with peer.watch() as page:
        await page.next("connected")
        store.fail("load", error)
        clock.advance(600)
        assert (await page.closed())[0] == code
    async with peer.watch() as page:
        assert (await page.closed())[0] == 4410


async def test_a_full_store_refuses_new_sessions_and_serves_the_others() -> None:
    hpp = HandshakeApp(limits=BUSY.replace(sessions=2), store=MemoryStore(BUSY.replace(sessions=2)))
    peer = await open_in_process(hpp, FORM)
    await open_in_process(hpp, FORM)
    response = await peer.http.post("/handshake/session", json={})
    assert (response.status_code, response.json()["code"]) == (503, "at_capacity")
    assert int(response.headers["retry-after"]) >= 1
    assert (await peer.act({"name": "x"}))["ok"]


# Clocks that jump

HOUR, DAY = 3600.0, 86_400.0


@pytest.mark.parametrize("jump", [HOUR, -HOUR, DAY, -DAY], ids=["+1 h", "-1 h", "+1 day", "-1 day"])
async def test_i12_a_jump_of_the_wall_clock_changes_no_lifetime_no_rate_and_no_order(jump: float) -> None:
    """I12, and the order of instants in the log."""
    wall, clock = ManualClock(time.time()), ManualClock()
    hpp = HandshakeApp(store=MemoryStore(clock=clock), rate_limit_per_min=10)
    hpp.engine._workers.here.transactions._wall_clock = wall
    peer = await open_in_process(hpp, FORM)
    await peer.act({"age": 1})
    first = (await peer.agent("GET", "diff")).json()["changes"][-1]["at"]
    wall.advance(jump)
    await peer.act({"age": 2})
    await peer.edit("name", "x")
    status = await peer.user("GET", "session")
    assert status.json()["expiresIn"] == 1800
    assert status.json()["maxExpiresIn"] == 86_400
    changes = (await peer.agent("GET", "diff", params={"since": first})).json()
    assert [change["seq"] for change in changes["changes"]] == [3, 5]
    assert changes["truncated"] is False
    instants = [change["at"] for change in (await peer.user("GET", "diff")).json()["changes"]]
    assert instants == sorted(set(instants))
    reply = await peer.agent("GET", "context")
    assert reply.headers["ratelimit"] == '"session";r=5;t=60'
    clock.advance(1801)
    assert (await peer.agent("GET", "context")).json()["code"] == "session_expired"


async def test_i12_no_use_and_no_extension_outlives_the_absolute_lifetime() -> None:
    """I12."""
    clock = ManualClock()
    limits = BUSY.replace(max_lifetime=10_000)
    hpp = HandshakeApp(store=MemoryStore(limits, clock=clock), limits=limits, ttl=1800)
    peer = await open_in_process(hpp, FORM)
    begun = clock.time
    with contextlib.suppress(AssertionError):
        while clock.time < begun + 20_000:
            await peer.context()
            await peer.agent("POST", "extend", {"extraSeconds": 86_400})
            clock.advance(900)
    assert clock.time - begun <= 10_000 + 900
    exhausted = await open_in_process(hpp, FORM)
    assert (await exhausted.agent("POST", "extend", {"extraSeconds": 86_400})).json()["extended"] == 8200
    again = await exhausted.agent("POST", "extend", {"extraSeconds": 1})
    assert (again.status_code, again.json()["code"]) == (409, "lifetime_exhausted")


def test_every_error_that_asks_to_come_back_says_when() -> None:
    for shape in all_errors(HandshakeError):
        if shape.status == 503:
            assert shape().retry_after, shape.__name__


def all_errors(root: type[HandshakeError]) -> list[type[HandshakeError]]:
    return [root, *(found for shape in root.__subclasses__() for found in all_errors(shape))]
