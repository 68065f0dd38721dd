"""Bounds how long something may take, without a timer for each: nearly all of it is over at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator
from types import TracebackType
from typing import Any, TypeVar

from starlette.types import Message, Send

T = TypeVar("T")


async def within(seconds: float, awaitable: Awaitable[T]) -> T:
    """Return what is waited for; only if it is not there at once is a timer set.

    Raises:
        TimeoutError: it was not there in time.
    """
    steps = awaitable.__await__()
    try:
        waits_for = next(steps)
    except StopIteration as finished:
        value: T = finished.value
        return value
    async with asyncio.timeout(seconds):
        return await _Rest(steps, waits_for)


class _Rest(Awaitable[T]):
    """What is left of something that was begun, and waits."""

    def __init__(self, steps: Generator[Any, Any, T], waits_for: Any) -> None:
        self._steps = steps
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, T]:
        try:
            yield self._waits_for
        except BaseException as thrown:  # noqa: BLE001 - handed on, as await does
            try:
                self._waits_for = self._steps.throw(thrown)
            except StopIteration as finished:
                value: T = finished.value
                return value
            return (yield from _Rest(self._steps, self._waits_for).__await__())
        return (yield from self._steps)


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
