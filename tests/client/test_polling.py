"""Long polling, and repeated lists of servers of version 0.2."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from handshake_prompt.client import BadReplyError, Gap, ProblemsChanged, RequestEnded
from tests.support.agents import CONTEXT, SESSION_ID, agent_against, problem, replying
from tests.support.virtual_session import (
    Server,
    numbered,
    short,
)
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_poll_that_does_not_list_all_is_a_gap() -> None:
    server = Server()
    async with agent_against(server) as agent:
        changes = agent.changes("e.0")
        await asyncio.sleep(3)
        assert [short(await anext(changes)) for _ in range(3)] == numbered(1, 2, 3)
        server.truncated = True
        gap = await anext(changes)
        server.truncated = False
        assert isinstance(gap, Gap)
        assert gap.cursor is not None
        number = int(gap.cursor.removeprefix("e."))
        assert short(await anext(changes)) == ("n", number + 1)


@in_virtual_time
async def test_a_poll_that_has_no_place_any_more_is_a_bad_reply() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return replying({"changes": []}) if "/diff/" in request.url.path else problem(404, "not_found")

    async with agent_against(answer) as agent:
        with pytest.raises(BadReplyError):
            await anext(agent.changes("e.0"))


@in_virtual_time
async def test_a_poll_that_tells_the_order_of_rows_is_a_gap_since_it_does_not_tell_what_became_of_each() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        if "/diff/" in request.url.path:
            return replying({"changes": [], "cursor": "e.4", "rows": {"lines": ["r2"]}})
        return replying(context) if "/context/" in request.url.path else problem(404, "not_found")

    context = CONTEXT | {"rows": {"lines": ["r2", "r5"]}, "cursor": "e.5"}
    async with agent_against(answer) as agent:
        assert await anext(agent.changes("e.0")) == Gap(context, "e.5")


@in_virtual_time
async def test_a_poll_tells_values_ends_of_requests_and_problems_and_is_resumed_behind_the_last() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        if "/diff/" not in request.url.path:
            return problem(404, "not_found")
        change = {"key": "n", "to": 1, "by": "user", "at": "2026-01-01T12:00:00.000000+00:00", "seq": 2}
        requests = [{"id": "e.1", "status": "open"}, {"id": "e.2", "kind": "suggest", "status": "declined"}]
        return replying({"changes": [change], "requests": requests, "problems": [], "cursor": "e.4"})

    async with agent_against(answer) as agent:
        changes = agent.changes("e.0")
        found = [(short(await anext(changes)), changes.cursor) for _ in range(3)]
    assert found == [
        (("n", 1), "e.0"),
        (RequestEnded("e.2", "suggest", "declined", {}, filled=False, cursor="e.0"), "e.0"),
        (ProblemsChanged("e.4"), "e.4"),
    ]


class OldServer:
    """A server of version 0.2: no events, no cursors, no waiting; a list of the latest fifty."""

    def __init__(self) -> None:
        self.changes: list[dict[str, Any]] = []
        self.polls = 0

    def edit(self, *values: Any, at: str = "2026-01-01T12:00:00.000000+01:00") -> None:
        self.changes += [{"key": "n", "from": None, "to": value, "by": "user", "at": at} for value in values]

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if "/context/" in request.url.path:
            return replying({"sessionId": SESSION_ID, "mode": "default", "data": {}, "meta": {}, "expiresIn": 1})
        if "/diff/" not in request.url.path:
            return httpx.Response(404, text="<h1>Not Found</h1>")
        self.polls += 1
        since = request.url.params.get("since", "")
        listed = [change for change in self.changes if change["at"] > since] if since else self.changes[-50:]
        return replying({"sessionId": SESSION_ID, "since": since, "changes": listed})


@in_virtual_time
async def test_version_0_2_is_polled_and_nothing_is_told_twice() -> None:
    server = OldServer()
    server.edit(*range(3))
    async with agent_against(server) as agent:
        changes = agent.changes()
        waiting = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(60)
        assert 20 <= server.polls <= 32
        server.edit(3, 3, 3)
        await waiting
        server.edit(4)
        assert [short(await anext(changes)) for _ in range(3)] == numbered(3, 3, 4)
        server.edit(*range(5, 40))
        assert [short(await anext(changes)) for _ in range(35)] == numbered(*range(5, 40))
        assert changes.cursor == "2026-01-01T12:00:00.000000+01:00"


@in_virtual_time
async def test_version_0_2_may_set_its_clock_back() -> None:
    server = OldServer()
    server.edit(1, at="2026-10-25T02:59:59.000000+02:00")
    async with agent_against(server) as agent:
        changes = agent.changes("2026-10-25T00:00:00Z")
        assert short(await anext(changes)) == ("n", 1)
        server.edit(2, at="2026-10-25T02:00:01.000000+01:00")
        assert short(await anext(changes)) == ("n", 2)


@in_virtual_time
async def test_more_than_version_0_2_lists_is_a_gap() -> None:
    server = OldServer()
    server.edit(0)
    async with agent_against(server) as agent:
        changes = agent.changes("2026-01-01T00:00:00Z")
        assert short(await anext(changes)) == ("n", 0)
        server.edit(*range(1, 60))
        gap = await anext(changes)
        assert isinstance(gap, Gap)
        assert gap.cursor is None
        server.edit(60)
        assert short(await anext(changes)) == ("n", 60)
