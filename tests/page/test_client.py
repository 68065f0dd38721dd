"""The page's module in a real Chromium, against a real server; `faults` breaks only what a test is about."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from handshake_prompt import HandshakeApp, Limits, parse_prompt
from tests.page.faults import FailingStore, Faults, Line
from tests.support.clock import ManualClock
from tests.support.peer import PATIENCE, Peer
from tests.support.serving import serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

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
  globalThis.luck = [];
  Math.random = () => luck.shift() ?? 0;
  globalThis.record = (session) => {
    globalThis.session = session;
    globalThis.seen = [];
    const names = "field state connected action edit done extended rotated ack error expiring expired revoked draining";
    for (const name of names.split(" ")) {
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
    limits: Limits = LIMITS, *, clock: Callable[[], float] = time.monotonic, allowed_origins: Collection[str] = ()
) -> AsyncIterator[Site]:
    store = FailingStore(limits, clock=clock)
    hpp = HandshakeApp(store=store, limits=limits, allowed_origins=allowed_origins)
    host = blank()
    hpp.mount_on(host)
    faults = Faults(host)
    async with serving(faults) as url:
        yield Site(url, hpp, store, faults)


def blank() -> Starlette:
    async def page(_: Request) -> HTMLResponse:
        return HTMLResponse(BLANK)

    return Starlette(routes=[Route("/", page)])


@dataclass
class Tab:
    """A page with the module at hand as `client`, and its session, once there is one, as `session`."""

    page: Page
    http: httpx.AsyncClient

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

    async def states(self) -> list[str]:
        return [detail["state"] for detail in await self.seen("state")]

    async def has_luck(self, *luck: float) -> None:
        """Let chance have the given outcomes, and 0 ever after."""
        await self.do("(outcomes) => { luck.push(...outcomes) }", luck)

    async def turn(self, milliseconds: float) -> None:
        await self.page.clock.run_for(int(milliseconds))

    async def turn_until(self, expression: str) -> float:
        """Turn time on in small steps until something holds; return how much it took, in milliseconds."""
        start = await self.do("Date.now()")
        async with asyncio.timeout(PATIENCE):
            while not await self.do(expression):
                await self.turn(50)
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

    async def peer(self) -> Peer:
        """Return the session's agent, and its person at another device."""
        created = await self.do(CREATED)
        cookies = await self.page.context.cookies()
        cookie = next(c for c in cookies if c.get("name") == f"hpp_{created['sessionId']}")
        return Peer("", created, f"{cookie.get('name')}={cookie.get('value')}", self.http)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared() -> AsyncIterator[Site]:
    async with site() as served:
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        yield http


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def still(browser: Browser) -> AsyncIterator[Page]:
    """A page whose time passes only when it is turned on; making one takes longer than a test."""
    context = await browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = await context.new_page()
    await page.clock.install(time=0)
    await page.clock.pause_at(1)
    yield page
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def tab(shared: Site, still: Page, http: httpx.AsyncClient) -> AsyncIterator[Tab]:
    """The still page, anew; an exception that nothing caught in it fails the test."""
    uncaught: list[str] = []

    def note(error: Exception) -> None:
        uncaught.append(str(error))

    still.on("pageerror", note)
    tab = Tab(still, http)
    await tab.visit(shared.url)
    shared.faults.reset()
    shared.store.failures = 0
    yield tab
    still.remove_listener("pageerror", note)
    shared.faults.gate.set()
    await still.context.set_offline(offline=False)
    assert uncaught == []


@pytest.fixture
def faults(shared: Site) -> Faults:
    return shared.faults


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


def sent(line: Line) -> list[tuple[str, str, Any]]:
    """What a page has sent over a line, without the marks it put on it."""
    return [(frame["type"], frame["key"], frame.get("value")) for frame in line.sent]


# A session from its creation on


async def test_a_page_creates_a_session_connects_and_watches_the_agent(tab: Tab) -> None:
    await tab.open()
    peer = await tab.peer()
    assert await tab.states() == ["connecting", "open"]
    (connected,) = await tab.seen("connected")
    assert (connected["recovered"], connected["role"]) == (False, "user")
    assert await tab.do("Object.fromEntries(session.fields)") == (await peer.context(role="user"))["context"]
    assert [(await tab.field(key))["by"] for key in ("a", "fixed")] == ["user", "default"]

    await peer.act({"a": "not yours", "b": "agent's"})
    (done,) = await tab.hears("done")
    assert (done["applied"], done["rejected"]) == (1, ["a"])
    (arrived,) = [detail for detail in await tab.seen("field") if detail["cause"] == "action"]
    assert (arrived["key"], arrived["record"]) == ("b", (await peer.context(role="user"))["context"]["b"])
    assert (await tab.field("b"))["by"] == "ai"


async def test_the_prompt_is_the_agents_way_in(tab: Tab) -> None:
    await tab.create()
    handed = parse_prompt(await tab.do("session.prompt"))
    assert (handed.session_id, handed.token) == (await tab.do("session.id"), await tab.do("session.token"))


async def test_the_agents_token_is_in_nothing_that_the_page_keeps_or_sends(tab: Tab, faults: Faults) -> None:
    await tab.open()
    token = await tab.do("session.token")
    await tab.edit("b", "by the socket")
    await tab.settle()
    await tab.do("session.extend(60)")
    await tab.loses(faults.line)
    await tab.reconnects()
    await tab.do("session.close()")
    await tab.edit("b", "by POST")
    await tab.settle()

    kept = await tab.do("JSON.stringify([session.saved, { ...sessionStorage }, { ...localStorage }, document.cookie])")
    handshakes = [line.handshake for line in faults.lines]
    assert len(handshakes) == 2
    assert [handshake.scope["subprotocols"] for handshake in handshakes] == [["hpp.v1"]] * 2
    said = [f"{each.url} {each.headers}" for each in [*handshakes, *faults.requests]]
    assert [text for text in [kept, *said] if token in text] == []


async def test_a_page_takes_a_session_up_again_from_what_was_saved(tab: Tab, faults: Faults, shared: Site) -> None:
    await tab.open()
    await tab.edit("b", "typed before")
    await tab.settle()
    old, saved = await tab.peer(), await tab.do("JSON.parse(JSON.stringify(session.saved))")
    await tab.visit(shared.url)
    await tab.do(RESUME, [saved, {}])
    await tab.comes_to("open")

    assert faults.line.after is None
    assert await tab.do("Object.fromEntries(session.fields)") == (await old.context(role="user"))["context"]
    assert await tab.do("[session.prompt, session.token, session.mode]") == [None, None, "form-fill"]
    assert await tab.do("session.copyPrompt()") is False
    prompt = await tab.do("session.rotate()")
    assert parse_prompt(prompt).token == await tab.do("session.token") != old.token
    assert (await old.agent("GET", "context")).status_code == 403


@pytest.mark.parametrize("base", ["/handshake", "/handshake/", "./handshake"])
async def test_the_server_may_be_named_with_or_without_a_slash_at_the_end(tab: Tab, base: str) -> None:
    await tab.open(base=base)
    assert await tab.do("new URL(session.urls.context).pathname.startsWith('/handshake/context/')")


async def test_the_hosts_own_headers_go_with_every_request(tab: Tab, faults: Faults) -> None:
    await tab.create(fetch={"headers": {"X-Host": "1"}})
    await tab.edit("b", "x")
    await tab.settle()
    await tab.do("session.context()")
    assert [request.headers.get("x-host") for request in faults.requests] == ["1"] * 3


async def test_a_refusal_is_an_error_with_the_servers_code(tab: Tab) -> None:
    refused = await tab.do(
        """client.HandshakeSession.create({ mode: "unheard of", schema: [{ key: "a" }] }).catch(
            (error) => [error instanceof client.HandshakeError, error.status, error.code, error.retryable])"""
    )
    assert refused == [True, 400, "unknown_mode", False]


async def test_more_time_is_known_to_the_page_and_told_to_it(tab: Tab) -> None:
    await tab.open()
    assert 1790 < await tab.do("session.expiresIn") <= 1800
    assert 2390 < await tab.do("session.extend(600)") <= 2400
    assert 2390 < (await tab.hears("extended"))[0]["expiresIn"] <= 2400
    assert 2390 < await tab.do("session.expiresIn") <= 2400


async def test_a_new_token_locks_the_old_one_out_and_leaves_the_page_connected(tab: Tab) -> None:
    await tab.open()
    old = await tab.peer()
    prompt = await tab.do("session.rotate()")
    await tab.hears("rotated")
    assert parse_prompt(prompt).token == await tab.do("session.token")
    assert prompt == await tab.do("session.prompt")
    assert (await old.agent("GET", "context")).status_code == 403
    await (await tab.peer()).act({"b": "by the new one"})
    await tab.shows("b", "by the new one")
    assert await tab.states() == ["connecting", "open"]


@pytest.mark.parametrize("connected", [True, False], ids=["with a socket", "without one"])
async def test_revoking_ends_the_session_for_page_and_agent_and_is_told_once(tab: Tab, *, connected: bool) -> None:
    await tab.create()
    if connected:
        await tab.connect()
    peer = await tab.peer()
    await tab.do("session.revoke()")
    await tab.hears("revoked")
    final = [(detail["state"], detail["code"]) for detail in await tab.seen("state") if detail["final"]]
    assert (len(await tab.seen("revoked")), final) == (1, [("closed", 4410)])
    assert await tab.edit("b", "too late") is False
    assert (await peer.agent("GET", "context")).json()["code"] == "session_revoked"


async def test_a_session_whose_time_is_over_says_so_and_is_not_tried_again(tab: Tab) -> None:
    clock = ManualClock()
    async with site(Limits(keepalive=0.1), clock=clock) as served:
        await tab.visit(served.url)
        await tab.open()
        clock.advance(1750)
        (expiring,) = await tab.hears("expiring")
        assert expiring["expiresIn"] == await tab.do("session.expiresIn") == 50
        clock.advance(50)
        await tab.hears("expired")
    assert (await tab.seen("state"))[-1] == {"state": "closed", "final": True, "code": 4410}


# The connection


async def test_a_page_resumes_where_it_was_and_misses_nothing(tab: Tab, faults: Faults) -> None:
    await tab.has_luck(0.5)
    await tab.open()
    peer = await tab.peer()
    await peer.act({"b": "first"})
    (done,) = await tab.hears("done")
    await tab.loses(faults.line)

    await peer.act({"b": "second", "c": "third"})
    await peer.edit("a", "from another device")
    await peer.agent("POST", "extend", {"extraSeconds": 60})
    await tab.turn(250)
    await tab.hears("extended")

    assert faults.line.after == done["cursor"]
    assert [frame["recovered"] for frame in await tab.seen("connected")] == [False, True]
    logged = await tab.seen("action", "edit", "done", "extended")
    assert [frame["seq"] for frame in logged] == list(range(1, 8))
    assert await tab.do("Object.fromEntries(session.fields)") == (await peer.context(role="user"))["context"]


async def test_a_page_that_missed_too_much_starts_anew_from_a_snapshot(tab: Tab, faults: Faults) -> None:
    await tab.open(mode="default", schema=None, defaults=None, context={"k0": "old"})
    peer = await tab.peer()
    await tab.loses(faults.line)
    await peer.act({f"k{number}": number for number in range(LIMITS.replay_events + 1)})
    await tab.turn(1)
    await tab.hears("connected", 2)

    assert [frame["recovered"] for frame in await tab.seen("connected")] == [False, False]
    assert await tab.seen("action") == []
    assert await tab.do("Object.fromEntries(session.fields)") == (await peer.context(role="user"))["context"]
    await peer.act({"k0": "live"})
    await tab.shows("k0", "live")


async def test_a_close_that_is_no_verdict_is_followed_by_a_new_connection(tab: Tab, faults: Faults) -> None:
    await tab.open()
    for code in (1000, 1001, 1011, 1012, 4399, 4500, 4503, 4508, 4599):
        await tab.loses(faults.line, code)
        assert (await tab.seen("state"))[-1] == {"state": "waiting", "final": False, "code": code}
        await tab.reconnects()


@pytest.mark.parametrize("code", [4400, 4401, 4403, 4404, 4410, 4413, 4429, 4499])
async def test_a_verdict_is_final(tab: Tab, faults: Faults, code: int) -> None:
    await tab.open()
    await faults.line.drop(code)
    await tab.comes_to("closed")
    assert (await tab.seen("state"))[-1] == {"state": "closed", "final": True, "code": code}

    await tab.turn(120_000)
    await tab.do("window.dispatchEvent(new Event('online'))")
    await tab.do("session.connect()")
    assert (await tab.state(), len(faults.lines)) == ("closed", 1)
    assert await tab.edit("b", "too late") is False
    assert await tab.settle() is True


async def test_a_page_that_has_lost_its_cookie_is_told_once(tab: Tab, faults: Faults) -> None:
    await tab.open()
    await tab.page.context.clear_cookies()
    await tab.loses(faults.line)
    await tab.turn(1)
    await tab.comes_to("closed")
    assert (await tab.seen("state"))[-1] == {"state": "closed", "final": True, "code": 4401}
    assert [error["code"] for error in await tab.seen("error")] == ["invalid_token"]


async def test_back_off_doubles_up_to_half_a_minute_and_chance_takes_a_part_of_it(tab: Tab, faults: Faults) -> None:
    await tab.has_luck(0.5, 0.75, 0.25, 0.5, 0.75, 0.5, 0.5, 0.75)
    await tab.open()
    faults.refusing = True
    await faults.line.drop(1011)
    for delay in (250, 750, 500, 2_000, 6_000, 8_000, 15_000, 22_500):
        await tab.comes_to("waiting")
        await tab.reconnects_after(delay)


async def test_only_a_connection_that_held_starts_back_off_anew(tab: Tab, faults: Faults) -> None:
    await tab.has_luck(0.5, 0.5, 0.5, 0.5)
    await tab.open()
    for held, delay in [(0, 250), (0, 500), (4_900, 1_000), (5_100, 250)]:
        await tab.turn(held)
        await tab.loses(faults.line)
        await tab.reconnects_after(delay)
        await tab.comes_to("open")


async def test_a_hidden_page_does_not_reconnect_until_it_is_seen(tab: Tab, faults: Faults) -> None:
    await tab.has_luck(0.5)
    await tab.open()
    await tab.do(SHOW, True)
    await tab.loses(faults.line)
    await tab.turn(120_000)
    assert (await tab.state(), len(faults.lines)) == ("waiting", 1)
    await tab.do(SHOW, False)
    await tab.comes_to("open")


async def test_a_page_that_is_seen_again_does_not_wait_for_its_back_off(tab: Tab, faults: Faults) -> None:
    await tab.has_luck(0.5)
    await tab.open()
    await tab.do(SHOW, True)
    await tab.loses(faults.line)
    await tab.do(SHOW, False)
    await tab.comes_to("open")
    await tab.turn(1_000)
    assert (await tab.state(), len(faults.lines)) == ("open", 2)


async def test_a_page_that_is_online_again_does_not_wait_for_its_back_off(tab: Tab, faults: Faults) -> None:
    await tab.has_luck(0.5)
    await tab.open()
    await tab.page.context.set_offline(offline=True)
    await tab.loses(faults.line)
    await tab.page.context.set_offline(offline=False)
    await tab.comes_to("open")
    await tab.turn(1_000)
    assert (await tab.state(), len(faults.lines)) == ("open", 2)


async def test_a_page_that_is_online_and_hidden_waits_to_be_seen(tab: Tab, faults: Faults) -> None:
    await tab.has_luck(0.5)
    await tab.open()
    await tab.do(SHOW, True)
    await tab.loses(faults.line)
    await tab.do("window.dispatchEvent(new Event('online'))")
    assert await tab.state() == "waiting"
    await tab.do(SHOW, False)
    await tab.comes_to("open")


async def test_silence_of_two_and_a_half_keepalives_is_a_dead_connection(tab: Tab, faults: Faults) -> None:
    await tab.has_luck(0.5)
    await tab.open()
    faults.line.hold()
    await tab.turn(2.5 * KEEPALIVE - 1)
    assert await tab.state() == "open"
    await tab.turn(1)
    assert (await tab.seen("state"))[-1] == {"state": "waiting", "final": False, "code": 1006}
    await tab.reconnects_after(250)
    await tab.comes_to("open")


async def test_any_frame_is_a_sign_of_life(tab: Tab, faults: Faults) -> None:
    await tab.open()
    peer = await tab.peer()
    await tab.turn(2.4 * KEEPALIVE)
    await peer.act({"b": "alive"})
    await tab.hears("done")
    await tab.turn(2.4 * KEEPALIVE)
    assert (await tab.state(), len(faults.lines)) == ("open", 1)


async def test_the_servers_heartbeats_keep_a_quiet_connection(tab: Tab) -> None:
    async with site(Limits(keepalive=0.2)) as served:
        await tab.visit(served.url)
        await tab.create()
        await tab.do(TAP)
        await tab.connect()
        for _ in range(3):
            await tab.until("(before) => heard > before", await tab.do("heard"))
            await tab.turn(2.4 * 200)
        assert (await tab.states(), len(served.faults.lines)) == (["connecting", "open"], 1)


async def test_a_server_that_accepts_and_says_nothing_is_given_up_after_ten_seconds(tab: Tab, faults: Faults) -> None:
    await tab.has_luck(0.5)
    await tab.create()
    faults.silent = True
    await tab.do("session.connect()")
    await until(lambda: faults.lines)
    await tab.turn(9_999)
    assert await tab.state() == "connecting"
    await tab.turn(1)
    faults.silent = False
    await tab.reconnects_after(250)
    await tab.comes_to("open")


async def test_what_a_connection_that_was_given_up_still_says_is_not_heard(tab: Tab, faults: Faults) -> None:
    await tab.create()
    await tab.do(TAP)
    await tab.connect()
    await tab.turn(2.5 * KEEPALIVE)
    await tab.reconnects()
    await tab.do("first.dispatchEvent(new MessageEvent('message', { data: JSON.stringify({ type: 'revoked' }) }))")
    assert (await tab.state(), await tab.seen("revoked"), len(faults.lines)) == ("open", [], 2)


async def test_a_server_that_drains_is_left_alone_for_as_long_as_it_asked(
    tab: Tab, shared: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda _, most: most)
    await tab.has_luck(0.5, 0.5)
    await tab.open()
    await shared.hpp.engine.drain()
    shared.hpp.engine.resume()
    await tab.comes_to("waiting")
    assert [detail["afterMs"] for detail in await tab.seen("draining")] == [300]
    await tab.reconnects_after(300 + 250)
    await tab.comes_to("open")
    await tab.loses(shared.faults.line)
    await tab.reconnects_after(500)


async def test_a_page_that_closed_may_connect_again_and_resumes(tab: Tab, faults: Faults) -> None:
    await tab.open()
    peer = await tab.peer()
    await peer.act({"b": "seen"})
    (done,) = await tab.hears("done")
    await tab.do("session.close()")
    assert (await tab.seen("state"))[-1] == {"state": "closed", "final": False, "code": None}
    await peer.act({"b": "missed"})
    await tab.connect()
    await tab.shows("b", "missed")
    assert faults.line.after == done["cursor"]


async def test_a_page_that_leaves_posts_what_was_not_answered(tab: Tab, faults: Faults) -> None:
    await tab.open()
    faults.line.deaf = True
    await tab.edit("b", "last words")
    await tab.do("session.close()")
    assert await tab.settle() is True
    assert (await (await tab.peer()).context())["context"]["b"]["value"] == "last words"
    assert await tab.state() == "closed"


@pytest.mark.parametrize("name", ["field", "state", "connected"])
async def test_a_listener_may_close_the_session(tab: Tab, name: str) -> None:
    await tab.create()
    await tab.do("(name) => { session.addEventListener(name, () => session.close(), { once: true }) }", name)
    await tab.do("session.connect()")
    await tab.comes_to("closed")
    assert await tab.edit("b", "still possible")
    assert await tab.settle() is True


# What the person writes


async def test_an_edit_is_pending_until_it_is_acknowledged(tab: Tab, faults: Faults) -> None:
    await tab.open()
    peer = await tab.peer()
    faults.line.hold("ack")
    assert await tab.edit("b", "typed") is True
    await until(lambda: faults.line.held == ["ack"])
    assert await tab.field("b") == {"value": "typed", "by": "user", "at": None, "rev": 0, "pending": True}
    await faults.line.let_go()
    assert await tab.settle() is True
    assert await tab.field("b") == (await peer.context(role="user"))["context"]["b"]
    assert [detail["cause"] for detail in await tab.seen("field") if detail["key"] == "b"] == ["local", "ack"]


async def test_after_a_reconnect_only_the_newest_value_of_each_field_is_sent_again(tab: Tab, faults: Faults) -> None:
    await tab.open()
    faults.line.deaf = True
    for key, value in [("b", "1"), ("a", "X"), ("b", "2"), ("b", "3")]:
        await tab.edit(key, value)
    await tab.do("session.release('b')")
    await until(lambda: len(faults.line.sent) == 5)
    await tab.page.context.set_offline(offline=True)
    await tab.loses(faults.line)
    await tab.page.context.set_offline(offline=False)
    await tab.turn_until("session.state === 'open' && ![...session.fields.values()].some(({ pending }) => pending)")
    by_key = {key: [(kind, value) for kind, of, value in sent(faults.line) if of == key] for key in "ab"}
    assert by_key == {"a": [("userEdit", "X")], "b": [("userEdit", "3"), ("release", None)]}
    changes = (await (await tab.peer()).user("GET", "diff")).json()["changes"]
    assert [(change["to"], change["by"]) for change in changes if change["key"] == "b"] == [
        ("3", "user"),
        ("3", "default"),
    ]


async def test_while_there_is_no_connection_the_newest_value_goes_by_post_at_once(tab: Tab, faults: Faults) -> None:
    await tab.open()
    faults.line.deaf = True
    for value in ("1", "2", "3"):
        await tab.edit("b", value)
    await until(lambda: len(faults.line.sent) == 3)
    await tab.loses(faults.line)
    assert await tab.settle() is True
    await tab.reconnects()
    assert (faults.notified, sent(faults.line)) == (1, [])
    changes = (await (await tab.peer()).user("GET", "diff")).json()["changes"]
    assert [change["to"] for change in changes] == ["3"]


async def test_edits_made_while_connecting_go_out_once_with_the_newest_value(tab: Tab, faults: Faults) -> None:
    await tab.create()
    await tab.do("session.connect(); for (const value of ['1', '2', '3']) session.edit('b', value)")
    assert await tab.settle() is True
    assert (sent(faults.line), faults.notified) == ([("userEdit", "b", "3")], 0)


async def test_a_release_does_not_lose_the_edit_before_it(tab: Tab, faults: Faults) -> None:
    await tab.create()
    await tab.do("session.connect(); session.edit('b', '1'); session.edit('b', '2'); session.release('b')")
    assert await tab.settle() is True
    assert sent(faults.line) == [("userEdit", "b", "2"), ("release", "b", None)]
    expected = [("1", "user"), ("2", "user"), ("2", "default")]
    local = [detail["record"] for detail in await tab.seen("field") if detail["cause"] == "local"]
    assert [(record["value"], record["by"]) for record in local] == expected
    stored = (await (await tab.peer()).context(role="user"))["context"]["b"]
    assert (stored["value"], stored["by"]) == ("2", "default")


async def test_an_older_value_never_replaces_a_newer_one(tab: Tab, faults: Faults) -> None:
    await tab.open()
    peer = await tab.peer()
    faults.line.hold()
    await peer.act({"b": "old"})
    cursor = (await peer.act({"b": "new"}))["cursor"]
    await faults.line.let_go(backwards=True)
    await tab.hears("action", 2)
    assert [event["value"] for event in await tab.seen("action")] == ["new", "old"]
    shown = [detail["record"]["value"] for detail in await tab.seen("field") if detail["cause"] == "action"]
    assert shown == ["new"]
    await tab.loses(faults.line)
    await tab.reconnects()
    assert faults.line.after == cursor


async def test_an_acknowledgement_that_overtakes_the_log_loses_nothing_of_it(tab: Tab, faults: Faults) -> None:
    await tab.open()
    peer = await tab.peer()
    faults.line.hold("action", "done")
    await peer.act({"b": "agent's", "c": "agent's"})
    await tab.edit("b", "mine")
    await tab.settle()
    await tab.loses(faults.line)
    await tab.turn(1)
    await tab.shows("c", "agent's")
    assert [frame["recovered"] for frame in await tab.seen("connected")] == [False, True]
    record = await tab.field("b")
    assert (record["value"], record["by"]) == ("mine", "user_edit")
    shown = [detail["record"]["value"] for detail in await tab.seen("field") if detail["key"] == "b"]
    assert "agent's" not in shown


async def test_a_release_that_overtakes_the_value_it_released_still_decides_whose_it_is(
    tab: Tab, faults: Faults
) -> None:
    await tab.open()
    peer = await tab.peer()
    faults.line.hold("edit")
    await peer.edit("b", "from another device")
    await tab.do("session.release('b')")
    await tab.settle()
    await faults.line.let_go()
    await tab.shows("b", "from another device")
    assert (await tab.field("b"))["by"] == "default"


async def test_what_is_being_sent_wins_over_what_arrives(tab: Tab, faults: Faults) -> None:
    await tab.open()
    peer = await tab.peer()
    faults.line.deaf = True
    await tab.edit("b", "typing")
    await peer.act({"b": "agent's"})
    await tab.hears("action")
    record = await tab.field("b")
    assert (record["value"], record["by"], record["pending"]) == ("typing", "user_edit", True)


@pytest.mark.parametrize("connected", [True, False], ids=["over the socket", "by POST"])
@pytest.mark.parametrize(
    ("key", "code", "left"),
    [
        pytest.param("fixed", "read_only", ("F", "default"), id="a field nobody may write"),
        pytest.param("nope", "unknown_field", (None, "empty"), id="a field that is none"),
    ],
)
async def test_a_refused_edit_is_taken_back(
    tab: Tab, key: str, code: str, left: tuple[str | None, str], *, connected: bool
) -> None:
    await tab.open()
    if not connected:
        await tab.do("session.close()")
    await tab.edit(key, "mine")
    assert await tab.settle() is True
    shown = [detail["record"]["value"] for detail in await tab.seen("field") if detail["key"] == key]
    assert shown[-2:] == ["mine", left[0]]
    assert [(error["key"], error["code"]) for error in await tab.seen("error")] == [(key, code)]
    record = await tab.field(key)
    assert (record["value"], record["by"], "pending" in record) == (*left, False)


async def test_a_released_field_is_the_agents_to_write_until_the_person_edits_it(tab: Tab) -> None:
    await tab.open()
    peer = await tab.peer()
    assert (await peer.act({"a": "agent's"}))["rejected"] == ["a"]
    assert await tab.do("session.release('a')") is True
    await tab.settle()
    local, acknowledged = [detail["record"] for detail in await tab.seen("field") if detail["cause"] != "snapshot"]
    assert (local["value"], local["by"], local["pending"]) == ("A", "default", True)
    assert (acknowledged["value"], acknowledged["by"], "pending" in acknowledged) == ("A", "default", False)
    assert (await peer.act({"a": "agent's"}))["applied"] == ["a"]
    await tab.shows("a", "agent's")
    await tab.edit("a", "mine")
    await tab.settle()
    record = await tab.field("a")
    assert record == (await peer.context(role="user"))["context"]["a"]
    assert (record["value"], record["by"]) == ("mine", "user_edit")


async def test_without_a_socket_edits_and_releases_are_posted(tab: Tab, faults: Faults) -> None:
    await tab.create()
    await tab.do("session.edit('b', 'x'); session.edit('c', 'y'); session.release('c')")
    assert await tab.settle() is True
    context = (await (await tab.peer()).context(role="user"))["context"]
    assert {key: (context[key]["value"], context[key]["by"]) for key in "bc"} == {
        "b": ("x", "user"),
        "c": ("y", "default"),
    }
    assert (len(faults.lines), faults.notified) == (0, 3)
    assert [(await tab.field(key))["by"] for key in "bc"] == ["user", "default"]


async def test_what_was_posted_while_waiting_is_not_sent_again(tab: Tab, faults: Faults) -> None:
    await tab.open()
    await tab.loses(faults.line)
    await tab.edit("b", "posted")
    assert await tab.settle() is True
    await tab.turn(1)
    await tab.comes_to("open")
    await tab.edit("c", "sent")
    assert await tab.settle() is True
    assert (faults.notified, sent(faults.line)) == (1, [("userEdit", "c", "sent")])


async def test_a_field_uses_one_way_to_the_server_at_a_time(tab: Tab, faults: Faults) -> None:
    await tab.create()
    faults.gate.clear()
    await tab.edit("b", "1")
    await until(lambda: faults.notified)
    await tab.connect()
    await tab.edit("b", "2")
    await tab.edit("c", "x")
    await tab.hears("ack")
    assert sent(faults.line) == [("userEdit", "c", "x")]
    faults.gate.set()
    assert await tab.settle() is True
    assert sent(faults.line)[1:] == [("userEdit", "b", "2")]
    assert (await (await tab.peer()).context())["context"]["b"]["value"] == "2"


async def test_a_long_value_goes_by_post_although_there_is_a_socket(tab: Tab, faults: Faults) -> None:
    await tab.open()
    await tab.edit("b", LONG)
    assert await tab.settle() is True
    assert (faults.notified, sent(faults.line)) == (1, [])
    assert (await (await tab.peer()).context())["context"]["b"]["value"] == LONG


async def test_a_post_that_is_refused_for_now_is_tried_again_and_the_value_never_flickers(
    tab: Tab, shared: Site
) -> None:
    await tab.create()
    shared.store.failures = 2
    await tab.edit("b", "kept")
    assert await tab.turn_until("!session.fields.get('b').pending") >= 1_000
    assert shared.faults.notified == 3
    assert {detail["record"]["value"] for detail in await tab.seen("field")} == {"kept"}
    assert await tab.seen("error") == []


async def test_a_frame_that_is_refused_for_now_is_sent_again_later_each_time(tab: Tab, shared: Site) -> None:
    await tab.has_luck(0.5, 0.5, 0.5, 0.5)
    await tab.create()
    await tab.do(TAP)
    await tab.connect()
    tries = refusals = 0
    for value, delays in [("kept", (750, 1_000, 1_500)), ("after a success", (750,))]:
        shared.store.failures = len(delays)
        await tab.edit("b", value)
        tries += 1
        for delay in delays:
            refusals += 1
            errors = await tab.hears("error", refusals)
            assert (errors[-1]["code"], (await tab.field("b"))["pending"]) == ("store_unavailable", True)
            await tab.turn(delay - 1)
            assert await tab.do("said") == tries
            await tab.turn(1)
            tries += 1
            assert await tab.do("said") == tries
        assert await tab.settle() is True
    assert sent(shared.faults.line) == [("userEdit", "b", "kept")] * 4 + [("userEdit", "b", "after a success")] * 2


async def test_an_edit_made_offline_arrives_later(tab: Tab) -> None:
    await tab.create()
    await tab.page.context.set_offline(offline=True)
    await tab.edit("b", "in a tunnel")
    await tab.turn_until("Date.now() > 5_000")
    assert (await tab.field("b"))["pending"] is True
    await tab.page.context.set_offline(offline=False)
    await tab.turn_until("!session.fields.get('b').pending")
    assert (await (await tab.peer()).context())["context"]["b"]["value"] == "in a tunnel"


async def test_a_post_to_a_session_that_is_gone_ends_it_here_too(tab: Tab) -> None:
    await tab.create()
    await (await tab.peer()).user("DELETE", "session")
    await tab.do("session.edit('b', 'x'); session.edit('c', 'y')")
    assert await tab.settle() is False
    await tab.comes_to("closed")
    assert [detail["final"] for detail in await tab.seen("state")] == [True]
    assert await tab.edit("b", "x") is False


async def test_a_post_that_outlives_the_session_does_not_end_it_twice(tab: Tab, faults: Faults) -> None:
    await tab.create()
    faults.gate.clear()
    await tab.edit("b", "x")
    await until(lambda: faults.notified)
    async with tab.page.expect_response("**/notify/**"):
        await tab.do("session.revoke()")
        faults.gate.set()
    await tab.do("session.info().catch(() => {})")
    assert [detail["final"] for detail in await tab.seen("state")] == [True]


async def test_an_edit_is_the_value_as_it_was_when_it_was_made(tab: Tab) -> None:
    await tab.open()
    await tab.do(
        """() => {
          const list = ["one"];
          session.edit("b", list);
          list.push("two");
          session.edit("c", undefined);
        }"""
    )
    assert (await tab.field("b"))["value"] == ["one"]
    assert await tab.settle() is True
    context = (await (await tab.peer()).context())["context"]
    assert [context[key]["value"] for key in "bc"] == [["one"], None]
    assert [(await tab.field(key))["value"] for key in "bc"] == [["one"], None]


async def test_a_value_that_is_no_json_is_refused_at_once_and_stops_no_other(tab: Tab) -> None:
    await tab.open()
    name = await tab.do("(() => { try { session.edit('b', 1n) } catch (error) { return error.name } })()")
    assert name == "TypeError"
    assert await tab.field("b") is None
    await tab.edit("c", "fine")
    assert await tab.settle() is True


# A page on another origin


async def test_a_page_of_an_allowed_origin_is_the_person_by_its_user_token(tab: Tab) -> None:
    async with serving(blank()) as elsewhere, site(allowed_origins=[elsewhere]) as served:
        await tab.visit(elsewhere, f"{served.url}/handshake/client.js")
        await tab.open(base=f"{served.url}/handshake", userToken=True)
        peer, user_token = await tab.peer(), await tab.do("session.userToken")
        await tab.page.context.clear_cookies()

        await tab.edit("b", "by the socket")
        await tab.settle()
        await tab.loses(served.faults.line)
        await tab.edit("c", "by POST")
        await tab.settle()
        await tab.reconnects()
        context = (await peer.context())["context"]
        assert [(context[key]["value"], context[key]["by"]) for key in "bc"] == [
            ("by the socket", "user"),
            ("by POST", "user"),
        ]
        saved = await tab.do("session.saved")
        await tab.do(RESUME, [saved, {"userToken": user_token}])
        await tab.comes_to("open")
        await tab.do("session.revoke()")
        await tab.comes_to("closed")
        handshakes = [line.handshake for line in served.faults.lines]
        said = [str(saved), *(str(each.url) for each in [*handshakes, *served.faults.requests])]
        assert [text for text in said if user_token in text or peer.token in text] == []


async def test_a_page_of_an_origin_that_is_not_allowed_cannot_open_a_session(tab: Tab) -> None:
    async with site() as served:
        create = "(base) => client.HandshakeSession.create({ base, userToken: true }).catch(({ name }) => name)"
        assert await tab.do(create, f"{served.url}/handshake") == "TypeError"
        assert len(served.store) == 0


async def test_the_server_may_be_an_origin_of_its_own(tab: Tab) -> None:
    hpp = HandshakeApp(allowed_origins=[await tab.do("location.origin")])
    async with serving(hpp) as url:
        await tab.open(base=url, userToken=True)
        assert (await tab.do("session.urls.context")).startswith(f"{url}/context/")


# The clipboard


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
