"""Views of a session, as replies and snapshots show it."""

from __future__ import annotations

from typing import Any

import pytest

from handshake_prompt import Limits, Role
from tests.conftest import FORM
from tests.support.pairing import open_pair, virtual_engine
from tests.support.virtual_time import in_virtual_time

MEMBERS = {"sessionId", "mode", "role", "schema", "missing", "context", "meta", "expiresIn", "cursor", "digest"}


@in_virtual_time
async def test_a_snapshot_has_the_members_of_the_context() -> None:
    pair = await open_pair(virtual_engine(), FORM | {"context": {"name": "Ada"}, "meta": {"a": 1}})
    for role in Role:
        context = await pair.context(role)
        async with pair.watch(role) as viewer:
            (connected,) = await viewer.shown("connected")
        assert connected["snapshot"] == context
        assert context.keys() == MEMBERS


PRESENCE: dict[str, tuple[str, float, dict[str, Any]]] = {
    "nobody": ("", 0.0, {}),
    "here": ("Claude", 940.0, {"agentGone": False}),
    "at the bound": ("Claude", 900.0, {"agentGone": False}),
    "gone": ("Claude", 899.0, {"agentGone": True}),
}


@pytest.mark.parametrize(("name", "seen_at", "told"), PRESENCE.values(), ids=PRESENCE)
@in_virtual_time
async def test_an_agent_has_gone_when_it_was_not_heard_of_for_longer_than_the_bound(
    name: str, seen_at: float, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = virtual_engine(Limits(agent_silence=100))._workers.here
    monkeypatch.setattr(worker.transactions, "_wall_clock", lambda: 1000.0)
    minutes, seconds = divmod(seen_at, 60)
    at = f"1970-01-01T00:{minutes:02.0f}:{seconds:02.0f}.000000+00:00"
    assert worker.views.agent_presence(name, seen_at) == (told | {"agent": name, "agentAt": at} if name else {})
