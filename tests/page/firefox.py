"""Firefox by its own WebDriver BiDi (W3C), which needs no driver beside it: just what a test of a page asks for."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.support.peer import PATIENCE

STARTING = 60
"""Seconds a browser may take to start on a busy machine."""
LISTENING = b"WebDriver BiDi listening on "
CENTRE = """
({expression}).then((element) => {{
  element.scrollIntoView({{ block: "center" }});
  const {{ x, y, width, height }} = element.getBoundingClientRect();
  return [Math.round(x + width / 2), Math.round(y + height / 2)];
}})
"""
ENTER = "\ue007"


@contextlib.asynccontextmanager
async def firefox(path: str, profile: Path) -> AsyncIterator[FirefoxPage]:
    """Start a browser with a new profile, and end it."""
    process = await asyncio.create_subprocess_exec(
        *(path, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(STARTING):
            url = await _listening_at(process)
            async with connect(f"{url}/session", max_size=None) as socket:
                page = FirefoxPage(socket)
                await page.send("session.new", capabilities={})
                await page.attend()
                yield page
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _listening_at(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async for line in process.stderr:
        if line.startswith(LISTENING):
            return line.removeprefix(LISTENING).decode().strip()
    raise RuntimeError("Firefox has ended without listening")


class FirefoxPage:
    """The browser's first tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._tab = ""

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Carry out a command and return its result.

        Raises:
            RuntimeError: the browser could not.
        """
        number = next(self._ids)
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(await self._socket.recv())
            if message.get("id") != number:
                continue
            if message["type"] == "error":
                raise RuntimeError(f"{message['error']}: {message['message']}")
            result: dict[str, Any] = message["result"]
            return result

    async def attend(self) -> None:
        self._tab = (await self.send("browsingContext.getTree"))["contexts"][0]["context"]

    async def visit(self, url: str) -> None:
        await self.send("browsingContext.navigate", context=self._tab, url=url, wait="complete")

    async def do(self, expression: str) -> Any:
        """Return what an expression comes to, once it has if it is a promise.

        Raises:
            RuntimeError: it throws.
        """
        text = f"Promise.resolve({expression}).then((value) => JSON.stringify(value) ?? 'null')"
        target = {"context": self._tab}
        reply = await self.send("script.evaluate", expression=text, target=target, awaitPromise=True)
        if reply["type"] == "exception":
            raise RuntimeError(reply["exceptionDetails"]["text"])
        return json.loads(reply["result"]["value"])

    async def until(self, expression: str) -> None:
        """Wait for something to hold."""
        async with asyncio.timeout(PATIENCE):
            while not await self.do(expression):
                await asyncio.sleep(0.02)

    async def click(self, expression: str) -> None:
        """Press the mouse on the element that an expression comes to, once there is one."""
        await self.until(f"Boolean({expression})")
        x, y = await self.do(CENTRE.format(expression=f"Promise.resolve({expression})"))
        move = {"type": "pointerMove", "x": x, "y": y}
        press = [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        await self._act({"type": "pointer", "id": "mouse", "actions": [move, *press]})

    async def type(self, text: str) -> None:
        """Press a key for each letter."""
        keys = [{"type": kind, "value": letter} for letter in text for kind in ("keyDown", "keyUp")]
        await self._act({"type": "key", "id": "keyboard", "actions": keys})

    async def _act(self, source: dict[str, Any]) -> None:
        await self.send("input.performActions", context=self._tab, actions=[source])
