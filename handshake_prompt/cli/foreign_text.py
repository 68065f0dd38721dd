"""Foreign text in lines of ours: values, keys, names and words of a server, quoted or of a known set.

A quoted text is JSON on one line, in which nothing is invisible or acts on a terminal. An agent that reads the output
can so tell data from the words of the command.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from handshake_prompt.texts.quoting import quote, visible

from .terminal import Cell

NOTHING = "–"
FOREVER = 10**9
"""Seconds that no session lives."""
_PLAIN = re.compile(r"[A-Za-z0-9_]{1,32}(?:[./-][A-Za-z0-9_]{1,32}){0,5}", re.ASCII)

AUTHORS = {
    "ai": Cell("agent", "agent"),
    "user": Cell("person", "person"),
    "user_edit": Cell("person (edited)", "person"),
    "default": Cell("default", "faint"),
    "empty": Cell(NOTHING, "faint"),
}
"""`by` on the wire -> the author of a value."""


def value_text(value: Any) -> str:
    """Return a field's value as JSON."""
    return NOTHING if value is None else quote(value)


def name_text(name: object) -> str:
    """Return the name of a field, a type or a mode: as it is if it is a plain identifier, else quoted."""
    return name if isinstance(name, str) and _PLAIN.fullmatch(name) else quote(name)


def author(by: object) -> Cell:
    """Return the author of a value."""
    if by is None:
        return Cell(NOTHING)
    return (AUTHORS.get(by) if isinstance(by, str) else None) or Cell(quote(by))


def clock(at: object) -> str:
    """Return the local time of day of an instant of the wire."""
    if at is None:
        return NOTHING
    try:
        return f"{datetime.fromisoformat(str(at)).astimezone():%H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return quote(at)


def duration(seconds: object) -> str:
    """Return a length of time in hours and minutes, or in seconds where it is short."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < FOREVER:
        return NOTHING
    hours, minutes = divmod(int(seconds) // 60, 60)
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"


def shell_word(text: object) -> str:
    """Return text as one word of a shell's command line, in which nothing is expanded or run."""
    return "'" + visible(str(text)).replace("'", "'\"'\"'") + "'"
