"""Fixed-window rate limit, without a clock of its own. SPEC.md section 10.

A window starts with its first request and lasts its full length, so the promise of the headers ("3 left, all of them
back in 12 s") is exact. The price is known: two windows that touch let through up to twice the limit in one length.
"""

from __future__ import annotations

import msgspec


class Window(msgspec.Struct, frozen=True, gc=False):
    """A running count; `ends_at` is on the clock of the store that keeps it."""

    hits: int
    ends_at: float


class Quota(msgspec.Struct, frozen=True, gc=False):
    """The answer to one request: `allowed`, and the figures of the RateLimit headers."""

    limit: int
    window: float
    allowed: bool
    remaining: int
    reset_after: float


def hit(window: Window | None, now: float, *, limit: int, length: float) -> tuple[Window, Quota]:
    """Count one request and say whether it is within `limit` per `length` seconds.

    A refused request is not counted: asking again in vain does not push the end of the window away.
    """
    if window is None or window.ends_at <= now:
        window = Window(0, now + length)
    allowed = window.hits < limit
    if allowed:
        window = Window(window.hits + 1, window.ends_at)
    left = min(length, window.ends_at - now)  # never a rounding error more than a window, which a header would round up
    return window, Quota(limit, length, allowed, limit - window.hits, left)
