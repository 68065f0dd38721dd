"""Foreign data in the file of an SQLite store: unavailable, and named in the log."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from handshake_prompt import HandshakeApp
from handshake_prompt.protocol.errors import HandshakeError, StoreUnavailableError, VersionConflictError
from handshake_prompt.stores import Receipt, Visit
from handshake_prompt.stores.sqlite import SQLiteStore, SQLiteTimings
from handshake_prompt.testing.contract.steps import (
    RecordingSubscriber,
    action,
    claim,
    drafted,
    kept,
    logged,
    seqs_after,
)
from tests.support.in_process import open_in_process

SESSION = "a" * 32
FOREIGN: dict[str, object] = {
    "an empty text": "",
    "text": "Dear diary",
    "JSON": b'{"sessionId": "a", "values": {}}',
    "bytes": bytes(range(128, 256)),
    "an empty blob": b"",
    "a packed null": b"\xc0",
    "a packed list": b"\x93\x01\x02\x03",
    "a packed object": b"\x81\xa1v\xa3one",
    "a fraction": 1.5,
}
COLUMNS = {
    "sessions": ["version", "ended", "expires_at", "purge_at", "log_events", "log_bytes", "receipt_bytes", "stamp"],
    "states": ["packed"],
    "log": ["last", "sizes", "packed"],
    "receipts": ["fingerprint", "reply", "ends_at", "lifetime"],
    "counters": ["hits", "ends_at"],
    "presence": ["watchers", "ends_at"],
    "world": ["sessions", "stamp", "latest"],
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SQLiteStore]:
    one = SQLiteStore(path, timings=SQLiteTimings(maintenance_retry=0.01, sweep_interval=0.05))
    await one.ready()
    await kept(one, lives=1000, purged=1000)
    await logged(one, 3)
    await one.visit(SESSION, claims=[claim("t")])
    await one.report_watchers("worker", {SESSION: 1})
    yield one
    await one.aclose()


def spoil(path: Path, column: str, content: object) -> None:
    """Put something else into a column, as another program may."""
    table, _, column = column.partition(".")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"UPDATE OR IGNORE {table} SET {column} = ?", (content,))


async def save_more(store: SQLiteStore) -> None:
    loaded = await store.load(SESSION)
    if loaded is None:
        return
    record = loaded.record
    record.session = drafted(record)
    record.session.seq += 1
    record.session.commit()
    await store.save(record, events=[action(record.session.seq)], receipt=Receipt("new", "f", b"{}", 600))


METHODS: dict[str, Callable[[SQLiteStore], Awaitable[object]]] = {
    "ready": SQLiteStore.ready,
    "load": lambda store: store.load(SESSION, after=0, key="last"),
    "visit": lambda store: store.visit(SESSION, Visit(renew=True, after=0, key="last"), claims=[claim("t")]),
    "save": save_more,
    "touch": lambda store: store.touch(SESSION, expires_at=store.now() + 2000, purge_at=store.now() + 2000),
    "hit": lambda store: store.hit(f"agent:{SESSION}", limit=10, window=60),
    "report_watchers": lambda store: store.report_watchers("other", {SESSION: 1}),
    "create": lambda store: kept(store, "b"),
    "subscribe": lambda store: store.subscribe(SESSION, RecordingSubscriber()),
    "owned_by": lambda store: store.owned_by({"user": 7, "名": None}),
    "sweep": SQLiteStore.sweep,
}


async def outcome_of(call: Awaitable[object]) -> HandshakeError | None:
    """Wait for a call; return the error by which it tells that the store, or the session, cannot be used."""
    try:
        await call
    except (StoreUnavailableError, VersionConflictError) as error:
        return error
    return None


@pytest.mark.parametrize("content", FOREIGN)
@pytest.mark.parametrize("column", [f"{table}.{column}" for table, columns in COLUMNS.items() for column in columns])
async def test_i8_foreign_data_in_a_column_is_an_unavailable_store_and_no_bug(
    path: Path, store: SQLiteStore, caplog: pytest.LogCaptureFixture, column: str, content: str
) -> None:
    spoil(path, column, FOREIGN[content])
    for method, call in METHODS.items():
        caplog.clear()
        outcome = await outcome_of(call(store))
        assert not outcome or caplog.messages or method in {"save", "create"}, method


@pytest.mark.parametrize("table", COLUMNS)
@pytest.mark.parametrize("gone", ["its rows", "the table"])
async def test_i8_a_table_without_its_rows_is_an_unavailable_store_and_no_bug(
    path: Path, store: SQLiteStore, table: str, gone: str
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"DELETE FROM {table}" if gone == "its rows" else f"DROP TABLE {table}")
    for call in METHODS.values():
        await outcome_of(call(store))


async def test_i8_another_session_in_a_sessions_row_is_not_taken_for_it(
    path: Path, store: SQLiteStore, caplog: pytest.LogCaptureFixture
) -> None:
    await kept(store, "b")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE states SET packed = (SELECT packed FROM states ORDER BY session DESC LIMIT 1)")
    with pytest.raises(StoreUnavailableError):
        await store.load(SESSION)
    assert SESSION in caplog.text


async def test_i8_a_session_that_cannot_be_read_leaves_the_others_alone(path: Path, store: SQLiteStore) -> None:
    await kept(store, "b")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE states SET packed = x'00' WHERE session = (SELECT min(session) FROM states)")
        other.execute("UPDATE log SET sizes = x'ff'")
    with pytest.raises(StoreUnavailableError):
        await store.load(SESSION)
    await logged(store, 2, name="b")
    assert await seqs_after(store, 0, name="b") == ([1, 2], True)


@pytest.mark.parametrize("content", FOREIGN)
async def test_i8_a_request_that_meets_foreign_data_is_answered_503(
    path: Path, store: SQLiteStore, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    peer = await open_in_process(HandshakeApp(store=store))
    spoil(path, "states.packed", FOREIGN[content])
    caplog.set_level(logging.ERROR)
    caplog.clear()
    for answer in (await peer.agent("GET", "context"), await peer.user("POST", "notify", {"key": "a", "value": 1})):
        assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert peer.session_id in caplog.text or "the table sessions" in caplog.text
    assert not [record for record in caplog.records if record.exc_info]
