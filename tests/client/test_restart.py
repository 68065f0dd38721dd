"""An agent whose server is started anew, with the sessions in a file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from starlette.applications import Starlette

from handshake_prompt import HandshakeApp, Limits
from handshake_prompt.client import Change
from handshake_prompt.client.backoff import Backoff
from tests.support.agents import agent_of
from tests.support.between import Line, line_to
from tests.support.peer import PATIENCE, open_session
from tests.support.serving import serving

BUSY = Limits(agent_requests=10_000, user_requests=10_000, drain_spread=0.05)
NOWHERE = "http://127.0.0.1:1"


@asynccontextmanager
async def started(store: str, line: Line) -> AsyncIterator[None]:
    """Run a server at the far end of a line; afterwards the line leads nowhere."""
    host = Starlette()
    HandshakeApp(store=store, limits=BUSY).mount_on(host)
    async with serving(host, timeout_graceful_shutdown=0) as line.target:
        yield
    line.target = NOWHERE


async def test_through_restarts_on_sqlite_every_change_comes_once_and_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backoff, "next_pause", lambda _, at_least=None: (at_least or 0.0) + 0.01)
    monkeypatch.setattr("handshake_prompt.client.http.ATTEMPTS", 500)
    store = f"sqlite:///{tmp_path / 'handshake.db'}"
    told: list[tuple[str, object]] = []

    async def follow() -> None:
        async for item in agent.changes(peer.created["cursor"]):
            assert isinstance(item, Change)
            told.append((item.key, item.value))
            if item.key == "end":
                return

    async with line_to(NOWHERE) as line:
        async with started(store, line):
            peer = await open_session(line.url, {})
            agent = agent_of(peer)
            following = asyncio.create_task(follow())
            await peer.edit("n", 0)
        for number in range(1, 4):
            writing = asyncio.create_task(agent.action({"m": number}, stream=False))
            async with started(store, line):
                await asyncio.wait_for(writing, PATIENCE)
                await peer.edit("n", number)
        async with started(store, line), agent:
            await peer.edit("end", True)
            await asyncio.wait_for(following, PATIENCE)
        await peer.http.aclose()
    assert told == [("n", 0), ("m", 1), ("n", 1), ("m", 2), ("n", 2), ("m", 3), ("n", 3), ("end", True)]
