from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from playwright.async_api import BrowserContext, Locator, Page, expect
from websockets.asyncio.client import connect

from handshake_prompt import parse_prompt
from handshake_prompt.page.demo import PAGES
from tests.page.conftest import DEMO_LIMITS
from tests.support.peer import PATIENCE

pytestmark = pytest.mark.asyncio(loop_scope="session")

IBAN = "DE89370400440532013000"
REQUIRED = {
    "purpose": "Taxi to the client",
    "amount": "12.5",
    "expense_date": "2026-01-02",
    "approver": "approver@example.com",
    "bank_account": IBAN,
}
OPEN = """
fetch("/handshake/session", { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } })
"""
ALL_SHOWN = 9_000
"""Milliseconds in which a sample agent's values have been shown, 400 ms apart."""


def field(page: Page, key: str) -> Locator:
    return page.locator(f'[data-field="{key}"]')


async def is_by(page: Page, key: str, by: str) -> None:
    await expect(field(page, key)).to_have_attribute("data-by", by)


async def hand_over(page: Page) -> str:
    await page.click("#hand-over")
    await expect(page.locator("#connection")).to_have_text("Live")
    await expect(page.locator("#prompt")).to_have_value(re.compile("sessionId"))
    return await page.input_value("#prompt")


async def act(prompt: str, values: dict[str, Any], *, name: str = "", stream: bool = False) -> httpx.Response:
    """Write as any agent does that holds nothing but the prompt."""
    handed = parse_prompt(prompt)
    actions = [{"type": "set", "key": key, "value": value} for key, value in values.items()]
    headers = [(b"X-Handshake-Token", handed.token.encode()), (b"X-Agent-Name", name.encode())]
    async with httpx.AsyncClient(base_url=handed.base_url + handed.prefix) as http:
        body = {"actions": actions, "stream": stream, "intervalMs": 2_000}
        return await http.post(f"/action/{handed.session_id}", json=body, headers=headers)


async def fill_required(page: Page) -> None:
    for key, value in REQUIRED.items():
        await page.fill(f"#field-{key}", value)
    await page.select_option("#field-category", "travel")


async def rows(page: Page) -> dict[str, tuple[str, str]]:
    cells = await page.locator("#submitted-rows tr").evaluate_all(
        "rows => rows.map(row => [row.dataset.row, row.cells[1].textContent, row.dataset.by])"
    )
    return {key: (value, by) for key, value, by in cells}


async def test_the_form_has_twelve_fields_of_every_kind(page: Page) -> None:
    schema = await page.evaluate("import('./form.js').then(({ SCHEMA }) => SCHEMA)")
    types = {entry["type"] for entry in schema}
    members = {name for entry in schema for name, value in entry.items() if value is not False}
    assert await page.locator("[data-field]").count() == len(schema) == 12
    assert types == {
        "string", "integer", "number", "boolean", "datetime", "date", "time", "email", "url", "enum", "array",
    }  # fmt: skip
    assert members >= {"multiple", "sensitive", "readOnly", "required", "pattern", "min", "max", "options"}


async def test_every_control_has_a_label_and_says_whose_value_it_holds(page: Page) -> None:
    for control in await page.locator("[data-field] :is(input, select, textarea)").all():
        name = await control.evaluate("control => control.labels[0]?.textContent")
        described = await control.evaluate("control => control.getAttribute('aria-describedby').split(' ')[0]")
        assert name
        assert await page.locator(f"#{described}").text_content() in ("Empty", "Default", "Fixed")


async def test_handing_over_copies_and_shows_the_prompt(page: Page) -> None:
    prompt = await hand_over(page)
    await expect(page.locator("#copied")).to_have_text("Copied to the clipboard")
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied.replace("\r\n", "\n") == prompt
    assert parse_prompt(prompt).session_id


async def test_a_prompt_that_cannot_be_copied_is_selected_instead(page: Page) -> None:
    await page.evaluate("Object.defineProperty(navigator, 'clipboard', {}); document.execCommand = () => false")
    prompt = await hand_over(page)
    await expect(page.locator("#copied")).to_have_text("Select and copy it")
    assert await page.evaluate("getSelection().toString()") == prompt


async def test_the_agent_fills_in_the_rest_and_the_person_submits(page: Page) -> None:
    await page.fill("#field-purpose", "Team offsite")
    await page.click("#sample-agent")
    await expect(page.locator("#status-detail")).to_have_text(
        "9 fields written, 1 of yours left alone. Left for you: Bank account (IBAN).", timeout=ALL_SHOWN
    )
    await expect(page.locator("#log")).to_contain_text("Purpose refused: user_locked")
    await expect(field(page, "category")).to_have_class(re.compile("written-by-agent"))
    await page.fill("#field-amount", "92.1")
    await page.fill("#field-bank_account", IBAN)
    await page.click("#submit")
    await expect(page.locator("#submitted")).to_be_visible()
    assert await rows(page) == {
        "purpose": ("Team offsite", "user"),
        "category": ("Meals", "ai"),
        "amount": ("92.1", "user_edit"),
        "attendees": ("Client's project lead, Design lead", "ai"),
        "billable": ("Yes", "ai"),
        "expense_date": (await page.input_value("#field-expense_date"), "ai"),
        "start_time": ("12:30", "ai"),
        "receipt_at": (f"{await page.input_value('#field-expense_date')} 14:05:00", "ai"),
        "receipt_links": ("https://example.com/r/2041", "ai"),
        "employee_number": ("10482", "default"),
        "approver": ("finance@example.com", "ai"),
        "bank_account": (IBAN, "user"),
    }


async def test_missing_required_fields_are_named_and_nothing_is_submitted(page: Page) -> None:
    await hand_over(page)
    await fill_required(page)
    await page.fill("#field-approver", "")
    await page.select_option("#field-category", "")
    await page.click("#submit")
    assert await page.locator("[data-problem]").all_text_contents() == ["Category – required", "Approver – required"]
    await expect(page.locator("#submitted")).to_be_hidden()
    await page.fill("#field-approver", "approver@example.com")
    assert await page.locator("[data-problem]").all_text_contents() == ["Category – required"]


async def test_a_value_of_another_form_is_named(page: Page) -> None:
    await fill_required(page)
    await page.fill("#field-bank_account", "my account")
    await page.fill("#field-receipt_links", "https://example.com/1\nnowhere")
    await page.click("#submit")
    assert await page.locator("[data-problem]").evaluate_all("items => items.map(item => item.dataset.problem)") == [
        "receipt_links",
        "bank_account",
    ]


async def test_without_a_session_the_values_are_the_pages_own(page: Page) -> None:
    await fill_required(page)
    await page.click("#submit")
    await expect(page.locator("#submitted-note")).to_contain_text("No session is open")
    shown = await rows(page)
    assert shown["purpose"] == (REQUIRED["purpose"], "user")
    assert shown["attendees"] == ("–", "empty")


async def test_a_reload_takes_the_session_up_with_its_values(page: Page) -> None:
    await page.fill("#field-purpose", "Taxi")
    prompt = await hand_over(page)
    await act(prompt, {"attendees": ["One", "Two"], "billable": True, "receipt_at": "2026-01-02 10:20:30"})
    await page.fill("#field-bank_account", IBAN)
    await page.reload()
    await expect(page.locator("#field-purpose")).to_have_value("Taxi")
    await expect(page.locator("#field-attendees")).to_have_value("One\nTwo")
    await expect(page.locator("#field-receipt_at")).to_have_value("2026-01-02T10:20:30")
    await expect(page.locator("#field-billable")).to_be_checked()
    await expect(page.locator("#field-bank_account")).to_have_value(IBAN)
    await is_by(page, "attendees", "ai")
    await is_by(page, "bank_account", "user")
    assert (await act(prompt, {"start_time": "08:00"})).json()["applied"] == ["start_time"]
    await expect(page.locator("#field-start_time")).to_have_value("08:00")


async def test_what_is_kept_over_a_reload_holds_no_credential(page: Page) -> None:
    token = parse_prompt(await hand_over(page)).token
    kept = await page.evaluate("JSON.stringify([{ ...sessionStorage }, { ...localStorage }])")
    assert "context" in kept
    assert token not in kept


async def test_the_last_words_before_a_reload_are_kept(page: Page) -> None:
    await hand_over(page)
    await page.locator("#field-purpose").evaluate(
        "(input) => { input.value = 'Last words'; input.dispatchEvent(new Event('input', { bubbles: true })) }"
    )
    await page.reload()
    await expect(page.locator("#field-purpose")).to_have_value("Last words")


async def test_a_released_field_is_open_to_the_agent_until_the_person_edits_it(page: Page) -> None:
    await page.fill("#field-purpose", "Mine")
    prompt = await hand_over(page)
    assert (await act(prompt, {"purpose": "Yours"})).json()["rejected"] == ["purpose"]
    await field(page, "purpose").get_by_role("button", name="Let the agent write this again").click()
    await is_by(page, "purpose", "default")
    assert (await act(prompt, {"purpose": "Yours"})).json()["applied"] == ["purpose"]
    await is_by(page, "purpose", "ai")
    await page.fill("#field-purpose", "Mine again")
    await is_by(page, "purpose", "user_edit")


async def test_what_the_person_is_typing_wins(page: Page) -> None:
    await page.click("#sample-agent")
    await is_by(page, "purpose", "ai")
    await page.locator("#field-approver").press_sequentially("me@example.com", delay=20)
    await is_by(page, "receipt_links", "ai")
    await expect(page.locator("#field-approver")).to_have_value("me@example.com")
    await expect(field(page, "approver")).to_have_attribute("data-by", re.compile("user"))


async def test_a_second_tab_shows_what_the_first_one_writes(page: Page, context: BrowserContext) -> None:
    await hand_over(page)
    kept = await page.evaluate("JSON.stringify({ ...sessionStorage })")
    other = await context.new_page()
    await other.goto("/")
    await other.evaluate("(kept) => Object.assign(sessionStorage, JSON.parse(kept))", kept)
    await other.reload()
    await expect(other.locator("#connection")).to_have_text("Live")
    await other.fill("#field-purpose", "From the other tab")
    await expect(page.locator("#field-purpose")).to_have_value("From the other tab")
    await is_by(page, "purpose", "user")
    await expect(page.locator("#log")).to_contain_text("You wrote Purpose elsewhere")


async def test_a_new_token_locks_the_old_one_out(page: Page) -> None:
    old = await hand_over(page)
    await page.click("#rotate")
    await expect(page.locator("#prompt")).not_to_have_value(old)
    new = await page.input_value("#prompt")
    assert (await act(old, {"purpose": "Old"})).status_code == 403
    assert (await act(new, {"purpose": "New"})).status_code == 200
    await expect(page.locator("#field-purpose")).to_have_value("New")


async def test_revoking_ends_the_session_and_keeps_the_form(page: Page) -> None:
    prompt = await hand_over(page)
    await act(prompt, {"purpose": "By the agent"})
    await is_by(page, "purpose", "ai")
    await page.click("#revoke")
    await expect(page.locator("#status-title")).to_have_text("Access revoked")
    await expect(page.locator("#field-purpose")).to_have_value("By the agent")
    await expect(page.locator("#rotate")).to_be_disabled()
    assert (await act(prompt, {"purpose": "Too late"})).json()["code"] == "session_revoked"
    assert await hand_over(page) != prompt
    await is_by(page, "purpose", "default")


async def test_a_name_that_poses_as_the_person_is_shown_as_a_claim(page: Page) -> None:
    await act(await hand_over(page), {"purpose": "x"}, name="You")
    await expect(page.locator("#log")).to_contain_text("Agent wrote Purpose")
    await expect(page.locator("#log")).to_contain_text(re.compile("An agent that calls itself .*You.* is here"))
    await expect(page.locator("#status-title")).to_have_text("Your agent is done")
    await expect(page.locator("#claim")).to_have_text(re.compile("It calls itself “You”"))
    assert "You wrote" not in (await page.locator("#log").text_content() or "")


async def test_a_name_with_nothing_to_see_in_it_is_not_shown(page: Page) -> None:
    await act(await hand_over(page), {"purpose": "x"}, name="\u3164\u2800")
    await expect(page.locator("#status-title")).to_have_text("Your agent is done")
    await expect(page.locator("#claim")).to_be_hidden()
    assert "calls itself" not in (await page.locator("#log").text_content() or "")


async def test_what_was_not_shown_when_the_person_submits_is_shown_and_not_submitted(page: Page) -> None:
    prompt = await hand_over(page)
    await fill_required(page)
    await page.locator("#field-amount").press("Tab")
    release = field(page, "amount").get_by_role("button", name="Let the agent write this again")
    await release.click()
    await is_by(page, "amount", "default")
    paced = {"attendees": ["a"], "billable": True, "start_time": "08:00", "receipt_links": [], "amount": 4999}
    assert "amount" in (await act(prompt, paced, stream=True)).json()["applied"]
    await page.click("#submit")
    await expect(page.locator("[data-problem=amount]")).to_contain_text("has only just changed")
    await expect(page.locator("#field-amount")).to_have_value("4999")
    await expect(page.locator("#submitted")).to_be_hidden()
    await page.click("#submit")
    await expect(page.locator("#submitted")).to_be_visible()
    assert (await rows(page))["amount"] == ("4999", "ai")


@contextlib.asynccontextmanager
async def crowded(page: Page, context: BrowserContext) -> AsyncIterator[None]:
    """Watch the page's session from as many places as it has, so that the page itself comes back to none."""
    (cookie,) = await context.cookies()
    kept = await page.evaluate("JSON.parse(Object.values(sessionStorage)[0])")
    await page.goto("about:blank")
    async with contextlib.AsyncExitStack() as stack:
        places = 0
        async with asyncio.timeout(PATIENCE):
            while places < DEMO_LIMITS.watchers_per_session:
                socket = await stack.enter_async_context(
                    connect(
                        kept["urls"]["ws"].replace("http", "ws", 1),
                        additional_headers={"Cookie": f"{cookie.get('name')}={cookie.get('value')}"},
                        close_timeout=1,
                    )
                )
                places += json.loads(await socket.recv())["type"] == "connected"
        await page.goto("/")
        yield


async def test_a_tab_too_many_says_what_is_the_matter_and_keeps_every_means(
    page: Page, context: BrowserContext
) -> None:
    prompt = await hand_over(page)
    async with crowded(page, context):
        await expect(page.locator("#matter")).to_contain_text("open in too many tabs")
        await page.fill("#field-purpose", "Saved by POST")
        await page.press("#field-purpose", "Tab")
        await is_by(page, "purpose", "user")
        async with asyncio.timeout(PATIENCE):
            while (await act(prompt, {"purpose": "Yours"})).json()["rejected"] != ["purpose"]:
                await asyncio.sleep(0.02)
        await field(page, "purpose").get_by_role("button", name="Let the agent write this again").click()
        async with asyncio.timeout(PATIENCE):
            while (await act(prompt, {"purpose": "Yours"})).json()["applied"] != ["purpose"]:
                await asyncio.sleep(0.02)
        await page.click("#rotate")
        await expect(page.locator("#prompt")).to_have_value(re.compile("sessionId"))
        assert (await act(prompt, {})).status_code == 403
        new = await page.input_value("#prompt")
        await page.click("#revoke")
        await expect(page.locator("#status-title")).to_have_text("Access revoked")
        await expect(page.locator("#matter")).to_be_hidden()
        assert (await act(new, {})).json()["code"] == "session_revoked"


async def test_a_tab_too_many_is_live_as_soon_as_there_is_room(page: Page, context: BrowserContext) -> None:
    prompt = await hand_over(page)
    async with crowded(page, context):
        await expect(page.locator("#matter")).to_be_visible()
        await act(prompt, {"purpose": "Meanwhile"})
    await page.evaluate("dispatchEvent(new Event('focus'))")
    await expect(page.locator("#connection")).to_have_text("Live")
    await expect(page.locator("#matter")).to_be_hidden()
    await expect(page.locator("#field-purpose")).to_have_value("Meanwhile")


async def test_a_tab_that_lost_its_place_is_told_and_can_go_on(
    page: Page, context: BrowserContext, complaints: list[str]
) -> None:
    old = await hand_over(page)
    await page.fill("#field-purpose", "Mine")
    await page.press("#field-purpose", "Tab")
    await context.clear_cookies()
    await page.reload()
    await expect(page.locator("#matter")).to_contain_text("does not recognise this page any more")
    await expect(page.locator("#connection")).to_have_text("Not recognised")
    await expect(page.locator("#status-title")).to_have_text("This page is not recognised")
    await expect(page.locator("#revoke")).to_be_enabled()

    await page.fill("#field-purpose", "Mine again")
    await page.press("#field-purpose", "Tab")
    await page.get_by_role("button", name="Hand over again").click()
    await expect(page.locator("#connection")).to_have_text("Live")
    await expect(page.locator("#matter")).to_be_hidden()
    await expect(page.locator("#prompt")).to_have_value(re.compile("sessionId"))
    new = await page.input_value("#prompt")
    assert parse_prompt(new).session_id != parse_prompt(old).session_id
    assert (await act(new, {"purpose": "Yours"})).json()["rejected"] == ["purpose"]
    assert {text for text in complaints if "403 (Forbidden)" not in text} == set()
    complaints.clear()


async def test_a_tab_keeps_its_place_while_another_opens_sessions_at_each_load(
    page: Page, context: BrowserContext
) -> None:
    prompt = await hand_over(page)
    other = await context.new_page()
    await other.goto("/")
    for _ in range(10):
        await other.evaluate(OPEN)
    await page.click("#rotate")
    await expect(page.locator("#prompt")).not_to_have_value(prompt)
    await page.reload()
    await expect(page.locator("#connection")).to_have_text("Live")
    await page.click("#revoke")
    await expect(page.locator("#status-title")).to_have_text("Access revoked")


async def test_a_server_that_cannot_be_reached_is_not_the_sessions_end(page: Page, complaints: list[str]) -> None:
    prompt = await hand_over(page)
    await page.route("**/handshake/**", lambda route: route.abort())
    await page.click("#revoke")
    await expect(page.locator("#status-detail")).to_have_text("The server cannot be reached.")
    await expect(page.locator("#revoke")).to_be_enabled()
    assert {text for text in complaints if "Failed to load resource" not in text} == set()
    complaints.clear()

    await page.unroute("**/handshake/**")
    await page.click("#revoke")
    await expect(page.locator("#status-title")).to_have_text("Access revoked")
    assert (await act(prompt, {})).json()["code"] == "session_revoked"


async def test_more_time_is_shown_as_soon_as_it_is_given(page: Page) -> None:
    await hand_over(page)
    await expect(page.locator("#expires")).to_have_text(re.compile(r"^(30:00|29:\d\d)$"))
    await page.click("#extend")
    await expect(page.locator("#expires")).to_have_text(re.compile(r"^(60:00|59:\d\d)$"))


@pytest.mark.parametrize("path", PAGES)
async def test_pages_allow_nothing_inline_and_nothing_from_elsewhere(url: str, path: str) -> None:
    async with httpx.AsyncClient(base_url=url) as http:
        policy = (await http.get(path)).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert re.search(r"https?:|\*", policy) is None


@pytest.mark.parametrize("path", ["/__init__.py", "/../demo/__init__.py", "/demo", "/%2e%2e/app.py"])
async def test_nothing_but_the_pages_is_served(url: str, path: str) -> None:
    async with httpx.AsyncClient(base_url=url) as http:
        assert (await http.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param({"sessionId": "0" * 32}, 403, "invalid_token", id="an unknown session"),
        pytest.param({"sessionId": 5}, 400, "invalid_request", id="no session id"),
        pytest.param([], 400, "invalid_request", id="no object"),
    ],
)
async def test_a_submission_without_a_session_is_refused(url: str, body: object, status: int, code: str) -> None:
    async with httpx.AsyncClient(base_url=url) as http:
        reply = await http.post("/submit", json=body)
    assert (reply.status_code, reply.json()["code"]) == (status, code)


async def test_only_the_person_can_submit(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as person, httpx.AsyncClient(base_url=url) as agent:
        body = {"mode": "form-fill", "schema": [{"key": "a", "required": True}]}
        created = (await person.post("/handshake/session", json=body)).json()
        submission = {"sessionId": created["sessionId"]}
        token = {"X-Handshake-Token": created["token"]}
        assert (await agent.post("/submit", json=submission, headers=token)).status_code == 403
        missing = await person.post("/submit", json=submission)
        assert (missing.status_code, missing.json()) == (422, {"missing": ["a"]})
        await person.post(created["notifyUrl"], json={"key": "a", "value": 1})
        assert (await person.post("/submit", json=submission)).json() == {
            "fields": [{"key": "a", "value": 1, "by": "user"}]
        }
