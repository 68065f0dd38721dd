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


@asynccontextmanager
async def waiting_at_most(seconds: float) -> AsyncIterator[None]:
    """Fail if the event loop has stood idle for longer in all: what the machine and the code take is not counted."""
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(BEAT)
            beats += 1

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
    assert beats * BEAT < seconds, f"{beats * BEAT:.2f} s went by in waiting"
