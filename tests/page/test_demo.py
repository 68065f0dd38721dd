"""The demo in a real Chromium: an ordinary form with the tag, from the prompt to the receipt."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, expect

from handshake_prompt.page.demo import FIELDS, PAGES
from tests.page.axe import find_faults
from tests.page.demo_page import IBAN, REQUIRED, fill_required, hand_over, is_by, is_live, receipt
from tests.page.screenshot import LARGEST, PICTURE
from tests.support.palette_png import SIGNATURE
from tests.support.peer import patient_client

pytestmark = pytest.mark.asyncio(loop_scope="session")

OPEN = """
fetch("/handshake/session", { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } })
"""
SCHEMA = """
import("/handshake/form.js").then(({ schemaOf }) => schemaOf(document.getElementById("report")))
"""
RULES = ("required", "readOnly", "min", "max", "pattern")
FOCUSED = """
() => {
  let element = document.activeElement;
  while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return `${element.ariaLabel ?? ""} ${element.textContent} ${element.id}`;
}
"""
STOPS = 80
"""Elements to tab over at most."""


async def test_the_form_has_twelve_fields_of_every_kind() -> None:
    types = {entry["type"] for entry in FIELDS}
    members = {name for entry in FIELDS for name in entry}
    assert len(FIELDS) == 12
    assert types == {
        "string", "integer", "number", "boolean", "datetime", "date", "time", "email", "url", "enum", "array",
    }  # fmt: skip
    assert members >= {"multiple", "sensitive", "readOnly", "required", "pattern", "min", "max", "options"}


async def test_each_field_has_a_labelled_control_with_the_same_rules(page: Page) -> None:
    shown = {entry["key"]: entry for entry in await page.evaluate(SCHEMA)}
    assert list(shown) == [entry["key"] for entry in FIELDS]
    for entry in FIELDS:
        control = shown[entry["key"]]
        assert control["label"]
        assert [control.get(rule) for rule in RULES] == [entry.get(rule) for rule in RULES], entry["key"]
        if "options" in entry:
            assert control["options"] == entry["options"]


async def focus(page: Page, name: str) -> None:
    """Go to a control or a button with the tabulator alone."""
    for _ in range(STOPS):
        await page.keyboard.press("Tab")
        if name in await page.evaluate(FOCUSED):
            return
    raise AssertionError(f"{name} is not to be reached by keyboard")


async def press(page: Page, name: str) -> None:
    await focus(page, name)
    await page.keyboard.press("Enter")


async def test_all_of_it_is_played_by_keyboard_alone(page: Page) -> None:
    await focus(page, "field-purpose")
    await page.keyboard.type("Team offsite")
    await press(page, "Watch a sample agent")
    await expect(page.locator("#log")).to_contain_text("Sent 8 values, 7 accepted")
    await expect(page.locator("#log")).to_contain_text("Purpose refused: user_locked")
    await expect(page.get_by_text("It calls itself “Sample agent”")).to_be_visible()
    await is_by(page, "approver", "ai")

    await expect(page.get_by_text("“Sample agent” suggests for “Purpose”:")).to_be_visible()
    await press(page, "Accept")
    await expect(page.locator("#field-purpose")).to_have_value("Lunch at the project kick-off")
    await is_by(page, "purpose", "user")

    await expect(page.get_by_text("Who was there with you?")).to_be_visible()
    await focus(page, "guests")
    await page.keyboard.type("People")
    await press(page, "Answer")
    await expect(page.get_by_text("Who was there with you?")).to_be_hidden()
    await expect(page.locator("#log")).to_contain_text("Sent 2 values, 2 accepted")
    await is_by(page, "billable", "ai")

    await press(page, "Who wrote what")
    await press(page, "Take back what your agent wrote into “Started at”")
    await expect(page.locator("#field-start_time")).to_have_value("")
    date = await page.input_value("#field-expense_date")
    await focus(page, "field-amount")
    await page.keyboard.press("Control+A")
    await page.keyboard.type("92.1")
    await focus(page, "field-bank_account")
    await page.keyboard.type(IBAN)
    await page.keyboard.press("Enter")
    assert await receipt(page) == {
        "purpose": ("Lunch at the project kick-off", "You"),
        "category": ("Meals", "Agent"),
        "amount": ("92.1", "You edited"),
        "attendees": ("Client's project lead\nDesign lead", "Agent"),
        "billable": ("Yes", "Agent"),
        "expense_date": (date, "Agent"),
        "start_time": ("–", ""),
        "receipt_at": (f"{date} 14:05", "Agent"),
        "receipt_links": ("https://example.com/r/2041", "Agent"),
        "employee_number": ("10482", "Page"),
        "approver": ("finance@example.com", "Agent"),
        "bank_account": (IBAN, "You"),
    }
    await expect(page.locator("#receipt-note")).to_have_text(
        re.compile(r"Report ER-\d{4}, filed .*\sReceipt \w+", re.DOTALL)
    )
    await press(page, "Close")
    await expect(page.locator("#receipt")).to_be_hidden()
    await expect(page.get_by_role("button", name="Hand to my agent")).to_be_visible()


async def test_a_suggestion_is_dismissed_and_a_question_left_without_an_answer(page: Page) -> None:
    await page.fill("#field-purpose", "Team offsite")
    await page.click("#sample-agent")
    await page.get_by_role("button", name="Do not answer").click()
    await expect(page.locator("#log")).to_contain_text("Your answer: declined")
    await page.get_by_role("button", name="Dismiss").click()
    await expect(page.get_by_role("button", name="Dismiss")).to_be_hidden()
    await expect(page.locator("#field-purpose")).to_have_value("Team offsite")
    await expect(page.locator("#field-attendees")).to_have_value("")


async def test_a_report_is_submitted_without_any_agent_too(page: Page) -> None:
    await fill_required(page)
    await page.get_by_role("button", name="Submit report").click()
    shown = await receipt(page)
    assert shown["purpose"] == (REQUIRED["purpose"], "You")
    assert shown["attendees"] == ("–", "")


async def test_missing_required_fields_hold_the_form_back(page: Page) -> None:
    await hand_over(page)
    await fill_required(page)
    await page.fill("#field-approver", "")
    await expect(page.get_by_text("Still empty:")).to_be_visible()
    await page.get_by_role("button", name="Submit report").click()
    await expect(page.locator("#field-approver")).to_be_focused()
    await expect(page.locator("#receipt")).to_be_hidden()
    await page.keyboard.type(REQUIRED["approver"])
    await page.get_by_role("button", name="Submit report").click()
    assert (await receipt(page))["approver"] == (REQUIRED["approver"], "You")


async def test_problems_that_the_server_finds_are_named_until_they_are_mended(
    page: Page, complaints: list[str]
) -> None:
    await hand_over(page)
    await fill_required(page, category="Meals")
    await page.fill("#field-amount", "250")
    await page.fill("#field-receipt_links", "nowhere")
    problem = page.get_by_text("A meal above 100 euros needs the names of those who were there")
    await expect(problem).to_be_visible()
    await page.get_by_role("button", name="Submit report").click()
    await expect(page.locator("#outcome")).not_to_be_empty()
    await expect(page.locator("#receipt")).to_be_hidden()
    assert [text for text in complaints if "422" not in text] == []
    complaints.clear()

    await expect(page.get_by_role("button", name="Links to receipts", exact=True)).to_be_visible()
    await page.fill("#field-receipt_links", "https://example.com/1")
    await page.get_by_role("button", name="Attendees", exact=True).click()
    await page.keyboard.type("Ada")
    await expect(problem).to_be_hidden()
    await page.get_by_role("button", name="Submit report").click()
    assert (await receipt(page))["attendees"] == ("Ada", "You")
    await expect(page.locator("#outcome")).to_be_empty()


async def test_a_reload_takes_the_session_up_with_its_values(page: Page) -> None:
    await page.fill("#field-purpose", "Team offsite")
    await page.click("#sample-agent")
    await is_by(page, "approver", "ai")
    await page.fill("#field-bank_account", IBAN)
    await page.reload()
    await is_live(page)
    await expect(page.locator("#field-purpose")).to_have_value("Team offsite")
    await expect(page.locator("#field-category")).to_have_value("meals")
    await expect(page.locator("#field-receipt_at")).to_have_value(re.compile("T14:05"))
    await expect(page.locator("#field-receipt_links")).to_have_value("https://example.com/r/2041")
    await expect(page.locator("#field-bank_account")).to_have_value(IBAN)
    await is_by(page, "receipt_links", "ai")
    await is_by(page, "bank_account", "user")
    await expect(page.get_by_text("It calls itself “Sample agent”")).to_be_visible()


async def test_a_tab_keeps_its_place_while_another_opens_sessions_at_each_load(
    page: Page, context: BrowserContext
) -> None:
    prompt = await hand_over(page)
    other = await context.new_page()
    await other.goto("/")
    for _ in range(10):
        await other.evaluate(OPEN)
    await page.get_by_role("button", name="New token").click()
    await expect(page.locator("#prompt")).not_to_have_value(prompt)
    await page.reload()
    await is_live(page)
    await page.get_by_role("button", name="End the session").click()
    await expect(page.get_by_text("The session has ended")).to_be_visible()


async def test_axe_finds_nothing(page: Page, packages: Path) -> None:
    await page.fill("#field-purpose", "Team offsite")
    await page.click("#sample-agent")
    await expect(page.get_by_text("Who was there with you?")).to_be_visible()
    await page.get_by_text("Who wrote what").click()
    await is_by(page, "approver", "ai")
    assert await find_faults(page, packages) == []


@pytest.mark.parametrize("path", PAGES)
async def test_pages_allow_nothing_inline_and_nothing_from_elsewhere(url: str, path: str) -> None:
    async with patient_client(base_url=url) as http:
        policy = (await http.get(path)).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert re.search(r"https?:|\*", policy) is None


async def test_the_screenshot_for_readers_is_small() -> None:
    picture = PICTURE.read_bytes()
    assert picture.startswith(SIGNATURE)
    assert len(picture) <= LARGEST


@pytest.mark.parametrize("path", ["/__init__.py", "/screenshot.png", "/../demo/__init__.py", "/demo", "/%2e%2e/app.py"])
async def test_nothing_but_the_pages_is_served(url: str, path: str) -> None:
    async with patient_client(base_url=url) as http:
        assert (await http.get(path)).status_code == 404
