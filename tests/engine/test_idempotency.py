"""Idempotency keys: one key, one run, whatever order the copies come in."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from handshake_prompt.engine.access.guard import Admission
from handshake_prompt.engine.idempotency import Idempotency
from handshake_prompt.engine.idempotency_keys import IdempotencyKey
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import (
    ConflictError,
    IdempotencyMismatchError,
    InvalidRequestError,
    InvalidTokenError,
)
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.rate_limit import Quota
from handshake_prompt.stores import MemoryStore, Record
from tests.support.pairing import Pair, open_pair, virtual_engine, workers
from tests.support.sessions import blank_session, record_of
from tests.support.virtual_time import in_virtual_time, loop_time

SESSION = "5" * 32
QUOTA = Quota(60, 60.0, allowed=True, remaining=59, reset_after=60.0)


class Requests:
    """Requests of one session, whose runs are counted and keep a receipt, as the engine's do."""

    def __init__(self, *, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self.store = MemoryStore(limits, clock=loop_time)
        self.idempotency = Idempotency(self.store, limits)
        self.runs = 0
        self.gate: asyncio.Event | None = None

    async def open(self) -> Requests:
        await self.store.create(Record(blank_session(SESSION), version=0, expires_at=1e9, purge_at=1e9))
        return self

    async def send(self, key: str = "k", body: object = "body", *, fails: bool = False) -> tuple[dict[str, Any], bool]:
        async def run(key: IdempotencyKey) -> dict[str, Any]:
            self.runs += 1
            if self.gate:
                await self.gate.wait()
            if fails:
                raise ConflictError
            reply = {"run": self.runs}
            record = await record_of(self.store, SESSION)
            await self.store.save(record, receipt=key.receipt_for(reply))
            return reply

        loaded = await self.store.load(SESSION, key=key)
        assert loaded is not None
        admission = Admission(loaded, Role.AGENT, QUOTA)
        return await self.idempotency.run_once(admission, key, body=body, run=run)


@in_virtual_time
async def test_i7_a_second_copy_gets_the_first_ones_reply_marked_as_a_replay() -> None:
    requests = await Requests().open()
    assert await requests.send() == ({"run": 1}, False)
    assert await requests.send() == ({"run": 1}, True)
    assert requests.runs == 1


@in_virtual_time
async def test_i7_copies_that_come_while_the_first_runs_join_it() -> None:
    requests = await Requests().open()
    requests.gate = asyncio.Event()
    copies = [asyncio.create_task(requests.send()) for _ in range(50)]
    await asyncio.sleep(1)
    assert requests.runs == 1
    requests.gate.set()
    replies = await asyncio.gather(*copies)
    assert [reply for reply, _ in replies] == [{"run": 1}] * 50
    assert sum(replayed for _, replayed in replies) == 49


@in_virtual_time
async def test_another_key_runs_on_its_own_be_it_other_in_case_only() -> None:
    requests = await Requests().open()
    await requests.send("k")
    await requests.send("K")
    assert requests.runs == 2


@in_virtual_time
async def test_another_body_under_a_used_key_is_a_422_and_runs_nothing() -> None:
    requests = await Requests().open()
    requests.gate = asyncio.Event()
    first = asyncio.create_task(requests.send(body="one"))
    other = asyncio.create_task(requests.send(body="another"))
    await asyncio.sleep(1)
    requests.gate.set()
    await first
    with pytest.raises(IdempotencyMismatchError) as refusal:
        await other
    assert (refusal.value.status, requests.runs) == (422, 1)


@in_virtual_time
async def test_a_copy_of_a_request_that_runs_too_long_is_told_to_come_back() -> None:
    requests = await Requests(limits=Limits(idempotency_join=3)).open()
    requests.gate = asyncio.Event()
    first = asyncio.create_task(requests.send())
    await asyncio.sleep(1)
    began = loop_time()
    with pytest.raises(ConflictError) as refusal:
        await requests.send()
    assert (refusal.value.code, refusal.value.retry_after) == ("idempotency_in_progress", 3)
    assert refusal.value.retryable
    assert loop_time() - began == pytest.approx(3)
    requests.gate.set()
    assert await first == ({"run": 1}, False)


@in_virtual_time
async def test_a_request_that_failed_leaves_its_key_free() -> None:
    requests = await Requests().open()
    requests.gate = asyncio.Event()
    first = asyncio.create_task(requests.send(fails=True))
    joined = asyncio.create_task(requests.send())
    await asyncio.sleep(1)
    requests.gate.set()
    with pytest.raises(ConflictError):
        await first
    assert await joined == ({"run": 2}, False)


@in_virtual_time
async def test_a_receipt_is_kept_for_its_time_and_no_longer() -> None:
    requests = await Requests(limits=Limits(idempotency_seconds=600)).open()
    await requests.send()
    await asyncio.sleep(599)
    assert await requests.send() == ({"run": 1}, True)
    await asyncio.sleep(2)
    assert await requests.send() == ({"run": 2}, False)


@pytest.mark.parametrize("key", ["", " ", "a b", "a\n", "k" * 256, "schlüssel", "\x7f", "\ud800"], ids=repr)
@in_virtual_time
async def test_a_key_is_up_to_255_visible_ascii_characters(key: str) -> None:
    requests = await Requests().open()
    with pytest.raises(InvalidRequestError) as refusal:
        await requests.send(key)
    assert (refusal.value.code, requests.runs) == ("invalid_idempotency_key", 0)
    assert await requests.send("~" * 255) == ({"run": 1}, False)


# A token that was replaced meanwhile

BODY = {"actions": [{"type": "set", "key": "a", "value": 1}]}


async def successor(pair: Pair) -> Pair:
    """Return the session as the agent sees it that comes with a new token."""
    rotated = await pair.engine.rotate(pair.session_id, {}, pair.user)
    return Pair(pair.engine, pair.created | {"token": rotated.payload["token"]})


@pytest.mark.parametrize("elsewhere", [False, True], ids=["in this worker", "in another"])
@in_virtual_time
async def test_i7_a_kept_reply_of_a_successors_is_not_handed_to_the_agent_of_an_older_token(*, elsewhere: bool) -> None:
    """Its body takes long to arrive; the same key and body have been carried out meanwhile for the new agent."""
    here, there = await workers(2)

    async def late_body() -> bytes:
        await asyncio.sleep(5)
        return msgspec.json.encode(BODY)

    old = asyncio.create_task(here.engine.post_action(here.session_id, late_body, here.agent, idempotency_key="k"))
    await asyncio.sleep(1)
    new = await successor(there if elsewhere else here)
    await new.edit("secret", "after the rotation")
    reply = await new.engine.post_action(new.session_id, BODY, new.agent, idempotency_key="k")
    assert not reply.replayed
    with pytest.raises(InvalidTokenError):
        await old


@in_virtual_time
async def test_i7_a_copy_that_waits_for_a_successors_request_is_not_handed_its_reply() -> None:
    pair = await open_pair(virtual_engine())
    gate = asyncio.Event()

    @pair.engine.on_action
    async def wait(*_: object) -> None:
        await gate.wait()

    async def body() -> bytes:
        await asyncio.sleep(2)
        return msgspec.json.encode(BODY)

    old = asyncio.create_task(pair.engine.post_action(pair.session_id, body, pair.agent, idempotency_key="k"))
    await asyncio.sleep(1)
    new = await successor(pair)
    running = asyncio.create_task(new.engine.post_action(new.session_id, BODY, new.agent, idempotency_key="k"))
    await asyncio.sleep(2)
    gate.set()
    assert (await running).payload["applied"] == ["a"]
    with pytest.raises(InvalidTokenError):
        await old
