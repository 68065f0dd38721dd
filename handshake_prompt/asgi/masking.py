"""Masking of the credentials in a connection's scope, from the moment it reaches the application.

Error trackers record the locals of every frame of a traceback. A request or a scope among them brings all headers
along.
"""

from __future__ import annotations

from starlette.types import Scope

from handshake_prompt.texts.secret import Secret, SecretBytes

from .redaction import redact

HEADERS = frozenset(
    {
        b"authorization",
        b"cookie",
        b"idempotency-key",  # of an exchange: a part of what its token is made of
        b"sec-websocket-protocol",
        b"x-handshake-token",
        b"x-handshake-user-token",
    }
)
"""Headers that can hold a credential."""


_PICKUP = "/pickup/"
"""In paths that hold the code of a pickup."""


class _Redacted(bytes):
    """A query string, or a path as it was sent, without its credentials in the repr."""

    def __repr__(self) -> str:
        return repr(redact(self.decode("latin-1")).encode("latin-1"))


class _RedactedPath(str):
    """A path without its credentials in the repr."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(redact(str(self)))


def masked(scope: Scope) -> Scope:
    """Mask the credentials in a scope, and return it. Their values stay as they are."""
    scope["headers"] = [
        (header[0], SecretBytes(header[1])) if header[0] in HEADERS else header for header in scope["headers"]
    ]
    if query := scope.get("query_string"):
        scope["query_string"] = _Redacted(query)
    if _PICKUP in scope.get("path", ""):
        scope["path"] = _RedactedPath(scope["path"])
        scope["raw_path"] = _Redacted(scope.get("raw_path") or b"")
    if subprotocols := scope.get("subprotocols"):
        scope["subprotocols"] = [Secret(name) if name.startswith("hpp.") else name for name in subprotocols]
    return scope
