"""What a store has in one event loop: a link whose calls have a deadline, and the listener for wake-ups.

Here, and nowhere else, what the library raises becomes `StoreUnavailableError`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from redis.exceptions import RedisClusterException, RedisError, ResponseError

from handshake_prompt.errors import StoreUnavailableError

from .breaker import Breaker, Outage
from .keys import Keys
from .links import Link
from .wakeups import WakeUps

T = TypeVar("T")

DEADLINE = 2.0
"""For one call, waiting for a connection included, so that a request is answered within 2.5 s."""
GRACE = 0.2
"""After the deadline, for a call that took no notice: on Python 3.11 `asyncio.wait_for`, which the library sends with,
loses a cancellation that comes just as it is done."""
FOREIGN = (RedisError, RedisClusterException, OSError, LookupError)
"""What comes out of the library when a server does not answer or would not; the last from a Cluster half known."""


class Client:
    """Calls over a link, while it is open.

    Args:
        link: the way to the server.
        outage: is told what goes wrong.
        keys: names the channels of wake-ups.
    """

    def __init__(self, link: Link, outage: Outage, keys: Keys) -> None:
        self.link = link
        self.closed = False
        self._outage = outage
        self._keys = keys
        self._breakers: defaultdict[int, Breaker] = defaultdict(Breaker)
        """Zone -> its own: where one node of a Cluster is gone, the others go on."""
        self._running = 0
        self._over = asyncio.Event()
        self.wake_ups = WakeUps(link.listener, self._versions, keys, failures=FOREIGN)

    async def call(self, key: bytes, work: Callable[[Link], Awaitable[T]]) -> T:
        """Do something where a key is, unless there has been no answer from there of late.

        Raises:
            StoreUnavailableError: there was no answer in time, the server would not, or this is closed.
        """
        breaker = self._breakers[self.link.zone(key)]
        tried = breaker.admit()
        try:
            result = await self.run(work)
        except StoreUnavailableError as error:
            if isinstance(error.__cause__, ResponseError):
                breaker.answered()
            elif error.__cause__ is not None:
                breaker.unanswered()
            raise
        else:
            breaker.answered()
            return result
        finally:
            breaker.leave(tried=tried)

    async def run(self, work: Callable[[Link], Awaitable[T]]) -> T:
        """Do something that is over in time.

        Raises:
            StoreUnavailableError: as for `call`.
        """
        if self.closed:
            raise StoreUnavailableError
        async with self._counted(), _keeping_cancellations():
            try:
                async with asyncio.timeout(DEADLINE + GRACE), asyncio.timeout(DEADLINE):
                    result = await work(self.link)
            except FOREIGN as error:
                self._note(error)
                raise StoreUnavailableError from error
        self._outage.succeeded()
        return result

    async def aclose(self) -> None:
        """Let what is under way come to its end, which its deadline sees to, and close what was opened."""
        self.closed = True
        await self.wake_ups.aclose()
        while self._running:
            self._over.clear()
            await self._over.wait()
        try:
            async with asyncio.timeout(DEADLINE):
                await self.link.aclose()
        except FOREIGN:
            return  # what does not answer any more is closed all the same

    def _note(self, error: Exception) -> None:
        if self.closed:
            return  # it was cut off by us
        self._outage.failed(reason(error))
        if not isinstance(error, ResponseError):
            self.link.doubt()

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            self._over.set()

    async def _versions(self, session_ids: Sequence[str]) -> list[int | Exception | None]:
        """Return the versions that sessions have now, None for those that are gone, errors where there is no answer."""
        calls = [(key, ("HGET", key, "v")) for key in map(self._keys.session, session_ids)]
        found = await self.run(lambda link: link.batch(calls))
        return [int(one) if isinstance(one, bytes | str) else one for one in found]


@asynccontextmanager
async def _keeping_cancellations() -> AsyncIterator[None]:
    """Cancel the task in the end if it was to be cancelled in between and is not."""
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        yield
    finally:
        if task and task.cancelling() > before:
            raise asyncio.CancelledError


def reason(error: BaseException) -> str:
    """Return what a log may say of an error: never a key, a value, an argument or a password."""
    if type(error) is ResponseError:
        return f"it answers {str(error).partition(' ')[0]}"
    if isinstance(error, ResponseError):
        return f"it answers {type(error).__name__}"
    if isinstance(error, RedisClusterException | LookupError):
        return f"the Cluster's nodes cannot be told ({type(error).__name__})"
    if type(error) is TimeoutError:
        return f"no answer within {DEADLINE:g} s"
    return f"{type(error).__name__}: {error}"
