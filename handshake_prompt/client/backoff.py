"""Exponential back-off with full jitter, and the `Retry-After` of a server."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

SHORTEST = 0.1
"""Seconds: the least first bound that a server may set, since twice nothing stays nothing."""

_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


class Backoff:
    """Exponential back-off with full jitter.

    The bound doubles with each attempt; the pause is drawn evenly from between nothing and the bound, so that clients
    that one fault cut off do not return together.

    Args:
        first: the bound of the first pause, in seconds.
        longest: the greatest bound.
    """

    def __init__(self, first: float, longest: float) -> None:
        self._longest = longest
        self._first = self._bound = first

    def restart(self, first: float | None = None) -> None:
        """Begin anew, with another first bound if one is given."""
        if first is not None:
            self._first = min(max(first, SHORTEST), self._longest)
        self._bound = self._first

    def next_pause(self, at_least: float | None = None) -> float:
        """Return the seconds to wait now: the least that the server asks for, and a random part."""
        drawn = random.uniform(0, self._bound)  # noqa: S311 - it spreads load and guards nothing
        self._bound = min(self._bound * 2, self._longest)
        return (at_least or 0.0) + drawn


def retry_after(header: str | None) -> float | None:
    """Return the seconds that a `Retry-After` asks for, a number or a date (RFC 9110); None if it says nothing."""
    if header is None:
        return None
    if _SECONDS.fullmatch(header):
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if until.tzinfo is None:  # "-0000": the time is UTC, its place unknown
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
