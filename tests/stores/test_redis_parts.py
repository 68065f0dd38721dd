"""The parts of the Redis store that need no Redis."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from contextlib import suppress

import pytest
from redis.asyncio import RedisCluster
from redis.exceptions import (
    ConnectionError as LostError,
    NoPermissionError,
    OutOfMemoryError,
    RedisClusterException,
    ResponseError,
)

from handshake_prompt import HandshakeApp
from handshake_prompt.protocol.errors import StoreUnavailableError
from handshake_prompt.stores import open_store
from handshake_prompt.stores.redis import RedisStore, RedisTimings, deadline, refusals
from handshake_prompt.stores.redis.address import Address
from handshake_prompt.stores.redis.circuit_breaker import FAILURES, CircuitBreaker, OutageLog
from handshake_prompt.stores.redis.command_executors import ClusterExecutor
from handshake_prompt.stores.redis.keys import Keys
from handshake_prompt.stores.redis.server_checks import settings_warnings, too_old
from handshake_prompt.stores.redis.server_clock import ServerClock
from tests.support import in_process
from tests.support.clock import ManualClock
from tests.support.peer import PATIENCE

# Addresses

ADDRESSES = {
    "redis://": {"kind": "server", "hosts": (("localhost", 6379),)},
    "redis://cache": {"kind": "server", "hosts": (("cache", 6379),)},
    "redis://me:p%40ss@[::1]:7000/3?prefix=app": {
        "kind": "server",
        "hosts": (("::1", 7000),),
        "username": "me",
        "password": "p@ss",
        "db": 3,
        "prefix": "app",
    },
    "redis://:word@cache/?db=2": {"kind": "server", "hosts": (("cache", 6379),), "password": "word", "db": 2},
    "rediss://cache:6380?ssl_ca_certs=/ca.pem&ssl_check_hostname=no": {
        "kind": "server",
        "hosts": (("cache", 6380),),
        "tls": {"ssl_ca_certs": "/ca.pem", "ssl_check_hostname": False},
    },
    "unix:///run/redis%20one.sock?db=1": {"kind": "socket", "path": "/run/redis one.sock", "db": 1},
    "redis+sentinel://me:word@one,two:7/main?db=4&sentinel_password=other": {
        "kind": "sentinel",
        "hosts": (("one", 26379), ("two", 7)),
        "path": "main",
        "username": "me",
        "password": "word",
        "db": 4,
        "sentinel_password": "other",
    },
    "rediss+cluster://one,two:7": {"kind": "cluster", "hosts": (("one", 6379), ("two", 7)), "tls": {}},
}


@pytest.mark.parametrize(("url", "parts"), ADDRESSES.items(), ids=ADDRESSES)
def test_a_url_says_where_redis_is(url: str, parts: dict[str, object]) -> None:
    assert Address.parse(url) == Address(**parts)  # type: ignore[arg-type]


WRONG = [
    "mongodb://me:s3cret@cache",
    "redis://me:s3cret@cache:port",
    "redis://me:s3cret@cache/one",
    "redis://me:s3cret@cache?db",
    "redis://me:s3cret@cache?decode_responses=s3cret",
    "redis://me:s3cret@cache?ssl_ca_certs=s3cret",
    "redis+sentinel://me:s3cret@cache",
    "redis+sentinel://me:s3cret@one,,two/main",
    "redis+cluster://me:s3cret@cache/1",
    "unix://me:s3cret@",
]


@pytest.mark.parametrize("url", WRONG)
def test_i9_a_url_that_says_something_else_is_refused_without_repeating_its_secrets(url: str) -> None:
    with pytest.raises(ValueError, match="Redis") as refusal:
        Address.parse(url)
    assert "s3cret" not in str(refusal.value)
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize("url", ADDRESSES)
def test_i9_a_store_shows_where_it_is_and_no_secret(url: str) -> None:
    store = open_store(url)
    assert isinstance(store, RedisStore)
    shown = repr(store) + repr(Address.parse(url))
    assert not [secret for secret in ("word", "p@ss", "other") if secret in shown]


def test_the_prefix_of_the_call_goes_before_that_of_the_url() -> None:
    url = "redis://cache?prefix=url"
    assert [RedisStore(url)._keys.prefix, RedisStore(url, prefix="call")._keys.prefix] == ["url", "call"]
    assert RedisStore("redis://cache")._keys.prefix == "hpp"


@pytest.mark.parametrize("prefix", ["{tag}", "a}", "a{"])
def test_a_prefix_that_would_put_all_sessions_in_one_place_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="braces"):
        RedisStore("redis://cache", prefix=prefix)


def test_a_store_has_either_a_url_or_a_client() -> None:
    with pytest.raises(ValueError, match="either"):
        RedisStore()
    with pytest.raises(ValueError, match="either"):
        RedisStore("redis://cache", client=object())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not object"):
        RedisStore(client=object())  # type: ignore[arg-type]


def test_a_missing_library_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Absent:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "redis":
                raise ModuleNotFoundError(name=name)

    for name in list(sys.modules):
        if f"{name}.".startswith(("redis.", "handshake_prompt.stores.redis.")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Absent(), *sys.meta_path])
    with pytest.raises(ValueError, match=r"pip install 'redis>=8.0'"):
        open_store("redis://cache")


# Keys


def test_all_keys_of_a_session_share_its_hash_tag() -> None:
    keys = Keys("hpp")
    of_the_session = [*keys.saved_keys("5a"), keys.presence_key("5a"), keys.counter_key("agent:5a")]
    assert all(b"{5a}" in key for key in of_the_session)
    assert len(set(of_the_session)) == len(of_the_session)


def test_counters_of_different_names_have_different_keys() -> None:
    names = ["agent:5a", "agent:5b", "user:5a", "agent", "agent:", ":agent", "create:::1", "create:\udcff"]
    assert len({Keys("hpp").counter_key(name) for name in names}) == len(names)


def test_a_channel_names_its_session() -> None:
    keys = Keys("hpp")
    assert keys.session_of(keys.channel_name("5a").encode()) == "5a"


# Time


def test_the_servers_time_goes_on_between_replies() -> None:
    ours = ManualClock(start=10.0)
    clock = ServerClock(ours)
    with pytest.raises(StoreUnavailableError):
        clock.now()
    assert (clock.is_known, clock.time_reached) == (False, 0)
    clock.observe_time(1000.0)
    ours.advance(5)
    assert (clock.now(), clock.is_known, clock.time_reached) == (1005, True, 1004)


REPLIES = {
    "a prompt one is believed": ([(0.0, 1000.0)], 1000.0),
    "a late one does not unsettle what a prompt one has told": ([(0.0, 1000.0), (4.0, 1001.0)], 1004.0),
    "a prompt one puts right what a late one has told": ([(4.0, 1001.0), (0.0, 1003.0)], 1003.0),
    "a clock that was set back is not followed": ([(0.0, 1000.0), (0.5, 900.0)], 1000.5),
    "a clock that was set forward is followed": ([(0.0, 1000.0), (0.5, 2000.0)], 2000.0),
}


@pytest.mark.parametrize(("replies", "now"), REPLIES.values(), ids=REPLIES)
def test_i12_the_servers_time_is_the_highest_of_what_its_replies_tell(
    replies: list[tuple[float, float]], now: float
) -> None:
    ours = ManualClock(start=10.0)
    clock = ServerClock(ours)
    for took, told in replies:
        ours.advance(took)
        clock.observe_time(told)
    assert clock.now() == now


# The breaker

PAUSE, QUIET = 1.0, 1.0


def test_a_breaker_opens_after_failures_in_a_row_and_lets_one_call_try() -> None:
    clock = ManualClock()
    breaker = CircuitBreaker(PAUSE, clock)
    for _ in range(FAILURES):
        assert not breaker.admit_call()
        breaker.note_no_answer(LostError())
    with pytest.raises(StoreUnavailableError):
        breaker.admit_call()
    clock.advance(PAUSE)
    assert breaker.admit_call()
    with pytest.raises(StoreUnavailableError):
        breaker.admit_call()
    breaker.note_no_answer(LostError())
    breaker.note_end(trial=True)
    with pytest.raises(StoreUnavailableError):
        breaker.admit_call()
    clock.advance(PAUSE)
    assert breaker.admit_call()
    breaker.note_answer()
    breaker.note_end(trial=True)
    assert [breaker.admit_call() for _ in range(3)] == [False] * 3


def test_an_answer_in_between_keeps_a_breaker_closed() -> None:
    breaker = CircuitBreaker(PAUSE, ManualClock())
    for _ in range(3):
        for _ in range(FAILURES - 1):
            breaker.note_no_answer(LostError())
        breaker.note_answer()
    assert not breaker.admit_call()


def test_what_one_broken_connection_cut_off_has_failed_once() -> None:
    breaker = CircuitBreaker(PAUSE, ManualClock())
    for cause in (LostError(), LostError()):
        for _ in range(FAILURES):
            breaker.note_no_answer(cause)
    assert not breaker.admit_call()


def test_a_try_that_was_given_up_does_not_keep_others_from_trying() -> None:
    clock = ManualClock()
    breaker = CircuitBreaker(PAUSE, clock)
    for _ in range(FAILURES):
        breaker.note_no_answer(LostError())
    clock.advance(PAUSE)
    assert breaker.admit_call()
    breaker.note_end(trial=False)
    with pytest.raises(StoreUnavailableError):
        breaker.admit_call()
    breaker.note_end(trial=True)
    assert breaker.admit_call()


def test_an_outage_is_logged_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    clock = ManualClock()
    outage = OutageLog(QUIET, clock)
    outage.note_success()
    for _ in range(3):
        outage.note_failure("no answer")
        outage.note_success()
        clock.advance(QUIET / 2)
    clock.advance(QUIET)
    for _ in range(3):
        outage.note_success()
    outage.note_failure("again")
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "WARNING"]
    assert "no answer" in caplog.records[0].message


# Settings


@pytest.mark.parametrize(
    ("version", "old"),
    [("6.0.16", True), ("5.0.7", True), ("6.2.0", False), ("7.0.15", False), ("10.0.0", False), ("unstable", False)],
)
def test_a_server_has_to_know_what_the_scripts_use(version: str, *, old: bool) -> None:
    assert too_old({"redis_version": version}) is old


def test_a_server_that_tells_nothing_is_taken_as_it_is() -> None:
    assert not too_old({})
    assert not list(settings_warnings({}, cluster=False))


SETTINGS = {
    "a safe one": ({"aof_enabled": "1", "maxmemory_policy": "noeviction", "cluster_enabled": "0"}, False, []),
    "keeps nothing": ({"aof_enabled": "0"}, False, ["appendonly yes"]),
    "throws away any key": ({"maxmemory_policy": "allkeys-lru"}, False, ["allkeys-lru"]),
    "throws away keys with a TTL": ({"maxmemory_policy": "volatile-lru"}, False, ["volatile-lru"]),
    "a node, used alone": ({"cluster_enabled": "1"}, False, ["redis+cluster://"]),
    "a node, used as one": ({"cluster_enabled": "1"}, True, []),
}


@pytest.mark.parametrize(("info", "cluster", "told"), SETTINGS.values(), ids=SETTINGS)
def test_settings_that_lose_sessions_are_named(info: dict[str, str], told: list[str], *, cluster: bool) -> None:
    found = list(settings_warnings(info, cluster=cluster))
    assert len(found) == len(told)
    assert all(word in warning for word, warning in zip(told, found, strict=True))


# Calls


async def stubborn(*, blocks: bool) -> None:
    """Take no notice of the first cancellation, as calls of the library may."""
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    if blocks:
        await asyncio.sleep(60)


async def test_a_call_that_takes_no_notice_of_its_deadline_is_ended_a_little_later() -> None:
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(TimeoutError):
            async with deadline.ended_by(asyncio.get_running_loop().time() + 0.02, grace=0.02):
                await stubborn(blocks=True)


async def test_a_call_is_ended_on_a_loop_that_was_held_up_past_both_of_its_times() -> None:
    asyncio.get_running_loop().call_soon(time.sleep, 0.1)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(TimeoutError):
            async with deadline.ended_by(asyncio.get_running_loop().time() + 0.02, grace=0.02):
                await stubborn(blocks=True)


async def test_a_cancellation_that_the_library_loses_is_kept() -> None:
    async def call() -> None:
        async with deadline.ended_by(asyncio.get_running_loop().time() + 60, grace=0.2):
            await stubborn(blocks=False)

    task = asyncio.create_task(call())
    await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(asyncio.CancelledError):
            await task


def cluster(monkeypatch: pytest.MonkeyPatch, error: Exception | None = None) -> ClusterExecutor:
    """Return an executor on a Cluster whose library has no server and fails with an error."""

    async def fails(*_: object, **__: object) -> None:
        if error is not None:
            raise error

    client = RedisCluster(host="cache")
    monkeypatch.setattr(client, "initialize", fails)
    return ClusterExecutor(client, RedisTimings(), owned=True)


@pytest.mark.parametrize("error", [AttributeError(), KeyError("a node"), IndexError()], ids=repr)
async def test_a_lookup_that_the_library_fails_in_is_a_lost_connection(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    executor = cluster(monkeypatch, error)
    deadline = asyncio.get_running_loop().time() + 5
    with pytest.raises(LostError):
        await executor.call(b"key", "GET", deadline=deadline)
    with pytest.raises(LostError):
        await executor.pubsub_connection()
    with pytest.raises(LostError):
        await executor.info(deadline=deadline)
    (reply,) = await executor.batch([(b"key", ("GET",))], deadline=deadline)
    assert isinstance(reply, LostError)


async def test_a_cluster_without_nodes_is_a_lost_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LostError):
        await cluster(monkeypatch).pubsub_connection()


@pytest.mark.parametrize("error", [AttributeError("ours"), KeyError("ours"), IndexError("ours")], ids=repr)
@pytest.mark.parametrize("method", ["partition", "_call_node"])
async def test_a_bug_of_our_own_is_no_outage(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, method: str, error: Exception
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(ClusterExecutor, method, fails)
    store = RedisStore("redis+cluster://cache")
    with pytest.raises(type(error), match="ours"):
        await store.hit("c", limit=1, window=1)
    with pytest.raises(type(error), match="ours"):
        await cluster(monkeypatch).call(b"key", "GET", deadline=asyncio.get_running_loop().time() + 5)
    assert not caplog.records
    await store.aclose()


async def test_a_bug_of_our_own_is_answered_500_with_the_number_of_its_incident(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> None:
        raise KeyError("ours")

    async def tells_nothing(*_: object, **__: object) -> dict[str, str]:
        return {}

    monkeypatch.setattr(ClusterExecutor, "info", tells_nothing)
    monkeypatch.setattr(ClusterExecutor, "partition", fails)
    store = RedisStore("redis+cluster://cache")
    async with in_process.client(HandshakeApp(store=store)) as http:
        answer = await http.post("/handshake/session", json={})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (500, "internal_error")
    (number,) = re.findall(r"\b[0-9a-f]{8}\b", problem["detail"])
    assert number in caplog.text
    assert "KeyError: 'ours'" in caplog.text
    await store.aclose()


REASONS = {
    "no answer": (TimeoutError(), "no answer in time"),
    "no connection": (LostError("Error 111 connecting to cache:6379."), "ConnectionError: Error 111"),
    "a refusal": (OutOfMemoryError("command not allowed"), "it answers OutOfMemoryError"),
    "a refusal of its own kind": (ResponseError("NOREPLICAS Not enough good replicas"), "it answers NOREPLICAS"),
    "a command it does not know": (ResponseError("ERR unknown command 'x', with args: 'secret'"), "it answers ERR"),
    "a missing right": (NoPermissionError("this user has no permissions, secret"), "~hpp:* &hpp:* +@read"),
    "a missing right, in a script": (
        ResponseError("The user executing the script can't publish to the channel secret"),
        "~hpp:* &hpp:* +@read",
    ),
    "a missing right, in a script of a newer server": (
        ResponseError("ACL failure in script: secret"),
        "~hpp:* &hpp:* +@read",
    ),
    "a Cluster in pieces": (RedisClusterException("No way: EVALSHA secret"), "nodes cannot be told"),
}


@pytest.mark.parametrize(("error", "said"), REASONS.values(), ids=REASONS)
def test_i9_what_is_logged_of_an_error_is_its_kind_and_no_data(error: Exception, said: str) -> None:
    assert said in refusals.loggable_reason(error, prefix="hpp")
    assert "secret" not in refusals.loggable_reason(error, prefix="hpp")
