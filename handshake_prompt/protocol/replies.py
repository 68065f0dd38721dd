"""Reply of an operation, before any transport renders it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from .packing import to_json
from .rate_limit import Quota


class Reply:
    """An answer that is no error: unpacks as `payload, status`.

    `content` is the payload as it is encoded, `quota` feeds the rate headers, `replayed` marks the stored reply of an
    idempotency key, `user_token` is the person's new credential, for the transport to set as a cookie, and `etag` names
    the state that the payload shows.
    """

    __slots__ = ("content", "etag", "quota", "replayed", "status", "user_token")

    def __init__(
        self,
        content: Mapping[str, object],
        *,
        status: int = 200,
        quota: Quota | None = None,
        replayed: bool = False,
        user_token: str | None = None,
        etag: str | None = None,
    ) -> None:
        self.content: Mapping[str, Any] = content
        self.status = status
        self.quota = quota
        self.replayed = replayed
        self.user_token = user_token
        self.etag = etag

    @property
    def payload(self) -> dict[str, Any]:
        """The members of the answer as plain values, which are the caller's own."""
        plain: dict[str, Any] = msgspec.json.decode(to_json(self.content))
        return plain

    def __iter__(self) -> Iterator[Any]:
        return iter((self.payload, self.status))

    def __getitem__(self, place: int) -> Any:
        return (self.payload, self.status)[place]

    def __repr__(self) -> str:
        return f"<Reply {self.status} {sorted(self.content)}>"
