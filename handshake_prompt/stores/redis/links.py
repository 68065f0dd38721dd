"""Sending commands to a server, or to the nodes of a Cluster: each once, whatever the client's own idea of retrying.

A command that failed may have been carried out, and counting or saving twice is not what was asked for. So commands
are sent over a connection of our own, and to a Cluster's node by name: neither way repeats anything but a redirected
command, which was not carried out.
"""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.connection import AbstractConnection
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import (
    ConnectionError as LostError,
    NoPermissionError,
    RedisClusterException,
    RedisError,
)

from .channel import Channel, Command
from .deadline import in_time

ZONES, ZONE_SLOTS = 16, 16
"""Parts of a Cluster's hash slots, and the commands that are under way in one at once: further ones wait, and fail,
with those of their own part only."""

Call = tuple[bytes, Command]
"""A key, for finding the node, and a command."""


class Link(ABC):
    """A way to the server, for one event loop. What is sent over it is answered `by` a time of that loop, or fails."""

    cluster = False

    def zone(self, key: bytes) -> int:
        """Return the part of the keys that a key belongs to: those of one part are likely to be on one server."""
        return 0

    @abstractmethod
    async def call(self, key: bytes, *command: bytes | str | float, by: float) -> Any:
        """Send a command to where a key is, and return the answer."""

    @abstractmethod
    async def batch(self, calls: Sequence[Call], *, by: float) -> list[Any]:
        """Send commands in one go, and return the answers, errors in their place. They may be repeated."""

    @abstractmethod
    async def listener(self) -> AbstractConnection:
        """Return a connection of its own to a server that hears of everything published; it may not be open yet."""

    @abstractmethod
    async def info(self, *, by: float) -> Mapping[str, str]:
        """Return what the server says of itself; nothing where it may not be asked."""

    def doubt(self) -> None:  # noqa: B027 - a Cluster's client sees to it
        """Use no connection again that was opened before now."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close what was opened here."""


class ServerLink(Link):
    """A way to one server, or to the one that Sentinel names.

    Args:
        client: how it connects is how this does.
        opened: what is to be closed in the end.
    """

    def __init__(self, client: Redis, *, opened: Sequence[Redis] = ()) -> None:
        self._pool: Any = client.connection_pool
        self._opened = opened
        self._channels: list[Channel] = []
        """The last one is in use, those before it are waited for by some who began earlier."""

    async def call(self, key: bytes, *command: bytes | str | float, by: float) -> Any:
        (answer,) = await self._channel().exchange([command], by=by)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def batch(self, calls: Sequence[Call], *, by: float) -> list[Any]:
        return await self._channel().exchange([command for _, command in calls], by=by)

    async def listener(self) -> AbstractConnection:
        connection: AbstractConnection = self._pool.make_connection()
        return connection

    async def info(self, *, by: float) -> Mapping[str, str]:
        try:
            told = await self.call(b"", "INFO", by=by)
        except NoPermissionError:
            return {}
        lines = told.decode("utf-8", "replace").splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def doubt(self) -> None:
        for channel in self._channels:
            channel.retire()

    async def aclose(self) -> None:
        for channel in self._channels:
            await channel.aclose()
        for client in self._opened:
            await client.aclose()

    def _channel(self) -> Channel:
        """Return the channel in use, a new one if there is none."""
        if not self._channels or not self._channels[-1].usable:
            self._channels = [one for one in self._channels if not one.closed]
            self._channels.append(Channel(self._pool.make_connection()))
        return self._channels[-1]


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
        self._slots = defaultdict[int, asyncio.Semaphore](lambda: asyncio.Semaphore(ZONE_SLOTS))

    def zone(self, key: bytes) -> int:
        return int(key_slot(key)) * ZONES // REDIS_CLUSTER_HASH_SLOTS

    async def call(self, key: bytes, *command: bytes | str | float, by: float) -> Any:
        async with in_time(by), self._slots[self.zone(key)]:
            try:
                return await self._call(key, *command)
            except AttributeError as error:  # of a connection that the client closed elsewhere at that very moment
                raise LostError("closed meanwhile") from error

    async def batch(self, calls: Sequence[Call], *, by: float) -> list[Any]:
        zones = defaultdict[int, list[int]](list)
        for place, (key, _) in enumerate(calls):
            zones[self.zone(key)].append(place)
        answers: list[Any] = [None] * len(calls)
        parts = (self._part(zone, [calls[place] for place in places]) for zone, places in zones.items())
        async with in_time(by):
            found = await asyncio.gather(*parts)
        for places, part in zip(zones.values(), found, strict=True):
            for place, answer in zip(places, part, strict=True):
                answers[place] = answer
        return answers

    async def listener(self) -> AbstractConnection:
        await self._client.initialize()
        nodes = self._client.get_nodes()
        node = random.choice([one for one in nodes if one.name != self._last_heard] or nodes)  # noqa: S311 - spreads load
        self._last_heard = node.name
        return node.connection_class(**node.connection_kwargs)

    async def info(self, *, by: float) -> Mapping[str, str]:
        try:
            async with in_time(by):
                await self._client.initialize()
                told = await self._client.execute_command("INFO", target_nodes=self._client.get_default_node())
        except NoPermissionError:
            return {}
        return {name: str(value) for name, value in told.items()}

    async def aclose(self) -> None:
        if self._owned:
            await self._client.aclose()

    async def _part(self, zone: int, calls: Sequence[Call]) -> Sequence[Any]:
        try:
            async with self._slots[zone]:
                return await self._batch(calls)
        except (RedisError, RedisClusterException, OSError, AttributeError) as error:
            return [error] * len(calls)

    async def _call(self, key: bytes, *command: bytes | str | float) -> Any:
        await self._client.initialize()
        node = self._client.get_node_from_key(key)  # type: ignore[arg-type] # a key may be bytes
        return await self._client.execute_command(*command, target_nodes=node, NEVER_DECODE=True)

    async def _batch(self, calls: Sequence[Call]) -> list[Any]:
        pipeline = self._client.pipeline()
        for _, command in calls:
            pipeline.execute_command(*command, NEVER_DECODE=True)
        return await pipeline.execute(raise_on_error=False)
