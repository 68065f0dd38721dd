"""Requests with their headers indexed by name."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
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


def connection_of(request: object) -> HTTPConnection[Any]:
    """Return the request of any ASGI framework as Starlette's: they all keep the scope.

    Raises:
        TypeError: it is none, or came through WSGI.
    """
    if isinstance(request, HTTPConnection):
        return request
    scope = getattr(request, "scope", None)
    if isinstance(scope, MutableMapping) and "headers" in scope:
        return HTTPConnection(scope)
    if hasattr(request, "environ"):
        raise TypeError(
            "This request came through WSGI, where the protocol is not served. Run the ASGI application, such as "
            "`uvicorn project.asgi:app`; for `manage.py runserver` put 'daphne' first in INSTALLED_APPS."
        )
    raise TypeError(f"Expected the request of an ASGI framework, not {type(request).__name__}")


def first_headers(connection: HTTPConnection[Any]) -> Mapping[bytes, bytes]:
    """Return the first header of each name, in lower case."""
    return connection.first if isinstance(connection, IndexedRequest) else _first(connection.scope)


def client_address(scope: Scope) -> str:
    """Return the address of the client as the server tells it, empty if it knows none."""
    client = scope.get("client")
    return client[0] if client else ""


def is_hidden(connection: HTTPConnection[Any]) -> bool:
    """Whether a page that connects says that it is not in view."""
    return connection.query_params.get("visible") == "false"


def is_secure(connection: HTTPConnection[Any]) -> bool:
    """Whether the client speaks TLS, as far as the server was told."""
    return connection.scope.get("scheme") in _SECURE_SCHEMES


def _first(scope: Scope) -> Mapping[bytes, bytes]:
    return dict(reversed(list(scope["headers"])))
