"""An agent that has a shell and the command: one line fills in the form, the person has the last word."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.support.commands import COLOUR, for_people, marked_json, on_terminal, piped

pytestmark = pytest.mark.asyncio(loop_scope="session")

IBAN = "DE89370400440532013000"
WRITTEN = {
    "category": "travel",
    "amount": 42.5,
    "attendees": ["Ada", "Grace"],
    "billable": True,
    "expense_date": "2026-03-04",
    "start_time": "09:15",
    "approver": "finance@example.com",
}
NAME = "<i>Shell's</i> agent"
ONE_LINE = [
    "action",
    *("--prompt", "-"),
    *("--name", NAME),
    *("--set", "purpose=Written by the agent"),
    *("--set", "category=travel"),
    *("--set", "amount=42.5"),
    *("--set", 'attendees=["Ada", "Grace"]'),
    *("--set", "billable=true"),
    *("--set", "expense_date=2026-03-04"),
    *("--set", "start_time=09:15"),
    *("--set", "approver=finance@example.com"),
    *("--interval-ms", "50"),
]


async def handed_over(page: Page) -> str:
    """Hand the page over and return the prompt, as the clipboard has it."""
    await page.click("#hand-over")
    await expect(page.locator("#prompt")).to_have_value(re.compile("sessionId"))
    return await page.input_value("#prompt")


async def test_one_command_line_fills_in_the_form_from_a_prompt_on_standard_input(page: Page) -> None:
    await page.fill("#field-purpose", "Typed by the person")
    ended = await piped(*ONE_LINE, text=await handed_over(page))

    assert (ended.exit_code, ended.stderr) == (3, "")
    assert "7 written, 1 refused" in ended.stdout
    assert re.search(r"^  purpose +refused +user_locked: ", for_people(ended.stdout), re.MULTILINE)
    assert "Still missing: bank_account" in ended.stdout
    assert marked_json(ended.stdout)["applied"] == list(WRITTEN)

    for key in WRITTEN:
        await expect(page.locator(f'[data-field="{key}"]')).to_have_attribute("data-by", "ai")
    await expect(page.locator("#status-title")).to_have_text("Your agent is done")
    await expect(page.locator("#claim")).to_have_text(f"It calls itself “{NAME}”.")
    await expect(page.locator("#log")).to_contain_text(f"An agent that calls itself \u2068“{NAME}”\u2069 is here")
    await expect(page.locator("#log i")).to_have_count(0)
    await expect(page.locator("#field-attendees")).to_have_value("Ada\nGrace")
    await expect(page.locator("#field-purpose")).to_have_value("Typed by the person")

    await page.fill("#field-amount", "40")
    await page.fill("#field-bank_account", IBAN)
    await page.click("#submit")
    await expect(page.locator("#submitted")).to_be_visible()
    submitted = await page.locator("#submitted-rows tr").evaluate_all(
        "rows => Object.fromEntries(rows.map(row => [row.dataset.row, [row.cells[1].textContent, row.dataset.by]]))"
    )
    assert submitted["amount"] == ["40", "user_edit"]
    assert submitted["category"] == ["Travel", "ai"]
    assert submitted["bank_account"] == [IBAN, "user"]


async def test_who_comes_back_to_the_page_finds_the_agents_name(page: Page) -> None:
    await piped(*ONE_LINE, text=await handed_over(page))
    await expect(page.locator("#status-title")).to_have_text("Your agent is done")
    await page.reload()
    await expect(page.locator("#status-title")).to_have_text("Your agent is done")
    await expect(page.locator("#claim")).to_have_text(f"It calls itself “{NAME}”.")


async def test_the_person_is_watched_live_on_a_terminal(page: Page) -> None:
    prompt = await handed_over(page)
    async with on_terminal("watch", variables={"HANDSHAKE_PROMPT": prompt}) as screen:
        await screen.shows("Watching; Ctrl+C stops.")
        await page.fill("#field-purpose", "Taxi to the client")
        await page.fill("#field-bank_account", IBAN)
        await page.press("#field-bank_account", "Tab")
        await screen.shows('person  purpose:  "Taxi to the client"')
        await screen.shows("person  bank_account:  (hidden)")
        screen.type("\x03")
        exit_code, seen = await screen.ended()
    assert exit_code == 0
    assert IBAN not in COLOUR.sub("", seen)
