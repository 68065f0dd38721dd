"""What a page shows beside values, in a real Chromium: problems, sources, and its own schema."""

from __future__ import annotations

import pytest

from tests.page.tabs import Tab

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
