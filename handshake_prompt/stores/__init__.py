"""Where sessions live."""

from handshake_prompt.limits import Limits

from .base import PRESENCE_SECONDS, Claim, Followers, Loaded, Log, Receipt, Record, SessionStore, Wake, owner_digest
from .memory import MemoryStore

__all__ = [
    "PRESENCE_SECONDS",
    "Claim",
    "Followers",
    "Loaded",
    "Log",
    "MemoryStore",
    "Receipt",
    "Record",
    "SessionStore",
    "Wake",
    "open_store",
    "owner_digest",
]


def open_store(url: str, limits: Limits | None = None) -> SessionStore:
    """Open the store a URL names: `memory://`.

    Raises:
        ValueError: the URL names no store this package has.
    """
    if url == "memory://":
        return MemoryStore(limits)
    raise ValueError(
        f"No store for {url.split('://', maxsplit=1)[0]!r} URLs. Use memory://, or give a SessionStore object."
    )
