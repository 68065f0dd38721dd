"""Hooks: decisions of the host application, made outside every lock and within a time limit.

A hook is foreign code. One that raises, hangs or answers nonsense denies; the log has its traceback, the caller is
told nothing but that it was denied. `Reject` is the way to give the agent a reason.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread

from handshake_prompt.protocol.errors import ForbiddenError
from handshake_prompt.protocol.messages import Action, Outcome
from handshake_prompt.protocol.session import Session

logger = logging.getLogger("handshake_prompt")

F = TypeVar("F", bound=Callable[..., Any])
Verdict = str | None
"""Why an action is vetoed; None lets it pass."""

VETOED = "The server's policy does not allow this"
NOBODY = "The site knows nobody by this request: log in there, then try again"
"""Answered where a hook that opens a session looks for the person, as in `request.session["user_id"]`, in vain."""
SLOW_STEP = 0.25
"""Seconds an async hook may hold the event loop at a stretch before the log names it."""
THREADS = 40
"""Calls of one plain function at a time; each has threads of its own, so that one that hangs starves no other."""
HANGING_THREADS = 40
"""Threads of one plain function that may hang for good; once so many do, it denies without being called."""


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
        self._create: list[Hook] = []
        self._action: list[Hook] = []
        self._extend: list[Hook] = []
        self._done: list[Hook] = []

    def on_create_session(self, hook: F) -> F:
        """Register `hook(session, request)`: set `session.owner` or `session.meta`, or raise to deny.

        `Reject` denies with a reason. A KeyError says that nobody is logged in.
        """
        self._create.append(Hook(hook))
        return hook

    def on_action(self, hook: F) -> F:
        """Register `hook(session, action, request)`: False or `Reject` vetoes. Runs once for each action."""
        self._action.append(Hook(hook))
        return hook

    def on_extend(self, hook: F) -> F:
        """Register `hook(session, extra_seconds, request)`: False denies, an int caps, True or None grants."""
        self._extend.append(Hook(hook))
        return hook

    def on_done(self, hook: F) -> F:
        """Register `hook(session, applied, rejected, errors)`, run after the reply of an action request."""
        self._done.append(Hook(hook))
        return hook

    async def created(self, session: Session, request: object) -> None:
        """Ask the hooks whether a session may be created.

        Raises:
            ForbiddenError: one of them denied.
        """
        for hook in self._create:
            verdict = await self._decide(hook, session, request, nobody=KeyError)
            if verdict is not None:
                raise ForbiddenError(verdict)

    async def verdicts(self, session: Session, actions: Sequence[Action], request: object) -> list[Verdict]:
        """Ask the hooks about each action of a batch; once they have used up their time, the rest is vetoed.

        They are shown a copy of the session.
        """
        if not self._action:
            return [None] * len(actions)
        session = session.detached()
        deadline = asyncio.get_running_loop().time() + self._batch_timeout
        return [await self._verdict(session, action, request, deadline=deadline) for action in actions]

    async def extended(self, session: Session, seconds: int, request: object) -> int:
        """Return how many of the seconds asked for the hooks grant.

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
        """Tell the hooks the outcomes of a batch; their failures are logged and change nothing."""
        keys = {status: [o.key for o in outcomes if o.status == status] for status in ("applied", "rejected")}
        errors = [outcome.error() for outcome in outcomes if outcome.status == "error"]
        for hook in self._done:
            try:
                await self.call(hook, session, keys["applied"], keys["rejected"], errors)
            except (HookFailedError, Reject):
                continue

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return bool(self._create or self._action or self._extend or self._done)

    @property
    def wants_done(self) -> bool:
        """Whether anybody asked to hear of finished batches."""
        return bool(self._done)

    async def proves(self, hook: Hook, *args: object) -> bool:
        """Whether a hook answered True, and nothing but True: a redirect to a login page is no proof."""
        try:
            answer = await self.call(hook, *args)
        except (HookFailedError, Reject):
            return False
        if answer is not None and not isinstance(answer, bool):
            logger.error("The hook %s answered %s; it has to be True or False", hook.name, type(answer).__name__)
        return answer is True

    async def call(
        self, hook: Hook, *args: object, within: float | None = None, nobody: type[Exception] | None = None
    ) -> Any:
        """Run one hook within the time limit, or within fewer seconds if so asked.

        Args:
            hook: the hook to run.
            args: its arguments.
            within: the seconds.
            nobody: an exception by which it says that nobody is logged in, which is worth a line and no traceback.

        Raises:
            Reject: the hook denied with a reason.
            HookFailedError: it raised anything else, or took too long.
        """
        try:
            async with asyncio.timeout(self._timeout if within is None else min(within, self._timeout)):
                answer = await hook(*args)
        except Reject:
            raise
        except (Exception, asyncio.CancelledError) as error:  # the boundary to foreign code: whatever it raises denies
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise
            if nobody is not None and isinstance(error, nobody):
                message = "The hook %s denied a visitor by %s. Raise Reject to say why: it is quiet"
                logger.info(message, hook.name, type(error).__name__, exc_info=logger.isEnabledFor(logging.DEBUG))
            else:
                logger.exception("The hook %s failed; what it decides is denied", hook.name)
            raise HookFailedError from error
        if isinstance(answer, Reject):
            raise answer
        return answer

    async def _verdict(self, session: Session, action: Action, request: object, *, deadline: float) -> Verdict:
        for hook in self._action:
            left = deadline - asyncio.get_running_loop().time()
            verdict = await self._decide(hook, session, action, request, within=left) if left > 0 else VETOED
            if verdict is not None:
                return verdict
        return None

    async def _decide(
        self, hook: Hook, *args: object, within: float | None = None, nobody: type[Exception] | None = None
    ) -> Verdict:
        """Run a hook that answers yes (True, None) or no; anything else is taken for no."""
        try:
            answer = await self.call(hook, *args, within=within, nobody=nobody)
        except Reject as reject:
            return reject.reason
        except HookFailedError as failure:
            return NOBODY if nobody is not None and isinstance(failure.__cause__, nobody) else VETOED
        if answer is None or answer is True:
            return None
        if answer is not False:
            kind = type(answer).__name__
            logger.error("The hook %s answered %s; it has to be True, False or None", hook.name, kind)
        return VETOED


class Hook:
    """One function of the host's."""

    def __init__(self, function: Callable[..., Any]) -> None:
        qualified = getattr(function, "__qualname__", type(function).__name__)
        self.name = f"{getattr(function, '__module__', '?')}.{qualified}"
        self._function = function
        self._is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(function, "__call__", None)  # noqa: B004 - callable objects count
        )
        self._threads = threading.Semaphore(THREADS + HANGING_THREADS)
        self._limiter: anyio.lowlevel.RunVar[anyio.CapacityLimiter] = anyio.lowlevel.RunVar(self.name)

    async def __call__(self, *args: object) -> Any:
        """Call the function; a plain one in a thread, which goes on by itself if the call is cancelled."""
        if self._is_async:
            return await _Watched(self._function(*args), self.name)
        answer = await anyio.to_thread.run_sync(self._run, args, abandon_on_cancel=True, limiter=self._calls())
        return await answer if inspect.isawaitable(answer) else answer

    def _run(self, args: tuple[object, ...]) -> Any:
        if not self._threads.acquire(blocking=False):
            raise TimeoutError("too many earlier calls still hang")
        try:
            return self._function(*args)
        finally:
            self._threads.release()

    def _calls(self) -> anyio.CapacityLimiter:
        """Return this event loop's limit on calls at a time."""
        limiter = self._limiter.get(None)
        if limiter is None:
            limiter = anyio.CapacityLimiter(THREADS)
            self._limiter.set(limiter)
        return limiter


def _is_cancelled() -> bool:
    """Whether somebody cancelled the task that calls the hook, rather than the hook having made it up."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _granted(hook: Hook, answer: object, asked: int) -> int:
    if answer is None or answer is True:
        return asked
    if isinstance(answer, int) and not isinstance(answer, bool) and answer > 0:
        return min(answer, asked)
    if answer is not False:
        kind = type(answer).__name__
        logger.error("The hook %s answered %s; it has to be True, False, None or seconds above 0", hook.name, kind)
    raise ForbiddenError("The server's policy does not extend this session", code="extend_denied")


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
                logger.warning(message, self._name, held * 1000)
