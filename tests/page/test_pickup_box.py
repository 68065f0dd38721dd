"""The tag's one-time code for an agent elsewhere, and where an agent in the cloud cannot get to, in a real Chromium."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import Page, expect

from handshake_prompt.texts.local_hosts import is_local
from tests.page.demo_page import hand_over, is_live
from tests.page.tabs import Tab

pytestmark = pytest.mark.asyncio(loop_scope="session")

LABEL = "For an agent elsewhere"
HOSTS = [
    *("localhost", "app.localhost", "printer.local", "intranet", "db.internal", "box.home.arpa", "a.test", "nas.lan"),
    *("example.com", "example.com.", "localhost.example.com", "local.org", "xn--bcher-kva.example"),
    *("127.0.0.1", "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.63.0.1", "100.128.0.1", "169.254.169.254"),
    *("172.15.0.1", "172.16.0.1", "172.31.9.9", "172.32.0.1", "192.168.1.1", "192.167.1.1", "192.0.2.1", "192.0.1.1"),
    *(
        "198.18.0.1",
        "198.20.0.1",
        "198.51.100.7",
        "203.0.113.9",
        "203.0.114.9",
        "8.8.8.8",
        "223.255.255.1",
        "240.0.0.1",
    ),
    *("[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[fd12:3456::1]", "[2001:db8::1]", "[2606:4700::1111]", "[3001::1]"),
    *("[::ffff:127.0.0.1]", "[::ffff:8.8.8.8]", "[::ffff:192.168.0.1]"),
]
HOSTILE = """
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4" onload="x()"><script>x()</script><foreignObject/>
  <path fill="url(//evil)" d="M0 0h4" onclick="x()" style="x" stroke="#000"/></svg>
""".strip()
HARMLESS = '<svg viewBox="0 0 4 4" role="img" aria-label="QR" class="qr"><path d="M0 0h4" stroke="#000"></path></svg>'
DRAWN = """
async (source) => {
  const { qrDrawing } = await import("/handshake/element/qr_drawing.js");
  return qrDrawing(source, "QR")?.outerHTML ?? null;
}
"""


async def open_code(page: Page) -> str:
    """Open a code and return its address, as the panel shows it."""
    await page.get_by_role("button", name=LABEL).click()
    shown = page.locator("handshake-prompt code")
    await expect(shown).to_be_visible()
    await is_live(page)
    return await shown.inner_text()


async def test_one_click_opens_a_session_and_shows_a_code_and_its_address(page: Page) -> None:
    url = await open_code(page)
    code = await page.locator("handshake-prompt .code").inner_text()
    assert re.fullmatch(r"[0-9A-Z]{4}(-[0-9A-Z]{4})+", code)
    assert url.endswith(f"/pickup/{code}")
    await expect(page.get_by_text("Valid for 10 minutes.")).to_be_visible()
    await page.get_by_role("button", name="Copy the address").click()
    await expect(page.get_by_text("Copied to the clipboard.")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == url


async def test_the_address_is_drawn_as_a_qr_code_where_the_server_can(page: Page) -> None:
    pytest.importorskip("segno", reason="the extra qr is not installed")
    await open_code(page)
    drawing = page.get_by_role("img", name="QR code of the address")
    await expect(drawing).to_be_visible()
    assert await drawing.locator("path").count() == 2


async def test_the_person_is_told_of_the_exchange_and_at_once_of_a_second_try(
    page: Page, http: httpx.AsyncClient
) -> None:
    url = await open_code(page)
    prompt = await http.get(url, headers={"X-Agent-Name": "Phone"})
    assert prompt.status_code == 200
    await expect(page.get_by_text("The code was picked up by what calls itself “Phone”.")).to_be_visible()
    await expect(page.locator("handshake-prompt .code")).to_have_count(0)
    await expect(page.get_by_role("alert")).to_have_count(0)
    assert (await http.get(url)).status_code == 409
    await expect(page.get_by_role("alert")).to_contain_text("Somebody else has tried the code as well")
    await page.reload()
    await expect(page.get_by_role("alert")).to_contain_text("(times: 1)")


async def test_an_agent_that_is_not_the_persons_is_locked_out_from_there(page: Page, http: httpx.AsyncClient) -> None:
    url = await open_code(page)
    token = re.search(r"token: (\S+)", (await http.get(url)).text)
    assert token
    taken = page.locator(".part", has_text="The code was picked up.")
    await taken.get_by_role("button", name="New token").last.click()
    await expect(page.get_by_text("The code was picked up.")).to_have_count(0)
    context = await page.evaluate("document.querySelector('handshake-prompt').session.urls.context")
    assert (await http.get(context, headers={"X-Handshake-Token": token[1]})).status_code == 403


async def test_a_code_that_has_run_out_is_not_shown(page: Page) -> None:
    await page.clock.install()
    await open_code(page)
    await page.clock.fast_forward("10:01")
    await expect(page.get_by_text("The code has run out.")).to_be_visible()
    await expect(page.locator("handshake-prompt .code")).to_have_count(0)


async def test_a_prompt_with_an_address_of_the_persons_own_network_says_what_a_cloud_agent_needs(page: Page) -> None:
    await hand_over(page)
    await expect(page.get_by_text("An agent in the cloud cannot get there")).to_be_visible()


async def test_page_and_server_agree_on_what_is_local(tab: Tab) -> None:
    urls = [f"https://{host}:8443/x" for host in HOSTS]
    told = await tab.do("async (urls) => urls.map((await import('/handshake/element/reach.js')).isLocal)", urls)
    assert dict(zip(HOSTS, told, strict=True)) == {
        host: is_local(urlsplit(url).hostname or "") for host, url in zip(HOSTS, urls, strict=True)
    }


@pytest.mark.parametrize(("source", "drawn"), [(HOSTILE, HARMLESS), ("<svg viewBox='0 0 4 4'/>", None), ("", None)])
async def test_nothing_but_paths_comes_of_a_drawing(tab: Tab, source: str, drawn: str | None) -> None:
    assert await tab.do(DRAWN, source) == drawn
