"""Rows as the agent adds, removes and moves them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from handshake_prompt.client import HandshakeAgent, RefusedError
from tests.support.agents import ACTED, agent_against, replying

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
