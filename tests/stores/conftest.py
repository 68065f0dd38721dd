"""A real Redis, and stores in it that are closed in the end."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from handshake_prompt.protocol.limits import Limits
from handshake_prompt.stores.redis import RedisStore, RedisTimings
from tests.support.redis_servers import RedisServer, redis_server

OpenRedis = Callable[..., Awaitable[RedisStore]]

_numbers = itertools.count()


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Return a server that all tests share."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
async def open_redis() -> AsyncIterator[OpenRedis]:
    """Return `await open_redis(url, **bounds)`, a store that is ready, empty unless given the `prefix` of another."""
    opened: list[RedisStore] = []

    async def open_one(
        url: str | None = None,
        *,
        prefix: str | None = None,
        client: Any = None,
        timings: RedisTimings | None = None,
        **bounds: float,
    ) -> RedisStore:
        limits, prefix = Limits().replace(**bounds), prefix or f"test{next(_numbers)}"
        store = RedisStore(url, client=client, prefix=prefix, limits=limits, timings=timings)
        opened.append(store)
        await store.ready()
        return store

    yield open_one
    for store in opened:
        await store.aclose()
