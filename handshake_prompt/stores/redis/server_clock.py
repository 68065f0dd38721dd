"""The server's clock, estimated from the time in each of its answers."""

from __future__ import annotations

import time
from collections.abc import Callable

from handshake_prompt.protocol.errors import StoreUnavailableError


class ServerClock:
    """Follows a clock that is heard of now and then (Cristian's algorithm, with bounds).

    Args:
        monotonic: seconds that only go forward.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        self._offset: float | None = None
        """The server's time less ours."""

    def now(self) -> float:
        """Return the server's time, in seconds.

        Raises:
            StoreUnavailableError: there was no answer yet.
        """
        if self._offset is None:
            raise StoreUnavailableError
        return self.monotonic() + self._offset

    def observe(self, server_time: float, *, asked_at: float) -> None:
        """Take the server's time from an answer that has just come to a question of `asked_at`, on our clock.

        The server read its clock at some moment in between, so its offset is known within bounds. The earlier estimate
        is kept where it is within them: a slow answer says less than a prompt one before.
        """
        least, most = server_time - self.monotonic(), server_time - asked_at
        self._offset = least if self._offset is None else min(max(self._offset, least), most)
