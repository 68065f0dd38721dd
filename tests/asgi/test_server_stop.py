"""A stop of the server reaches everybody who waits: polls are answered, streams and sockets are sent elsewhere."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.types import Message

from handshake_prompt import HandshakeApp, Limits
from handshake_prompt.asgi.server_stop import is_stopping, uvicorn_server
from handshake_prompt.protocol.errors import CloseCode
from tests.conftest import FORM, Open
from tests.support.in_process import open_in_process
from tests.support.peer import PATIENCE, Peer


class Listening:
    def __init__(self, *, serving: bool) -> None:
        self.is_serving = lambda: serving


class Server:
    """As much of a uvicorn server as is looked at."""

    drains = False

    def __init__(self, *, should_exit: bool = False, serving: tuple[bool, ...] = ()) -> None:
        self.should_exit = should_exit
        self.servers = [Listening(serving=one) for one in serving]

    def handle_exit(self, _signal: int, _frame: Any) -> None:
        self.should_exit = True


@pytest.fixture
def server() -> Iterator[Server]:
    """Have the process's signals handled by a server."""
    server = Server()
    before = signal.signal(signal.SIGTERM, server.handle_exit)
    yield server
    signal.signal(signal.SIGTERM, before)


async def test_a_stop_answers_polls_ends_streams_and_closes_sockets_at_once(pair: Open, server: Server) -> None:
    hpp = HandshakeApp(mcp=True, limits=Limits(drain_spread=600))
    peer = await pair(hpp)
    since = {"since": peer.created["cursor"], "wait": "25"}
    async with peer.watch() as page, peer.watch(role="agent") as agent, peer.events() as stream:
        for watcher in (page, agent, stream):
            await watcher.next("connected")
        poll = asyncio.create_task(peer.agent("GET", "diff", params=since))
        async with asyncio.timeout(PATIENCE):
            while hpp.engine.statistics.watchers < 4:
                await asyncio.sleep(0.005)
            server.should_exit = True
            answer = await poll
        closed, events = await stream.closed()
        ends = [await watcher.closed() for watcher in (page, agent)]
    assert (answer.status_code, answer.json()["changes"]) == (200, [])
    assert (closed["code"], closed["final"], events[-1]["type"]) == (CloseCode.DRAINING, False, "draining")
    assert [(code, frames[-1]["type"]) for code, frames in ends] == [(CloseCode.DRAINING, "draining")] * 2
    assert (await peer.agent("GET", "events")).json()["code"] == "draining"


async def test_without_a_stop_everybody_goes_on_waiting(pair: Open, server: Server) -> None:
    peer = await pair()
    async with peer.watch() as page:
        await page.next("connected")
        await asyncio.sleep(0.1)
        await peer.act({"name": "Ada"})
        assert (await page.next())["type"] == "action"
    assert not server.should_exit


@pytest.mark.parametrize(
    ("server", "stops"),
    [
        pytest.param(Server(), False, id="running"),
        pytest.param(Server(serving=(True, True)), False, id="listening"),
        pytest.param(Server(should_exit=True, serving=(True,)), True, id="asked to"),
        pytest.param(Server(serving=(True, False)), True, id="out of requests"),
    ],
)
def test_a_server_stops_when_it_was_asked_to_or_listens_no_more(server: Server, *, stops: bool) -> None:
    assert is_stopping(server) is stops


def test_a_server_that_drains_by_itself_is_left_alone(server: Server) -> None:
    assert uvicorn_server() is server
    server.drains = True
    assert uvicorn_server() is None


# A server that cancels


@asynccontextmanager
async def driven(hpp: HandshakeApp, peer: Peer, scope: dict[str, Any], *, until: str) -> AsyncIterator[list[Message]]:
    """Call the application directly, cancel it once it has sent a message of a type, and yield all that it sent."""
    sent: list[Message] = []
    begun = asyncio.Event()
    incoming: asyncio.Queue[Message] = asyncio.Queue()
    incoming.put_nowait({"type": "websocket.connect"} if scope["type"] == "websocket" else {"type": "http.request"})

    async def send(message: Message) -> None:
        sent.append(message)
        if message["type"] == until:
            begun.set()

    headers = [(b"host", b"localhost"), (b"x-handshake-token", peer.token.encode())]
    common = {"headers": headers, "query_string": b"", "client": ("127.0.0.1", 1), "asgi": {"spec_version": "2.3"}}
    task = asyncio.create_task(hpp({**common, **scope}, incoming.get, send))
    async with asyncio.timeout(PATIENCE):
        while not (begun.is_set() if until else hpp.engine.statistics.watchers):
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    yield sent


def http(peer: Peer, name: str, **more: Any) -> dict[str, Any]:
    path = peer.created[f"{name}Url"].removeprefix("/handshake")
    return {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "root_path": "", **more}


async def test_a_poll_that_the_server_cancels_is_answered(server: Server) -> None:  # noqa: ARG001 - none stops here
    hpp = HandshakeApp()
    peer = await open_in_process(hpp, FORM)
    query = f"since={peer.created['cursor']}&wait=20".encode()
    async with driven(hpp, peer, http(peer, "diff", query_string=query), until="") as sent:
        assert sent[0]["status"] == 503
        assert json.loads(sent[1]["body"])["code"] == "draining"


async def test_a_stream_that_the_server_cancels_is_ended_in_order() -> None:
    hpp = HandshakeApp()
    peer = await open_in_process(hpp, FORM)
    async with driven(hpp, peer, http(peer, "events"), until="http.response.body") as sent:
        events = b"".join(message.get("body", b"") for message in sent).decode()
        assert "event: draining\n" in events
        assert '"code":4503' in events.partition("event: closed\n")[2]
        assert not sent[-1].get("more_body")


async def test_a_socket_that_the_server_cancels_is_sent_elsewhere() -> None:
    hpp = HandshakeApp()
    peer = await open_in_process(hpp, FORM)
    path = f"/ws/{peer.session_id}"
    scope = {"type": "websocket", "path": path, "raw_path": path.encode(), "root_path": "", "subprotocols": []}
    async with driven(hpp, peer, scope, until="websocket.send") as sent:
        assert json.loads(sent[-2]["text"])["type"] == "draining"
        assert sent[-1] == {"type": "websocket.close", "code": CloseCode.DRAINING, "reason": "draining"}
    assert hpp.engine.statistics.watchers == 0
