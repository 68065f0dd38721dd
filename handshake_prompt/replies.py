"""What an operation answers, before any transport renders it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from .rate_limit import Quota


class Reply(tuple[dict[str, Any], int]):  # noqa: SLOT001 - a tuple subclass cannot have slots of its own
    """An answer that is no error: unpacks as `payload, status`.

    `quota` feeds the rate headers, `replayed` marks the stored reply of an idempotency key, `user_token` is the
    person's new credential, for whoever sets the cookie, and `etag` names the state that the payload shows.
    """

    quota: Quota | None
    replayed: bool
    user_token: str | None
    etag: str | None

    def __new__(
        cls,
        payload: Mapping[str, Any],
        *,
        status: int = 200,
        quota: Quota | None = None,
        replayed: bool = False,
        user_token: str | None = None,
        etag: str | None = None,
    ) -> Self:
        reply = super().__new__(cls, (dict(payload), status))
        reply.quota, reply.replayed, reply.user_token, reply.etag = quota, replayed, user_token, etag
        return reply

    def __repr__(self) -> str:
        return f"<Reply {self[1]} {sorted(self[0])}>"
