"""Paste-back on a page: an answer of an agent without network access, previewed and applied."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.page.tabs import Tab

pytestmark = pytest.mark.asyncio(loop_scope="session")

PASTE = "([text, preview]) => session.paste(text, { preview })"
REFUSED = """
async (text) => {
  try { await session.paste(text); } catch (error) { return { code: error.code, unread: error.unread }; }
}
"""


def answer(**members: Any) -> str:
    return f"Certainly!\n```handshake\n{json.dumps(members)}\n```\nAnything else?"


async def test_a_preview_tells_what_an_answer_would_do_and_writes_nothing(tab: Tab) -> None:
    await tab.open()
    told = await tab.do(PASTE, [answer(fields={"a": "x", "b": "B"}), True])
    assert told["preview"] is True
    assert [(one["key"], one["status"], one.get("code")) for one in told["results"]] == [
        ("a", "rejected", "user_locked"),
        ("b", "applied", None),
    ]
    assert [(one["type"], one["value"]) for one in told["read"]] == [("set", "x"), ("set", "B")]
    assert await tab.field("b") is None


async def test_an_applied_answer_is_shown_as_the_agents(tab: Tab) -> None:
    await tab.open()
    told = await tab.do(PASTE, [answer(fields={"b": "B"}), False])
    assert told["applied"] == ["b"]
    assert (await tab.field("b"))["value"] == "B"
    assert (await tab.field("b"))["by"] == "ai"


async def test_a_page_without_a_socket_shows_an_applied_answer(tab: Tab) -> None:
    await tab.create()
    await tab.do(PASTE, [answer(fields={"b": "B"}), False])
    assert (await tab.field("b"))["value"] == "B"


async def test_a_refused_text_says_which_lines_cannot_be_read(tab: Tab) -> None:
    await tab.open()
    refused = await tab.do(REFUSED, '```handshake\n{"fields": {"b": }}\n```')
    assert refused["code"] == "unreadable"
    assert refused["unread"][0]["line"] == 2
    assert (await tab.do(REFUSED, answer(sessionId="0" * 32, fields={"b": "B"})))["code"] == "other_prompt"
    assert await tab.field("b") is None
