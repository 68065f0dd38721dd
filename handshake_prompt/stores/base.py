"""What a store is: versioned records with their event logs, and counters. It knows no fields, modes or roles.

A store owns the clock that its records expire by (`now`), since several processes may share it. All methods raise
`StoreUnavailableError` when the store cannot be reached, and nothing else that is not named.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from handshake_prompt.events import Event
from handshake_prompt.rate_limit import Quota
from handshake_prompt.session import Session


@dataclass(slots=True)
class Record:
    """A session as it is kept.

    `version` counts saves; a save names the version it started from. The session is shared: never change it, work on
    a checkout. `expires_at` is when it stops being of use, `purge_at` when it may be forgotten; both are on the
    store's clock, and both move with `touch`, which is not a save.
    """

    session: Session
    version: int
    expires_at: float
    purge_at: float


class Receipt(NamedTuple):
    """The outcome of a request under its idempotency key, saved with the change itself."""

    key: str
    fingerprint: str
    """Digest of the request's body: the same key with another body is a mistake."""
    reply: bytes
    lifetime: float


class Log(NamedTuple):
    """The part of a session's log after some place, in order. `complete` is False if some of it is no longer kept."""

    events: Sequence[Event]
    complete: bool


class SessionStore(ABC):
    """Where sessions live."""

    @abstractmethod
    def now(self) -> float:
        """Return the time on the clock that records expire by, in seconds."""

    @abstractmethod
    async def create(self, record: Record) -> None:
        """Keep a new record.

        Raises:
            UnavailableError: the store is full.
        """

    @abstractmethod
    async def load(self, session_id: str) -> Record | None:
        """Return a record, also one past `expires_at` and not yet purged; None if there is none."""

    @abstractmethod
    async def save(self, record: Record, *, events: Sequence[Event] = (), receipt: Receipt | None = None) -> None:
        """Replace a record, append to its log and keep the receipt: all of it or nothing.

        `record.version` is the version that was loaded; it is raised by one. The record of a session that has ended
        loses its log and its receipts.

        Raises:
            VersionConflictError: somebody else saved it first, or it is gone.
        """

    @abstractmethod
    async def touch(self, session_id: str, *, expires_at: float, purge_at: float) -> None:
        """Move the times of a record forward without counting as a change.

        A caller may know less than the store: times never move back, and a record that has ended, or is unknown, is
        left alone.
        """

    @abstractmethod
    async def events_after(self, session_id: str, seq: int) -> Log:
        """Return what the log holds after `seq`."""

    @abstractmethod
    async def receipt(self, session_id: str, key: str) -> Receipt | None:
        """Return the receipt kept under an idempotency key."""

    @abstractmethod
    async def hit(self, counter: str, *, limit: int, window: float) -> Quota:
        """Count one request on a named counter, as `rate_limit.hit` does."""

    async def aclose(self) -> None:  # noqa: B027 - a store may have nothing to let go of
        """Let go of what the store opened. Safe to call twice, and while late callers are still about."""
