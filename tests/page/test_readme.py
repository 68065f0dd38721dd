"""README's own code on a page in a real Chromium, with a quarter of a second between it and the server."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Dialog, Page, expect

from tests.page.tabs import CREATED, Site, holds
from tests.support.peer import Peer

pytestmark = pytest.mark.asyncio(loop_scope="session")

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
BOUND, DRAWN = map(str, re.findall(r"```js\n(.*?)```", README, re.DOTALL))
(TAGGED,) = map(str, re.findall(r"```html\n(.*?)```", README, re.DOTALL))
LATENCY = 0.25
FORM = """
<form id="form" action="/" method="get"><input name="name" id="name"><button id="send">Send</button></form>
<button id="button">Hand over</button>
"""
BY_HAND = """
import {{ HandshakeSession }} from "/handshake/client.js";
const input = form.elements.namedItem("name");
const draw = (key, value) => {{ input.value = value ?? ""; }};
const schema = [{{ key: "name", label: "Name", type: "string", required: true }}];
const session = await HandshakeSession.create({{ mode: "form-fill", schema }});
{drawn}
session.connect();
globalThis.session = session;
"""
RUN = """
async (code) => {
  const script = document.createElement("script");
  script.type = "module";
  script.textContent = code;
  document.body.append(script);
}
"""
TYPED = "hello my own words"


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page whose time passes by itself."""
    context: BrowserContext = await browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    yield await context.new_page()
    await context.close()


@pytest.fixture(params=["by bind", "by hand"])
def code(request: pytest.FixtureRequest) -> str:
    """What a page runs that follows README, with `session` at hand for the test."""
    if request.param == "by bind":
        return BOUND + "\nglobalThis.session = session;"
    return BY_HAND.format(drawn=DRAWN)


async def follow(page: Page, shared: Site, code: str, http: Any, *, latency: float = 0.0) -> Peer:
    """Run README's code on a page with its form; return the session's agent."""
    shared.faults.reset()
    shared.faults.latency = latency
    await page.goto(shared.url)
    await page.evaluate("(form) => { document.body.innerHTML = form }", FORM)
    await page.evaluate(RUN, code)
    await holds(page, "globalThis.session?.state === 'open'")
    return Peer("", await page.evaluate(CREATED), "", http)


async def test_what_the_person_types_into_a_field_that_the_agent_writes_is_left_alone(
    page: Page, shared: Site, code: str, http: Any
) -> None:
    agent = await follow(page, shared, code, http)
    shared.faults.line.hold()
    assert (await agent.act({"name": "AGENT TEXT THAT IS LONG ENOUGH"}))["applied"] == ["name"]
    await page.locator("#name").press_sequentially(TYPED[:7])
    await shared.faults.line.let_go()  # the agent's words arrive in the middle of it
    await page.keyboard.type(TYPED[7:])
    await page.evaluate("session.settled()")
    await expect(page.locator("#name")).to_have_value(TYPED)
    stored = (await agent.context())["context"]["name"]
    assert (stored["value"], stored["by"]) == (TYPED, "user_edit")


async def test_what_was_there_before_the_page_connected_is_shown(
    page: Page, shared: Site, code: str, http: Any
) -> None:
    agent = await follow(page, shared, code, http)
    await page.evaluate("session.close()")
    await agent.act({"name": "while it was away"})
    await page.evaluate("session.connect()")
    await expect(page.locator("#name")).to_have_value("while it was away")
    assert (await agent.context())["context"]["name"]["by"] == "ai"


async def test_what_is_typed_while_the_session_is_being_opened_is_the_persons(
    page: Page, shared: Site, http: Any
) -> None:
    shared.faults.reset()
    shared.faults.latency = LATENCY
    await page.goto(shared.url)
    await page.evaluate("(form) => { document.body.innerHTML = form }", FORM)
    await page.evaluate(RUN, BOUND + "\nglobalThis.session = session;")
    await page.locator("#name").press_sequentially(TYPED, delay=40)
    await holds(page, "globalThis.session?.state === 'open'")
    await page.evaluate("session.settled()")
    agent = Peer("", await page.evaluate(CREATED), "", http)
    stored = (await agent.context())["context"]["name"]
    assert (stored["value"], stored["by"]) == (TYPED, "user")
    await expect(page.locator("#name")).to_have_value(TYPED)


async def test_the_form_is_submitted_once_the_server_has_the_last_edit(page: Page, shared: Site, http: Any) -> None:
    agent = await follow(page, shared, BOUND + "\nglobalThis.session = session;", http)
    await page.locator("#name").press_sequentially("Ada")
    async with page.expect_navigation(url="**/?name=Ada"):
        await page.click("#send")
    assert (await agent.context())["context"]["name"]["value"] == "Ada"


async def test_a_value_that_the_page_had_not_shown_is_shown_and_not_submitted(
    page: Page, shared: Site, http: Any
) -> None:
    agent = await follow(page, shared, BOUND + "\nglobalThis.session = session;", http)
    told: list[str] = []

    async def note(dialog: Dialog) -> None:
        told.append(dialog.message)
        await dialog.accept()

    page.on("dialog", note)
    shared.faults.line.hold()
    await agent.act({"name": "4999"})
    await page.click("#send")
    await expect(page.locator("#name")).to_have_value("4999")
    async with page.expect_navigation(url="**/?name=4999"):
        await page.click("#send")
    assert told == ["Look again: name has changed."]


async def test_the_prompt_is_on_the_clipboard_after_the_click(page: Page, shared: Site, http: Any) -> None:
    await follow(page, shared, BOUND + "\nglobalThis.session = session;", http)
    await page.click("#button")
    await holds(page, "navigator.clipboard.readText().then((text) => text === session.prompt)")


async def test_the_tag_hands_the_form_over_as_it_stands(page: Page, shared: Site, http: Any) -> None:
    shared.faults.reset()
    await page.goto(shared.url)
    await page.evaluate("(form) => { document.body.innerHTML = form }", TAGGED)
    await page.evaluate(RUN, 'import "/handshake/element.js";')
    await page.get_by_role("button", name="Hand").click()
    await holds(page, "document.querySelector('handshake-prompt').session?.state === 'open'")
    await page.evaluate("globalThis.session = document.querySelector('handshake-prompt').session")
    agent = Peer("", await page.evaluate(CREATED), "", http)
    await agent.act({"name": "Ada"})
    await holds(page, "document.getElementById('booking').elements.name.value === 'Ada'")
