"""Bounds how long a send may take, without a timer for each: nearly all of them are over at once."""

from __future__ import annotations

import asyncio
from types import TracebackType

from starlette.types import Message, Send


class SendLimit:
    """Cuts the task off that enters it when one of its sends takes too long.

        async with SendLimit(send, 10.0) as send:
            await send(message)

    Raises:
        TimeoutError: on leaving, if a send took `seconds`.
    """

    def __init__(self, send: Send, seconds: float) -> None:
        self._send = send
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._limit = asyncio.timeout(None)
        self._timer: asyncio.TimerHandle | None = None
        self._begun: float | None = None

    async def __aenter__(self) -> Send:
        await self._limit.__aenter__()
        return self._send_within

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._limit.__aexit__(kind, error, trace)

    async def _send_within(self, message: Message) -> None:
        self._begun = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._look)
        try:
            await self._send(message)
        finally:
            self._begun = None

    def _look(self) -> None:
        """Look whether a send is still under way, and since when."""
        self._timer = None
        if self._begun is None:
            return
        left = self._begun + self._seconds - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        else:
            self._limit.reschedule(self._loop.time())
