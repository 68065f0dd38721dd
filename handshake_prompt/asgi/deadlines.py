"""Deadlines for awaitables, with a timer only for the ones that have to wait: nearly all are done at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator
from typing import Any, TypeVar

T = TypeVar("T")


async def within(seconds: float, awaitable: Awaitable[T]) -> T:
    """Return the result of an awaitable; a timer is set only if it is not there at once.

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
    """The rest of an awaitable that was begun, and waits."""

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
