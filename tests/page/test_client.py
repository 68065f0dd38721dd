"""The page's module in a real Chromium, against a real server."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from handshake_prompt import HandshakeApp, Limits, parse_prompt
from tests.page.faults import Faults
from tests.page.tabs import RESUME, TAP, Site, Tab, blank, sent, site, until
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


# Events


async def test_a_frame_never_poses_as_an_event_of_the_pages_own(tab: Tab) -> None:
    await tab.create()
    await tab.do(TAP)
    await tab.connect()
    before = await tab.seen("field", "state")
    unknown: list[dict[str, Any]] = [
        {"type": kind, "key": "a", "state": "closed", "final": True} for kind in ("field", "state", "frame")
    ]
    unknown.append({"type": "not yet thought of"})
    for frame in unknown:
        await tab.says(frame)
    assert await tab.seen("field", "state") == before
    assert (await tab.seen("frame"))[1:] == unknown
    assert await tab.state() == "open"


async def test_every_frame_of_the_servers_comes_as_a_frame_and_under_its_own_name(tab: Tab) -> None:
    await tab.open()
    peer = await tab.peer()
    await peer.agent("GET", "context", headers={"X-Agent-Name": "Some agent"})
    await peer.act({"b": "x"})
    await tab.edit("c", "y")
    await tab.settle()
    await peer.edit("c", "z")
    await tab.do("session.extend(60)")
    await tab.do("session.rotate()")
    await tab.do("session.revoke()")
    await tab.hears("revoked")
    frames = await tab.seen("frame")
    assert {frame["type"] for frame in frames} > {"connected", "agent", "action", "done", "ack", "edit", "rotated"}
    named = await tab.seen(*(frame["type"] for frame in frames))
    assert [(event["type"], event.get("seq")) for event in named] == [
        (frame["type"], frame.get("seq")) for frame in frames
    ]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Some agent", "Some agent"),
        ("You", "You"),
        ("a\u202eb\u200b\u0007c", "abc"),
        ("  two\n\nlines ", "two lines"),
        ("\u3164\u2800\uffa0", ""),
        ("\u00a0", ""),
        ("\u0301", ""),
        ("z" + "\u0301" * 30, "z\u0301\u0301"),
        ("🤖", "🤖"),
    ],
)
async def test_what_there_is_to_see_of_an_agents_name_is_known(tab: Tab, name: str, shown: str) -> None:
    await tab.create()
    await tab.do(TAP)
    await tab.connect()
    assert await tab.do("session.agent") == ""
    await tab.says({"type": "agent", "event": "joined", "name": name})
    assert await tab.do("session.agent") == shown


async def test_a_page_that_comes_later_knows_what_the_agent_calls_itself(tab: Tab, faults: Faults) -> None:
    await tab.open()
    peer = await tab.peer()
    await tab.loses(faults.line)
    await peer.agent("GET", "context", headers={"X-Agent-Name": "Some agent"})
    await tab.reconnects()
    assert await tab.do("session.agent") == "Some agent"


async def test_a_snapshot_in_place_of_frames_replaces_what_is_older_and_nothing_else(tab: Tab) -> None:
    await tab.create()
    await tab.do(TAP)
    await tab.connect()
    peer = await tab.peer()
    await tab.edit("b", "mine")
    assert await tab.settle() is True
    connected = (await tab.seen("connected"))[0]
    newer = {"value": "the agent's", "by": "ai", "at": None, "rev": 9}
    older = {"value": "older", "by": "ai", "at": None, "rev": 0}
    snapshot = connected["snapshot"] | {"context": {"b": older, "c": newer}}
    before = await tab.states()
    await tab.says(connected | {"snapshot": snapshot, "cursor": (await peer.context(role="user"))["cursor"]})
    assert [(await tab.field(key))["value"] for key in "bc"] == ["mine", "the agent's"]
    assert await tab.states() == before


async def test_an_agent_that_takes_all_there_is_to_take_takes_nothing_of_the_persons(tab: Tab) -> None:
    """Queues of paced frames, batches as large as they may be, and more watchers than there are places."""
    async with site(Limits(agent_requests=1_000)) as served, contextlib.AsyncExitStack() as watchers:
        await tab.visit(served.url)
        await tab.open(mode="default", schema=None, context={}, defaults={})
        peer = await tab.peer()
        for number in range(6):
            await peer.act({f"k{key}": f"{number}{'x' * 600}" for key in range(190)}, stream=True, interval_ms=2_000)
        for _ in range(12):
            await watchers.enter_async_context(peer.watch(role="agent"))
        await tab.do("for (let round = 0; round < 3; round += 1) session.edit(`mine${round}`, 'kept')")
        assert await tab.settle() is True
        await tab.turn_until("session.fields.get('k189')?.value.startsWith('5') && session.state === 'open'")
        assert [detail for detail in await tab.seen("state") if detail["final"]] == []
        context = (await peer.context(role="user"))["context"]
        assert await tab.do("Object.fromEntries(session.fields)") == context
        await tab.do("session.revoke()")
        assert await tab.last_state() == ("closed", True, 4410)


# Edits that are none


ECHO = """
(where) => {
  const input = document.querySelector("#other");
  const native = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
  input.addEventListener("input", () => session.edit("b", input.value));
  session.addEventListener(where, ({ detail }) => {
    if (detail.key !== "b") return;
    native.call(input, detail.record?.value ?? detail.value ?? "");
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
}
"""


@pytest.mark.parametrize("value", ["text", 42, 1.5, True, "2026-11-20 10:00:00"])
@pytest.mark.parametrize("where", ["field", "action"])
async def test_an_echo_of_what_was_drawn_is_nobodys_edit(tab: Tab, where: str, value: Any) -> None:
    """A framework keeps a value only if the control's native setter is called and an `input` event comes after it."""
    await tab.open(schema=[{"key": "b", "type": "anything"}], context={}, defaults={})
    await tab.do(ECHO, where)
    peer = await tab.peer()
    await peer.act({"b": value})
    await tab.hears("done")
    assert await tab.settle() is True
    assert (await peer.context())["context"]["b"]["by"] == "ai"
    assert (await peer.act({"b": value}))["applied"] == ["b"]


async def test_what_a_page_makes_of_a_value_while_it_draws_it_is_nobodys_edit(tab: Tab) -> None:
    await tab.open()
    await tab.do(
        "session.addEventListener('field', ({ detail }) => session.edit(detail.key, `${detail.record.value} €`))"
    )
    peer = await tab.peer()
    await peer.act({"b": "1234"})
    await tab.hears("done")
    assert await tab.settle() is True
    record = (await peer.context())["context"]["b"]
    assert (record["value"], record["by"]) == ("1234", "ai")


@pytest.mark.parametrize(
    ("drawn", "read"), [(42, "42"), (None, ""), ([], None), ("2026-11-20 10:00:00", "2026-11-20T10:00"), ("x", "x")]
)
async def test_an_edit_of_what_is_shown_already_is_none_however_late_it_comes(
    tab: Tab, faults: Faults, drawn: Any, read: Any
) -> None:
    await tab.open(schema=[{"key": "b", "type": "anything"}], context={}, defaults={"b": drawn})
    assert await tab.edit("b", read) is True
    assert await tab.settle() is True
    assert (sent(faults.line), faults.notified) == ([], 0)


@pytest.mark.parametrize(
    ("drawn", "made"), [(1, "01"), (True, False), (None, False), ([], [""]), ("10:00", "10:00:00")]
)
async def test_an_edit_of_anything_else_is_one(tab: Tab, faults: Faults, drawn: Any, made: Any) -> None:
    await tab.open(schema=[{"key": "b", "type": "anything"}], context={}, defaults={"b": drawn})
    await tab.edit("b", made)
    assert await tab.settle() is True
    assert sent(faults.line) == [("userEdit", "b", made)]


async def test_clearing_a_value_before_the_page_has_been_shown_it_is_an_edit(tab: Tab) -> None:
    await tab.create()
    await tab.edit("a", "")
    assert await tab.settle() is True
    assert (await (await tab.peer()).context())["context"]["a"]["value"] == ""


@pytest.mark.parametrize("connected", [True, False], ids=["over the socket", "by POST"])
@pytest.mark.parametrize("key", ["", None, "nope", "__proto__", "x" * 257, "a\u0000", "\ud83d"])
async def test_what_names_no_field_is_no_edit_and_never_leaves_the_page(
    tab: Tab, faults: Faults, key: str | None, *, connected: bool
) -> None:
    await tab.create()
    if connected:
        await tab.connect()
    for _ in range(12):
        assert await tab.do("(key) => session.edit(key, 'typed')", key) is False
    assert await tab.do("(key) => session.release(key)", key) is False
    await tab.edit("b", "told")
    assert await tab.settle() is True
    assert faults.notified + sum(len(line.sent) for line in faults.lines) == 1
    assert await tab.seen("error") == []


# Before a submission


SUBMIT = """
(how) => {
  document.body.innerHTML = '<form id="f"><input name="b"><button id="go" name="pressed" value="1">Go</button></form>';
  globalThis.submitted = [];
  const form = document.getElementById("f");
  form.addEventListener("submit", (event) => {
    globalThis.outcome = how === "submit" ? session.submit(event) : (async () => {
      if (form.dataset.again) return;
      event.preventDefault();
      await session.settled();
      form.dataset.again = "1";
      form.requestSubmit(event.submitter);
    })();
    if (event.defaultPrevented) return;
    event.preventDefault(); // the test stays on the page
    submitted.push(Object.fromEntries(new FormData(form, event.submitter)));
  });
}
"""


@pytest.mark.parametrize("how", ["submit", "by hand"])
@pytest.mark.parametrize("pending", [True, False], ids=["with an edit under way", "with everything stored"])
async def test_a_form_is_submitted_from_within_its_own_event(tab: Tab, how: str, *, pending: bool) -> None:
    await tab.open()
    await tab.do(SUBMIT, how)
    if pending:
        await tab.edit("b", "x")
    await tab.page.click("#go")
    await tab.until("submitted.length === 1")
    assert await tab.do("submitted") == [{"b": "", "pressed": "1"}]
    assert (await tab.field("b") or {}).get("pending") is None


async def test_a_double_click_submits_once(tab: Tab, faults: Faults) -> None:
    await tab.open()
    await tab.do(SUBMIT, "submit")
    faults.line.hold("ack")
    await tab.edit("b", "x")
    await tab.page.dblclick("#go")
    await until(lambda: faults.line.held)
    await faults.line.let_go()
    await tab.until("submitted.length === 1")
    assert (await tab.do("outcome"))["ok"] is True
    assert len(await tab.do("submitted")) == 1


async def test_values_that_wait_for_their_turn_are_shown_before_a_submission_and_hold_it_back(tab: Tab) -> None:
    await tab.open()
    await tab.do(SUBMIT, "submit")
    peer = await tab.peer()
    acted = await peer.act({"c": "84.65", "b": "4999"}, stream=True, interval_ms=2_000)
    await tab.shows("c", "84.65")
    await tab.page.click("#go")
    await tab.until("globalThis.outcome")
    outcome = await tab.do("outcome")
    assert (outcome["ok"], outcome["changed"], outcome["pending"]) == (False, ["b"], [])
    assert (await tab.field("b"))["value"] == "4999"
    assert await tab.do("submitted") == []

    ready = await tab.do("session.ready()")
    assert (ready["ok"], ready["cursor"]) == (True, acted["cursor"])


async def test_an_edit_that_cannot_be_stored_in_time_holds_a_submission_back(tab: Tab, faults: Faults) -> None:
    await tab.create()
    faults.gate.clear()
    await tab.edit("b", "x")
    await tab.do("void (globalThis.asked = session.ready(3_000))")
    await until(lambda: faults.notified)
    await tab.turn(3_000)
    ready = await tab.do("asked")
    assert (ready["ok"], ready["pending"]) == (False, ["b"])


@pytest.mark.parametrize("edited", [True, False], ids=["an edit", "nothing"])
async def test_a_server_that_does_not_answer_holds_a_form_back_until_the_person_insists(
    tab: Tab, *, edited: bool
) -> None:
    await tab.create()
    await tab.do(SUBMIT, "submit")
    await tab.page.context.set_offline(offline=True)
    if edited:
        await tab.edit("b", "x")
    await tab.page.click("#go")
    await tab.turn(5_000)
    held = await tab.do("outcome")
    assert (held["ok"], held["changed"], held["pending"]) == (False, [], ["b"] if edited else [])
    assert await tab.do("submitted") == []

    await tab.page.click("#go")
    await tab.turn(5_000)
    await tab.until("submitted.length === 1")


async def test_a_session_that_is_over_holds_no_form_back(tab: Tab) -> None:
    await tab.open()
    await tab.do(SUBMIT, "submit")
    await tab.do("session.revoke()")
    await tab.page.click("#go")
    await tab.until("submitted.length === 1")


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
