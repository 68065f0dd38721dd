"""What has to work in every host: a page opens a session, the published agent fills it, the person's word stands."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from handshake_prompt_agent import HandshakeAgent
from handshake_prompt_agent.client import HPPError

from tests.conftest import FORM
from tests.support.peer import PATIENCE, Peer, open_session

REQUESTS = [
    ("GET", "session", None),
    ("GET", "context", None),
    ("GET", "diff", None),
    ("POST", "notify", {"key": "plan", "value": "pro"}),
    ("POST", "extend", {"extraSeconds": 60}),
]
"""What the person can ask at each URL of the create reply."""


async def play(base_url: str, *, mount: str = "/handshake", ws: str | None = None) -> None:
    """Run the scenario, with the protocol mounted at `mount` and its WebSocket below `ws` (`mount` + `/ws/`)."""
    peer = await open_session(base_url, FORM, mount=mount)
    async with aclosing(peer.http):
        agent = HandshakeAgent(peer.session_id, peer.token, base_url, prefix=mount, timeout=PATIENCE)
        assert peer.created["wsUrl"] == f"{ws or mount + '/ws/'}{peer.session_id}"
        assert peer.created["contextUrl"] == f"{mount}/context/{peer.session_id}"
        for method, name, body in REQUESTS:
            assert (await peer.user(method, name, body)).status_code == 200, name
        await _fill(peer, agent)
        with pytest.raises(HPPError) as gone:
            await asyncio.to_thread(agent.get_context)
        assert gone.value.code == 404


async def _fill(peer: Peer, agent: HandshakeAgent) -> None:
    async with peer.watch() as page, peer.events() as stream:
        connected = await page.next()
        assert (connected["type"], connected["role"]) == ("connected", "user")
        assert (await stream.next())["role"] == "agent"
        assert (await asyncio.to_thread(agent.get_context))["missing"] == ["name"]
        filled = await asyncio.to_thread(agent.action, {"name": "Alice", "age": 30}, interval_ms=1)
        assert filled["applied"] == ["name", "age"]
        shown = [(frame["key"], frame["value"]) for frame in await page.until("done") if frame["type"] == "action"]
        assert shown == [("name", "Alice"), ("age", 30)]
        assert [(await stream.next("action"))["key"] for _ in shown] == ["name", "age"]
        await page.send({"type": "userEdit", "key": "name", "value": "Bob"})
        assert (await page.next("ack"))["by"] == "user_edit"
        refused = await asyncio.to_thread(agent.action, {"name": "Mallory"})
        assert (refused["rejected"], refused["context"]["name"]["value"]) == (["name"], "Bob")
        assert (await peer.user("DELETE", "session")).status_code == 200
        code, frames = await page.closed()
        assert (code, frames[-1]["type"]) == (4410, "revoked")
        closed, events = await stream.closed()
        assert (closed["code"], events[-1]["type"]) == (4410, "revoked")
