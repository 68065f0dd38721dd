"""Origin policy: the pages that may act for the person, and their CORS headers. SPEC.md section 3."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection

from handshake_prompt.texts.quoting import quote

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

_TOLD = 8
"""Foreign origins that the log names: a page may be opened from any number of them."""
_SHOWN = 200
"""Characters of an address in the log, which a client writes."""
_Site = tuple[str, str, int]
"""Scheme, host and port."""
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?")

logger = logging.getLogger("handshake_prompt")


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
        self._told: set[str] = set()

    def is_foreign(self, connection: HTTPConnection[Any]) -> bool:
        """Whether a request comes from a page on an origin that may not act for the person; the log says so once.

        A request without an Origin header comes from no page of another origin. Hosts have to be equal. A page on
        https is let in by a server that believes it speaks plain http: a proxy may have ended the TLS.
        """
        origin = connection.headers.get("origin")
        if origin is None or origin in self._allowed:
            return False
        page = _site(origin)
        if self._public_url is not None and page == _site(self._public_url):
            return False
        address = f"{'https' if is_secure(connection) else 'http'}://{connection.headers.get('host', '')}"
        if _is_same(page, _site(address)):
            return False
        self._tell(origin[:_SHOWN], address[:_SHOWN])
        return True

    def _tell(self, origin: str, address: str) -> None:
        if origin in self._told or len(self._told) == _TOLD:
            return
        self._told.add(origin)
        logger.warning(
            "A page of the origin %s may not act for its person: the server takes itself for %s. If the page is the "
            "server's own, let the proxy in front pass on Host and X-Forwarded-Proto, or set public_url. If it is on "
            "another site, add its origin to allowed_origins.",
            quote(origin),
            quote(address),
        )

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


def _is_same(page: _Site | None, own: _Site | None) -> bool:
    """Whether a page is one of the server's own, of which only a proxy may know that it is on https."""
    if page is None or own is None:
        return False
    upgraded = page[0] == "https" and own[0] == "http" and (own[2] == page[2] or (own[2], page[2]) == (80, 443))
    return page == own or (page[1] == own[1] and upgraded)


def _site(url: str) -> _Site | None:
    """Return scheme, host and port; None for a text that is no origin, such as `null`."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname and port else None
