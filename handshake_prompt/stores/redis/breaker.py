"""Keeps requests from queueing for a server that does not answer, and says once that it does not."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from handshake_prompt.protocol.errors import StoreUnavailableError

FAILURES = 5
"""In a row: a connection that happens to break is no outage."""
PAUSE = 1.0
"""Seconds before the next call is let through, to try."""
QUIET = 1.0
"""Seconds without a failure before it is said that all is well: a server that fails now and then is not back."""

logger = logging.getLogger(__name__)


class Outage:
    """Says when something begins to go wrong, and when nothing does any more, whatever comes in between.

    Args:
        monotonic: seconds that only go forward.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        self._last = 0.0
        self._lasts = False

    def failed(self, reason: str) -> None:
        """Note that something went wrong."""
        self._last = self.monotonic()
        if not self._lasts:
            self._lasts = True
            logger.warning("Redis cannot be used: %s", reason)

    def succeeded(self) -> None:
        """Note that something went well."""
        if self._lasts and self.monotonic() >= self._last + QUIET:
            self._lasts = False
            logger.info("Redis answers again")


class Breaker:
    """Lets calls through while they are answered.

    Args:
        monotonic: seconds that only go forward.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._failures = 0
        self._failed_at = 0.0
        self._trying = False
        self._cause: BaseException | None = None

    def admit(self) -> bool:
        """Let a call through; return whether it is the one that tries if there is an answer again.

        Raises:
            StoreUnavailableError: there is none, as far as is known.
        """
        if self._failures < FAILURES:
            return False
        if self._trying or self._monotonic() < self._failed_at + PAUSE:
            raise StoreUnavailableError
        self._trying = True
        return True

    def leave(self, *, tried: bool) -> None:
        """Note that a call is over, however it ended; `tried` is what `admit` returned."""
        if tried:
            self._trying = False

    def answered(self) -> None:
        """Note that a call was answered, be it with a refusal."""
        self._failures = 0
        self._cause = None

    def unanswered(self, cause: BaseException) -> None:
        """Note that a call was not. All that were cut off by one and the same cause have failed once."""
        if cause is not self._cause:
            self._failures += 1
        self._cause = cause
        self._failed_at = self._monotonic()
