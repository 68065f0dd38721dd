"""Ways in for agents: each takes the demo's page from a person who has done nothing yet, and ends once it has written.

An agent has what the person gives it and nothing else: a prompt from the clipboard, a code, or the browser it lives in.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import handshake_prompt_agent as published
import httpx
import httpx2
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from playwright.async_api import Page, expect

import handshake_prompt
from handshake_prompt.client import HandshakeAgent
from tests.page.demo_page import hand_over
from tests.support.commands import piped, shell
from tests.support.mcp_clients import members
from tests.support.peer import PATIENCE

VALUES: Mapping[str, Any] = {
    "purpose": "Taxi to the client",
    "category": "travel",
    "amount": 42.5,
    "attendees": ["Ada", "Grace"],
    "billable": True,
    "expense_date": "2026-03-04",
    "start_time": "09:15",
    "approver": "finance@example.com",
}
"""What every agent writes; the rest is the person's and the page's."""
ROOT = Path(handshake_prompt.__file__).parent.parent
COMMANDS = re.compile(r"```sh\n(.*?)```", re.DOTALL)
WRITING = re.compile(r"^# 2\..*?\n(.*?^JSON)$", re.DOTALL | re.MULTILINE)
CODE = re.compile(r'"code": "([^"]+)"')

STUB = """
() => {
  const tools = (globalThis.stub = new Map());
  const refused = (name) => Promise.reject(new DOMException("Refused", name));
  class ModelContext extends EventTarget {
    ontoolchange = null;
    registerTool(tool, options = {}) {
      const { name, description, inputSchema, execute } = tool;
      if (tools.has(name) || !description || !/^[\\w.-]{1,128}$/.test(name)) return refused("InvalidStateError");
      if (typeof execute !== "function") throw new TypeError("execute is no function");
      const { signal } = options;
      if (signal?.aborted) return Promise.reject(signal.reason);
      tools.set(name, { inputSchema: JSON.stringify(inputSchema), annotations: { ...tool.annotations }, execute });
      return new Promise((resolve, reject) => {
        signal?.addEventListener("abort", () => (tools.delete(name), reject(signal.reason)));
        setTimeout(resolve);
      });
    }
  }
  Object.defineProperty(document, "modelContext", { value: new ModelContext(), configurable: true });
}
"""
"""`document.modelContext` as WebMCP's report of June 2026 has it, with its registry as `stub`."""
CALL_STUB = "([name, input]) => stub.get(name).execute(input)"


@dataclass(frozen=True)
class Desk:
    """The person's page, and what agents have: a network and a folder."""

    page: Page
    url: str
    http: httpx.AsyncClient
    folder: Path


Way = Callable[[Desk], Awaitable[None]]


async def shell_with_curl(desk: Desk) -> None:
    """Write by the prompt's own lines for a shell, with nothing filled in but the batch."""
    prompt = await hand_over(desk.page)
    commands = COMMANDS.search(prompt)
    assert commands
    writing = WRITING.search(commands[1])
    assert writing
    head, _, _ = writing[1].partition("<<'JSON'\n")
    actions = [{"type": "set", "key": key, "value": value} for key, value in VALUES.items()]
    token = commands[1].splitlines()[0]
    await shell(f"{token}\n{head}<<'JSON'\n{json.dumps({'actions': actions})}\nJSON\n", desk.folder)


async def command(desk: Desk) -> None:
    """Write by the command, with the prompt on its standard input."""
    prompt = await hand_over(desk.page)
    assigned = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in VALUES.items()]
    options = [option for assignment in assigned for option in ("--set", assignment)]
    ended = await piped("action", "--prompt", "-", *options, text=prompt)
    assert ended.exit_code == 0, ended.stdout


async def python_client(desk: Desk) -> None:
    """Write from Python."""
    async with HandshakeAgent.from_prompt(await hand_over(desk.page)) as agent:
        assert (await agent.action(VALUES))["applied"] == list(VALUES)


async def published_client(desk: Desk) -> None:
    """Write by the client of version 0.2.0, as it is on PyPI."""
    found = published.parse_prompt(await hand_over(desk.page))
    agent = published.HandshakeAgent(found["sessionId"], found["token"], found["baseUrl"])
    await asyncio.to_thread(agent.get_context)
    assert (await asyncio.to_thread(agent.action, dict(VALUES)))["applied"] == list(VALUES)


async def mcp_stdio(desk: Desk) -> None:
    """Write by the tools of the command, over standard input and output."""
    server = StdioServerParameters(command=sys.executable, args=["-m", "handshake_prompt", "mcp"], cwd=ROOT)
    prompt = await hand_over(desk.page)
    async with Client(stdio_client(server), read_timeout_seconds=PATIENCE) as client:
        assert not (await client.call_tool("connect", {"prompt": prompt})).is_error
        assert members(await client.call_tool("set_fields", {"fields": VALUES}))["applied"] == list(VALUES)


async def mcp_of_2026(desk: Desk) -> None:
    """Write by MCP 2026-07-28, at the one address for all sessions."""
    await _mcp_over_http(desk, "auto", "2026-07-28")


async def mcp_of_2025(desk: Desk) -> None:
    """Write by MCP 2025-11-25, at the one address for all sessions."""
    await _mcp_over_http(desk, "legacy", "2025-11-25")


async def _mcp_over_http(desk: Desk, mode: Any, version: str) -> None:
    prompt = await hand_over(desk.page)
    async with (
        httpx2.AsyncClient(timeout=PATIENCE) as http,
        Client(streamable_http_client(f"{desk.url}/handshake/mcp", http_client=http), mode=mode) as client,
    ):
        assert client.protocol_version == version
        session = members(await client.call_tool("connect", {"prompt": prompt}))["session"]
        written = await client.call_tool("set_fields", {"session": session, "fields": VALUES})
        assert members(written)["applied"] == list(VALUES)


async def chat_by_paste_back(desk: Desk) -> None:
    """Answer the prompt in a chat without network access; the person carries both texts."""
    await _paste_back(desk, await hand_over(desk.page))


async def fetching_chat_by_pickup_and_paste_back(desk: Desk) -> None:
    """Read the form by a fetch of the pickup's address, without a header of its own, and answer in the chat."""
    await _paste_back(desk, await _picked_up(desk))


async def _paste_back(desk: Desk, prompt: str) -> None:
    code = CODE.search(prompt)
    assert code
    block = json.dumps({"code": code[1], "fields": VALUES}, indent=2)
    answer = f"I cannot send requests, so here is my answer:\n\n```handshake\n{block}\n```\n"
    await desk.page.evaluate("(text) => navigator.clipboard.writeText(text)", answer)
    await desk.page.get_by_role("button", name="Paste an answer").click()
    await desk.page.get_by_role("button", name="Apply").click()


async def phone_by_pickup(desk: Desk) -> None:
    """Fetch the prompt by the address that the person's page shows, and write."""
    async with HandshakeAgent.from_prompt(await _picked_up(desk)) as agent:
        assert (await agent.action(VALUES))["applied"] == list(VALUES)


async def _picked_up(desk: Desk) -> str:
    await desk.page.get_by_role("button", name="For an agent elsewhere").click()
    url = await desk.page.locator("handshake-prompt code").inner_text()
    response = await desk.http.get(url)
    assert response.status_code == 200, response.text
    await expect(desk.page.get_by_text("The code was picked up.")).to_be_visible()
    return response.text


async def webmcp_of_the_browser(desk: Desk) -> None:
    """Call the tools that the tag has registered with Chromium itself."""
    await hand_over(desk.page)
    _is_written(await desk.page.webmcp.call_tool("set_fields", {"fields": VALUES}))


async def webmcp_as_specified(desk: Desk) -> None:
    """Call the tools that the tag has registered with a stub of the API as it is specified."""
    await desk.page.evaluate(STUB)
    await hand_over(desk.page)
    _is_written(await desk.page.evaluate(CALL_STUB, ["set_fields", {"fields": dict(VALUES)}]))


def _is_written(result: Any) -> None:
    (content,) = result["content"]
    assert json.loads(content["text"])["applied"] == list(VALUES)


WAYS: tuple[Way, ...] = (
    shell_with_curl,
    command,
    python_client,
    published_client,
    mcp_stdio,
    mcp_of_2026,
    mcp_of_2025,
    chat_by_paste_back,
    fetching_chat_by_pickup_and_paste_back,
    phone_by_pickup,
    webmcp_of_the_browser,
    webmcp_as_specified,
)
