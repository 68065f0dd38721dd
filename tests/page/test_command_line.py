"""An agent that has a shell and the command: one line fills in the form, the person has the last word."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.page.demo_page import IBAN, hand_over, is_by, receipt
from tests.support.commands import COLOUR, for_people, marked_json, on_terminal, piped

pytestmark = pytest.mark.asyncio(loop_scope="session")

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


async def test_one_command_line_fills_in_the_form_from_a_prompt_on_standard_input(page: Page) -> None:
    await page.fill("#field-purpose", "Typed by the person")
    ended = await piped(*ONE_LINE, text=await hand_over(page))

    assert (ended.exit_code, ended.stderr) == (3, "")
    assert "7 written, 1 refused" in ended.stdout
    assert re.search(r"^  purpose +refused +user_locked: ", for_people(ended.stdout), re.MULTILINE)
    assert "Still missing: bank_account" in ended.stdout
    assert marked_json(ended.stdout)["applied"] == list(WRITTEN)

    for key in WRITTEN:
        await is_by(page, key, "ai")
    await expect(page.get_by_text("Your agent has finished for now. Fields written: 7.")).to_be_visible()
    await expect(page.get_by_text(f"It calls itself “{NAME}”.")).to_be_visible()
    await expect(page.locator("i")).to_have_count(0)
    await expect(page.locator("#field-attendees")).to_have_value("Ada\nGrace")
    await expect(page.locator("#field-purpose")).to_have_value("Typed by the person")

    await page.fill("#field-amount", "40")
    await page.fill("#field-bank_account", IBAN)
    await page.get_by_role("button", name="Submit report").click()
    submitted = await receipt(page)
    assert submitted["amount"] == ("40", "You edited")
    assert submitted["category"] == ("Travel", "Agent")
    assert submitted["bank_account"] == (IBAN, "You")


async def test_who_comes_back_to_the_page_finds_the_agents_name(page: Page) -> None:
    await piped(*ONE_LINE, text=await hand_over(page))
    await is_by(page, "approver", "ai")
    await page.reload()
    await expect(page.get_by_text(f"It calls itself “{NAME}”.")).to_be_visible()


async def test_the_person_is_watched_live_on_a_terminal(page: Page) -> None:
    prompt = await hand_over(page)
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
