"""The demo in a real Chromium. Starting one takes a second, so all tests share it, a server, and an event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from handshake_prompt import Limits
from handshake_prompt.page.demo import create_demo
from tests.conftest import CHROMIUM_ARGS
from tests.support.serving import serving


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def url() -> AsyncIterator[str]:
    async with serving(create_demo(limits=Limits(creates_per_address=10_000))) as url:
        yield url


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser, url: str) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(base_url=url, permissions=["clipboard-read", "clipboard-write"])
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    """A page of the demo; whatever it writes to the console as an error fails the test."""
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto("/")
    yield page
    assert complaints == []
