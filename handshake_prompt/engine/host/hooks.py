"""Hooks: decisions of the host application, made outside every lock and within a time limit.

A hook is foreign code. One that raises, hangs or answers nonsense denies; the log has its traceback, the caller is
told nothing but that it was denied. `Reject` is the way to give the agent a reason.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from handshake_prompt.protocol.bodies import Action
from handshake_prompt.protocol.errors import ForbiddenError
from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.session import Session
from handshake_prompt.session.page_problems import encodable_text

from .hook import Hook, is_generator

logger = logging.getLogger("handshake_prompt")

F = TypeVar("F", bound=Callable[..., Any])
Verdict = str | None
"""Why an action is vetoed; None lets it pass."""

VETOED = "The server's policy does not allow this"
NOBODY = "The site knows nobody by this request: log in there, then try again"
"""Answered where a hook that opens a session looks for the person, as in `request.session["user_id"]`, in vain."""


class Reject(Exception):  # noqa: N818 - it is an answer, not a failure
    """Raised, or returned, by a hook to deny with a reason that the agent is told: `raise Reject("Closed today")`.

    Args:
        reason: a text, or an object that stands for one, such as a lazily translated text.
    """

    def __init__(self, reason: object) -> None:
        super().__init__(reason)
        self.reason = "" if reason is None else encodable_text(str(reason))


class HookFailedError(Exception):
    """A hook raised or took too long; the log has the details."""


class Hooks:
    """The host application's hooks, registered as decorators.

    Each may be `async def` or `def`; a `def` runs in a worker thread. Several of a kind run in the order in which
    they were registered. Anything else, as a generator, is refused with a TypeError.

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
        self._options: list[Hook] = []
        self.submitted: Hook | None = None
        """The function that takes what is submitted, of forms without one of their own."""

    def on_create_session(self, hook: F) -> F:
        """Register `hook(session, request)`: set `session.owner` or `session.meta`, or raise to deny.

        An owner is an id: a text, a number, a UUID, a tuple of these; not a user's object. `Reject` denies with a
        reason. A KeyError says that nobody is logged in.
        """
        self._create.append(runnable(hook))
        return hook

    def on_action(self, hook: F) -> F:
        """Register `hook(session, action, request)`: False or `Reject` vetoes. Runs once for each action.

        In a form with rows an action may be of type `add`, `remove` or `move`; the `value` of an `add`, and of a `set`
        of a list, has the cells of whole rows.
        """
        self._action.append(runnable(hook))
        return hook

    def on_extend(self, hook: F) -> F:
        """Register `hook(session, extra_seconds, request)`: False denies, an int caps, True or None grants."""
        self._extend.append(runnable(hook))
        return hook

    def on_done(self, hook: F) -> F:
        """Register `hook(session, applied, rejected, errors)`, run after the reply of an action request."""
        self._done.append(runnable(hook))
        return hook

    def on_options(self, hook: F) -> F:
        """Register `hook(session, key, query)`: the options of a field with `lookup: true`, None if it is another's."""
        self._options.append(Hook(hook))
        return hook

    def on_submit(self, function: F) -> F:
        """Register `function(submission)`, which takes the person's submission: a `SubmittedForm`.

        It runs at most once for what a person was shown, outside every lock, and has `Limits.submit_timeout`. Its
        answer, a JSON value, is the `result` of the person's receipt. `FieldErrors` tells what is wrong, `Reject` why
        it is not taken, and so does an error that the host's framework answers with a status from 400 to 499, such as
        `HTTPException(409, "Sold out")`; all say that nothing was done. After any other error, or too long a time,
        nobody can tell.

        Raises:
            ValueError: there is one already.
            TypeError: it is no function, or a generator.
        """
        if self.submitted is not None:
            raise ValueError("there is a function for submissions already: it is to run once")
        self.submitted = runnable(function)
        return function

    async def ask_creation(self, session: Session, request: object) -> None:
        """Ask the hooks whether a session may be created.

        Raises:
            ForbiddenError: one of them denied.
        """
        for hook in self._create:
            verdict = await self._ask_yes_or_no(hook, session, request, nobody=KeyError)
            if verdict is not None:
                raise ForbiddenError(verdict)

    async def ask_actions(self, session: Session, actions: Sequence[Action], request: object) -> list[Verdict]:
        """Ask the hooks about each action of a batch; once they have used up their time, the rest is vetoed.

        They are shown a copy of the session.
        """
        if not self._action:
            return [None] * len(actions)
        session = session.detached()
        deadline = asyncio.get_running_loop().time() + self._batch_timeout
        return [await self._ask_action(session, action, request, deadline=deadline) for action in actions]

    async def ask_extension(self, session: Session, seconds: int, request: object) -> int:
        """Return how many of the seconds asked for the hooks grant.

        Raises:
            ForbiddenError: one of them denied.
        """
        for hook in self._extend:
            try:
                answer = await self.run_hook(hook, session, seconds, request)
            except Reject as reject:
                raise ForbiddenError(reject.reason) from None
            except HookFailedError:
                raise ForbiddenError from None
            seconds = _granted_seconds(hook, answer, seconds)
        return seconds

    async def tell_done(self, session: Session, outcomes: Sequence[Outcome]) -> None:
        """Tell the hooks the outcomes of a batch; their failures are logged and change nothing."""
        keys = {status: [o.key for o in outcomes if o.status == status] for status in ("applied", "rejected")}
        errors = [outcome.error() for outcome in outcomes if outcome.status == "error"]
        for hook in self._done:
            try:
                await self.run_hook(hook, session, keys["applied"], keys["rejected"], errors)
            except (HookFailedError, Reject):
                continue

    async def ask_options(self, session: Session, key: str, query: str) -> Any:
        """Return the options that the first hook answers, None if none does; they are shown a copy of the session.

        Raises:
            Reject, HookFailedError: one of them cannot say.
        """
        for hook in self._options:
            answer = await self.run_hook(hook, session.detached(), key, query)
            if answer is not None:
                return answer
        return None

    @property
    def has_any(self) -> bool:
        """Whether there are any."""
        return bool(self._create or self._action or self._extend or self._done)

    @property
    def wants_done(self) -> bool:
        """Whether anybody asked to hear of finished batches."""
        return bool(self._done)

    async def answers_true(self, hook: Hook, *args: object) -> bool:
        """Whether a hook answered True, and nothing but True: a redirect to a login page is no proof."""
        try:
            answer = await self.run_hook(hook, *args)
        except (HookFailedError, Reject):
            return False
        if answer is not None and not isinstance(answer, bool):
            logger.error("The hook %s answered %s; it has to be True or False", hook.name, type(answer).__name__)
        return answer is True

    async def run_hook(
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
        value, error = await hook(*args, within=self._timeout if within is None else min(within, self._timeout))
        if error is None and not isinstance(value, Reject):
            return value
        if isinstance(error or value, Reject):
            raise error or value
        if nobody is not None and isinstance(error, nobody):
            message = "The hook %s denied a visitor by %s. Raise Reject to say why: it is quiet"
            shown = error if logger.isEnabledFor(logging.DEBUG) else None
            logger.info(message, hook.name, type(error).__name__, exc_info=shown)
        else:
            logger.error("The hook %s failed; what it decides is denied", hook.name, exc_info=error)
        raise HookFailedError from error

    async def _ask_action(self, session: Session, action: Action, request: object, *, deadline: float) -> Verdict:
        for hook in self._action:
            left = deadline - asyncio.get_running_loop().time()
            verdict = await self._ask_yes_or_no(hook, session, action, request, within=left) if left > 0 else VETOED
            if verdict is not None:
                return verdict
        return None

    async def _ask_yes_or_no(
        self, hook: Hook, *args: object, within: float | None = None, nobody: type[Exception] | None = None
    ) -> Verdict:
        """Run a hook that answers yes (True, None) or no; anything else is taken for no."""
        try:
            answer = await self.run_hook(hook, *args, within=within, nobody=nobody)
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


def runnable(function: Callable[..., Any]) -> Hook:
    """Return a function of the host's as a hook.

    Raises:
        TypeError: it is no function, or a generator: a call of one runs nothing.
    """
    if not callable(function) or is_generator(function):
        raise TypeError(f"a hook is a function, async or plain, and no generator: not {function!r}")
    return Hook(function)


def _granted_seconds(hook: Hook, answer: object, asked: int) -> int:
    if answer is None or answer is True:
        return asked
    if isinstance(answer, int) and not isinstance(answer, bool) and answer > 0:
        return min(answer, asked)
    if answer is not False:
        kind = type(answer).__name__
        logger.error("The hook %s answered %s; it has to be True, False, None or seconds above 0", hook.name, kind)
    raise ForbiddenError("The server's policy does not extend this session", code="extend_denied")
