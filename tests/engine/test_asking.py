"""Requests of an agent on the engine: told in time, over all workers, to whoever reads in whatever way."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from handshake_prompt import Limits, ProtocolEngine, Role, Session
from handshake_prompt.modes import DEFAULT_HANDLERS, FormFillHandler
from handshake_prompt.protocol.errors import StoreUnavailableError
from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.stores import PRESENCE_SECONDS
from tests.conftest import FORM
from tests.support.pairing import REST, Pair, code_of, open_pair, virtual_engine, workers
from tests.support.relay import nothing
from tests.support.virtual_time import in_virtual_time

QUESTION = {"text": "Which of the two?", "fields": [{"key": "which", "type": "integer", "required": True}]}


async def ask(pair: Pair, *, once: str | None = None, **members: Any) -> dict[str, Any]:
    reply = await pair.engine.post_ask(pair.session_id, QUESTION | members, pair.agent, idempotency_key=once)
    return reply.payload


async def answer(pair: Pair, asked: dict[str, Any], decision: str = "accept", **values: Any) -> dict[str, Any]:
    body = {"decision": decision, "digest": asked["digest"], "values": values}
    return (await pair.engine.post_answer(pair.session_id, asked["id"], body, pair.user)).payload


async def statuses(pair: Pair, role: Role = Role.AGENT) -> list[str]:
    return [one["status"] for one in (await pair.context(role)).get("requests", [])]


@in_virtual_time
async def test_an_answer_reaches_a_poll_of_another_worker_once() -> None:
    here, there = await workers(2, FORM)
    asked = await ask(here)
    polled = asyncio.create_task(here.diff(since=asked["cursor"], wait=25))
    await asyncio.sleep(1)
    assert (await answer(there, asked, which=2))["status"] == "answered"
    told = await polled
    assert [(one["status"], one["answer"]) for one in told["requests"]] == [("answered", {"values": {"which": 2}})]
    assert told.get("timedOut") is None
    again = await here.diff(since=told["cursor"])
    assert "requests" not in again


@in_virtual_time
async def test_a_question_that_nobody_answers_expires_and_is_told_in_time_without_being_asked_for() -> None:
    here, there = await workers(2, FORM)
    async with here.watch() as page, there.watch(Role.AGENT) as agent:
        asked = await ask(there, expiresIn=30)
        polled = asyncio.create_task(here.diff(since=asked["cursor"], wait=25))
        await asyncio.sleep(10)
        again = asyncio.create_task(here.diff(since=asked["cursor"], wait=25))
        assert (await polled)["timedOut"] is True
        assert [one["status"] for one in (await again)["requests"]] == ["expired"]
        await asyncio.sleep(0.1)
        for viewer in (page, agent):
            assert [frame["status"] for frame in await viewer.shown("asked", "lapsed")] == ["open", "expired"]
    assert await statuses(here) == ["expired"]
    assert await statuses(here, Role.USER) == []


@in_virtual_time
async def test_expiry_holds_where_the_log_cannot_be_told_of_it() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    asked = await ask(pair, expiresIn=20)
    await asyncio.sleep(20)

    async def read_only(name: str) -> None:
        if name == "save":
            raise StoreUnavailableError

    pair.store.before = read_only
    assert await statuses(pair) == ["expired"]
    assert await statuses(pair, Role.USER) == []
    pair.store.before = nothing
    assert (await code_of(answer(pair, asked, which=1))) == (409, "request_ended")
    assert await statuses(pair) == ["expired"]
    assert [event.type for event in await pair.log()] == ["asked", "lapsed"]


@in_virtual_time
async def test_a_page_is_told_of_an_expiry_once_the_store_is_back() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    async with pair.watch() as page:
        await ask(pair, expiresIn=20)

        async def away(_: str) -> None:
            raise StoreUnavailableError

        await asyncio.sleep(19)
        pair.store.before = away
        await asyncio.sleep(10)
        pair.store.before = nothing
        await asyncio.sleep(2)
        assert len(await page.shown("lapsed")) == 1
    assert pair.engine.statistics == REST


@in_virtual_time
async def test_attended_tells_of_pages_alone_on_whatever_worker() -> None:
    here, there = await workers(2, FORM)
    async with there.watch(Role.AGENT):
        assert (await ask(here))["attended"] is False
        async with there.watch():
            assert [(await ask(pair))["attended"] for pair in (here, there)] == [True, True]
            assert (await here.context(Role.AGENT))["attended"] is True
        await asyncio.sleep(0.1)
        assert [(await ask(pair))["attended"] for pair in (here, there)] == [False, False]


@in_virtual_time
async def test_a_page_that_is_hidden_does_not_attend_and_is_still_a_watcher() -> None:
    here, there = await workers(2, FORM)

    async def attended() -> list[bool]:
        await asyncio.sleep(0.1)
        return [(await ask(pair))["attended"] for pair in (here, there)]

    async with here.watch() as page:
        await page.send(type="ping", visible=False)
        assert await attended() == [False, False]
        assert [(await pair.act({"name": "A"})).payload["broadcast"]["clients"] for pair in (here, there)] == [1, 1]
        async with there.watch(hidden=True) as other:
            assert await attended() == [False, False]
            await other.send(type="ping", visible=True)
            assert await attended() == [True, True], "one of two is enough"
            await other.send(type="ping")
            assert await attended() == [True, True], "a ping that says nothing changes nothing"
        assert await attended() == [False, False]
        await page.send(type="ping", visible=True)
        await asyncio.sleep(10 * PRESENCE_SECONDS)
        assert await attended() == [True, True], "the word has run out"
    assert await attended() == [False, False]


@in_virtual_time
async def test_an_agent_that_says_that_it_is_hidden_changes_nothing() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    async with pair.watch(), pair.watch(Role.AGENT) as agent:
        await agent.send(type="ping", visible=False)
        assert (await ask(pair))["attended"] is True


@in_virtual_time
async def test_a_ping_that_says_nonsense_of_its_page_is_refused() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    async with pair.watch() as page:
        await page.send(type="ping", visible="no", ref=3)
        assert [(frame["code"], frame["ref"]) for frame in await page.shown("error")] == [("invalid_request", 3)]
        assert (await ask(pair))["attended"] is True


@in_virtual_time
@pytest.mark.parametrize("left", ["nobody there", "hidden", "closed while asked", "agent gone"])
async def test_fifty_times_a_question_that_is_not_answered_expires_and_is_never_a_no(left: str) -> None:
    pair = await open_pair(virtual_engine(), FORM)
    for round_ in range(50):
        async with AsyncExitStack() as stack:
            if left in ("hidden", "closed while asked"):
                page = await stack.enter_async_context(pair.watch(hidden=left == "hidden"))
            asked = await ask(pair, expiresIn=20)
            assert asked["attended"] is (left == "closed while asked")
            if left == "closed while asked":
                page.watcher.abandon()
                await asyncio.sleep(1)
                assert (await pair.context(Role.AGENT))["attended"] is False
            await asyncio.sleep(20 if left != "agent gone" else 400)
            told = await pair.diff(since=asked["cursor"])
        assert [one["status"] for one in told["requests"]] == ["expired"], round_
        assert (await code_of(answer(pair, asked, "decline"))) == (409, "request_ended")
    kinds = [event.type for event in await pair.log()]
    assert "answered" not in kinds


@in_virtual_time
async def test_a_question_is_open_no_longer_than_its_session_has_left_whatever_the_session_is_given_later() -> None:
    engine = virtual_engine(ttl=600)
    pair = await open_pair(engine, FORM)
    asked = await ask(pair, expiresIn=3600)
    assert asked["expiresIn"] == 600
    (told,) = (await pair.context(Role.AGENT))["requests"]
    opened, expires = (datetime.fromisoformat(told[name]) for name in ("openedAt", "expiresAt"))
    assert (expires - opened).total_seconds() == 600
    await engine.post_extend(pair.session_id, {"extraSeconds": 7200}, pair.agent)
    await asyncio.sleep(599)
    assert await statuses(pair) == ["open"]
    await asyncio.sleep(1)
    assert await statuses(pair) == ["expired"]
    longer = await ask(pair, expiresIn=3600)
    assert longer["expiresIn"] == 3600


@in_virtual_time
async def test_what_an_agent_asks_or_withdraws_with_a_token_that_is_replaced_meanwhile_comes_to_nothing() -> None:
    here, there = await workers(2, FORM)
    asked = await ask(here)

    async def replaced(name: str) -> None:
        if name == "save":
            here.store.before = nothing
            await there.engine.rotate(there.session_id, {}, there.user)

    for begin in (
        lambda: ask(here),
        lambda: here.engine.withdraw(here.session_id, asked["id"], here.agent),
    ):
        here.store.before = replaced
        assert await code_of(begin()) == (403, "invalid_token")
        assert here.store.before is nothing, "it was refused too early"
        here.created["token"] = (await there.engine.rotate(there.session_id, {}, there.user)).payload["token"]
    assert await statuses(there) == ["open"]


class WriteOnce(FormFillHandler):
    """A mode that writes a field once."""

    def set_value(self, session: Session, key: str, value: Any, *, if_rev: int | None = None) -> Outcome:
        if key in session.values:
            return session.refuse(key, "written", "It is written", status="error")
        return super().set_value(session, key, value, if_rev=if_rev)


@in_virtual_time
async def test_a_suggestion_is_judged_as_if_the_field_were_empty_also_by_a_mode_of_the_hosts() -> None:
    engine = virtual_engine(mode_handlers={**DEFAULT_HANDLERS, "once": WriteOnce()})
    pair = await open_pair(engine, FORM | {"mode": "once", "context": {"name": "Ada"}})
    reply = await pair.do({"type": "suggest", "key": "name", "value": "Bea"})
    assert reply.payload["results"][0]["status"] == "suggested"


NO_QUESTIONS: dict[str, dict[str, Any]] = {
    "nothing": {"text": ""},
    "nothing to see": {"text": " \u200b\u2060\n"},
    "control characters": {"text": "a\u0000"},
    "no time": {"text": "a", "expiresIn": 0},
    "more time than there is": {"text": "a", "expiresIn": 10**400},
    "a field twice": {"text": "a", "fields": [{"key": "a"}, {"key": "a"}]},
    "a field of the form twice": {"text": "a", "fields": [{"key": "name"}], "key": "name"},
    "rows": {"text": "a", "fields": [{"key": "l", "type": "rows", "fields": [{"key": "a"}]}]},
    "no field": {"text": "a", "fields": ["a"]},
    "a field that nobody writes": {"text": "a", "key": "number"},
    "a field that is nowhere": {"text": "a", "key": "nobody"},
}


@pytest.mark.parametrize("body", NO_QUESTIONS.values(), ids=NO_QUESTIONS)
@in_virtual_time
async def test_what_is_no_question_is_refused_and_nothing_is_asked(body: dict[str, Any]) -> None:
    pair = await open_pair(virtual_engine(), FORM)
    work = pair.engine.post_ask(pair.session_id, body, pair.agent)
    assert (await code_of(work))[0] == 400
    assert await pair.log() == []


@in_virtual_time
async def test_an_answer_that_comes_while_the_agent_is_away_is_kept_until_it_has_read_it() -> None:
    here, there = await workers(2, FORM)
    asked = await ask(here)
    await answer(there, asked, which=1)
    await there.edit("name", "A")
    await asyncio.sleep(600)
    await here.act({"age": 3})
    assert await statuses(here, Role.USER) == []
    assert await statuses(there) == ["answered"]
    await asyncio.sleep(59)
    assert await statuses(here) == ["answered"], "the reply may have been lost"
    await asyncio.sleep(61)
    await statuses(here)
    assert await statuses(there) == []
    assert (await there.record()).session.requests == {}


@in_virtual_time
async def test_a_poll_from_a_place_behind_the_answer_still_brings_it() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    asked = await ask(pair)
    await answer(pair, asked, which=1)
    cursor = (await pair.act({"age": 3})).payload["cursor"]
    told = await pair.diff(since=cursor, wait=25)
    assert [one["id"] for one in told["requests"]] == [asked["id"]]
    assert (await pair.diff(since=told["cursor"], wait=2))["timedOut"] is True


@in_virtual_time
async def test_an_ended_request_never_comes_back_to_a_page() -> None:
    here, there = await workers(2, FORM)
    async with here.watch() as page:
        first = (await page.shown("connected"))[0]["cursor"]
        asked = await ask(here)
        await answer(here, asked, which=1)
    for pair in (here, there):
        async with pair.watch() as page:
            assert "requests" not in (await page.shown("connected"))[0]["snapshot"]
        async with pair.watch(after=first) as page:
            told = [(frame["id"], frame["status"]) for frame in await page.shown("asked", "answered")]
            assert told == [(asked["id"], "open"), (asked["id"], "answered")]


async def test_an_ended_request_does_not_come_back_after_a_restart_and_its_answer_is_still_told(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'sessions.db'}"
    before = ProtocolEngine(store=url)
    pair = await open_pair(before, FORM)
    asked, open_one = await ask(pair), await ask(pair)
    await answer(pair, asked, which=1)
    await before.aclose()
    after = ProtocolEngine(store=url)
    pair = Pair(after, pair.created)
    assert [one["id"] for one in (await pair.context())["requests"]] == [open_one["id"]]
    assert [one["answer"] for one in (await pair.context(Role.AGENT))["requests"] if "answer" in one] == [
        {"values": {"which": 1}}
    ]
    await after.aclose()


@in_virtual_time
async def test_two_pages_that_answer_at_once_give_one_answer() -> None:
    here, there = await workers(2, FORM)
    asked = await ask(here)
    replies = await asyncio.gather(
        answer(here, asked, which=1), answer(there, asked, "decline"), return_exceptions=True
    )
    refused = [reply for reply in replies if isinstance(reply, Exception)]
    assert [getattr(error, "code", "") for error in refused] == ["request_ended"]
    assert [event.type for event in await here.log()] == ["asked", "answered"]


@in_virtual_time
async def test_of_two_pages_that_answer_otherwise_one_is_told_that_its_answer_came_too_late() -> None:
    here, there = await workers(2, FORM)
    asked = await ask(here)
    replies = await asyncio.gather(answer(here, asked, which=1), answer(there, asked, which=2), return_exceptions=True)
    assert [getattr(reply, "code", "") for reply in replies if isinstance(reply, Exception)] == ["request_ended"]
    secret = await ask(here, fields=None, key="iban")
    await answer(here, secret, iban="DE02")
    await answer(there, secret, iban="DE02")
    assert await code_of(answer(there, secret, iban="DE03")) == (409, "request_ended")


@in_virtual_time
async def test_a_question_repeated_under_its_key_is_asked_once() -> None:
    here, there = await workers(2, FORM)
    asked = [await ask(pair, once="k") for pair in (here, there, here)]
    together = await asyncio.gather(*(ask(pair, once="l") for pair in (here, there) * 3))
    assert asked[0] == asked[1] == asked[2]
    assert len({one["id"] for one in together}) == 1
    assert [event.type for event in await here.log()] == ["asked", "asked"]


@in_virtual_time
async def test_an_agent_that_asks_too_much_is_refused_for_a_while() -> None:
    limits = Limits(asks=4, open_requests=2)
    pair = await open_pair(virtual_engine(limits), FORM)
    first, _ = await ask(pair), await ask(pair)
    assert (await code_of(ask(pair))) == (429, "too_many_requests")
    await pair.engine.withdraw(pair.session_id, first["id"], pair.agent)
    await ask(pair)
    assert (await code_of(ask(pair))) == (429, "rate_limited")
    await asyncio.sleep(limits.ask_window)
    assert (await ask(pair))["status"] == "open"


BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "no text": ({"text": " "}, 400, "invalid_request"),
    "long text": ({"text": "x" * 2001}, 413, "value_too_large"),
    "a forged line": ({"text": "Yes?\rNo!"}, 400, "invalid_value"),
    "half an emoji": ({"text": "\ud83d"}, 400, "invalid_value"),
    "many fields": ({"fields": [{"key": str(n)} for n in range(11)]}, 413, "too_many_fields"),
    "a secret": ({"fields": [{"key": "pin", "sensitive": True}]}, 400, "invalid_schema"),
    "rows": ({"fields": [{"key": "a", "type": "rows", "fields": [{"key": "b"}]}]}, 400, "invalid_schema"),
    "a field that is none": ({"key": "nobody"}, 400, "unknown_field"),
    "a field that is fixed": ({"key": "number"}, 400, "read_only"),
    "a list of rows": ({"key": "lines"}, 400, "unsupported_action"),
    "no time": ({"expiresIn": 0}, 400, "invalid_request"),
    "too much time": ({"expiresIn": 1e9}, 400, "invalid_request"),
}


@pytest.mark.parametrize(("members", "status", "code"), BAD.values(), ids=BAD)
@in_virtual_time
async def test_a_question_that_cannot_be_asked_is_refused_and_nothing_is_opened(
    members: dict[str, Any], status: int, code: str
) -> None:
    lines = {"key": "lines", "type": "rows", "fields": [{"key": "amount"}]}
    pair = await open_pair(virtual_engine(), FORM | {"schema": [*FORM["schema"], lines]})
    assert (await code_of(ask(pair, **members))) == (status, code)
    assert await pair.log() == []


ANSWERS: dict[str, tuple[dict[str, Any], str]] = {
    "none": ({}, "missing_answer"),
    "empty": ({"which": None}, "invalid_value"),
    "of another type": ({"which": "two"}, "invalid_value"),
    "of another field": ({"which": 1, "name": "A"}, "unknown_field"),
}


@pytest.mark.parametrize(("values", "code"), ANSWERS.values(), ids=ANSWERS)
@in_virtual_time
async def test_an_answer_that_does_not_fit_is_refused_and_the_question_stays_open(
    values: dict[str, Any], code: str
) -> None:
    pair = await open_pair(virtual_engine(), FORM)
    asked = await ask(pair)
    assert (await code_of(answer(pair, asked, **values))) == (400, code)
    assert await statuses(pair, Role.USER) == ["open"]


@in_virtual_time
async def test_a_revert_brings_back_defaults_whose_fields_were_away_for_a_while() -> None:
    lines = {"key": "lines", "type": "rows", "fields": [{"key": "amount", "type": "integer"}]}
    form = {"mode": "form-fill", "schema": [{"key": "name"}, lines]}
    pair = await open_pair(virtual_engine(), form | {"defaults": {"name": "N. N.", "lines": [{"amount": 1}]}})
    before = (await pair.record()).session.held_by(Role.USER)[1:], await pair.values()
    (cell,) = before[1].keys() - {"name"}
    await pair.act({"name": "Ada", cell: 3})
    await pair.notify(schema={"set": [{"key": "other"}], "remove": ["name", "lines"]})
    await pair.notify(schema={"set": form["schema"], "remove": ["other"]})
    reverted = await pair.engine.post_revert(pair.session_id, {"all": True}, pair.user)
    assert {*reverted.payload["reverted"]} == {"name", cell}
    session = (await pair.record()).session
    assert (session.held_by(Role.USER)[1:], await pair.values()) == before
    assert (session.before, session.aside) == ({}, None)


@in_virtual_time
async def test_a_revert_of_more_keys_than_a_form_has_fields_is_refused() -> None:
    (pair,) = await workers(1, FORM)
    await pair.act({"name": "Ada"})
    for count, keys in ((Limits().fields, ["name"]), (Limits().fields + 1, None)):
        body = {"keys": [f"k{number}" for number in range(count - 1)] + ["name"]}
        work = pair.engine.post_revert(pair.session_id, body, pair.user)
        if keys is None:
            assert await code_of(work) == (413, "too_many_fields")
        else:
            assert (await work).payload["reverted"] == keys


@in_virtual_time
async def test_a_suggestion_on_what_has_changed_since_is_not_made() -> None:
    (pair,) = await workers(1, FORM)
    await pair.edit("name", "Ada")
    suggestion = {"type": "suggest", "key": "name", "value": "Bea", "ifRev": 0}
    reply = await pair.engine.post_action(pair.session_id, {"actions": [suggestion]}, pair.agent)
    assert [one["code"] for one in reply.payload["results"]] == ["stale"]
    assert await statuses(pair) == []


@in_virtual_time
async def test_a_page_answers_over_its_socket_and_is_acknowledged() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    async with pair.watch() as page, pair.watch() as other:
        asked = await ask(pair)
        message = {"type": "answer", "id": asked["id"], "decision": "accept", "digest": asked["digest"]}
        await page.send(**message, ref="a")
        await page.send(**message, values={"which": 1}, ref="b")
        answers = [(frame["type"], frame["ref"]) for frame in await page.shown("error", "ack")]
        assert answers == [("error", "a"), ("ack", "b")]
        assert (await page.shown("ack"))[0]["request"] == asked["id"]
        assert [frame["status"] for frame in await other.shown("answered")] == ["answered"]


@in_virtual_time
async def test_the_end_of_a_session_ends_its_requests() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    asked = await ask(pair)
    await pair.engine.revoke(pair.session_id, pair.user)
    assert (await code_of(answer(pair, asked, which=1))) == (404, "session_revoked")
    assert (await pair.record()).session.requests == {}
