"""Draws the screenshot of the demo anew: `python -m tests.page.screenshot`, with Chromium installed."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from playwright.async_api import FloatRect, Page, ViewportSize, async_playwright, expect

from handshake_prompt.page import demo
from tests.conftest import CHROMIUM_ARGS
from tests.page.demo_page import is_by
from tests.support.palette_png import with_palette
from tests.support.serving import serving

PICTURE = Path(demo.__file__).parent / "screenshot.png"
SIZE = ViewportSize(width=1010, height=1000)
HEIGHT = 700
LARGEST = 60_000
"""Bytes that README's readers are asked to load."""


async def play(page: Page) -> None:
    """Bring the demo to where the person has written, the agent as well, and a suggestion waits."""
    await page.fill("#field-purpose", "Lunch")
    await page.click("#sample-agent")
    await is_by(page, "amount", "ai")
    await expect(page.get_by_role("button", name="Accept")).to_be_visible()
    await is_by(page, "start_time", "ai")
    await page.evaluate("document.activeElement.blur()")
    await page.mouse.move(0, 0)


async def main() -> None:
    """Draw the picture."""
    async with serving(demo.create_demo()) as url, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS)
        page = await browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce", base_url=url)
        await page.goto("/")
        await play(page)
        top = await page.evaluate("document.querySelector('main').offsetTop - 12")
        area = FloatRect(x=0, y=top, width=SIZE["width"], height=HEIGHT)
        PICTURE.write_bytes(with_palette(await page.screenshot(clip=area)))
        await browser.close()
    print(f"{PICTURE}: {PICTURE.stat().st_size} bytes")  # noqa: T201 - a command's output


if __name__ == "__main__":
    asyncio.run(main())
