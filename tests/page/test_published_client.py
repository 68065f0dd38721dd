"""A page that speaks as the published browser client of version 0.2 does, in a real Chromium."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.support.peer import PATIENCE

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAGE_OF_0_2 = """
async () => {
  const seen = (globalThis.seen = []);
  const reply = await fetch("/handshake/session", {
    method: "POST",
    credentials: "include",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      mode: "form-fill",
      schema: [{ key: "name", type: "string", required: true }, { key: "note", type: "string" }],
      context: { name: "", note: "typed" },
    }),
  });
  const created = (globalThis.created = await reply.json());
  const socket = (globalThis.socket = new WebSocket(
    `ws://${location.host}${created.wsUrl}?token=${encodeURIComponent(created.token)}`,
  ));
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (["connected", "action", "done", "error"].includes(message.type)) seen.push(message);
  };
  await new Promise((resolve) => (socket.onopen = resolve));
}
"""
EDIT_ON_THE_SOCKET = """
([key, value]) => globalThis.socket.send(JSON.stringify({ type: "userEdit", key, value }))
"""
EDIT_BY_POST = """
async ([key, value]) => (await fetch(globalThis.created.notifyUrl, {
  method: "POST",
  credentials: "include",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ key, value }),
})).status
"""
ACT_LIKE_AN_AGENT = """
async (values) => {
  const { actionUrl, token } = globalThis.created;
  const actions = Object.entries(values).map(([key, value]) => ({ type: "set", key, value }));
  const reply = await fetch(actionUrl, {
    method: "POST",
    credentials: "omit",
    headers: { "Content-Type": "application/json", "X-Handshake-Token": token },
    body: JSON.stringify({ actions, stream: true, intervalMs: 10 }),
  });
  return reply.json();
}
"""


async def seen(page: Page, kind: str) -> list[dict[str, Any]]:
    """Wait until the page has seen a message of a kind, and return all of that kind."""
    async with asyncio.timeout(PATIENCE):
        while not (found := [m for m in await page.evaluate("globalThis.seen") if m["type"] == kind]):
            await asyncio.sleep(0.02)
    return found


async def test_page_of_version_0_2_is_the_person_and_sees_the_agent_at_work(page: Page) -> None:
    await page.evaluate(PAGE_OF_0_2)
    connected = (await seen(page, "connected"))[0]
    acted = await page.evaluate(ACT_LIKE_AN_AGENT, {"name": "Alice", "note": "overwritten?"})
    done = (await seen(page, "done"))[0]

    assert (connected["mode"], connected["role"]) == ("form-fill", "user")
    assert [(m["key"], m["value"]) for m in await seen(page, "action")] == [("name", "Alice")]
    assert (done["applied"], done["rejected"], done["missing"]) == (1, ["note"], [])
    assert acted["context"]["note"]["value"] == "typed"


async def test_edits_of_version_0_2_are_the_person_s_on_the_socket_and_by_post(page: Page) -> None:
    await page.evaluate(PAGE_OF_0_2)
    await seen(page, "connected")
    await page.evaluate(EDIT_ON_THE_SOCKET, ["name", "by the socket"])
    assert await page.evaluate(EDIT_BY_POST, ["note", "by POST"]) == 200
    await expect(page.locator("body")).to_be_visible()
    async with asyncio.timeout(PATIENCE):
        while (acted := await page.evaluate(ACT_LIKE_AN_AGENT, {"name": "x", "note": "y"}))["applied"]:
            await asyncio.sleep(0.02)

    assert acted["rejected"] == ["name", "note"]
    assert {key: record["value"] for key, record in acted["context"].items()} == {
        "name": "by the socket",
        "note": "by POST",
    }
    assert await page.evaluate("globalThis.seen.filter(m => m.type === 'error')") == []
