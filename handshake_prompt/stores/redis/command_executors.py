"""Execution of commands on a server, or on the nodes of a Cluster: each at most once.

A command that failed may have been executed, and must not be counted or saved twice. So commands go over a connection
of our own, and to a Cluster's node by name: neither way retries anything but a redirected command, which was not
executed.
"""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import AbstractConnection
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import ConnectionError as LostError, NoPermissionError

from .deadline import LIBRARY_ERRORS, ended_by, library_lookups
from .pipelined_connection import Command, PipelinedConnection
from .timings import RedisTimings

PARTITIONS, PARTITION_CALLS = 16, 16
"""Parts of a Cluster's hash slots, and the calls to one that may run at once (bulkhead): further ones wait, and fail,
with those of their own partition only."""

Call = tuple[bytes, Command]
"""A key, which decides on the node, and a command."""


class CommandExecutor(ABC):
    """Executes commands, for one event loop, by a deadline on that loop's clock."""

    cluster = False

    def partition(self, key: bytes) -> int:
        """Return the part of the key space that a key belongs to: keys of one part are likely to be on one server."""
        return 0

    @abstractmethod
    async def call(self, key: bytes, *command: bytes | str | float, deadline: float) -> Any:
        """Send a command to the server of a key, and return the reply."""

    @abstractmethod
    async def batch(self, calls: Sequence[Call], *, deadline: float) -> list[Any]:
        """Send commands together, and return the replies, errors in their place. They may be retried."""

    @abstractmethod
    async def pubsub_connection(self) -> AbstractConnection:
        """Return a new connection to a server that receives all that is published; it may not be open yet."""

    @abstractmethod
    async def info(self, *, deadline: float) -> Mapping[str, str]:
        """Return the server's own description (INFO); nothing where we may not ask for it."""

    def retire_connections(self) -> None:  # noqa: B027 - a Cluster's client sees to it
        """Use no connection again that was opened before now."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close everything that was opened here."""


class ServerExecutor(CommandExecutor):
    """Executes commands on one server, or on the one that Sentinel names.

    Args:
        client: its connection settings are used.
        timings: timeouts.
        opened: clients to close in the end.
    """

    def __init__(self, client: Redis, timings: RedisTimings, *, opened: Sequence[Redis] = ()) -> None:
        self._pool: Any = client.connection_pool
        self._timings = timings
        self._opened = opened
        self._connections: list[PipelinedConnection] = []
        """The last one is in use; earlier ones still have callers."""

    async def call(self, key: bytes, *command: bytes | str | float, deadline: float) -> Any:
        (reply,) = await self._usable_connection().execute([command], deadline=deadline)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def batch(self, calls: Sequence[Call], *, deadline: float) -> list[Any]:
        return await self._usable_connection().execute([command for _, command in calls], deadline=deadline)

    async def pubsub_connection(self) -> AbstractConnection:
        connection: AbstractConnection = self._pool.make_connection()
        return connection

    async def info(self, *, deadline: float) -> Mapping[str, str]:
        try:
            told = await self.call(b"", "INFO", deadline=deadline)
        except NoPermissionError:
            return {}
        lines = told.decode("utf-8", "replace").splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def retire_connections(self) -> None:
        for connection in self._connections:
            connection.retire()

    async def aclose(self) -> None:
        for connection in self._connections:
            await connection.aclose()
        for client in self._opened:
            await client.aclose()

    def _usable_connection(self) -> PipelinedConnection:
        """Return the connection in use, a new one if there is none."""
        if not self._connections or not self._connections[-1].is_usable:
            self._connections = [one for one in self._connections if not one.is_closed]
            new = PipelinedConnection(self._pool.make_connection(), connect_timeout=self._timings.connect_timeout)
            self._connections.append(new)
        return self._connections[-1]


class ClusterExecutor(CommandExecutor):
    """Executes commands on the nodes of a Cluster.

    Args:
        client: knows the nodes.
        timings: timeouts.
        owned: whether to close the client in the end.
    """

    cluster = True

    def __init__(self, client: RedisCluster, timings: RedisTimings, *, owned: bool) -> None:
        self._client = client
        self._grace = timings.cancellation_grace
        self._owned = owned
        self._last_pubsub_node: str | None = None
        self._bulkheads = defaultdict[int, asyncio.Semaphore](lambda: asyncio.Semaphore(PARTITION_CALLS))

    def partition(self, key: bytes) -> int:
        return int(key_slot(key)) * PARTITIONS // REDIS_CLUSTER_HASH_SLOTS

    async def call(self, key: bytes, *command: bytes | str | float, deadline: float) -> Any:
        async with ended_by(deadline, grace=self._grace), self._bulkheads[self.partition(key)]:
            return await self._call_node(key, *command)

    async def batch(self, calls: Sequence[Call], *, deadline: float) -> list[Any]:
        partitions = defaultdict[int, list[int]](list)
        for place, (key, _) in enumerate(calls):
            partitions[self.partition(key)].append(place)
        replies: list[Any] = [None] * len(calls)
        parts = (self._call_partition(one, [calls[place] for place in places]) for one, places in partitions.items())
        async with ended_by(deadline, grace=self._grace):
            found = await asyncio.gather(*parts)
        for places, part in zip(partitions.values(), found, strict=True):
            for place, reply in zip(places, part, strict=True):
                replies[place] = reply
        return replies

    async def pubsub_connection(self) -> AbstractConnection:
        nodes = await self._known_nodes()
        others = [node for node in nodes if node.name != self._last_pubsub_node]
        node = random.choice(others or nodes)  # noqa: S311 - spreads load
        self._last_pubsub_node = node.name
        return node.connection_class(**node.connection_kwargs)

    async def info(self, *, deadline: float) -> Mapping[str, str]:
        try:
            async with ended_by(deadline, grace=self._grace):
                with library_lookups():
                    await self._client.initialize()
                    node = self._client.get_default_node()
                    told = await self._client.execute_command("INFO", target_nodes=node)
        except NoPermissionError:
            return {}
        return {name: str(value) for name, value in told.items()}

    async def aclose(self) -> None:
        if self._owned:
            await self._client.aclose()

    async def _known_nodes(self) -> list[ClusterNode]:
        """Return the nodes that are known.

        Raises:
            ConnectionError: none is.
        """
        with library_lookups():
            await self._client.initialize()
            nodes = self._client.get_nodes()
        if not nodes:
            raise LostError("no nodes are known")
        return nodes

    async def _call_node(self, key: bytes, *command: bytes | str | float) -> Any:
        with library_lookups():
            await self._client.initialize()
            node = self._client.get_node_from_key(key)  # type: ignore[arg-type] # a key may be bytes
            return await self._client.execute_command(*command, target_nodes=node, NEVER_DECODE=True)

    async def _call_partition(self, partition: int, calls: Sequence[Call]) -> Sequence[Any]:
        pipeline = self._client.pipeline()
        for _, command in calls:
            pipeline.execute_command(*command, NEVER_DECODE=True)
        try:
            async with self._bulkheads[partition]:
                with library_lookups():
                    return await pipeline.execute(raise_on_error=False)
        except LIBRARY_ERRORS as error:
            return [error] * len(calls)
