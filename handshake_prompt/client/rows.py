"""Actions that add, remove and move rows, and the outcome of one on a server without rows. SPEC.md section 4."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from .errors import RefusedError

LAST = msgspec.UNSET
"""The place behind all other rows."""
Place = str | None | msgspec.UnsetType
"""A place among the rows of a list: behind the row of an id, first (None), or `LAST`."""

_UNSUPPORTED = "unsupported_action"


def adding(key: str, value: Mapping[str, Any] | None, after: Place) -> dict[str, Any]:
    """Return the action that adds a row to the list of a key."""
    values = {} if value is None else {"value": value}
    return {"type": "add", "key": key, **values, **_at(after)}


def removing(row_key: str) -> dict[str, Any]:
    """Return the action that removes a row."""
    return {"type": "remove", "key": row_key}


def moving(row_key: str, after: Place) -> dict[str, Any]:
    """Return the action that moves a row."""
    return {"type": "move", "key": row_key, **_at(after)}


def with_rows(reply: dict[str, Any]) -> dict[str, Any]:
    """Return the reply to one such action, unless it comes from a server that has no rows.

    Raises:
        RefusedError: the server, or the mode of the page, knows no rows (`unsupported_action`).
    """
    entries = reply.get("results") or reply["errors"]
    refused = [entry for entry in entries if entry.get("status") != "applied"]
    if any(entry.get("code", _UNSUPPORTED) == _UNSUPPORTED for entry in refused):  # version 0.2 has no codes
        raise RefusedError(
            "This page has no rows to add, remove or move, or its server is too old for them",
            code=_UNSUPPORTED,
            next_steps=["Write the list as the value of its field, if the page has one."],
        )
    return reply


def _at(after: Place) -> dict[str, Any]:
    return {} if after is LAST else {"after": after}
