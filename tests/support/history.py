"""What one run did to one session, as everybody involved saw it: the material that `checker` judges.

All times are seconds on the test process's monotonic clock. The log has to be whole, so servers under such a test keep
more of it than they would by default (`tests.support.workers.ROOMY`).
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from handshake_prompt.protocol.events import Cursor

Members = dict[str, Any]
"""A JSON object."""

WRITES = ("act", "edit", "release", "extend")
READS = ("context", "diff")


class Outcome(StrEnum):
    """What a client knows of an operation of its own once it is over."""

    OK = "ok"
    REFUSED = "refused"
    """The server said no, so it must not have had an effect."""
    UNKNOWN = "unknown"
    """Cut off, timed out, or a 5xx: it may have happened, once, or not at all."""


@dataclass(slots=True, eq=False)
class Operation:
    """One attempt of a client at something. Without an end it is one whose outcome nobody was told."""

    client: str
    kind: str
    role: str
    asked: Members
    """The body; for a `diff` its `since`."""
    start: float
    end: float = math.inf
    outcome: Outcome = Outcome.UNKNOWN
    status: int = 0
    reply: Members = field(default_factory=dict)
    key: str | None = None
    """The idempotency key: attempts that share one are one request."""
    connection: int | None = None
    """The number of the WebSocket it was sent on, if it was."""
    waited: float = 0.0
    """Seconds until the client knew, or gave up."""

    def succeed(self, reply: Members) -> None:
        """Note that it was answered as asked."""
        self._conclude(Outcome.OK, 200)
        self.reply = reply

    def fail(self, status: int, reply: Members) -> None:
        """Note that it was answered with an error; what a 5xx did is not known."""
        self._conclude(Outcome.UNKNOWN if status >= 500 else Outcome.REFUSED, status)
        self.reply = reply
        if self.outcome is Outcome.UNKNOWN:
            self.end = math.inf

    def lose(self) -> None:
        """Note that no answer came."""
        self.waited = time.monotonic() - self.start

    def _conclude(self, outcome: Outcome, status: int) -> None:
        self.outcome, self.status, self.end = outcome, status, time.monotonic()
        self.waited = self.end - self.start


@dataclass(slots=True)
class Connection:
    """One WebSocket of a watcher, from its `connected` to its close."""

    number: int
    worker: str
    asked: str | None
    """The cursor it asked to resume from."""
    frames: list[Members] = field(default_factory=list)
    code: int | None = None

    @property
    def admitted(self) -> bool:
        """Whether it was let in."""
        return bool(self.frames) and self.frames[0]["type"] == "connected"

    @property
    def cursor(self) -> str | None:
        """The last cursor it was sent, or the one it asked for if it got none."""
        cursors = (frame["cursor"] for frame in reversed(self.frames) if "cursor" in frame)
        return next(cursors, self.asked)


@dataclass(slots=True)
class FrameQueue:
    """One watcher's connections, each resumed from where the one before left off."""

    name: str
    role: str
    connections: list[Connection] = field(default_factory=list)


@dataclass(slots=True)
class History:
    """One session's run."""

    session_id: str
    epoch: str
    opened: float
    """When it was asked for."""
    lifetime: int
    """Seconds it was given then."""
    initial: Members
    """The context before anything was done."""
    operations: list[Operation] = field(default_factory=list)
    watchers: list[FrameQueue] = field(default_factory=list)
    log: list[Members] = field(default_factory=list)
    """All logged frames, as the person is shown them."""
    final: Members = field(default_factory=dict)
    """The context once everything was done."""
    settled: float = 0.0
    """When that was answered."""

    def begin(self, client: str, kind: str, asked: Members, *, role: str, **marks: Any) -> Operation:
        """Record that a client begins an operation; `marks` are its idempotency key or its connection."""
        operation = Operation(client, kind, role, asked, time.monotonic(), **marks)
        self.operations.append(operation)
        return operation

    def count(self, kind: str, outcome: Outcome = Outcome.OK) -> int:
        """Return how many operations of a kind ended in an outcome."""
        return sum(operation.kind == kind and operation.outcome is outcome for operation in self.operations)


def place(cursor: str) -> Cursor:
    """Return the place in a log that a cursor of this server stands for.

    Raises:
        ValueError: it is no cursor.
    """
    parsed = Cursor.parse(cursor)
    if parsed is None:
        raise ValueError(f"{cursor!r} is no cursor")
    return parsed
