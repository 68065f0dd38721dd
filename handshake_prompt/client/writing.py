"""What a write is made of: its body and its headers."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

KEY_CHARS = 255


def batch(values: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the actions that write some values, or the given ones."""
    if not isinstance(values, Mapping):
        return list(values)
    return [{"type": "set", "key": key, "value": value} for key, value in values.items()]


def json_body(members: Mapping[str, Any]) -> bytes:
    """Return members as JSON.

    Raises:
        ValueError, TypeError: JSON cannot express them.
    """
    try:
        return json.dumps(members, allow_nan=False).encode()
    except RecursionError:
        raise ValueError("The values are nested too deeply") from None


def mint_key() -> str:
    """Return an idempotency key that was never used."""
    return secrets.token_urlsafe(16)


def writing_headers(key: str | None = None) -> dict[str, str]:
    """Return the headers of a write, with an idempotency key where the server heeds one.

    Raises:
        ValueError: the key cannot be one.
    """
    headers = {"Content-Type": "application/json"}
    if key is None:
        return headers
    if not (key.isascii() and key.isprintable() and " " not in key and 0 < len(key) <= KEY_CHARS):
        raise ValueError(f"idempotency_key has to be 1 to {KEY_CHARS} visible ASCII characters")
    return headers | {"Idempotency-Key": key}
