"""Command executors for an address, or over a client of the caller's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff

from .address import Address
from .command_executors import PARTITION_CALLS, PARTITIONS, ClusterExecutor, CommandExecutor, ServerExecutor
from .timings import RedisTimings


def executor_for(address: Address, timings: RedisTimings) -> CommandExecutor:
    """Return an executor for an address; nothing is sent yet."""
    if address.kind == "cluster":
        return _for_cluster(address, timings)
    if address.kind == "sentinel":
        return _for_sentinel(address, timings)
    options = _login_options(address) | {"db": address.db} | _no_retries(timings)
    if address.kind == "socket":
        client = Redis(unix_socket_path=address.path, **options)
    else:
        host, port = address.hosts[0]
        client = Redis(host=host, port=port, socket_keepalive=True, **options, **_tls_options(address))
    return ServerExecutor(client, timings, opened=[client])


def executors_over(client: object, timings: RedisTimings) -> Callable[[], CommandExecutor]:
    """Return a factory of executors over a client that its owner closes.

    Raises:
        TypeError: it is no client of `redis.asyncio`.
    """
    if isinstance(client, RedisCluster):
        return partial(ClusterExecutor, client, timings, owned=False)
    if isinstance(client, Redis):
        return partial(ServerExecutor, client, timings)
    raise TypeError(f"A RedisStore takes a Redis or RedisCluster of redis.asyncio, not {type(client).__name__}")


def _for_sentinel(address: Address, timings: RedisTimings) -> CommandExecutor:
    limits: dict[str, Any] = {
        "socket_timeout": timings.sentinel_timeout,
        "socket_connect_timeout": timings.sentinel_timeout,
    }
    login = {"username": address.sentinel_username, "password": address.sentinel_password}
    options = (
        _login_options(address)
        | {"db": address.db, "socket_keepalive": True}
        | _no_retries(timings)
        | _tls_options(address)
    )
    sentinel: Any = Sentinel(  # type: ignore[no-untyped-call]
        address.hosts,
        sentinel_kwargs=_no_retries(timings) | limits | login | _tls_options(address),
        **options,
    )
    client: Redis = sentinel.master_for(address.path)
    return ServerExecutor(client, timings, opened=[client, *sentinel.sentinels])


def _for_cluster(address: Address, timings: RedisTimings) -> CommandExecutor:
    options = _login_options(address) | _no_retries(timings) | _tls_options(address)
    limits: dict[str, Any] = {
        "socket_timeout": timings.node_timeout,
        "socket_connect_timeout": timings.node_timeout,
        "max_connections": PARTITIONS * PARTITION_CALLS,
    }
    nodes = [ClusterNode(host, port) for host, port in address.hosts]
    client = RedisCluster(startup_nodes=nodes, socket_keepalive=True, **(options | limits))
    return ClusterExecutor(client, timings, owned=True)


def _no_retries(timings: RedisTimings) -> dict[str, Any]:
    """Return the options of our own clients: no retries, and no timeout of a reply but the caller's deadline."""
    return {
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": None,
        "socket_connect_timeout": timings.connect_timeout,
        "protocol": 2,
    }


def _login_options(address: Address) -> dict[str, Any]:
    return {"username": address.username, "password": address.password}


def _tls_options(address: Address) -> dict[str, Any]:
    return {} if address.tls is None else {"ssl": True, **address.tls}
