"""Room of a session: each side, the agent and all others, holds so many bytes, JSON values, and fields or rows."""

from __future__ import annotations

from handshake_prompt.protocol.errors import TooLargeError
from handshake_prompt.protocol.limits import Limits


def check_room(held: tuple[int, int, int], limits: Limits) -> None:
    """Make sure that a side of a session keeps within its room: bytes, JSON values, and fields or rows.

    Raises:
        TooLargeError: it has not (`session_full`).
    """
    if not has_room(held, limits):
        raise session_full(limits)


def has_room(held: tuple[int, int, int], limits: Limits) -> bool:
    """Whether a side of a session keeps within its room."""
    size, parts, values = held
    return size <= limits.session_bytes and parts <= limits.session_parts and values <= limits.values


def session_full(limits: Limits) -> TooLargeError:
    """Return the error of a side of a session that holds too much."""
    return TooLargeError(
        f"In a session each side holds at most {limits.session_bytes} bytes, {limits.session_parts} JSON values in "
        f"all, {limits.values} fields and rows, and rows with room for {limits.row_cells} cells",
        code="session_full",
    )
