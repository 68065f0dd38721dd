"""Credentials of a connection's scope behind masked reprs, from the moment it reaches the application.

Error trackers record the locals of every frame of a traceback. A request or a scope among them brings all headers
along.
"""

from __future__ import annotations

from starlette.types import Scope

from handshake_prompt.protocol.secret import Secret, SecretBytes

from .redaction import redact

HEADERS = frozenset(
    {
        b"authorization",
        b"cookie",
        b"sec-websocket-protocol",
        b"x-handshake-token",
        b"x-handshake-user-token",
    }
)
"""Headers that can hold a credential."""


def masked(scope: Scope) -> Scope:
    """Return a scope with its credentials masked; the values are what they were. The scope given is changed."""
    scope["headers"] = [(name, SecretBytes(value) if name in HEADERS else value) for name, value in scope["headers"]]
    query = scope.get("query_string", b"")
    if b"token" in query or b"%" in query:
        scope["query_string"] = _query(query)
    if subprotocols := scope.get("subprotocols"):
        scope["subprotocols"] = [Secret(name) if name.startswith("hpp.") else name for name in subprotocols]
    return scope


def _query(query: bytes) -> bytes:
    text = query.decode("latin-1")
    shown = redact(text)
    return query if shown == text else SecretBytes(query, shown.encode("latin-1"))
