"""Workers: an application is used from several event loops and processes, each with a worker of its own."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient, WebSocketTestSession

from handshake_prompt import HandshakeApp, ProtocolEngine
from tests.support.redis_servers import RedisServer
from tests.support.stores import KINDS, fresh_url

numbers = itertools.count()


@pytest.fixture(params=[pytest.param(kind, marks=pytest.mark.integration if kind == "redis" else ()) for kind in KINDS])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store of each kind."""

    def redis() -> RedisServer:
        server: RedisServer = request.getfixturevalue("redis")
        return server

    return fresh_url(str(request.param), tmp_path, redis)


@pytest.fixture
def hpp(url: str) -> Iterator[HandshakeApp]:
    app = HandshakeApp(store=url)
    yield app
    asyncio.run(app.engine.aclose())


def browser(hpp: HandshakeApp) -> TestClient:
    """Return a client that runs each request, and each socket, on an event loop in a thread of its own."""
    host = Starlette()
    hpp.mount_on(host)
    return TestClient(host, base_url="http://localhost")


class Site:
    """A session, as its page and its agent use it through Starlette's `TestClient`."""

    def __init__(self, hpp: HandshakeApp) -> None:
        self.client = browser(hpp)
        body = {"userToken": True, "data": {"a": "open"}}
        self.created: dict[str, Any] = self.client.post("/handshake/session", json=body).json()
        self.agent = {"X-Handshake-Token": self.created["token"]}
        self.page = {"X-Handshake-User-Token": self.created["userToken"]}

    def watch(self, proof: dict[str, str]) -> WebSocketTestSession:
        return self.client.websocket_connect(self.created["wsUrl"], headers=proof)

    def act(self, value: object) -> dict[str, Any]:
        actions = {"actions": [{"type": "set", "key": "a", "value": value}], "stream": False}
        answer = self.client.post(self.created["actionUrl"], json=actions, headers=self.agent)
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()
        return result


def kinds(socket: WebSocketTestSession, count: int) -> list[str]:
    return [socket.receive_json()["type"] for _ in range(count)]


def test_sockets_and_requests_on_loops_of_their_own_see_each_other(hpp: HandshakeApp) -> None:
    site = Site(hpp)
    for round_ in range(3):
        with site.watch(site.page) as page, site.watch(site.agent) as agent:
            assert kinds(page, 1) == kinds(agent, 1) == ["connected"]
            site.act(f"value {round_}")
            assert kinds(page, 2) == kinds(agent, 2) == ["action", "done"]
            page.send_json({"type": "userEdit", "key": "b", "value": round_, "ref": "r"})
            assert kinds(page, 1) == ["ack"]
            assert kinds(agent, 1) == ["edit"]
            status = site.client.get(site.created["sessionUrl"], headers=site.page).json()
            assert status["watchers"] == 2


def test_a_revocation_on_one_loop_closes_the_sockets_of_others(hpp: HandshakeApp) -> None:
    site = Site(hpp)
    with site.watch(site.page) as page, site.watch(site.agent) as agent:
        assert kinds(page, 1) == kinds(agent, 1) == ["connected"]
        assert site.client.delete(site.created["sessionUrl"], headers=site.page).status_code == 200
        for socket in (page, agent):
            assert kinds(socket, 1) == ["revoked"]
            assert socket.receive()["code"] == 4410


def test_writes_on_many_loops_at_once_are_all_there(hpp: HandshakeApp) -> None:
    site = Site(hpp)
    with site.watch(site.page) as page:
        assert kinds(page, 1) == ["connected"]

        async def many() -> None:
            async with asyncio.TaskGroup() as group:
                for number in range(12):
                    group.create_task(asyncio.to_thread(site.act, number))

        asyncio.run(many())
        frames = [page.receive_json() for _ in range(24)]
    assert [frame["seq"] for frame in frames] == list(range(1, 25))


def test_an_engine_that_watches_in_one_loop_is_closed_in_a_later_one(url: str) -> None:
    engine = ProtocolEngine(store=url)
    created: dict[str, Any] = {}

    async def leave_a_watcher_behind() -> None:
        reply = await engine.create_session({"userToken": True})
        created.update(reply.payload)
        watcher = await engine.watch(created["sessionId"], created["token"])
        await watcher.__aenter__()
        await engine.post_action(created["sessionId"], {"actions": [{"key": "a", "value": 1}]}, created["token"])

    async def go_on() -> None:
        if not url.startswith("memory"):
            context = await engine.get_context(created["sessionId"], created["token"])
            assert context.payload["context"]["a"]["value"] == 1
        assert engine.statistics.watchers == 0
        await engine.drain()
        await engine.aclose()

    asyncio.run(leave_a_watcher_behind())
    asyncio.run(go_on())


def test_a_drain_reaches_the_watchers_of_all_loops(hpp: HandshakeApp) -> None:
    site = Site(hpp)
    with site.watch(site.page) as page:
        assert kinds(page, 1) == ["connected"]
        asyncio.run(hpp.engine.drain())
        assert kinds(page, 1) == ["draining"]
        assert page.receive()["code"] == 4503
    hpp.engine.resume()
    with site.watch(site.page) as page:
        assert kinds(page, 1) == ["connected"]


FORKED = """
import asyncio, os, sys
from handshake_prompt import ProtocolEngine

engine = ProtocolEngine(store=sys.argv[1])  # what a server loads before it forks
WORKERS = 3

async def open_session():
    other = ProtocolEngine(store=sys.argv[1])
    reply = await other.create_session({"userToken": True})
    await other.aclose()
    return reply.payload

async def watch(session, ready, done):
    watcher = await engine.watch(session["sessionId"], session["token"])
    async with watcher:
        os.write(ready, b"+")
        await asyncio.to_thread(os.read, done, 1)

async def count(session):
    reply = await engine.get_session(session["sessionId"], session["token"])
    return reply.payload["watchers"]

session = asyncio.run(open_session())
ready, done = os.pipe(), os.pipe()
for _ in range(WORKERS):
    if not os.fork():
        try:
            asyncio.run(watch(session, ready[1], done[0]))
        finally:
            os.write(ready[1], b"-")
            os._exit(0)
for _ in range(WORKERS):
    os.read(ready[0], 1)
print(asyncio.run(count(session)))
os.write(done[1], b"+" * WORKERS)
for _ in range(WORKERS):
    os.wait()
"""


def test_workers_that_are_forked_from_a_loaded_application_are_told_apart(url: str) -> None:
    if url.startswith("memory"):
        pytest.skip("processes share no memory")
    command = [sys.executable, "-W", "ignore", "-c", FORKED, url]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.stdout == "3\n", run.stderr
