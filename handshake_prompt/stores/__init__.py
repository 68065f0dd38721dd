"""Where sessions live."""

from handshake_prompt.protocol.limits import Limits

from .base import (
    PLAIN_VISIT,
    PRESENCE_SECONDS,
    Claim,
    Followers,
    Loaded,
    Log,
    Receipt,
    Record,
    SessionStore,
    Visit,
    Wake,
    owner_digest,
)
from .memory import MemoryStore

__all__ = [
    "PLAIN_VISIT",
    "PRESENCE_SECONDS",
    "Claim",
    "Followers",
    "Loaded",
    "Log",
    "MemoryStore",
    "Receipt",
    "Record",
    "SessionStore",
    "Visit",
    "Wake",
    "open_store",
    "owner_digest",
]


REDIS_SCHEMES = ("redis", "rediss", "unix")
"""What comes before a `+` in the scheme of a URL that names a Redis."""


def open_store(url: str, limits: Limits | None = None) -> SessionStore:
    """Open the store a URL names.

    It is `memory://`, `sqlite:///relative.db`, `sqlite:////absolute.db`, `redis://host:port/db`, or one of the further
    forms that `RedisStore` takes. Nothing is sent to a Redis yet.

    Raises:
        ValueError: the URL names no store this package has, or one that cannot be used; the message says why.
        StoreUnavailableError: the file cannot be used just now.
    """
    scheme = url.partition("://")[0]
    if url == "memory://":
        return MemoryStore(limits)
    # Imported where they are asked for: who keeps sessions in memory has no need to load, or to install, the others.
    if scheme == "sqlite":
        from .sqlite import SQLiteStore  # noqa: PLC0415

        return SQLiteStore.from_url(url, limits)
    if scheme.partition("+")[0] in REDIS_SCHEMES:
        try:
            from .redis import RedisStore  # noqa: PLC0415
        except ModuleNotFoundError as error:
            if error.name != "redis":
                raise
            raise ValueError("Redis needs one more package: pip install 'handshake-prompt[redis]'") from None
        return RedisStore(url, limits=limits)
    raise ValueError(
        f"No store for {scheme!r} URLs. Use memory://, sqlite:///file.db or redis://host:6379/0, "
        "or give a SessionStore object."
    )
