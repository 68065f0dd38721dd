"""Requests with their headers indexed by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.types import Receive, Scope

_SECURE_SCHEMES = ("https", "wss")


class IndexedRequest(Request):
    """A request with an index of its headers: `first` maps a lower-case name to its first value, both as bytes.

    Starlette's `headers` searches the whole list at each look-up.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        super().__init__(scope, receive)
        self.first = _first(scope)

    def all(self, name: bytes) -> bytes:
        """Return the headers of a name as one list (RFC 9110, section 5.3)."""
        return b", ".join([value for header, value in self.scope["headers"] if header == name])

    def keep(self, body: bytes) -> None:
        """Let the host's hooks read the body again, with any of Starlette's methods."""
        self._body = body


def first_headers(connection: HTTPConnection[Any]) -> Mapping[bytes, bytes]:
    """Return the first header of each name, in lower case."""
    return connection.first if isinstance(connection, IndexedRequest) else _first(connection.scope)


def is_secure(connection: HTTPConnection[Any]) -> bool:
    """Whether the client speaks TLS, as far as the server was told."""
    return connection.scope.get("scheme") in _SECURE_SCHEMES


def _first(scope: Scope) -> Mapping[bytes, bytes]:
    return dict(reversed(list(scope["headers"])))
