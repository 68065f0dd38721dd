"""README's own code on a page in a real Chromium, with a quarter of a second between it and the server."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Dialog, Page, expect

from handshake_prompt.client import HandshakeAgent
from tests.page.tabs import CREATED, Site, holds
from tests.support.peer import Peer
from tests.support.readme import README, RUN_MODULE, block, run
from tests.support.serving import serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

BOUND, DRAWN = map(str, re.findall(r"```js\n(.*?)```", README, re.DOTALL))
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
    await page.evaluate(RUN_MODULE, code)
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
    await page.evaluate(RUN_MODULE, BOUND + "\nglobalThis.session = session;")
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


async def test_the_tutorials_form_is_handed_over_and_its_view_knows_who_wrote_what(page: Page) -> None:
    async with serving(run(block("hpp.tag("))["app"]) as url:
        await page.goto(url)
        await page.get_by_role("button", name="Hand").click()
        await holds(page, "navigator.clipboard.readText().then((text) => text.startsWith('# Handshake prompt'))")
        await page.get_by_label("Wishes").fill("sea view")
        prompt = await page.evaluate("navigator.clipboard.readText()")
        async with HandshakeAgent.from_prompt(prompt, name="An agent") as agent:
            reply = await agent.action({"name": "Ada", "arrival": "2026-12-01", "nights": 20})
        await expect(page.locator("[name=arrival]")).to_have_value("2026-12-01")
        async with page.expect_response("**/bookings") as posted:
            await page.get_by_role("button", name="Book").click()
        booked = await (await posted.value).json()
    assert (reply["applied"], [refused["key"] for refused in reply["errors"]]) == (["name", "arrival"], ["nights"])
    assert booked == {
        "booked": {"name": "Ada", "arrival": "2026-12-01", "nights": 2, "wishes": "sea view"},
        "written by": {"name": "ai", "arrival": "ai", "nights": "default", "wishes": "user"},
    }


async def test_the_markup_of_the_tutorial_is_what_a_plain_page_has() -> None:
    (markup,) = re.findall(r"```html\n(.*?)```", README, re.DOTALL)
    hpp = run(block("hpp.tag("))["hpp"]
    assert hpp.tag("booking").replace(' base="/handshake"', "") == markup.replace("\n", "")
