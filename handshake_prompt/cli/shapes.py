"""Members of a reply that may be of any shape, since the server may be an old or a hostile one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def as_list(value: object) -> list[Any]:
    """Return a list, empty if the value is none."""
    return value if isinstance(value, list) else []


def mappings(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of a list."""
    return [one for one in as_list(value) if isinstance(one, Mapping)]


def keys(value: object) -> Iterator[str]:
    """Yield the entries of a list as text."""
    return map(str, as_list(value))
