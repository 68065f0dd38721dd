"""Deadlines of calls to Redis, and the errors of its library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from redis.exceptions import ConnectionError as LostError, RedisClusterException, RedisError

LIBRARY_ERRORS = (RedisError, RedisClusterException, OSError)
"""Raised by the library when a server does not answer, or refuses."""


@asynccontextmanager
async def ended_by(deadline: float, *, grace: float) -> AsyncIterator[None]:
    """End a block by a time of the event loop, `grace` later if it ignores that; keep a cancellation of the task.

    Raises:
        TimeoutError: the block was not done by then.
    """
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    before = task.cancelling() if task else 0
    # The time of grace begins with the first cancellation. Two in one pass of a loop that was held up would be one to
    # the block, and that one it may ignore.
    last = asyncio.timeout(None)
    timer = loop.call_at(deadline, lambda: last.reschedule(loop.time() + grace))
    try:
        async with last, asyncio.timeout_at(deadline):
            yield
    finally:
        timer.cancel()
        if task and task.cancelling() > before:
            raise asyncio.CancelledError


@contextmanager
def library_lookups() -> Iterator[None]:
    """Translate failed lookups of the library, for a block that runs nothing else.

    It raises `LookupError` while only some nodes of a Cluster are known, and `AttributeError` on a connection that was
    closed at that very moment.

    Raises:
        ConnectionError: a lookup failed.
    """
    try:
        yield
    except (LookupError, AttributeError) as error:
        raise LostError(f"closed, or its nodes are unknown ({type(error).__name__})") from error
