"""Foreign data under the keys of a Redis store: unavailable, and named in the log."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import pytest

from handshake_prompt import HandshakeApp
from handshake_prompt.protocol.errors import StoreUnavailableError, VersionConflictError
from handshake_prompt.stores import Receipt, Visit
from handshake_prompt.stores.redis import RedisStore, RedisTimings
from handshake_prompt.testing.contract.steps import (
    RecordingSubscriber,
    action,
    claim,
    drafted,
    end,
    kept,
    load,
    logged,
    presence,
    seqs_after,
)
from tests.stores.conftest import OpenRedis
from tests.support.in_process import open_in_process
from tests.support.redis_servers import RedisServer

SESSION = "a" * 32
FOREIGN: dict[str, bytes] = {
    "an empty text": b"",
    "text": b"Dear diary",
    "JSON": b'{"sessionId": "a", "values": {}}',
    "bytes": bytes(range(128, 256)),
    "a null": b"\xc0",
    "a number": b"\x07",
    "a list": b"\x93\x01\x02\x03",
    "an empty object": b"\x80",
    "an object of other members": b"\x82\xa1v\xa3one\xa1e\xc0",
}


async def lived_in(store: RedisStore) -> None:
    """Make use of every kind of key of a session."""
    await kept(store, lives=1000, purged=1000)
    await logged(store, 3)
    await store.visit(SESSION, claims=[claim("t")])
    await store.report_watchers("worker", {SESSION: 1})


async def use(store: RedisStore, name: str) -> None:
    """Call a method with all that it can read and write of the session."""
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "load": lambda: store.load(SESSION, after=0, key="last"),
        "visit": lambda: store.visit(SESSION, Visit(renew=True, after=0, key="last"), claims=[claim("t")]),
        "save": lambda: save(store),
        "touch": lambda: store.touch(SESSION, expires_at=store.now() + 2000, purge_at=store.now() + 2000),
        "hit": lambda: store.hit(f"agent:{SESSION}", limit=10, window=60),
        "report_watchers": lambda: store.report_watchers("other", {SESSION: 1}),
        "create": lambda: kept(store),
        "subscribe": lambda: store.subscribe(SESSION, RecordingSubscriber()),
        "owned_by": lambda: store.owned_by({"user": 7, "名": None}),
    }
    await calls[name]()


async def save(store: RedisStore) -> None:
    record = (await load(store)).record
    record.session = drafted(record)
    record.session.seq += 1
    record.session.commit()
    await store.save(record, events=[action(record.session.seq)], receipt=Receipt("new", "f", b"{}", 600))


METHODS = ["load", "visit", "save", "touch", "hit", "report_watchers", "create", "subscribe", "owned_by"]
KEYS = ["", ":state", ":log", ":receipts", ":order", ":present"]


@pytest.mark.parametrize("content", [*FOREIGN, "another type"])
@pytest.mark.parametrize("key", [*KEYS, "counter", "owner"])
async def test_i8_foreign_data_under_a_key_is_an_unavailable_store_and_no_bug(
    open_redis: OpenRedis, shared_redis: RedisServer, caplog: pytest.LogCaptureFixture, key: str, content: str
) -> None:
    store = await open_redis(shared_redis.url)
    await lived_in(store)
    spoil(shared_redis, store, key, content)
    for method in METHODS:
        caplog.clear()
        try:
            await use(store, method)
        except StoreUnavailableError:
            assert any(store._keys.prefix in message for message in caplog.messages), method
            assert not [record for record in caplog.records if record.exc_info]
        except VersionConflictError:
            assert method in {"create", "save"}
    await others_go_on(store)


async def others_go_on(store: RedisStore) -> None:
    """Use another session."""
    await kept(store, "b", owner=None)
    await logged(store, 2, name="b")
    assert await seqs_after(store, 0, name="b") == ([1, 2], True)
    assert await presence(store, "b") == {}
    await end(store, (await load(store, "b")).record, purged=5)


def spoil(server: RedisServer, store: RedisStore, key: str, content: str) -> None:
    """Put something else where a session's data was, or into it where that is a list or a hash."""
    session = store._keys.session_key(SESSION).decode()
    if key == "owner":
        (name,) = server.ask("KEYS", f"{store._keys.prefix}:owner:*")
    else:
        name = store._keys.counter_key(f"agent:{SESSION}").decode() if key == "counter" else session + key
    if content == "another type":
        server.ask("DEL", name)
        server.ask(*(("SADD", name, "x") if key != ":log" else ("SET", name, "x")))
        return
    foreign = FOREIGN[content]
    if key == ":log":
        server.ask("LSET", name, 1, foreign)
    elif key == ":receipts":
        server.ask("HSET", name, "last", foreign)
    elif key == ":present":
        server.ask("HSET", name, "worker", foreign)
    elif key in {":order", "owner"}:
        server.ask("ZADD", name, 10**12, foreign)
    else:
        server.ask("SET", name, foreign)


async def test_i8_another_session_under_a_sessions_key_is_not_taken_for_it(
    open_redis: OpenRedis, shared_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    store = await open_redis(shared_redis.url)
    for name in "ab":
        await kept(store, name)
    keys = [store._keys.session_key(name * 32).decode() + ":state" for name in "ba"]
    shared_redis.ask("COPY", *keys, "REPLACE")
    with pytest.raises(StoreUnavailableError):
        await store.load(SESSION)
    assert SESSION in caplog.text


async def test_i8_a_subscriber_of_what_cannot_be_read_does_not_keep_others_from_being_notified(
    open_redis: OpenRedis, shared_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    store = await open_redis(shared_redis.url, timings=RedisTimings(poll_interval=0.1))
    subscribers = {name: RecordingSubscriber() for name in "ab"}
    for name, subscriber in subscribers.items():
        await kept(store, name)
        await store.subscribe(name * 32, subscriber)
    head = store._keys.session_key(SESSION).decode()
    shared_redis.ask("SET", head, "Dear diary")
    shared_redis.ask("SET", store._keys.session_key("b" * 32).decode(), b"\x81\xa1v\x05")
    await subscribers["b"].receives(5)
    assert head in caplog.text


@pytest.mark.parametrize("content", FOREIGN)
async def test_i8_a_request_that_meets_foreign_data_is_answered_503(
    open_redis: OpenRedis, shared_redis: RedisServer, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    store = await open_redis(shared_redis.url)
    peer = await open_in_process(HandshakeApp(store=store))
    shared_redis.ask("SET", store._keys.session_key(peer.session_id).decode() + ":state", FOREIGN[content])
    caplog.set_level(logging.ERROR)
    caplog.clear()
    for answer in (await peer.agent("GET", "context"), await peer.user("POST", "notify", {"key": "a", "value": 1})):
        assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert len(caplog.messages) == 2
    assert all(peer.session_id in message for message in caplog.messages)
