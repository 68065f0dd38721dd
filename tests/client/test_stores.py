"""The same client code against a server over each kind of store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from handshake_prompt import HandshakeApp
from handshake_prompt.client import Change, HandshakeAgent, SessionEndedError
from tests.conftest import FORM
from tests.support.peer import Peer, open_session
from tests.support.stores import EACH_KIND, fresh_url


@pytest.mark.parametrize("kind", EACH_KIND)
async def test_an_agent_fills_follows_and_extends_whatever_keeps_the_session(
    kind: str, serve: Callable[..., Awaitable[str]], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    store = fresh_url(kind, tmp_path, lambda: request.getfixturevalue("redis"))
    host = Starlette()
    HandshakeApp(store=store).mount_on(host)
    peer = await open_session(await serve(host), {**FORM, "prompt": True})
    async with aclosing(peer.http), HandshakeAgent.from_prompt(peer.created["prompt"], name="Claude") as agent:
        context = await agent.get_context()
        assert context["missing"] == ["name"]
        reply = await agent.action({"name": "Ada", "age": -1}, idempotency_key="once")
        assert (reply["applied"], reply["errors"][0]["key"]) == (["name"], "age")
        assert await agent.action({"name": "Ada", "age": -1}, idempotency_key="once") == reply
        await peer.edit("name", "mine")
        diff = await agent.get_diff(since=context["cursor"])
        assert [change["to"] for change in diff["changes"]] == ["Ada", "mine"]
        assert (await agent.extend(60))["extended"] == 60
        seen: list[tuple[str, Any]] = []
        with pytest.raises(SessionEndedError):
            await follow(agent, peer, seen, since=context["cursor"])
        assert seen == [("name", "Ada"), ("name", "mine"), ("age", 36)]


async def follow(agent: HandshakeAgent, peer: Peer, seen: list[tuple[str, Any]], *, since: str) -> None:
    """Note what changes, with one more change after two, and the end after three."""
    async for change in agent.changes(since=since):
        assert isinstance(change, Change)
        seen.append((change.key, change.value))
        if len(seen) == 2:
            await peer.edit("age", 36)
        if len(seen) == 3:
            await peer.user("DELETE", "session")
