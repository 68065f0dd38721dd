"""The host's own login as proof of the person's role, with a bulkhead against strangers.

The host's check may be slow, and anybody may have it run. So a caller that brings no credential of the session waits
for a place among the checks of its own address, and has none run once its attempts are used up. A caller with the
session's cookie or token passes at once: the cookie proves nothing here, but it tells the person from a stranger.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from handshake_prompt.protocol.credentials import Credential
from handshake_prompt.session import Session

from .attempts import Attempts

Check = Callable[[object, Session], Awaitable[bool]]
"""Whether a request is from the person of a session; it raises nothing."""
CHECKS_PER_ADDRESS = 4
"""Of strangers at one address, at a time: as many tabs of a browser without our cookie wait for nothing."""


class HostLogin:
    """Asks the host whether a request is from the person of a session.

    Args:
        check: the host's.
    """

    def __init__(self, check: Check, attempts: Attempts) -> None:
        self._check = check
        self._attempts = attempts
        self._bulkheads: dict[tuple[asyncio.AbstractEventLoop, str], _Bulkhead] = {}

    async def proves_person(self, session: Session, credential: Credential, request: object, *, is_known: bool) -> bool:
        """Whether a request is from the person; `is_known` tells that it brings a credential of the session.

        Raises:
            InvalidTokenError, TooManyAttemptsError: it is a stranger's, and was counted as one.
        """
        if is_known:
            return await self._check(request, session.detached())
        async with self._place_of_address(credential.counted_address or session.session_id):
            if (refusal := await self._attempts.refusal_if_exhausted(session.session_id, credential)) is not None:
                raise refusal
            if await self._check(request, session.detached()):
                return True
            raise await self._attempts.charge_failure(session.session_id, credential)

    async def confirms_person(self, session: Session, request: object) -> bool:
        """Whether a request that has proven the person before proves them still."""
        return await self._check(request, session.detached())

    @asynccontextmanager
    async def _place_of_address(self, name: str) -> AsyncIterator[None]:
        """Hold one of the places of an address."""
        key = (asyncio.get_running_loop(), name)
        bulkhead = self._bulkheads.setdefault(key, _Bulkhead(CHECKS_PER_ADDRESS))
        bulkhead.users += 1
        try:
            async with bulkhead:
                yield
        finally:
            bulkhead.users -= 1
            if not bulkhead.users:
                del self._bulkheads[key]


class _Bulkhead(asyncio.Semaphore):
    """The places of one address, with a count of all that hold one or wait for it."""

    users = 0
