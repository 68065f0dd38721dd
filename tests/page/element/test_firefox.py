"""The main job in Firefox: a form is handed over, filled in together, and submitted."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
import pytest_asyncio

from handshake_prompt import parse_prompt
from tests.page.element.tag import posting
from tests.page.element.test_submission import PROFILE
from tests.page.firefox import FirefoxPage, firefox
from tests.page.tabs import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

BUTTON = "[...tag.shadowRoot.querySelectorAll('button')].find(({{ textContent }}) => textContent === {0!r})"
TAG = "(globalThis.tag = document.querySelector('handshake-prompt'))"


@pytest_asyncio.fixture(loop_scope="session")
async def fox(tmp_path: Path) -> AsyncIterator[FirefoxPage]:
    path = os.environ.get("HPP_FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")
    if path is None:
        pytest.skip("Firefox is not installed: apt-get install firefox-esr, or set HPP_FIREFOX to its path")
    async with firefox(path, tmp_path) as page:
        yield page


def button(words: str) -> str:
    return BUTTON.format(words)


def control(name: str) -> str:
    return f"document.querySelector('form [name={name}]')"


async def test_a_form_is_filled_in_together_in_firefox(fox: FirefoxPage, hosted: Site, http: httpx.AsyncClient) -> None:
    await fox.visit(f"{hosted.url}/claim?" + urlencode({"body": PROFILE}))
    await fox.until(f"{TAG}?.shadowRoot != null")
    await fox.click(control("name"))
    await fox.type("Ada")
    await fox.click(button("Hand to my agent"))
    await fox.until("tag.session?.state === 'open' && tag.shadowRoot.querySelector('#prompt').value")
    handed = parse_prompt(await fox.do("tag.shadowRoot.querySelector('#prompt').value"))
    post = posting(http, handed, "Ada's agent")

    actions = [{"type": "set", "key": key, "value": value} for key, value in {"age": 36, "name": "not yours"}.items()]
    acted = await post("action", {"actions": [*actions, {"type": "set", "key": "news", "value": True}]})
    assert (acted["applied"], acted["rejected"]) == (["age", "news"], ["name"])
    await fox.until(f"{control('age')}.value === '36' && {control('news')}.checked")
    assert await fox.do(f"{control('age')}.dataset.handshakeBy") == "ai"

    await post("ask", {"text": "May I?"})
    await fox.click(button("Yes"))
    await fox.until("tag.session.requests.length === 0")
    await post("action", {"actions": [{"type": "suggest", "key": "name", "value": "Ada Lovelace"}]})
    await fox.click(button("Accept"))
    await fox.until(f"{control('name')}.value === 'Ada Lovelace'")
    await fox.click(control("age"))
    await fox.do(f"{control('age')}.select()")
    await fox.type("37")
    await fox.until("tag.session.fields.get('age').by === 'user_edit'")
    await fox.click("document.querySelector('#send')")
    await fox.until("document.querySelector('#saved')?.textContent")
    authors = "['age: user_edit', 'name: user', 'news: ai']"
    saved = await fox.do("document.querySelector('#saved').textContent")
    assert saved == f"Profile(name='Ada Lovelace', age=37, news=True) {authors}"
