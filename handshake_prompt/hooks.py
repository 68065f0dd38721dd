"""What the host application may decide: four hooks, run outside every lock and within a time limit.

A hook is foreign code. One that raises, hangs or answers nonsense denies; the log has its traceback, the caller is
told nothing but that it was denied. `Reject` is the way to give the agent a reason.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, TypeVar

import anyio
import anyio.to_thread

from .errors import ForbiddenError
from .messages import Action, Outcome
from .session import Session

logger = logging.getLogger("handshake_prompt")

F = TypeVar("F", bound=Callable[..., Any])
Verdict = str | None
"""Why an action is vetoed; None lets it pass."""

VETOED = "The server's policy does not allow this"
SLOW_STEP = 0.25
"""Seconds an async hook may hold the event loop at a stretch before the log names it."""
THREADS = 40
"""Plain functions run in worker threads of their own, so that hanging ones cannot use up the host's."""


class Reject(Exception):  # noqa: N818 - it is an answer, not a failure
    """Raised, or returned, by a hook to deny with a reason that the agent is told."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class HookFailedError(Exception):
    """A hook raised or took too long; the log has the details."""


class Hooks:
    """The host application's hooks, registered as decorators.

    Each may be `async def` or `def`; a `def` runs in a worker thread. Several of a kind run in the order in which
    they were registered.

    Args:
        timeout: seconds one call may take.
        batch_timeout: seconds all `on_action` calls of one request may take together.
    """

    def __init__(self, *, timeout: float, batch_timeout: float) -> None:
        self._timeout = timeout
        self._batch_timeout = batch_timeout
        self._create: list[Callable[..., Any]] = []
        self._action: list[Callable[..., Any]] = []
        self._extend: list[Callable[..., Any]] = []
        self._done: list[Callable[..., Any]] = []

    def on_create_session(self, hook: F) -> F:
        """Register `hook(session, request)`: set `session.owner` or `session.meta`, or raise to deny."""
        self._create.append(hook)
        return hook

    def on_action(self, hook: F) -> F:
        """Register `hook(session, action, request)`: False or `Reject` vetoes. Runs once for each action."""
        self._action.append(hook)
        return hook

    def on_extend(self, hook: F) -> F:
        """Register `hook(session, extra_seconds, request)`: False denies, an int caps, True or None grants."""
        self._extend.append(hook)
        return hook

    def on_done(self, hook: F) -> F:
        """Register `hook(session, applied, rejected, errors)`, run after the reply of an action request."""
        self._done.append(hook)
        return hook

    async def created(self, session: Session, request: object) -> None:
        """Ask the hooks whether a session may be created.

        Raises:
            ForbiddenError: one of them denied.
        """
        for hook in self._create:
            verdict = await self._decide(hook, session, request)
            if verdict is not None:
                raise ForbiddenError(verdict)

    async def verdicts(self, session: Session, actions: Sequence[Action], request: object) -> list[Verdict]:
        """Ask the hooks about each action of a batch; once they have used up their time, the rest is vetoed."""
        if not self._action:
            return [None] * len(actions)
        deadline = time.monotonic() + self._batch_timeout
        verdicts: list[Verdict] = []
        for action in actions:
            in_time = time.monotonic() < deadline
            verdicts.append(await self._verdict(session, action, request) if in_time else VETOED)
        return verdicts

    async def extended(self, session: Session, seconds: int, request: object) -> int:
        """Return how many seconds the hooks grant of those asked for.

        Raises:
            ForbiddenError: one of them denied.
        """
        for hook in self._extend:
            try:
                answer = await self.call(hook, session, seconds, request)
            except Reject as reject:
                raise ForbiddenError(reject.reason) from None
            except HookFailedError:
                raise ForbiddenError from None
            seconds = _granted(hook, answer, seconds)
        return seconds

    async def done(self, session: Session, outcomes: Sequence[Outcome]) -> None:
        """Tell the hooks what became of a batch; their failures are logged and change nothing."""
        keys = {status: [o.key for o in outcomes if o.status == status] for status in ("applied", "rejected")}
        errors = [outcome for outcome in outcomes if outcome.status == "error"]
        for hook in self._done:
            try:
                await self.call(hook, session, keys["applied"], keys["rejected"], errors)
            except (HookFailedError, Reject):
                continue

    @property
    def wants_done(self) -> bool:
        """Whether anybody asked to hear of finished batches."""
        return bool(self._done)

    async def call(self, hook: Callable[..., Any], *args: object) -> Any:
        """Run one hook within the time limit.

        Raises:
            Reject: the hook denied with a reason.
            HookFailedError: it raised anything else, or took too long.
        """
        try:
            async with asyncio.timeout(self._timeout):
                answer = await _run(hook, args)
        except Reject:
            raise
        except Exception as error:  # the boundary to foreign code: whatever it raises denies
            logger.exception("The hook %s failed; the request is denied", _name(hook))
            raise HookFailedError from error
        if isinstance(answer, Reject):
            raise answer
        return answer

    async def _verdict(self, session: Session, action: Action, request: object) -> Verdict:
        for hook in self._action:
            verdict = await self._decide(hook, session, action, request)
            if verdict is not None:
                return verdict
        return None

    async def _decide(self, hook: Callable[..., Any], *args: object) -> Verdict:
        """Run a hook that answers yes (True, None) or no; anything else is taken for no."""
        try:
            answer = await self.call(hook, *args)
        except Reject as reject:
            return reject.reason
        except HookFailedError:
            return VETOED
        if answer is None or answer is True:
            return None
        if answer is not False:
            kind = type(answer).__name__
            logger.error("The hook %s answered %s; it has to be True, False or None", _name(hook), kind)
        return VETOED


def _granted(hook: Callable[..., Any], answer: object, asked: int) -> int:
    if answer is None or answer is True:
        return asked
    if isinstance(answer, int) and not isinstance(answer, bool) and answer > 0:
        return min(answer, asked)
    if answer is not False:
        logger.error("The hook %s answered %r; it has to be True, False, None or seconds", _name(hook), answer)
    raise ForbiddenError("The server's policy does not extend this session", code="extend_denied")


async def _run(hook: Callable[..., Any], args: tuple[object, ...]) -> Any:
    if inspect.iscoroutinefunction(hook) or inspect.iscoroutinefunction(getattr(hook, "__call__", None)):  # noqa: B004 - callable objects count
        return await _Watched(hook(*args), hook)
    answer = await anyio.to_thread.run_sync(lambda: hook(*args), abandon_on_cancel=True, limiter=_threads())
    return await answer if inspect.isawaitable(answer) else answer


_limiters: anyio.lowlevel.RunVar[anyio.CapacityLimiter] = anyio.lowlevel.RunVar("handshake_prompt_hook_threads")


def _threads() -> anyio.CapacityLimiter:
    """Return this event loop's limit on hook threads."""
    limiter = _limiters.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(THREADS)
        _limiters.set(limiter)
    return limiter


class _Watched(Awaitable[Any]):
    """Awaits a hook step by step, and names it in the log when one of its steps holds the event loop."""

    def __init__(self, awaitable: Awaitable[Any], hook: Callable[..., Any]) -> None:
        self._awaitable = awaitable
        self._hook = hook

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._awaitable.__await__()
        interrupt: BaseException | None = None
        while True:
            try:
                waits_for = self._timed(steps, interrupt)
            except StopIteration as finished:
                return finished.value
            try:
                yield waits_for
                interrupt = None
            except (Exception, asyncio.CancelledError) as thrown:  # noqa: BLE001 - handed on to the hook, as await does
                interrupt = thrown

    def _timed(self, steps: Generator[Any, Any, Any], interrupt: BaseException | None) -> Any:
        begun = time.perf_counter()
        try:
            return next(steps) if interrupt is None else steps.throw(interrupt)
        finally:
            held = time.perf_counter() - begun
            if held > SLOW_STEP:
                message = "The hook %s held the event loop for %.0f ms; use await, or a plain def"
                logger.warning(message, _name(self._hook), held * 1000)


def _name(hook: Callable[..., Any]) -> str:
    return f"{getattr(hook, '__module__', '?')}.{getattr(hook, '__qualname__', type(hook).__name__)}"
