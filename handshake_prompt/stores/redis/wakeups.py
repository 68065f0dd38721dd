"""Hears who saves what, over a connection of its own, and looks now and then for what it did not hear.

A wake-up tells a version and nothing else, and may get lost: with a connection that dies, on its way between the
nodes of a Cluster, in a proxy. So the connection has to answer when nothing came for a while, every session that is
followed is looked at as soon as there is a new one, and every few seconds anyway.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as LostError, ResponseError

from handshake_prompt.protocol.errors import StoreUnavailableError
from handshake_prompt.stores.base import Followers, Wake

from .keys import Keys

PING_AFTER = 2.0
"""Seconds without a word before the server is asked for one; it has as long to answer."""
CONNECT_SECONDS = 2.0
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
LOOK_EVERY = 4.0
"""Seconds in which every session that is followed is looked at once: a lost wake-up comes within 5."""
BATCH = 200


class WakeUps:
    """Wakes those who follow a session in this event loop.

    Args:
        listener: returns a connection to hear over.
        versions: returns the versions that sessions have now.
        keys: names the channels.
        failures: what a connection raises when it breaks.
    """

    def __init__(
        self,
        listener: Callable[[], Awaitable[AbstractConnection]],
        versions: Callable[[Sequence[str]], Awaitable[list[int | Exception | None]]],
        keys: Keys,
        *,
        failures: tuple[type[Exception], ...],
    ) -> None:
        self._listener = listener
        self._versions = versions
        self._keys = keys
        self._failures = failures
        self._followers = Followers()
        self._known: dict[str, int | None] = {}
        """Session -> the version its followers were last told of."""
        self._places: dict[str, asyncio.Future[Exception | None]] = {}
        """Session -> done once its channel is heard, with an error if it cannot be for now."""
        self._connection: AbstractConnection | None = None
        self._missed = asyncio.Event()
        """Set when something may have been missed."""
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def follow(self, session_id: str, wake: Wake) -> None:
        """Have `wake` called after each save of a session. Takes as long as it takes; the caller has a deadline."""
        self._followers.add(session_id, wake)
        try:
            self._keep_running("listen", self._listen())
            self._keep_running("look", self._look())
            await self._subscribe(session_id)
        except BaseException:
            self._followers.discard(session_id, wake)
            raise

    def unfollow(self, session_id: str, wake: Wake) -> None:
        """Take a `follow` back. The channel is left a little later, since who reloads a page is back at once."""
        self._followers.discard(session_id, wake)

    async def aclose(self) -> None:
        """Stop listening, and let down who waits to be heard."""
        while running := [task for task in self._tasks.values() if not task.done()]:
            for task in running:  # again and again, since one cancellation may get lost: see `client.GRACE`
                task.cancel()
            await asyncio.wait(running, timeout=0.1)
        self._tasks.clear()
        self._forget_places(LostError("closed"))

    def _keep_running(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        if name in self._tasks and not self._tasks[name].done():
            work.close()
        else:
            self._tasks[name] = asyncio.create_task(work)

    # Subscriptions

    async def _subscribe(self, session_id: str) -> None:
        place = self._places.get(session_id)
        if place is None:
            place = self._places[session_id] = asyncio.get_running_loop().create_future()
            if self._connection is not None:
                await self._send(self._connection, "SUBSCRIBE", [session_id])
        if (error := await asyncio.shield(place)) is not None:
            raise error

    async def _send(self, connection: AbstractConnection, command: str, session_ids: Sequence[str]) -> None:
        """Send a command about channels, unless the connection is gone: one is opened nowhere but in `_listen`."""
        for batch in _batches(session_ids):
            if connection.is_connected:
                await connection.send_command(command, *map(self._keys.channel, batch), check_health=False)

    def _forget_places(self, error: Exception | None = None) -> None:
        """Have nobody count on a channel that is heard no more. With an error, those who wait for one get that."""
        waiting = {session_id: place for session_id, place in self._places.items() if not place.done()}
        self._places = {} if error else waiting
        for place in waiting.values() if error else ():
            place.set_result(error)

    async def _leave(self) -> None:
        """Unsubscribe from what nobody follows any more."""
        self._known = {
            session_id: version for session_id, version in self._known.items() if session_id in self._followers
        }
        for batch in _batches(list(self._places)):
            left = [session_id for session_id in batch if session_id not in self._followers]
            for session_id in left:
                self._places.pop(session_id, None)
            if self._connection is not None:
                await self._send(self._connection, "UNSUBSCRIBE", left)

    # Listening

    async def _listen(self) -> None:
        pause, missed = FIRST_PAUSE, False
        while True:
            connection = None
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    connection = await self._listener()
                    await connection.connect()  # type: ignore[no-untyped-call]
                pause = FIRST_PAUSE
                await self._hear(connection, missed=missed)
            except self._failures as error:
                heard = self._connection is not None and not isinstance(error, ResponseError)
                self._forget_places(None if heard else error)
            finally:
                self._connection, missed = None, True
                if connection is not None:
                    await connection.disconnect(nowait=True)
            await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - spreads load, guards nothing
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _hear(self, connection: AbstractConnection, *, missed: bool) -> None:
        """Take what comes over a connection. If something may have been `missed` before, it is looked for first."""
        loop = asyncio.get_running_loop()
        waiting = self._places
        self._places = {one: waiting.get(one) or loop.create_future() for one in self._followers}
        self._connection = connection
        async with asyncio.timeout(CONNECT_SECONDS):
            await self._send(connection, "SUBSCRIBE", list(self._places))
            await connection.send_command("PING", check_health=False)
        pinged = True
        while True:
            told = await connection.read_response(disable_decoding=True, timeout=PING_AFTER, push_request=True)
            if told is not None:
                pinged = False
                self._take(told)
                if missed and not _is_of_a_channel(told):  # the answer to PING: all channels are heard by now
                    missed = False
                    self._missed.set()
            elif pinged:
                raise LostError("no answer to PING")
            else:
                pinged = True
                await connection.send_command("PING", check_health=False)

    def _take(self, told: Any) -> None:
        match told:
            case [b"message", bytes(channel), bytes(payload)] if payload.isdigit():
                session_id, version = self._keys.heard(channel), int(payload)
                if session_id in self._followers:
                    self._known[session_id] = version
                    self._followers.wake(session_id, version)
            case [b"subscribe", bytes(channel), _]:
                place = self._places.get(self._keys.heard(channel))
                if place is not None and not place.done():
                    place.set_result(None)

    # Looking

    async def _look(self) -> None:
        await self._wait(LOOK_EVERY)
        while True:
            self._missed.clear()
            batches = list(_batches(list(self._followers))) or [[]]
            for batch in batches:
                await self._compare(batch)
                await self._wait(LOOK_EVERY / len(batches))
                if self._missed.is_set():
                    break
            try:
                await self._leave()
            except self._failures:
                continue  # the connection is gone, and with it all that it had subscribed to

    async def _wait(self, seconds: float) -> None:
        """Wait, unless something may have been missed."""
        try:
            async with asyncio.timeout(seconds):
                await self._missed.wait()
        except TimeoutError:
            return

    async def _compare(self, session_ids: Sequence[str]) -> None:
        """Wake those who follow sessions that have another version than the one they were told of."""
        before = [self._known.get(session_id, ...) for session_id in session_ids]
        try:
            versions = await self._versions(session_ids) if session_ids else []
        except StoreUnavailableError:
            return  # the next look will tell
        for session_id, known, version in zip(session_ids, before, versions, strict=True):
            if isinstance(version, Exception) or version == known or session_id not in self._followers:
                continue
            if self._known.get(session_id, ...) != known:
                continue  # there was a wake-up meanwhile
            self._known[session_id] = version
            onwards = version is not None and (known is None or known is ... or version > known)
            self._followers.wake(session_id, version if onwards else None)


def _is_of_a_channel(told: Any) -> bool:
    return isinstance(told, list) and told[0] in {b"message", b"subscribe", b"unsubscribe"}


def _batches(session_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(session_ids), BATCH):
        yield session_ids[start : start + BATCH]
