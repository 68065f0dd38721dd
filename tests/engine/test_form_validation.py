"""Validators of forms: they judge what is saved, outside every lock, and whatever they do refuses no write."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel, model_validator

from handshake_prompt import FieldErrors, Limits, ProtocolEngine, Role
from handshake_prompt.engine.form_validation import EDIT_PATIENCE, REMEMBERED, FormValidation
from tests.support.pairing import Pair, code_of, open_pair, virtual_engine, workers
from tests.support.sessions import record_of
from tests.support.virtual_time import in_virtual_time, loop_time

FIELDS = [{"key": "start", "type": "date"}, {"key": "end", "type": "date"}, {"key": "iban", "sensitive": True}]
LATER: dict[str, Any] = {"keys": ["end"], "msg": "ends before it starts"}
ROOM = Limits(agent_requests=10**6, user_requests=10**6, creates_per_address=10**6)


def in_order(document: dict[str, Any]) -> dict[str, str]:
    """Accept a stay that ends after it starts."""
    return {"end": "ends before it starts"} if document.get("end", "9") < document.get("start", "") else {}


async def in_order_async(document: dict[str, Any]) -> dict[str, str]:
    await asyncio.sleep(0)
    return in_order(document)


class Slow:
    """A validator that takes its time, and counts its calls."""

    def __init__(self, seconds: float, validator: Callable[[Any], Any] = in_order) -> None:
        self.seconds = seconds
        self.calls: list[float] = []
        self._validator = validator

    async def __call__(self, document: dict[str, Any]) -> Any:
        self.calls.append(loop_time())
        await asyncio.sleep(self.seconds)
        return self._validator(document)


async def stay(validator: Callable[[Any], Any], *, context: dict[str, Any] | None = None, **options: Any) -> Pair:
    """Return a session of a form with a validator."""
    engine = virtual_engine(ROOM, **options)
    engine.form("stay", FIELDS, validator=validator)
    return await open_pair(engine, {"form": "stay", "context": context or {}})


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not done():
            await asyncio.sleep(0.001)


# Where a verdict is told


@pytest.mark.parametrize("validator", [in_order, in_order_async], ids=["def", "async def"])
async def test_problems_are_in_the_context_the_reply_and_done(validator: Callable[[Any], Any]) -> None:
    engine = ProtocolEngine()
    engine.form("stay", FIELDS, validator=validator)
    pair = await open_pair(engine, {"form": "stay", "context": {"start": "2026-05-02"}})
    assert (await pair.context())["problems"] == []
    async with pair.watch() as page:
        reply = (await pair.act({"end": "2026-05-01"})).payload
        (done,) = await page.shown("done")
        assert reply["problems"] == done["problems"] == (await pair.context())["problems"] == [LATER]
        reply = (await pair.act({"end": "2026-05-03"})).payload
        assert (reply["problems"], (await page.shown("done"))[-1]["problems"]) == ([], [])
        assert "problemsUnknown" not in reply | done


@in_virtual_time
async def test_what_the_person_does_is_judged_and_told_as_an_event() -> None:
    pair = await stay(in_order_async, context={"start": "2026-05-02"})
    async with pair.watch() as page:
        assert (await page.shown())[0]["snapshot"]["problems"] == []
        reply = (await pair.edit("end", "2026-05-01")).payload
        (told,) = await page.shown("problems")
        assert (told["problems"], told["seq"]) == ([LATER], reply["seq"] + 1)
        assert reply["problems"] == [LATER]
        await page.send(type="userEdit", key="end", value="2026-05-03", ref="a")
        assert [frame["problems"] for frame in await page.shown("problems")] == [[LATER], []]
        await pair.edit("end", "2026-05-04")
        assert len(await page.shown("problems")) == 2  # nothing new to tell


@in_virtual_time
async def test_what_the_person_reverts_or_lets_in_is_judged_too() -> None:
    pair = await stay(in_order_async, context={"start": "2026-05-02"})
    await pair.act({"end": "2026-05-01"})
    reverted = await pair.engine.post_revert(pair.session_id, {"key": "end"}, pair.user)
    assert (reverted.payload["reverted"], reverted.payload["problems"]) == (["end"], [])
    suggested = {"actions": [{"type": "suggest", "key": "end", "value": "2026-05-01"}]}
    await pair.engine.post_action(pair.session_id, suggested, pair.agent)
    (request,) = (await pair.context())["requests"]
    decision = {"decision": "accept", "digest": request["digest"]}
    answered = await pair.engine.post_answer(pair.session_id, request["id"], decision, pair.user)
    assert (answered.payload["status"], answered.payload["problems"]) == ("answered", [LATER])


@in_virtual_time
async def test_a_snapshot_has_what_was_wrong_at_the_beginning() -> None:
    pair = await stay(in_order_async, context={"start": "2026-05-02", "end": "2026-05-01"})
    async with pair.watch() as page:
        (connected,) = await page.shown()
    assert connected["snapshot"]["problems"] == [LATER]
    assert (await pair.log()) == []


async def test_a_problem_of_a_sensitive_field_says_nothing_of_its_value() -> None:
    pair = await stay(lambda document: {"iban": f"{document['iban']} is wrong"} if "iban" in document else None)
    reply = (await pair.act({"iban": "DE00"})).payload
    assert reply["problems"] == [{"keys": ["iban"], "msg": "This value is not accepted"}]


@in_virtual_time
async def test_fields_by_hand_judge_what_the_person_writes() -> None:
    engine = virtual_engine()
    form = engine.form("stay", FIELDS)
    pair = await open_pair(engine, {"form": "stay"})
    assert (await pair.act({"end": "2026-05-01"})).payload["problems"] == []
    assert [event.type for event in await pair.log()] == ["action", "done"]
    (problem,) = (await pair.edit("end", "tomorrow")).payload["problems"]
    assert (problem["keys"], "expected a date" in problem["msg"]) == (["end"], True)
    with pytest.raises(FieldErrors, match="end: expected a date"):
        form.parse({"end": "tomorrow"})


@in_virtual_time
async def test_a_session_of_a_page_with_its_own_schema_has_no_problems() -> None:
    pair = await open_pair(virtual_engine(), {"mode": "form-fill", "schema": FIELDS})
    reply = (await pair.act({"end": "2026-05-01"})).payload
    assert "problems" not in reply | await pair.context()


async def test_a_model_judges_by_itself_and_in_its_own_words() -> None:
    class Stay(BaseModel):
        start: str = ""
        nights: int = 1

        @model_validator(mode="after")
        def short(self) -> Stay:
            if self.nights > 3:
                raise ValueError("at most three nights")
            return self

    engine = ProtocolEngine()
    engine.form("stay", Stay)
    pair = await open_pair(engine, {"form": "stay"})
    assert (await pair.act({"nights": 4})).payload["problems"] == [{"keys": [], "msg": "at most three nights"}]


async def test_a_plain_validator_runs_in_a_thread_and_native_code_on_the_loop() -> None:
    class Stay(BaseModel):
        nights: int = 1

    threads: list[int] = []
    engine = ProtocolEngine()
    engine.form("plain", FIELDS, validator=lambda _: threads.append(threading.get_ident()))
    engine.form("native", Stay)
    before = threading.active_count()
    pair = await open_pair(engine, {"form": "native", "context": {"nights": "many"}})
    assert (await pair.context())["problems"][0]["keys"] == ["nights"]
    assert threading.active_count() == before
    await open_pair(engine, {"form": "plain"})
    assert threads
    assert threading.get_ident() not in threads


@in_virtual_time
async def test_errors_by_field_may_be_raised_too() -> None:
    async def raises(_: object) -> None:
        raise FieldErrors({"end": "is full"})

    pair = await stay(raises)
    assert (await pair.context())["problems"] == [{"keys": ["end"], "msg": "is full"}]


# How often it is asked


@in_virtual_time
async def test_one_state_is_judged_once_however_many_ask() -> None:
    slow = Slow(1.0)
    pair = await stay(slow)
    async with asyncio.timeout(10):
        replies = await asyncio.gather(*(pair.context() for _ in range(20)))
        assert [reply["problems"] for reply in replies] == [[]] * 20
        await pair.context()
        await pair.context(Role.AGENT)
    assert len(slow.calls) == 1  # by the creation, which did not wait for it


@in_virtual_time
async def test_a_batch_is_judged_once_and_its_verdict_is_kept_with_it() -> None:
    slow = Slow(0.1)
    pair = await stay(slow)
    await pair.act({"start": "2026-05-02", "end": "2026-05-01"})
    assert len(slow.calls) == 2
    assert (await pair.context())["problems"] == [LATER]
    assert len(slow.calls) == 2
    await pair.act({"start": "2026-05-02"} | {"nothing": 1})
    await pair.engine.post_action(pair.session_id, {"actions": [{"type": "set", "key": "no", "value": 1}]}, pair.agent)
    assert len(slow.calls) == 3  # a batch that writes nothing is judged by no one


@in_virtual_time
async def test_the_edits_of_a_person_who_types_are_judged_together() -> None:
    slow = Slow(1.0)
    pair = await stay(slow)
    async with pair.watch() as page:
        await asyncio.sleep(3)
        calls = len(slow.calls)
        for day in range(1, 10):
            await page.send(type="userEdit", key="start", value=f"2026-05-0{day}")
            await asyncio.sleep(0.1)
        await page.send(type="userEdit", key="end", value="2026-05-01")
        await asyncio.sleep(5)
        assert [frame["problems"] for frame in await page.shown("problems")][-1] == [LATER]
    assert len(slow.calls) - calls == 2


@in_virtual_time
async def test_a_verdict_that_was_missed_is_told_by_whoever_finds_it() -> None:
    first, second = await workers(
        2, {"form": "stay"}, limits=ROOM, prepare=lambda engine: engine.form("stay", FIELDS, validator=in_order_async)
    )
    await first.edit("start", "2026-05-02")
    reply = (await second.act({"end": "2026-05-01"})).payload
    assert reply["problems"] == (await first.context())["problems"] == [LATER]


@pytest.mark.parametrize("seed", range(20))
@in_virtual_time
async def test_at_rest_every_watcher_was_told_of_the_verdict_on_what_is_saved(seed: int) -> None:
    chance = random.Random(seed)

    async def unsteady(document: dict[str, Any]) -> dict[str, str]:
        await asyncio.sleep(chance.choice([0.0, 0.001, 0.01, 0.2, 1.0]))
        return in_order(document)

    def prepare(engine: ProtocolEngine) -> None:
        engine.form("stay", FIELDS, validator=unsteady)

    pairs = await workers(2, {"form": "stay"}, limits=ROOM, prepare=prepare)

    async def write() -> None:
        await asyncio.sleep(chance.random())
        pair, values = chance.choice(pairs), {chance.choice(["start", "end"]): f"2026-05-0{chance.randint(1, 9)}"}
        if chance.random() < 0.5:
            await pair.act(values)
        else:
            await pair.edit(*values.popitem())

    async with pairs[0].watch() as one, pairs[1].watch(Role.AGENT) as other:
        await asyncio.gather(*(write() for _ in range(20)))
        await asyncio.sleep(20)
        context = await pairs[0].context()
        for watcher in (one, other):
            told = [frame["problems"] for frame in await watcher.shown("problems", "done") if "problems" in frame]
            assert told[-1] == context["problems"]
    held = {key: record["value"] for key, record in context["context"].items()}
    assert context["problems"] == ([LATER] if in_order(held) else [])
    assert [pair.engine.statistics.running for pair in pairs] == [0, 0]


# Nothing waits for it under a lock


@in_virtual_time
async def test_an_edit_gets_through_at_once_while_the_validator_sleeps() -> None:
    pair = await stay(Slow(2.0))
    await asyncio.sleep(5)
    acting = asyncio.create_task(pair.act({"end": "2026-05-01"}))
    await asyncio.sleep(0.1)
    async with pair.watch() as page:
        began = loop_time()
        await page.send(type="userEdit", key="start", value="2026-05-02", ref="a")
        (ack,) = await page.shown("ack")
        assert (ack["ref"], loop_time() - began < 0.1) == ("a", True)
        began = loop_time()
        reply = (await pair.edit("start", "2026-05-03")).payload
        assert loop_time() - began <= EDIT_PATIENCE + 0.01
        assert (reply["problems"], reply["problemsUnknown"]) == ([], True)
        assert not acting.done()
        acted = (await acting).payload
        assert acted["problems"] == [LATER]
        await asyncio.sleep(5)
        assert [frame["problems"] for frame in await page.shown("problems")] == [[LATER]]
        (done,) = await page.shown("done")
        assert "problems" not in done  # it was played on another state than the one that was judged


@in_virtual_time
async def test_a_batch_waits_for_its_own_verdict_and_no_longer_than_it_may() -> None:
    pair = await stay(Slow(60.0))
    await asyncio.sleep(6)
    began = loop_time()
    reply = (await pair.act({"end": "2026-05-01"})).payload
    assert loop_time() - began == pytest.approx(5.0)
    assert (reply["applied"], reply["problems"], reply["problemsUnknown"]) == (["end"], [], True)
    began = loop_time()
    assert (await pair.context())["problemsUnknown"]
    assert loop_time() == began  # it is not asked again at once
    await asyncio.sleep(6)
    await pair.context()
    assert loop_time() - began == pytest.approx(11.0)


@in_virtual_time
async def test_a_page_does_not_wait_for_it_to_be_connected() -> None:
    pair = await stay(Slow(3.0), context={"start": "2026-05-02", "end": "2026-05-01"})
    began = loop_time()
    async with pair.watch() as page:
        (connected,) = await page.shown()
        assert loop_time() - began <= EDIT_PATIENCE + 0.01
        assert (connected["snapshot"]["problems"], connected["snapshot"]["problemsUnknown"]) == ([], True)
        await asyncio.sleep(4)
        assert [frame["problems"] for frame in await page.shown("problems")] == [[LATER]]


def nonsense(_: object) -> Any:
    return 3


def endless(_: object) -> Iterator[str]:
    while True:
        yield "no"


def raising(document: dict[str, Any]) -> None:
    raise KeyError(f"secret {document}")


def ending(_: object) -> None:
    raise SystemExit(3)


def unspeakable(_: object) -> list[str]:
    return ["half an emoji: \ud83d"]


FAULTS = {
    "raises": (raising, "KeyError"),
    "answers nonsense": (nonsense, "not int"),
    "wants to end the server": (ending, "SystemExit"),
    "names a key of another kind": (lambda _: [{"keys": [3], "msg": "x"}], "not int"),
    "says no text": (lambda _: {"end": 3}, "not int"),
}


@pytest.mark.parametrize("style", ["def", "async def"])
@pytest.mark.parametrize(("fault", "told"), FAULTS.values(), ids=FAULTS)
async def test_a_validator_that_fails_refuses_nothing_and_its_text_is_told_nowhere(
    fault: Callable[[Any], Any], told: str, style: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def awaited(document: Any) -> Any:
        return fault(document)

    engine = ProtocolEngine()
    engine.form("stay", FIELDS, validator=fault if style == "def" else awaited)
    with caplog.at_level(logging.ERROR):
        pair = await open_pair(engine, {"form": "stay", "context": {"start": "top secret"}})
        reply = (await pair.act({"end": "2026-05-01"})).payload
        edited = (await pair.edit("start", "2026-05-03")).payload
        context = await pair.context()
    assert (reply["applied"], edited["ok"]) == (["end"], True)
    assert [answer["problemsUnknown"] for answer in (reply, edited, context)] == [True] * 3
    assert "The validator of the form stay makes no statement: " in caplog.text
    assert told in caplog.text
    assert "secret" not in caplog.text.replace('f"secret {document}"', "")
    await until(lambda: engine.statistics.running == 0)


async def test_what_no_json_can_hold_of_a_text_is_replaced() -> None:
    engine = ProtocolEngine()
    engine.form("stay", FIELDS, validator=unspeakable)
    pair = await open_pair(engine, {"form": "stay"})
    assert (await pair.context())["problems"] == [{"keys": [], "msg": "half an emoji: ?"}]


async def test_a_validator_that_never_ends_its_answer_is_heard_as_far_as_it_goes() -> None:
    engine = ProtocolEngine()
    engine.form("stay", FIELDS, validator=endless)
    pair = await open_pair(engine, {"form": "stay"})
    assert (await pair.context())["problems"] == [{"keys": [], "msg": "no"}]


async def test_a_form_that_hangs_for_good_starves_no_other() -> None:
    hanging = threading.Event()
    engine = ProtocolEngine(limits=ROOM.replace(validator_timeout=0.05))
    engine.form("hangs", FIELDS, validator=lambda _: hanging.wait(30))
    engine.form("stay", FIELDS, validator=in_order)
    try:
        stuck = [await open_pair(engine, {"form": "hangs"}) for _ in range(3)]
        await asyncio.gather(*(pair.act({"end": f"2026-05-{day:02}"}) for pair in stuck for day in range(1, 30)))
        threads = threading.active_count()
        pair = await open_pair(engine, {"form": "stay", "context": {"start": "2026-05-02"}})
        assert (await pair.act({"end": "2026-05-01"})).payload["problems"] == [LATER]
        assert threads < 150
        began = time.perf_counter()
        assert (await stuck[0].act({"end": "2026-05-01"})).payload["problemsUnknown"]
        assert time.perf_counter() - began < 1.0
    finally:
        hanging.set()


def taking_its_time(document: dict[str, Any]) -> dict[str, str]:
    time.sleep(0.05)
    return in_order(document)


MOODS: dict[str, Callable[[Any], Any]] = {
    "sleeps": lambda _: time.sleep(0.3),
    "raises": raising,
    "answers nonsense": nonsense,
    "takes 50 ms": taking_its_time,
}


@pytest.mark.parametrize("mood", MOODS)
async def test_a_hundred_writers_get_through_whatever_the_validator_does(mood: str) -> None:
    engine = ProtocolEngine(limits=ROOM.replace(validator_timeout=0.2))
    engine.form("stay", FIELDS, validator=MOODS[mood])
    pair = await open_pair(engine, {"form": "stay"})

    async def write(number: int) -> dict[str, Any]:
        day = f"2026-05-{number % 28 + 1:02}"
        return (await (pair.edit("start", day) if number % 2 else pair.act({"end": day}))).payload

    replies = await asyncio.gather(*(write(number) for number in range(100)))
    assert all(reply["ok"] for reply in replies)
    assert all("problems" in reply for reply in replies)
    assert (await record_of(engine.store, pair.session_id)).session.seq >= 150
    await until(lambda: engine.statistics.running == 0)
    assert engine.statistics.locks == 0


# Bounds


@in_virtual_time
async def test_only_so_many_verdicts_are_remembered() -> None:
    pair = await stay(in_order_async)
    validation: FormValidation = pair.engine._workers.here.validation
    session = (await pair.record()).session
    for number in range(REMEMBERED + 10):
        session.session_id = str(number)
        validation.remember_verdict(session, await validation.verdict_on(session))
    assert len(validation._remembered) == REMEMBERED


@in_virtual_time
async def test_a_session_that_ends_meanwhile_is_told_nothing_more() -> None:
    pair = await stay(Slow(1.0))
    await pair.edit("end", "2026-05-01")
    await pair.engine.revoke(pair.session_id, pair.user)
    await asyncio.sleep(5)
    assert await code_of(pair.context()) == (404, "session_revoked")
    assert pair.engine.statistics.running == 0


@in_virtual_time
async def test_a_context_is_named_anew_once_its_verdict_is_known() -> None:
    pair = await stay(Slow(60.0))
    unknown = await pair.engine.get_context(pair.session_id, pair.user)
    assert unknown.etag is not None
    assert unknown.etag.endswith("-unjudged")
