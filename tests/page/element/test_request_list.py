"""What agents ask and suggest, as the person decides on it in the panel."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.page.element.tag import FORM, TAG, agent, authors, hand_over

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def told(page: Page) -> list[dict[str, Any]]:
    """The requests that the person's page is told of by the server."""
    script = "document.querySelector('handshake-prompt').session.context().then(({ requests }) => requests ?? [])"
    requests: list[dict[str, Any]] = await page.evaluate(script)
    return requests


async def test_a_question_is_answered_by_keyboard_alone(page: Page, http: httpx.AsyncClient) -> None:
    post = await agent(page, http)
    fields = [
        {"key": "night", "type": "date", "label": "First night", "required": True},
        {"key": "room", "type": "enum", "label": "Room", "options": [{"value": "s", "label": "Single"}, "d"]},
    ]
    await post("ask", {"text": "<b>When</b> and where?", "fields": fields})
    await expect(page.get_by_text("“Ada's agent” asks:")).to_be_visible()
    await expect(page.get_by_text("<b>When</b> and where?")).to_be_visible()
    await page.get_by_role("button", name="Answer", exact=True).click()
    await expect(page.get_by_label("First night")).to_be_focused()  # it is required
    await page.keyboard.type("03042026")
    await page.get_by_label("Room").focus()
    await page.keyboard.type("Single")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("<b>When</b> and where?")).to_be_hidden()
    assert await told(page) == []


async def test_a_question_asks_for_what_its_conditions_show(page: Page, http: httpx.AsyncClient) -> None:
    post = await agent(page, http)
    flies = {"key": "how", "in": ["plane"]}
    fields = [
        {"key": "how", "type": "enum", "label": "How", "options": ["train", "plane"], "required": True},
        {"key": "seat", "label": "Seat", "required": True, "showIf": flies},
        {"key": "class", "type": "enum", "label": "Class", "options": ["first", {"value": "business", "when": flies}]},
        {"key": "why", "label": "Why", "requiredIf": {"key": "class", "in": ["business"]}},
    ]
    await post("ask", {"text": "On which way?", "fields": fields})
    how, seat = page.get_by_label("How"), page.get_by_label("Seat")
    answer = page.get_by_role("button", name="Answer", exact=True)
    await expect(seat).to_be_hidden()
    await how.select_option("plane")
    await page.get_by_label("Class").select_option("business")
    await seat.fill("12A")
    await answer.click()
    await expect(page.get_by_label("Why")).to_be_focused()
    await how.select_option("train")
    await expect(seat).to_be_hidden()
    await expect(page.get_by_label("Class")).to_have_value("")
    async with page.expect_request("**/answer/**") as sent:
        await answer.click()
    body: Any = (await sent.value).post_data_json
    assert body["values"] == {"how": "train"}
    await expect(page.get_by_text("On which way?")).to_be_hidden()


async def test_an_answer_that_is_begun_stays_while_other_questions_come(page: Page, http: httpx.AsyncClient) -> None:
    post = await agent(page, http)
    await post("ask", {"text": "Which?", "fields": [{"key": "which", "type": "string", "label": "Which one"}]})
    await page.get_by_label("Which one").fill("the first")
    await post("ask", {"text": "May I?"})
    await page.get_by_role("button", name="No", exact=True).click()
    await expect(page.get_by_text("May I?")).to_be_hidden()
    await expect(page.get_by_label("Which one")).to_have_value("the first")
    assert [request["text"] for request in await told(page)] == ["Which?"]


async def test_a_question_outlives_a_reload_and_is_gone_from_every_tab_once_answered(
    page: Page, http: httpx.AsyncClient
) -> None:
    post = await agent(page, http)
    await post("ask", {"text": "May I?"})
    await expect(page.get_by_text("May I?")).to_be_visible()
    kept = await page.evaluate("JSON.stringify({ ...sessionStorage })")
    await page.reload()
    await expect(page.get_by_text("May I?")).to_have_count(1)
    other = await page.context.new_page()
    await other.add_init_script(f"Object.assign(sessionStorage, {kept})")  # as a duplicated tab has it
    await other.goto("/claim")
    await expect(other.get_by_text("May I?")).to_have_count(1)
    await other.get_by_role("button", name="Yes").click()
    await expect(other.get_by_text("May I?")).to_be_hidden()
    await expect(page.get_by_text("May I?")).to_be_hidden()
    assert await told(page) == []


async def test_a_suggestion_for_the_persons_own_field_is_accepted(page: Page, http: httpx.AsyncClient) -> None:
    await page.fill("[name=name]", "Ada L.")
    post = await agent(page, http)
    suggestion = {"type": "suggest", "key": "name", "value": "Ada Lovelace", "reason": "In full", "source": "passport"}
    await post("action", {"actions": [suggestion]})
    await expect(page.get_by_text("From: passport")).to_be_visible()
    assert await page.input_value("[name=name]") == "Ada L."
    await page.get_by_role("button", name="Accept").click()
    await expect(page.locator("[name=name]")).to_have_value("Ada Lovelace")
    await expect(page.get_by_text("From: passport")).to_be_hidden()
    assert await authors(page) == {"name": "user"}


async def test_what_the_agent_wrote_is_taken_back(page: Page, http: httpx.AsyncClient) -> None:
    act = await hand_over(page, http)
    await act({"city": "Ulm", "name": "Ada"})
    await page.get_by_text("Who wrote what").click()
    await page.get_by_role("button", name="Take back what your agent wrote into “City”").click()
    await expect(page.locator("[name=city]")).to_have_value("")
    await page.get_by_role("button", name="Take back all your agent wrote").click()
    await expect(page.locator("[name=name]")).to_have_value("")
    assert await authors(page) == {}


async def test_an_open_question_stands_above_all_and_is_pointed_at_where_it_is_out_of_sight(
    own_page: Page, http: httpx.AsyncClient
) -> None:
    page = own_page
    await page.set_viewport_size({"width": 360, "height": 640})
    await page.goto("/claim?" + urlencode({"body": FORM + "<p>And so on</p>" * 60 + TAG}))
    post = await agent(page, http)
    first = "document.querySelector('handshake-prompt').shadowRoot.querySelector('.panel > :not([hidden])')"
    assert "requests" not in await page.evaluate(f"{first}.className")
    await page.focus("[name=name]")
    await expect(page.get_by_role("button", name="Your agent needs you")).to_be_hidden()
    await post("ask", {"text": "May I?"})
    await page.get_by_role("button", name="Your agent needs you").click()
    await expect(page.get_by_role("button", name="Yes")).to_be_focused()
    await expect(page.get_by_text("May I?")).to_be_in_viewport()
    assert "requests" in await page.evaluate(f"{first}.className")
    await expect(page.get_by_role("button", name="Your agent needs you")).to_be_hidden()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("May I?")).to_be_hidden()
