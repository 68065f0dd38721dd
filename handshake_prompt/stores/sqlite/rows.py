"""Types of the rows that queries return."""

from __future__ import annotations

from .history import Usage
from .typed_rows import Cells


class LoadedRow(Cells):
    """The columns of a session that a read needs."""

    id: int
    version: int
    expires_at: float
    purge_at: float
    packed: bytes
    log_events: int


class TimesRow(Cells):
    """The columns of a session that a touch needs."""

    id: int
    expires_at: float
    purge_at: float


class NameRow(Cells):
    """A session's name."""

    name: str


class PresenceRow(Cells):
    """A worker's lease on its number of watchers."""

    worker: str
    watchers: int


class CounterRow(Cells):
    """A window."""

    hits: int
    ends_at: float


class WorldRow(Cells):
    """Number of sessions."""

    sessions: int


class SavedRow(Cells):
    """The columns of a session that a save depends on."""

    id: int
    version: int
    expires_at: float
    purge_at: float
    log_events: int
    log_bytes: int
    receipt_bytes: int

    @property
    def usage(self) -> Usage:
        """Size of the session's history."""
        return Usage(self.log_events, self.log_bytes, self.receipt_bytes)
