"""The demo's second page in a real Chromium: a form drawn from a model, from the prompt to the receipt."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from handshake_prompt import HandshakeApp
from handshake_prompt.page.demo import summary, trip_pydantic, trip_struct
from tests.page.axe import find_faults
from tests.page.demo_page import is_live, receipt

WITHOUT_PYDANTIC = """
import sys
sys.modules["pydantic"] = None
from handshake_prompt.page.demo import PAGES, create_demo
create_demo()
assert PAGES["/trip_model.py"][0] == "trip_struct.py"
"""


@pytest.mark.asyncio(loop_scope="session")
async def test_the_agent_fills_it_in_and_the_server_is_given_the_model(page: Page) -> None:
    await page.goto("/trip.html")
    await page.get_by_label("Purpose").fill("Workshop")
    await page.click("#sample-agent")
    await page.get_by_role("button", name="Accept").click()
    await page.get_by_role("button", name="Yes").click()
    await expect(page.get_by_role("group", name="Costs 3").get_by_label("What for")).to_have_value("Taxi")
    await expect(page.get_by_label("Aisle")).to_be_checked()
    await expect(page.get_by_label("Number plate")).to_be_hidden()
    await expect(page.get_by_text("Still empty")).to_be_hidden()
    await page.get_by_role("group", name="Costs 2").get_by_role("button", name="Remove").click()
    await expect(page.get_by_role("group", name="Costs 3")).to_be_hidden()
    await page.get_by_role("group", name="Costs 1").get_by_label("Euros").fill("100")
    await page.get_by_role("button", name="Submit journey").click()
    shown = await receipt(page)
    assert list(shown.values()) == [
        ("Workshop with the client in Graz", "You"),
        (shown["start"][0], "Agent"),
        (shown["end"][0], "Agent"),
        ("Train", "Agent"),
        ("aisle", "Agent"),
        ("Train tickets", "Agent"),
        (shown[next(key for key in shown if key.endswith("/day"))][0], "Agent"),
        ("100", "You edited"),
        ("Taxi", "Agent"),
        (shown["end"][0], "Agent"),
        ("18.4", "Agent"),
        ("–", ""),
    ]
    await expect(page.locator("#receipt-note")).to_contain_text("2 days, 118.40 euros")


@pytest.mark.asyncio(loop_scope="session")
async def test_the_person_fills_it_in_alone_and_is_told_what_the_model_finds_wrong(
    page: Page, complaints: list[str]
) -> None:
    await page.goto("/trip.html")
    await page.get_by_role("button", name="Hand to my agent").click()
    await is_live(page)
    await page.get_by_label("Purpose").fill("Fair")
    await page.get_by_label("First day").press_sequentially("03052026")  # Playwright fills no date as a person does
    await page.get_by_label("Last day").press_sequentially("03042026")
    await page.get_by_label("Car").check()
    await expect(page.get_by_role("group", name="Seat")).to_be_hidden()
    await page.get_by_label("Number plate").fill("G 123 AB")
    cost = page.get_by_role("group", name="Costs 1")
    await cost.get_by_label("What for").fill("Petrol")
    await cost.get_by_label("Paid on").press_sequentially("03052026")
    await cost.get_by_label("Euros").fill("61.2")
    await expect(page.get_by_text("the journey ends before it begins", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Submit journey").click()
    await expect(page.locator("#outcome")).not_to_be_empty()
    assert [text for text in complaints if "422" not in text] == []
    complaints.clear()
    await page.get_by_role("textbox", name="Last day").press_sequentially("03052026")
    await expect(page.get_by_text("the journey ends before it begins", exact=True)).to_be_hidden()
    await page.get_by_role("button", name="Submit journey").click()
    shown = await receipt(page)
    assert (shown["way/by"], shown["way/plate"]) == (("Car", "You"), ("G 123 AB", "You"))
    assert "way/seat" not in shown
    await expect(page.locator("#receipt-note")).to_contain_text("1 day, 61.20 euros")


@pytest.mark.asyncio(loop_scope="session")
async def test_the_pages_lead_to_each_other_and_show_the_model(page: Page) -> None:
    await page.get_by_role("link", name="a form drawn from a model").click()
    await page.get_by_text("The model, in Python").click()
    await expect(page.locator("#model")).to_contain_text("class Trip(BaseModel):")
    await page.get_by_role("link", name="an ordinary form").click()
    await expect(page.get_by_role("heading", name="Expense report")).to_be_visible()


@pytest.mark.asyncio(loop_scope="session")
async def test_axe_finds_nothing(page: Page, packages: Path) -> None:
    await page.goto("/trip.html")
    await page.get_by_label("Purpose").fill("Workshop")
    await page.click("#sample-agent")
    await expect(page.get_by_text("Shall I add it?")).to_be_visible()
    await expect(page.get_by_role("group", name="Costs 2").get_by_label("Euros")).to_have_value("118")
    await page.get_by_text("Who wrote what").click()
    await page.get_by_text("The model, in Python").click()
    assert await find_faults(page, packages) == []


VALUES: dict[str, Any] = {
    "purpose": "Fair", "start": "2026-03-04", "end": "2026-03-05", "way/by": "car", "way/plate": "G 1 AB",
    "costs/r1/what": "Petrol", "costs/r1/day": "2026-03-05", "costs/r1/amount": 61.2,
}  # fmt: skip


def test_the_model_is_the_same_with_and_without_pydantic() -> None:
    hpp = HandshakeApp()
    forms = [hpp.form(model.__name__, model.Trip) for model in (trip_pydantic, trip_struct)]
    assert forms[0].description["fields"] == forms[1].description["fields"]
    assert [summary(form.parse(VALUES, {"costs": ["r1"]})) for form in forms] == ["2 days, 61.20 euros"] * 2


def test_the_demo_needs_no_pydantic() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_PYDANTIC], check=True, timeout=60)
