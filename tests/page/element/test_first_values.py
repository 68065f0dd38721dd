"""Whose the values are that a new session finds in a form which an agent has filled in before, in a real Chromium."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.page.element.tag import TAG, Post, agent, authors, live
from tests.page.tabs import holds

pytestmark = pytest.mark.asyncio(loop_scope="session")

LINE = '<p><input name="lines[{n}][what]" aria-label="What"><input name="lines[{n}][amount]" aria-label="Amount"></p>'
BAG = '<i><input name="trips[{n}][bags][{m}][kg]" type="number" aria-label="Weight"></i>'
TRIP = f"""<div><input name="trips[N][to]" aria-label="To">
<div data-handshake-rows="bags"><template>{BAG.format(n="N", m="M")}</template></div></div>"""
FORM = f"""<form id="claim"><label>Title <input name="title"></label>
<section data-handshake-rows="lines" aria-label="Lines"><template>{LINE.format(n="N")}</template></section>
<section data-handshake-rows="trips" aria-label="Trips"><template>{TRIP}</template></section></form>"""


def added(key: str, **cells: Any) -> dict[str, Any]:
    return {"type": "add", "key": key, "value": cells}


async def hand_over(page: Page, http: httpx.AsyncClient, *actions: dict[str, Any]) -> Post:
    """Begin a session of a form with lists, and have its agent act."""
    if "?" not in page.url:
        await page.goto("/claim?" + urlencode({"body": FORM + TAG}))
    post = await agent(page, http)
    await live(page)
    outcomes = (await post("action", {"actions": list(actions)}))["results"] if actions else []
    assert [outcome["status"] for outcome in outcomes] == ["applied"] * len(actions)
    return post


async def end(page: Page) -> None:
    await page.get_by_role("button", name="End the session").click()
    await expect(page.get_by_text("The session has ended")).to_be_visible()


async def removed(post: Post, row: str) -> bool:
    """Whether the agent may remove a row."""
    (outcome,) = (await post("action", {"actions": [{"type": "remove", "key": row}]}))["results"]
    return bool(outcome["status"] == "applied")


async def test_rows_that_an_agent_wrote_are_not_made_the_persons_by_the_next_session(
    page: Page, http: httpx.AsyncClient
) -> None:
    await hand_over(page, http, added("lines", what="Taxi", amount="12"), added("lines", what="Train"))
    await expect(page.locator("[name='lines[1][what]']")).to_have_value("Train")
    for _ in range(2):  # nor by the one after
        await end(page)
        post = await hand_over(page, http)
        assert await authors(page) == dict.fromkeys(["lines/r1/what", "lines/r1/amount", "lines/r2/what"], "default")
    assert await removed(post, "lines/r2")
    await expect(page.locator("[name='lines[1][what]']")).to_have_count(0)


async def test_of_rows_that_both_wrote_the_persons_cells_alone_are_theirs(page: Page, http: httpx.AsyncClient) -> None:
    lines = [added("lines", what=what, amount="1") for what in ("Taxi", "Train", "Bus")]
    await hand_over(page, http, *lines)
    await expect(page.locator("[name='lines[2][amount]']")).to_have_value("1")  # the last that the agent wrote
    await page.fill("[name='lines[1][amount]']", "2")
    await expect(page.locator("[name='lines[1][amount]']")).to_have_attribute("data-handshake-by", "user_edit")
    await end(page)
    await page.fill("[name='lines[2][what]']", "Tram")
    post = await hand_over(page, http)
    theirs = {"lines/r2/amount": "user", "lines/r3/what": "user"}
    cells = {f"lines/{row}/{cell}": "default" for row in ("r1", "r2", "r3") for cell in ("what", "amount")}
    assert await authors(page) == cells | theirs
    assert [await removed(post, f"lines/{row}") for row in ("r1", "r2", "r3")] == [True, False, False]
    await holds(page, "String(document.querySelector('handshake-prompt').session.rows('lines')) === 'r2,r3'")


async def test_of_rows_within_rows_the_persons_cells_alone_are_theirs(page: Page, http: httpx.AsyncClient) -> None:
    trips = [{"to": "Ulm", "bags": [{"kg": 1}, {"kg": 2}]}, {"to": "Bonn", "bags": [{"kg": 3}]}]
    await hand_over(page, http, *(added("trips", **trip) for trip in trips))
    await expect(page.locator("[name='trips[1][bags][0][kg]']")).to_have_value("3")
    await page.fill("[name='trips[0][bags][1][kg]']", "9")
    await end(page)
    await hand_over(page, http)
    assert await authors(page) == {
        "trips/r1/to": "default",
        "trips/r1/bags/r2/kg": "default",
        "trips/r1/bags/r3/kg": "user",
        "trips/r4/to": "default",
        "trips/r4/bags/r5/kg": "default",
    }


async def test_a_row_that_goes_between_sessions_leaves_the_others_the_agents(
    page: Page, http: httpx.AsyncClient
) -> None:
    await hand_over(page, http, *(added("lines", what=what) for what in ("Taxi", "Train")))
    await expect(page.locator("[name='lines[1][what]']")).to_have_value("Train")
    await end(page)
    await page.evaluate("document.querySelector('[data-handshake-rows=lines] > p').remove()")
    await hand_over(page, http)
    assert await authors(page) == {"lines/r1/what": "default"}


async def test_what_a_framework_makes_a_cells_default_as_it_is_typed_is_the_persons(
    page: Page, http: httpx.AsyncClient
) -> None:
    await hand_over(page, http, added("lines", what="Taxi"))
    cell = page.locator("[name='lines[0][what]']")
    await expect(cell).to_have_value("Taxi")
    await end(page)
    await cell.fill("Train")
    await cell.evaluate("(input) => input.setAttribute('value', input.value)")
    await hand_over(page, http)
    assert await authors(page) == {"lines/r1/what": "user"}


async def test_an_agents_value_that_the_person_has_written_again_is_theirs(page: Page, http: httpx.AsyncClient) -> None:
    await hand_over(page, http, {"type": "set", "key": "title", "value": "Ulm"}, added("lines", what="Taxi"))
    await expect(page.locator("[name='lines[0][what]']")).to_have_value("Taxi")
    await end(page)
    await hand_over(page, http)
    for control, value in (("title", "Ulm"), ("lines[0][what]", "Taxi")):
        await page.fill(f"[name='{control}']", "")
        await page.fill(f"[name='{control}']", value)
    assert await authors(page) == {"title": "user", "lines/r1/what": "user"}
    await end(page)
    await hand_over(page, http)
    assert await authors(page) == {"title": "user", "lines/r1/what": "user"}


DRAFT = """<form id="claim"><input name="title" aria-label="Title"><input name="day" aria-label="Day">
<select name="class" aria-label="Class"><option>First</option><option>Second</option></select>
<input name="note" aria-label="Note"></form>"""


async def test_what_a_framework_shows_at_first_is_the_pages_and_what_it_makes_of_clicks_is_not(
    page: Page, http: httpx.AsyncClient
) -> None:
    await page.goto("/claim?" + urlencode({"body": DRAFT + TAG}))
    await page.evaluate("""() => {
      Object.entries({ title: "Trip", class: "Second", note: "Draft" }).forEach(([name, value]) => {
        document.querySelector(`[name=${name}]`).value = value;
      });
    }""")
    await page.locator("[name=note]").press_sequentially(" of mine")
    await page.evaluate("document.querySelector('[name=day]').value = '2026-05-04'")
    await hand_over(page, http, {"type": "set", "key": "title", "value": "Journey"})
    assert await authors(page) == {"title": "ai", "day": "user", "class": "default", "note": "user"}
