"""Actions that add, remove and move rows. SPEC.md section 4."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

LAST = msgspec.UNSET
"""The place behind all other rows."""
Place = str | None | msgspec.UnsetType
"""A place among the rows of a list: behind the row of an id, first (None), or `LAST`."""


def add_action(key: str, value: Mapping[str, Any] | None, after: Place) -> dict[str, Any]:
    """Return the action that adds a row to the list of a key."""
    values = {} if value is None else {"value": value}
    return {"type": "add", "key": key, **values, **_place_member(after)}


def remove_action(row_key: str) -> dict[str, Any]:
    """Return the action that removes a row."""
    return {"type": "remove", "key": row_key}


def move_action(row_key: str, after: Place) -> dict[str, Any]:
    """Return the action that moves a row."""
    return {"type": "move", "key": row_key, **_place_member(after)}


def _place_member(after: Place) -> dict[str, Any]:
    return {} if after is LAST else {"after": after}
