"""The SQLite store: the contract, and what it alone promises."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import StoreUnavailableError, UnavailableError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.session import Turn
from handshake_prompt.stores import Claim, Receipt, Record, Visit
from handshake_prompt.stores.sqlite import SQLiteStore, SQLiteTimings, connection_thread, expiry, queries
from handshake_prompt.stores.sqlite.change_poller import ChangePoller
from handshake_prompt.stores.sqlite.connection_thread import ConnectionThread, Job
from handshake_prompt.stores.sqlite.shared_clock import MachineClocks
from handshake_prompt.testing import StoreContract, Stores
from handshake_prompt.testing.contract.steps import RecordingSubscriber
from tests.support.clock import ManualClock
from tests.support.held import shortest
from tests.support.peer import PATIENCE
from tests.support.sessions import blank_session
from tests.support.stalls import noting_stalls

POLL = SQLiteTimings().poll_interval
TABLES = ("sessions", "states", "log", "receipts", "counters", "presence")


class TestSQLiteStore(StoreContract):
    @pytest.fixture
    async def stores(self, tmp_path: Path) -> AsyncIterator[Stores]:
        clock = ManualClock()
        async with AsyncExitStack() as stack:

            async def open_one(**bounds: float) -> SQLiteStore:
                machine = MachineClocks(wall=clock, uptime=clock)
                store = SQLiteStore(tmp_path / "sessions.db", Limits().replace(**bounds), machine=machine)
                stack.push_async_callback(store.aclose)
                await store.ready()
                return store

            async def advance(seconds: float) -> None:
                clock.advance(seconds)

            yield Stores(open_one, advance, again=open_one)


Open = Callable[..., Awaitable[SQLiteStore]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
async def opened(path: Path) -> AsyncIterator[Open]:
    """Return `await opened(...)`: a store on the test's file, ready."""
    async with AsyncExitStack() as stack:

        async def open_one(limits: Limits | None = None, **options: Any) -> SQLiteStore:
            store = SQLiteStore(path, limits, **options)
            stack.push_async_callback(store.aclose)
            await store.ready()
            return store

        yield open_one


def name(number: int) -> str:
    return f"{number:032x}"


async def keep(store: SQLiteStore, number: int = 1, *, purged: float = 700.0) -> None:
    now = store.now()
    session = blank_session(name(number), created_at=now, deadline=now + 1e5, ttl=1800.0, owner="owner")
    await store.create(Record(session, 0, expires_at=now + 100, purge_at=now + purged))


async def write(store: SQLiteStore, number: int = 1) -> Record:
    """Write a field of a session, with a receipt."""
    loaded = await store.load(name(number))
    assert loaded is not None
    record = loaded.record
    record.session = record.session.checkout(Turn(Role.AGENT, now=1e9))
    record.session.write("field", "value")
    await store.save(record, events=record.session.commit(), receipt=Receipt("key", "f", b"{}", 600))
    return record


def count(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


# Batches


def noted_batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list to which the number of jobs in each transaction is added from now on."""
    batches: list[int] = []
    transact = ConnectionThread._run_transaction

    def note(self: ConnectionThread, jobs: list[Job]) -> None:
        batches.append(len(jobs))
        transact(self, jobs)

    monkeypatch.setattr(ConnectionThread, "_run_transaction", note)
    return batches


async def test_what_is_asked_for_at_once_shares_its_commits(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = noted_batches(monkeypatch)
    store = await opened()
    batches.clear()
    await asyncio.gather(*(keep(store, number) for number in range(100)))
    assert sum(batches) == 100
    assert len(batches) <= 5


async def test_a_batch_is_bounded(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_thread, "BATCH", 10)
    batches = noted_batches(monkeypatch)
    store = await opened()
    await asyncio.gather(*(keep(store, number) for number in range(100)))
    assert max(batches) == 10


async def test_work_that_is_refused_does_not_undo_what_shares_its_commit(opened: Open) -> None:
    store = await opened(Limits(sessions=3))
    outcomes = await asyncio.gather(*(keep(store, number) for number in (1, 1, 2, 3, 4)), return_exceptions=True)
    assert [type(one).__name__ for one in outcomes] == [
        "NoneType",
        "VersionConflictError",
        "NoneType",
        "NoneType",
        "UnavailableError",
    ]
    assert [await store.load(name(number)) is not None for number in (1, 2, 3, 4)] == [True, True, True, False]


async def test_work_that_fails_undoes_what_shares_its_commit_and_the_next_goes_on(opened: Open) -> None:
    store = await opened()
    await keep(store)
    before = await store.load(name(1))

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM sessions")
        raise LookupError("a mistake")

    with pytest.raises(LookupError, match="a mistake"):
        await store._running_threads().writer.run(fail)
    assert await store.load(name(1)) == before
    await write(store)


async def test_a_mistake_that_has_written_nothing_is_nobody_elses_concern(opened: Open) -> None:
    store = await opened()

    def fail(_: sqlite3.Connection) -> None:
        raise LookupError("a mistake")

    outcomes = await asyncio.gather(
        keep(store, 1), store._running_threads().writer.run(fail), keep(store, 2), return_exceptions=True
    )
    assert [type(one) for one in outcomes] == [type(None), LookupError, type(None)]
    assert await store.load(name(1)) is not None
    assert await store.load(name(2)) is not None


async def test_who_gives_up_waiting_disturbs_nobody(opened: Open) -> None:
    store = await opened()
    saves = [asyncio.create_task(keep(store, number)) for number in range(10)]
    await asyncio.sleep(0)
    saves[3].cancel()
    outcomes = await asyncio.gather(*saves, return_exceptions=True)
    assert [number for number, one in enumerate(outcomes) if one is not None] == [3]
    assert isinstance(outcomes[3], asyncio.CancelledError)
    await keep(store, 10)


# What stays


async def test_everything_is_there_after_a_restart(path: Path, opened: Open) -> None:
    store = await opened()
    await keep(store)
    await write(store)
    await store.hit("c", limit=2, window=60)
    await store.report_watchers("worker", {name(1): 3})
    before = await store.load(name(1), after=0, key="key")
    await store.aclose()
    assert not path.with_name("sessions.db-wal").exists()
    again = await opened()
    assert await again.load(name(1), after=0, key="key") == before
    assert (await again.hit("c", limit=2, window=60)).remaining == 0
    assert await again.owned_by("owner") == [name(1)]


async def test_i11_a_full_store_takes_no_more_until_something_has_gone(opened: Open) -> None:
    clock = ManualClock()
    machine = MachineClocks(wall=clock, uptime=clock)
    store = await opened(Limits(sessions=2), machine=machine)
    await keep(store, 1, purged=100)
    await keep(store, 2, purged=50)
    again = await opened(Limits(sessions=2), machine=machine)
    with pytest.raises(UnavailableError) as full:
        await keep(again, 3)
    assert (full.value.code, full.value.status, full.value.retry_after) == ("at_capacity", 503, 30)
    clock.advance(50)
    await keep(again, 3)
    assert await store.load(name(2)) is None
    with pytest.raises(UnavailableError):
        await keep(store, 4)


# Purging


async def test_i11_what_is_past_its_time_leaves_nothing_behind(path: Path, opened: Open) -> None:
    clock = ManualClock()
    store = await opened(machine=MachineClocks(wall=clock, uptime=clock))
    for number in (1, 2):
        await keep(store, number, purged=100 * number)
        await write(store, number)
        await store.report_watchers("worker", {name(number): 1})
    await store.hit("c", limit=1, window=60)
    clock.advance(99)
    assert not await store.sweep()
    assert {table: count(path, table) for table in TABLES} == dict.fromkeys(TABLES, 2) | {"counters": 0, "presence": 0}
    await store.report_watchers("worker", {name(1): 1})
    clock.advance(1)
    assert await store.sweep()
    assert {table: count(path, table) for table in TABLES} == dict.fromkeys(TABLES, 1) | {"counters": 0, "presence": 0}
    assert not await store.sweep()
    clock.advance(100)
    await store.sweep()
    assert {table: count(path, table) for table in TABLES} == dict.fromkeys(TABLES, 0)


async def test_i11_receipts_go_when_their_time_is_over_and_make_room(path: Path, opened: Open) -> None:
    clock = ManualClock()
    store = await opened(Limits(idempotency_bytes=10), machine=MachineClocks(wall=clock, uptime=clock))
    await keep(store, purged=1e5)
    await write(store)
    clock.advance(600)
    await store.sweep()
    assert count(path, "receipts") == 0
    record = await write(store)
    for key in ("a", "b", "c", "d", "e"):
        await store.save(record, receipt=Receipt(key, "f", b"{}", 600))
    assert count(path, "receipts") == 5


async def test_a_sweep_takes_a_bounded_number_of_rows_at_once(
    path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "PURGE_BATCH", 10)
    clock = ManualClock()
    store = await opened(machine=MachineClocks(wall=clock, uptime=clock), timings=SQLiteTimings(sweep_pause=60))
    for number in range(25):
        await keep(store, number, purged=50)
        await store.hit(f"c{number}", limit=1, window=20)
    clock.advance(50)
    left = []
    while await store.sweep():
        left.append((count(path, "sessions"), count(path, "counters")))
    assert left == [(15, 15), (5, 5), (0, 0)]


async def test_a_sweep_takes_a_bounded_number_of_events_at_once(
    path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "PURGE_EVENTS", 4)
    clock = ManualClock()
    store = await opened(machine=MachineClocks(wall=clock, uptime=clock), timings=SQLiteTimings(sweep_pause=60))
    for number in range(3):
        await keep(store, number, purged=50)
        for _ in range(3):
            await write(store, number)
    clock.advance(50)
    await store.sweep()
    assert count(path, "log") == 3


async def test_what_is_past_its_time_is_purged_unasked(
    path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "PURGE_BATCH", 2)
    clock = ManualClock()
    store = await opened(machine=MachineClocks(wall=clock, uptime=clock), timings=SQLiteTimings(sweep_interval=0.02))
    for number in range(5):
        await keep(store, number, purged=50)
    clock.advance(50)
    async with asyncio.timeout(PATIENCE):
        while count(path, "sessions"):
            await asyncio.sleep(0.02)


# Subscriber-ups


async def test_other_workers_hear_of_a_change_within_50_ms(opened: Open) -> None:
    writer, reader = await opened(), await opened()
    await keep(writer)
    subscriber = RecordingSubscriber()
    await reader.subscribe(name(1), subscriber)

    async def lateness() -> float:
        late = []
        for _ in range(50):
            async with noting_stalls() as stalls:
                record = await write(writer)
                saved = time.perf_counter()
                await subscriber.receives(record.version)
                late.append(time.perf_counter() - saved - stalls.worst)
        return sorted(late)[len(late) * 3 // 4]  # some may fall into stalls that only a thread has met

    assert await shortest(lateness, within=0.05) < 0.05


async def test_the_worker_that_saved_is_notified_without_waiting_for_a_poll(opened: Open) -> None:
    store = await opened(timings=SQLiteTimings(poll_interval=60))
    await keep(store)
    subscriber = RecordingSubscriber()
    await store.subscribe(name(1), subscriber)
    for _ in range(5):
        record = await write(store)
        await subscriber.receives(record.version)


async def test_nothing_is_polled_without_subscribers(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    polls: list[ChangePoller] = []
    poll = ChangePoller.notify_changed

    def note(self: ChangePoller, connection: sqlite3.Connection) -> None:
        polls.append(self)
        poll(self, connection)

    monkeypatch.setattr(ChangePoller, "notify_changed", note)
    store, other = await opened(), await opened()
    await keep(store)

    subscriber = RecordingSubscriber()
    await asyncio.sleep(5 * POLL)
    assert not polls
    await store.subscribe(name(1), subscriber)
    async with asyncio.timeout(PATIENCE):
        while len(polls) < 4:
            await asyncio.sleep(POLL)
    store.unsubscribe(name(1), subscriber)
    await write(store)
    await store.load(name(1))
    polls.clear()
    await write(other)
    await asyncio.sleep(5 * POLL)
    assert not polls


async def test_a_save_without_subscribers_notifies_no_later_one(opened: Open) -> None:
    store = await opened()
    for number in (1, 2):
        await keep(store, number)
    subscriber = RecordingSubscriber()
    await store.subscribe(name(1), subscriber)
    store.unsubscribe(name(1), subscriber)
    async with asyncio.timeout(PATIENCE):
        while store._poller._position is not None:  # it is forgotten at the next poll
            await asyncio.sleep(0.001)
    await write(store, 1)
    await store.subscribe(name(1), subscriber)
    await write(store, 1)
    await subscriber.receives(2)
    assert subscriber.received == [(name(1), 2)]


def break_down(_: sqlite3.Connection) -> None:
    raise sqlite3.OperationalError("disk I/O error")


async def test_a_notification_is_not_lost_with_the_connection_that_would_have_seen_it(opened: Open) -> None:
    writer = await opened()
    await keep(writer)
    reader = await opened(timings=SQLiteTimings(poll_interval=60))
    subscriber = RecordingSubscriber()
    await reader.subscribe(name(1), subscriber)
    with pytest.raises(StoreUnavailableError):
        await reader._running_threads().reader.run(break_down)
    record = await write(writer)
    reader._running_threads().reader.request_maintenance()
    await subscriber.receives(record.version)


async def test_a_subscription_that_cannot_be_served_is_refused(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await opened()
    monkeypatch.setattr(store._poller, "notify_changed", break_down)
    with pytest.raises(StoreUnavailableError):
        await store.subscribe(name(1), RecordingSubscriber())
    assert not store._poller.subscribers


# Traces of what has ended

SECRET = "Margarethe Lindqvist-Okafor"


def traces(path: Path) -> list[str]:
    """Return the files of the store that hold the secret."""
    return sorted(file.name for file in path.parent.iterdir() if SECRET.encode() in file.read_bytes())


async def until_erased(path: Path) -> None:
    async with asyncio.timeout(PATIENCE):
        while traces(path):
            await asyncio.sleep(0.02)


async def write_secrets(store: SQLiteStore, *, length: int) -> None:
    """Write, replace and log secrets, so that every table and free pages have some."""
    for number in (1, 2, 3):
        loaded = await store.load(name(1))
        assert loaded is not None
        record = loaded.record
        record.session = record.session.checkout(Turn(Role.USER, now=1e9))
        record.session.write("field", SECRET * (length + number))
        receipt = Receipt(f"key {number}", "f", (SECRET * length).encode(), 600)
        await store.save(record, events=record.session.commit(), receipt=receipt)


@pytest.mark.parametrize("length", [1, 1000], ids=["small values", "large values"])
async def test_a_revoked_session_leaves_no_value_in_any_file(path: Path, opened: Open, length: int) -> None:
    store, other = [await opened(timings=SQLiteTimings(erase_interval=0.1)) for _ in range(2)]
    for number in (1, 2):
        await keep(store, number)
    await write_secrets(store, length=length)
    assert traces(path)
    await other.subscribe(name(1), RecordingSubscriber())
    loaded = await other.load(name(1))
    assert loaded is not None
    record = loaded.record
    record.session = record.session.checkout(Turn(Role.USER, now=1e9))
    record.session.end("revoked")
    record.session.commit()
    await other.save(record)
    await until_erased(path)
    assert await store.load(name(2))
    assert (await store.load(name(1))) is not None


async def test_an_expired_session_leaves_no_value_in_any_file_once_it_is_purged(path: Path, opened: Open) -> None:
    clock = ManualClock()
    machine = MachineClocks(wall=clock, uptime=clock)
    store = await opened(machine=machine, timings=SQLiteTimings(sweep_interval=0.1, erase_interval=0.1))
    await keep(store, 1, purged=50)
    await write_secrets(store, length=1000)
    clock.advance(50)
    await until_erased(path)


async def test_a_reader_that_is_in_the_way_only_delays_the_erasure(path: Path, opened: Open) -> None:
    clock = ManualClock()
    machine = MachineClocks(wall=clock, uptime=clock)
    store = await opened(machine=machine, timings=SQLiteTimings(sweep_interval=0.05, erase_interval=0.05))
    await keep(store, 1, purged=50)
    await write_secrets(store, length=10)
    with closing(sqlite3.connect(path, isolation_level=None)) as backup:
        backup.execute("BEGIN")
        backup.execute("SELECT count(*) FROM sessions").fetchone()
        clock.advance(50)
        async with asyncio.timeout(PATIENCE):
            while count(path, "sessions"):
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        assert traces(path)
        await keep(store, 2)
    await until_erased(path)


# Event loops, threads and processes


def test_a_store_serves_one_event_loop_after_another(path: Path) -> None:
    store = SQLiteStore(path)

    async def follow_and_leave_without_a_word() -> None:
        await store.ready()
        await keep(store)
        await store.subscribe(name(1), RecordingSubscriber())
        await write(store)

    async def go_on() -> None:
        subscriber = RecordingSubscriber()
        await store.subscribe(name(1), subscriber)
        record = await write(store)
        await subscriber.receives(record.version)
        store.unsubscribe(name(1), subscriber)
        assert store._poller.poll_interval() is None
        await store.aclose()

    asyncio.run(follow_and_leave_without_a_word())
    asyncio.run(go_on())


def open_below(folder: Path) -> list[str]:
    """Return the files of a folder that this process has open."""
    targets = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.exists()]
    return [str(target) for target in targets if target.is_relative_to(folder)]


async def test_closing_leaves_no_thread_no_file_and_nothing_that_grows(path: Path) -> None:
    store = SQLiteStore(path)
    before = set(threading.enumerate())
    seen: list[tuple[set[threading.Thread], list[str], list[str]]] = []
    for _ in range(10):
        await store.ready()
        if not seen:
            await keep(store)
        subscriber = RecordingSubscriber()
        await store.subscribe(name(1), subscriber)
        await write(store)
        store.unsubscribe(name(1), subscriber)
        await store.aclose()
        there = sorted(one.name for one in path.parent.iterdir())
        seen.append((set(threading.enumerate()) - before, open_below(path.parent), there))
    assert seen == [(set(), [], ["sessions.db"])] * 10


async def test_a_closed_store_refuses_late_callers_and_is_opened_again_by_ready(path: Path) -> None:
    store = SQLiteStore(path)
    await store.ready()
    await keep(store)
    reader = store._running_threads().reader
    await store.aclose()
    with pytest.raises(StoreUnavailableError):
        await reader.run(queries.probe_file)
    late: list[Callable[[], Awaitable[object]]] = [
        partial(store.load, name(1)),
        partial(store.visit, name(1)),
        partial(write, store),
        partial(store.hit, "c", limit=1, window=1),
        partial(store.subscribe, name(1), RecordingSubscriber()),
    ]
    for call in late:
        with pytest.raises(StoreUnavailableError):
            await call()
    assert not store._poller.subscribers
    await store.ready()
    await write(store)
    await store.aclose()


FORGOTTEN = """
import asyncio, sys
from handshake_prompt.stores.sqlite import SQLiteStore

async def main():
    store = SQLiteStore(sys.argv[1])
    await store.ready()
    await store.subscribe("a", print)

asyncio.run(main())
"""

FORKED = """
import asyncio, os, sys
from handshake_prompt.stores.sqlite import SQLiteStore

async def use(store):
    await store.ready()
    return (await store.hit("c", limit=9, window=60)).remaining

store = SQLiteStore(sys.argv[1])
before = asyncio.run(use(store))
child = os.fork()
mine = asyncio.run(use(store))
if child:
    os.waitpid(child, 0)
    print(before, mine, asyncio.run(use(store)))
else:
    os.write(1, f"{mine} ".encode())
"""


def run(code: str, path: Path) -> str:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_a_store_that_nobody_closed_does_not_keep_its_process_alive(path: Path) -> None:
    assert run(FORGOTTEN, path) == ""


def test_a_process_that_was_forked_off_has_connections_of_its_own(path: Path) -> None:
    assert sorted(run(FORKED, path).split()) == ["5", "6", "7", "8"]


# Visits while nothing can be written


async def test_visits_are_counted_here_alone_while_the_file_cannot_be_written(path: Path, opened: Open) -> None:
    store = await opened(timings=SQLiteTimings(busy_timeout=0.1, failing_busy_timeout=0.02))
    await keep(store)
    claim = Claim("agent", "a", 3, 60)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        visits = [await store.visit(name(1), Visit(renew=True), claims=[claim]) for _ in range(4)]
    left = [(one.quota.allowed, one.quota.remaining) for one in visits if one and one.quota]
    assert left == [(True, 2), (True, 1), (True, 0), (False, 0)]
    assert {one.record.expires_at for one in visits if one} == {visits[0].record.expires_at if visits[0] else None}
    visited = await store.visit(name(1), Visit(renew=True), claims=[claim])
    assert visited is not None
    assert visited.quota is not None
    assert visited.quota.remaining == 2
    assert not store._local_windows
