"""Sending commands to a server, or to the nodes of a Cluster: each once, whatever the client's own idea of retrying.

A command that failed may have been carried out, and counting or saving twice is not what was asked for. So commands
are sent over connections of the client's pool directly, and to a Cluster's node by name: neither way repeats anything
but a redirected command, which was not carried out.
"""

from __future__ import annotations

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.connection import AbstractConnection
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import (
    ConnectionError as LostError,
    NoPermissionError,
    RedisClusterException,
    RedisError,
    ResponseError,
)

SLOTS = 64
"""Commands under way at once, in one event loop; further ones wait. Redis itself works on one at a time."""
ZONES, ZONE_SLOTS = 16, 16
"""Parts of a Cluster's hash slots: commands wait, and fail, with those of their own part only."""

Call = tuple[bytes, tuple[bytes | str | float, ...]]
"""A key, for finding the node, and a command."""


class Link(ABC):
    """A way to the server, for one event loop."""

    cluster = False

    def __init__(self, slots: int) -> None:
        self._slots = defaultdict[int, asyncio.Semaphore](lambda: asyncio.Semaphore(slots))

    def zone(self, key: bytes) -> int:
        """Return the part of the keys that a key belongs to: those of one part are likely to be on one server."""
        return 0

    async def call(self, key: bytes, *command: bytes | str | float) -> Any:
        """Send a command to where a key is, and return the answer."""
        async with self._slots[self.zone(key)]:
            try:
                return await self._call(key, *command)
            except AttributeError as error:  # of a connection that the client closed elsewhere at that very moment
                raise LostError("closed meanwhile") from error

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Send commands in one go, and return the answers, errors in their place. They may be repeated."""
        zones = defaultdict[int, list[int]](list)
        for place, (key, _) in enumerate(calls):
            zones[self.zone(key)].append(place)
        answers: list[Any] = [None] * len(calls)
        parts = (self._part(zone, [calls[place] for place in places]) for zone, places in zones.items())
        for places, part in zip(zones.values(), await asyncio.gather(*parts), strict=True):
            for place, answer in zip(places, part, strict=True):
                answers[place] = answer
        return answers

    async def _part(self, zone: int, calls: Sequence[Call]) -> Sequence[Any]:
        try:
            async with self._slots[zone]:
                return await self._batch(calls)
        except (RedisError, RedisClusterException, OSError, AttributeError) as error:
            return [error] * len(calls)

    @abstractmethod
    async def listener(self) -> AbstractConnection:
        """Return a connection of its own to a server that hears of everything published; it may not be open yet."""

    @abstractmethod
    async def info(self) -> Mapping[str, str]:
        """Return what the server says of itself; nothing where it may not be asked."""

    def doubt(self) -> None:  # noqa: B027 - a Cluster's client sees to it
        """Use no connection again that was opened before now."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close what was opened here."""

    @abstractmethod
    async def _call(self, key: bytes, *command: bytes | str | float) -> Any: ...

    @abstractmethod
    async def _batch(self, calls: Sequence[Call]) -> list[Any]: ...


class PoolLink(Link):
    """A way to one server, or to the one that Sentinel names.

    Args:
        client: whose connections are used.
        opened: what is to be closed in the end.
    """

    def __init__(self, client: Redis, *, opened: Sequence[Redis] = ()) -> None:
        self._pool: Any = client.connection_pool
        self._opened = opened
        self._doubted_at = 0.0
        self._heard: WeakKeyDictionary[AbstractConnection, float] = WeakKeyDictionary()
        """Connection -> when it last brought an answer."""
        super().__init__(min(SLOTS, self._pool.max_connections))

    async def listener(self) -> AbstractConnection:
        connection: AbstractConnection = self._pool.make_connection()
        return connection

    async def info(self) -> Mapping[str, str]:
        try:
            told = await self.call(b"", "INFO")
        except NoPermissionError:
            return {}
        lines = told.decode("utf-8", "replace").splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def doubt(self) -> None:
        self._doubted_at = time.monotonic()

    async def aclose(self) -> None:
        for client in self._opened:
            await client.aclose()

    async def _call(self, key: bytes, *command: bytes | str | float) -> Any:
        (answer,) = await self._exchange([command])
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _batch(self, calls: Sequence[Call]) -> list[Any]:
        return await self._exchange([command for _, command in calls])

    async def _exchange(self, commands: Sequence[tuple[bytes | str | float, ...]]) -> list[Any]:
        """Send commands and read their answers. A connection left in between is closed by whom it is read with."""
        connection = await self._pool.get_connection()
        try:
            if self._heard.get(connection, self._doubted_at) < self._doubted_at:
                await connection.disconnect(nowait=True)
                await connection.connect()
            await connection.send_packed_command(connection.pack_commands(commands))
            answers = [await _answer(connection) for _ in commands]
        except BaseException:
            self._heard.pop(connection, None)
            raise
        else:
            self._heard[connection] = time.monotonic()
            return answers
        finally:
            await self._pool.release(connection)


class ClusterLink(Link):
    """A way to the nodes of a Cluster.

    Args:
        client: which finds them.
        owned: whether it is to be closed in the end.
    """

    cluster = True

    def __init__(self, client: RedisCluster, *, owned: bool) -> None:
        self._client = client
        self._owned = owned
        self._last_heard: str | None = None
        super().__init__(ZONE_SLOTS)

    def zone(self, key: bytes) -> int:
        return int(key_slot(key)) * ZONES // REDIS_CLUSTER_HASH_SLOTS

    async def listener(self) -> AbstractConnection:
        await self._client.initialize()
        nodes = self._client.get_nodes()
        node = random.choice([one for one in nodes if one.name != self._last_heard] or nodes)  # noqa: S311 - spreads load
        self._last_heard = node.name
        return node.connection_class(**node.connection_kwargs)

    async def info(self) -> Mapping[str, str]:
        await self._client.initialize()
        try:
            told = await self._client.execute_command("INFO", target_nodes=self._client.get_default_node())
        except NoPermissionError:
            return {}
        return {name: str(value) for name, value in told.items()}

    async def aclose(self) -> None:
        if self._owned:
            await self._client.aclose()

    async def _call(self, key: bytes, *command: bytes | str | float) -> Any:
        await self._client.initialize()
        node = self._client.get_node_from_key(key)  # type: ignore[arg-type] # a key may be bytes
        return await self._client.execute_command(*command, target_nodes=node, NEVER_DECODE=True)

    async def _batch(self, calls: Sequence[Call]) -> list[Any]:
        pipeline = self._client.pipeline()
        for _, command in calls:
            pipeline.execute_command(*command)
        return await pipeline.execute(raise_on_error=False)


async def _answer(connection: AbstractConnection) -> Any:
    try:
        return await connection.read_response(disable_decoding=True)
    except ResponseError as error:
        return error
