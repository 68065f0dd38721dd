"""Rows as the agent adds, removes and moves them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from handshake_prompt.client import Change, HandshakeAgent, RefusedError, RowChange
from tests.conftest import Open
from tests.support.agents import ACTED, agent_against, agent_of, replying
from tests.support.forms import LINES

Call = Callable[[HandshakeAgent], Awaitable[dict[str, Any]]]

CALLS: dict[str, tuple[Call, dict[str, Any]]] = {
    "add": (lambda agent: agent.add_row("lines"), {"type": "add", "key": "lines"}),
    "add with values": (
        lambda agent: agent.add_row("lines", {"amount": 3}, after="r1"),
        {"type": "add", "key": "lines", "value": {"amount": 3}, "after": "r1"},
    ),
    "add as the first": (
        lambda agent: agent.add_row("lines", after=None),
        {"type": "add", "key": "lines", "after": None},
    ),
    "remove": (lambda agent: agent.remove_row("lines/r3"), {"type": "remove", "key": "lines/r3"}),
    "move": (lambda agent: agent.move_row("lines/r3"), {"type": "move", "key": "lines/r3"}),
    "move to the front": (
        lambda agent: agent.move_row("lines/r3", after=None),
        {"type": "move", "key": "lines/r3", "after": None},
    ),
}


@pytest.mark.parametrize(("call", "action"), CALLS.values(), ids=CALLS)
async def test_a_row_is_one_action(call: Call, action: dict[str, Any]) -> None:
    asked: list[Any] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content)["actions"])
        return replying(reply)

    reply = ACTED | {"applied": [action["key"]], "results": [{"key": action["key"], "status": "applied", "row": "r4"}]}
    async with agent_against(answer) as agent:
        assert await call(agent) == reply
    assert asked == [[action]]


async def test_a_row_that_is_refused_is_data_in_the_reply() -> None:
    refused = {"key": "lines/r3", "status": "rejected", "code": "user_locked"}

    async def answer(_: httpx.Request) -> httpx.Response:
        return replying(ACTED | {"applied": [], "rejected": ["lines/r3"], "results": [refused]})

    async with agent_against(answer) as agent:
        assert (await agent.remove_row("lines/r3"))["results"] == [refused]


REFUSALS: dict[str, dict[str, Any]] = {
    "1.0": {"results": [{"key": "lines", "status": "error", "code": "unsupported_action", "msg": "No such action"}]},
    "0.2": {"errors": [{"action": {"type": "add", "key": "lines"}, "msg": "unsupported action"}], "results": None},
}


@pytest.mark.parametrize("members", REFUSALS.values(), ids=REFUSALS)
@pytest.mark.parametrize("call", [call for call, _ in CALLS.values()], ids=CALLS)
async def test_a_server_without_rows_is_named_as_that(call: Call, members: dict[str, Any]) -> None:
    async def answer(_: httpx.Request) -> httpx.Response:
        return replying(ACTED | {"applied": []} | members)

    async with agent_against(answer) as agent:
        with pytest.raises(RefusedError, match="too old") as caught:
            await call(agent)
    assert caught.value.code == "unsupported_action"


async def test_rows_of_a_form_are_filled_beside_the_person_s(pair: Open) -> None:
    peer = await pair(body=LINES)
    async with agent_of(peer) as agent:
        context = await agent.get_context()
        changes = agent.changes(context["cursor"])
        first = (await agent.add_row("lines", {"date": "2026-05-04"}))["results"][0]["row"]
        theirs = (await peer.user("POST", "notify", {"add": "lines", "value": {"amount": 3}})).json()["row"]
        second = (await agent.add_row("lines", after=first))["results"][0]["row"]
        assert (await agent.action({f"lines/{second}/amount": 12.5}))["applied"] == [f"lines/{second}/amount"]
        assert (await agent.remove_row(f"lines/{theirs}"))["results"][0]["code"] == "user_locked"
        moved = await agent.move_row(f"lines/{first}")
        assert moved["rows"] == {"lines": [second, theirs, first]}
        assert (await agent.remove_row(f"lines/{second}"))["rows"] == {"lines": [theirs, first]}
        seen = [await anext(changes) for _ in range(8)]
    assert [(one.event, one.row, one.after, one.by_person) for one in seen if isinstance(one, RowChange)] == [
        ("added", first, None, False),
        ("added", theirs, first, True),
        ("added", second, first, False),
        ("moved", first, theirs, False),
        ("removed", second, None, False),
    ]
    assert [(one.key, one.value) for one in seen if isinstance(one, Change)] == [
        (f"lines/{first}/date", "2026-05-04"),
        (f"lines/{theirs}/amount", 3),
        (f"lines/{second}/amount", 12.5),
    ]
