"""Paths as clients see them: the mount point, below the prefix of a host application and of a proxy."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

from starlette.requests import HTTPConnection
from starlette.types import Scope

from handshake_prompt.protocol.mount import Mount

from .requests import first_headers, is_secure


class MountPoint:
    """The place of the application in its host's paths.

    The WebSocket is served below the application, at `/ws`, unless the two were mounted side by side.
    """

    def __init__(self, *, offers_mcp: bool = False) -> None:
        self._offers_mcp = offers_mcp
        self._beside: tuple[str, str] | None = None

    def set_beside(self, prefix: str, ws_prefix: str) -> tuple[str, str]:
        """Note the prefixes of the application and of the WebSocket beside it; return them as they are mounted.

        Raises:
            ValueError: one of them is no path.
        """
        self._beside = prefix, ws_prefix = _prefix(prefix), _prefix(ws_prefix)
        return prefix, ws_prefix

    @property
    def prefix(self) -> str:
        """The prefix of the application, where it was mounted by its own means; else the usual one."""
        return self._beside[0] if self._beside is not None else "/handshake"

    def seen_by(self, connection: HTTPConnection[Any]) -> Mount:
        """Return the mount as the client of a connection sees it."""
        root = connection.scope.get("root_path", "")
        host = first_headers(connection).get(b"host", b"").decode("latin-1")
        base_url = f"{'https' if is_secure(connection) else 'http'}://{host}" if host else None
        ws = f"{root}/ws"
        if self._beside is not None and root.endswith(self._beside[0]):
            ws = root.removesuffix(self._beside[0]) + self._beside[1]
        return Mount(_quoted(root), _quoted(ws), base_url, self._offers_mcp)


def with_client_path(scope: Scope) -> Scope:
    """Return a scope as ASGI defines it: `path` is the client's, `root_path` its part up to the application.

    Starlette's mounts and uvicorn keep to that. A server behind a proxy that strips its prefix names the prefix in
    `root_path` and leaves it out of `path`. Litestar cuts the mount off `path` and names it nowhere, so it is read
    from `raw_path`, which is never rewritten. A slash at the end makes no difference.
    """
    root = scope.get("root_path", "").rstrip("/")
    app_root = scope.get("app_root_path", root).rstrip("/")
    if _is_as_defined(scope, root):
        return {**scope, "root_path": root}
    whole = _whole(scope["path"], root, app_root)
    rest = (whole.removeprefix(root) if _is_below(whole, root) else scope["path"]).rstrip("/")
    raw = scope.get("raw_path")
    seen = _whole(unquote(raw.decode("latin-1")), root, app_root).rstrip("/") if raw else root + rest
    if seen.endswith(rest):
        root = re.sub("^/+", "/", seen.removesuffix(rest))
    return {**scope, "path": root + (rest or "/"), "root_path": root}


def _is_as_defined(scope: Scope, root: str) -> bool:
    """Whether the path is the one that the client sent, below the root; nearly always it is."""
    path: str = scope["path"]
    sent = scope.get("raw_path")
    if sent is None or "%" in path or path[-1:] == "/" or root[:2] == "//":
        return False
    return path.startswith(root + "/") and sent.decode("latin-1") == path


def _whole(path: str, root: str, app_root: str) -> str:
    """Return a path with the prefix that a proxy stripped from it."""
    return path if _is_below(path, root) else app_root + path


def _is_below(path: str, root: str) -> bool:
    return f"{path}/".startswith(f"{root}/")


def _prefix(prefix: str) -> str:
    path = prefix.rstrip("/")
    if not path.startswith("/"):
        raise ValueError(f"A prefix starts with a slash and names something: '/handshake', not {prefix!r}")
    return path


@lru_cache(maxsize=64)
def _quoted(path: str) -> str:
    return quote(path)
