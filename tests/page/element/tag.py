"""Pages with a form and the tag under a strict policy, and an agent that holds nothing but the prompt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from playwright.async_api import Page, expect

from handshake_prompt import parse_prompt
from handshake_prompt.texts.prompt import ParsedPrompt
from tests.page.tabs import holds

CSP = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:"
FORM = """
<form id="claim" action="/posted" method="post">
  <label>Name <input name="name" required></label> <label>City <input name="city"></label>
  <label>Plan <select name="plan"><option value="">–</option><option value="p">Pro</option></select></label>
  <label>Password <input name="pw" type="password"></label><button id="send">Send</button></form>
"""
DOCUMENT = """<!doctype html><html lang="{lang}"><meta charset="utf-8"><title>Claim</title>
<link rel="icon" href="data:,"><script type="module" src="/handshake/element.js"></script>{body}"""
TAG = '<handshake-prompt for="claim"></handshake-prompt>'
Act = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
Post = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]


async def hand_over(page: Page, http: httpx.AsyncClient, button: str = "Hand to my agent") -> Act:
    """Press the tag's button; return an agent that writes, holding nothing but the prompt that was copied."""
    post = await agent(page, http, button)

    async def act(values: dict[str, Any]) -> dict[str, Any]:
        actions = [{"type": "set", "key": key, "value": value} for key, value in values.items()]
        return await post("action", {"actions": actions})

    return act


async def agent(
    page: Page, http: httpx.AsyncClient, button: str = "Hand to my agent", called: str = "Ada's agent"
) -> Post:
    """Press the tag's button; return an agent that posts to the session."""
    await page.evaluate("navigator.clipboard.writeText('')")  # the words of the last time may still be shown
    await page.get_by_role("button", name=button).click()
    await expect(page.get_by_text("Copied to the clipboard")).to_be_visible()
    await holds(page, "navigator.clipboard.readText()")
    handed = parse_prompt(await page.evaluate("navigator.clipboard.readText()"))
    return posting(http, handed, called)


def posting(http: httpx.AsyncClient, handed: ParsedPrompt, called: str) -> Post:
    """Return an agent with a prompt."""
    headers = {b"X-Handshake-Token": handed.token.encode(), b"X-Agent-Name": called.encode()}

    async def post(name: str, body: dict[str, Any]) -> dict[str, Any]:
        url = f"{handed.base_url}{handed.prefix}/{name}/{handed.session_id}"
        reply = await http.post(url, json=body, headers=headers)
        members: dict[str, Any] = reply.json()
        return members

    return post


async def live(page: Page) -> None:
    await holds(page, "document.querySelector('handshake-prompt').session?.state === 'open'")


async def authors(page: Page) -> dict[str, str]:
    """Whose the server takes the values of the page's session for."""
    script = "document.querySelector('handshake-prompt').session.context().then(({ context }) => context)"
    await page.evaluate("document.querySelector('handshake-prompt').session.settled()")
    context = await page.evaluate(script)
    return {key: record["by"] for key, record in context.items() if record["value"] not in ("", None)}
