"""Origin policy: the pages that may act for the person, and their CORS headers. SPEC.md section 3."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection

from .requests import is_secure

EXPOSED_HEADERS = ("ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "Idempotency-Replayed")
ALLOWED_HEADERS = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "Last-Event-ID",
    "MCP-Protocol-Version",
    "Mcp-Method",
    "Mcp-Name",
    "X-Agent-Name",
    "X-Handshake-Token",
    "X-Handshake-User-Token",
)

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?")


class OriginPolicy:
    """The server's own origin, and the further ones that the host application allows.

    Args:
        allowed: further origins, each as browsers send it.
        public_url: scheme and host of the server as clients see it, if the host application has named them.

    Raises:
        TypeError: `allowed` is one text, not a collection.
        ValueError: an origin is a pattern, has a path, or is none; `*` would let every page act for the person.
    """

    def __init__(self, allowed: Collection[str], public_url: str | None) -> None:
        if isinstance(allowed, str):
            raise TypeError("allowed_origins is a collection of origins, not one text")
        self._allowed = frozenset(map(_checked, allowed))
        self._public_url = public_url

    def is_foreign(self, connection: HTTPConnection[Any]) -> bool:
        """Whether a request comes from a page on an origin that may not act for the person.

        A request without an Origin header comes from no page of another origin. Hosts have to be equal. A page on
        https is let in by a server that believes it speaks plain http: a proxy may have ended the TLS.
        """
        origin = connection.headers.get("origin")
        if origin is None or origin in self._allowed:
            return False
        page = _site(origin)
        if self._public_url is not None and page == _site(self._public_url):
            return False
        own = _site(f"{'https' if is_secure(connection) else 'http'}://{connection.headers.get('host', '')}")
        if page is None or own is None:
            return True
        upgraded = page[0] == "https" and own[0] == "http" and (own[2] == page[2] or (own[2], page[2]) == (80, 443))
        return page != own and not (page[1] == own[1] and upgraded)

    def cors(self) -> list[Middleware]:
        """Return the middleware that lets the browsers of allowed pages read replies; none without such pages."""
        if not self._allowed:
            return []
        return [
            Middleware(
                CORSMiddleware,
                allow_origins=sorted(self._allowed),
                allow_methods=["GET", "POST", "DELETE"],
                allow_headers=ALLOWED_HEADERS,
                allow_credentials=True,
                expose_headers=EXPOSED_HEADERS,
            )
        ]


def _checked(origin: str) -> str:
    if _site(origin) is None or not _ORIGIN.fullmatch(origin):
        raise ValueError(f"An allowed origin is scheme, host and port, such as https://app.example.com, not {origin!r}")
    return origin


def _site(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port; None for a text that is no origin, such as `null`."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname and port else None
