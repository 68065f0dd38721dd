"""The tag by axe, keyboard, language and the person's own settings."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.page.axe import find_faults
from tests.page.element.tag import FORM, TAG, agent

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_axe_finds_nothing_in_the_tag(page: Page, http: httpx.AsyncClient, packages: Path) -> None:
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
    assert await find_faults(page, packages) == []


async def test_the_tag_goes_along_with_the_persons_own_settings(
    own_page: Page, http: httpx.AsyncClient, packages: Path
) -> None:
    """Forced colours, less motion, from right to left, and twice the size on a screen of 640 pixels."""
    page = own_page
    await page.set_viewport_size({"width": 320, "height": 400})
    await page.emulate_media(forced_colors="active", reduced_motion="reduce")
    await page.goto("/claim?" + urlencode({"body": f"<main dir='rtl'><h1>Claim</h1>{FORM}{TAG}</main>"}))
    post = await agent(page, http)
    await post("action", {"actions": [{"type": "set", "key": "city", "value": "Ulm"}]})
    await post("ask", {"text": "May I?"})
    await expect(page.get_by_text("May I?")).to_be_visible()
    await expect(page.locator("[name=city]")).to_have_css("outline-style", "solid")
    panel, button = page.locator(".panel"), page.get_by_role("button", name="Yes")
    outer, inner = await panel.bounding_box(), await button.bounding_box()
    assert outer is not None
    assert inner is not None
    assert inner["x"] + inner["width"] > outer["x"] + outer["width"] - 40  # it begins where reading begins
    await page.evaluate((packages / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8"))
    found = await page.evaluate("axe.run()")
    assert [fault["id"] for fault in found["violations"]] == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    moving = "document.getAnimations().length"
    assert await page.evaluate(moving) == 0
