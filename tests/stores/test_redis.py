"""The Redis store keeps what every store promises, and what it alone does."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import threading
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio
from msgspec.structs import replace

from handshake_prompt import Credential, ProtocolEngine, stores as stores_package
from handshake_prompt.protocol.errors import StoreUnavailableError, UnavailableError
from handshake_prompt.stores import Receipt, Record, Urgency, Visit
from handshake_prompt.stores.redis import RedisStore, store as store_module
from handshake_prompt.stores.redis.command_executors import ServerExecutor
from handshake_prompt.stores.redis.refusals import RIGHTS
from handshake_prompt.stores.redis.store import CLOCK_MILLISECONDS
from handshake_prompt.testing import Stores
from handshake_prompt.testing.contract.capacity import CapacityContract
from handshake_prompt.testing.contract.counting import CountingContract
from handshake_prompt.testing.contract.logs import LogContract
from handshake_prompt.testing.contract.notifications import NotificationContract
from handshake_prompt.testing.contract.records import RecordContract
from handshake_prompt.testing.contract.sharing import SharingContract
from handshake_prompt.testing.contract.steps import (
    OVER,
    SHORT,
    RecordingSubscriber,
    action,
    claim,
    end,
    kept,
    load,
    logged,
    presence,
    session,
    visit,
)
from tests.stores.conftest import OpenRedis
from tests.support.clock import ManualClock
from tests.support.parts import absent
from tests.support.peer import PATIENCE
from tests.support.proxy import Proxy, proxying
from tests.support.redis_servers import RedisServer, eventually, redis_cluster, redis_server
from tests.support.serving import free_port

SESSION = "a" * 32
STORES_README = Path(stores_package.__file__).with_name("README.md").read_text("utf-8")


def sharing(open_redis: OpenRedis, url: str) -> Stores:
    """Return how the contract comes by stores in one place."""
    prefixes: list[str] = []

    async def open_one(**bounds: float) -> RedisStore:
        store = await open_redis(url, **bounds)
        prefixes.append(store._keys.prefix)
        return store

    async def again() -> RedisStore:
        return await open_redis(url, prefix=prefixes[-1])

    return Stores(open_one, again=again)


class TestRedisStore(RecordContract, LogContract, CountingContract, NotificationContract, SharingContract):
    pytestmark = pytest.mark.asyncio

    @pytest.fixture
    def stores(self, open_redis: OpenRedis, shared_redis: RedisServer) -> Stores:
        return sharing(open_redis, shared_redis.url)


class TestFullRedisStore(CapacityContract):
    """The bound of a Redis is its own `maxmemory`."""

    pytestmark = pytest.mark.asyncio

    @pytest.fixture
    def stores(self, open_redis: OpenRedis, tmp_path: Path) -> Iterator[Stores]:
        with redis_server(tmp_path) as server:

            async def open_one(*, store_bytes: float, **bounds: float) -> RedisStore:
                store = await open_redis(server.url, **bounds)
                bound_memory(server, round(store_bytes))
                return store

            yield Stores(open_one)


def bound_memory(server: RedisServer, more: int) -> None:
    """Let a server have so many bytes more than it has."""
    used = int(re.findall(r"used_memory:(\d+)", server.ask("INFO", "memory"))[0])
    server.ask("CONFIG", "SET", "maxmemory", used + more)


class TestRedisStoreInACluster(LogContract, NotificationContract, SharingContract):
    """A Cluster does nothing differently but where: these use all kinds of keys, and of connections."""

    pytestmark = pytest.mark.asyncio

    @pytest.fixture
    def stores(self, open_redis: OpenRedis, shared_cluster: list[RedisServer]) -> Stores:
        return sharing(open_redis, f"redis+cluster://{shared_cluster[1].address}")


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RedisServer]]:
    with redis_cluster(tmp_path_factory.mktemp("cluster"), replicas=False) as nodes:
        yield nodes


@pytest.fixture
async def proxy(shared_redis: RedisServer) -> AsyncIterator[Proxy]:
    async with proxying(shared_redis.port) as one:
        yield one


# Round trips


async def create(store: RedisStore, name: str, *, owner: Any) -> None:
    now = store.now()
    await store.create(Record(session(name, now, owner=owner), 0, expires_at=now + 100, purge_at=now + 700))


STEPS: dict[str, tuple[int, Any]] = {
    "create": (1, lambda store, _: create(store, "b", owner=None)),
    "create for an owner": (2, lambda store, _: create(store, "b", owner=7)),
    "load": (1, lambda store, _: store.load(SESSION, after=0, key="last")),
    "visit": (1, lambda store, _: store.visit(SESSION, Visit(renew=True, after=0), claims=[claim("x"), claim("t")])),
    "save": (1, lambda store, record: store.save(record, events=[action(3)], receipt=Receipt("k", "f", b"{}", 9))),
    "touch": (1, lambda store, _: store.touch(SESSION, expires_at=0, purge_at=0)),
    "hit": (1, lambda store, _: store.hit("c", limit=3, window=60)),
    "owned": (1, lambda store, _: store.owned_by(7)),
    "present": (1, lambda store, _: store.report_watchers("worker", dict.fromkeys([SESSION, "b" * 32], 2))),
    "ready": (1, lambda store, _: store.ready()),
}


@pytest.mark.parametrize(("trips", "step"), STEPS.values(), ids=STEPS)
async def test_a_step_is_one_round_trip(open_redis: OpenRedis, proxy: Proxy, trips: int, step: Any) -> None:
    store = await open_redis(proxy.url)
    await kept(store)
    await logged(store, 2)
    await store.hit("warm", limit=1, window=1)
    await store.touch(SESSION, expires_at=0, purge_at=0)
    await store.report_watchers("warm", {SESSION: 1})
    record = (await load(store)).record
    before = proxy.round_trips
    await step(store, record)
    assert proxy.round_trips - before == trips


FORM: dict[str, Any] = {
    "mode": "form-fill",
    "userToken": True,
    "meta": {"page": "/checkout/address", "form": "delivery"},
    "schema": [
        {"key": "firstName", "label": "First name", "type": "string", "required": True, "maxLength": 80},
        {"key": "lastName", "label": "Last name", "type": "string", "required": True, "maxLength": 80},
        {"key": "email", "label": "E-mail", "type": "email", "required": True},
        {"key": "phone", "label": "Telephone", "type": "string"},
        {"key": "street", "label": "Street and number", "type": "string", "required": True},
        {"key": "zip", "label": "Postal code", "type": "string", "required": True},
        {"key": "city", "label": "City", "type": "string", "required": True},
        {"key": "country", "label": "Country", "type": "enum", "options": [{"value": "AT"}, {"value": "DE"}]},
        {"key": "iban", "label": "Account", "type": "string", "sensitive": True},
        {"key": "notes", "label": "Notes for the driver", "type": "string", "maxLength": 500},
    ],
}
VALUES = {
    "firstName": "Margarethe",
    "lastName": "Lindqvist-Okafor",
    "email": "margarethe@example.org",
    "phone": "+43 660 1234567",
    "street": "Lange Gasse 12/3/14",
    "zip": "1080",
    "city": "Wien",
    "country": "AT",
    "iban": "AT611904300234573201",
    "notes": "Second courtyard, third floor. Please ring twice; the dog is friendly.",
}


async def test_a_read_is_one_round_trip_a_write_two_and_a_session_a_few_kilobytes(
    open_redis: OpenRedis, proxy: Proxy, shared_redis: RedisServer
) -> None:
    store = await open_redis(proxy.url)
    engine = ProtocolEngine(store=store)
    created, _ = await engine.create_session(FORM)
    session_id, agent = created["sessionId"], Credential(token=created["token"])

    def sizes() -> dict[str, int]:
        keys = shared_redis.ask("KEYS", f"{store._keys.prefix}:*")
        return {key: shared_redis.ask("MEMORY", "USAGE", key, "SAMPLES", 0) for key in keys}

    async def act(number: int, key: str, value: str) -> int:
        body = {"actions": [{"type": "set", "key": key, "value": value}], "stream": False}
        before = proxy.round_trips
        reply, _ = await engine.post_action(session_id, body, agent, idempotency_key=f"{number:036}")
        assert reply["applied"] == [key]
        return proxy.round_trips - before

    async def read() -> int:
        before = proxy.round_trips
        await engine.get_context(session_id, agent)
        return proxy.round_trips - before

    await read()  # the first one may have to tell the server its script
    assert await read() == 1
    at_first = sizes()
    changes = [*VALUES.items(), *((key, value.upper()) for key, value in VALUES.items())]
    trips = [await act(number, key, value) for number, (key, value) in enumerate(changes)]
    assert trips[1:] == [2] * 19
    at_last = sizes()
    receipts = sum(size for key, size in at_last.items() if key.endswith((":receipts", ":order")))
    size = {"at first": sum(at_first.values()), "at last": sum(at_last.values()) - receipts, "receipts": receipts}
    logging.getLogger(__name__).info("%d keys at first, %d at last, bytes: %s", len(at_first), len(at_last), size)
    assert (len(at_first), len(at_last)) == (4, 7)
    assert size["at first"] < 2500
    assert size["at last"] < 15_000
    assert size["receipts"] < 40_000


# What is left behind


async def lived_in(store: RedisStore, *, lives: float, purged: float, window: float) -> None:
    """Make use of every kind of key."""
    for name in "ab":
        record = await kept(store, name, lives=lives, purged=purged, deadline=lives)
        await logged(store, 2, name=name)
        await store.visit(name * 32, Visit(renew=True), claims=[replace(claim("t"), window=window)])
        await store.touch(name * 32, expires_at=record.expires_at, purge_at=record.purge_at)
        await store.subscribe(name * 32, RecordingSubscriber())
    await store.report_watchers("worker", {SESSION: 1, "b" * 32: 2, "f" * 32: 3})
    await store.hit("create:127.0.0.1", limit=2, window=window)
    await store.hit("plain", limit=2, window=window)
    await end(store, (await load(store, "b")).record, purged=purged)


def kept_keys(server: RedisServer, store: RedisStore) -> dict[str, int]:
    """Return the keys of a store, after its prefix, and in how many milliseconds each goes; -1 stands for never."""
    prefix = store._keys.prefix
    return {key.removeprefix(prefix): server.ask("PTTL", key) for key in server.ask("KEYS", f"{prefix}:*")}


async def test_every_key_goes_by_itself(open_redis: OpenRedis, shared_redis: RedisServer) -> None:
    store = await open_redis(shared_redis.url)
    await lived_in(store, lives=100, purged=700, window=60)
    left = kept_keys(shared_redis, store)
    kinds = {key.replace(SESSION, "a").replace("b" * 32, "b") for key in left if ":owner:" not in key}
    session_keys = {
        ":{a}",
        ":{a}:state",
        ":{a}:log",
        ":{a}:receipts",
        ":{a}:order",
        ":{a}:present",
        ":{b}",
        ":{b}:state",
    }
    counters = {":count:agent:{a}", ":count:agent:{b}", ":count:create:{127.0.0.1}", ":count:{plain}"}
    assert kinds == session_keys | {":{b}:present", ":clock"} | counters
    assert left.pop(":clock") <= CLOCK_MILLISECONDS
    assert len(left) == len(kinds)
    assert all(0 < milliseconds <= 700_000 for milliseconds in left.values())


async def test_nothing_is_left_behind(
    open_redis: OpenRedis, shared_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "PRESENCE_SECONDS", SHORT)
    store = await open_redis(shared_redis.url)
    await lived_in(store, lives=SHORT, purged=SHORT, window=SHORT)
    await asyncio.sleep(OVER)
    assert kept_keys(shared_redis, store).keys() == {":clock"}


async def test_all_keys_of_a_session_move_with_it(open_redis: OpenRedis, shared_redis: RedisServer) -> None:
    store = await open_redis(shared_redis.url)
    record = await kept(store, lives=100, purged=200, deadline=900)
    await logged(store, 1)

    def within(seconds: float) -> bool:
        ends = [ends for key, ends in kept_keys(shared_redis, store).items() if key.startswith(f":{{{SESSION}}}")]
        least = 1000 * (seconds - PATIENCE)
        return len(ends) == 5 and all(least < left <= 1000 * seconds for left in ends)

    assert within(200)
    await store.touch(SESSION, expires_at=record.expires_at + 50, purge_at=record.purge_at + 100)
    assert within(300)
    await visit(store, [claim("t")], renew=True)
    assert within(1050)
    later = (await load(store)).record
    later.purge_at += 1000
    await store.save(later)
    assert within(2050)


async def test_a_worker_that_says_nothing_more_is_forgotten(
    open_redis: OpenRedis, shared_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await open_redis(shared_redis.url)
    await kept(store)
    await store.report_watchers("there", {SESSION: 2})
    monkeypatch.setattr(store_module, "PRESENCE_SECONDS", SHORT)
    await store.report_watchers("gone", {SESSION: 1})
    await asyncio.sleep(OVER)
    assert await presence(store) == {"there": 2}
    await store.report_watchers("new", {SESSION: 3})
    assert sorted(shared_redis.ask("HKEYS", f"{store._keys.prefix}:{{{SESSION}}}:present")) == ["new", "there"]


async def test_ten_stores_opened_and_closed_leave_nothing(shared_redis: RedisServer) -> None:
    def there() -> tuple[int, int, int]:
        return len(list(Path("/proc/self/fd").iterdir())), len(asyncio.all_tasks()), threading.active_count()

    async def use_one() -> None:
        store = RedisStore(shared_redis.url, prefix="cycle")
        await store.ready()
        await store.subscribe(SESSION, RecordingSubscriber())
        await asyncio.gather(*(store.load(SESSION) for _ in range(5)))
        await store.aclose()
        await asyncio.sleep(0)

    await use_one()
    gc.collect()  # what other tests have left goes now
    before, clients = there(), shared_redis.ask("CLIENT", "LIST").count("\n")
    for _ in range(10):
        await use_one()
    assert there() == before
    eventually(lambda: shared_redis.ask("CLIENT", "LIST").count("\n") == clients)


# Opening and closing


async def test_late_callers_are_refused_until_the_store_is_made_ready_again(shared_redis: RedisServer) -> None:
    store = RedisStore(shared_redis.url, prefix="late")
    await store.ready()
    await store.aclose()
    subscriber = RecordingSubscriber()
    for late in (
        store.load(SESSION),
        store.subscribe(SESSION, subscriber),
        store.report_watchers("worker", {SESSION: 0}),
    ):
        with pytest.raises(StoreUnavailableError):
            await late
    store.unsubscribe(SESSION, subscriber)
    await store.ready()
    assert await store.load(SESSION) is None
    await store.aclose()


async def test_what_is_under_way_is_done_before_the_store_is_closed(open_redis: OpenRedis, proxy: Proxy) -> None:
    store = await open_redis(proxy.url)
    record = await kept(store)
    proxy.delay = 0.05
    save = asyncio.create_task(store.save(record))
    await asyncio.sleep(0)
    await store.aclose()
    await save
    assert record.version == 1


def test_a_store_is_used_in_one_event_loop_after_another(shared_redis: RedisServer) -> None:
    store = RedisStore(shared_redis.url, prefix="loops")

    async def use() -> int:
        try:
            if store._clock._offset is None:
                await store.ready()
                await kept(store, lives=5, purged=5)
            subscriber = RecordingSubscriber()
            await store.subscribe(SESSION, subscriber)
            await logged(store, 1)
            await subscriber.receives(1)
            return (await load(store)).record.version
        finally:
            await store.aclose()

    assert [asyncio.run(use()) for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize("options", [{}, {"decode_responses": True}, {"protocol": 2}], ids=str)
async def test_a_callers_client_is_used_as_it_is_and_left_open(
    open_redis: OpenRedis, shared_redis: RedisServer, options: dict[str, Any]
) -> None:
    client = redis.asyncio.Redis(port=shared_redis.port, **options)
    store = await open_redis(client=client)
    await kept(store)
    subscriber = RecordingSubscriber()
    await store.subscribe(SESSION, subscriber)
    await logged(store, 2)
    await subscriber.receives(2)
    loaded = await load(store, after=1, key="last")
    assert loaded.receipt == Receipt("last", "f", b"2", 600)
    assert loaded.log is not None
    assert loaded.log.events == [action(2)]
    await store.aclose()
    assert await client.ping()
    await client.aclose()


async def test_a_callers_cluster_client_is_left_open(open_redis: OpenRedis, shared_cluster: list[RedisServer]) -> None:
    client = redis.asyncio.RedisCluster(port=shared_cluster[0].port, host="127.0.0.1", decode_responses=True)
    store = await open_redis(client=client)
    await kept(store)
    subscriber = RecordingSubscriber()
    await store.subscribe(SESSION, subscriber)
    await logged(store, 1)
    await subscriber.receives(1)
    await store.report_watchers("worker", {SESSION: 1})
    assert (await load(store)).record.presence == {"worker": 1}
    await store.aclose()
    assert await client.get("nothing") is None
    await client.aclose()


async def test_a_server_that_has_forgotten_the_scripts_is_told_them_again(
    open_redis: OpenRedis, shared_redis: RedisServer
) -> None:
    store = await open_redis(shared_redis.url)
    await kept(store)
    shared_redis.ask("SCRIPT", "FLUSH")
    await logged(store, 1)
    shared_redis.ask("SCRIPT", "FLUSH")
    await store.report_watchers("worker", {SESSION: 1})
    assert await presence(store) == {"worker": 1}


# The server's time


async def test_now_is_the_servers_time_whatever_the_clock_here_does(
    open_redis: OpenRedis, shared_redis: RedisServer
) -> None:
    store = await open_redis(shared_redis.url)
    store._clock.monotonic = ManualClock(start=-3600.0)
    store._clock._offset = None
    with pytest.raises(StoreUnavailableError):
        store.now()

    def server_time() -> float:
        seconds, microseconds = shared_redis.ask("TIME")
        return int(seconds) + int(microseconds) / 1e6

    before = server_time()
    await store.ready()
    assert before <= store.now() <= server_time()
    await store.hit("c", limit=1, window=1)
    assert before <= store.now() <= server_time()


# What the operator is told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param(["--appendonly", "yes"], [], id="nothing"),
        pytest.param([], ["append-only"], id="no append-only file"),
        pytest.param(
            ["--appendonly", "yes", "--maxmemory-policy", "volatile-ttl"],
            ["volatile-ttl"],
            id="sessions may be evicted",
        ),
    ],
)
async def test_settings_that_lose_sessions_are_warned_of_once(
    tmp_path: Path, open_redis: OpenRedis, caplog: pytest.LogCaptureFixture, options: list[str], told: list[str]
) -> None:
    with redis_server(tmp_path, *options) as server:
        store = await open_redis(server.url)
        await store.ready()
        await store.aclose()
    assert len(caplog.records) == len(told)
    for record, word in zip(caplog.records, told, strict=True):
        assert record.levelname == "WARNING"
        assert word in record.message


async def test_a_server_that_may_not_be_asked_is_used_all_the_same(
    tmp_path: Path, open_redis: OpenRedis, caplog: pytest.LogCaptureFixture
) -> None:
    with redis_server(tmp_path) as server:
        server.ask("ACL", "SETUSER", "app", "on", ">word", "~hpp:*", "&hpp:*", "+@all", "-@admin", "-info")
        store = await open_redis(f"redis://app:word@{server.address}", prefix="hpp")
        await kept(store)
        subscriber = RecordingSubscriber()
        await store.subscribe(SESSION, subscriber)
        await logged(store, 1)
        await subscriber.receives(1)
        await store.aclose()
    assert caplog.records == []


def login(server: RedisServer, *rights: str) -> str:
    """Make a user with these rights, and return the URL to log in with."""
    server.ask("ACL", "SETUSER", "app", "reset", "resetchannels", "on", ">word", *rights)
    return f"redis://app:word@{server.address}"


async def use_everything(store: RedisStore) -> None:
    """Send every command that a store sends."""
    await lived_in(store, lives=100, purged=700, window=60)
    await store.owned_by(7)
    await store.load(SESSION, after=0, key="last")


async def test_the_rights_that_are_documented_are_all_that_is_needed(
    tmp_path: Path, open_redis: OpenRedis, caplog: pytest.LogCaptureFixture
) -> None:
    (rights,) = re.findall(r"ACL SETUSER handshake on >[^ ]+ (.*)", STORES_README)
    assert rights == RIGHTS.format(prefix="hpp")
    with redis_server(tmp_path, "--appendonly", "yes") as server:
        store = await open_redis(login(server, *rights.split()), prefix="hpp")
        await use_everything(store)
        assert caplog.records == []
        await store.aclose()


@pytest.mark.parametrize("missing", [right for right in RIGHTS.split() if right not in {"+@connection", "+info"}])
async def test_a_missing_right_is_told_at_the_start_with_those_that_are_needed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, missing: str
) -> None:
    rights = [right.format(prefix="hpp") for right in RIGHTS.split() if right != missing]
    with redis_server(tmp_path, "--appendonly", "yes") as server:
        store = RedisStore(login(server, *rights), prefix="hpp")
        with pytest.raises(StoreUnavailableError):
            await store.ready()
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert RIGHTS.format(prefix="hpp") in caplog.text
        await store.aclose()


async def test_a_server_that_is_too_old_is_refused(
    open_redis: OpenRedis, shared_redis: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def info(*_: object, **__: object) -> dict[str, str]:
        return {"redis_version": "6.0.16"}

    monkeypatch.setattr(ServerExecutor, "info", info)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            await open_redis(shared_redis.url)
    assert "6.2" in caplog.text


async def test_a_node_of_a_cluster_is_told_from_a_server_of_its_own(
    open_redis: OpenRedis, shared_cluster: list[RedisServer], caplog: pytest.LogCaptureFixture
) -> None:
    with suppress(StoreUnavailableError):  # whether it can be used at all depends on where a key happens to be
        await open_redis(shared_cluster[0].url)
    assert "redis+cluster://" in caplog.text


async def test_i9_a_password_is_shown_nowhere(
    tmp_path: Path, open_redis: OpenRedis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with redis_server(tmp_path, "--requirepass", "right-word") as server:
        store = await open_redis(f"redis://:right-word@{server.address}")
        wrong = RedisStore(f"redis://somebody:wrong-word@{server.address}")
        with pytest.raises(StoreUnavailableError) as refused:
            await wrong.ready()
        await store.aclose()
        await wrong.aclose()
    shown = "".join([caplog.text, repr(store), repr(wrong), *traceback.format_exception(refused.value)])
    assert "AuthenticationError" in caplog.text
    assert "-word" not in shown


async def test_a_connection_can_be_encrypted(tmp_path: Path, open_redis: OpenRedis) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    request = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "1",
    ]
    names = ["-subj", "/CN=loopback", "-addext", "subjectAltName=IP:127.0.0.1"]
    try:
        command = [*request, *names, "-keyout", str(key), "-out", str(certificate)]
        process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
        assert await process.wait() == 0
    except FileNotFoundError:
        absent("openssl", "apt-get install openssl")
    port = free_port()
    tls = ["--tls-port", str(port), "--tls-cert-file", str(certificate), "--tls-key-file", str(key)]
    with redis_server(tmp_path, *tls, "--tls-auth-clients", "no", "--requirepass", "word"):
        url = f"rediss://:word@127.0.0.1:{port}"
        store = await open_redis(f"{url}?ssl_ca_certs={certificate}")
        await kept(store)
        subscriber = RecordingSubscriber()
        await store.subscribe(SESSION, subscriber)
        await logged(store, 1)
        await subscriber.receives(1)
        await store.aclose()
        with pytest.raises(StoreUnavailableError):
            await open_redis(url)


async def test_a_full_server_takes_no_write_in_parts(
    tmp_path: Path, open_redis: OpenRedis, caplog: pytest.LogCaptureFixture
) -> None:
    with redis_server(tmp_path) as server:
        store = await open_redis(server.url)
        caplog.clear()
        await kept(store)
        await logged(store, 2)
        server.ask("CONFIG", "SET", "maxmemory", 1)
        for _ in range(10):
            with pytest.raises(UnavailableError) as refused:
                await logged(store, 1)
            assert refused.value.code == "at_capacity"
        with pytest.raises(UnavailableError):
            await kept(store, "b")
        loaded = await load(store, after=0, key="last")
        kept_receipt = Receipt("last", "f", b"2", 600)
        assert (loaded.record.version, loaded.record.session.seq, loaded.receipt) == (2, 2, kept_receipt)
        assert loaded.log is not None
        assert len(loaded.log.events) == 2
        assert await store.owned_by(7) == []
        await store.report_watchers("worker", {SESSION: 1})
        await store.touch(SESSION, expires_at=loaded.record.expires_at + 5, purge_at=loaded.record.purge_at + 5)
        assert (await load(store)).record.expires_at == pytest.approx(loaded.record.expires_at + 5, abs=0.01)
        await store.ready()
        assert caplog.records == []
        await store.aclose()


async def test_a_server_whose_memory_may_not_be_asked_for_keeps_no_room_beyond_its_bound(
    tmp_path: Path, open_redis: OpenRedis
) -> None:
    with redis_server(tmp_path) as server:
        server.ask("ACL", "SETUSER", "app", "on", ">word", "~hpp:*", "&hpp:*", "+@all", "-info")
        store = await open_redis(f"redis://app:word@{server.address}", prefix="hpp")
        record = await kept(store)
        server.ask("CONFIG", "SET", "maxmemory", 1)
        record.urgency = Urgency.RESERVED
        with pytest.raises(UnavailableError):
            await store.save(record)
        with pytest.raises(UnavailableError):
            await kept(store, "b")
        assert await load(store)
        await end(store, record, purged=100)
        await store.aclose()
