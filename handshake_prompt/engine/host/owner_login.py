"""Host's own login that names the owner of a request, as the only proof of the person's role. SPEC.md section 3.

The owner of the request that creates a session is the session's, and every request of the same owner is the person's:
from any tab or device, with or without our cookie.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from handshake_prompt.protocol.errors import ForbiddenError
from handshake_prompt.session import Session
from handshake_prompt.session.owners import comparable_owner, login_owner

from .hook import Hook
from .hooks import NOBODY, VETOED, HookFailedError, Hooks, Reject

logger = logging.getLogger("handshake_prompt")


class OwnerLogin:
    """Asks the host for the owner of a request.

    Args:
        owner_of: the host's, `(request) -> id`, None for nobody.
    """

    def __init__(self, owner_of: Callable[..., Any], hooks: Hooks) -> None:
        self._owner_of = Hook(owner_of)
        self._hooks = hooks

    async def ask_creation(self, session: Session, request: object) -> None:
        """Make a session that is being created its owner's, and ask the host's hooks whether it may be.

        Raises:
            ForbiddenError: nobody is logged in, the login or a hook denied, or a hook would lock the owner out.
        """
        session.owner = owner = await self._owner_at_creation(request)
        await self._hooks.ask_creation(session, request)
        if session.owner != comparable_owner(owner):
            logger.error("A hook set session.owner to another one than the login's, whom it would lock out")
            raise ForbiddenError(VETOED)

    async def proves_owner(self, request: object, session: Session) -> bool:
        """Whether a request is from the owner of a session."""
        try:
            owner = await self._kept_owner(request)
        except (HookFailedError, Reject):
            return False
        return owner is not None and bool(session.owner == owner)

    async def _owner_at_creation(self, request: object) -> Any:
        try:
            owner = await self._kept_owner(request)
        except Reject as reject:
            raise ForbiddenError(reject.reason) from None
        except HookFailedError:
            raise ForbiddenError(VETOED) from None
        if owner is None:
            raise ForbiddenError(NOBODY)
        return owner

    async def _kept_owner(self, request: object) -> Any:
        """Return the owner of a request in its kept form, None for nobody.

        Raises:
            Reject, HookFailedError: the host cannot say.
        """
        answer = await self._hooks.run_hook(self._owner_of, request)
        try:
            return login_owner(answer)
        except TypeError as mistake:
            logger.error("The login %s has made a mistake, and lets nobody in. %s", self._owner_of.name, mistake)  # noqa: TRY400
            raise HookFailedError from mistake
