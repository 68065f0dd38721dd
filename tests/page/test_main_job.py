"""The job the project exists for, on real parts: Chromium, uvicorn, and the agent client as it is published."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.page.demo_page import hand_over, is_by, is_live
from tests.support.peer import PATIENCE

pytestmark = pytest.mark.asyncio(loop_scope="session")

AGENT = [sys.executable, "-m", "handshake_prompt_agent"]

EIGHT = {
    "purpose": "Written by the agent",
    "category": "travel",
    "amount": 42.5,
    "attendees": ["Ada", "Grace"],
    "billable": True,
    "expense_date": "2026-03-04",
    "start_time": "09:15",
    "approver": "finance@example.com",
}
TYPED_FIRST = "purpose"
CHANGED_WHILE_SHOWN = "approver"
PACE = 400
"""Milliseconds between two fields, as far as the demo lets them wait: the last of eight is shown a second later."""


async def agent(*arguments: str, text: str | None = None) -> dict[str, Any]:
    """Run the published agent's command and return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *AGENT,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate(text.encode() if text else None)
    assert process.returncode == 0, err.decode()
    printed: dict[str, Any] = json.loads(out)
    return printed


async def test_person_hands_the_page_to_the_published_agent_and_keeps_the_last_word(page: Page) -> None:
    await page.fill(f"#field-{TYPED_FIRST}", "Typed by the person")
    handed = await agent("parse-prompt", text=await hand_over(page))
    session = ["--sid", handed["sessionId"], "--token", handed["token"], "--base", handed["baseUrl"]]
    before = await agent("get-context", *session)
    assert before["context"][TYPED_FIRST]["by"] == "user"

    acting = asyncio.create_task(agent("action", *session, "--data", json.dumps(EIGHT), "--interval", str(PACE)))
    await is_by(page, "category", "ai")
    await page.fill(f"#field-{CHANGED_WHILE_SHOWN}", "person@example.com")
    acted = await acting

    written = [key for key in EIGHT if key != TYPED_FIRST]
    assert acted["applied"] == written
    assert acted["rejected"] == [TYPED_FIRST]
    for key in written:
        by = "user_edit" if key == CHANGED_WHILE_SHOWN else "ai"
        await is_by(page, key, by)
    await is_shown(page)

    after = await agent("get-context", *session)
    kept = {key: after["context"][key]["value"] for key in (TYPED_FIRST, CHANGED_WHILE_SHOWN)}
    assert kept == {TYPED_FIRST: "Typed by the person", CHANGED_WHILE_SHOWN: "person@example.com"}

    await page.reload()
    await is_live(page)
    await is_shown(page)


async def is_shown(page: Page) -> None:
    """Check that the page shows the person's two values and the agent's others."""
    await expect(page.locator(f"#field-{TYPED_FIRST}")).to_have_value("Typed by the person")
    await expect(page.locator(f"#field-{CHANGED_WHILE_SHOWN}")).to_have_value("person@example.com")
    await expect(page.locator("#field-category")).to_have_value("travel")
    await expect(page.locator("#field-amount")).to_have_value("42.5")
    await expect(page.locator("#field-attendees")).to_have_value("Ada\nGrace")
    await expect(page.locator("#field-expense_date")).to_have_value("2026-03-04")
    await expect(page.locator("#field-start_time")).to_have_value("09:15")
    await expect(page.locator("#field-billable")).to_be_checked()
