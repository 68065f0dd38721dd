"""Where sessions live."""

from handshake_prompt.limits import Limits

from .base import Log, Receipt, Record, SessionStore
from .memory import MemoryStore

__all__ = ["Log", "MemoryStore", "Receipt", "Record", "SessionStore", "open_store"]


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
