"""Turn: one transition of a session under way."""

from __future__ import annotations

import msgspec

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.events import Event


class Turn(msgspec.Struct, frozen=True):
    """One transition under way: its author, its time, and the events it has made so far."""

    author: Role
    now: float
    """Wall-clock time, seconds since the epoch; for display only, never for a deadline."""
    source: str | None = None
    pace: float = 0.0
    events: list[Event] = msgspec.field(default_factory=list)
    parts: dict[str, dict[str, None]] = msgspec.field(default_factory=dict)
    """Key of a row -> keys of the cells and lists in it, in order; built when a change of rows first needs it."""
