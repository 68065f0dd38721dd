"""Capacity of a store: room reserved by urgency, as file systems reserve blocks for root.

New sessions are refused first, so that existing ones can go on, and ordinary writes next, so that the person's still
find room. Reads, ends, and writes that need no more room are never refused.
"""

from __future__ import annotations

from enum import Enum

from handshake_prompt.protocol.errors import UnavailableError

RETRY_AFTER = 30.0
"""Seconds: sessions end all the time, and a sweep takes some."""


class Urgency(Enum):
    """Share of a store's capacity that a write may use."""

    CREATION = 0.9
    ORDINARY = 1.0
    RESERVED = 1.1


def check_room(urgency: Urgency, *, used: int, needed: int, capacity: int) -> None:
    """Refuse a write that needs room where there is none for its urgency.

    Raises:
        UnavailableError: so it is.
    """
    if needed > 0 and used + needed > capacity * urgency.value:
        raise at_capacity()


def at_capacity() -> UnavailableError:
    """Return the error of a full store."""
    return UnavailableError("The server holds as much as it can", code="at_capacity", retry_after=RETRY_AFTER)
