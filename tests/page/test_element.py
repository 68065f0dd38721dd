"""The tag on existing forms, in a real Chromium under a strict Content-Security-Policy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from handshake_prompt import parse_prompt
from tests.page.tabs import Site, site
from tests.support.peer import PATIENCE

pytestmark = pytest.mark.asyncio(loop_scope="session")

CSP = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:"
FORM = """
<form id="claim" action="/posted" method="post">
  <label>Name <input name="name" required></label> <label>City <input name="city"></label>
  <label>Plan <select name="plan"><option value="">–</option><option value="p">Pro</option></select></label>
  <label>Password <input name="pw" type="password"></label><button id="send">Send</button></form>
"""
DOCUMENT = """<!doctype html><html lang="{lang}"><meta charset="utf-8"><title>Claim</title>
<link rel="icon" href="data:,"><script type="module" src="/handshake/element.js"></script>{body}"""
TAG = '<handshake-prompt for="claim"></handshake-prompt>'
EMPTY = {"name": "", "city": "", "plan": ""}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hosted() -> AsyncIterator[Site]:
    async def page(request: Request) -> Response:
        query = request.query_params
        body = query.get("body", FORM + TAG)
        text = DOCUMENT.format(lang=query.get("lang", "en"), body=body)
        return HTMLResponse(text, headers={"Content-Security-Policy": CSP})

    async def posted(request: Request) -> Response:
        shown = f'<pre id="posted">{(await request.body()).decode()}</pre>'
        return HTMLResponse(DOCUMENT.format(lang="en", body=shown))

    async with site(routes=[Route("/claim", page), Route("/posted", posted, methods=["POST"])]) as served:
        yield served


@pytest.fixture
def complaints() -> list[str]:
    """What the page has written to the console as errors: refusals of its policy, and exceptions."""
    return []


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, hosted: Site, complaints: list[str]) -> AsyncIterator[Page]:
    """A page with a form and the tag; a complaint that a test does not expect and take away fails it."""
    context = await browser.new_context(base_url=hosted.url, permissions=["clipboard-read", "clipboard-write"])
    page = await context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    await page.goto("/claim")
    yield page
    await context.close()
    assert complaints == []


Act = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


async def hand_over(page: Page, http: httpx.AsyncClient, button: str = "Hand to my agent") -> Act:
    """Press the tag's button; return an agent that holds nothing but the prompt that was copied."""
    await page.get_by_role("button", name=button).click()
    await expect(page.get_by_text("Copied to the clipboard")).to_be_visible()
    handed = parse_prompt(await page.evaluate("navigator.clipboard.readText()"))
    headers = {"X-Handshake-Token": handed.token, "X-Agent-Name": "Ada's agent"}

    async def act(values: dict[str, Any]) -> dict[str, Any]:
        actions = [{"type": "set", "key": key, "value": value} for key, value in values.items()]
        url = f"{handed.base_url}{handed.prefix}/action/{handed.session_id}"
        reply = await http.post(url, json={"actions": actions}, headers=headers)
        members: dict[str, Any] = reply.json()
        return members

    return act


async def authors(page: Page) -> dict[str, str]:
    """Whose the server takes the values of the page's session for."""
    script = "document.querySelector('handshake-prompt').session.context().then(({ context }) => context)"
    await page.evaluate("document.querySelector('handshake-prompt').session.settled()")
    context = await page.evaluate(script)
    return {key: record["by"] for key, record in context.items() if record["value"] not in ("", None)}


async def test_one_tag_hands_a_form_over_and_the_person_keeps_the_last_word(
    page: Page, http: httpx.AsyncClient
) -> None:
    await page.fill("[name=name]", "Typed before")
    act = await hand_over(page, http)
    acted = await act({"name": "not yours", "city": "Ulm", "plan": "p"})
    assert (acted["applied"], acted["rejected"]) == (["city", "plan"], ["name"])
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    await expect(page.locator("[name=plan]")).to_have_value("p")
    await expect(page.get_by_text("Fields written: 2")).to_be_visible()
    await expect(page.get_by_text("It calls itself “Ada's agent”")).to_be_visible()
    await expect(page.locator("[name=city]")).to_have_attribute("data-handshake-by", "ai")

    await page.fill("[name=city]", "Bonn")
    await expect(page.locator("[name=city]")).to_have_attribute("data-handshake-by", "user_edit")
    assert await authors(page) == {"name": "user", "city": "user_edit", "plan": "ai"}


async def test_a_field_is_given_back_to_the_agent_in_the_panel(page: Page, http: httpx.AsyncClient) -> None:
    await page.fill("[name=name]", "Typed before")
    act = await hand_over(page, http)
    await page.get_by_text("Who wrote what").click()
    await page.get_by_role("button", name="Let the agent write “Name” again").click()
    await expect(page.get_by_role("button", name="Let the agent write “Name” again")).to_be_hidden()
    assert (await act({"name": "the agent's"}))["applied"] == ["name"]


async def test_a_value_that_waits_is_offered_where_the_person_is(page: Page, http: httpx.AsyncClient) -> None:
    act = await hand_over(page, http)
    await page.focus("[name=city]")
    await act({"city": "Ulm"})
    await expect(page.get_by_text("Your agent wrote into “City”, where you are: Ulm")).to_be_visible()
    await page.focus("[name=city]")
    await page.get_by_role("button", name="Show it there").click()
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    await expect(page.get_by_role("button", name="Show it there")).to_be_hidden()


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


async def test_an_ordinary_submission_names_the_session_once_all_is_stored(page: Page, http: httpx.AsyncClient) -> None:
    act = await hand_over(page, http)
    await act({"city": "Ulm"})
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    session_id = await page.evaluate("document.querySelector('handshake-prompt').session.id")
    await page.fill("[name=name]", "mine")
    await page.click("#send")
    await expect(page.locator("#posted")).to_have_text(f"name=mine&city=Ulm&plan=&pw=&handshakeSession={session_id}")


async def test_ending_the_session_locks_the_agent_out_and_leaves_the_form(page: Page, http: httpx.AsyncClient) -> None:
    act = await hand_over(page, http)
    await act({"city": "Ulm"})
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    await page.get_by_role("button", name="End the session").click()
    await expect(page.get_by_text("The session has ended")).to_be_visible()
    assert (await act({"city": "Bonn"}))["code"] == "session_revoked"
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    assert await page.locator("[data-handshake-by]").count() == 0
    await expect(page.get_by_role("button", name="Hand to my agent")).to_be_visible()


async def test_a_new_token_locks_the_old_one_out(page: Page, http: httpx.AsyncClient) -> None:
    act = await hand_over(page, http)
    newer = await hand_over(page, http, "New token")
    assert (await act({"city": "Ulm"}))["code"] == "invalid_token"
    assert (await newer({"city": "Ulm"}))["applied"] == ["city"]


async def test_the_tag_speaks_the_pages_language(page: Page) -> None:
    await page.goto("/claim?lang=zh-CN")
    await expect(page.get_by_role("button", name="交给我的智能体")).to_be_visible()


async def test_a_form_that_comes_later_is_found(page: Page, http: httpx.AsyncClient) -> None:
    await page.goto("/claim?body=" + TAG)
    await page.evaluate("(html) => document.body.insertAdjacentHTML('beforeend', html)", FORM)
    act = await hand_over(page, http)
    await act({"city": "Ulm"})
    await expect(page.locator("[name=city]")).to_have_value("Ulm")


async def test_a_refusal_of_the_servers_is_told(page: Page, complaints: list[str]) -> None:
    await page.route("**/handshake/session", lambda route: route.abort())
    await page.get_by_role("button", name="Hand to my agent").click()
    await expect(page.get_by_role("status").filter(has_text="That did not work")).to_be_visible(timeout=PATIENCE * 1000)
    complaints.clear()
