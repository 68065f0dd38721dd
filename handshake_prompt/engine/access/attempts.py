"""Throttle on failed attempts to prove a role, by address and by session. SPEC.md sections 9 and 10.

A stranger gets one answer, whether the session lives, has ended, or never was, and is counted alike in all three cases.
"""

from __future__ import annotations

import logging

from handshake_prompt.protocol.credentials import Credential
from handshake_prompt.protocol.errors import (
    HandshakeError,
    InvalidTokenError,
    SessionNotFoundError,
    TooManyAttemptsError,
)
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.rate_limit import Quota
from handshake_prompt.stores import SessionStore

logger = logging.getLogger("handshake_prompt")

WITHOUT_COOKIE = (
    "A page whose cookie does not arrive, such as one in a frame of another site, creates its session with "
    '"userToken": true and sends that token in X-Handshake-User-Token, or as the subprotocol hpp.user.<token>.'
)
"""Told to requests that bring no credential at all, whatever session they name."""


class Attempts:
    """Counts failed attempts. The right credential is never counted, nor kept from its session.

    Args:
        with_cookies: whether the person is proven by our cookie, so that a request without one may have lost it.
    """

    def __init__(self, store: SessionStore, limits: Limits, *, with_cookies: bool) -> None:
        self._store = store
        self._limits = limits
        self._with_cookies = with_cookies

    async def charge_failure(self, session_id: str | None, credential: Credential) -> HandshakeError:
        """Count a failed attempt and return its answer; `session_id` is None for a name that no session can have."""
        for counter, limit in self._counters_of(session_id, credential):
            quota = await self._store.hit(counter, limit=limit, window=self._limits.rate_window)
            if not quota.allowed:
                return TooManyAttemptsError(retry_after=quota.reset_after)
        error = SessionNotFoundError() if session_id is None else InvalidTokenError()
        if self._with_cookies and not (credential.token or credential.user_token):
            error.next_steps += (WITHOUT_COOKIE,)
        return error

    async def charge_code(self, credential: Credential, wrong: HandshakeError) -> HandshakeError:
        """Count a wrong code of a pickup, apart from wrong tokens, and return its answer: `wrong` while within limits.

        The right code is looked up first and not counted. What keeps guesses from it is its length: a million codes
        open at once and a million guesses a second would meet one in two weeks.
        """
        window, limits = self._limits.rate_window, self._limits
        if credential.address:
            counter = f"wrong-code:{credential.counted_address}"
            quota = await self._store.hit(counter, limit=limits.wrong_codes_per_address, window=window)
            if not quota.allowed:
                return TooManyAttemptsError(retry_after=quota.reset_after)
        quota = await self._store.hit("wrong-code", limit=limits.wrong_codes, window=window)
        if quota.allowed and not quota.remaining:
            logger.warning(
                "Wrong codes of pickups: %d in %g s, and no more are answered one by one", quota.limit, window
            )
        return wrong if quota.allowed else TooManyAttemptsError(retry_after=quota.reset_after)

    async def refusal_if_exhausted(self, session_id: str, credential: Credential) -> HandshakeError | None:
        """Return the answer to a further failure if it would be one too many, without counting it.

        An address that has not failed yet is let through, even if the session has had its share from elsewhere.
        """
        for counter, limit in self._counters_of(session_id, credential):
            failed = await counted_so_far(self._store, counter, window=self._limits.rate_window)
            if -failed.remaining >= limit:
                return TooManyAttemptsError(retry_after=failed.reset_after)
            if not failed.remaining:
                return None
        return None

    def _counters_of(self, session_id: str | None, credential: Credential) -> list[tuple[str, int]]:
        """Return the counters of an attempt, each with its limit: that of the address first, if it is known."""
        counters = []
        if credential.address:
            counters.append((f"wrong:{credential.counted_address}", self._limits.wrong_tokens_per_address))
        if session_id is not None:
            counters.append((f"wrong:{session_id}", self._limits.wrong_tokens_per_session))
        return counters


async def counted_so_far(store: SessionStore, counter: str, *, window: float) -> Quota:
    """Return how a counter stands, as a quota of 0: `remaining` is below that by the requests counted so far."""
    return await store.hit(counter, limit=0, window=window)
