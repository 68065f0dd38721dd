"""Circuit breaker for Redis, and the log of its outages."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from handshake_prompt.protocol.errors import StoreUnavailableError

FAILURES = 5
"""Failures in a row that open a breaker: one connection that breaks is no outage."""

logger = logging.getLogger(__name__)


class OutageLog:
    """Logs the begin of an outage once, and its end once nothing has failed for a while.

    Args:
        quiet: seconds without a failure that make the end: a server that fails now and then is not back.
        monotonic: seconds that only go forward.
    """

    def __init__(self, quiet: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._quiet = quiet
        self._monotonic = monotonic
        self._failed_at = 0.0
        self._lasts = False

    def note_failure(self, reason: str) -> None:
        """Note a failure."""
        self._failed_at = self._monotonic()
        if not self._lasts:
            self._lasts = True
            logger.warning("Redis cannot be used: %s", reason)

    def note_success(self) -> None:
        """Note a success."""
        if self._lasts and self._monotonic() >= self._failed_at + self._quiet:
            self._lasts = False
            logger.info("Redis answers again")


class CircuitBreaker:
    """Refuses calls at once while a server does not answer: closed, open after failures in a row, half-open to try.

    Args:
        pause: seconds between two trials while it is open.
        monotonic: seconds that only go forward.
    """

    def __init__(self, pause: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._pause = pause
        self._monotonic = monotonic
        self._failures = 0
        self._failed_at = 0.0
        self._trying = False
        self._cause: BaseException | None = None

    def admit_call(self) -> bool:
        """Admit a call; return whether it is the trial of a half-open breaker.

        Raises:
            StoreUnavailableError: the breaker is open.
        """
        if self._failures < FAILURES:
            return False
        if self._trying or self._monotonic() < self._failed_at + self._pause:
            raise StoreUnavailableError
        self._trying = True
        return True

    def note_end(self, *, trial: bool) -> None:
        """Note the end of a call, however it ended; `trial` is the result of `admit_call`."""
        if trial:
            self._trying = False

    def note_answer(self) -> None:
        """Note an answer, be it a refusal."""
        self._failures = 0
        self._cause = None

    def note_no_answer(self, cause: BaseException) -> None:
        """Note a missing answer. Calls cut off by one and the same cause are one failure."""
        if cause is not self._cause:
            self._failures += 1
        self._cause = cause
        self._failed_at = self._monotonic()
