"""Redis client of one event loop: a command executor behind circuit breakers, and the pub/sub listener.

Here, and nowhere else, errors of the library become `StoreUnavailableError`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from redis.exceptions import ResponseError

from handshake_prompt.protocol.errors import StoreUnavailableError
from handshake_prompt.stores.codec import decode_foreign, unreadable_error
from handshake_prompt.stores.subscribers import Subscriber

from .circuit_breaker import CircuitBreaker, OutageLog
from .command_executors import CommandExecutor
from .deadline import LIBRARY_ERRORS, ended_by
from .keys import Keys
from .pubsub import PubSubListener
from .refusals import is_of_the_data, loggable_reason
from .replies import version_of
from .timings import RedisTimings

T = TypeVar("T")
Work = Callable[[CommandExecutor, float], Awaitable[T]]
"""Commands to execute by a deadline of the event loop."""


class Client:
    """Calls to Redis, while it is open.

    Args:
        executor: executes the commands.
        outage: is told of failures and successes.
        keys: names the keys and channels.
        timings: intervals and timeouts.
    """

    def __init__(self, executor: CommandExecutor, outage: OutageLog, keys: Keys, timings: RedisTimings) -> None:
        self.executor = executor
        self.closed = False
        self._outage = outage
        self._keys = keys
        self._timings = timings
        self._breakers = defaultdict[int, CircuitBreaker](lambda: CircuitBreaker(timings.breaker_pause))
        """By partition: where one node of a Cluster is gone, the others go on."""
        self._running = 0
        self._call_ended = asyncio.Event()
        self.listener = PubSubListener(executor.pubsub_connection, self._load_versions, keys, timings)

    async def call_guarded(self, key: bytes, work: Work[T]) -> T:
        """Execute commands on the server of a key, unless its circuit breaker is open.

        Raises:
            StoreUnavailableError: there was no reply in time, the server refused, or this is closed.
        """
        breaker = self._breakers[self.executor.partition(key)]
        trial = breaker.admit_call()
        try:
            result = await self.run_by_deadline(work, key=key)
        except StoreUnavailableError as error:
            if isinstance(error.__cause__, ResponseError):
                breaker.note_answer()
            elif error.__cause__ is not None:
                breaker.note_no_answer(error.__cause__)
            raise
        else:
            breaker.note_answer()
            return result
        finally:
            breaker.note_end(trial=trial)

    async def run_by_deadline(self, work: Work[T], *, key: bytes = b"") -> T:
        """Execute commands by the deadline of a call. `key` is one of theirs, for the log.

        Raises:
            StoreUnavailableError: as for `call_guarded`.
        """
        if self.closed:
            raise StoreUnavailableError
        self._running += 1
        try:
            result = await work(self.executor, asyncio.get_running_loop().time() + self._timings.call_timeout)
        except LIBRARY_ERRORS as error:
            self._note_failure(error, key)
            raise StoreUnavailableError from error
        finally:
            self._running -= 1
            self._call_ended.set()
        self._outage.note_success()
        return result

    async def subscribe(self, session_id: str, subscriber: Subscriber) -> None:
        """Have `subscriber` called after each save of a session.

        Raises:
            StoreUnavailableError: as for `call_guarded`.
        """

        async def subscribe(_: CommandExecutor, deadline: float) -> None:
            async with ended_by(deadline, grace=self._timings.cancellation_grace):
                await self.listener.subscribe(session_id, subscriber)

        await self.run_by_deadline(subscribe)

    async def aclose(self) -> None:
        """Let running calls end, by their deadlines at the latest, and close all connections."""
        self.closed = True
        await self.listener.aclose()
        while self._running:
            self._call_ended.clear()
            await self._call_ended.wait()
        try:
            async with asyncio.timeout(self._timings.call_timeout):
                await self.executor.aclose()
        except LIBRARY_ERRORS:
            return  # a connection that does not answer is closed all the same

    def _note_failure(self, error: Exception, key: bytes) -> None:
        if self.closed:
            return  # we cut it off ourselves
        if is_of_the_data(error):
            unreadable_error(place_of(key), error)
            return
        self._outage.note_failure(loggable_reason(error, prefix=self._keys.prefix))
        if isinstance(error, TimeoutError):
            self.executor.retire_connections()

    async def _load_versions(self, session_ids: Sequence[str]) -> list[int | Exception | None]:
        """Return the versions of sessions: None for a session that is gone, an error where there is no reply."""
        calls = [(key, ("GET", key)) for key in map(self._keys.session_key, session_ids)]
        found = await self.run_by_deadline(lambda executor, deadline: executor.batch(calls, deadline=deadline))
        return [
            _decode_version(key, one) if isinstance(one, bytes) else one
            for (key, _), one in zip(calls, found, strict=True)
        ]


def place_of(key: bytes) -> str:
    """Return the name of a key in the log."""
    return f"the Redis key {key.decode('utf-8', 'replace')}"


def _decode_version(key: bytes, head: bytes) -> int | StoreUnavailableError:
    try:
        return decode_foreign(version_of, head, place=place_of(key))
    except StoreUnavailableError as error:
        return error
