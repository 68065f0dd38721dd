"""The tag on existing forms, in a real Chromium under a strict Content-Security-Policy."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from websockets.asyncio.client import connect

from handshake_prompt import parse_prompt
from tests.page.faults import Line
from tests.page.tabs import LIMITS, Site, holds, site
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
ROUNDS = 12
PROFILE = """
<form id="profile" action="/profile" method="post"><label>Name <input name="name"></label>
  <label>Age <input name="age" type="number"></label><label><input type="checkbox" name="news"> News</label>
  <button id="send">Send</button></form><handshake-prompt for="profile" name="profile"></handshake-prompt>
"""


@dataclass
class Profile:
    """A form that the host application has registered."""

    name: str
    age: int
    news: bool = False


async def tells_of_its_schema(line: Line) -> None:
    """Give the page time to tell of a change of its form, as it should not."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.5):
            while not any(frame["type"] == "schema" for frame in line.sent):
                await asyncio.sleep(0.01)


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

    async def save(request: Request) -> Response:
        if request.url.path == "/slow":
            await tells_of_its_schema(served.faults.line)
        form = await served.hpp.submission(request)
        shown = f'<pre id="saved">{form.value} {[f"{key}: {by}" for key, by in sorted(form.authors.items())]}</pre>'
        return HTMLResponse(DOCUMENT.format(lang="en", body=shown))

    routes = [
        Route("/claim", page),
        Route("/posted", posted, methods=["POST"]),
        Route("/profile", save, methods=["POST"]),
        Route("/slow", save, methods=["POST"]),
    ]
    async with site(routes=routes) as served:
        served.hpp.form("profile", Profile)
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
Post = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]


async def hand_over(page: Page, http: httpx.AsyncClient, button: str = "Hand to my agent") -> Act:
    """Press the tag's button; return an agent that writes, holding nothing but the prompt that was copied."""
    post = await agent(page, http, button)

    async def act(values: dict[str, Any]) -> dict[str, Any]:
        actions = [{"type": "set", "key": key, "value": value} for key, value in values.items()]
        return await post("action", {"actions": actions})

    return act


async def agent(
    page: Page, http: httpx.AsyncClient, button: str = "Hand to my agent", called: str = "Ada's agent"
) -> Post:
    """Press the tag's button; return an agent that posts to the session."""
    await page.evaluate("navigator.clipboard.writeText('')")  # the words of the last time may still be shown
    await page.get_by_role("button", name=button).click()
    await expect(page.get_by_text("Copied to the clipboard")).to_be_visible()
    await holds(page, "navigator.clipboard.readText()")
    handed = parse_prompt(await page.evaluate("navigator.clipboard.readText()"))
    headers = {b"X-Handshake-Token": handed.token.encode(), b"X-Agent-Name": called.encode()}

    async def post(name: str, body: dict[str, Any]) -> dict[str, Any]:
        url = f"{handed.base_url}{handed.prefix}/{name}/{handed.session_id}"
        reply = await http.post(url, json=body, headers=headers)
        members: dict[str, Any] = reply.json()
        return members

    return post


async def live(page: Page) -> None:
    await holds(page, "document.querySelector('handshake-prompt').session?.state === 'open'")


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


async def test_a_prompt_that_cannot_be_copied_is_selected_instead(page: Page) -> None:
    await page.evaluate("Object.defineProperty(navigator, 'clipboard', {}); document.execCommand = () => false")
    await page.get_by_role("button", name="Hand to my agent").click()
    await expect(page.get_by_text("Select and copy it.")).to_be_visible()
    assert parse_prompt(await page.evaluate("getSelection().toString()")).session_id


async def test_the_prompt_that_is_copied_is_the_one_shown(page: Page, http: httpx.AsyncClient) -> None:
    await hand_over(page, http)
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied.replace("\r\n", "\n") == await page.input_value("#prompt")


async def test_a_field_is_given_back_to_the_agent_in_the_panel(page: Page, http: httpx.AsyncClient) -> None:
    await page.fill("[name=name]", "Typed before")
    act = await hand_over(page, http)
    await page.get_by_text("Who wrote what").click()
    await page.get_by_role("button", name="Let the agent write it: “Name”").click()
    await expect(page.get_by_role("button", name="Let the agent write it: “Name”")).to_be_hidden()
    assert (await act({"name": "the agent's"}))["applied"] == ["name"]
    await expect(page.locator("[name=name]")).to_have_attribute("data-handshake-by", "ai")
    await page.fill("[name=name]", "Mine again")
    await expect(page.locator("[name=name]")).to_have_attribute("data-handshake-by", "user_edit")


async def test_a_value_that_waits_is_offered_where_the_person_is(page: Page, http: httpx.AsyncClient) -> None:
    act = await hand_over(page, http)
    await page.focus("[name=city]")
    await act({"city": "Ulm"})
    await expect(page.get_by_text("Your agent wrote into “City”, where you are: Ulm")).to_be_visible()
    await page.focus("[name=city]")
    await page.get_by_role("button", name="Show it there").click()
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    await expect(page.get_by_role("button", name="Show it there")).to_be_hidden()


async def test_what_is_typed_while_the_agent_writes_the_same_field_is_what_is_stored(
    page: Page, hosted: Site, http: httpx.AsyncClient
) -> None:
    """A quarter of a second lies between page and server, each way; the agent's value arrives at any letter."""
    inputs = "".join(f'<input name="f{number}" aria-label="f{number}">' for number in range(ROUNDS))
    await page.goto("/claim?" + urlencode({"body": f'<form id="claim">{inputs}</form>{TAG}'}))
    hosted.faults.latency = 0.25
    act = await hand_over(page, http)
    for number in range(ROUNDS):
        writing = asyncio.ensure_future(act({f"f{number}": "the agent's words"}))
        await asyncio.sleep(0.02 * (number % 25))
        await page.locator(f"[name=f{number}]").press_sequentially("my own", delay=40)
        await writing
    await page.evaluate("document.activeElement.blur()")
    await page.evaluate("document.querySelector('handshake-prompt').session.settled()")
    context = await page.evaluate("document.querySelector('handshake-prompt').session.context()")
    hosted.faults.latency = 0
    assert {record["value"] for record in context["context"].values()} == {"my own"}
    assert await page.evaluate("[...document.forms[0].elements].every(({ value }) => value === 'my own')")


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


async def test_an_ordinary_submission_names_the_session_once_all_is_stored(page: Page, http: httpx.AsyncClient) -> None:
    act = await hand_over(page, http)
    await act({"city": "Ulm"})
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    session_id = await page.evaluate("document.querySelector('handshake-prompt').session.id")
    await page.fill("[name=name]", "mine")
    await page.click("#send")
    posted = f"name=mine&city=Ulm&plan=&pw=&handshakeSession={session_id}&handshakeDigest="
    await expect(page.locator("#posted")).to_have_text(re.compile("^" + re.escape(posted) + r"\S+$"))


async def test_a_view_of_the_hosts_has_the_model_and_the_authors_of_a_form_by_name(
    page: Page, http: httpx.AsyncClient
) -> None:
    await page.goto("/claim?" + urlencode({"body": PROFILE}))
    await page.fill("[name=name]", "Ada")
    act = await hand_over(page, http)
    assert [each["key"] for each in (await act({"age": "old"}))["errors"]] == ["age"]
    assert (await act({"age": 36, "news": True}))["applied"] == ["age", "news"]
    await expect(page.locator("[name=news]")).to_be_checked()
    await page.fill("[name=age]", "37")
    await page.click("#send")
    authors = "['age: user_edit', 'name: user', 'news: ai']"
    await expect(page.locator("#saved")).to_have_text(f"Profile(name='Ada', age=37, news=True) {authors}")


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


async def test_what_an_ended_sessions_agent_wrote_is_not_made_the_persons_by_the_next(
    page: Page, http: httpx.AsyncClient
) -> None:
    act = await hand_over(page, http)
    await act({"city": "Ulm", "name": "Ada"})
    await expect(page.locator("[name=name]")).to_have_value("Ada")
    await page.get_by_role("button", name="End the session").click()
    await expect(page.get_by_text("The session has ended")).to_be_visible()
    await page.fill("[name=name]", "Ada Lovelace")
    await hand_over(page, http)
    assert await authors(page) == {"name": "user", "city": "default"}


async def test_a_name_that_poses_as_the_person_is_shown_as_a_claim(page: Page, http: httpx.AsyncClient) -> None:
    post = await agent(page, http, called="You")
    await post("action", {"actions": [{"type": "set", "key": "city", "value": "Ulm"}]})
    await expect(page.get_by_text(re.compile("It calls itself “You”"))).to_be_visible()
    await expect(page.get_by_text("Your agent has finished for now")).to_be_visible()


async def test_a_name_with_nothing_to_see_in_it_is_not_shown(page: Page, http: httpx.AsyncClient) -> None:
    post = await agent(page, http, called="\u3164\u2800")
    await post("action", {"actions": [{"type": "set", "key": "city", "value": "Ulm"}]})
    await expect(page.get_by_text("Your agent has finished for now")).to_be_visible()
    await expect(page.get_by_text("It calls itself")).to_be_hidden()


async def test_more_time_is_shown_as_soon_as_it_is_given(page: Page, http: httpx.AsyncClient) -> None:
    await page.add_init_script("setInterval = () => 0;")  # the tag tells the time that is left now and then anyway
    await page.goto("/claim")
    await hand_over(page, http)
    await expect(page.get_by_text("Expires in 30 minutes.")).to_be_visible()
    await page.get_by_role("button", name="More time").click()
    await expect(page.get_by_text("Expires in 60 minutes.")).to_be_visible()


async def test_what_was_not_shown_when_the_person_submits_is_shown_and_not_submitted(
    page: Page, http: httpx.AsyncClient
) -> None:
    await page.fill("[name=name]", "Ada")
    post = await agent(page, http)
    paced = [{"type": "set", "key": key, "value": value} for key, value in (("plan", "p"), ("city", "Ulm"))]
    await post("action", {"actions": paced, "stream": True, "intervalMs": 2_000})
    await page.click("#send")
    await expect(page.get_by_text("Not submitted yet: look at these first.")).to_be_visible()
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    await expect(page.locator("#posted")).to_have_count(0)
    await page.click("#send")
    await expect(page.locator("#posted")).to_contain_text("city=Ulm")


async def test_what_a_page_does_to_its_form_once_it_is_let_go_does_not_overtake_it(
    page: Page, http: httpx.AsyncClient
) -> None:
    slow = urlencode({"body": FORM.replace("/posted", "/slow") + TAG})
    await page.goto(f"/claim?{slow}")
    await page.fill("[name=name]", "Ada")
    act = await hand_over(page, http)
    await act({"city": "Ulm"})
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    await page.evaluate(
        """() => claim.addEventListener("submit", () => {
          document.querySelector("[name=plan]").closest("label").hidden = true;
        })"""
    )
    await page.click("#send")
    await expect(page.locator("#saved")).to_contain_text("'city': 'Ulm'")


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


# Requests


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


async def test_the_title_tells_a_person_who_is_elsewhere_that_they_are_needed(
    page: Page, http: httpx.AsyncClient
) -> None:
    post = await agent(page, http)
    await page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    await post("ask", {"text": "May I?"})
    await expect(page).to_have_title("● Claim")
    await page.evaluate(
        "delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))",
    )
    await expect(page).to_have_title("Claim")


async def test_problems_are_listed_and_lead_to_their_field(page: Page, http: httpx.AsyncClient) -> None:
    act = await hand_over(page, http)
    await page.evaluate("document.querySelector('[name=city]').setCustomValidity('No such city')")
    await act({"city": "Atlantis"})
    await expect(page.get_by_text("No such city")).to_be_visible()
    await page.get_by_role("button", name="City", exact=True).click()
    await expect(page.locator("[name=city]")).to_be_focused()
    await page.evaluate("document.querySelector('[name=city]').setCustomValidity('')")
    await page.fill("[name=city]", "Ulm")
    await page.focus("[name=name]")
    await expect(page.get_by_text("No such city")).to_be_hidden()


# Accessibility


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360], ids=["on a desktop", "on a phone"])
async def test_axe_finds_nothing_in_the_tag(
    page: Page, http: httpx.AsyncClient, packages: Path, scheme: Any, width: int
) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    await page.emulate_media(color_scheme=scheme)
    await page.goto("/claim?" + urlencode({"body": f"<main><h1>Claim</h1>{FORM}{TAG}</main>"}))
    await page.evaluate("document.documentElement.style.colorScheme = 'light dark'")
    await page.fill("[name=name]", "Ada")
    post = await agent(page, http)
    write = {"type": "set", "key": "city", "value": "Ulm", "source": "letter"}
    await post("action", {"actions": [write, {"type": "suggest", "key": "name", "value": "Ada L."}]})
    fields = [{"key": "day", "type": "date", "label": "Day"}, {"key": "room", "type": "enum", "options": ["a", "b"]}]
    await post("ask", {"text": "When?", "fields": fields})
    await page.get_by_text("Who wrote what").click()
    await expect(page.get_by_text("When?")).to_be_visible()
    await expect(page.get_by_text("From: letter")).to_be_visible()
    await page.evaluate((packages / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8"))
    found = await page.evaluate("axe.run()")
    assert [(fault["id"], [node["target"] for node in fault["nodes"]]) for fault in found["violations"]] == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
