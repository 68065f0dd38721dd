"""Rows of lists on the page's side, in a real Chromium: added, removed and moved by both, and found again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.page.faults import Faults
from tests.page.tabs import RESUME, Site, Tab, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCHEMA = [
    {"key": "title", "type": "string"},
    {
        "key": "lines",
        "type": "rows",
        "maxRows": 3,
        "fields": [{"key": "what", "type": "string"}, {"key": "amount", "type": "number", "default": 1}],
    },
]
FORM: dict[str, Any] = {"schema": SCHEMA, "context": {}, "defaults": {"lines": [{"what": "first"}]}}


async def lines(tab: Tab) -> list[str]:
    ids: list[str] = await tab.do("session.rows('lines')")
    return ids


async def written(peer: Any, *actions: dict[str, Any]) -> list[dict[str, Any]]:
    """Have the agent act; return what became of each action."""
    reply = (await peer.agent("POST", "action", {"actions": list(actions), "stream": False})).json()
    outcomes: list[dict[str, Any]] = reply["results"]
    return outcomes


async def held(tab: Tab) -> list[str]:
    """The rows that the server has."""
    ids: list[str] = (await tab.do("session.context()"))["rows"].get("lines", [])
    return ids


async def test_a_page_knows_the_rows_of_the_session_and_their_cells(tab: Tab) -> None:
    await tab.open(**FORM)
    assert await lines(tab) == ["r1"]
    assert (await tab.field("lines/r1/what"))["value"] == "first"


@pytest.mark.parametrize("connected", [True, False], ids=["over the socket", "by POST"])
async def test_a_row_of_the_persons_is_theirs_with_all_its_cells(tab: Tab, *, connected: bool) -> None:
    await tab.open(**FORM)
    if not connected:
        await tab.do("session.close()")
    row = await tab.do("session.addRow('lines', { what: 'mine' }, null)")
    assert (row, await lines(tab)) == ("r2", ["r2", "r1"])
    await tab.until("session.fields.get('lines/r2/amount')?.by === 'default'")
    assert (await tab.field("lines/r2/what"))["by"] == "user"
    assert await tab.edit("lines/r2/amount", 7) is True
    assert await tab.settle() is True
    peer = await tab.peer()
    (outcome,) = await written(peer, {"type": "remove", "key": "lines/r2"})
    assert outcome["code"] == "user_locked"


async def test_a_row_is_moved_and_removed_at_once(tab: Tab) -> None:
    await tab.open(**FORM)
    await tab.do("session.addRow('lines', {})")
    assert await tab.do("session.moveRow('lines/r2', null)") is True
    assert await lines(tab) == ["r2", "r1"]
    assert await tab.do("session.removeRow('lines/r1')") is True
    assert (await lines(tab), await tab.field("lines/r1/what")) == (["r2"], None)
    assert await tab.settle() is True
    assert await held(tab) == ["r2"]
    assert await tab.do("session.removeRow('lines/r1')") is False
    assert await tab.edit("lines/r9/nope", "x") is False


HOLD = """
() => {
  const real = globalThis.fetch;
  globalThis.held = [];
  globalThis.fetch = async (...asked) => {
    const reply = await real(...asked);
    if (String(asked[0]).includes("/context/")) await new Promise((resolve) => held.push(resolve));
    return reply;
  };
}
"""
"""Has the page see a context no sooner than the test lets it."""


async def test_a_context_from_before_brings_neither_an_order_nor_a_row_back(tab: Tab) -> None:
    await tab.open(**FORM)
    await tab.do("session.addRow('lines', {})")
    await tab.settle()
    await tab.page.evaluate(HOLD)
    await tab.do("session.moveRow('lines/r2', null)")
    await tab.until("held.length === 1")
    await tab.do("session.moveRow('lines/r2', 'r1')")
    await tab.do("session.removeRow('lines/r1')")
    assert await tab.settle() is True
    await tab.do("held[0]()")
    await tab.until("held.length === 2")
    await tab.do("Promise.resolve().then(() => {})")
    assert (await lines(tab), await tab.field("lines/r1/what")) == (["r2"], None)
    assert (await tab.seen("rows"))[-1]["rows"] == ["r2"]


async def test_rows_of_the_agents_come_and_go_on_the_page(tab: Tab) -> None:
    await tab.open(**FORM)
    peer = await tab.peer()
    await written(peer, {"type": "add", "key": "lines", "value": {"what": "the agent's"}, "after": None})
    await tab.until("session.fields.get('lines/r2/what')?.value === \"the agent's\"")
    assert await lines(tab) == ["r2", "r1"]
    await written(peer, {"type": "move", "key": "lines/r2", "after": "r1"}, {"type": "remove", "key": "lines/r1"})
    await tab.until("String(session.rows('lines')) === 'r2'")
    assert [detail["rows"] for detail in await tab.seen("rows")][-3:] == [["r2", "r1"], ["r1", "r2"], ["r2"]]


async def test_a_refused_row_is_told_as_none(tab: Tab) -> None:
    await tab.open(**FORM)
    assert await tab.do("session.addRow('title', {})") is None
    assert await tab.do("session.addRow('nothing', {})") is None
    assert await held(tab) == await lines(tab) == ["r1"]


async def test_a_row_whose_answer_was_lost_is_added_once(tab: Tab, faults: Faults) -> None:
    await tab.open(**FORM)
    faults.line.hold("ack")
    await tab.do("void (globalThis.adding = session.addRow('lines', { what: 'once' }))")
    await until(lambda: faults.line.held)
    await tab.loses(faults.line)
    await tab.reconnects()
    assert await tab.do("adding") == "r2"
    assert await tab.settle() is True
    assert await held(tab) == ["r1", "r2"]
    await tab.until("String(session.rows('lines')) === 'r1,r2'")


async def test_a_page_that_was_away_knows_the_rows_of_now(tab: Tab, shared: Site) -> None:
    await tab.open(**FORM)
    await tab.do("session.addRow('lines', { what: 'second' })")
    saved = await tab.do("session.saved")
    await tab.visit(shared.url)
    await tab.do(RESUME, [saved, {}])
    await tab.comes_to("open")
    assert await lines(tab) == ["r1", "r2"]
    assert (await tab.field("lines/r2/what"))["value"] == "second"


async def test_released_rows_are_the_agents_to_remove_and_are_read_again_once_for_many(tab: Tab) -> None:
    await tab.open(**FORM | {"context": {"lines": [{"what": "one"}, {"what": "two"}, {"what": "three"}]}})
    assert (await tab.field("lines/r2/what"))["by"] == "user"
    await tab.page.evaluate(HOLD)
    await tab.do("void session.rows('lines').slice(1).forEach((row) => session.release(`lines/${row}`))")
    assert await tab.settle() is True
    await tab.hears("rowReleased", 2)
    await tab.until("held.length === 1")
    await tab.do("held[0]()")
    await tab.until("held.length === 2")
    await tab.do("held[1]()")
    await tab.until("session.fields.get('lines/r3/what')?.by === 'default'")
    assert await tab.do("[...session.fields].filter(([key]) => key.split('/').length === 2)") == []
    peer = await tab.peer()
    gone = [{"type": "remove", "key": f"lines/{row}"} for row in await lines(tab)]
    assert [outcome.get("code") for outcome in await written(peer, *gone)] == ["user_locked", None, None]
    assert await tab.do("held.length") == 2
