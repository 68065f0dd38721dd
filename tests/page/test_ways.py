"""Agents by ways: each fills in the demo's form, and the person adds what is theirs and submits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from handshake_prompt import Limits
from handshake_prompt.page.demo import create_demo
from tests.page.demo_page import IBAN, is_by, receipt
from tests.page.ways import VALUES, WAYS, Desk, Way
from tests.support.serving import serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIMITS = Limits(creates_per_address=10_000, pace_interval=0.02)
SHOWN = {
    "purpose": "Taxi to the client",
    "category": "Travel",
    "amount": "42.5",
    "attendees": "Ada\nGrace",
    "billable": "Yes",
    "expense_date": "2026-03-04",
    "start_time": "09:15",
    "approver": "finance@example.com",
}
UNTOUCHED = ("employee_number", "receipt_at", "receipt_links")
AUTHORS = {**dict.fromkeys(VALUES, "ai"), "bank_account": "user", **dict.fromkeys(UNTOUCHED, "default")}
"""Of the receipt: by whatever way an agent came, what it wrote is an agent's, and no more than that."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo() -> AsyncIterator[str]:
    """A demo with the addresses for MCP."""
    async with serving(create_demo(limits=LIMITS, mcp=True)) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tab(browser: Browser, demo: str) -> AsyncIterator[Page]:
    context = await browser.new_context(base_url=demo, permissions=["clipboard-read", "clipboard-write"])
    yield await context.new_page()
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def desk(tab: Page, demo: str, http: httpx.AsyncClient, tmp_path: Path) -> Desk:
    await tab.goto("/")
    return Desk(tab, demo, http, tmp_path)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_an_agent_fills_in_the_form_and_the_person_submits_it(desk: Desk, way: Way) -> None:
    page = desk.page
    await way(desk)
    for key in VALUES:
        await is_by(page, key, "ai")
    await page.fill("#field-bank_account", IBAN)
    async with page.expect_response("**/submit/**") as submission:
        await page.get_by_role("button", name="Submit report").click()
    shown = await receipt(page)
    assert {key: shown[key][0] for key in VALUES} == SHOWN
    assert (shown["bank_account"], shown["employee_number"]) == ((IBAN, "You"), ("10482", "Page"))
    authors = (await (await submission.value).json())["authors"]
    assert authors == AUTHORS
    await expect(page.locator("handshake-prompt")).to_contain_text("Submitted.")
