"""Time in a Redis store: lifetimes and windows hold whatever the server's clock does."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from handshake_prompt.stores.redis import RedisStore, scripts
from handshake_prompt.stores.redis.scripts import Script
from handshake_prompt.stores.redis.server_clock import TOLERANCE
from handshake_prompt.testing.contract.steps import claim, counted, kept, load, logged, times, visit
from tests.stores.conftest import OpenRedis
from tests.support.clock import ManualClock
from tests.support.redis_servers import RedisServer

SESSION = "a" * 32
HOUR, DAY = 3600.0, 86_400.0
SHIFTS = {"an hour back": -HOUR, "a day back": -DAY, "two seconds back": -2.0, "not at all": 0.0}

SetClock = Callable[[float], None]

SHIFTED = """
local function shifted()
  local clock = redis.call('TIME')
  return { clock[1] + (redis.call('GET', 'test:shift') or 0), clock[2] }
end
"""


@pytest.fixture
def set_clock(shared_redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Return a function that sets the server's clock off by seconds, as far as scripts see it."""
    for script in vars(scripts).values():
        if isinstance(script, Script):
            text = SHIFTED + script.text.replace("redis.call('TIME')", "shifted()", 1)
            monkeypatch.setattr(script, "text", text)
            monkeypatch.setattr(script, "digest", hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())

    def set_off(seconds: float) -> None:
        shared_redis.ask("SET", "test:shift", str(seconds))

    set_off(0)
    return set_off


def hasten(store: RedisStore) -> ManualClock:
    """Have a worker's own clock advanced by the test, from where it is."""
    clock = ManualClock(start=store._clock.monotonic())
    store._clock.monotonic = clock
    return clock


@pytest.mark.parametrize("shift", SHIFTS.values(), ids=SHIFTS)
async def test_i12_a_clock_that_is_set_back_prolongs_no_session(
    open_redis: OpenRedis, shared_redis: RedisServer, set_clock: SetClock, shift: float
) -> None:
    store = await open_redis(shared_redis.url)
    clock = hasten(store)
    before = await kept(store, lives=100, purged=700, deadline=150)
    set_clock(shift)
    clock.advance(90)
    visited = (await visit(store, [claim("t")], renew=True)).record
    assert times(visited) == pytest.approx((before.session.deadline, before.purge_at + 50), abs=0.01)
    assert store.now() >= before.expires_at - 10 - 1
    clock.advance(70)
    ended = await visit(store, [claim("t")], renew=True)
    assert (ended.record.ended(store.now()), ended.quota) == ("expired", None)
    clock.advance(600)
    assert await store.load(SESSION) is None


async def test_i12_a_clock_that_is_set_back_freezes_no_window(
    open_redis: OpenRedis, shared_redis: RedisServer, set_clock: SetClock
) -> None:
    store = await open_redis(shared_redis.url)
    clock = hasten(store)
    await kept(store, lives=1000, purged=1000)
    assert (await store.hit("c", limit=1, window=60)).allowed
    assert counted(await visit(store, [claim("t")])) == (10, 9)
    set_clock(-HOUR)
    refused = await store.hit("c", limit=1, window=60)
    assert not refused.allowed
    assert refused.reset_after == pytest.approx(60, abs=1.5)
    clock.advance(62)
    assert (await store.hit("c", limit=1, window=60)).allowed
    assert counted(await visit(store, [claim("t")])) == (10, 9)


async def test_i12_keys_are_kept_for_as_long_as_they_are_needed_by_a_clock_that_was_set_back(
    open_redis: OpenRedis, shared_redis: RedisServer, set_clock: SetClock
) -> None:
    store = await open_redis(shared_redis.url)
    await kept(store, lives=100, purged=700)
    set_clock(-HOUR)
    await logged(store, 1)
    await store.hit("c", limit=1, window=60)
    names = [store._keys.session_key(SESSION).decode(), store._keys.counter_key("c").decode()]
    left = [shared_redis.ask("PTTL", name) / 1000 for name in names]
    assert left == pytest.approx([700, 60], abs=2)


async def test_i12_workers_agree_on_the_time_that_any_of_them_has_reached(
    open_redis: OpenRedis, shared_redis: RedisServer, set_clock: SetClock
) -> None:
    one = await open_redis(shared_redis.url)
    other = await open_redis(shared_redis.url, prefix=one._keys.prefix)
    record = await kept(one, lives=2000, purged=2600)
    set_clock(-HOUR)
    assert times((await load(other)).record) == pytest.approx(times(record), abs=0.01)
    hasten(one).advance(1000)
    await one.hit("c", limit=9, window=60)
    late = await open_redis(shared_redis.url, prefix=one._keys.prefix)
    assert late.now() == pytest.approx(one.now(), abs=2.5)
    await other.ready()
    assert other.now() == pytest.approx(one.now(), abs=2.5)


async def test_i12_a_worker_that_starts_alone_takes_over_the_time_that_was_noted_last(
    open_redis: OpenRedis, shared_redis: RedisServer, set_clock: SetClock
) -> None:
    gone = await open_redis(shared_redis.url)
    reached = gone.now()
    await gone.aclose()
    set_clock(-DAY)
    alone = await open_redis(shared_redis.url, prefix=gone._keys.prefix)
    assert alone.now() >= reached - TOLERANCE


async def test_a_clock_that_is_set_forward_is_followed_by_all(
    open_redis: OpenRedis, shared_redis: RedisServer, set_clock: SetClock
) -> None:
    one = await open_redis(shared_redis.url)
    other = await open_redis(shared_redis.url, prefix=one._keys.prefix)
    before = one.now()
    set_clock(HOUR)
    for store in (one, other):
        await store.hit("c", limit=9, window=60)
        assert store.now() == pytest.approx(before + HOUR, abs=5)
    set_clock(0)
    for store in (one, other):
        await store.hit("c", limit=9, window=60)
        assert store.now() >= before + HOUR
