"""What a store has in one event loop: a link, a breaker before it, and the listener for wake-ups.

Here, and nowhere else, what the library raises becomes `StoreUnavailableError`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from redis.exceptions import RedisClusterException, ResponseError

from handshake_prompt.protocol.errors import StoreUnavailableError
from handshake_prompt.stores.base import Wake

from .breaker import Breaker, Outage
from .deadline import DEADLINE, FOREIGN, in_time
from .keys import Keys
from .links import Link
from .replies import version_of
from .wakeups import WakeUps

T = TypeVar("T")
Work = Callable[[Link, float], Awaitable[T]]
"""What is done with a link by a time of the event loop."""


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

    async def call(self, key: bytes, work: Work[T]) -> T:
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
                breaker.unanswered(error.__cause__)
            raise
        else:
            breaker.answered()
            return result
        finally:
            breaker.leave(tried=tried)

    async def run(self, work: Work[T]) -> T:
        """Do something that is over in time.

        Raises:
            StoreUnavailableError: as for `call`.
        """
        if self.closed:
            raise StoreUnavailableError
        self._running += 1
        try:
            result = await work(self.link, asyncio.get_running_loop().time() + DEADLINE)
        except FOREIGN as error:
            self._note(error)
            raise StoreUnavailableError from error
        finally:
            self._running -= 1
            self._over.set()
        self._outage.succeeded()
        return result

    async def follow(self, session_id: str, wake: Wake) -> None:
        """Have `wake` called after each save of a session.

        Raises:
            StoreUnavailableError: as for `call`.
        """

        async def follow(_: Link, by: float) -> None:
            async with in_time(by):
                await self.wake_ups.follow(session_id, wake)

        await self.run(follow)

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
        if isinstance(error, TimeoutError):
            self.link.doubt()

    async def _versions(self, session_ids: Sequence[str]) -> list[int | Exception | None]:
        """Return the versions that sessions have now, None for those that are gone, errors where there is no answer."""
        calls = [(key, ("GET", key)) for key in map(self._keys.session, session_ids)]
        found = await self.run(lambda link, by: link.batch(calls, by=by))
        return [version_of(one) if isinstance(one, bytes) else one for one in found]


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
