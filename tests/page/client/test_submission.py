"""Submission to the server of what a page shows, in a real Chromium."""

from __future__ import annotations

from typing import Any

import pytest

from handshake_prompt import FieldErrors
from tests.page.tabs import Tab, site, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

REFUSED = "session.submit().catch(({ code, problems }) => ({ code, problems }))"


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
        await peer.act({"c": "shown", "b": "waits for its turn"}, stream=True, interval_ms=2_000)
        await tab.shows("c", "shown")
        outcome = await tab.do("session.submit()")
        again = await tab.do("session.submit()")
    assert (outcome["ok"], outcome["changed"]) == (False, ["b"])
    assert (again["ok"], len(taken)) == (True, 1)


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
