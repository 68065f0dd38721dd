"""Fixed-window counters in memory, bounded in number."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from handshake_prompt.protocol import rate_limit
from handshake_prompt.protocol.rate_limit import Quota, Window

COUNTERS = 200_000
"""Running windows kept at most; the oldest make room. Each is one address or session that was active this minute."""
DROPPED_AT_ONCE = 100
"""Windows dropped by one request at most: a few microseconds."""


class Counters:
    """Windows by the name of their counter.

    They stay in the order in which they began, so expired windows are at the front. Each new window drops some of them.

    Args:
        capacity: windows kept at most.
    """

    def __init__(self, capacity: int = COUNTERS) -> None:
        self._capacity = capacity
        self._windows: OrderedDict[str, Window] = OrderedDict()

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._windows))

    def count_request(self, name: str, now: float, *, limit: int, length: float) -> Quota:
        """Count one request, as `rate_limit.hit` does."""
        before = self._windows.get(name)
        after, quota = rate_limit.hit(before, now, limit=limit, length=length)
        self._windows[name] = after
        if before is None or after.ends_at != before.ends_at:
            self._windows.move_to_end(name)
            self._drop_windows(now)
        return quota

    def _drop_windows(self, now: float) -> None:
        """Drop windows that are over, and the oldest if there are too many."""
        for _ in range(DROPPED_AT_ONCE):
            oldest = next(iter(self._windows))
            if self._windows[oldest].ends_at > now and len(self._windows) <= self._capacity:
                return
            del self._windows[oldest]
