"""Fair queueing of heavy work on an event loop: one piece in each pass of the loop, by round robin over callers.

The work of a request between two waits holds up all others. Each piece is bounded, but many may be ready at the same
moment, and a loop runs all that is ready before it looks at its sockets again. So heavy pieces wait for a slot, unless
that of the pass is free: light requests go between any two of them, and a caller with many that wait gets as many slots
as one with few.
"""

from __future__ import annotations

import asyncio
from collections import deque
from weakref import WeakKeyDictionary

HEAVY_BODY = 256
"""Bytes of a body from which on it is heavy: a pattern may take 2 ms to match so little."""
HEAVY_PARTS = 500
"""JSON values from which on checking them is enough for one slot, and acting on them takes another."""
HEAVY_STATE = 16 * 1024
"""Bytes of a session, or of a part of its log, from which on showing it is heavy: some 0.3 ms."""


class FairQueue:
    """The slots of one event loop."""

    def __init__(self) -> None:
        self._lanes: dict[str, deque[asyncio.Future[None]]] = {}
        self._is_passing = False
        self._gave = False
        """Whether the last pass gave a slot away: its piece of work is done in the next."""

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    async def take_slot(self, lane: str) -> None:
        """Wait for the next slot of a lane. That of this pass of the loop is taken at once, if nobody has had it."""
        loop = asyncio.get_running_loop()
        if not self._is_passing:
            self._is_passing = True
            loop.call_soon(self._give_in_passes)
            return
        slot = loop.create_future()
        self._lanes.setdefault(lane, deque()).append(slot)
        await slot

    def _give_in_passes(self) -> None:
        """Give one slot away, and the next in the next pass of the loop, until two passes have had none to give."""
        gave, self._gave = self._gave, self._give_slot()
        if gave or self._gave:
            asyncio.get_running_loop().call_soon(self._give_in_passes)
        else:
            self._is_passing = False

    def _give_slot(self) -> bool:
        """Give a slot to the lane that is next, if there is one. A lane that has had its slot goes last."""
        while self._lanes:
            lane = next(iter(self._lanes))
            waiting = self._lanes.pop(lane)
            slot = waiting.popleft()
            if waiting:
                self._lanes[lane] = waiting
            if not slot.done():  # its request was cancelled
                slot.set_result(None)
                return True
        return False


_queues: WeakKeyDictionary[asyncio.AbstractEventLoop, FairQueue] = WeakKeyDictionary()


def fair_queue() -> FairQueue:
    """Return the queue of the running event loop."""
    loop = asyncio.get_running_loop()
    if (found := _queues.get(loop)) is None:
        found = _queues[loop] = FairQueue()
    return found


async def take_slot(lane: str) -> None:
    """Wait until a heavy piece of work of a caller is due, on the running event loop."""
    await fair_queue().take_slot(lane)
