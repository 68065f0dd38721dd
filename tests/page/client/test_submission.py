"""Submission to the server of what a page shows, in a real Chromium."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from handshake_prompt import FieldErrors
from tests.page.tabs import LIMITS, SETTINGS, Site, Tab, site, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

REFUSED = "session.submit().catch(({ code, problems }) => ({ code, problems }))"
MEANWHILE = """
([part, when, act]) => {
  const [real, once] = [fetch, new Set()];
  globalThis.fetch = async (url, options) => {
    const isFirst = String(url).includes(part) && !once.has(part) && once.add(part);
    if (isFirst && when === "before") await eval(act);
    const reply = await real(url, options);
    if (isFirst && when === "after") await eval(act);
    return reply;
  };
}
"""
"""Have something happen as the page first asks for a URL with `part` in it, or is answered."""
OWN = {
    "an edit": "session.edit('b', 'mine')",
    "a release": "session.release('a')",
    "a change of the schema": "void session.setSchema({ set: [{ key: 'd' }] })",
    "a row": "void session.addRow('lines', { text: 'mine' })",
    "a problem": "session.setProblem('c', 'Looks odd')",
}
"""What a page may write while its form is being submitted."""
ROWS = {"key": "lines", "type": "rows", "fields": [{"key": "text"}]}
AGENTS = """
real(session.urls.action, {
  method: "POST",
  credentials: "omit",
  headers: { "X-Handshake-Token": session.token, "Content-Type": "application/json" },
  body: JSON.stringify({ actions: [{ type: "set", key: "b", value: "not seen" }] }),
})
"""
TAKE_BACK = "session.revert()"
ACCEPT = "session.answer(session.requests[0], 'accept')"


async def test_what_is_shown_is_submitted_once_and_ends_the_session(tab: Tab) -> None:
    taken: list[dict[str, Any]] = []
    async with site() as served:

        @served.hpp.on_submit
        async def save(form: Any) -> dict[str, str]:
            taken.append(dict(form.values))
            return {"number": "A-1"}

        await tab.visit(served.url)
        await tab.open()
        await (await tab.peer()).act({"b": "the agent's"})
        await tab.shows("b", "the agent's")
        await tab.edit("c", "mine, just now")
        receipts = await tab.do("Promise.all([session.submit(), session.submit()])")
        ended = await tab.last_state()
        told = await tab.seen("submitted")
    assert taken == [{"a": "A", "b": "the agent's", "c": "mine, just now", "fixed": "F"}]
    assert receipts[0] == receipts[1]
    assert (receipts[0]["ok"], receipts[0]["result"]) == (True, {"number": "A-1"})
    assert receipts[0]["authors"] == {"a": "user", "b": "ai", "c": "user", "fixed": "default"}
    assert (ended, len(told)) == (("closed", True, 4410), 1)
    assert await tab.edit("b", "too late") is False


async def test_a_receipt_that_was_lost_on_the_way_is_had_again(tab: Tab) -> None:
    taken = []
    async with site() as served:
        served.hpp.on_submit(lambda form: taken.append(form.id))
        await tab.visit(served.url)
        await tab.open()
        await tab.do(
            """() => {
              const real = fetch;
              let isLost = false;
              globalThis.fetch = async (url, options) => {
                const reply = await real(url, options);
                if (isLost || !String(url).includes("/submit/")) return reply;
                isLost = true;
                throw new TypeError("the network");
              };
            }"""
        )
        await tab.do("void (globalThis.submitting = session.submit().then((receipt) => { globalThis.had = receipt; }))")
        await until(lambda: taken)
        await tab.turn_until("globalThis.had")
        receipt = await tab.do("had")
    assert receipt["id"] == taken[0]
    assert len(taken) == 1


async def test_what_the_server_finds_wrong_is_told_and_shown_and_can_be_put_right(tab: Tab) -> None:
    async with site() as served:

        @served.hpp.on_submit
        def check(form: Any) -> None:
            if form.values["a"] == "A":
                raise FieldErrors({"a": "Must not be A"})

        await tab.visit(served.url)
        await tab.open()
        refused = await tab.do(REFUSED)
        problems = await tab.do("session.problems")
        await tab.edit("a", "B")
        receipt = await tab.do("session.submit()")
    assert refused == {"code": "invalid_form", "problems": [{"keys": ["a"], "msg": "Must not be A"}]}
    assert problems == refused["problems"]
    assert receipt["ok"] is True


async def test_nothing_is_submitted_that_the_person_has_not_seen(tab: Tab) -> None:
    taken = []
    async with site() as served:
        served.hpp.on_submit(lambda form: taken.append(form.id))
        await tab.visit(served.url)
        await tab.open()
        peer = await tab.peer()
        await peer.act({"c": "shown"})
        await tab.shows("c", "shown")
        served.faults.line.hold("action")
        await peer.act({"b": "waits for its turn"})
        outcome = await tab.do("session.submit()")
        again = await tab.do("session.submit()")
    assert (outcome["ok"], outcome["changed"]) == (False, ["b"])
    assert (again["ok"], len(taken)) == (True, 1)


@asynccontextmanager
async def taking(tab: Tab, **settings: Any) -> AsyncIterator[tuple[Site, list[dict[str, Any]]]]:
    """Visit a site whose host takes submissions, with a session that is not connected; yield the site and the taken."""
    taken: list[dict[str, Any]] = []
    async with site() as served:
        served.hpp.on_submit(lambda form: taken.append(dict(form.values)))
        await tab.visit(served.url)
        await tab.create(**settings)
        yield served, taken


async def test_what_a_session_was_opened_with_is_submitted_ahead_of_its_first_snapshot(tab: Tab) -> None:
    async with taking(tab) as (served, taken):
        served.faults.silent = True
        await tab.do("session.connect()")
        await until(lambda: served.faults.lines and served.faults.line.held)
        outcome = await tab.do("session.submit()")
    assert (outcome["ok"], taken) == (True, [{"a": "A", "fixed": "F"}])


@pytest.mark.parametrize(("part", "when"), [("/context/", "before"), ("/context/", "after"), ("/submit/", "before")])
@pytest.mark.parametrize("own", OWN)
async def test_what_the_page_itself_writes_meanwhile_is_submitted_with_the_rest(
    tab: Tab, own: str, part: str, when: str
) -> None:
    async with taking(tab, schema=[*SETTINGS["schema"], ROWS]) as (_, taken):
        await tab.connect()
        await tab.do(MEANWHILE, [part, when, OWN[own]])
        outcome = await tab.do("session.submit()")
    assert (outcome["ok"], outcome.get("changed")) == (True, None)
    (values,) = taken
    assert values.get("b") == ("mine" if own == "an edit" else None)
    assert ("mine" in values.values()) is (own in ("an edit", "a row"))


@pytest.mark.parametrize(
    ("part", "when"), [("/context/", "before"), ("/submit/", "before")], ids=["as it is read", "as it is submitted"]
)
async def test_what_another_writes_meanwhile_is_shown_and_not_submitted(tab: Tab, part: str, when: str) -> None:
    async with taking(tab) as (_, taken):
        await tab.connect()
        await tab.do(MEANWHILE, [part, when, AGENTS])
        outcome = await tab.do("session.submit()")
        shown = await tab.field("b")
        again = await tab.do("session.submit()")
    assert (outcome["ok"], outcome["changed"], shown["value"]) == (False, ["b"], "not seen")
    assert (again["ok"], len(taken)) == (True, 1)


async def test_what_another_writes_while_an_edit_is_under_way_is_not_submitted_unseen(tab: Tab) -> None:
    async with taking(tab) as (served, taken):
        await tab.connect()
        served.faults.line.hold("ack")
        await tab.edit("c", "mine")
        await tab.do("void (globalThis.submitting = session.submit())")
        await (await tab.peer()).act({"b": "not seen"})
        await tab.shows("b", "not seen")
        await until(lambda: served.faults.line.held)
        await served.faults.line.let_go()
        outcome = await tab.do("submitting")
    assert (outcome["ok"], outcome["changed"], taken) == (False, ["b"], [])


async def test_rows_that_another_moves_meanwhile_are_not_submitted_unseen(tab: Tab) -> None:
    async with taking(tab, schema=[ROWS], context={"lines": [{"text": "one"}, {"text": "two"}]}) as (_, taken):
        await tab.connect()
        first, _second = await tab.do("session.rows('lines')")
        other = await tab.do("session.saved")
        await tab.do("(saved) => { globalThis.other = client.HandshakeSession.resume(saved); other.connect(); }", other)
        await tab.until("other.rows('lines').length === 2")
        await tab.do(MEANWHILE, ["/context/", "before", f"(other.moveRow('lines/{first}'), other.settled())"])
        outcome = await tab.do("session.submit()")
        again = await tab.do("session.submit()")
    assert (outcome["ok"], outcome["changed"]) == (False, ["lines"])
    assert (again["ok"], len(taken)) == (True, 1)


async def test_an_edit_that_the_server_refuses_is_taken_back_and_nothing_else_submitted_in_its_place(tab: Tab) -> None:
    async with taking(tab) as (_, taken):
        await tab.connect()
        await tab.edit("b", "stored")
        await tab.settle()
        too_long = "x" * (LIMITS.value_bytes + 1)
        outcome = await tab.do("(value) => { session.edit('b', value); return session.submit(); }", too_long)
    assert (outcome["ok"], outcome["changed"], taken) == (False, ["b"], [])


@pytest.mark.parametrize("decision", [TAKE_BACK, ACCEPT], ids=["a revert", "an accepted suggestion"])
async def test_what_the_person_has_just_decided_is_waited_for(tab: Tab, decision: str) -> None:
    async with taking(tab) as (_, taken):
        await tab.connect()
        peer = await tab.peer()
        await peer.act({"b": "the agent's"})
        await tab.shows("b", "the agent's")
        await peer.agent("POST", "action", {"actions": [{"type": "suggest", "key": "a", "value": "better"}]})
        await tab.until("session.requests.length === 1")
        _, outcome = await tab.do(f"Promise.all([{decision}, session.submit()])")
    assert outcome["ok"] is True
    assert (taken[0]["a"], taken[0]["b"]) == (("A", None) if decision == TAKE_BACK else ("better", "the agent's"))


async def test_what_a_page_holds_back_is_asked_for_before_a_submission(tab: Tab) -> None:
    async with taking(tab) as (_, taken):
        await tab.connect()
        await tab.do("session.addEventListener('settling', () => session.edit('b', 'held back'))")
        outcome = await tab.do("session.submit()")
    assert (outcome["ok"], taken[0]["b"]) == (True, "held back")


async def test_an_edit_that_the_event_being_handled_sets_off_is_waited_for(tab: Tab) -> None:
    await tab.open()
    settled = await tab.do(
        """() => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => session.edit("b", "in a task of its own");
          port2.postMessage(null);
          return session.settled();
        }"""
    )
    assert settled is True
    assert (await (await tab.peer()).context())["context"]["b"]["value"] == "in a task of its own"


async def test_a_report_of_a_problem_under_way_is_no_edit_that_is_waited_for(tab: Tab) -> None:
    async with site() as served:
        served.hpp.on_submit(lambda form: {"number": form.id})
        await tab.visit(served.url)
        await tab.open()
        await tab.do(
            """() => {
              const real = fetch;
              globalThis.fetch = async (url, options) => {
                const reply = await real(url, options);
                if (String(url).includes("/context/")) session.setProblem("c", "Looks odd");
                return reply;
              };
            }"""
        )
        ready = await tab.do("session.ready()")
    assert (ready["ok"], ready["pending"]) == (True, [])


async def test_a_server_that_takes_no_submissions_says_so(tab: Tab) -> None:
    await tab.open()
    assert (await tab.do(REFUSED))["code"] == "submission_unsupported"
    assert await tab.edit("b", "goes on") is True
