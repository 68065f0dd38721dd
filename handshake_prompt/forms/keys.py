"""Keys of nested values: segments joined by a slash, escaped as in RFC 6901 (JSON Pointer).

`home/street` is the member `street` of the member `home`; `lines/r3/amount` a cell of the row `r3`. A slash within a
name is written `~1`, a tilde `~0`.
"""

from __future__ import annotations

LEVELS = 16
"""Of groups around a field: no JSON within the limits nests deeper, and each costs a look at every key."""


def escaped(name: str) -> str:
    """Return the segment of a member's name."""
    return name.replace("~", "~0").replace("/", "~1")


def unescaped(segment: str) -> str:
    """Return the member's name of a segment."""
    return segment.replace("~1", "/").replace("~0", "~")


def joined(*keys: str) -> str:
    """Return keys one within the other as one key; empty ones are left out."""
    return "/".join(filter(None, keys))


def names(key: str) -> tuple[str, ...]:
    """Return the members' names on the way to a nested value."""
    return tuple(map(unescaped, key.split("/")))
