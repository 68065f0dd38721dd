"""Reloads, tabs, networks and sleep: what becomes of a session, its form and its requests."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from playwright.async_api import Page, expect
from websockets.asyncio.client import connect

from handshake_prompt import parse_prompt
from tests.page.element.tag import authors, hand_over, live
from tests.page.tabs import LIMITS
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
