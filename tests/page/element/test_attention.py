"""Calls to a person who looks at something else: the page's title, and notifications as far as it may show any."""

from __future__ import annotations

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.page.element.tag import Post, agent, live

pytestmark = pytest.mark.asyncio(loop_scope="session")

STUB = """
([permission, isHidden]) => {
  globalThis.shown = [];
  globalThis.isHidden = isHidden;
  globalThis.isRefused = false;
  Object.defineProperty(Document.prototype, "hidden", { configurable: true, get: () => globalThis.isHidden });
  globalThis.Notification = permission && class {
    static permission = permission;
    static requestPermission() { throw new Error("Nobody is asked."); }
    constructor(title, { body, tag }) {
      if (isRefused) throw new TypeError("Illegal constructor");
      shown.push({ title, body, tag, note: this });
    }
    close() { this.isClosed = true; }
  };
}
"""
"""Gives a page a browser's notifications, or none, and hides it, which a browser without windows does not."""
SHOWN = "shown.map(({ title, body, tag }) => [title, body, tag])"
QUESTION = {"text": "Which hotel?"}


async def called(page: Page, http: httpx.AsyncClient, permission: str | None, *, is_hidden: bool) -> Post:
    """Have an agent ask the person of a page, and wait until the page shows it."""
    post = await agent(page, http)
    await live(page)
    await page.evaluate(STUB, [permission, is_hidden])
    await post("ask", QUESTION)
    await expect(page.get_by_text("Which hotel?")).to_be_visible()
    return post


@pytest.mark.parametrize("permission", ["granted", "denied", "default", None])
async def test_a_hidden_page_says_in_its_title_that_the_person_is_needed_and_notifies_where_it_may(
    page: Page, http: httpx.AsyncClient, permission: str | None
) -> None:
    await called(page, http, permission, is_hidden=True)
    await expect(page).to_have_title("● Claim")
    notified = [["Claim", "Which hotel?", "handshake-prompt"]] if permission == "granted" else []
    assert await page.evaluate(SHOWN) == notified


async def test_a_page_that_the_person_sees_neither_changes_its_title_nor_notifies(
    page: Page, http: httpx.AsyncClient
) -> None:
    await called(page, http, "granted", is_hidden=False)
    assert (await page.title(), await page.evaluate(SHOWN)) == ("Claim", [])


async def test_each_call_replaces_the_one_before_and_the_title_is_marked_once(
    page: Page, http: httpx.AsyncClient
) -> None:
    post = await called(page, http, "granted", is_hidden=True)
    await post("action", {"actions": [{"type": "set", "key": "city", "value": "Ulm"}]})
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    await expect(page.get_by_text("Your agent has finished for now")).to_be_visible()
    told = await page.evaluate(SHOWN)
    assert [(title, tag) for title, _, tag in told] == [("Claim", "handshake-prompt")] * 2
    assert told[1][1].startswith("Your agent has finished for now")
    assert await page.title() == "● Claim"


async def test_a_person_who_comes_back_finds_the_title_as_it_was(page: Page, http: httpx.AsyncClient) -> None:
    await called(page, http, "granted", is_hidden=True)
    await page.evaluate("isHidden = false; document.dispatchEvent(new Event('visibilitychange'))")
    await expect(page).to_have_title("Claim")


async def test_a_notification_leads_to_the_page_and_goes(page: Page, http: httpx.AsyncClient) -> None:
    await called(page, http, "granted", is_hidden=True)
    await page.evaluate("window.focus = () => { globalThis.isFocused = true; }; shown[0].note.onclick()")
    assert await page.evaluate("[globalThis.isFocused, shown[0].note.isClosed]") == [True, True]


async def test_a_tag_that_leaves_the_page_takes_its_mark_along(page: Page, http: httpx.AsyncClient) -> None:
    await called(page, http, None, is_hidden=True)
    await page.evaluate("document.querySelector('handshake-prompt').remove()")
    assert await page.title() == "Claim"


async def test_a_browser_that_lets_service_workers_alone_notify_shows_the_request_all_the_same(
    page: Page, http: httpx.AsyncClient
) -> None:
    post = await agent(page, http)
    await live(page)
    await page.evaluate(STUB, ["granted", True])
    await page.evaluate("isRefused = true")
    await post("ask", QUESTION)
    await expect(page.get_by_text("Which hotel?")).to_be_visible()
    await expect(page).to_have_title("● Claim")
