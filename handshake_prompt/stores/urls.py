"""URLs of stores."""

from __future__ import annotations

from handshake_prompt.protocol.limits import Limits

from .base import SessionStore
from .memory import MemoryStore

REDIS_SCHEMES = ("redis", "rediss", "unix")
"""The part before a `+` in the scheme of a Redis URL."""


def open_store(url: str, limits: Limits | None = None) -> SessionStore:
    """Open the store of a URL.

    It is `memory://`, `sqlite:///relative.db`, `sqlite:////absolute.db`, `redis://host:port/db`, or one of the further
    forms that `RedisStore` takes. Nothing is sent to a Redis yet.

    Raises:
        ValueError: no store of this package has this URL, or it cannot be used; the message says why.
        StoreUnavailableError: the file cannot be used just now.
    """
    scheme = url.partition("://")[0]
    if url == "memory://":
        return MemoryStore(limits)
    # Imported on demand: sessions in memory need neither of the other stores loaded or installed.
    if scheme == "sqlite":
        from .sqlite import SQLiteStore  # noqa: PLC0415

        return SQLiteStore.from_url(url, limits)
    if scheme.partition("+")[0] in REDIS_SCHEMES:
        try:
            from .redis import RedisStore  # noqa: PLC0415
        except ModuleNotFoundError as error:
            if error.name != "redis":
                raise
            raise ValueError("Redis needs one more package: pip install 'redis>=8.0'") from None
        return RedisStore(url, limits=limits)
    raise ValueError(
        f"No store for {scheme!r} URLs. Use memory://, sqlite:///file.db or redis://host:6379/0, "
        "or give a SessionStore object."
    )
