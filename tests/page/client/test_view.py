"""What a page shows beside values, in a real Chromium: problems, sources, and its own schema."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Route

from tests.page.tabs import Tab
from tests.support.peer import PATIENCE

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_message_that_an_older_server_does_not_know_changes_nothing(tab: Tab) -> None:
    await tab.create()
    await tab.do("session.urls.notify = session.urls.notify.replace('/notify/', '/nothing/')")
    assert await tab.do("session.setSchema({ remove: ['b'] })") is False
    assert await tab.do("session.schema.length") == 4


async def test_where_an_agent_has_a_value_from_is_told_until_it_is_written_again(tab: Tab) -> None:
    await tab.open()
    peer = await tab.peer()
    action = {"type": "set", "key": "b", "value": "x", "source": "page 3", "confidence": 0.5}
    await peer.agent("POST", "action", {"actions": [action]})
    await tab.shows("b", "x")
    assert [(await tab.field("b"))[name] for name in ("source", "confidence")] == ["page 3", 0.5]
    await tab.edit("b", "y")
    assert await tab.settle() is True
    assert "source" not in await tab.field("b")


async def test_a_problem_of_the_pages_takes_no_problem_of_the_validators_away(tab: Tab) -> None:
    await tab.open(form="nights", schema=None, context={"nights": 3}, mode=None)
    messages = "session.problems.map(({ msg }) => msg)"
    await tab.until(f"{messages}.length === 1")
    await tab.do("session.setProblem('nights', 'Too many')")
    assert await tab.settle() is True
    await tab.hears("problem", 1)
    assert await tab.do(messages) == ["Too many", "The hotel is full"]
    await tab.do("session.setProblem('nights', null)")
    assert await tab.settle() is True
    await tab.hears("problem", 2)
    assert await tab.do(messages) == ["The hotel is full"]


@asynccontextmanager
async def late_context(tab: Tab) -> AsyncIterator[None]:
    """Have the page read the context ahead of the block, and learn at its end what it was told."""
    is_read, may_arrive = asyncio.Event(), asyncio.Event()

    async def keep(route: Route) -> None:
        response = await route.fetch()
        is_read.set()
        await may_arrive.wait()
        await route.fulfill(response=response)

    await tab.page.route("**/context/*", keep, times=1)
    reverting = asyncio.create_task(tab.do("session.revert()"))
    async with asyncio.timeout(PATIENCE):
        await is_read.wait()
        yield
        may_arrive.set()
        await reverting


async def test_a_context_that_comes_late_brings_no_problem_back(tab: Tab) -> None:
    await tab.open()
    await tab.do("session.setProblem('b', 'Too long')")
    await tab.hears("problem", 1)
    async with late_context(tab):
        await tab.do("session.setProblem('b', null)")
        await tab.hears("problem", 2)
    assert await tab.do("session.problems") == []


async def test_a_context_that_comes_late_brings_no_request_back_and_takes_none_away(tab: Tab) -> None:
    await tab.open()
    peer = await tab.peer()
    old = (await peer.agent("POST", "ask", {"text": "Old?"})).json()["id"]
    await tab.hears("asked", 1)
    async with late_context(tab):
        response = await peer.http.delete(f"{peer.base_url}{peer.created['askUrl']}/{old}", headers=peer.as_agent)
        assert response.status_code == 200
        await peer.agent("POST", "ask", {"text": "New?"})
        await tab.hears("asked", 2)
    assert await tab.do("session.requests.map(({ text }) => text)") == ["New?"]
