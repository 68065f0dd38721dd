"""The clipboard of a real Chromium."""

from __future__ import annotations

import pytest

from tests.page.tabs import Tab

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_prompt_is_copied(tab: Tab) -> None:
    await tab.create()
    assert await tab.do("session.copyPrompt()") is True
    assert await tab.do("navigator.clipboard.readText()") == await tab.do("session.prompt")


@pytest.mark.parametrize(
    "clipboard",
    ["undefined", "{ writeText: () => Promise.reject(new DOMException('no', 'NotAllowedError')) }"],
    ids=["there is none", "it is not allowed"],
)
async def test_without_the_clipboard_api_the_prompt_is_copied_from_a_selection(tab: Tab, clipboard: str) -> None:
    await tab.create()
    await tab.do("globalThis.real = navigator.clipboard")
    await tab.do(f"Object.defineProperty(navigator, 'clipboard', {{ value: {clipboard} }})")
    await tab.page.focus("#other")
    assert await tab.do("session.copyPrompt()") is True
    assert await tab.do("real.readText()") == await tab.do("session.prompt")
    assert await tab.do("[document.activeElement.id, document.querySelectorAll('textarea').length]") == ["other", 0]


async def test_a_prompt_that_cannot_be_copied_is_not_said_to_be(tab: Tab) -> None:
    await tab.create()
    await tab.do("Object.defineProperty(navigator, 'clipboard', {}); document.execCommand = () => false")
    assert await tab.do("session.copyPrompt()") is False


async def test_a_text_that_is_still_being_made_can_be_copied(tab: Tab) -> None:
    await tab.create()
    assert await tab.do("client.copyText(session.rotate())") is True
    assert await tab.do("navigator.clipboard.readText()") == await tab.do("session.prompt")
    assert await tab.do("client.copyText(Promise.reject(new Error('refused')))") is False
