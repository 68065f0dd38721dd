"""The connection in a real Chromium: kept open, given up when it is dead, closed by verdicts."""

from __future__ import annotations

import asyncio
import contextlib
import random

import pytest

from handshake_prompt import Limits
from tests.page.faults import Faults
from tests.page.tabs import KEEPALIVE, LIMITS, SHOW, TAP, Site, Tab, site, until
from tests.support.peer import PATIENCE, Peer

pytestmark = pytest.mark.asyncio(loop_scope="session")


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
        assert await tab.last_state() == ("waiting", False, code)
        await tab.reconnects()


async def test_only_the_sessions_end_is_final(tab: Tab, faults: Faults) -> None:
    await tab.open()
    await faults.line.drop(4410)
    await tab.comes_to("closed")
    assert await tab.last_state() == ("closed", True, 4410)

    await tab.turn(120_000)
    await tab.do("for (const name of ['online', 'focus', 'pageshow']) dispatchEvent(new Event(name))")
    await tab.do("session.connect()")
    assert (await tab.state(), len(faults.lines)) == ("closed", 1)
    assert await tab.edit("b", "too late") is False
    assert await tab.settle() is True


@pytest.mark.parametrize("code", [4400, 4404, 4413, 4429, 4499])
async def test_a_verdict_on_a_connection_does_not_end_a_session_that_lives(tab: Tab, faults: Faults, code: int) -> None:
    """Whatever number a server gives it: the session's own status counts, and attempts become rare."""
    await tab.has_luck(0.5)
    await tab.open()
    await tab.loses(faults.line, code)
    assert await tab.last_state() == ("waiting", False, code)
    await until(lambda: any(request.scope["method"] == "GET" for request in faults.requests))

    await tab.edit("b", "by POST")
    assert await tab.settle() is True
    assert (await (await tab.peer()).context())["context"]["b"]["value"] == "by POST"
    await tab.reconnects_after(15_000)
    await tab.comes_to("open")


@pytest.mark.parametrize("code", [4404, 4429])
async def test_a_verdict_on_a_connection_has_the_page_ask_whether_the_session_is_over(
    tab: Tab, faults: Faults, code: int
) -> None:
    await tab.open()
    peer = await tab.peer()
    faults.line.hold()
    await peer.user("DELETE", "session")
    await faults.line.drop(code)
    await tab.hears("revoked")
    assert await tab.last_state() == ("closed", True, 4410)


async def test_a_page_that_finds_its_session_revoked_is_told_so(tab: Tab, faults: Faults) -> None:
    await tab.open()
    peer = await tab.peer()
    faults.line.hold()
    await tab.loses(faults.line)
    await peer.user("DELETE", "session")
    await tab.turn(1)
    await tab.comes_to("closed")
    assert await tab.last_state() == ("closed", True, 4410)
    assert len(await tab.seen("revoked")) == 1


async def test_a_page_that_has_lost_its_cookie_is_told_and_goes_on_once_it_is_back(tab: Tab, faults: Faults) -> None:
    await tab.open()
    cookies = await tab.page.context.cookies()
    await tab.page.context.clear_cookies()
    await tab.loses(faults.line)
    await tab.turn(1)
    await tab.comes_to("closed")
    assert await tab.last_state() == ("closed", False, 4401)
    assert [error["code"] for error in await tab.seen("error")] == ["invalid_token"]
    assert (await tab.seen("state"))[-1]["error"]["code"] == "invalid_token"

    await tab.turn(120_000)
    assert len(faults.lines) == 2
    await tab.page.context.add_cookies([{**cookie} for cookie in cookies])  # type: ignore[typeddict-item] # as they came
    await tab.do("dispatchEvent(new Event('focus'))")
    await tab.comes_to("open")


async def test_what_a_page_without_its_cookie_is_told_to_write_is_kept_until_it_is_back(tab: Tab) -> None:
    await tab.create()
    cookies = await tab.page.context.cookies()
    await tab.page.context.clear_cookies()
    await tab.edit("b", "kept")
    assert await tab.settle() is False
    assert [(error["key"], error["code"]) for error in await tab.seen("error")] == [("b", "invalid_token")]
    assert (await tab.field("b"))["value"] == "kept"

    await tab.page.context.add_cookies([{**cookie} for cookie in cookies])  # type: ignore[typeddict-item] # as they came
    await tab.connect()
    assert await tab.settle() is True
    assert (await (await tab.peer()).context())["context"]["b"]["value"] == "kept"


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


async def test_a_page_tells_whether_it_is_in_view_so_that_an_agent_knows_whether_anybody_looks(
    tab: Tab, faults: Faults
) -> None:
    await tab.open()
    peer = await tab.peer()
    assert (await peer.agent("POST", "ask", {"text": "Is that so?"})).json()["attended"] is True

    await tab.do(SHOW, True)
    await comes_to(peer, attended=False)
    await tab.do("delete document.hidden; window.dispatchEvent(new Event('pageshow'))")
    await comes_to(peer, attended=True)
    await tab.do("session.close()")
    await tab.do(SHOW, True)
    await tab.connect()
    assert faults.line.handshake.query_params["visible"] == "false"
    assert (await peer.context())["attended"] is False
    await tab.do(SHOW, False)
    await comes_to(peer, attended=True)


async def comes_to(peer: Peer, *, attended: bool) -> None:
    """Wait until the agent is told whether the person is there."""
    async with asyncio.timeout(PATIENCE):
        while (await peer.context())["attended"] is not attended:
            await asyncio.sleep(0.05)


async def test_a_page_that_is_hidden_while_it_connects_says_so_once_it_can(tab: Tab, faults: Faults) -> None:
    await tab.create()
    peer = await tab.peer()
    await peer.agent("POST", "ask", {"text": "Is that so?"})
    faults.silent = True
    await tab.do("session.connect()")
    await until(lambda: bool(faults.lines))
    await tab.do(SHOW, True)
    assert (await peer.context())["attended"] is True
    await faults.line.let_go()
    await comes_to(peer, attended=False)


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
    assert await tab.last_state() == ("waiting", False, 1006)
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
    assert await tab.last_state() == ("closed", False, None)
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


# A socket that is dead and was not closed


async def is_dead(tab: Tab, faults: Faults) -> None:
    """Connect, and have a network forget the connection: nothing arrives any more, and nothing says so."""
    await tab.has_luck(0.5)
    await tab.open()
    faults.line.hold()
    faults.line.deaf = True


RETURNS = {
    "the page is seen": "document.dispatchEvent(new Event('visibilitychange'))",
    "the page is shown out of the cache": "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))",
    "the network is back": "dispatchEvent(new Event('online'))",
    "the window has the focus": "dispatchEvent(new Event('focus'))",
}


@pytest.mark.parametrize("event", RETURNS.values(), ids=RETURNS)
async def test_a_page_that_comes_back_to_a_dead_socket_is_live_within_five_seconds(
    tab: Tab, faults: Faults, event: str
) -> None:
    await is_dead(tab, faults)
    await (await tab.peer()).act({"b": "meanwhile"})
    await tab.do(event)
    waited = await tab.turn_until("session.fields.get('b')?.value === 'meanwhile'")
    assert waited < 5_000
    assert await tab.states() == ["connecting", "open", "waiting", "connecting", "open"]
    assert faults.lines[-1].after is not None


@pytest.mark.parametrize("event", RETURNS.values(), ids=RETURNS)
async def test_a_page_that_comes_back_to_a_live_socket_keeps_it(tab: Tab, faults: Faults, event: str) -> None:
    await tab.open()
    await tab.do(event)
    await until(lambda: [frame["type"] for frame in faults.line.sent] == ["ping"])
    await tab.until("unanswered() === 0")
    await tab.turn(10_000)
    assert (await tab.state(), len(faults.lines), await tab.seen("error")) == ("open", 1, [])


async def test_a_machine_that_slept_is_noticed_without_any_event(tab: Tab, faults: Faults) -> None:
    await is_dead(tab, faults)
    await tab.page.clock.fast_forward(20_000)
    assert await tab.turn_until("seen.filter(({ name }) => name === 'connected').length === 2") < 5_000


async def test_a_hidden_page_that_slept_waits_to_be_seen(tab: Tab, faults: Faults) -> None:
    await is_dead(tab, faults)
    await tab.do(SHOW, True)
    await tab.page.clock.fast_forward(20_000)
    await tab.turn(5_000)
    assert len(faults.lines) == 1
    await tab.do(SHOW, False)
    assert await tab.turn_until("session.state === 'open'") < 5_000


async def test_an_attempt_that_hangs_is_begun_anew_when_the_page_comes_back(tab: Tab, faults: Faults) -> None:
    await tab.create()
    faults.silent = True
    await tab.do("session.connect()")
    await until(lambda: faults.lines)
    faults.silent = False
    await tab.turn(2_100)
    await tab.do("dispatchEvent(new Event('focus'))")
    await tab.comes_to("open")
    assert len(faults.lines) == 2


async def test_a_server_that_knows_no_probe_is_alive_too(tab: Tab) -> None:
    await tab.create()
    await tab.do(TAP)
    await tab.connect()
    await tab.do("last.send = () => {}; dispatchEvent(new Event('focus'))")
    await tab.turn(1_000)
    await tab.says(
        {"type": "error", "code": "unknown_message", "msg": "This mode knows no such message", "ref": "probe"}
    )
    await tab.turn(5_000)
    assert (await tab.states(), await tab.seen("error")) == (["connecting", "open"], [])


# More tabs than a session has places for


async def test_a_page_that_gets_no_place_goes_on_without_and_takes_one_that_becomes_free(tab: Tab) -> None:
    async with site(Limits(watchers_per_session=2)) as served:
        await tab.visit(served.url)
        await tab.create()
        peer = await tab.peer()
        async with contextlib.AsyncExitStack() as others:
            for _ in range(2):
                other = await others.enter_async_context(peer.watch())
                await other.next("connected")
            await tab.do("session.connect()")
            await tab.comes_to("waiting")
            state = (await tab.seen("state"))[-1]
            assert (state["final"], state["error"]["code"]) == (False, "too_many_watchers")

            await tab.edit("b", "by POST")
            assert await tab.settle() is True
            await tab.do("session.release('b')")
            assert await tab.settle() is True
            assert (await peer.context(role="user"))["context"]["b"]["by"] == "default"
            assert (await tab.do("session.info()"))["watchers"] == 2
            assert await tab.do("session.rotate()")
            await tab.turn_until("seen.filter(({ detail }) => detail.state === 'connecting').length > 2")
            await tab.comes_to("waiting")
        await tab.turn_until("session.state === 'open'")
        await tab.do("session.revoke()")
        assert await tab.last_state() == ("closed", True, 4410)


async def test_a_page_that_is_closed_for_what_it_sent_comes_back_and_has_lost_nothing(tab: Tab, faults: Faults) -> None:
    await tab.create()
    await tab.do(TAP)
    await tab.connect()
    await tab.do("for (let frame = 0; frame < 10; frame += 1) last.send('{'); session.edit('b', 'kept')")
    await tab.comes_to("waiting")
    state, final, code = await tab.last_state()
    assert (state, final) == ("waiting", False)
    assert code is not None
    assert code >= 4500
    assert await tab.settle() is True
    assert (await (await tab.peer()).context())["context"]["b"]["value"] == "kept"
    await tab.reconnects()
    assert len(faults.lines) == 2
