"""Requests of a page in a real Chromium: past caches, and without the cookie where a browser keeps it back."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Frame, Page
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tests.page.tabs import CREATE, IMPORT, SETTINGS, Site, Tab, blank, site
from tests.support.serving import serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

CACHE_FIRST = """
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  if (event.request.method !== "GET") return;
  event.respondWith(caches.open("all").then(async (cache) => {
    const known = await cache.match(event.request);
    if (known) return known;
    const answer = await fetch(event.request);
    await cache.put(event.request, answer.clone());
    return answer;
  }));
});
"""


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page whose time passes by itself."""
    context = await browser.new_context()
    yield await context.new_page()
    await context.close()


async def test_no_request_may_be_answered_from_a_cache(tab: Tab) -> None:
    await tab.do(
        """() => {
          globalThis.asked = [];
          const real = fetch;
          globalThis.fetch = (url, options) => (asked.push(options.cache), real(url, options));
        }"""
    )
    await tab.create(fetch={"cache": "force-cache"})
    await tab.edit("b", "x")
    assert await tab.settle() is True
    for name in ("context", "info", "rotate", "revoke"):
        await tab.do(f"session.{name}()")
    assert await tab.do("asked") == ["no-store"] * 6


async def test_a_service_worker_that_asks_its_cache_first_does_not_make_the_page_see_old_values(page: Page) -> None:
    async def worker(_: Request) -> Response:
        return Response(CACHE_FIRST, media_type="text/javascript")

    async with site(routes=[Route("/worker.js", worker)]) as served:
        await page.goto(served.url)
        await page.evaluate(
            """async () => {
              const controlled = new Promise((resolve) => { navigator.serviceWorker.oncontrollerchange = resolve; });
              await navigator.serviceWorker.register("/worker.js");
              await controlled;
            }"""
        )
        await page.evaluate(IMPORT, "/handshake/client.js")
        await page.evaluate(CREATE, SETTINGS)
        seen = []
        for value in ("first", "second"):
            await page.evaluate("(value) => { session.edit('b', value) }", value)
            await page.evaluate("session.settled()")
            seen.append(await page.evaluate("session.context().then(({ context }) => context.b.value)"))
    assert seen == ["first", "second"]


async def framed(page: Page, shared: Site) -> Frame:
    """Show a page of the server's in a frame of another site, with the client at hand in it."""
    inner = shared.url

    async def outer(_: Request) -> Response:
        return HTMLResponse(f'<iframe src="{inner}" name="inner"></iframe>')

    async with serving(blank(Route("/", outer))) as url:
        await page.goto(url.replace("127.0.0.1", "localhost"))
        frame = page.frame("inner")
        assert frame is not None
        await frame.evaluate(IMPORT, "/handshake/client.js")
    return frame


async def test_a_page_in_another_sites_frame_is_told_how_to_do_without_the_cookie(page: Page, shared: Site) -> None:
    frame = await framed(page, shared)
    await frame.evaluate(CREATE, SETTINGS)
    refused = await frame.evaluate("session.info().catch(({ code, message }) => ({ code, message }))")
    await frame.evaluate("session.connect()")
    await frame.wait_for_function("session.state === 'closed'")
    told = await frame.evaluate("seen.find(({ name }) => name === 'error').detail")
    assert refused["code"] == told["code"] == "invalid_token"
    assert "userToken: true" in refused["message"]
    assert "userToken: true" in told["msg"]


async def test_a_page_in_another_sites_frame_is_the_person_by_its_user_token(page: Page, shared: Site) -> None:
    frame = await framed(page, shared)
    await frame.evaluate(CREATE, SETTINGS | {"userToken": True})
    await frame.evaluate("session.connect()")
    await frame.wait_for_function("session.state === 'open'")
    await frame.evaluate("session.edit('b', 'mine')")
    assert await frame.evaluate("session.settled()") is True
    assert (await frame.evaluate("session.context()"))["context"]["b"]["by"] == "user"


async def test_a_page_of_the_servers_own_is_told_nothing_of_user_tokens(tab: Tab) -> None:
    await tab.create()
    await tab.page.context.clear_cookies()
    assert "userToken" not in await tab.do("session.info().catch(({ message }) => message)")
