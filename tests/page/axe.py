"""Faults of a page's accessibility, as axe finds them: in light and dark, on a desktop and on a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

from playwright.async_api import Page


class Look(NamedTuple):
    """A colour scheme, and the width of the window."""

    scheme: Literal["light", "dark"]
    width: int


LOOKS = (Look("light", 1280), Look("light", 360), Look("dark", 360), Look("dark", 1280))
HEIGHT = 900
AT_REST = """
async () => {
  const shadows = [...document.querySelectorAll("*")].flatMap(({ shadowRoot }) => shadowRoot ?? []);
  const animations = [document, ...shadows].flatMap((root) => root.getAnimations());
  await Promise.allSettled(animations.map(({ finished }) => finished));
}
"""
"""Waits for colours that are on their way from one scheme to another."""


async def find_faults(page: Page, packages: Path, part: str = "html") -> list[tuple[Look, str, list[str]]]:
    """Return the faults of a part of a page in each look, with their elements; what does not fit the width is one.

    The page is shown once, and looked at as often as there are looks. Afterwards it has its size again.
    """
    await page.evaluate((packages / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8"))
    size = page.viewport_size or {"width": LOOKS[0].width, "height": HEIGHT}
    faults = [fault for look in LOOKS for fault in await _find_faults_of(page, look, part)]
    await page.emulate_media(color_scheme=None, reduced_motion=None)
    await page.set_viewport_size(size)
    return faults


async def _find_faults_of(page: Page, look: Look, part: str) -> list[tuple[Look, str, list[str]]]:
    await page.emulate_media(color_scheme=look.scheme, reduced_motion="reduce")
    await page.set_viewport_size({"width": look.width, "height": HEIGHT})
    await page.evaluate(AT_REST)
    found = (await page.evaluate("(part) => axe.run(part)", part))["violations"]
    faults = [(look, fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found]
    if not await page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
        faults.append((look, "wider than the window", []))
    return faults
