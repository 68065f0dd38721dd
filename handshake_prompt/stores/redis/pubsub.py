"""Save notifications by pub/sub, over a connection of its own, and polling for lost ones.

A notification is a version number. It may get lost: with a connection that dies, between the nodes of a Cluster, in a
proxy. So the connection has to answer a PING after some silence, the versions of all subscribed sessions are polled
after each reconnection, and every few seconds anyway (anti-entropy).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as LostError, ResponseError

from handshake_prompt.protocol.errors import StoreUnavailableError
from handshake_prompt.stores.subscribers import Subscriber, Subscribers

from .deadline import LIBRARY_ERRORS, library_lookups
from .keys import Keys
from .timings import RedisTimings

BATCH = 200
"""Sessions in one command at most."""

Version = int | None
"""None for a session that is gone."""

logger = logging.getLogger(__name__)


class PubSubListener:
    """Subscribers of one event loop.

    Args:
        connect: returns a new connection to listen on.
        versions: returns the versions of sessions, or errors in their place.
        keys: names the channels.
        timings: intervals and timeouts.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[AbstractConnection]],
        versions: Callable[[Sequence[str]], Awaitable[list[Version | Exception]]],
        keys: Keys,
        timings: RedisTimings,
    ) -> None:
        self._connect = connect
        self._versions = versions
        self._keys = keys
        self._timings = timings
        self._subscribers = Subscribers()
        self._notified: dict[str, Version] = {}
        """Session -> the version of its last notification; none before the first."""
        self._channels: dict[str, asyncio.Future[Exception | None]] = {}
        """Session -> done once its channel is subscribed to, with an error if that fails for now."""
        self._connection: AbstractConnection | None = None
        self._poll_now = asyncio.Event()
        """Set when notifications may have been lost."""
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def subscribe(self, session_id: str, subscriber: Subscriber) -> None:
        """Have `subscriber` called after each save of a session. There is no timeout but the caller's."""
        self._subscribers.add(session_id, subscriber)
        try:
            self._keep_running("listen", self._keep_connection())
            self._keep_running("poll", self._poll_versions())
            await self._subscribe_channel(session_id)
        except BaseException:
            self._subscribers.discard(session_id, subscriber)
            raise

    def unsubscribe(self, session_id: str, subscriber: Subscriber) -> None:
        """End a subscription. Its channel is left a little later, since a page that reloads is back at once."""
        self._subscribers.discard(session_id, subscriber)

    async def aclose(self) -> None:
        """Stop listening, and fail subscriptions under way."""
        while running := [task for task in self._tasks.values() if not task.done()]:
            for task in running:  # repeatedly: one cancellation may get lost, see `RedisTimings`
                task.cancel()
            await asyncio.wait(running, timeout=0.1)
        self._tasks.clear()
        self._fail_channels(LostError("closed"))

    def _keep_running(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        if name in self._tasks and not self._tasks[name].done():
            work.close()
            return
        task = self._tasks[name] = asyncio.create_task(work)
        task.add_done_callback(_log_bug)

    # Channels

    async def _subscribe_channel(self, session_id: str) -> None:
        channel = self._channels.get(session_id)
        if channel is None:
            channel = self._channels[session_id] = asyncio.get_running_loop().create_future()
            if self._connection is not None:
                await self._send_to_channels(self._connection, "SUBSCRIBE", [session_id])
        if (error := await asyncio.shield(channel)) is not None:
            raise error

    async def _send_to_channels(self, connection: AbstractConnection, command: str, session_ids: Sequence[str]) -> None:
        """Send a command about channels, unless the connection is gone: only `_keep_connection` opens one."""
        for batch in _batches_of(session_ids):
            if connection.is_connected:
                await connection.send_command(command, *map(self._keys.channel_name, batch), check_health=False)

    def _keep_pending_channels(self) -> None:
        """After a connection is lost: subscriptions under way are taken up by the next one."""
        self._channels = {one: channel for one, channel in self._channels.items() if not channel.done()}

    def _fail_channels(self, error: Exception) -> None:
        """Fail subscriptions under way."""
        pending = [channel for channel in self._channels.values() if not channel.done()]
        self._channels = {}
        for channel in pending:
            channel.set_result(error)

    async def _leave_channels(self) -> None:
        """Unsubscribe from channels without subscribers."""
        self._notified = {one: version for one, version in self._notified.items() if one in self._subscribers}
        for batch in _batches_of(list(self._channels)):
            left = [session_id for session_id in batch if session_id not in self._subscribers]
            for session_id in left:
                self._channels.pop(session_id, None)
            if self._connection is not None:
                await self._send_to_channels(self._connection, "UNSUBSCRIBE", left)

    # Listening

    async def _keep_connection(self) -> None:
        """Keep a connection, with exponential back-off and jitter between the attempts."""
        pause, missed = self._timings.first_reconnect, False
        while True:
            connection = None
            try:
                async with asyncio.timeout(self._timings.connect_timeout):
                    connection = await self._connect()
                    await connection.connect()  # type: ignore[no-untyped-call]
                pause = self._timings.first_reconnect
                await self._receive_messages(connection, missed=missed)
            except LIBRARY_ERRORS as error:
                if self._connection is None or isinstance(error, ResponseError):
                    self._fail_channels(error)
                else:
                    self._keep_pending_channels()
            finally:
                self._connection, missed = None, True
                if connection is not None:
                    await connection.disconnect(nowait=True)
            await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - spreads load, guards nothing
            pause = min(2 * pause, self._timings.longest_reconnect)

    async def _receive_messages(self, connection: AbstractConnection, *, missed: bool) -> None:
        """Take messages from a connection. If some may have been `missed` before, versions are polled first."""
        await self._resubscribe(connection)
        pinged = True
        while True:
            with library_lookups():
                message = await connection.read_response(
                    disable_decoding=True, timeout=self._timings.ping_interval, push_request=True
                )
            if message is not None:
                pinged = False
                self._take_message(message)
                if missed and not _is_of_a_channel(message):  # the reply to PING: all channels are subscribed to by now
                    missed = False
                    self._poll_now.set()
            elif pinged:
                raise LostError("no answer to PING")
            else:
                pinged = True
                await connection.send_command("PING", check_health=False)

    async def _resubscribe(self, connection: AbstractConnection) -> None:
        """Subscribe a new connection to all channels, with a PING behind."""
        loop, pending = asyncio.get_running_loop(), self._channels
        self._channels = {one: pending.get(one) or loop.create_future() for one in self._subscribers}
        self._connection = connection
        async with asyncio.timeout(self._timings.connect_timeout):
            await self._send_to_channels(connection, "SUBSCRIBE", list(self._channels))
            await connection.send_command("PING", check_health=False)

    def _take_message(self, message: Any) -> None:
        match message:
            case [b"message", bytes(channel), bytes(payload)] if payload.isdigit():
                session_id, version = self._keys.session_of(channel), int(payload)
                if session_id in self._subscribers:
                    self._notified[session_id] = version
                    self._subscribers.notify(session_id, version)
            case [b"subscribe", bytes(channel), _]:
                pending = self._channels.get(self._keys.session_of(channel))
                if pending is not None and not pending.done():
                    pending.set_result(None)

    # Polling

    async def _poll_versions(self) -> None:
        interval = self._timings.poll_interval
        await self._wait_for_poll(interval)
        while True:
            self._poll_now.clear()
            batches = list(_batches_of(list(self._subscribers))) or [[]]
            for batch in batches:
                await self._notify_changed(batch)
                await self._wait_for_poll(interval / len(batches))
                if self._poll_now.is_set():
                    break
            try:
                await self._leave_channels()
            except LIBRARY_ERRORS:
                continue  # the connection is gone, and all its subscriptions with it

    async def _wait_for_poll(self, seconds: float) -> None:
        """Wait, unless notifications may have been lost."""
        try:
            async with asyncio.timeout(seconds):
                await self._poll_now.wait()
        except TimeoutError:
            return

    async def _notify_changed(self, session_ids: Sequence[str]) -> None:
        """Notify subscribers of sessions that have another version than that of the last notification."""
        before = dict(self._notified)
        try:
            versions = await self._versions(session_ids) if session_ids else []
        except StoreUnavailableError:
            return  # the next poll will tell
        for session_id, version in zip(session_ids, versions, strict=True):
            if not isinstance(version, Exception) and not self._is_known(session_id, version, before):
                self._notify_polled(session_id, version)

    def _is_known(self, session_id: str, version: Version, before: dict[str, Version]) -> bool:
        """Whether a polled version needs no notification: it was notified, or a newer one while the poll ran."""
        if session_id not in self._subscribers:
            return True
        if session_id not in before:
            return session_id in self._notified
        known = before[session_id]
        return version == known or self._notified.get(session_id) != known

    def _notify_polled(self, session_id: str, version: Version) -> None:
        known = self._notified.get(session_id)
        self._notified[session_id] = version
        is_newer = version is not None and (known is None or version > known)
        self._subscribers.notify(session_id, version if is_newer else None)


def _log_bug(task: asyncio.Task[None]) -> None:
    """Log the end of a task that never ends by itself."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("Save notifications have stopped", exc_info=error)


def _is_of_a_channel(message: Any) -> bool:
    return isinstance(message, list) and message[0] in {b"message", b"subscribe", b"unsubscribe"}


def _batches_of(session_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(session_ids), BATCH):
        yield session_ids[start : start + BATCH]
