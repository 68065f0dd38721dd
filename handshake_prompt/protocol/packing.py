"""Compact form of JSON values at rest, and the JSON encoder that knows it.

Parsed JSON may take twenty times its text in memory: an empty list is two bytes on the wire and 64 here. So a value
that lives as long as a session is kept as text wherever that is smaller. A value in use is plain.
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from handshake_prompt.texts.secret import Secret

_CONTAINERS = frozenset({list, dict})
_UNPACKED_BYTES = 64
"""Text up to this size stays plain: there is nothing to gain."""


class Packed:
    """A list, an object or a long text as its JSON. Immutable; equal to one of the same JSON.

    Args:
        json: the value as JSON.
        parts: the number of values in it, itself included.
    """

    __slots__ = ("json", "parts")

    def __init__(self, json: bytes, parts: int = 1) -> None:
        self.json = json
        self.parts = parts

    def __eq__(self, other: object) -> bool:
        return self.json == other.json if isinstance(other, Packed) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.json)

    def __repr__(self) -> str:
        return f"<Packed {len(self.json)} bytes>"


def pack(value: Any) -> tuple[Any, int]:
    """Return a value in its form at rest, and the bytes of its JSON.

    An empty list or object stays plain, so it still compares as empty.
    """
    raw = to_json(value)
    size = len(raw)
    kind = type(value)
    if kind is str:
        is_wide = size > _UNPACKED_BYTES and not value.isascii() and sys.getsizeof(value) > 2 * size
        return (Packed(raw) if is_wide else value), size
    if kind in _CONTAINERS and value:
        return Packed(raw, count_parts(value)), size
    return value, size


def unpack(kept: Any) -> Any:
    """Return the plain value of a kept one: a fresh copy where it is packed."""
    return msgspec.json.decode(kept.json) if type(kept) is Packed else kept


def parts_of(kept: Any) -> int:
    """Return the number of values in a kept one, itself included."""
    return kept.parts if type(kept) is Packed else 1


def count_parts(value: Any) -> int:
    """Return the number of JSON values in one: itself, the entries of lists and the members of objects."""
    count, level = 1, [value] if type(value) in _CONTAINERS else []
    while level:
        children: list[Any] = []
        for part in level:
            children += part.values() if type(part) is dict else part
        count += len(children)
        level = [child for child in children if type(child) in _CONTAINERS]
    return count


def _expand(value: object) -> object:
    if type(value) is Packed:
        return msgspec.Raw(value.json)
    if type(value) is Secret:
        return str(value)
    raise TypeError(f"JSON cannot express {type(value).__name__}")


to_json = msgspec.json.Encoder(enc_hook=_expand).encode
"""Return a value as JSON in UTF-8; kept values in it may be packed.

Raises:
    TypeError, ValueError: JSON cannot express it.
"""


def kept_meta(meta: object) -> Any:
    """Return the notes on a session, an object, as they are kept.

    Raises:
        TypeError: JSON cannot express it; the message names a value that it can.
    """
    try:
        if isinstance(meta, dict):
            return pack(meta)[0]
    except (TypeError, ValueError, RecursionError):
        pass
    raise TypeError("meta is a dict of JSON values: give texts, numbers, or lists and dicts of these") from None
