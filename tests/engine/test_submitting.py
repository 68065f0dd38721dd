"""Submissions: once for what was shown, whatever races, crashes, is repeated, or fails in the host's code."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from handshake_prompt import FieldErrors, Limits, ProtocolEngine, Reject, Role, SubmittedForm
from handshake_prompt.engine.submitting import MARGIN
from handshake_prompt.forms.schema_errors import REQUIRED
from handshake_prompt.protocol.errors import HandshakeError, StoreUnavailableError
from handshake_prompt.protocol.submission_errors import InvalidFormError
from handshake_prompt.session.page_problems import HIDDEN
from tests.conftest import FORM
from tests.support.pairing import REST, Pair, code_of, open_pair, refusal, virtual_engine, workers, yielding
from tests.support.relay import nothing
from tests.support.virtual_time import in_virtual_time

LIMITS = Limits()
UNSHOWN = {"key": "age", "type": "integer", "showIf": {"key": "name", "in": ["nobody"]}}
Function = Callable[[SubmittedForm], Awaitable[Any]]


class Host:
    """A host's function, and what it was given."""

    def __init__(self, answer: Any = None, *, takes: float = 0.0) -> None:
        self.given: list[SubmittedForm] = []
        self.answer = answer
        self.takes = takes

    async def __call__(self, submission: SubmittedForm) -> Any:
        self.given.append(submission)
        await asyncio.sleep(self.takes)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def submit(pair: Pair, digest: str | None = None) -> dict[str, Any]:
    if digest is None:
        digest = (await pair.context())["digest"]
    return (await pair.engine.post_submit(pair.session_id, {"digest": digest}, pair.user)).payload


async def hosted(host: Host, count: int = 2, **options: Any) -> list[Pair]:
    """Return a form of which some is filled, as several workers of one host see it."""
    pairs = await workers(count, FORM | {"context": {"name": "Ada"}}, **options)
    for pair in pairs:
        pair.engine.on_submit(host)
    await pairs[0].act({"age": 36})
    return pairs


@in_virtual_time
async def test_the_host_is_given_what_was_shown_and_the_person_a_receipt() -> None:
    host = Host({"number": 7})
    here, there = await hosted(host)
    digest = (await there.context())["digest"]
    async with there.watch() as page, there.watch() as other:
        receipt = await submit(here, digest)
        (submission,) = host.given
        assert receipt == {
            "ok": True,
            "id": submission.id,
            "at": receipt["at"],
            "digest": digest,
            "authors": {"name": "user", "age": "ai"},
            "result": {"number": 7},
        }
        assert (submission.values, submission.value) == ({"name": "Ada", "age": 36}, {"name": "Ada", "age": 36})
        assert (submission.session_id, submission.digest) == (here.session_id, digest)
        await asyncio.sleep(1)
        for viewer in (page, other):
            assert (viewer.frames[-1], viewer.closed) == ({"type": "submitted"}, 4410)
    for pair in (here, there):
        assert await submit(pair, digest) == receipt
        status = (await pair.engine.get_session(pair.session_id, pair.agent)).payload
        assert (status["status"], status["submission"]) == ("submitted", {"id": receipt["id"], "state": "done"})
        for work in (pair.act({"age": 1}), pair.edit("age", 1), pair.context(), pair.diff(), submit(pair, "other")):
            assert await code_of(work) == (409, "session_submitted")
    assert len(host.given) == 1
    assert (await here.record()).session.values == {}


@in_virtual_time
async def test_what_changed_since_it_was_shown_is_not_submitted() -> None:
    host = Host()
    here, there = await hosted(host)
    shown = (await here.context())["digest"]
    changes: list[Callable[[], Awaitable[Any]]] = [
        lambda: there.act({"age": 37}),
        lambda: there.act({"age": 36}),
        lambda: there.edit("name", "Ada"),
        lambda: there.engine.post_notify(there.session_id, {"key": "name", "release": True}, there.user),
        lambda: there.engine.post_revert(there.session_id, {"all": True}, there.user),
        lambda: there.engine.post_notify(there.session_id, {"schema": {"set": [UNSHOWN]}}, there.user),
    ]
    for change in changes:
        await change()
        assert await code_of(submit(here, shown)) == (409, "changed")
        shown = (await here.context())["digest"]
    assert host.given == []
    assert (await here.record()).session.submission is None


@in_virtual_time
async def test_done_and_acknowledgements_bring_the_digest_of_the_state_they_lead_to() -> None:
    here, _ = await hosted(Host())
    async with here.watch() as page:
        await here.act({"age": 40})
        assert (await page.shown("done"))[-1]["digest"] == (await here.context())["digest"]
        await page.send(type="userEdit", key="name", value="Bea", ref=1)
        assert (await page.shown("ack"))[-1]["digest"] == (await here.context())["digest"]
        assert (await here.edit("name", "Cy")).payload["digest"] == (await here.context())["digest"]


@in_virtual_time
async def test_a_change_that_comes_between_the_read_and_the_claim_is_seen() -> None:
    host = Host()
    here, there = await hosted(host)
    shown = (await here.context())["digest"]

    async def change(name: str) -> None:
        if name == "save":
            here.store.before = nothing
            await there.edit("name", "Bea")

    here.store.before = change
    assert await code_of(submit(here, shown)) == (409, "changed")
    assert host.given == []


@in_virtual_time
async def test_copies_that_arrive_at_once_at_all_workers_have_one_effect_and_one_receipt() -> None:
    host = Host(takes=1.0)
    pairs = await hosted(host, 3)
    digest = (await pairs[0].context())["digest"]
    receipts = await asyncio.gather(*(submit(pair, digest) for pair in pairs * 4))
    assert len(host.given) == 1
    assert len({receipt["id"] for receipt in receipts}) == 1
    assert [pair.engine.statistics for pair in pairs] == [REST] * 3


@in_virtual_time
async def test_a_copy_of_what_takes_long_is_told_to_come_again() -> None:
    host = Host(takes=20.0)
    here, there = await hosted(host)
    digest = (await here.context())["digest"]
    first = asyncio.create_task(submit(here, digest))
    await asyncio.sleep(1)
    assert await code_of(submit(there, digest)) == (409, "submission_in_progress")
    assert (await there.context())["submission"]["state"] == "claimed"
    receipt = await first
    assert await submit(there, digest) == receipt
    assert len(host.given) == 1


@in_virtual_time
async def test_faults_that_the_host_finds_are_told_to_page_and_agent_until_their_field_is_written() -> None:
    host = Host(FieldErrors({"age": "Too young.", "iban": "DE02 is not yours"}))
    here, there = await hosted(host)
    digest = (await here.context())["digest"]
    async with there.watch() as page:
        for pair in (here, there):
            with pytest.raises(HandshakeError) as refused:
                await submit(pair, digest)
            assert (refused.value.status, refused.value.code) == (422, "invalid_form")
        told = await page.shown("submission")
    problems = [{"keys": ["age"], "msg": "Too young."}, {"keys": ["iban"], "msg": "This value is not accepted"}]
    assert refused.value.problems == tuple(problems)  # type: ignore[attr-defined]
    assert [frame["state"] for frame in told] == ["claimed", "failed"]
    assert told[-1]["problems"] == problems
    assert (await there.context())["problems"] == problems
    assert len(host.given) == 1, "the same state was handed over twice"
    await here.act({"age": 40})
    assert (await there.context())["problems"] == problems[1:]
    host.answer = None
    assert (await submit(there))["ok"] is True
    assert len(host.given) == 2


@in_virtual_time
async def test_a_fault_of_something_else_quotes_no_hidden_value() -> None:
    (here,) = await hosted(Host(FieldErrors({"age": "Too young for DE02 77", "": "No"})), 1)
    await here.edit("iban", "DE02 77")
    with pytest.raises(HandshakeError):
        await submit(here)
    told = [problem["msg"] for problem in (await here.context())["problems"]]
    assert told == ["This value is not accepted", "No"]


@in_virtual_time
async def test_a_reason_that_quotes_a_hidden_value_is_kept_to_the_host() -> None:
    secret = {"mode": "form-fill", "schema": [{"key": "iban", "sensitive": True}], "context": {"iban": "DE02 1203"}}
    for reason, told in (("DE02 1203 is blocked", None), ("It is blocked", "It is blocked")):
        pair = await open_pair(virtual_engine(), secret)
        pair.engine.on_submit(Host(Reject(reason)))
        assert await code_of(submit(pair)) == (403, "submission_refused")
        assert (await pair.context(Role.AGENT))["submission"].get("reason") == told


@in_virtual_time
async def test_faults_in_rows_are_told_by_their_ids_where_the_host_counts_them() -> None:
    lines = {"key": "lines", "type": "rows", "fields": [{"key": "amount"}, {"key": "pin", "sensitive": True}]}
    pair = await open_pair(virtual_engine(), {"mode": "form-fill", "schema": [lines]})
    await pair.notify(add="lines", value={"amount": "1"})
    await pair.notify(add="lines", value={"amount": "2"}, after=None)
    first, last = (await pair.context())["rows"]["lines"]
    found = {
        "lines/0/amount": "a",
        "lines/1": "b",
        f"lines/{first}/pin": "c",
        "lines/0/pin": "d",
        "lines/2/amount": "e",
    }
    pair.engine.on_submit(Host(FieldErrors(found)))
    error = await refusal(submit(pair))
    assert isinstance(error, InvalidFormError)
    assert [(one["keys"], one["msg"]) for one in error.problems] == [
        ([f"lines/{first}/amount"], "a"),
        ([f"lines/{last}"], "b"),
        ([f"lines/{first}/pin"], HIDDEN),
        (["lines/2/amount"], "e"),
    ]


@in_virtual_time
async def test_a_refusal_with_a_reason_is_told_and_not_asked_for_again() -> None:
    host = Host(Reject("The office is closed"))
    here, there = await hosted(host)
    for pair in (here, there):
        with pytest.raises(HandshakeError) as refused:
            await submit(pair)
        assert (refused.value.code, refused.value.detail) == ("submission_refused", "The office is closed")
    assert len(host.given) == 1


@in_virtual_time
async def test_a_refusal_in_the_frameworks_words_is_a_refusal_and_what_changed_may_be_submitted() -> None:
    host = Host(HTTPException(409, "Sold out"))
    here, there = await hosted(host)
    for pair in (here, there):
        assert await code_of(submit(pair)) == (403, "submission_refused")
    told = (await there.context())["submission"]
    assert (told["state"], told["reason"]) == ("failed", "Sold out")
    await there.edit("name", "Bea")
    host.answer = HTTPException(502, "secret")
    assert await code_of(submit(there)) == (409, "submission_unknown")
    assert len(host.given) == 2


@in_virtual_time
async def test_a_form_of_a_pages_own_is_not_submitted_while_something_is_missing_that_the_server_is_told() -> None:
    host = Host()
    fields = [
        {"key": "name", "required": True},
        {"key": "why", "requiredIf": {"filled": "name"}},
        {"key": "password", "required": True, "by": "person"},
        {"key": "far", "required": True, "showIf": {"key": "name", "in": ["away"]}},
        {"key": "note"},
    ]
    engine = virtual_engine()
    engine.on_submit(host)
    pair = await open_pair(engine, {"mode": "form-fill", "schema": fields})
    for values, missing in (({}, ["name"]), ({"name": "Ada"}, ["why"])):
        for key, value in values.items():
            await pair.edit(key, value)
        refused = await refusal(submit(pair))
        assert isinstance(refused, InvalidFormError)
        assert (refused.status, refused.code) == (422, "invalid_form")
        assert [(one["keys"], one["msg"]) for one in refused.problems] == [([key], REQUIRED) for key in missing]
    assert "submission" not in await pair.context()
    await pair.edit("why", "so")
    assert (await submit(pair))["ok"] is True
    assert len(host.given) == 1


REASONS: dict[str, tuple[Any, str]] = {
    "nothing": (None, Reject("").reason),
    "a number": (5, "5"),
    "no Unicode": ("half \ud800", "half ?"),
    "very long": ("x" * 10**6, "x" * 299 + "…"),
}


@pytest.mark.parametrize(("reason", "told"), REASONS.values(), ids=REASONS)
@in_virtual_time
async def test_a_refusal_for_an_odd_reason_is_a_refusal(reason: Any, told: str) -> None:
    here, there = await hosted(Host(Reject(reason)))
    for pair in (here, there):
        assert await code_of(submit(pair)) == (403, "submission_refused")
    assert (await there.context())["submission"].get("reason", "") == told


UNSURE: dict[str, Host] = {
    "it raises": Host(RuntimeError("secret")),
    "it hangs": Host(takes=10 * LIMITS.submit_timeout),
}


@pytest.mark.parametrize("host", UNSURE.values(), ids=UNSURE)
@in_virtual_time
async def test_what_nobody_can_tell_is_unknown_and_never_run_again(host: Host) -> None:
    here, there = await hosted(host)
    assert await code_of(submit(here)) == (409, "submission_unknown")
    await there.edit("name", "Bea")
    assert await code_of(submit(there)) == (409, "submission_unknown")
    assert (await there.context())["submission"]["state"] == "unknown"
    assert len(host.given) == 1
    assert await there.engine.reopen(there.session_id) is True
    assert await there.engine.reopen(there.session_id) is False
    host.answer, host.takes = None, 0.0
    await submit(here)
    assert len(host.given) == 2


async def calls_of_a_submission() -> list[str]:
    (pair,) = await hosted(Host(), 1)
    digest, calls = (await pair.context())["digest"], list[str]()

    async def note(name: str) -> None:
        calls.append(name)

    pair.store.before = note
    await submit(pair, digest)
    return calls


@in_virtual_time
async def test_a_worker_killed_at_any_moment_leaves_open_done_or_unknown_and_never_a_second_run() -> None:
    seen = set()
    for place in range(len(await calls_of_a_submission()) + 1):
        for after in (False, True):
            host = Host(takes=0.5)
            here, there = await hosted(host)
            digest, calls = (await here.context())["digest"], list[str]()

            async def killed(name: str, calls: list[str] = calls, place: int = place) -> None:
                calls.append(name)
                if len(calls) > place:
                    await asyncio.Event().wait()

            if after:
                here.store.after = killed
            else:
                here.store.before = killed
            dying = asyncio.create_task(submit(here, digest))
            await asyncio.sleep(LIMITS.submit_timeout + MARGIN + 1)
            state = await outcome(there, digest)
            assert len(host.given) <= 1, (place, after, state)
            assert state != "done" or len(host.given) == 1
            seen.add(state)
            dying.cancel()
            await asyncio.gather(dying, return_exceptions=True)
    assert seen == {"done", "unknown"}


async def outcome(pair: Pair, digest: str) -> str:
    """Submit what was begun elsewhere; return what has become of it."""
    answer = (await asyncio.gather(submit(pair, digest), return_exceptions=True))[0]
    if isinstance(answer, HandshakeError):
        assert answer.code == "submission_unknown"
        return "unknown"
    return "done"


@in_virtual_time
async def test_an_outcome_is_stored_as_soon_as_the_store_is_back() -> None:
    host = Host()
    (pair,) = await hosted(host, 1)
    digest, saves = (await pair.context())["digest"], list[str]()

    async def away(name: str) -> None:
        if name == "save":
            saves.append(name)
            if 1 < len(saves) < 5:
                raise StoreUnavailableError

    pair.store.before = away
    assert (await submit(pair, digest))["ok"] is True
    assert len(host.given) == 1


@in_virtual_time
async def test_a_person_who_is_gone_meanwhile_has_submitted_all_the_same() -> None:
    host = Host(takes=1.0)
    (pair,) = await hosted(host, 1)
    digest = (await pair.context())["digest"]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(submit(pair, digest), 0.5)
    await asyncio.sleep(2)
    assert (await submit(pair, digest))["ok"] is True
    assert len(host.given) == 1


@in_virtual_time
async def test_a_session_that_is_revoked_meanwhile_stays_so() -> None:
    host = Host(takes=1.0)
    here, there = await hosted(host)
    submitting = asyncio.create_task(submit(here))
    await asyncio.sleep(0.5)
    await there.engine.revoke(there.session_id, there.user)
    with pytest.raises(HandshakeError) as refused:
        await submitting
    assert refused.value.code == "session_revoked"
    assert (await here.record()).session.submission is None


LATE: dict[str, tuple[Any, Any]] = {
    "it is taken": ({"number": 7}, "done"),
    "it has faults": (FieldErrors({"age": "Too young"}), (422, "invalid_form")),
    "it is refused": (Reject("Closed"), (403, "submission_refused")),
    "nobody can tell": (RuntimeError("lost"), (409, "submission_unknown")),
}


async def late(host: Host, count: int = 2) -> tuple[list[Pair], str, asyncio.Task[dict[str, Any]]]:
    """Return a submission begun a moment before its session's longest lifetime is over."""
    pairs = await hosted(host, count)
    deadline = (await pairs[0].record()).session.deadline
    while deadline - pairs[0].engine.store.now() > 600:
        await asyncio.sleep(500)
        digest = (await pairs[0].context())["digest"]
    await asyncio.sleep(deadline - pairs[0].engine.store.now() - 1)
    submitting = asyncio.create_task(submit(pairs[0], digest))
    await asyncio.sleep(2)
    assert await code_of(pairs[0].context()) == (404, "session_expired")
    return pairs, digest, submitting


@pytest.mark.parametrize(("answer", "expected"), LATE.values(), ids=LATE)
@in_virtual_time
async def test_an_outcome_after_the_sessions_time_is_told_and_told_again(answer: Any, expected: Any) -> None:
    host = Host(answer, takes=4.0)
    (here, there), digest, submitting = await late(host)
    meanwhile = asyncio.create_task(submit(there, digest))
    if expected == "done":
        receipt = await submitting
        assert (receipt["digest"], receipt["result"]) == (digest, answer)
        assert await meanwhile == receipt
        assert [await submit(pair, digest) for pair in (here, there)] == [receipt] * 2
        status = (await there.engine.get_session(there.session_id, there.agent)).payload
        assert (status["status"], status["submission"]["state"]) == ("submitted", "done")
    else:
        for work in (submitting, meanwhile, submit(here, digest), submit(there, digest)):
            assert await code_of(work) == expected
        assert await code_of(there.context()) == (404, "session_expired")
    other = {"done": (409, "session_submitted"), (409, "submission_unknown"): expected}
    assert await code_of(submit(there, "other")) == other.get(expected, (404, "session_expired"))
    assert len(host.given) == 1
    await asyncio.sleep(LIMITS.tombstone_seconds + 10)
    assert await code_of(submit(there, digest)) == (403, "invalid_token")


@in_virtual_time
async def test_a_worker_that_dies_with_its_session_leaves_an_outcome_that_the_host_may_settle() -> None:
    host = Host(takes=5.0)
    (here, there), digest, submitting = await late(host)

    async def dead(_: str) -> None:
        await asyncio.Event().wait()

    here.store.before = dead
    assert await code_of(submit(there, digest)) == (409, "submission_in_progress")
    await asyncio.sleep(LIMITS.submit_timeout + MARGIN)
    assert await code_of(submit(there, digest)) == (409, "submission_unknown")
    assert await there.engine.finish(there.session_id) is True
    assert (await submit(there, digest))["digest"] == digest
    assert await there.engine.finish(there.session_id) is False
    submitting.cancel()
    assert len(host.given) == 1


@in_virtual_time
async def test_a_session_whose_time_is_over_is_not_finished_nor_begun_to_submit() -> None:
    host = Host(FieldErrors({"age": "Too young"}))
    (pair,) = await hosted(host, 1)
    assert await code_of(submit(pair)) == (422, "invalid_form")
    await pair.edit("age", 40)
    digest = (await pair.context())["digest"]
    await asyncio.sleep(LIMITS.tombstone_seconds + (await pair.record()).session.ttl - 10)
    assert await pair.engine.finish(pair.session_id) is False
    assert await code_of(submit(pair, digest)) == (404, "session_expired")
    assert len(host.given) == 1


class Claim(BaseModel):
    """A claim of expenses."""

    name: str
    amount: int


async def test_a_forms_own_function_is_given_its_model_and_nothing_that_the_model_refuses() -> None:
    engine = ProtocolEngine()
    claims, host = engine.form("claim", Claim), Host()
    claims.on_submit(host)
    pair = await open_pair(engine, {"form": "claim", "context": {"name": "Ada"}})
    with pytest.raises(HandshakeError) as refused:
        await submit(pair)
    assert (refused.value.code, host.given) == ("invalid_form", [])
    await pair.act({"amount": 12})
    await submit(pair)
    assert host.given[0].value == Claim(name="Ada", amount=12)
    assert host.given[0].authors == {"name": "user", "amount": "ai"}
    with pytest.raises(ValueError, match="already"):
        claims.on_submit(host)


async def test_a_plain_function_runs_in_a_thread_and_an_answer_that_is_no_json_is_left_out() -> None:
    pair = await open_pair(ProtocolEngine(), FORM | {"context": {"name": "Ada"}})
    threads: list[threading.Thread] = []

    @pair.engine.on_submit
    def save(_: SubmittedForm) -> object:
        threads.append(threading.current_thread())
        return object()

    with pytest.raises(ValueError, match="already"):
        pair.engine.on_submit(save)
    assert "result" not in await submit(pair)
    assert threads != [threading.current_thread()]


@in_virtual_time
async def test_fields_that_are_not_shown_are_not_submitted() -> None:
    schema = [{"key": "kind"}, {"key": "other", "showIf": {"key": "kind", "in": ["x"]}}]
    host = Host()
    engine: ProtocolEngine = virtual_engine()
    engine.on_submit(host)
    context = {"kind": "y", "other": "typed"}
    pair = await open_pair(engine, {"mode": "form-fill", "schema": schema, "context": context})
    receipt = await submit(pair)
    assert host.given[0].values == {"kind": "y"}
    assert receipt["authors"] == {"kind": "user"}


class Tab:
    """A page of the person's at one worker, and what it shows."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.digest = ""
        self.shown: dict[str, tuple[Any, str]] = {}

    async def refresh(self) -> None:
        context = await self.pair.context()
        self.digest = context["digest"]
        self.shown = {key: (record["value"], record["by"]) for key, record in context["context"].items()}


@pytest.mark.parametrize("seed", range(25))
@in_virtual_time
async def test_what_is_handed_over_is_what_some_page_showed_under_that_digest_and_once(seed: int) -> None:
    chance = random.Random(seed)
    shown: dict[str, dict[str, tuple[Any, str]]] = {}
    runs: list[str] = []

    async def take(submission: SubmittedForm) -> None:
        runs.append(submission.digest)
        given = {key: (value, submission.authors[key]) for key, value in submission.values.items()}
        assert given == shown[submission.digest], "something else was handed over than was shown"
        await asyncio.sleep(chance.random())
        if chance.random() < 0.6:
            raise FieldErrors({"name": "Not yet"})

    pairs = await workers(2, FORM | {"context": {"name": "Ada"}})
    for pair in pairs:
        pair.engine.on_submit(take)
        pair.store.before = yielding
    tabs = [Tab(pairs[place % 2]) for place in range(3)]

    async def look(tab: Tab) -> None:
        await tab.refresh()
        shown[tab.digest] = tab.shown

    def step(number: int) -> Awaitable[Any]:
        tab, pair = chance.choice(tabs), chance.choice(pairs)
        steps: list[Callable[[], Awaitable[Any]]] = [
            lambda: pair.act({chance.choice(["age", "email"]): chance.choice([number, None])}),
            lambda: pair.edit("name", chance.choice(["Ada", "Bea"])),
            lambda: pair.engine.post_revert(pair.session_id, {"all": True}, pair.user),
            lambda: look(tab),
            lambda: submit(tab.pair, tab.digest or "none"),
        ]
        return chance.choices(steps, [2, 2, 1, 4, 4])[0]()

    for number in range(60):
        together = [step(number) for _ in range(chance.randint(1, 4))]
        answers = await asyncio.gather(*together, return_exceptions=True)
        faults = [answer for answer in answers if isinstance(answer, Exception)]
        assert all(isinstance(fault, HandshakeError) for fault in faults), faults
    for last in (lambda: look(tabs[0]), lambda: submit(tabs[0].pair, tabs[0].digest)):
        await asyncio.gather(last(), return_exceptions=True)  # it may have been submitted before
    assert runs
    assert len(runs) == len(set(runs)), "a digest was handed over twice"
