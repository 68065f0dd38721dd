"""An event loop on which waiting takes no time: when nothing is left to do, its clock jumps to the next timer."""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

from .peer import PATIENCE

P = ParamSpec("P")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop for code that waits for time and for other tasks. What it waits for from outside, threads say, is late."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return 1000.0 + self._jumping.elapsed

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait for threads that end in real time: Python 3.12 gives them 300 s of the loop's, gone at once."""
        await super().shutdown_default_executor()


class _JumpingSelector(selectors.DefaultSelector):
    elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(PATIENCE if timeout is None else 0)
        if timeout is None and not ready:
            raise RuntimeError("Every task waits for another, and no timer is set")
        if not ready:
            self.elapsed += timeout or 0.0
        return ready


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an async test on a `VirtualTimeLoop`."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run


def loop_time() -> float:
    """Return the running loop's time: the clock for a store whose sessions end in virtual time."""
    return asyncio.get_running_loop().time()
