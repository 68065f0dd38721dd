"""Batch of actions as the JSON body of a write."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def actions_of(values: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return actions that set the given values; a list is taken for actions already."""
    if not isinstance(values, Mapping):
        return list(values)
    return [{"type": "set", "key": key, "value": value} for key, value in values.items()]


def given_members(**members: Any) -> dict[str, Any]:
    """Return the members that are not None."""
    return {name: member for name, member in members.items() if member is not None}


def json_body(members: Mapping[str, Any]) -> bytes:
    """Return members as JSON.

    Raises:
        ValueError, TypeError: JSON cannot express them.
    """
    try:
        return json.dumps(members, allow_nan=False).encode()
    except RecursionError:
        raise ValueError("The values are nested too deeply") from None
