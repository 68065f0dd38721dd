"""Hybrid logical clock of all workers: that of the server, never set back.

Each reply of a script brings the time. Between two replies the worker's own clock counts on, and with the next call the
worker tells the server the time it has reached: the script takes the later of that and the server's clock. So the time
of all workers goes on where the server's clock is set back, or a failover leads to a server with a clock behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from handshake_prompt.protocol.errors import StoreUnavailableError

TOLERANCE = 1.0
"""Seconds by which a worker understates the time it has reached: clocks of nodes differ by milliseconds, and drift."""


class ServerClock:
    """Estimates the server's time from its replies: each is a lower bound, and the highest one counts.

    Args:
        monotonic: seconds that only go forward.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        self._offset: float | None = None
        """The server's time less ours."""

    @property
    def is_known(self) -> bool:
        """Whether there was a reply yet."""
        return self._offset is not None

    @property
    def time_reached(self) -> float:
        """The time to tell the server; 0 before the first reply."""
        return 0.0 if self._offset is None else self.now() - TOLERANCE

    def now(self) -> float:
        """Return the server's time, in seconds.

        Raises:
            StoreUnavailableError: there was no reply yet.
        """
        if self._offset is None:
            raise StoreUnavailableError
        return self.monotonic() + self._offset

    def observe_time(self, server_time: float) -> None:
        """Take the server's time from a reply that has just come."""
        offset = server_time - self.monotonic()
        self._offset = offset if self._offset is None else max(self._offset, offset)
