"""How long Redis is waited for, and what comes instead of an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.exceptions import RedisClusterException, RedisError

DEADLINE = 2.0
"""For one call, waiting for a connection included, so that a request is answered within 2.5 s."""
GRACE = 0.2
"""After the deadline, for a call that took no notice: on Python 3.11 `asyncio.wait_for`, which the library sends with,
loses a cancellation that comes just as it is done."""
CONNECT_SECONDS = 1.5
FOREIGN = (RedisError, RedisClusterException, OSError, LookupError)
"""What comes out of the library when a server does not answer or would not; the last from a Cluster half known."""


@asynccontextmanager
async def in_time(by: float) -> AsyncIterator[None]:
    """End what the library does by a time of the event loop, and cancel the task in the end if that was asked for.

    Raises:
        TimeoutError: it was not done by then.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        async with asyncio.timeout_at(by + GRACE), asyncio.timeout_at(by):
            yield
    finally:
        if task and task.cancelling() > before:
            raise asyncio.CancelledError
