"""Reloads, tabs, networks and sleep: what becomes of a session, its form and its requests."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright, expect
from websockets.asyncio.client import connect

from handshake_prompt import parse_prompt
from tests.conftest import CHROMIUM_ARGS
from tests.page.element.tag import FORM, agent, authors, hand_over, live
from tests.page.tabs import LIMITS, Site, holds
from tests.support.peer import PATIENCE

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_reload_takes_the_session_up_again(page: Page, http: httpx.AsyncClient) -> None:
    act = await hand_over(page, http)
    await act({"city": "Ulm"})
    await page.fill("[name=name]", "mine")
    await expect(page.locator("[name=name]")).to_have_attribute("data-handshake-by", "user")
    assert await authors(page) == {"name": "user", "city": "ai"}
    await page.reload()
    await expect(page.locator("[name=city]")).to_have_attribute("data-handshake-by", "ai")
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    await expect(page.locator("[name=name]")).to_have_value("mine")
    await act({"plan": "p"})
    await expect(page.locator("[name=plan]")).to_have_value("p")
    assert await authors(page) == {"name": "user", "city": "ai", "plan": "ai"}


async def test_a_form_that_the_page_replaces_under_way_is_followed(page: Page, http: httpx.AsyncClient) -> None:
    act = await hand_over(page, http)
    await act({"city": "Ulm"})
    await page.fill("[name=name]", "mine")
    await expect(page.locator("[name=name]")).to_have_attribute("data-handshake-by", "user")
    another = FORM.replace("<button", '<label>Note <input name="note"></label><button')
    await page.evaluate("(html) => { document.getElementById('claim').outerHTML = html }", another)
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    await expect(page.locator("[name=name]")).to_have_value("mine")
    await holds(page, "document.querySelector('handshake-prompt').session.schema.some(({ key }) => key === 'note')")
    await act({"note": "as the form is now"})
    await expect(page.locator("[name=note]")).to_have_value("as the form is now")
    await page.fill("[name=name]", "mine again")
    assert await authors(page) == {"name": "user", "city": "ai", "note": "ai"}
    await page.click("#send")
    await expect(page.locator("#posted")).to_contain_text("handshakeSession=")


async def test_a_page_of_the_same_path_about_another_thing_has_a_session_of_its_own(
    page: Page, http: httpx.AsyncClient
) -> None:
    await page.goto("/claim?id=1")
    act = await hand_over(page, http)
    await act({"city": "Ulm"})
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    await page.goto("/claim?id=2")
    await expect(page.get_by_role("button", name="Hand to my agent")).to_be_visible()
    assert await page.evaluate("document.querySelector('handshake-prompt').session") is None
    assert await page.input_value("[name=city]") == ""
    await page.goto("/claim?id=1")
    await expect(page.locator("[name=city]")).to_have_value("Ulm")


async def test_what_is_kept_over_a_reload_holds_no_credential(page: Page, http: httpx.AsyncClient) -> None:
    await hand_over(page, http)
    token = parse_prompt(await page.evaluate("navigator.clipboard.readText()")).token
    kept = await page.evaluate("JSON.stringify([{ ...sessionStorage }, { ...localStorage }])")
    assert "context" in kept
    assert token not in kept


async def test_the_last_words_before_a_reload_are_kept(page: Page, http: httpx.AsyncClient) -> None:
    await hand_over(page, http)
    await page.locator("[name=name]").press_sequentially("Last words")
    await page.reload()
    await expect(page.locator("[name=name]")).to_have_value("Last words")
    await expect(page.locator("[name=name]")).to_have_attribute("data-handshake-by", "user")
    assert await authors(page) == {"name": "user"}


async def test_another_tab_shows_what_the_first_one_writes(page: Page, http: httpx.AsyncClient) -> None:
    await hand_over(page, http)
    kept = await page.evaluate("JSON.stringify({ ...sessionStorage })")
    other = await page.context.new_page()
    await other.add_init_script(f"Object.assign(sessionStorage, {kept})")  # as a duplicated tab has it
    await other.goto("/claim")
    await live(other)
    await other.fill("[name=name]", "From the other tab")
    await expect(page.locator("[name=name]")).to_have_value("From the other tab")
    await expect(page.locator("[name=name]")).to_have_attribute("data-handshake-by", "user")


@contextlib.asynccontextmanager
async def crowded(page: Page) -> AsyncIterator[None]:
    """Watch the page's session from as many places as it has, so that the page itself comes back to none."""
    (cookie,) = await page.context.cookies()
    kept = await page.evaluate("JSON.parse(Object.values(sessionStorage)[0])")
    await page.goto("about:blank")
    async with contextlib.AsyncExitStack() as stack:
        places = 0
        async with asyncio.timeout(PATIENCE):
            while places < LIMITS.watchers_per_session:
                socket = await stack.enter_async_context(
                    connect(
                        kept["urls"]["ws"].replace("http", "ws", 1),
                        additional_headers={"Cookie": f"{cookie.get('name')}={cookie.get('value')}"},
                        close_timeout=1,
                    )
                )
                places += json.loads(await socket.recv())["type"] == "connected"
        await page.goto("/claim")
        yield


async def test_a_tab_too_many_says_what_is_the_matter_and_is_live_as_soon_as_there_is_room(
    page: Page, http: httpx.AsyncClient
) -> None:
    act = await hand_over(page, http)
    async with crowded(page):
        await expect(page.get_by_text("Open in too many tabs")).to_be_visible()
        await act({"city": "Meanwhile"})
        newer = await hand_over(page, http, "New prompt for my agent")
        assert (await act({"city": "Ulm"}))["code"] == "invalid_token"
    await page.evaluate("dispatchEvent(new Event('focus'))")
    await live(page)
    await expect(page.locator("[name=city]")).to_have_value("Meanwhile")
    assert (await newer({"city": "Ulm"}))["applied"] == ["city"]
    await expect(page.locator("[name=city]")).to_have_value("Ulm")


async def test_a_tab_that_lost_its_place_is_told_and_can_go_on(
    page: Page, http: httpx.AsyncClient, complaints: list[str]
) -> None:
    act = await hand_over(page, http)
    await page.fill("[name=name]", "Mine")
    await page.context.clear_cookies()
    await page.reload()
    await expect(page.get_by_text("does not take this page for yours any more")).to_be_visible()
    await page.fill("[name=name]", "Mine again")
    newer = await hand_over(page, http)
    await live(page)
    assert (await newer({"name": "Yours", "city": "Ulm"}))["rejected"] == ["name"]
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    assert (await act({"city": "Bonn"}))["applied"] == ["city"]  # of the other session, which goes on until it expires
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    assert [text for text in complaints if "403" not in text] == []
    complaints.clear()


async def test_a_server_that_cannot_be_reached_is_not_the_sessions_end(
    page: Page, http: httpx.AsyncClient, complaints: list[str]
) -> None:
    act = await hand_over(page, http)
    await page.route("**/handshake/**", lambda route: route.abort())
    await page.get_by_role("button", name="End the session").click()
    await expect(page.get_by_text("That did not work")).to_be_visible()
    assert [text for text in complaints if "Failed to load resource" not in text] == []
    complaints.clear()

    await page.unroute("**/handshake/**")
    await page.get_by_role("button", name="End the session").click()
    await expect(page.get_by_text("The session has ended")).to_be_visible()
    assert (await act({}))["code"] == "session_revoked"


# Out of sight, out of reach


async def copies(page: Page, count: int) -> list[Page]:
    """Open duplicates of a tab, as the browser makes them."""
    kept = await page.evaluate("JSON.stringify({ ...sessionStorage })")
    pages = []
    for _ in range(count):
        other = await page.context.new_page()
        await other.add_init_script(f"Object.assign(sessionStorage, {kept})")
        await other.goto("/claim")
        await live(other)
        pages.append(other)
    return pages


async def written(page: Page, http: httpx.AsyncClient) -> dict[str, list[tuple[Any, str]]]:
    """What was written to each field, one after another, and by whom: what is doubled is there twice."""
    await page.evaluate("document.querySelector('handshake-prompt').session.settled()")
    handed = parse_prompt(await page.input_value("#prompt"))
    url = f"{handed.base_url}{handed.prefix}/diff/{handed.session_id}"
    reply = (await http.get(url, headers={"X-Handshake-Token": handed.token})).json()
    found: dict[str, list[tuple[Any, str]]] = {}
    for change in reply["changes"]:
        found.setdefault(change["key"], []).append((change["to"], change["by"]))
    return found


async def test_a_minute_offline_loses_and_doubles_nothing(
    own_page: Page, hosted: Site, http: httpx.AsyncClient, complaints: list[str]
) -> None:
    page = own_page
    await page.clock.install()
    await page.goto("/claim")
    act = await hand_over(page, http)
    await live(page)
    post = await agent(page, http, "Copy the prompt again")
    await page.context.set_offline(offline=True)
    await hosted.faults.line.drop(1012)
    await expect(page.get_by_text("Not connected. What you type is kept")).to_be_visible()
    await page.locator("[name=name]").press_sequentially("Typed offline")
    await act({"city": "Ulm", "plan": "p"})
    await post("ask", {"text": "May I?"})
    await page.clock.run_for(60_000)
    assert await page.input_value("[name=name]") == "Typed offline"
    assert await page.input_value("[name=city]") == ""

    await page.context.set_offline(offline=False)
    await live(page)
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    await expect(page.get_by_text("May I?")).to_have_count(1)
    assert await written(page, http) == {
        "name": [("Typed offline", "user")],
        "city": [("Ulm", "ai")],
        "plan": [("p", "ai")],
    }
    assert [text for text in complaints if "ERR_" not in text] == []
    complaints.clear()


async def test_a_page_that_was_put_to_sleep_goes_on_where_it_was(own_page: Page, http: httpx.AsyncClient) -> None:
    page = own_page
    post = await agent(page, http)
    await live(page)
    await page.fill("[name=name]", "Mine")
    browser = await page.context.new_cdp_session(page)
    await browser.send("Page.setWebLifecycleState", {"state": "frozen"})
    await post("action", {"actions": [{"type": "set", "key": "city", "value": "Ulm"}]})
    await post("ask", {"text": "May I?"})
    await browser.send("Page.setWebLifecycleState", {"state": "active"})
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    await expect(page.get_by_text("May I?")).to_have_count(1)
    assert await written(page, http) == {"name": [("Mine", "user")], "city": [("Ulm", "ai")]}


async def test_three_tabs_show_and_store_the_same_once(page: Page, http: httpx.AsyncClient) -> None:
    post = await agent(page, http)
    await live(page)
    tabs = [page, *await copies(page, 2)]
    await tabs[1].fill("[name=name]", "From the second")
    await post("action", {"actions": [{"type": "set", "key": "city", "value": "Ulm"}]})
    await post("ask", {"text": "May I?"})
    for tab in tabs:
        await expect(tab.locator("[name=city]")).to_have_value("Ulm")
        await expect(tab.locator("[name=name]")).to_have_value("From the second")
        await expect(tab.get_by_text("May I?")).to_have_count(1)
    await tabs[2].fill("[name=city]", "Bonn")
    await tabs[2].get_by_role("button", name="No", exact=True).click()
    for tab in tabs:
        await expect(tab.locator("[name=city]")).to_have_value("Bonn")
        await expect(tab.get_by_text("May I?")).to_have_count(0)
    mine = {"name": [("From the second", "user")], "city": [("Ulm", "ai"), ("Bonn", "user_edit")]}
    assert await written(page, http) == mine
    await tabs[1].get_by_role("button", name="End the session").click()
    for tab in tabs:
        await expect(tab.get_by_text("The session has ended")).to_be_visible()


@pytest_asyncio.fixture(loop_scope="session")
async def remembering(chromium: str, hosted: Site) -> AsyncIterator[Page]:
    """A page in a browser with the back-forward cache: Playwright switches it off, and the headless shell has none."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=CHROMIUM_ARGS, ignore_default_args=["--disable-back-forward-cache"]
        )
        permissions = ["clipboard-read", "clipboard-write"]
        context = await browser.new_context(base_url=hosted.url, permissions=permissions)
        yield await context.new_page()
        await browser.close()


async def test_a_page_from_the_back_forward_cache_catches_up(remembering: Page, http: httpx.AsyncClient) -> None:
    page = remembering
    await page.goto("/claim")
    post = await agent(page, http)
    await live(page)
    await page.fill("[name=name]", "Mine")
    await page.evaluate("addEventListener('pageshow', ({ persisted }) => { globalThis.isRestored = persisted })")
    await page.goto("/claim?body=Elsewhere")
    await post("action", {"actions": [{"type": "set", "key": "city", "value": "Ulm"}]})
    await post("ask", {"text": "May I?"})
    await page.evaluate("history.back()")
    await expect(page.locator("[name=name]")).to_have_value("Mine")
    assert await page.evaluate("globalThis.isRestored") is True
    await live(page)
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    await expect(page.get_by_text("May I?")).to_have_count(1)
    assert await written(page, http) == {"name": [("Mine", "user")], "city": [("Ulm", "ai")]}
