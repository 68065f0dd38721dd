"""Typing into fields that the agent writes, with latency in between."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.page.element.tag import TAG, Act, hand_over
from tests.page.tabs import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")
PAGES, ROUNDS = 5, 20
"""A hundred fields are typed into: five pages at once, one field after another."""
INPUTS = "".join(f'<input name="f{number}" aria-label="f{number}">' for number in range(ROUNDS))
STORED = "document.querySelector('handshake-prompt').session.context().then(({ context }) => context)"


async def test_what_is_typed_while_the_agent_writes_the_same_field_is_what_is_stored(
    page: Page, hosted: Site, http: httpx.AsyncClient
) -> None:
    """A quarter of a second lies between page and server, each way; the agent's value arrives at any letter."""
    pages = [page, *[await page.context.new_page() for _ in range(PAGES - 1)]]
    for each in pages:
        await each.goto("/claim?" + urlencode({"body": f'<form id="claim">{INPUTS}</form>{TAG}'}))
    hosted.faults.latency = 0.25
    agents = [await hand_over(each, http) for each in pages]
    delays = [0.02 * (number % 25) for number in range(PAGES * ROUNDS)]
    kept = await asyncio.gather(
        *(
            type_against(each, act, delays[index::PAGES])
            for index, (each, act) in enumerate(zip(pages, agents, strict=True))
        )
    )
    hosted.faults.latency = 0
    assert sum(kept) == PAGES * ROUNDS


async def type_against(page: Page, act: Act, delays: list[float]) -> int:
    """Type into each field as the agent writes it; return how many of them hold what was typed, there and here."""
    writing = []
    for number, delay in enumerate(delays):
        await page.focus(f"[name=f{number}]")  # else the agent's words are there before the person is
        writing.append(asyncio.ensure_future(act({f"f{number}": "the agent's words"})))
        await asyncio.sleep(delay)
        await page.locator(f"[name=f{number}]").press_sequentially("my own", delay=20)
    await asyncio.gather(*writing)
    await page.evaluate("document.activeElement.blur()")
    await page.evaluate("document.querySelector('handshake-prompt').session.settled()")
    shown = await page.evaluate("[...document.forms[0].elements].map(({ value }) => value)")
    stored = await page.evaluate(STORED)
    held = [stored.get(f"f{number}", {}).get("value") for number in range(len(delays))]
    return sum(pair == ("my own", "my own") for pair in zip(shown, held, strict=True))


@pytest.mark.parametrize("begun", ["before", "after"])
async def test_a_text_too_long_for_a_field_stays_in_its_control_and_is_submitted(
    page: Page, http: httpx.AsyncClient, begun: str
) -> None:
    long = "x" * 40_000
    held = f'<textarea name="essay">{long if begun == "before" else ""}</textarea>'
    await page.evaluate("(field) => claim.insertAdjacentHTML('beforeend', field)", held)
    act = await hand_over(page, http)
    await page.fill("[name=essay]", long)
    await page.fill("[name=name]", "Ada")
    await act({"city": "Ulm"})
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    assert await page.input_value("[name=essay]") == long
    await page.click("#send")
    await expect(page.locator("#posted")).to_contain_text(f"essay={long}")
