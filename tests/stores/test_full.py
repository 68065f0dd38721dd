"""A full store, as the page and the agent of a session meet it through two workers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from handshake_prompt import HandshakeApp, Limits, MemoryStore, SessionStore, open_store
from tests.support.in_process import client, open_in_process
from tests.support.peer import Peer
from tests.support.redis_servers import RedisServer, redis_server
from tests.support.stores import KINDS

BOUNDS = Limits(store_bytes=2_000_000, creates_per_address=10_000, agent_requests=10_000)
LARGE = "x" * 30_000
MANY = 500

Workers = list[HandshakeApp]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as one:
        yield one


@pytest.fixture(params=[pytest.param(kind, marks=pytest.mark.integration if kind == "redis" else ()) for kind in KINDS])
async def workers(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Workers]:
    """Two applications over one small store; the memory store has one process, and one application twice."""
    stores: list[SessionStore] = []
    if request.param == "memory":
        stores = [MemoryStore(BOUNDS)] * 2
    elif request.param == "sqlite":
        stores = [open_store(f"sqlite:///{tmp_path}/sessions.db", BOUNDS) for _ in range(2)]
    else:
        server: RedisServer = request.getfixturevalue("server")
        stores = [open_store(server.url, BOUNDS) for _ in range(2)]
        await stores[0].ready()
        used = next(line for line in server.ask("INFO", "memory").split() if line.startswith("used_memory:"))
        server.ask("CONFIG", "SET", "maxmemory", int(used.partition(":")[2]) + BOUNDS.store_bytes)
    async with AsyncExitStack() as stack:
        for store in stores:
            stack.push_async_callback(store.aclose)
        yield [HandshakeApp(store=store, limits=BOUNDS) for store in stores]


async def filled(workers: Workers) -> tuple[list[Peer], httpx.Response]:
    """Open sessions at both workers until one refuses; return each as known to the other worker, and the refusal."""
    peers: list[Peer] = []
    for number in range(MANY):
        one, other = workers[number % 2], workers[(number + 1) % 2]
        async with client(one) as http:
            answer = await http.post("/handshake/session", json={"userToken": True, "data": {"a": LARGE}})
        if answer.status_code != 200:
            return peers, answer
        created: dict[str, Any] = answer.json()
        cookie = answer.headers["set-cookie"].partition(";")[0]
        peers.append(Peer("http://localhost", created, cookie, client(other)))
    raise AssertionError("the store is never full")


def is_full(answer: httpx.Response) -> bool:
    problem = answer.json()
    told = (answer.status_code, problem.get("code"), problem.get("retryable"))
    return told == (503, "at_capacity", True) and int(answer.headers["retry-after"]) > 0


async def test_i11_a_full_store_goes_on_with_what_it_has_and_refuses_the_least_urgent_first(workers: Workers) -> None:
    peers, refusal = await filled(workers)
    assert len(peers) > 10
    assert is_full(refusal)
    refused = None
    for number in range(MANY):
        peer = peers[number % len(peers)]
        body = {"actions": [{"type": "set", "key": f"b{number}", "value": LARGE}], "stream": False}
        refused = await peer.agent("POST", "action", body)
        if refused.status_code != 200:
            break
    assert refused is not None
    assert is_full(refused)
    assert (await peer.agent("GET", "context")).status_code == 200
    assert (await peer.user("GET", "context")).status_code == 200
    assert (await peer.agent("GET", "diff")).status_code == 200
    assert (await peer.user("POST", "notify", {"key": "a", "value": "the person's own"})).status_code == 200
    assert (await peer.user("POST", "extend", {"extraSeconds": 60})).status_code == 200
    assert (await peer.user("POST", "rotate", {})).status_code == 200
    for one in peers:
        assert (await one.user("DELETE", "session")).status_code == 200
    await open_in_process(workers[0])
