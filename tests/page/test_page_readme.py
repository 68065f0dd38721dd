"""Code of the page's README, as it stands there: in a real Chromium, and in a shell with npm."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Request, expect

from handshake_prompt import parse_prompt
from handshake_prompt.page import npm_package
from tests.page.element.tag import posting
from tests.page.tabs import CREATED, Site, holds
from tests.support.peer import Peer
from tests.support.readme import RUN_MODULE

README = (Path(npm_package.__file__).parent / "README.md").read_text("utf-8")
OPENED = """
import { HandshakeSession } from "/handshake/client.js";
const schema = [{ key: "name", type: "string" }];
const session = await HandshakeSession.create({ mode: "form-fill", schema });
"""
ANSWERED = '```handshake\n{"fields": {"name": "Ada"}}\n```'


def block(language: str, word: str) -> str:
    """Return the one code block of a language with a word in it."""
    (found,) = [code for code in re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL) if word in code]
    return str(found)


async def follow(page: Page, shared: Site, code: str) -> None:
    """Run a script on a page of the server's until it has set `result`."""
    shared.faults.reset()
    await page.goto(shared.url)
    await page.evaluate(RUN_MODULE, code)
    await holds(page, "globalThis.result !== undefined")


@pytest.mark.asyncio(loop_scope="session")
async def test_a_page_with_controls_of_its_own_draws_fields_and_reports_edits(
    page: Page, shared: Site, http: Any
) -> None:
    draw = "const draw = (key, value, by) => { document.title = `${key}: ${value} (${by})`; };"
    share = "session.connect(); Object.assign(globalThis, { session, onInput, result: true });"
    await follow(page, shared, "\n".join([OPENED, draw, block("js", "onInput"), share]))
    agent = Peer("", await page.evaluate(CREATED), "", http)
    assert (await agent.act({"name": "Ada"}))["applied"] == ["name"]
    await expect(page).to_have_title("name: Ada (ai)")
    await page.evaluate("onInput('name', 'mine')")
    await expect(page).to_have_title("name: mine (user_edit)")


@pytest.mark.asyncio(loop_scope="session")
async def test_a_form_drawn_from_its_fields_is_handed_over_and_posted(page: Page, shared: Site, http: Any) -> None:
    shared.faults.reset()
    await page.route("**/claims", lambda route: route.fulfill(body="Thanks", content_type="text/html"))
    await page.goto(shared.url)
    await page.set_content(f'<!doctype html><html lang="en">{block("html", "drawForm")}')
    await expect(page.get_by_label("Nights")).to_have_value("2")
    await expect(page.get_by_label("Purpose")).to_have_class("form-control")
    await page.get_by_role("button", name="Hand to my agent").click()
    await expect(page.get_by_text("Copied to the clipboard")).to_be_visible()
    act = posting(http, parse_prompt(await page.input_value("#prompt")), "Ada's agent")
    await act("action", {"actions": [{"type": "set", "key": "purpose", "value": "Fair"}]})
    await expect(page.locator("[name=purpose]")).to_have_value("Fair")

    async with page.expect_request(is_posted) as posted:
        await page.get_by_role("button", name="Send").click()
    sent = (await posted.value).post_data or ""
    assert {"purpose=Fair", "nights=2"} <= set(sent.split("&"))
    assert "handshakeSession=" in sent


def is_posted(request: Request) -> bool:
    return request.method == "POST" and request.url.endswith("/claims")


@pytest.mark.asyncio(loop_scope="session")
async def test_an_answer_is_previewed_and_pasted(page: Page, shared: Site) -> None:
    share = "globalThis.result = [told, report, session.fields.get('name')?.value];"
    text = f"const text = {ANSWERED!r};"
    await follow(page, shared, "\n".join([OPENED, text, block("js", "session.paste("), share]))
    told, report, value = await page.evaluate("result")
    assert [(one["key"], one["value"]) for one in told["read"]] == [("name", "Ada")]
    assert [one["status"] for one in told["results"]] == ["applied"]
    assert (told["preview"], value) == (True, "Ada")
    assert "name" in report


@pytest.mark.asyncio(loop_scope="session")
async def test_the_tools_are_registered_with_the_browser_until_the_signal(page: Page, shared: Site) -> None:
    stub = """
    const names = new Set(), leaving = new AbortController(), { signal } = leaving;
    const registerTool = async ({ name }, { signal }) => {
      names.add(name);
      signal.addEventListener("abort", () => names.delete(name));
    };
    Object.defineProperty(document, "modelContext", { value: { registerTool } });
    """
    share = "const before = names.size; leaving.abort(); globalThis.result = [before, names.size];"
    await follow(page, shared, "\n".join([OPENED, stub, block("js", "provideTools("), share]))
    before, after = await page.evaluate("result")
    assert before > 0
    assert after == 0


def test_the_modules_are_copied_into_a_project_that_bundles(tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "npm_config_offline": "true", "npm_config_audit": "false"}
    command = ["sh", "-c", block("sh", "npm install")]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=60)
    assert (tmp_path / "node_modules" / "handshake-prompt" / "element.js").is_file()
