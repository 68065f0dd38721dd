"""Changes of a session beside an agent's batch: edits, more time, a new token, the announcement of an agent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from handshake_prompt import Credential, HandshakeError, Limits, Reject, Role
from handshake_prompt.engine import Statistics
from handshake_prompt.protocol.errors import CloseCode, StoreUnavailableError
from tests.conftest import FORM, ROWS_FORM
from tests.support.clock import ManualClock
from tests.support.pairing import Pair, code_of, open_pair, refusal, virtual_engine, workers
from tests.support.virtual_time import in_virtual_time, loop_time

REFUSED_EDITS: dict[str, tuple[dict[str, Any], str]] = {
    "no key": ({"value": 1}, "missing_key"),
    "a release of no key": ({"release": True}, "missing_key"),
    "a key of no field": ({"key": "colour", "value": 1}, "unknown_field"),
    "a field that is read only": ({"key": "number", "value": 1}, "read_only"),
    "a value that is none": ({"key": "name", "value": float("nan")}, "invalid_value"),
    "two things at once": ({"key": "name", "add": "lines"}, "invalid_request"),
    "a row of a form without lists": ({"add": "lines"}, "unknown_field"),
    "a key for retries that is none": ({"key": "name", "value": 1, "idempotencyKey": "é"}, "invalid_idempotency_key"),
    "an empty key for retries": ({"key": "name", "value": 1, "idempotencyKey": ""}, "invalid_idempotency_key"),
}

AGENT, USER = Role.AGENT, Role.USER


@pytest.mark.parametrize(("body", "code"), REFUSED_EDITS.values(), ids=REFUSED_EDITS)
@in_virtual_time
async def test_an_edit_that_cannot_be_made_is_a_400_with_its_reason(body: dict[str, Any], code: str) -> None:
    pair = await open_pair(virtual_engine(), FORM)
    assert await code_of(pair.engine.post_notify(pair.session_id, body, pair.user)) == (400, code)
    assert await pair.log() == []


@in_virtual_time
async def test_a_rotated_token_opens_nothing_and_its_watchers_are_closed() -> None:
    pair = await open_pair(virtual_engine())
    async with pair.watch() as page, pair.watch(AGENT) as agent:
        await agent.shown()
        payload, _ = await pair.engine.rotate(pair.session_id, {}, pair.user)
        await page.shown()
        assert (agent.closed, page.closed) == (CloseCode.UNAUTHENTICATED, None)
        (rotated,) = await page.shown("rotated")
        assert rotated["seq"] == 1
    assert await code_of(pair.act({"a": 1})) == (403, "invalid_token")
    fresh = Pair(pair.engine, pair.created | {"token": payload["token"]})
    assert (await fresh.act({"a": 1}))[0]["applied"] == ["a"]


@in_virtual_time
async def test_what_an_agent_began_before_its_token_was_rotated_comes_to_nothing() -> None:
    engine = virtual_engine()

    @engine.on_action
    @engine.on_extend
    async def slow(*_: object) -> None:
        await asyncio.sleep(2)

    pair = await open_pair(engine)
    batch = asyncio.create_task(pair.act({"a": 1}))
    extension = asyncio.create_task(engine.post_extend(pair.session_id, {}, pair.agent))
    await asyncio.sleep(1)
    await engine.rotate(pair.session_id, {}, pair.user)
    assert await code_of(batch) == await code_of(extension) == (403, "invalid_token")
    assert [event.type for event in await pair.log()] == ["rotated"]


EXTENSIONS: dict[str, tuple[int, Any, int | str]] = {
    "as asked": (600, None, 600),
    "granted": (600, True, 600),
    "capped": (3600, 1200, 1200),
    "capped above what was asked": (600, 1200, 600),
    "denied": (600, False, "extend_denied"),
    "denied with a reason": (600, Reject("no more today"), "denied"),
    "nothing": (0, None, "invalid_request"),
    "less than nothing": (-1, None, "invalid_request"),
    "the most": (86_400, 1, 1),
    "more than the most": (86_401, None, "invalid_request"),
}


@pytest.mark.parametrize(("asked", "answer", "granted"), EXTENSIONS.values(), ids=EXTENSIONS)
@in_virtual_time
async def test_an_extension_adds_what_is_asked_as_far_as_the_host_allows(
    asked: int, answer: Any, granted: int | str
) -> None:
    engine = virtual_engine()

    @engine.on_extend
    async def policy(*_: object) -> Any:
        return answer

    pair = await open_pair(engine)
    async with pair.watch() as page:
        extend = engine.post_extend(pair.session_id, {"extraSeconds": asked}, pair.agent)
        if isinstance(granted, str):
            assert (await refusal(extend)).code == granted
            assert await page.shown("extended") == []
        else:
            assert (await extend)[0] == {"ok": True, "extended": granted, "expiresIn": 1800 + granted}
            (extended,) = await page.shown("extended")
            assert extended["expiresIn"] == 1800 + granted


@in_virtual_time
async def test_i12_a_request_that_was_admitted_before_an_extension_takes_nothing_back() -> None:
    """The host's own login check can take a while; what the request knew of the session's time is old by then."""

    async def slow_login(request: object, _: object) -> bool:
        await asyncio.sleep(2 if request == "slow" else 0)
        return True

    engine = virtual_engine(require_browser_auth=slow_login)
    pair = await open_pair(engine)
    reading = asyncio.create_task(engine.get_context(pair.session_id, None, "slow"))
    await asyncio.sleep(1)
    await engine.post_extend(pair.session_id, {"extraSeconds": 7200}, None, "quick")
    await reading
    assert (await engine.get_session(pair.session_id, pair.agent))[0]["expiresIn"] == 9000 - 1


def named(pair: Pair, name: str) -> Credential:
    return Credential(token=pair.created["token"], agent_name=name)


@in_virtual_time
async def test_a_page_is_told_which_agent_has_come_and_now_and_then_that_it_is_still_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = ManualClock()
    pair = await open_pair(virtual_engine(Limits(agent_requests=1000)))
    monkeypatch.setattr(pair.engine._workers.here.transactions, "_wall_clock", clock)
    async with pair.watch() as page:
        for _ in range(3):
            await pair.engine.get_context(pair.session_id, named(pair, "Claude"))
            clock.advance(19)
        assert [(frame["event"], frame["name"]) for frame in await page.shown("agent")] == [("joined", "Claude")]
        clock.advance(4)
        await pair.engine.get_diff(pair.session_id, named(pair, "Claude"))
        await pair.engine.post_action(pair.session_id, {"actions": []}, named(pair, "Other"))
        await pair.act({"name": "Ada"})
        frames = await page.shown("agent")
        assert [(frame["event"], frame["name"]) for frame in frames[1:]] == [("active", "Claude"), ("joined", "Other")]
        assert all(frame["cursor"].endswith(f".{frame['seq']}") for frame in frames)


def clock_of(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the time of day go with the loop's."""
    monkeypatch.setattr(pair.engine._workers.here.transactions, "_wall_clock", loop_time)


@in_virtual_time
async def test_a_page_is_told_when_the_agent_was_last_here_and_once_when_it_has_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pair = await open_pair(virtual_engine(Limits(agent_requests=1000)))
    clock_of(pair, monkeypatch)
    async with pair.watch() as page, pair.watch(AGENT) as other:
        connected = (await page.shown("connected"))[0]
        assert not connected.keys() & {"agent", "agentAt", "agentGone"}
        await pair.engine.get_context(pair.session_id, named(pair, "Claude"))
        (joined,) = await page.shown("agent")
        other.watcher.abandon()
        await asyncio.sleep(300)
        assert len(await page.shown("agent")) == 1
        await asyncio.sleep(90)
        gone = (await page.shown("agent"))[1:]
        assert gone == [{"type": "agent", "event": "gone", "name": "Claude", "agentAt": joined["at"]}]
        await asyncio.sleep(600)
        assert len(await page.shown("agent")) == 2
        assert len(await other.shown("agent")) == 1, "an agent is told of the others that join, and of no departure"
    async with pair.watch() as page:
        connected = (await page.shown("connected"))[0]
        assert (connected["agent"], connected["agentAt"], connected["agentGone"]) == ("Claude", joined["at"], True)
        status = (await pair.engine.get_session(pair.session_id, pair.user)).payload
        assert (status["agent"], status["agentAt"], status["agentGone"]) == ("Claude", joined["at"], True)
        await pair.engine.get_context(pair.session_id, named(pair, "Claude"))
        assert [frame["event"] for frame in await page.shown("agent")] == ["active"]
        status = (await pair.engine.get_session(pair.session_id, pair.user)).payload
        assert (status["agentGone"], status["agentAt"] > joined["at"]) == (False, True)
        await asyncio.sleep(400)
        assert [frame["event"] for frame in await page.shown("agent")] == ["active", "gone"]


@in_virtual_time
async def test_an_agent_that_watches_in_silence_has_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = await open_pair(virtual_engine())
    clock_of(pair, monkeypatch)
    await pair.engine.get_context(pair.session_id, named(pair, "Claude"))
    async with pair.watch() as page:
        async with pair.watch(AGENT):
            await asyncio.sleep(800)
            assert [frame["event"] for frame in await page.shown("agent")] == ["joined"]
        await asyncio.sleep(30)
        assert [frame["event"] for frame in await page.shown("agent")] == ["joined", "gone"]


@in_virtual_time
async def test_i2_requests_at_the_same_moment_announce_an_agent_once() -> None:
    pair = await open_pair(virtual_engine())
    async with pair.watch() as page:
        await asyncio.gather(*(pair.engine.get_context(pair.session_id, named(pair, "Claude")) for _ in range(5)))
        assert len(await page.shown("agent")) == 1


@in_virtual_time
async def test_who_is_no_agent_and_who_has_no_name_is_not_announced() -> None:
    pair = await open_pair(virtual_engine())
    user = Credential(user_token=pair.created["userToken"], agent_name="Mallory")
    async with pair.watch() as page:
        await pair.engine.get_context(pair.session_id, user)
        await pair.engine.get_context(pair.session_id, pair.agent)
        await pair.engine.get_session(pair.session_id, named(pair, "Claude"))
        with pytest.raises(HandshakeError):
            await pair.engine.get_context(pair.session_id, Credential(token="x", agent_name="Mallory"))
        assert await page.shown("agent") == []


@in_virtual_time
async def test_an_announcement_that_fails_costs_the_request_nothing() -> None:
    pair = await open_pair(virtual_engine())
    pair.store.before = unsaved
    assert (await pair.engine.get_context(pair.session_id, named(pair, "Claude")))[1] == 200
    await asyncio.sleep(1)
    assert pair.engine.statistics == Statistics(0, 0, 0)


async def unsaved(name: str) -> None:
    if name == "save":
        raise StoreUnavailableError


# Rows


@in_virtual_time
async def test_a_person_adds_fills_moves_releases_and_removes_rows() -> None:
    pair = await open_pair(virtual_engine(), ROWS_FORM)
    added, _ = await pair.notify(add="lines", value={"text": "Taxi"})
    unknown = {"cursor": "", "digest": ""}
    assert added | unknown == {"ok": True, "key": "lines", "by": "user", "seq": 1, "row": "r1"} | unknown
    await pair.notify(add="lines", after=None)
    assert (await pair.context())["rows"] == {"lines": ["r2", "r1"]}
    moved, _ = await pair.notify(move="lines/r2")
    assert (moved["key"], moved["by"]) == ("lines/r2", "user")
    refused, _ = await pair.do({"type": "remove", "key": "lines/r1"}, {"type": "move", "key": "lines/r2"})
    assert [result["code"] for result in refused["results"]] == ["user_locked", "user_locked"]
    released, _ = await pair.notify(key="lines/r1", release=True)
    assert (released["key"], released["by"]) == ("lines/r1", "default")
    assert (await pair.values())["lines/r1/text"] == ("Taxi", "default")
    assert (await pair.do({"type": "remove", "key": "lines/r1"}))[0]["applied"] == ["lines/r1"]
    removed, _ = await pair.notify(remove="lines/r2")
    assert (removed["key"], removed["by"]) == ("lines/r2", "empty")
    assert (await pair.context())["rows"] == {}


@in_virtual_time
async def test_i7_a_message_of_the_persons_has_one_effect_under_its_key_whichever_worker_gets_it() -> None:
    here, there = await workers(2, ROWS_FORM)
    body = {"add": "lines", "value": {"text": "Taxi"}, "idempotencyKey": "k1"}
    replies = await asyncio.gather(*(pair.notify(**body) for pair in (here, there, here, there)))
    assert {reply.payload["row"] for reply in replies} == {"r1"}
    assert (await here.context())["rows"] == {"lines": ["r1"]}
    assert await code_of(here.notify(**body | {"value": {"text": "Bus"}})) == (422, "idempotency_key_reused")
    same_key, _ = await here.do({"type": "add", "key": "lines"}, key="k1")
    assert same_key["results"][0]["row"] == "r2", "an agent's keys are its own"
    async with here.watch() as page:
        for ref in (1, 2):
            frame = {"type": "addRow", "key": "lines", "value": {"text": "Taxi"}, "idempotencyKey": "k1", "ref": ref}
            await page.send(**frame)
        acks = await page.shown("ack")
        assert [(ack["row"], ack["by"], ack["ref"]) for ack in acks] == [("r1", "user", 1), ("r1", "user", 2)]
    assert (await here.context())["rows"] == {"lines": ["r1", "r2"]}
