"""What the memory store alone promises: a bound on everything it keeps, and sweeping that nobody feels."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import UnavailableError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.session import Session, Turn
from handshake_prompt.stores import MemoryStore, Record, open_store
from handshake_prompt.stores.memory import store as memory
from handshake_prompt.stores.memory.counters import Counters
from handshake_prompt.testing.contract.steps import RecordingSubscriber
from tests.support.clock import ManualClock
from tests.support.sessions import blank_session
from tests.support.virtual_time import in_virtual_time, loop_time


def session(number: int) -> Session:
    return blank_session(f"{number:032x}", owner="owner")


async def keep(store: MemoryStore, number: int, *, purged: float) -> None:
    now = store.now()
    made = msgspec.structs.replace(session(number), created_at=now)
    await store.create(Record(made, 0, expires_at=now + 1, purge_at=now + purged))


async def test_i11_a_full_store_takes_no_more_until_something_has_ended() -> None:
    clock = ManualClock()
    store = MemoryStore(Limits(sessions=2), clock=clock)
    await keep(store, 1, purged=100)
    await keep(store, 2, purged=50)
    with pytest.raises(UnavailableError) as full:
        await keep(store, 3, purged=100)
    assert (full.value.code, full.value.status, full.value.retry_after) == ("at_capacity", 503, 30)
    clock.advance(50)
    await keep(store, 3, purged=100)
    assert len(store) == 2
    assert await store.load(session(2).session_id) is None


async def test_a_sweep_forgets_what_is_due_and_keeps_what_was_used_since() -> None:
    clock = ManualClock()
    store = MemoryStore(clock=clock)
    await keep(store, 1, purged=50)
    await keep(store, 2, purged=50)
    await store.touch(session(2).session_id, expires_at=clock() + 100, purge_at=clock() + 100)
    clock.advance(50)
    assert not store.sweep()
    assert len(store) == 1
    clock.advance(50)
    store.sweep()
    assert len(store) == 0


async def test_i11_what_was_swept_is_forgotten_as_its_owners_too() -> None:
    clock = ManualClock()
    store = MemoryStore(clock=clock)
    await keep(store, 1, purged=50)
    await keep(store, 2, purged=100)
    clock.advance(50)
    store.sweep()
    assert await store.owned_by("owner") == [session(2).session_id]
    clock.advance(50)
    store.sweep()
    assert await store.owned_by("owner") == []
    assert not store._owned


async def test_i11_a_session_that_nobody_follows_any_more_is_forgotten_as_followed() -> None:
    store, subscribers = MemoryStore(), [RecordingSubscriber(), RecordingSubscriber()]
    for subscriber in subscribers:
        await store.subscribe(session(1).session_id, subscriber)
    for subscriber in subscribers:
        assert list(store._subscribers) == [session(1).session_id]
        store.unsubscribe(session(1).session_id, subscriber)
    assert not len(store._subscribers)


async def test_i11_a_session_that_was_ended_early_leaves_early() -> None:
    clock = ManualClock()
    store = MemoryStore(clock=clock)
    await keep(store, 1, purged=86_400)
    loaded = await store.load(session(1).session_id)
    assert loaded is not None
    record = loaded.record
    record.session = record.session.checkout(Turn(Role.USER, now=0))
    record.session.end("revoked")
    record.purge_at = clock() + 600
    await store.save(record)
    clock.advance(600)
    store.sweep()
    assert len(store) == 0
    clock.advance(86_400)
    assert not store.sweep()


async def test_a_sweep_looks_at_a_bounded_number_of_records_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SWEEP_BATCH", 10)
    clock = ManualClock()
    store = MemoryStore(clock=clock)
    for number in range(25):
        await keep(store, number, purged=50)
    clock.advance(50)
    assert [(store.sweep(), len(store)) for _ in range(3)] == [(True, 15), (True, 5), (False, 0)]


@in_virtual_time
async def test_ended_sessions_are_swept_unasked_and_the_last_one_stops_the_clock() -> None:
    store = MemoryStore(clock=loop_time)
    for number in range(3):
        await keep(store, number, purged=100)
    await asyncio.sleep(99)
    assert len(store) == 3
    await asyncio.sleep(memory.SWEEP_INTERVAL + 1)
    assert len(store) == 0
    assert store._sweeper is None


@in_virtual_time
async def test_a_closed_store_leaves_no_timer_behind_and_can_be_used_again() -> None:
    store = MemoryStore(clock=loop_time)
    await keep(store, 1, purged=10)
    await store.aclose()
    await asyncio.sleep(60)
    assert len(store) == 1
    await keep(store, 2, purged=10)
    await asyncio.sleep(60)
    assert len(store) == 0


def test_a_store_sweeps_on_whichever_loop_uses_it() -> None:
    clock = ManualClock()
    store = MemoryStore(clock=clock)
    for number in range(2):
        asyncio.run(keep(store, number, purged=50))

    @in_virtual_time
    async def another_loop() -> None:
        clock.advance(50)
        await keep(store, 2, purged=50)
        await asyncio.sleep(memory.SWEEP_INTERVAL + 1)

    another_loop()
    assert len(store) == 1


def test_i11_counters_are_bounded_and_the_oldest_make_room() -> None:
    counters = Counters(capacity=3)
    for name in "abcd":
        counters.count_request(name, 0.0, limit=1, length=60)
    assert list(counters) == ["b", "c", "d"]


async def test_i11_counters_go_when_their_window_is_over() -> None:
    clock = ManualClock()
    store = MemoryStore(clock=clock)
    for name in ("old", "older"):
        await store.hit(name, limit=1, window=60)
    clock.advance(30)
    await store.hit("running", limit=1, window=60)
    clock.advance(30)
    await store.hit("new", limit=1, window=60)
    assert list(store._counters) == ["running", "new"]


def test_a_store_can_be_named_by_its_url() -> None:
    assert isinstance(open_store("memory://"), MemoryStore)


@pytest.mark.parametrize("url", ["", "memory", "mongodb://user:secret@host/db"])
def test_i9_a_url_of_no_store_is_refused_without_repeating_its_secrets(url: str) -> None:
    with pytest.raises(ValueError, match="No store for") as refusal:
        open_store(url)
    assert "secret" not in str(refusal.value)


# Siblings

SIBLINGS = """
import asyncio, logging, multiprocessing, os, sys, time
from handshake_prompt.stores import MemoryStore, Record
from tests.support.sessions import blank_session

async def use():
    store = MemoryStore()
    for number in range(2):
        await store.create(Record(blank_session(f"{number:032x}"), 0, store.now() + 1, store.now() + 2))

def work(turn, over):
    logging.basicConfig(level=logging.WARNING, stream=sys.stdout, format="%(message)s")
    asyncio.run(use())
    sys.stdout.flush()
    turn.set()
    over.wait(20)

if __name__ == "__main__":
    how, count = sys.argv[1], int(sys.argv[2])
    context = multiprocessing.get_context("spawn" if how == "spawned" else "fork")
    over = context.Event()
    workers = []
    for _ in range(count):
        turn = context.Event()
        workers.append(context.Process(target=work, args=(turn, over)))
        workers[-1].start()
        turn.wait(20)
        if how == "one after another":
            over.set()
            workers[-1].join(20)
            over.clear()
    over.set()
    for worker in workers:
        worker.join(20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="no abstract sockets")
@pytest.mark.parametrize(
    ("how", "count", "warned"),
    [("spawned", 1, 0), ("spawned", 3, 2), ("forked", 3, 2), ("one after another", 3, 0)],
)
def test_a_second_worker_of_a_server_with_sessions_in_its_memory_is_warned_of(
    tmp_path: Path, how: str, count: int, warned: int
) -> None:
    program = tmp_path / "server.py"
    program.write_text(SIBLINGS, "utf-8")
    command = [sys.executable, "-W", "ignore", str(program), how, str(count)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=environment)
    assert run.stdout.count("Another worker of this server") == warned, run.stderr


def test_a_process_of_its_own_is_nobodys_worker(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        asyncio.run(keep(MemoryStore(), 1, purged=50))
    assert not caplog.records
