"""Groups of controls that a page repeats as rows of a session, in a real Chromium."""

from __future__ import annotations

from typing import Any

import pytest

from tests.page.tabs import Tab

pytestmark = pytest.mark.asyncio(loop_scope="session")

OPEN = """
async (html) => {
  document.body.innerHTML = html;
  for (const script of document.querySelectorAll("script")) (0, eval)(script.textContent);
  const { schemaOf, valuesOf } = await import("/handshake/form.js");
  globalThis.form = document.querySelector("form");
  const schema = schemaOf(form);
  record(await client.HandshakeSession.create({ mode: "form-fill", schema, ...valuesOf(form, schema) }));
  session.bind(form, { follow: true });
}
"""
ROW = (
    '<tr><td><input name="lines[{n}][what]" aria-label="What"></td><td><input name="lines[{n}][amount]" type="number" '
    'aria-label="Amount"></td><td><button type="button" data-handshake-remove class="less">-</button></td></tr>'
)
TABLE = f"""
<form><label>Title <input name="title"></label>
  <table><caption>Expenses</caption><tbody data-handshake-rows="lines">%s{ROW.format(n=0)}</tbody></table>
  <button type="button" id="more" %s>More</button></form>
<script>
  document.querySelector("form").addEventListener("click", ({{ target }}) => {{
    if (target.matches(".less")) target.closest("tr").remove();
    if (!target.matches("#more")) return;
    const body = document.querySelector("tbody");
    body.insertAdjacentHTML("beforeend", `{ROW}`.replaceAll("{{n}}", String(body.rows.length)));
  }});
</script>
"""
FORMS = {
    "a template": TABLE % (f"<template>{ROW.format(n='N')}</template>", ""),
    "the page's button": TABLE % ("", 'data-handshake-add="lines"'),
}


@pytest.fixture(params=FORMS)
def html(request: pytest.FixtureRequest) -> str:
    return FORMS[request.param]


async def hand_over(tab: Tab, html: str) -> Any:
    await tab.do(OPEN, html)
    await tab.connect()
    await tab.turn(100)
    return await tab.peer()


async def act(peer: Any, *actions: dict[str, Any]) -> list[str]:
    """Have the agent act; return what became of each action."""
    reply = (await peer.agent("POST", "action", {"actions": list(actions), "stream": False})).json()
    return [outcome["status"] for outcome in reply["results"]]


async def shown(tab: Tab) -> list[list[str]]:
    await tab.turn(100)
    rows: list[list[str]] = await tab.do(
        "[...document.querySelectorAll('tbody > tr')].map((row) => "
        "[...row.querySelectorAll('input')].map(({ value }) => value))"
    )
    return rows


async def held(tab: Tab, peer: Any) -> list[list[tuple[Any, str]]]:
    """The cells of each row that the server has, with their authors."""
    await tab.turn(100)
    assert await tab.settle() is True
    told = await peer.context(role="user")
    cells = [
        [told["context"].get(f"lines/{row}/{cell}") for cell in ("what", "amount")] for row in told["rows"]["lines"]
    ]
    return [[(cell["value"], cell["by"]) if cell else (None, "") for cell in row] for row in cells]


async def test_a_repeated_group_is_a_list_of_rows(tab: Tab, html: str) -> None:
    await hand_over(tab, html)
    title, lines = await tab.do("session.schema")
    assert (title["key"], lines["key"], lines["type"], lines["label"]) == ("title", "lines", "rows", "Expenses")
    assert [(cell["key"], cell["type"], cell["label"]) for cell in lines["fields"]] == [
        ("what", "string", "What"),
        ("amount", "integer", "Amount"),
    ]
    assert await tab.do("session.rows('lines')") == ["r1"]


async def test_what_the_person_types_in_a_row_is_theirs_and_what_the_agent_writes_is_shown(tab: Tab, html: str) -> None:
    peer = await hand_over(tab, html)
    await tab.page.fill("tbody input", "Taxi")
    assert await act(peer, {"type": "set", "key": "lines/r1/amount", "value": 12}) == ["applied"]
    await tab.hears("done")
    assert await shown(tab) == [["Taxi", "12"]]
    assert await held(tab, peer) == [[("Taxi", "user"), (12, "ai")]]


async def test_a_row_that_the_agent_adds_is_shown_by_the_pages_own_means(tab: Tab, html: str) -> None:
    peer = await hand_over(tab, html)
    added = {"type": "add", "key": "lines", "value": {"what": "Train", "amount": 40}}
    assert await act(peer, added, {"type": "set", "key": "lines/r1/what", "value": "First"}) == ["applied"] * 2
    await tab.hears("done")
    assert await shown(tab) == [["First", ""], ["Train", "40"]]
    assert await act(peer, {"type": "remove", "key": "lines/r1"}) == ["applied"]
    await tab.hears("done", 2)
    assert await shown(tab) == [["Train", "40"]]
    await tab.page.fill("tbody tr:last-child input", "mine")
    assert await held(tab, peer) == [[("mine", "user_edit"), (40, "ai")]]


async def test_a_row_that_the_person_adds_is_theirs_whatever_is_typed_before_the_answer(tab: Tab, html: str) -> None:
    peer = await hand_over(tab, html)
    await tab.page.click("#more")
    await tab.page.fill("tbody tr:last-child input", "typed at once")
    await tab.turn(100)
    await tab.until("session.rows('lines').length === 2")
    await tab.page.fill("tbody tr:last-child input[type=number]", "7")
    assert [row[0] for row in await held(tab, peer)][1] == ("typed at once", "user")
    assert await act(peer, {"type": "remove", "key": "lines/r2"}) == ["rejected"]
    assert await shown(tab) == [["", ""], ["typed at once", "7"]]


async def test_a_row_that_the_person_removes_is_gone_for_the_agent(tab: Tab, html: str) -> None:
    peer = await hand_over(tab, html)
    await act(peer, {"type": "add", "key": "lines", "value": {"what": "Train"}})
    await tab.hears("done")
    await shown(tab)
    await tab.page.locator(".less").first.click()
    await tab.turn(100)
    await tab.until("String(session.rows('lines')) === 'r2'")
    assert await held(tab, peer) == [[("Train", "ai"), (None, "")]]
    assert await act(peer, {"type": "set", "key": "lines/r1/what", "value": "late"}) != ["applied"]
    assert await shown(tab) == [["Train", ""]]


async def test_rows_of_a_template_are_in_the_sessions_order(tab: Tab) -> None:
    peer = await hand_over(tab, FORMS["a template"])
    await act(peer, {"type": "add", "key": "lines", "value": {"what": "First"}, "after": None})
    await tab.hears("done")
    assert await shown(tab) == [["First", ""], ["", ""]]


DJANGO = """
<form><fieldset><legend>Guests</legend><div data-handshake-rows="guests">
  <template><p><label for="g-__prefix__">Name</label><input id="g-__prefix__" name="g-__prefix__-name"></p></template>
  <p><label for="g-0">Name</label><input id="g-0" name="g-0-name" value="Ada"></p>
</div></fieldset></form>
"""


async def test_names_of_a_new_row_are_numbered_on(tab: Tab) -> None:
    peer = await hand_over(tab, DJANGO)
    (guests,) = await tab.do("session.schema")
    assert (guests["label"], [cell["key"] for cell in guests["fields"]]) == ("Guests", ["name"])
    assert (await peer.context())["context"]["guests/r1/name"]["by"] == "default"
    await act(peer, {"type": "add", "key": "guests", "value": {"name": "Grace"}})
    await tab.hears("done")
    await tab.turn(100)
    assert await tab.do("[...new FormData(form)]") == [["g-0-name", "Ada"], ["g-1-name", "Grace"]]
