"""From the moment an action is sent until a watcher has its frame, at a steady rate of actions.

Actions are sent on time whether or not earlier ones were answered, so a server that stalls is seen to. Each writes a
value that no other does, by which its frame is known.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Callable, Sequence

from benchmarks.forms import Session

from .http import Connection, LoadError

CONNECTIONS = 32
SETTLE_SECONDS = 20.0
NUMBER = re.compile(rb'"value":"turn (\d+)[ "]')


class Stopwatch:
    """The times between sending numbered actions and seeing them arrive."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._sent: dict[int, float] = {}
        self._missing: dict[int, int] = {}
        self._all_here = asyncio.Event()
        self.took: list[float] = []

    def seen(self, text: bytes) -> None:
        """Take a frame's arrival."""
        now = time.perf_counter()
        match = NUMBER.search(text)
        if match is None:
            return
        number = int(match[1])
        if number not in self._missing:
            return
        self.took.append(now - self._sent[number])
        self._missing[number] -= 1
        if not self._missing[number]:
            del self._missing[number]
            if not self._missing:
                self._all_here.set()

    async def run(
        self,
        port: int,
        pick: Callable[[], Session],
        *,
        watchers: int,
        rate: float,
        seconds: float,
        padding: str = "",
    ) -> list[float]:
        """Send actions at a rate and return the seconds each frame took, sorted.

        Args:
            port: of the server.
            pick: the session of the next action.
            watchers: how many are to see each action.
            rate: actions a second.
            seconds: how long.
            padding: what makes values longer.

        Raises:
            LoadError: an action failed, or a frame did not arrive.
        """
        self.took, self._missing = [], {}
        connections: asyncio.Queue[Connection] = asyncio.Queue()
        opened = [await Connection.open(port) for _ in range(CONNECTIONS)]
        for connection in opened:
            connections.put_nowait(connection)
        began = time.perf_counter()

        async def act(number: int, session: Session) -> None:
            connection = await connections.get()
            request = session.action({"f0": f"turn {number} {padding}"}).encode(port)
            self._sent[number], self._missing[number] = time.perf_counter(), watchers
            await connection.send(request)
            connections.put_nowait(connection)

        try:
            async with asyncio.timeout(seconds + SETTLE_SECONDS), asyncio.TaskGroup() as group:
                for turn in range(round(rate * seconds)):
                    await asyncio.sleep(began + turn / rate - time.perf_counter())
                    group.create_task(act(next(self._numbers), pick()))
            await self._arrived()
        except TimeoutError:
            raise LoadError("actions were not answered") from None
        finally:
            for connection in opened:
                connection.close()
        return sorted(self.took)

    async def _arrived(self) -> None:
        self._all_here.clear()
        if not self._missing:
            return
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                await self._all_here.wait()
        except TimeoutError:
            raise LoadError(f"{len(self._missing)} actions were not seen by all their watchers") from None


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which a share of sorted values lies."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
