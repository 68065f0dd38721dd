"""The server's time without asking for it: every answer tells it, and this process's own clock goes on from there."""

from __future__ import annotations

import time
from collections.abc import Callable

from handshake_prompt.protocol.errors import StoreUnavailableError


class ServerClock:
    """Follows a clock that is heard of now and then.

    Args:
        monotonic: seconds that only go forward.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        self._ahead: float | None = None
        """The server's time less ours."""

    def now(self) -> float:
        """Return the server's time, in seconds.

        Raises:
            StoreUnavailableError: nothing was heard of it yet.
        """
        if self._ahead is None:
            raise StoreUnavailableError
        return self.monotonic() + self._ahead

    def learn(self, told: float, *, asked: float) -> None:
        """Take note of the server's time in an answer that has just come to a question of `asked`, on our clock.

        The server said it at some moment in between, so it is known within bounds. What was known before is kept where
        it is within them: an answer that was long on its way says less than an earlier one that was not.
        """
        least, most = told - self.monotonic(), told - asked
        self._ahead = least if self._ahead is None else min(max(self._ahead, least), most)
