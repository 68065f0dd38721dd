"""What the Redis store does when the server, or the way to it, does not do its part."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis.asyncio

from handshake_prompt.protocol.errors import StoreUnavailableError, VersionConflictError
from handshake_prompt.stores import Receipt, Visit
from handshake_prompt.stores.redis import RedisStore, RedisTimings
from handshake_prompt.testing.contract.steps import (
    RecordingSubscriber,
    action,
    claim,
    drafted,
    kept,
    load,
    logged,
    seqs_after,
)
from tests.stores.conftest import OpenRedis
from tests.support.peer import PATIENCE
from tests.support.proxy import Proxy, proxying
from tests.support.redis_servers import RedisServer, redis_cluster, redis_server, watched_servers
from tests.support.stalls import waiting_at_most

SESSION = "a" * 32
QUICK = RedisTimings(call_timeout=0.5, connect_timeout=0.4, node_timeout=0.3, poll_interval=0.8)
"""Short timeouts, as long as a busy machine allows."""
IN_TIME = QUICK.call_timeout + 0.5
"""The promise, in seconds of waiting: what a busy machine adds is not counted."""
RECOVERY = PATIENCE
"""Seconds that a server may need to be back; what is promised is that nothing has to be restarted for it."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    # `everysec` puts off writing while the disk is still busy with the last fsync: two seconds may be lost then.
    with redis_server(tmp_path, "--appendonly", "yes", "--appendfsync", "always") as one:
        yield one


@pytest.fixture
async def proxy(server: RedisServer) -> AsyncIterator[Proxy]:
    async with proxying(server.port) as one:
        yield one


async def refused(*calls: Awaitable[object], within: float = IN_TIME) -> None:
    """Have calls refused, all of them in time."""
    async with waiting_at_most(within):
        errors = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(error) for error in errors} == {StoreUnavailableError}
    assert {error.retry_after for error in errors if isinstance(error, StoreUnavailableError)} == {1}


async def recovered(call: Callable[[], Awaitable[object]]) -> None:
    """Wait until a call is answered."""
    async with asyncio.timeout(RECOVERY):
        while True:
            with suppress(StoreUnavailableError):
                await call()
                return
            await asyncio.sleep(0.02)


async def write(store: RedisStore, name: str = "a") -> int:
    """Append one event; return the version with it."""
    record = (await load(store, name)).record
    record.session = drafted(record)
    record.session.seq += 1
    record.session.commit()
    await store.save(record, events=[action(record.session.seq)])
    return record.version


# A server that does not answer


async def test_every_call_to_a_frozen_server_is_refused_in_time_and_then_at_once(
    open_redis: OpenRedis, server: RedisServer
) -> None:
    store = await open_redis(server.url, timings=QUICK)
    record = await kept(store)
    subscriber = RecordingSubscriber()
    await store.subscribe(SESSION, subscriber)
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "ready": store.ready,
        "create": lambda: store.create(record),
        "load": lambda: store.load(SESSION),
        "visit": lambda: store.visit(SESSION, Visit(renew=True), claims=[claim("t")]),
        "save": lambda: store.save(record),
        "touch": lambda: store.touch(SESSION, expires_at=0, purge_at=0),
        "hit": lambda: store.hit("c", limit=1, window=1),
        "owned_by": lambda: store.owned_by(7),
        "report_watchers": lambda: store.report_watchers("worker", {SESSION: 1}),
        "subscribe": lambda: store.subscribe("b" * 32, RecordingSubscriber()),
    }
    assert {*calls, "now", "unsubscribe", "aclose"} == {name for name in vars(RedisStore) if not name.startswith("_")}
    server.pause()
    try:
        await refused(*(call() for call in calls.values()))
        at_once = [name for name in calls if name not in {"report_watchers", "subscribe"}]
        await refused(*(calls[name]() for name in at_once), within=0.4)
    finally:
        server.resume()
    await recovered(lambda: store.load(SESSION))
    version = await write(store)
    await subscriber.receives(version)


async def test_more_calls_than_there_are_connections_are_refused_in_time_too(
    open_redis: OpenRedis, server: RedisServer
) -> None:
    store = await open_redis(server.url, timings=QUICK)
    server.pause()
    try:
        await refused(*(store.load(SESSION) for _ in range(200)))
    finally:
        server.resume()
    await recovered(lambda: store.load(SESSION))
    assert await asyncio.gather(*(store.load(SESSION) for _ in range(200))) == [None] * 200


async def test_nothing_acknowledged_is_lost_when_the_server_is_killed(
    open_redis: OpenRedis, server: RedisServer
) -> None:
    store = await open_redis(server.url)
    names = "abcd"
    for name in names:
        await kept(store, name, lives=1000, purged=1000)
    acknowledged = dict.fromkeys(names, 0)

    async def keep_writing(name: str) -> None:
        with suppress(StoreUnavailableError):
            while True:
                acknowledged[name] = await write(store, name)

    for _ in range(10):
        writers = [asyncio.create_task(keep_writing(name)) for name in names]
        await asyncio.sleep(random.uniform(0.02, 0.1))
        server.kill()
        await asyncio.gather(*writers)
        server.start()
        await recovered(lambda: store.load(SESSION))
        for name in names:
            version = (await load(store, name)).record.version
            assert acknowledged[name] <= version <= acknowledged[name] + 1
            seqs, _ = await seqs_after(store, 0, name=name)
            assert seqs == list(range(version - len(seqs) + 1, version + 1))
            acknowledged[name] = version


# A connection that does not do its part


async def test_a_call_over_a_connection_that_breaks_is_refused_and_the_next_one_is_not(
    open_redis: OpenRedis, proxy: Proxy
) -> None:
    store = await open_redis(proxy.url)
    await kept(store)
    proxy.cuts_before = lambda _: True
    await refused(store.load(SESSION))
    proxy.cuts_before = lambda _: False
    assert await store.load(SESSION)
    proxy.cut()
    await asyncio.sleep(0.05)
    assert await store.load(SESSION), "a connection that was cut while idle costs nobody anything"


GIVEN = {"a URL": False, "a client that retries": True}


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
async def test_i7_what_was_done_and_not_answered_is_not_done_again(
    open_redis: OpenRedis, server: RedisServer, proxy: Proxy, *, given: bool
) -> None:
    client = redis.asyncio.Redis.from_url(proxy.url)
    store = await open_redis(client=client) if given else await open_redis(proxy.url)
    direct = await open_redis(server.url, prefix=store._keys.prefix)
    await kept(direct)
    await logged(direct, 1)
    record = (await load(direct)).record
    await store.hit("c", limit=9, window=60)
    proxy.cuts_before = lambda data: data.startswith(b"$")  # what scripts answer, and not what connecting is answered
    for call in (
        store.save(record, events=[action(2)], receipt=Receipt("key", "f", b"{}", 60)),
        store.hit("c", limit=9, window=60),
        store.visit(SESSION, claims=[claim("t")]),
    ):
        await refused(call)
    await asyncio.sleep(0.1)
    loaded = await load(direct, after=0, key="key")
    assert (record.version, loaded.record.version) == (1, 2)
    assert loaded.log is not None
    assert [event.seq for event in loaded.log.events] == [1, 2]
    assert loaded.receipt is not None
    assert (await direct.hit("c", limit=9, window=60)).remaining == 9 - 3
    visited = await direct.visit(SESSION, claims=[claim("t")])
    assert visited is not None
    assert visited.quota is not None
    assert visited.quota.remaining == 10 - 2
    await client.aclose()


async def test_an_answer_that_comes_too_late_is_nobody_elses(open_redis: OpenRedis, proxy: Proxy) -> None:
    store = await open_redis(proxy.url, timings=QUICK)
    for name in "ab":
        await kept(store, name)
    proxy.delay = 0.4  # there and back
    await refused(store.load("a" * 32))
    proxy.delay = 0
    for _ in range(3):
        assert (await load(store, "b")).record.session.session_id == "b" * 32


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
async def test_a_call_that_is_given_up_is_over_and_leaves_no_answer_to_the_next(
    open_redis: OpenRedis, server: RedisServer, *, given: bool
) -> None:
    client = redis.asyncio.Redis.from_url(server.url)
    store = await open_redis(client=client) if given else await open_redis(server.url)
    for name in "abcd":
        await kept(store, name)

    async def give_up_or_check(name: str) -> None:
        call = asyncio.create_task(load(store, name))
        for _ in range(random.randrange(12)):
            await asyncio.sleep(0)
        if call.cancel():
            with pytest.raises(asyncio.CancelledError):
                await call
        assert (await load(store, name)).record.session.session_id == name * 32

    for _ in range(100):
        await asyncio.gather(*(give_up_or_check(name) for name in "abcd"))
    await client.aclose()


async def test_a_slow_way_is_waited_for(open_redis: OpenRedis, proxy: Proxy) -> None:
    store = await open_redis(proxy.url)
    proxy.delay = 0.05
    await kept(store)
    assert await write(store) == 1


async def test_a_connection_that_hangs_is_noticed_once_and_not_by_one_after_another(
    open_redis: OpenRedis, proxy: Proxy
) -> None:
    store = await open_redis(proxy.url, timings=QUICK)
    await kept(store)
    proxy.half_open()
    await refused(store.load(SESSION))
    async with waiting_at_most(QUICK.call_timeout):
        await asyncio.gather(*(load(store) for _ in range(20)))


async def test_a_socket_file_is_a_way_too(tmp_path: Path, open_redis: OpenRedis) -> None:
    path = tmp_path / "redis.sock"
    with redis_server(tmp_path, "--unixsocket", str(path)) as server:
        store = await open_redis(f"unix://{path}", timings=QUICK)
        await kept(store)
        subscriber = RecordingSubscriber()
        await store.subscribe(SESSION, subscriber)
        await subscriber.receives(await write(store))
        server.pause()
        try:
            await refused(store.load(SESSION))
        finally:
            server.resume()
        await recovered(lambda: store.load(SESSION))
        await store.aclose()


# Subscriber-ups that do not come


async def test_a_notification_that_is_lost_is_made_up_for(
    open_redis: OpenRedis, proxy: Proxy, server: RedisServer
) -> None:
    store = await open_redis(proxy.url, timings=QUICK)
    writer = await open_redis(server.url, prefix=store._keys.prefix)
    await kept(writer)
    subscriber = RecordingSubscriber()
    await store.subscribe(SESSION, subscriber)
    proxy.loses = lambda data: b"\r\nmessage\r\n" in data
    await logged(writer, 3)
    async with waiting_at_most(QUICK.poll_interval + 1):
        await subscriber.receives(3)


async def test_a_listener_that_hangs_is_noticed_and_what_it_missed_is_looked_for(
    open_redis: OpenRedis, proxy: Proxy, server: RedisServer
) -> None:
    store = await open_redis(proxy.url, timings=RedisTimings(ping_interval=0.3, poll_interval=60.0))
    writer = await open_redis(server.url, prefix=store._keys.prefix)
    await kept(writer)
    subscriber = RecordingSubscriber()
    await store.subscribe(SESSION, subscriber)
    await asyncio.sleep(0.8)
    accepted = proxy.accepted
    proxy.half_open(only=b"SUBSCRIBE")
    await logged(writer, 2)
    await subscriber.receives(2)
    assert proxy.accepted > accepted
    await logged(writer, 1)
    await subscriber.receives(3)


async def test_a_listener_that_has_nothing_to_hear_is_left_alone(open_redis: OpenRedis, proxy: Proxy) -> None:
    interval = 0.5  # in which a busy machine answers a PING
    store = await open_redis(proxy.url, timings=RedisTimings(ping_interval=interval))
    await store.subscribe(SESSION, RecordingSubscriber())
    accepted, answered, began = proxy.accepted, proxy.round_trips, time.monotonic()
    async with asyncio.timeout(PATIENCE):
        while proxy.round_trips < answered + 2:
            await asyncio.sleep(0.02)
    assert proxy.accepted == accepted
    assert time.monotonic() - began > 0.8 * interval


async def test_a_subscription_while_the_listener_is_cut_off_is_in_force_once_it_is_back(
    open_redis: OpenRedis, proxy: Proxy
) -> None:
    store = await open_redis(proxy.url)
    for name in "ab":
        await kept(store, name)
    early, late = RecordingSubscriber(), RecordingSubscriber()
    await store.subscribe("a" * 32, early)
    proxy.cut()
    await store.subscribe("b" * 32, late)
    for name, subscriber in (("a", early), ("b", late)):
        await recovered(lambda name=name: write(store, name))  # type: ignore[misc]
        await subscriber.receives(1)


async def test_channels_without_subscribers_are_left(open_redis: OpenRedis, server: RedisServer) -> None:
    store = await open_redis(server.url, timings=RedisTimings(poll_interval=0.1))
    subscriber = RecordingSubscriber()
    for name in "abc":
        await store.subscribe(name * 32, subscriber)
    for name in "ab":
        store.unsubscribe(name * 32, subscriber)
    channels = f"{store._keys.prefix}:wake:*"
    async with asyncio.timeout(PATIENCE):
        while len(server.ask("PUBSUB", "CHANNELS", channels)) != 1:
            await asyncio.sleep(0.02)
    listener = store._open_client().listener
    assert [set(listener._channels), set(listener._subscribers)] == [{"c" * 32}, {"c" * 32}]


async def test_a_session_that_is_gone_or_went_back_is_told_of_without_a_version(
    open_redis: OpenRedis, server: RedisServer
) -> None:
    store = await open_redis(server.url, timings=RedisTimings(poll_interval=0.1))
    await kept(store)
    await logged(store, 2)
    subscriber = RecordingSubscriber()
    await store.subscribe(SESSION, subscriber)
    await subscriber.receives(2)
    key = f"{store._keys.prefix}:{{{SESSION}}}"
    for change in (("SET", key, b"\x81\xa1v\x01"), ("DEL", key)):
        server.ask(*change)
        async with asyncio.timeout(PATIENCE):
            while not subscriber.received or subscriber.received[-1] != (SESSION, None):
                await asyncio.sleep(0.01)
        subscriber.received.clear()
    await asyncio.sleep(0.3)
    assert subscriber.received == [], "it is said once"


# Failovers


async def keep_writing(store: RedisStore, name: str, acknowledged: dict[str, tuple[int, float]]) -> None:
    """Write to a session until cancelled, and note what was acknowledged, and when."""
    while True:
        async with waiting_at_most(2 * RedisTimings().call_timeout + 1):  # a write is two calls
            with suppress(StoreUnavailableError, VersionConflictError):
                acknowledged[name] = (await write(store, name), time.monotonic())
        await asyncio.sleep(0.01)


async def survives(store: RedisStore, names: str, master: RedisServer) -> None:
    """Kill a master under load, and hold the store to going on with the replica."""
    subscribers = {name: RecordingSubscriber() for name in names}
    for name in names:
        await kept(store, name, lives=1000, purged=1000)
        await store.subscribe(name * 32, subscribers[name])
    acknowledged: dict[str, tuple[int, float]] = {}
    writers = [asyncio.create_task(keep_writing(store, name, acknowledged)) for name in names]
    await asyncio.sleep(0.5)
    master.kill()
    killed = time.monotonic()
    async with asyncio.timeout(2 * RECOVERY):
        while len(acknowledged) < len(names) or min(at for _, at in acknowledged.values()) < killed + 0.5:
            await asyncio.sleep(0.05)
            assert not any(writer.done() for writer in writers)
    for writer in writers:
        writer.cancel()
    await asyncio.gather(*writers, return_exceptions=True)
    for name in names:
        version = (await load(store, name)).record.version
        assert version >= acknowledged[name][0]
        seqs, _ = await seqs_after(store, 0, name=name)
        assert seqs == list(range(version - len(seqs) + 1, version + 1))
        await subscribers[name].receives(version)


async def test_a_failover_by_sentinel_is_followed(tmp_path: Path, open_redis: OpenRedis) -> None:
    with watched_servers(tmp_path, "main") as (master, _, sentinel):
        store = await open_redis(f"redis+sentinel://{sentinel.address}/main")
        await survives(store, "abcd", master)
        await store.aclose()


def names_by_node(nodes: list[RedisServer], store: RedisStore) -> dict[int, list[str]]:
    """Return names of sessions that a Cluster of three keeps on each of them."""
    names: dict[int, list[str]] = {0: [], 1: [], 2: []}
    for name in "abcdefghijklmnopqrstuvwxyz":
        slot: int = nodes[0].ask("CLUSTER", "KEYSLOT", store._keys.session_key(name * 32).decode())
        names[slot * 3 // 16_384].append(name)
    return names


async def test_a_failover_in_a_cluster_is_followed(tmp_path: Path, open_redis: OpenRedis) -> None:
    with redis_cluster(tmp_path) as nodes:
        store = await open_redis("redis+cluster://" + ",".join(node.address for node in nodes))
        names = names_by_node(nodes, store)
        await survives(store, "".join([*names[0][:2], names[1][0], names[2][0]]), nodes[0])
        await store.aclose()


async def test_where_one_node_of_a_cluster_is_frozen_the_others_are_used_all_the_same(
    tmp_path: Path, open_redis: OpenRedis
) -> None:
    with redis_cluster(tmp_path, replicas=False) as nodes:
        store = await open_redis("redis+cluster://" + ",".join(node.address for node in nodes), timings=QUICK)
        names = names_by_node(nodes, store)
        alive, frozen = [*names[1][:2], *names[2][:2]], names[0][:2]
        for name in [*alive, *frozen]:
            await kept(store, name)
        nodes[0].pause()
        try:
            await refused(*(load(store, name) for name in frozen * 10))
            for name in alive:  # the client may be told the Cluster's nodes anew first, and ask the frozen one for them
                await recovered(lambda name=name: write(store, name))  # type: ignore[misc]
        finally:
            nodes[0].resume()
        for name in frozen:
            await recovered(lambda name=name: load(store, name))  # type: ignore[misc]
        await store.aclose()
