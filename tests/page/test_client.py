"""The page's module in a real Chromium, against a real server."""

from __future__ import annotations

import pytest

from handshake_prompt import HandshakeApp, Limits, parse_prompt
from tests.page.faults import Faults
from tests.page.tabs import RESUME, Site, Tab, blank, site
from tests.support.clock import ManualClock
from tests.support.serving import serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

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
    assert await tab.last_state() == ("closed", True, 4410)


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
