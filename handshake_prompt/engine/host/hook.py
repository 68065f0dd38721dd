"""Hook: a function of the host's, called within a time limit, with every exception contained.

A call runs in a task of its own. So it can be left behind when it is late, even if it swallows its cancellation; and
an exception that ends an interpreter, such as `SystemExit`, ends the call alone. Calls left behind are bounded
(bulkhead): a hook that has too many of them is not called again until some have ended.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any, NamedTuple

import anyio
import anyio.lowlevel
import anyio.to_thread

logger = logging.getLogger("handshake_prompt")

SLOW_STEP = 0.25
"""Seconds an async hook may hold the event loop at a stretch before the log names it."""
THREADS = 40
"""Calls of one plain function at a time; each has threads of its own, so that one that hangs starves no other."""
LEFT_BEHIND = 40
"""Late calls of one function that may go on, be it for good; once so many do, it fails without being called."""
FAREWELL = 0.1
"""Seconds a call gets to clean up in when its request is cancelled."""


class HostCodeError(Exception):
    """Code of the host's that runs on the event loop, as modes and prompt builders do, tried to end the server."""


ENDS_THE_SERVER = (SystemExit, KeyboardInterrupt)
"""Errors that asyncio passes on through the event loop, past every handler of a request."""


class Answer(NamedTuple):
    """The outcome of a call: a value, or the error in its place."""

    value: Any = None
    error: BaseException | None = None


class Hook:
    """One function of the host's.

    Args:
        function: async or plain.
        name: its name in the log; its own by default.
        is_quick: it runs none of the host's code and is over in no time: it is called here, and not in a thread.
    """

    def __init__(self, function: Callable[..., Any], name: str = "", *, is_quick: bool = False) -> None:
        qualified = getattr(function, "__qualname__", type(function).__name__)
        self.name = name or f"{getattr(function, '__module__', '?')}.{qualified}"
        self.function = function
        self._is_async = is_async(function)
        self._is_quick = is_quick
        self._left_behind: set[asyncio.Task[Answer]] = set()
        self._threads = threading.Semaphore(THREADS + LEFT_BEHIND)
        self._limiter: anyio.lowlevel.RunVar[anyio.CapacityLimiter] = anyio.lowlevel.RunVar(self.name)

    async def __call__(self, *args: object, within: float) -> Answer:
        """Call the function, an async one here and a plain one in a thread; an answer after `within` seconds is none.

        The call's own errors are in the answer, none is raised.
        """
        if self._is_quick:
            return self._answer_at_once(args)
        if len(self._left_behind) >= LEFT_BEHIND:
            return Answer(error=TimeoutError("too many earlier calls still hang"))
        loop = asyncio.get_running_loop()
        begun = loop.time()
        call = loop.create_task(self._run_contained(args))
        try:
            await asyncio.wait({call}, timeout=within)
        except asyncio.CancelledError:
            self._leave_behind(call)
            await asyncio.wait({call}, timeout=FAREWELL)
            raise
        if not call.done():
            self._leave_behind(call)
        elif loop.time() - begun <= within:
            return call.result()
        return Answer(error=TimeoutError(f"it took more than {within:g} s"))

    def _answer_at_once(self, args: tuple[object, ...]) -> Answer:
        try:
            return Answer(self.function(*args))
        except Exception as error:  # noqa: BLE001 - a fault of a library's is the host's to hear of, too
            return Answer(error=error)

    async def _run_contained(self, args: tuple[object, ...]) -> Answer:
        try:
            return Answer(await self._await_answer(args))
        except BaseException as error:  # noqa: BLE001 - the boundary to foreign code: nothing it raises goes beyond
            return Answer(error=error)

    async def _await_answer(self, args: tuple[object, ...]) -> Any:
        if self._is_async:
            return await _Watched(self.function(*args), self.name)
        answer = await anyio.to_thread.run_sync(
            self._run_function, args, abandon_on_cancel=True, limiter=self._call_limiter()
        )
        return await _Watched(answer, self.name) if inspect.isawaitable(answer) else answer

    def _run_function(self, args: tuple[object, ...]) -> Any:
        if not self._threads.acquire(blocking=False):
            raise TimeoutError("too many earlier calls still hang")
        try:
            return self.function(*args)
        finally:
            self._threads.release()

    def _call_limiter(self) -> anyio.CapacityLimiter:
        """Return this event loop's limit on calls at a time."""
        limiter = self._limiter.get(None)
        if limiter is None:
            limiter = anyio.CapacityLimiter(THREADS)
            self._limiter.set(limiter)
        return limiter

    def _leave_behind(self, call: asyncio.Task[Answer]) -> None:
        """Ask a call to end, and wait for it no longer."""
        call.cancel()
        self._left_behind.add(call)
        call.add_done_callback(self._left_behind.discard)


def is_async(function: Callable[..., Any]) -> bool:
    """Whether a call of a function is to be awaited."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - callable objects count
    )


def is_generator(function: Callable[..., Any]) -> bool:
    """Whether a call of a function runs nothing of it, but returns an iterator that would."""
    functions = function, getattr(function, "__call__", None)  # noqa: B004 - as above
    return any(inspect.isgeneratorfunction(one) or inspect.isasyncgenfunction(one) for one in functions)


class _Watched(Awaitable[Any]):
    """Awaits a hook step by step, and names it in the log when one of its steps holds the event loop."""

    def __init__(self, awaitable: Awaitable[Any], name: str) -> None:
        self._awaitable = awaitable
        self._name = name

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._awaitable.__await__()
        interrupt: BaseException | None = None
        while True:
            try:
                waits_for = self._run_timed(steps, interrupt)
            except StopIteration as finished:
                return finished.value
            try:
                yield waits_for
                interrupt = None
            except (Exception, asyncio.CancelledError) as thrown:  # noqa: BLE001 - handed on to the hook, as await does
                interrupt = thrown

    def _run_timed(self, steps: Generator[Any, Any, Any], interrupt: BaseException | None) -> Any:
        begun = time.perf_counter()
        try:
            return next(steps) if interrupt is None else steps.throw(interrupt)
        finally:
            held = time.perf_counter() - begun
            if held > SLOW_STEP:
                message = "The hook %s held the event loop for %.0f ms; use await, or a plain def"
                logger.warning(message, self._name, held * 1000)
