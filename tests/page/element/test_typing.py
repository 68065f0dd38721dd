"""Typing into fields that the agent writes, with latency in between."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

import httpx
import pytest
from playwright.async_api import Page

from tests.page.element.tag import TAG, hand_over
from tests.page.tabs import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")
ROUNDS = 12


async def test_what_is_typed_while_the_agent_writes_the_same_field_is_what_is_stored(
    page: Page, hosted: Site, http: httpx.AsyncClient
) -> None:
    """A quarter of a second lies between page and server, each way; the agent's value arrives at any letter."""
    inputs = "".join(f'<input name="f{number}" aria-label="f{number}">' for number in range(ROUNDS))
    await page.goto("/claim?" + urlencode({"body": f'<form id="claim">{inputs}</form>{TAG}'}))
    hosted.faults.latency = 0.25
    act = await hand_over(page, http)
    for number in range(ROUNDS):
        writing = asyncio.ensure_future(act({f"f{number}": "the agent's words"}))
        await asyncio.sleep(0.02 * (number % 25))
        await page.locator(f"[name=f{number}]").press_sequentially("my own", delay=40)
        await writing
    await page.evaluate("document.activeElement.blur()")
    await page.evaluate("document.querySelector('handshake-prompt').session.settled()")
    context = await page.evaluate("document.querySelector('handshake-prompt').session.context()")
    hosted.faults.latency = 0
    assert {record["value"] for record in context["context"].values()} == {"my own"}
    assert await page.evaluate("[...document.forms[0].elements].every(({ value }) => value === 'my own')")
