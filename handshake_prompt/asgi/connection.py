"""What a connection tells about its caller: credentials, address, origin, and where we are mounted."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.types import Receive, Scope

from handshake_prompt.protocol.credentials import COOKIE_PREFIX, SECURE_COOKIE_PREFIX, Credential
from handshake_prompt.protocol.messages import Mount

BEARER_SUBPROTOCOL = "hpp.bearer."
USER_SUBPROTOCOL = "hpp.user."
NAME_CHARS = 64

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_SECURE_SCHEMES = ("https", "wss")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?")


class Call(Request):
    """A request whose headers are looked up, not searched for: `first` has the first of each name, both as bytes."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        super().__init__(scope, receive)
        self.first = _first(scope)

    def keep(self, body: bytes) -> None:
        """Let the host's hooks read the body again, with any method of Starlette's that reads one."""
        self._body = body


def first_headers(connection: HTTPConnection[Any]) -> Mapping[bytes, bytes]:
    """Return the first header of each name, which is in lower case."""
    return connection.first if isinstance(connection, Call) else _first(connection.scope)


def is_secure(connection: HTTPConnection[Any]) -> bool:
    """Whether the client speaks TLS, as far as the server was told."""
    return connection.scope.get("scheme") in _SECURE_SCHEMES


def credential_of(
    connection: HTTPConnection[Any], session_id: str, *, allowed_origins: Collection[str], public_url: str | None
) -> Credential:
    """Collect what a request or a WebSocket handshake brings to prove a role.

    The agent's token is looked for in the X-Handshake-Token header, as a bearer token, among the subprotocols and in
    the query, the person's in the X-Handshake-User-Token header, among the subprotocols and in the session's cookie.
    """
    scope = connection.scope
    headers = first_headers(connection)
    token = (
        headers.get(b"x-handshake-token", b"").decode("latin-1")
        or (_bearer(headers[b"authorization"].decode("latin-1")) if b"authorization" in headers else "")
        or ("subprotocols" in scope and _subprotocol(scope, BEARER_SUBPROTOCOL))
        or (scope.get("query_string") and connection.query_params.get("token"))
    )
    user_token = (
        headers.get(b"x-handshake-user-token", b"").decode("latin-1")
        or ("subprotocols" in scope and _subprotocol(scope, USER_SUBPROTOCOL))
        or (b"cookie" in headers and _cookie(connection.cookies, session_id))
    )
    client = scope.get("client")
    return Credential(
        token=token or None,
        user_token=user_token or None,
        address=client[0] if client else "",
        foreign_origin=b"origin" in headers
        and is_foreign(connection, allowed_origins=allowed_origins, public_url=public_url),
        agent_name=agent_name(headers[b"x-agent-name"].decode("latin-1")) if b"x-agent-name" in headers else "",
    )


def agent_name(header: str) -> str:
    """Return what an agent calls itself: at most `NAME_CHARS` characters that can be seen, of UTF-8 or Latin-1."""
    with suppress(UnicodeError):  # then it is Latin-1, as which headers are read
        header = header.encode("latin-1").decode("utf-8")
    return "".join(char for char in header if char.isprintable()).strip()[:NAME_CHARS]


def check_origin(origin: str) -> str:
    """Return `origin` if it is one as browsers send it.

    Raises:
        ValueError: it is a pattern, has a path, or is none; `*` would let every page act for the person.
    """
    site = _site(origin)
    if site is None or not _ORIGIN.fullmatch(origin):
        raise ValueError(f"An allowed origin is scheme, host and port, such as https://app.example.com, not {origin!r}")
    return origin


def is_foreign(connection: HTTPConnection[Any], *, allowed_origins: Collection[str], public_url: str | None) -> bool:
    """Whether a request comes from a page on an origin that may not act for the person.

    A request without an Origin header does not come from a page on another origin. Hosts have to be equal; a secure
    page is let in by a server that believes it speaks plain http, since a proxy may have ended the TLS.
    """
    origin = connection.headers.get("origin")
    if origin is None or origin in allowed_origins:
        return False
    if public_url is not None and _site(origin) == _site(public_url):
        return False
    page = _site(origin)
    own = _site(f"{'https' if is_secure(connection) else 'http'}://{connection.headers.get('host', '')}")
    if page is None or own is None:
        return True
    upgraded = page[0] == "https" and own[0] == "http" and (own[2] == page[2] or (own[2], page[2]) == (80, 443))
    return page != own and not (page[1] == own[1] and upgraded)


def located(scope: Scope) -> Scope:
    """Return a scope as ASGI means it: `path` is what the client sees, `root_path` the part of it that led to us.

    Starlette's mounts and uvicorn keep to that. A server behind a proxy that strips its prefix names the prefix in
    `root_path` and leaves it out of `path`; Litestar cuts the mount off `path` and names it nowhere, so it is read
    from `raw_path`, which is never rewritten. A slash at the end makes no difference.
    """
    root = scope.get("root_path", "").rstrip("/")
    app_root = scope.get("app_root_path", root).rstrip("/")
    if _is_in_place(scope, root):
        return {**scope, "root_path": root}
    whole = _whole(scope["path"], root, app_root)
    rest = (whole.removeprefix(root) if _is_below(whole, root) else scope["path"]).rstrip("/")
    raw = scope.get("raw_path")
    seen = _whole(unquote(raw.decode("latin-1")), root, app_root).rstrip("/") if raw else root + rest
    if seen.endswith(rest):
        root = re.sub("^/+", "/", seen.removesuffix(rest))
    return {**scope, "path": root + (rest or "/"), "root_path": root}


def mount_of(connection: HTTPConnection[Any], *, prefix: str | None, ws_prefix: str | None) -> Mount:
    """Return where the protocol is mounted, as this client sees it.

    Args:
        connection: a request that reached the application.
        prefix: the path `ws_prefix` is a sibling of, when both were mounted side by side.
        ws_prefix: None when the WebSocket is served below the application itself, at `/ws`.
    """
    root = connection.scope.get("root_path", "")
    host = first_headers(connection).get(b"host", b"").decode("latin-1")
    base_url = f"{'https' if is_secure(connection) else 'http'}://{host}" if host else None
    beside = prefix is not None and ws_prefix is not None and root.endswith(prefix)
    ws = f"{root.removesuffix(prefix or '')}{ws_prefix}" if beside else f"{root}/ws"
    return Mount(_quoted(root), _quoted(ws), base_url)


def _first(scope: Scope) -> Mapping[bytes, bytes]:
    return dict(reversed(list(scope["headers"])))


def _is_in_place(scope: Scope, root: str) -> bool:
    """Whether a scope is as ASGI means it, as nearly all are: its path is what the client sent, below the root."""
    path: str = scope["path"]
    sent = scope.get("raw_path")
    if sent is None or "%" in path or path[-1:] == "/" or root[:2] == "//":
        return False
    return path.startswith(root + "/") and sent.decode("latin-1") == path


def _bearer(authorization: str) -> str:
    scheme, _, bearer = authorization.partition(" ")
    return bearer.strip() if scheme.lower() == "bearer" else ""


def _cookie(cookies: Mapping[str, str], session_id: str) -> str | None:
    return cookies.get(SECURE_COOKIE_PREFIX + session_id) or cookies.get(COOKIE_PREFIX + session_id)


@lru_cache(maxsize=64)
def _quoted(path: str) -> str:
    return quote(path)


def _whole(path: str, root: str, app_root: str) -> str:
    """Return a path with the prefix that a proxy stripped from it."""
    return path if _is_below(path, root) else app_root + path


def _is_below(path: str, root: str) -> bool:
    return f"{path}/".startswith(f"{root}/")


def _subprotocol(scope: Scope, prefix: str) -> str | None:
    for name in scope.get("subprotocols", ()):
        if name.startswith(prefix):
            return str(name[len(prefix) :])
    return None


def _site(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port; None for what is no origin, such as `null`."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname and port else None
