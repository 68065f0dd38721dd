"""How late the machine itself is, so that a bound on time can be held on one that is busy with other things."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

BEAT = 0.005


class Stalls:
    """`worst` is by how much, in seconds, something was later than it was due."""

    def __init__(self) -> None:
        self.worst = 0.0

    async def note(self) -> None:
        """Note how late the end of each of many short sleeps is."""
        while True:
            began = time.perf_counter()
            await asyncio.sleep(BEAT)
            self.worst = max(self.worst, time.perf_counter() - began - BEAT)


@asynccontextmanager
async def noting_stalls() -> AsyncIterator[Stalls]:
    """Note stalls meanwhile. Code that blocks the event loop looks like one, so this is for what runs elsewhere."""
    stalls = Stalls()
    noting = asyncio.create_task(stalls.note())
    yield stalls
    noting.cancel()
