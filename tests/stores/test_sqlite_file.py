"""The file of the SQLite store: what is said of one that cannot be used, earlier and later versions, URLs."""

from __future__ import annotations

import asyncio
import functools
import itertools
import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from handshake_prompt.protocol.errors import StoreUnavailableError, UnavailableError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.stores import open_store
from handshake_prompt.stores.sqlite import SQLiteStore, SQLiteTimings, schema
from handshake_prompt.stores.sqlite.database_file import provide_file
from handshake_prompt.testing.contract.steps import kept, load

PATIENT = 4.0
"""Twice what it should take: nothing tells here how busy the machine is otherwise."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


async def fill(path: Path) -> None:
    store = SQLiteStore(path)
    await store.ready()
    for letter in "abcdefgh":
        await kept(store, letter)
    await store.aclose()


# At start


def overwrite(path: Path) -> None:
    path.write_bytes(b"Dear diary, this is not a database. " * 100)


def write_one_letter(path: Path) -> None:
    path.write_bytes(b"x")


def cut_short(path: Path) -> None:
    asyncio.run(fill(path))
    os.truncate(path, path.stat().st_size // 2)


def scribble(path: Path) -> None:
    asyncio.run(fill(path))
    with path.open("r+b") as file:
        file.seek(2 * 4096)
        file.write(os.urandom(4096))


def make_directory(path: Path) -> None:
    path.mkdir()


def make_foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE articles (title)")


def make_newer(path: Path) -> None:
    asyncio.run(fill(path))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(schema.MIGRATIONS) + 1}")


UNUSABLE: dict[str, tuple[Callable[[Path], None], str]] = {
    "no database": (overwrite, "is damaged, or no database. Put a backup in its place"),
    "of one letter": (write_one_letter, "is damaged, or no database. Put a backup in its place"),
    "cut short": (cut_short, "is damaged, or no database. Put a backup in its place"),
    "damaged within": (scribble, "is damaged, or no database. Put a backup in its place"),
    "a directory": (make_directory, "is no file. Name one for the sessions"),
    "a pipe": (os.mkfifo, "is no file. Name one for the sessions"),
    "another application's": (make_foreign, "is the database of another application. Name a file of its own"),
    "of a newer version": (make_newer, "was written by a newer version of handshake-prompt. Upgrade this one"),
}


@pytest.mark.parametrize(("spoil", "says"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_file_that_cannot_be_used_is_refused_at_start_and_left_as_it_is(
    path: Path, spoil: Callable[[Path], None], says: str
) -> None:
    spoil(path)
    os.utime(path, ns=(0, 0))
    before = as_found(path)
    with pytest.raises(ValueError, match=says) as refusal:
        SQLiteStore(path)
    assert str(path) in str(refusal.value)
    assert as_found(path) == before


def as_found(path: Path) -> tuple[list[str], int, bytes | None]:
    """Return the files of a folder, and of one of them when it was changed and its content."""
    found = path.stat()
    content = path.read_bytes() if stat.S_ISREG(found.st_mode) else None
    return sorted(one.name for one in path.parent.iterdir()), found.st_mtime_ns, content


@pytest.mark.parametrize("application_id", [0, 7], ids=["without an id", "with an id"])
def test_a_foreign_database_in_use_keeps_its_own_log(path: Path, application_id: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA application_id = {application_id}")
        connection.execute("CREATE TABLE articles (title)")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("INSERT INTO articles VALUES ('kept apart')")
        before, log = as_found(path), path.with_name("sessions.db-wal").read_bytes()
        with pytest.raises(ValueError, match="another application"):
            SQLiteStore(path)
        assert as_found(path) == before
        assert path.with_name("sessions.db-wal").read_bytes() == log


@pytest.mark.parametrize(
    ("mode", "told"), [(0o604, True), (0o606, True), (0o601, True), (0o660, False), (0o600, False)]
)
def test_a_file_that_other_users_may_read_is_warned_of(
    path: Path, caplog: pytest.LogCaptureFixture, mode: int, *, told: bool
) -> None:
    SQLiteStore(path)
    assert caplog.messages == []
    path.chmod(mode)
    SQLiteStore(path)
    assert bool(caplog.messages) is told
    assert all(f"{path} is open to other users" in message for message in caplog.messages)


def test_a_second_store_on_a_file_leaves_the_locks_of_the_first(path: Path) -> None:
    """Where a process closed a descriptor of the file, all its locks on it would be gone."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        SQLiteStore(path)
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailableError, match="locked"):
            SQLiteStore(path, timings=SQLiteTimings(busy_timeout=0.01))
        assert subprocess.run([sys.executable, "-c", LOCKED, path], timeout=60, check=False).returncode == 1


LOCKED = """
import sqlite3, sys
sqlite3.connect(sys.argv[1], timeout=0).execute("BEGIN IMMEDIATE")
"""


def test_a_directory_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"No such file or directory\. See that its directory exists"):
        SQLiteStore(tmp_path / "missing" / "sessions.db")


@pytest.mark.parametrize("path", ["", ":memory:"])
def test_a_store_in_memory_is_named_by_another_url(path: str) -> None:
    with pytest.raises(ValueError, match="use memory://"):
        SQLiteStore(path)


READ_ONLY = """
import os, sys
from handshake_prompt.stores.sqlite import SQLiteStore
if not os.geteuid():
    os.seteuid(65534)  # for whom modes mean something
try:
    SQLiteStore(sys.argv[1])
except ValueError as error:
    print(error)
"""


@pytest.mark.parametrize("existing", [True, False], ids=["the file", "its directory"])
def test_what_may_not_be_written_is_named(*, existing: bool) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "sessions.db"
        if existing:
            asyncio.run(fill(path))
            path.chmod(0o444)
        Path(directory).chmod(0o555)
        said = subprocess.run(
            [sys.executable, "-c", READ_ONLY, path], capture_output=True, text=True, check=True, timeout=60
        ).stdout
        Path(directory).chmod(0o755)
    assert said.startswith(f"Cannot write {path}: Permission denied. See that its directory exists")


def test_a_file_that_stays_locked_is_not_waited_for_without_end(path: Path) -> None:
    asyncio.run(fill(path))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(StoreUnavailableError, match=r"is locked by another process\. Close that one"):
            SQLiteStore(path, timings=SQLiteTimings(busy_timeout=0.2))
        assert 0.2 <= time.monotonic() - began < PATIENT
    SQLiteStore(path)


STARTING = """
import asyncio, sys
from handshake_prompt.stores.sqlite import SQLiteStore

async def main():
    print("up", flush=True)
    sys.stdin.readline()
    store = SQLiteStore(sys.argv[1])
    await store.ready()
    print((await store.hit("c", limit=9, window=60)).remaining, flush=True)
    await store.aclose()

asyncio.run(main())
"""


def test_workers_may_all_start_at_once_on_a_file_that_is_not_there(path: Path) -> None:
    command = [sys.executable, "-c", STARTING, str(path)]
    workers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "up\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    left = [int(worker.communicate(timeout=60)[0]) for worker in workers]
    assert sorted(left) == [5, 6, 7, 8]


def test_a_file_that_is_read_while_another_worker_writes_its_pages_is_looked_at_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(fill(path))
    whole = path.read_bytes()
    overwrite(path)
    journal = path.with_name(f"{path.name}-journal")
    journal.touch()
    looks: list[int] = []

    def looking(*arguments: Any, **options: Any) -> None:
        looks.append(1)
        if len(looks) == 5:  # the other one is done
            path.write_bytes(whole)
            journal.unlink()
        provide_file(*arguments, **options)

    monkeypatch.setattr("handshake_prompt.stores.sqlite.schema.provide_file", looking)
    SQLiteStore(path)
    assert len(looks) == 5


def test_a_damaged_file_is_refused_in_time_though_a_journal_of_a_killed_process_lies_beside_it(path: Path) -> None:
    overwrite(path)
    path.with_name(f"{path.name}-wal").touch()
    began = time.monotonic()
    with pytest.raises(ValueError, match="is damaged"):
        SQLiteStore(path, timings=SQLiteTimings(busy_timeout=0.2))
    assert time.monotonic() - began < PATIENT


@pytest.mark.parametrize("moment", range(8))
def test_a_file_that_another_worker_makes_at_any_moment_is_ours(
    path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    statements = itertools.count()

    class Interrupted(sqlite3.Connection):
        def execute(self, *given: Any) -> sqlite3.Cursor:
            if next(statements) == moment:
                SQLiteStore(path)
            return super().execute(*given)

    monkeypatch.setattr(sqlite3, "connect", functools.partial(sqlite3.connect, factory=Interrupted))
    SQLiteStore(path)
    assert next(statements) > moment, "nobody came between"


@pytest.mark.parametrize("existing", [None, 0o640], ids=["created for this user alone", "left as it was"])
def test_the_files_mode(path: Path, existing: int | None) -> None:
    if existing is not None:
        path.touch()
        path.chmod(existing)
    store = SQLiteStore(path)

    async def modes() -> set[int]:
        await store.ready()
        await kept(store)
        found = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        await store.aclose()
        return found

    assert asyncio.run(modes()) == {existing or 0o600}


# Versions

ADD_A_TABLE = "CREATE TABLE later (a); INSERT INTO later VALUES (7);"


def agree(connection: sqlite3.Connection) -> None:
    connection.execute("SELECT boot FROM world")


def test_a_file_of_an_earlier_version_is_brought_up_to_date_and_keeps_its_sessions(path: Path) -> None:
    asyncio.run(fill(path))
    migrations = [*schema.MIGRATIONS, ADD_A_TABLE]
    for _ in range(2):
        schema.prepare_file(path, agree, migrations=migrations)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(migrations),)
        assert connection.execute("SELECT a FROM later").fetchall() == [(7,)]
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (8,)


def test_sessions_of_the_first_version_count_as_used(path: Path) -> None:
    schema.prepare_file(path, agree, migrations=schema.MIGRATIONS[:1])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        later = time.time() + 1e6
        connection.execute(
            "INSERT INTO sessions VALUES (1, ?, 0, 0, ?, ?, 0, NULL, 0, 0, 0, 0)", ("b" * 32, later, later)
        )
        connection.execute("INSERT INTO states VALUES (1, x'00')")
        connection.execute("UPDATE world SET sessions = 1")

    async def fill_up() -> list[str]:
        store = SQLiteStore(path, Limits(sessions=1, unused_seconds=1))
        await store.ready()
        with pytest.raises(UnavailableError):
            await kept(store)
        await store.aclose()
        with closing(sqlite3.connect(path)) as connection:
            return [name for (name,) in connection.execute("SELECT name FROM sessions")]

    assert asyncio.run(fill_up()) == ["b" * 32]


def test_a_migration_that_fails_changes_nothing(path: Path) -> None:
    asyncio.run(fill(path))
    with pytest.raises(StoreUnavailableError, match='near "NONSENSE"'):
        schema.prepare_file(path, agree, migrations=[*schema.MIGRATIONS, ADD_A_TABLE + "NONSENSE"])
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'later'").fetchall()
    SQLiteStore(path)


# URLs


@pytest.mark.parametrize("rest", ["", "?synchronous=full", "?synchronous=normal"])
async def test_a_store_can_be_named_by_its_url(tmp_path: Path, rest: str) -> None:
    store = open_store(f"sqlite:///{tmp_path}/my%20sessions.db{rest}")
    await store.ready()
    await kept(store)
    assert (await load(store)).record.version == 0
    await store.aclose()
    assert (tmp_path / "my sessions.db").exists()


async def test_a_url_with_three_slashes_is_relative_and_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///sessions.db")
    monkeypatch.chdir("/")
    await store.ready()
    await store.aclose()
    assert (tmp_path / "sessions.db").exists()


@pytest.mark.parametrize(
    ("synchronous", "level"), [("normal", 1), ("full", 2)], ids=["as fast as is safe", "safe from a power cut"]
)
async def test_synchronous_is_what_the_file_is_written_with(path: Path, synchronous: str, level: int) -> None:
    store = SQLiteStore.from_url(f"sqlite:///{path}?synchronous={synchronous}")
    await store.ready()
    (found,) = await store._running_threads().writer.run(
        lambda connection: connection.execute("PRAGMA synchronous").fetchone()
    )
    assert found == level
    await store.aclose()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param("sqlite://sessions.db", "three slashes or four", id="two slashes"),
        pytest.param("sqlite:///", "three slashes or four", id="no file"),
        pytest.param("sqlite:sessions.db", "three slashes or four", id="no slashes"),
        pytest.param("sqlite:///a.db?synchronous=off", "It is 'normal' or 'full'", id="unsafe"),
        pytest.param("sqlite:///a.db?timeout=5", "has no 'timeout'", id="unknown option"),
    ],
)
def test_a_url_that_names_no_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=says):
        SQLiteStore.from_url(url)
    assert not list(tmp_path.iterdir())
