"""Headers of an agent's requests: identity on all, idempotency key on writes."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from handshake_prompt.texts.prompt import ParsedPrompt
from handshake_prompt.version import __version__

NAME_CHARS = 64
KEY_CHARS = 255


def identity_headers(prompt: ParsedPrompt, name: str | None) -> Mapping[str, str]:
    """Return the headers that identify the agent.

    Raises:
        ValueError: see `introduction_headers`.
    """
    return {"X-Handshake-Token": prompt.token, **introduction_headers(name)}


def introduction_headers(name: str | None) -> Mapping[str, str]:
    """Return the headers by which a client says what it is.

    Raises:
        ValueError: the name is empty, too long or not printable.
    """
    headers = {"User-Agent": f"handshake-prompt/{__version__}"}
    if name is None:
        return headers
    if not name.isprintable() or not 0 < len(name.strip()) <= NAME_CHARS:
        raise ValueError(f"name has to be 1 to {NAME_CHARS} printable characters")
    return headers | {"X-Agent-Name": name.strip()}


def mint_key() -> str:
    """Return an idempotency key that was never used."""
    return secrets.token_urlsafe(16)


def writing_headers(key: str | None = None) -> dict[str, str]:
    """Return the headers of a write, with its idempotency key if the endpoint has them.

    Raises:
        ValueError: the key cannot be one.
    """
    headers = {"Content-Type": "application/json"}
    if key is None:
        return headers
    if not (key.isascii() and key.isprintable() and " " not in key and 0 < len(key) <= KEY_CHARS):
        raise ValueError(f"idempotency_key has to be 1 to {KEY_CHARS} visible ASCII characters")
    return headers | {"Idempotency-Key": key}
