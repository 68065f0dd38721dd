"""An agent's requests on the page, the person's decisions on them, and what is taken back, in a real Chromium."""

from __future__ import annotations

from typing import Any

import pytest

from tests.page.tabs import RESUME, Site, Tab

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION = {"text": "Which hotel?", "fields": [{"key": "hotel", "type": "string", "required": True}]}


async def ask(tab: Tab, body: dict[str, Any] = QUESTION) -> dict[str, Any]:
    """Ask as the agent, and wait for the page to show it."""
    peer = await tab.peer()
    response = await peer.http.post(
        await tab.do("session.urls.ask"), json=body, headers={"X-Handshake-Token": peer.token}
    )
    asked: dict[str, Any] = response.json()
    await tab.until("(id) => session.requests.some((request) => request.id === id)", asked["id"])
    return asked


async def ends(tab: Tab) -> list[dict[str, Any]]:
    """What the agent is told of its requests."""
    told: list[dict[str, Any]] = (await (await tab.peer()).context())["requests"]
    return [{"status": each["status"], "answer": each.get("answer")} for each in told]


async def test_an_agents_question_is_shown_and_answered_by_the_digest_of_what_is_shown(tab: Tab) -> None:
    await tab.open()
    await ask(tab)
    assert await tab.do("session.requests.map(({ kind, text }) => [kind, text])") == [["ask", "Which hotel?"]]
    await tab.do("session.answer(session.requests[0], 'accept', { hotel: 'Ritz' })")
    assert await tab.do("session.requests") == []
    assert await ends(tab) == [{"status": "answered", "answer": {"values": {"hotel": "Ritz"}}}]


async def test_an_answer_without_a_socket_takes_the_question_away(tab: Tab) -> None:
    await tab.open()
    await ask(tab)
    await tab.do("session.close()")
    await tab.do("session.answer(session.requests[0], 'decline')")
    assert await tab.do("session.requests") == []


async def test_an_answer_to_another_question_than_was_shown_is_refused(tab: Tab) -> None:
    await tab.open()
    await ask(tab)
    refused = "session.answer({ ...session.requests[0], digest: 'other' }, 'accept', {}).catch(({ code }) => code)"
    assert await tab.do(refused) == "changed"
    assert len(await tab.do("session.requests")) == 1
    await tab.do("session.answer(session.requests[0], 'decline')")
    assert await ends(tab) == [{"status": "declined", "answer": None}]


async def test_open_questions_are_there_after_a_reload_and_ended_ones_are_not(tab: Tab, shared: Site) -> None:
    await tab.open()
    await ask(tab)
    open_one = await ask(tab, {"text": "When?", "fields": [{"key": "day", "type": "date"}]})
    await tab.do("session.answer(session.requests[0], 'decline')")
    saved = await tab.do("session.saved")
    await tab.visit(shared.url)
    await tab.do(RESUME, [saved, {}])
    await tab.comes_to("open")
    assert await tab.do("session.requests.map(({ id }) => id)") == [open_one["id"]]


async def test_a_question_that_the_agent_withdraws_leaves_the_page(tab: Tab) -> None:
    await tab.open()
    asked = await ask(tab)
    peer = await tab.peer()
    url = await tab.do("session.urls.ask") + "/" + asked["id"]
    await peer.http.delete(url, headers={"X-Handshake-Token": peer.token})
    await tab.until("session.requests.length === 0")
    assert len(await tab.hears("requests", 2)) == 2


async def test_what_the_agent_wrote_is_taken_back_and_the_persons_stays(tab: Tab) -> None:
    await tab.open()
    peer = await tab.peer()
    await peer.act({"b": "the agent's", "c": "the agent's too"})
    await tab.shows("c", "the agent's too")
    await tab.edit("c", "mine since")
    assert await tab.settle() is True
    assert await tab.do("session.revert(['b'])") == ["b"]
    assert (await tab.field("b"))["by"] == "empty"
    assert await tab.do("session.revert()") == []
    assert (await tab.field("c"))["value"] == "mine since"


async def test_an_accepted_suggestion_is_the_persons_write(tab: Tab) -> None:
    await tab.open()
    peer = await tab.peer()
    await peer.agent("POST", "action", {"actions": [{"type": "suggest", "key": "a", "value": "better"}]})
    await tab.until("session.requests.length === 1")
    await tab.do("session.answer(session.requests[0], 'accept')")
    record = await tab.field("a")
    assert (record["value"], record["by"]) == ("better", "user")
