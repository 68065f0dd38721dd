"""From an address, or from a client of the caller's, to a link."""

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
from .deadline import CONNECT_SECONDS
from .links import ZONE_SLOTS, ZONES, ClusterLink, Link, ServerLink

NODE_SECONDS = 1.0
"""A Cluster's client has to notice by itself that a node is gone, before our own deadline ends the call."""
SENTINEL_SECONDS = 0.5
"""So that the next one can still be asked."""


def connect(address: Address) -> Link:
    """Return a link to an address; nothing is sent yet."""
    if address.kind == "cluster":
        return _to_cluster(address)
    if address.kind == "sentinel":
        return _to_sentinel(address)
    options = _login(address) | {"db": address.db} | _manners()
    if address.kind == "socket":
        client = Redis(unix_socket_path=address.path, **options)
    else:
        host, port = address.hosts[0]
        client = Redis(host=host, port=port, socket_keepalive=True, **options, **_tls(address))
    return ServerLink(client, opened=[client])


def adopter(client: object) -> Callable[[], Link]:
    """Return what makes links over a client that stays its owner's.

    Raises:
        TypeError: it is no client of `redis.asyncio`.
    """
    if isinstance(client, RedisCluster):
        return partial(ClusterLink, client, owned=False)
    if isinstance(client, Redis):
        return partial(ServerLink, client)
    raise TypeError(f"A RedisStore takes a Redis or RedisCluster of redis.asyncio, not {type(client).__name__}")


def _to_sentinel(address: Address) -> Link:
    limits: dict[str, Any] = {"socket_timeout": SENTINEL_SECONDS, "socket_connect_timeout": SENTINEL_SECONDS}
    login = {"username": address.sentinel_username, "password": address.sentinel_password}
    sentinel: Any = Sentinel(  # type: ignore[no-untyped-call]
        address.hosts,
        sentinel_kwargs=_manners() | limits | login | _tls(address),
        **(_login(address) | {"db": address.db, "socket_keepalive": True} | _manners() | _tls(address)),
    )
    client: Redis = sentinel.master_for(address.path)
    return ServerLink(client, opened=[client, *sentinel.sentinels])


def _to_cluster(address: Address) -> Link:
    options = _login(address) | _manners() | _tls(address)
    limits = {"socket_timeout": NODE_SECONDS, "socket_connect_timeout": NODE_SECONDS}
    limits |= {"max_connections": ZONES * ZONE_SLOTS}
    nodes = [ClusterNode(host, port) for host, port in address.hosts]
    client = RedisCluster(startup_nodes=nodes, socket_keepalive=True, **(options | limits))
    return ClusterLink(client, owned=True)


def _manners() -> dict[str, Any]:
    """Return how a client of our own behaves: it repeats nothing, and leaves it to us how long to wait."""
    return {
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": None,
        "socket_connect_timeout": CONNECT_SECONDS,
        "protocol": 2,
    }


def _login(address: Address) -> dict[str, Any]:
    return {"username": address.username, "password": address.password}


def _tls(address: Address) -> dict[str, Any]:
    return {} if address.tls is None else {"ssl": True, **address.tls}
