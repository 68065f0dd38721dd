"""The example of a page with a panel of its own, as its README has it, in a real Chromium."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from handshake_prompt.page import npm_package
from tests.page.tabs import CREATED, Site
from tests.support.peer import Peer

pytestmark = pytest.mark.asyncio(loop_scope="session")

README = (Path(npm_package.__file__).parent / "README.md").read_text("utf-8")
EXAMPLE = re.search(r"## A panel of your own\n.*?```js\n(.*?)```", README, re.DOTALL)
MARKUP = """
<form><label>Name <input name="name"></label> <label>Nights <input name="nights" type="number" max="9"></label></form>
<p id="status"></p><p id="agent"></p><p id="problems"></p><p id="author"></p><div id="requests"></div>
<button id="copy">Copy</button><button id="back">Take back</button><button id="end">End</button>
"""
RUN = """
([markup, code]) => {
  document.body.innerHTML = markup;
  const script = document.createElement("script");
  script.type = "module";
  script.textContent = `${code}\\nglobalThis.session = await opening;`;
  document.body.append(script);
}
"""


async def test_a_page_does_with_its_own_panel_what_the_tag_does(page: Page, shared: Site, http: Any) -> None:
    assert EXAMPLE is not None
    shared.faults.reset()
    await page.goto(shared.url)
    await page.evaluate(RUN, [MARKUP, EXAMPLE[1]])
    await expect(page.locator("#status")).to_have_text("open")
    await page.click("#copy")
    await page.wait_for_function("navigator.clipboard.readText().then((text) => text === session.prompt)")

    agent = Peer("", await page.evaluate(CREATED), "", http)
    named = {"X-Agent-Name": "Helper"}
    write = {"actions": [{"type": "set", "key": "name", "value": "Ada"}]}
    await agent.agent("POST", "action", write, headers=named)
    await expect(page.get_by_label("Name")).to_have_value("Ada")
    await expect(page.locator("#author")).to_have_text("name: ai")
    await expect(page.locator("#agent")).to_have_text("It calls itself “Helper”")

    await page.get_by_label("Nights").fill("12")
    await page.get_by_label("Name").focus()
    await expect(page.locator("#problems")).not_to_be_empty()
    suggestion = {"type": "suggest", "key": "nights", "value": 3, "reason": "as last time"}
    await agent.agent("POST", "action", {"actions": [suggestion]}, headers=named)
    await page.get_by_role("button", name="accept: 3").click()
    await expect(page.get_by_label("Nights")).to_have_value("3")
    await expect(page.locator("#problems")).to_be_empty()
    await expect(page.locator("#requests button")).to_have_count(0)

    await page.click("#back")
    await expect(page.get_by_label("Name")).to_have_value("")
    await page.click("#end")
    await expect(page.locator("#status")).to_have_text("over")
