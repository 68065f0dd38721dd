"""The engine when its world fails: stores, other workers, hooks that take too long, callers that go away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Any

import pytest

from handshake_prompt import Credential, HandshakeError, Limits, MemoryStore, Role
from handshake_prompt.engine import Statistics
from handshake_prompt.engine.transactions import ATTEMPTS
from handshake_prompt.protocol.errors import CloseCode, StoreUnavailableError, VersionConflictError
from handshake_prompt.protocol.events import Change
from tests.conftest import FORM, ROWS_FORM
from tests.support.pairing import Pair, open_pair, virtual_engine, workers
from tests.support.relay import Between, nothing
from tests.support.virtual_time import in_virtual_time, loop_time

REST = Statistics(watchers=0, locks=0, running=0)
ACTIONS = {"actions": [{"type": "set", "key": "name", "value": "new"}], "stream": False}


def fails_at(n: int, error: Exception, calls: list[str]) -> Between:
    """Return what makes the n-th call of a store fail; the names of all calls are noted.

    What workers tell each other of their watchers is left out: it happens in the background.
    """

    async def before(name: str) -> None:
        if name == "report_watchers":
            return
        calls.append(name)
        if len(calls) == n:
            raise error

    return before


def fails_times(n: int, error: Exception, calls: list[str]) -> Between:
    """Return what makes the first n saves of a store fail."""

    async def before(name: str) -> None:
        if name == "save":
            calls.append(name)
            if len(calls) <= n:
                raise error

    return before


def gated(gate: asyncio.Event) -> Between:
    """Return what holds up a save until the gate opens."""

    async def before(name: str) -> None:
        if name == "save":
            await gate.wait()

    return before


Operation = Callable[[Pair], Awaitable[object]]


def page_of(pair: Pair) -> Credential:
    return Credential(user_token=pair.created["userToken"], address="192.0.2.1")


async def watched(pair: Pair) -> None:
    async with pair.watch(after=pair.created["cursor"]):
        pass


OPERATIONS: dict[str, Operation] = {
    "create": lambda pair: pair.engine.create_session({}, credential=page_of(pair)),
    "status": lambda pair: pair.engine.get_session(pair.session_id, pair.agent),
    "context": lambda pair: pair.engine.get_context(pair.session_id, pair.agent),
    "diff": lambda pair: pair.engine.get_diff(pair.session_id, pair.agent),
    "long poll": lambda pair: pair.engine.get_diff(
        pair.session_id, pair.agent, since=pair.created["cursor"][:-1] + "2", wait=5
    ),
    "action": lambda pair: pair.engine.post_action(pair.session_id, ACTIONS, pair.agent),
    "action under a key": lambda pair: pair.engine.post_action(
        pair.session_id, ACTIONS, pair.agent, idempotency_key="key"
    ),
    "notify": lambda pair: pair.edit("name", "new"),
    "notify under a key": lambda pair: pair.notify(key="name", value="new", idempotencyKey="key"),
    "release": lambda pair: pair.engine.post_notify(pair.session_id, {"key": "age", "release": True}, pair.user),
    "extend": lambda pair: pair.engine.post_extend(pair.session_id, {"extraSeconds": 60}, pair.user),
    "rotate": lambda pair: pair.engine.rotate(pair.session_id, {}, pair.user),
    "revoke": lambda pair: pair.engine.revoke(pair.session_id, pair.user),
    "paste": lambda pair: pair.engine.post_paste(pair.session_id, {"text": '{"fields": {"name": "new"}}'}, pair.user),
    "ask": lambda pair: pair.engine.post_ask(pair.session_id, {"text": "Which?"}, pair.agent),
    "watch": watched,
    "a wrong token": lambda pair: pair.engine.get_context(pair.session_id, Credential("x", address="192.0.2.1")),
}


async def in_use() -> Pair:
    """Return a session with a history: seq 1 and 2 are an action and its `done`."""
    pair = await open_pair(virtual_engine(), {"context": {"name": "old"}})
    await pair.act({"age": 36})
    await asyncio.sleep(1)
    return pair


async def calls_of(operation: Operation, *, watched: bool = False) -> list[str]:
    """Return the calls an operation makes when all goes well, on a session that is watched or not."""
    pair, calls = await in_use(), list[str]()
    async with pair.watch() if watched else nullcontext():
        pair.store.before = fails_at(0, StoreUnavailableError(), calls)
        await asyncio.gather(operation(pair), return_exceptions=True)
        pair.store.before = nothing
    return calls


ERRORS: dict[str, Exception] = {
    "it cannot be reached": StoreUnavailableError("secret of the store's", retry_after=1),
    "it has a bug": RuntimeError("secret of the store's"),
}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
@in_virtual_time
async def test_i6_a_store_that_fails_at_any_call_leaves_nothing_written_and_nothing_told(
    operation: Operation, error: Exception
) -> None:
    calls = await calls_of(operation, watched=True)
    assert calls
    for n in range(1, len(calls) + 1):
        pair = await in_use()
        async with pair.watch() as page:
            shown, before, log = await page.shown(), await pair.record(), await pair.log()
            pair.store.before = fails_at(n, error, [])
            with pytest.raises(type(error)) as raised:
                await operation(pair)
            pair.store.before = nothing
            assert raised.value is error, f"call {n}, {calls[n - 1]}"
            after = await pair.record()
            assert (after.session, after.version, await pair.log()) == (before.session, before.version, log)
            assert await page.shown() == shown
            assert pair.engine.statistics == Statistics(watchers=1, locks=0, running=0)
        kept = await pair.store.inner.load(pair.session_id, key="key")
        assert kept is not None
        assert kept.receipt is None
        assert isinstance(pair.store.inner, MemoryStore)
        assert len(pair.store.inner) == 1


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name != "a wrong token"])
@in_virtual_time
async def test_what_failed_for_want_of_a_store_succeeds_when_it_is_back(operation: str) -> None:
    pair = await in_use()
    pair.store.before = fails_at(1, StoreUnavailableError(), [])
    with pytest.raises(StoreUnavailableError) as raised:
        await OPERATIONS[operation](pair)
    assert (raised.value.status, raised.value.code, raised.value.retryable) == (503, "store_unavailable", True)
    await OPERATIONS[operation](pair)
    assert pair.engine.statistics == REST


@in_virtual_time
async def test_an_edit_on_the_socket_that_cannot_be_stored_is_answered_with_the_reason() -> None:
    pair = await in_use()
    async with pair.watch() as page:
        pair.store.before = fails_at(1, StoreUnavailableError(), [])
        await page.send(type="userEdit", key="name", value="new", ref=1)
        await page.send(type="userEdit", key="name", value="new", ref=2)
        answers = [(frame["type"], frame["ref"], frame.get("code")) for frame in (await page.shown())[1:]]
        assert answers == [("error", 1, "store_unavailable"), ("ack", 2, None)]


@in_virtual_time
async def test_i7_a_change_that_was_reported_as_failed_and_had_happened_happens_once() -> None:
    """A store may cut off between the write and its answer; the agent sends the batch again under its key."""
    pair = await in_use()

    async def cut_off(name: str) -> None:
        if name == "save":
            raise StoreUnavailableError

    pair.store.after = cut_off
    with pytest.raises(StoreUnavailableError):
        await pair.act({"name": "new"}, key="k")
    pair.store.after = nothing
    reply = await pair.act({"name": "new"}, key="k")
    assert (reply.replayed, reply.payload["applied"]) == (True, ["name"])
    assert [event.seq for event in await pair.log()] == [1, 2, 3, 4]


@pytest.mark.parametrize("role", list(Role))
@in_virtual_time
async def test_i7_a_row_that_was_reported_as_not_added_and_was_is_there_once(role: Role) -> None:
    pair = await open_pair(virtual_engine(), ROWS_FORM)

    async def cut_off(name: str) -> None:
        if name == "save":
            raise StoreUnavailableError

    async def add() -> str | None:
        if role is Role.AGENT:
            reply = await pair.do({"type": "add", "key": "lines"}, key="k")
            return str(reply.payload["results"][0]["row"])
        return str((await pair.notify(add="lines", idempotencyKey="k")).payload["row"])

    pair.store.after = cut_off
    with pytest.raises(StoreUnavailableError):
        await add()
    pair.store.after = nothing
    assert [await add(), await add()] == ["r1", "r1"]
    assert (await pair.context())["rows"] == {"lines": ["r1"]}


# Other workers


@pytest.mark.parametrize("times", [0, 1, 5, ATTEMPTS - 1])
@pytest.mark.parametrize(
    "operation", ["action", "action under a key", "notify", "notify under a key", "extend", "rotate", "revoke"]
)
@in_virtual_time
async def test_i2_a_transition_that_loses_to_another_worker_is_run_again_and_has_one_effect(
    operation: str, times: int
) -> None:
    pair, calls = await in_use(), list[str]()
    judged: list[str] = []

    @pair.engine.on_action
    async def judge(_: object, action: Any, __: object) -> None:
        judged.append(action.key)

    pair.store.before = fails_times(times, VersionConflictError(), calls)
    version = (await pair.record()).version
    await OPERATIONS[operation](pair)
    assert len(calls) == times + 1
    assert (await pair.record()).version == version + 1
    if operation != "revoke":
        assert [event.seq for event in await pair.log()] == list(range(1, (await pair.record()).session.seq + 1))
    assert judged == (["name"] if operation.startswith("action") else [])


@in_virtual_time
async def test_a_transition_that_always_loses_is_a_conflict_that_may_be_retried() -> None:
    pair = await in_use()
    before = await pair.record()
    pair.store.before = fails_times(ATTEMPTS, VersionConflictError(), [])
    with pytest.raises(VersionConflictError) as raised:
        await pair.act({"name": "new"})
    assert (raised.value.status, raised.value.code, raised.value.retryable) == (409, "version_conflict", True)
    assert await pair.record() == before
    await pair.act({"name": "new"})


@in_virtual_time
async def test_i1_of_an_agent_and_a_person_on_different_workers_the_person_keeps_the_field() -> None:
    acting, editing = await workers(2)
    for number in range(60):
        key = f"field {number}"

        async def edit(key: str = key, number: int = number) -> None:
            await asyncio.sleep(number % 7 / 1000)
            await editing.edit(key, "mine")

        await asyncio.gather(acting.act({key: "theirs"}), edit(), acting.act({key: "theirs again"}))
        assert (await acting.act({key: "late"})).payload["rejected"] == [key]
    held = await acting.values()
    assert {value for value, _ in held.values()} == {"mine"}
    closed: set[str] = set()
    for event in await acting.log():
        if isinstance(event, Change):
            assert event.type == "edit" or event.key not in closed
            closed |= {event.key} if event.type == "edit" else set()


@in_virtual_time
async def test_i2_workers_make_one_log_without_a_hole_and_each_tells_its_callers_their_place() -> None:
    pairs = await workers(3)
    replies = await asyncio.gather(
        *(pair.act({f"{place}": number}) for place, pair in enumerate(pairs) for number in range(20))
    )
    log = await pairs[0].log()
    assert [event.seq for event in log] == list(range(1, 121))
    told = {result["seq"] for payload, _ in replies for result in payload["results"]}
    assert told == {event.seq for event in log if isinstance(event, Change)}


@in_virtual_time
async def test_i7_one_key_has_one_effect_even_when_its_copies_reach_different_workers() -> None:
    pairs = await workers(3)
    replies = await asyncio.gather(*(pair.act({"name": "Ada"}, key="k") for pair in pairs for _ in range(5)))
    assert sum(not reply.replayed for reply in replies) == 1
    assert len({str(reply.payload) for reply in replies}) == 1
    assert [event.type for event in await pairs[0].log()] == ["action", "done"]


@in_virtual_time
async def test_a_page_stays_while_its_session_is_used_on_another_worker_and_learns_of_the_end_there() -> None:
    here, there = await workers(2, ttl=100)
    async with here.watch() as page:
        for _ in range(3):
            await asyncio.sleep(90)
            await there.context()
        assert await page.shown("expired") == []
        await asyncio.sleep(102)
        assert await page.shown("expired") == [{"type": "expired"}]
        assert page.closed == CloseCode.ENDED


# Copies and callers that go away


@in_virtual_time
async def test_i7_a_hundred_copies_at_once_have_one_effect_and_ask_the_hooks_once() -> None:
    engine = virtual_engine(Limits(agent_requests=1000))
    judged: list[str] = []
    finished: list[list[str]] = []

    @engine.on_action
    async def judge(_: object, action: Any, __: object) -> None:
        judged.append(action.key)
        await asyncio.sleep(1)

    @engine.on_done
    async def finish(_: object, applied: list[str], *__: object) -> None:
        finished.append(applied)

    pair = await open_pair(engine)
    async with pair.watch() as page:
        replies = await asyncio.gather(*(pair.act({"name": "Ada"}, key="k") for _ in range(100)))
        assert [frame["seq"] for frame in await page.shown("action", "done")] == [1, 2]
    assert sum(not reply.replayed for reply in replies) == 1
    assert len({str(reply.payload) for reply in replies}) == 1
    assert (judged, finished) == (["name"], [["name"]])
    assert engine.statistics == REST


@in_virtual_time
async def test_i7_a_key_serves_one_body_only() -> None:
    pair = await in_use()
    await pair.act({"name": "Ada"}, key="k")
    with pytest.raises(HandshakeError) as refused:
        await pair.act({"name": "Eve"}, key="k")
    assert (refused.value.status, refused.value.code) == (422, "idempotency_key_reused")
    assert (await pair.values())["name"] == ("Ada", "ai")


@in_virtual_time
async def test_i7_a_batch_whose_caller_is_gone_is_carried_through_and_its_receipt_kept() -> None:
    engine = virtual_engine()

    @engine.on_action
    async def slow(*_: object) -> None:
        await asyncio.sleep(3)

    pair = await open_pair(engine)
    request = asyncio.create_task(pair.act({"name": "Ada"}, key="k"))
    await asyncio.sleep(1)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    began = loop_time()
    again = await pair.act({"name": "Ada"}, key="k")
    assert (again.replayed, again[0]["applied"]) == (True, ["name"])
    assert loop_time() - began == pytest.approx(2)
    assert [event.type for event in await pair.log()] == ["action", "done"]
    assert engine.statistics == REST


@pytest.mark.parametrize("operation", ["action", "notify", "extend", "rotate", "revoke"])
@in_virtual_time
async def test_i6_what_has_begun_to_be_written_is_told_even_if_its_caller_is_gone(operation: str) -> None:
    pair, gate = await in_use(), asyncio.Event()
    pair.store.before = gated(gate)
    async with pair.watch() as page, pair.watch(Role.AGENT) as agent:
        await page.shown()
        request = asyncio.create_task(asyncio.wait_for(OPERATIONS[operation](pair), 60))
        await asyncio.sleep(1)
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        gate.set()
        told = [frame["type"] for frame in await page.shown()][1:]
        assert (
            told
            == {
                "action": ["action", "done"],
                "notify": ["edit"],
                "extend": ["extended"],
                "rotate": ["rotated"],
                "revoke": ["revoked"],
            }[operation]
        )
        closed = {"rotate": CloseCode.UNAUTHENTICATED, "revoke": CloseCode.ENDED}.get(operation)
        assert agent.closed == closed
    assert pair.engine.statistics == REST


@pytest.mark.parametrize("operation", list(OPERATIONS))
@in_virtual_time
async def test_i11_a_caller_that_goes_away_at_any_moment_leaves_nothing_behind(operation: str) -> None:
    for calls in range(1, len(await calls_of(OPERATIONS[operation])) + 1):
        pair, seen = await in_use(), list[str]()
        reached = asyncio.Event()

        async def hold(
            name: str, *, seen: list[str] = seen, last: int = calls, reached: asyncio.Event = reached
        ) -> None:
            seen.append(name)
            if len(seen) == last:
                reached.set()
            await asyncio.sleep(1)

        pair.store.before = hold
        request = asyncio.ensure_future(OPERATIONS[operation](pair))
        await reached.wait()
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        await asyncio.sleep(60)
        assert pair.engine.statistics == REST


# Hooks that take longer than the session


LATE: dict[str, tuple[Operation, float, str]] = {
    "revoked": (lambda pair: pair.engine.revoke(pair.session_id, pair.user), 600, "session_revoked"),
    "expired": (lambda _: asyncio.sleep(2), 600, "session_expired"),
    "forgotten": (lambda _: asyncio.sleep(2), 1, "session_not_found"),
}


@pytest.mark.parametrize(("end", "remembered", "code"), LATE.values(), ids=LATE)
@in_virtual_time
async def test_i13_a_batch_whose_session_ends_while_its_hooks_decide_writes_nothing(
    end: Operation, remembered: float, code: str
) -> None:
    engine = virtual_engine(Limits(tombstone_seconds=remembered), ttl=2)

    @engine.on_action
    async def slow(*_: object) -> None:
        await asyncio.sleep(4)

    pair = await open_pair(engine, FORM)
    async with pair.watch() as page:
        batch = asyncio.create_task(pair.act({"name": "Ada"}))
        await asyncio.sleep(1)
        await end(pair)
        with pytest.raises(HandshakeError) as refused:
            await batch
        assert (refused.value.status, refused.value.code) == (404, code)
        assert await page.shown("action", "done") == []
        assert page.closed == CloseCode.ENDED


@in_virtual_time
async def test_changes_that_wait_for_one_another_are_saved_without_reading_again() -> None:
    pair = await open_pair(virtual_engine())
    calls: list[str] = []

    async def take_time(name: str) -> None:
        calls.append(name)
        await asyncio.sleep(0.001)

    pair.store.before = take_time
    await asyncio.gather(*(pair.act({f"k{number}": number}) for number in range(5)), pair.edit("mine", "x"))
    assert (calls.count("load"), calls.count("save")) == (6, 6)  # each was read when it was admitted
    assert len(await pair.values()) == 6


@in_virtual_time
async def test_what_waited_for_a_save_of_this_worker_and_lost_to_another_reads_again() -> None:
    here, there = await workers(2)

    async def be_late(name: str) -> None:
        if name == "save":
            here.store.before = nothing
            await asyncio.sleep(0.01)

    here.store.before = be_late
    first = asyncio.create_task(here.act({"a": 1}))
    second = asyncio.create_task(here.act({"b": 2}))
    await asyncio.sleep(0.001)
    await there.act({"c": 3})
    await asyncio.gather(first, second)
    assert set(await here.values()) == {"a", "b", "c"}
    assert [event.seq for event in await here.log()] == [1, 2, 3, 4, 5, 6]
