"""What the SQLite store does when something goes wrong: processes are killed, the file is held, the disk is full."""

from __future__ import annotations

import asyncio
import functools
import logging
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from os import kill
from pathlib import Path
from typing import Any

import pytest

from handshake_prompt.protocol.errors import StoreUnavailableError
from handshake_prompt.stores import Record
from handshake_prompt.stores.sqlite import SQLiteStore, SQLiteTimings, schema
from handshake_prompt.stores.sqlite.schema import Synchronous
from handshake_prompt.testing.contract.steps import RecordingSubscriber, kept, load, logged, seqs_after
from tests.support.peer import PATIENCE
from tests.support.sessions import blank_session
from tests.support.stalls import waiting_at_most

TIMINGS = SQLiteTimings(busy_timeout=0.5, failing_busy_timeout=0.05)
ANSWERED_WITHIN = TIMINGS.busy_timeout + 0.5
"""Seconds of waiting: what a busy machine adds is not counted."""
KILLS = 20
SESSIONS = ["a" * 32, "b" * 32, "c" * 32, "d" * 32]

Connect = Callable[..., sqlite3.Connection]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SQLiteStore]:
    one = SQLiteStore(path, timings=TIMINGS)
    await one.ready()
    yield one
    await one.aclose()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file as another process would that writes; a connection is a connection."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def connecting(monkeypatch: pytest.MonkeyPatch, settings: list[str]) -> None:
    """Have each connection begin with these settings, such as those that make a file small or read-only."""
    connect: Connect = schema.open_connection

    def connect_with_settings(path: Path, synchronous: Synchronous, *, timeout: float) -> sqlite3.Connection:
        connection = connect(path, synchronous, timeout=timeout)
        for setting in settings:
            connection.execute(setting)
        return connection

    monkeypatch.setattr(schema, "open_connection", connect_with_settings)


# Killed


async def make_sessions(path: Path) -> None:
    store = SQLiteStore(path)
    await store.ready()
    for session_id in SESSIONS:
        session = blank_session(session_id)
        await store.create(Record(session, 0, expires_at=store.now() + 1e5, purge_at=store.now() + 1e5))
    await store.aclose()


def kill_writers(path: Path, times: int) -> dict[str, int]:
    """Kill writers after so many writes as it happens; return the last `seq` of each session that was acknowledged."""
    acknowledged: dict[str, int] = {}
    command = [sys.executable, "-m", "tests.support.sqlite_writer", str(path), *SESSIONS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        for _ in range(times):
            nursery.stdin.write("go\n")
            writer = int(nursery.stdout.readline().removeprefix("start "))
            left = random.randint(20, 200)
            for line in nursery.stdout:
                if line == "dead\n":
                    break
                session_id, seq = line.split()
                acknowledged[session_id] = int(seq)
                left -= 1
                if left == 0:
                    kill(writer, signal.SIGKILL)
        nursery.stdin.close()
    return acknowledged


async def test_i2_i7_writers_are_killed_and_nothing_acknowledged_is_lost(path: Path) -> None:
    await make_sessions(path)
    acknowledged = await asyncio.to_thread(kill_writers, path, KILLS)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    store = SQLiteStore(path)
    await store.ready()
    for session_id in SESSIONS:
        loaded = await store.load(session_id, after=0, key=f"key {acknowledged[session_id]}")
        assert loaded is not None
        assert loaded.log is not None
        assert loaded.receipt is not None
        newest = loaded.record.session.seq
        assert newest >= acknowledged[session_id] > KILLS
        first = loaded.log.events[0].seq
        assert [event.seq for event in loaded.log.events] == list(range(first, newest + 1))
        assert loaded.record.version == newest
    await store.aclose()


# Held by another


async def test_a_file_that_another_process_holds_is_read_and_writes_are_refused_in_time(
    path: Path, store: SQLiteStore
) -> None:
    record = await kept(store)
    with locked(path):
        async with waiting_at_most(ANSWERED_WITHIN):
            refused = asyncio.gather(store.save(record), store.hit("c", limit=1, window=60), return_exceptions=True)
            while not refused.done():
                await load(store, after=0)
                await asyncio.sleep(0.1)
        async with waiting_at_most(ANSWERED_WITHIN / 2):
            with pytest.raises(StoreUnavailableError):
                await store.save(record)
        assert [type(one) for one in await refused] == [StoreUnavailableError] * 2
    await store.save(record)
    assert record.version == 1


async def test_who_was_refused_gets_an_error_of_its_own(path: Path, store: SQLiteStore) -> None:
    with locked(path):
        calls = [store.hit("c", limit=1, window=60) for _ in range(3)]
        errors = await asyncio.gather(*calls, return_exceptions=True)
    assert len({id(error) for error in errors}) == 3
    assert {type(error) for error in errors} == {StoreUnavailableError}
    assert {str(error) for error in errors} == {"The session store cannot be reached"}


async def test_a_short_wait_for_another_process_is_nobodys_concern(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = SQLiteStore(path, timings=SQLiteTimings(busy_timeout=PATIENCE))
    await store.ready()
    with locked(path):
        save = asyncio.create_task(store.hit("c", limit=1, window=60))
        await asyncio.sleep(0.2)
        assert not save.done()
    assert (await save).allowed
    assert not caplog.records
    await store.aclose()


async def test_a_failure_and_its_end_are_told_once(
    path: Path, store: SQLiteStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "handshake_prompt")
    with locked(path):
        for _ in range(3):
            with pytest.raises(StoreUnavailableError):
                await store.hit("c", limit=1, window=60)
    for _ in range(2):
        await store.hit("c", limit=9, window=60)
    assert caplog.messages == ["The session store fails: database is locked", "The session store works again"]


async def test_health_is_not_well_while_nothing_can_be_written(path: Path, store: SQLiteStore) -> None:
    with locked(path), pytest.raises(StoreUnavailableError):
        await store.ready()
    await store.ready()


# Full and read-only


async def test_a_full_disk_refuses_writes_and_leaves_no_half_of_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: list[str] = []
    connecting(monkeypatch, settings)
    store = SQLiteStore(path)
    await store.ready()
    await kept(store)
    (pages,) = await store._running_threads().reader.run(
        lambda connection: connection.execute("PRAGMA page_count").fetchone()
    )
    settings.append(f"PRAGMA max_page_count = {pages + 4}")
    await store.aclose()
    await store.ready()
    subscriber = RecordingSubscriber()
    await store.subscribe("a" * 32, subscriber)
    with pytest.raises(StoreUnavailableError):
        await logged(store, 1000)
    newest = (await load(store)).record.session.seq
    assert newest > 10
    assert await seqs_after(store, 0) == (list(range(1, newest + 1)), True)
    settings.clear()
    await logged(store, 1)
    await subscriber.receives(newest + 1)
    assert await seqs_after(store, newest) == ([newest + 1], True)
    await store.aclose()


async def test_a_file_that_became_read_only_is_read_and_written_again_when_it_can_be(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: list[str] = []
    connecting(monkeypatch, settings)
    store = SQLiteStore(path)
    await store.ready()
    await kept(store)
    settings.append("PRAGMA query_only = ON")
    await store.aclose()
    with pytest.raises(StoreUnavailableError):
        await store.ready()
    with pytest.raises(StoreUnavailableError):
        await logged(store, 1)
    assert (await load(store)).record.version == 0
    settings.clear()
    await logged(store, 1)
    assert (await load(store)).record.version == 1
    await store.aclose()


async def test_a_file_that_is_overwritten_is_an_unavailable_store_and_leaves_no_connection_open(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_connections: set[int] = set()

    class Counted(sqlite3.Connection):
        def __init__(self, *given: Any, **options: Any) -> None:
            super().__init__(*given, **options)
            open_connections.add(id(self))

        def close(self) -> None:
            super().close()
            open_connections.discard(id(self))

    monkeypatch.setattr(sqlite3, "connect", functools.partial(sqlite3.connect, factory=Counted))
    store = SQLiteStore(path)
    assert not open_connections
    await store.ready()
    await kept(store)
    for file in path.parent.iterdir():
        file.write_bytes(b"Dear diary, this is not a database. " * 1000)
    for _ in range(3):
        with pytest.raises(StoreUnavailableError):
            await store.hit("c", limit=1, window=1)
    await store.aclose()
    assert not open_connections
    with pytest.raises(ValueError, match="damaged, or no database"):
        SQLiteStore(path)
    assert not open_connections


FULL = """
import asyncio, resource, sys
from handshake_prompt.protocol.errors import StoreUnavailableError
from handshake_prompt.stores import Receipt
from handshake_prompt.stores.sqlite import SQLiteStore
from handshake_prompt.testing.contract.steps import kept, load

async def main():
    store = SQLiteStore(sys.argv[1])
    await store.ready()
    record = await kept(store)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    saved = 0
    try:
        for _ in range(1000):
            await store.save(record, receipt=Receipt(str(saved), "f", b"x" * 10_000, 600))
            saved += 1
    except StoreUnavailableError as error:
        print(type(error).__name__, saved > 3)
    print((await load(store)).record.version == saved)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await store.save(record, receipt=Receipt("last", "f", b"x", 600))
    print((await load(store)).record.version == saved + 1)
    await store.aclose()

asyncio.run(main())
"""


def test_a_file_that_may_not_grow_refuses_writes_and_takes_them_again_when_it_may(path: Path) -> None:
    command = [sys.executable, "-c", FULL, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == ["StoreUnavailableError True", "True", "True"]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
