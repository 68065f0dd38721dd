"""Pages in a real Chromium with the client at hand, and their server; `faults` breaks what a test is about."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import httpx
from playwright.async_api import Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Route

from handshake_prompt import HandshakeApp, Limits
from tests.page.faults import FailingStore, Faults, Line
from tests.support.peer import PATIENCE, Peer
from tests.support.serving import serving

BLANK = '<!doctype html><meta charset="utf-8"><title>Blank</title><link rel="icon" href="data:,"><input id="other">'
LIMITS = Limits(creates_per_address=10_000, replay_events=20, drain_spread=0.3, keepalive=10)
SETTINGS = {
    "mode": "form-fill",
    "schema": [
        {"key": "a", "type": "string", "required": True},
        {"key": "b", "type": "string"},
        {"key": "c", "type": "string"},
        {"key": "fixed", "type": "string", "readOnly": True},
    ],
    "context": {"a": "A"},
    "defaults": {"fixed": "F"},
}
KEEPALIVE = LIMITS.keepalive * 1000
"""Milliseconds of the page's time; in a test's time no heartbeat comes."""
LONG = "x" * 25_000
"""A value that the server takes and a frame had better not carry."""

IMPORT = """
async (url) => {
  globalThis.client = await import(url);
  globalThis.underway = 0; // requests without an answer, and sockets that are being opened
  const real = fetch;
  globalThis.fetch = async (...given) => {
    underway += 1;
    try {
      const reply = await real(...given);
      await reply.clone().text();
      return reply;
    } finally {
      underway -= 1;
    }
  };
  const sockets = new Set();
  const refOf = (text) => /"ref":("[^"]*"|\\d+)/.exec(text)?.[1];
  WebSocket = class extends WebSocket {
    asked = new Set(["opening"]);
    constructor(...given) {
      super(...given);
      sockets.add(this);
      underway += 1;
      const found = new Promise((resolve) => {
        for (const name of ["open", "error"]) this.addEventListener(name, resolve);
      });
      found.then(() => { underway -= 1; });
      this.addEventListener("message", ({ data }) => {
        for (const answered of ["opening", refOf(data)]) this.asked.delete(answered);
      });
      this.addEventListener("close", () => sockets.delete(this));
    }
    send(text) {
      if (refOf(text)) this.asked.add(refOf(text));
      super.send(text);
    }
    close(...given) {
      sockets.delete(this);
      super.close(...given);
    }
  };
  globalThis.unanswered = () => [...sockets].flatMap(({ asked }) => [...asked]).length; // over sockets that are open
  globalThis.luck = [];
  Math.random = () => luck.shift() ?? 0;
  globalThis.record = (session) => {
    globalThis.session = session;
    globalThis.seen = [];
    const frames = "connected action edit done extended rotated agent ack error expiring expired revoked submitted " +
      "draining pickedUp pickupRefused rowAdded rowRemoved rowMoved rowReleased problem problems schema " +
      "asked answered withdrawn lapsed";
    for (const name of ["field", "rows", "trouble", "requests", "prompt", "state", "frame", ...frames.split(" ")]) {
      session.addEventListener(name, ({ detail }) => seen.push({ name, detail }));
    }
    return session;
  };
}
"""
CREATE = "async (settings) => { record(await client.HandshakeSession.create(settings)); }"
RESUME = "([saved, settings]) => { record(client.HandshakeSession.resume(saved, settings)).connect(); }"
SHOW = """
(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}
"""
TAP = """
() => {
  globalThis.heard = globalThis.said = 0;
  WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      globalThis.first ??= this;
      globalThis.last = this;
      this.addEventListener("message", () => { heard += 1; });
    }
    send(text) {
      said += 1;
      super.send(text);
    }
  };
}
"""
CREATED = """
({ sessionId: session.id, token: session.token,
   ...Object.fromEntries(Object.entries(session.urls).map(([name, url]) => [`${name}Url`, url])) })
"""


class Site(NamedTuple):
    """A served `HandshakeApp` with a blank page at its root, behind `faults`."""

    url: str
    hpp: HandshakeApp
    store: FailingStore
    faults: Faults


@asynccontextmanager
async def site(
    limits: Limits = LIMITS,
    *,
    clock: Callable[[], float] = time.monotonic,
    allowed_origins: Collection[str] = (),
    routes: Sequence[BaseRoute] = (),
) -> AsyncIterator[Site]:
    store = FailingStore(limits, clock=clock)
    hpp = HandshakeApp(store=store, limits=limits, allowed_origins=allowed_origins)
    host = blank(*routes)
    hpp.mount_on(host)
    faults = Faults(host)
    async with serving(faults) as url:
        yield Site(url, hpp, store, faults)


def blank(*routes: BaseRoute) -> Starlette:
    """Return an application with a blank page at its root, unless the routes have another."""

    async def page(_: Request) -> HTMLResponse:
        return HTMLResponse(BLANK)

    return Starlette(routes=[*routes, Route("/", page)])


@dataclass
class Tab:
    """A page with the module at hand as `client`, and its session, once there is one, as `session`."""

    page: Page
    http: httpx.AsyncClient
    faults: Faults
    """Those of the site that tests share."""

    async def visit(self, url: str, module: str = "/handshake/client.js") -> None:
        await self.page.goto(url)
        await self.page.evaluate(IMPORT, module)

    async def create(self, **settings: Any) -> None:
        await self.page.evaluate(CREATE, SETTINGS | settings)

    async def open(self, **settings: Any) -> None:
        """Create a session and connect to it."""
        await self.create(**settings)
        await self.connect()

    async def connect(self) -> None:
        await self.do("session.connect()")
        await self.comes_to("open")

    async def do(self, expression: str, argument: Any = None) -> Any:
        return await self.page.evaluate(expression, argument)

    async def until(self, expression: str, argument: Any = None) -> None:
        await self.page.wait_for_function(expression, arg=argument, timeout=PATIENCE * 1000)

    async def comes_to(self, state: str) -> None:
        await self.until("(state) => session.state === state", state)

    async def state(self) -> str:
        return str(await self.do("session.state"))

    async def edit(self, key: str, value: Any) -> bool:
        return bool(await self.do("([key, value]) => session.edit(key, value)", [key, value]))

    async def settle(self) -> bool:
        async with asyncio.timeout(PATIENCE):
            return bool(await self.do("session.settled()"))

    async def field(self, key: str) -> Any:
        return await self.do("(key) => session.fields.get(key)", key)

    async def shows(self, key: str, value: Any) -> None:
        await self.until("([key, value]) => session.fields.get(key)?.value === value", [key, value])

    async def seen(self, *names: str) -> list[dict[str, Any]]:
        """Return the details of the events of some names so far, in their order."""
        script = "(names) => seen.filter(({ name }) => names.includes(name)).map(({ detail }) => detail)"
        details: list[dict[str, Any]] = await self.do(script, names)
        return details

    async def hears(self, name: str, times: int = 1) -> list[dict[str, Any]]:
        """Wait for an event and return the details of all of its name."""
        script = "([wanted, times]) => seen.filter(({ name }) => name === wanted).length >= times"
        await self.until(script, [name, times])
        return await self.seen(name)

    async def last_state(self) -> tuple[str, bool, int | None]:
        """Return the last state that was told: its name, whether it is final, the close code."""
        last = (await self.seen("state"))[-1]
        return last["state"], last["final"], last["code"]

    async def states(self) -> list[str]:
        return [detail["state"] for detail in await self.seen("state")]

    async def has_luck(self, *luck: float) -> None:
        """Let chance have the given outcomes, and 0 ever after."""
        await self.do("(outcomes) => { luck.push(...outcomes) }", luck)

    async def turn(self, milliseconds: float) -> None:
        await self.page.clock.run_for(int(milliseconds))

    async def turn_until(self, expression: str) -> float:
        """Turn time on in small steps until something holds; return how much it took, in milliseconds.

        No time goes by while the server has something to answer, and a line to do so: how long it takes is the
        machine's business.
        """
        start = await self.do("Date.now()")
        async with asyncio.timeout(PATIENCE):
            while not await self.do(expression):
                waits = "underway + unanswered()" if self.faults.is_sound else "underway"
                await (asyncio.sleep(0.005) if await self.do(waits) else self.turn(50))
        return float(await self.do("Date.now()") - start)

    async def reconnects_after(self, milliseconds: float) -> None:
        """Check that a page that is waiting tries again then, and not a millisecond before."""
        tries = (await self.states()).count("connecting")
        await self.turn(milliseconds - 1)
        assert (await self.states()).count("connecting") == tries
        await self.turn(1)
        assert (await self.states()).count("connecting") == tries + 1

    async def loses(self, line: Line, code: int = 1012) -> None:
        """Wait until the page has noticed that a connection was closed by the server, or on the way."""
        await line.drop(code)
        await self.comes_to("waiting")

    async def reconnects(self) -> None:
        """Let a page that is waiting, with no bad luck, connect again."""
        await self.turn(1)
        await self.comes_to("open")

    async def says(self, frame: dict[str, Any]) -> None:
        """Have the page receive a frame as if the server had sent it. `TAP` has to be there."""
        await self.do(
            "(data) => { last.dispatchEvent(new MessageEvent('message', { data: JSON.stringify(data) })) }", frame
        )

    async def peer(self) -> Peer:
        """Return the session's agent, and its person at another device."""
        created = await self.do(CREATED)
        created["wsUrl"] = created["wsUrl"].replace("http", "ws", 1)
        cookies = await self.page.context.cookies()
        cookie = next(c for c in cookies if c.get("name") == f"hpp_{created['sessionId']}")
        return Peer("", created, f"{cookie.get('name')}={cookie.get('value')}", self.http)


async def holds(page: Page, expression: str) -> None:
    """Wait until something holds in a page. It is asked from outside: a page's policy may keep it from evaluating."""
    async with asyncio.timeout(PATIENCE):
        while not await page.evaluate(expression):
            await asyncio.sleep(0.01)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


def sent(line: Line) -> list[tuple[str, str, Any]]:
    """What a page has sent over a line, without the marks it put on it."""
    return [(frame["type"], frame["key"], frame.get("value")) for frame in line.sent]
