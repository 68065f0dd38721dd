"""How long to wait before the next attempt, and what a server says about it."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

SHORTEST = 0.1
"""Seconds, of the bounds that a server may set: twice nothing would be nothing for ever."""

_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


class Backoff:
    """Pauses that may grow twice as long with each attempt.

    Each is drawn from between nothing and its bound, so that those whom one fault cut off do not come back together.

    Args:
        first: the bound of the first pause, in seconds.
        longest: what no bound goes beyond.
    """

    def __init__(self, first: float, longest: float) -> None:
        self._longest = longest
        self._first = self._bound = first

    def restart(self, first: float | None = None) -> None:
        """Begin anew, with another first bound if one is given."""
        if first is not None:
            self._first = min(max(first, SHORTEST), self._longest)
        self._bound = self._first

    def pause(self, at_least: float | None = None) -> float:
        """Return the seconds to wait now: what the server asked for, if it did, and some more by chance."""
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
