"""Mounting: the routes and wrappers that put the protocol into, or in front of, a host application."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.routing import BaseRoute, Mount, Route, Router, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from .http import not_found
from .masking import masked
from .paths import with_client_path
from .websocket import unknown_socket


def mounted_routes(app: ASGIApp, socket: ASGIApp, prefix: str, ws_prefix: str) -> list[BaseRoute]:
    """Return routes for the application at a prefix, and for its WebSocket at another beside it."""
    sockets = Router([WebSocketRoute("/{sid}", socket)], default=nothing_here, redirect_slashes=False)
    return [
        Route(prefix, _at_bare_prefix(prefix, app)),
        _Mount(prefix, app),
        _Mount(ws_prefix, _at_client_path(sockets)),
    ]


def in_front_of(app: Callable[..., Awaitable[None]], routes: list[BaseRoute]) -> ASGIApp:
    """Return an application that serves routes of ours, and hands everything else to `app`."""
    return Router(routes, default=_unrouted(app), redirect_slashes=False)


async def nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request or a WebSocket at a path that is none of ours."""
    await (unknown_socket if scope["type"] == "websocket" else not_found)(scope, receive, send)


class _Mount(Mount):
    """A mount of every path below a prefix. Starlette's leaves out the ones with a line break in them."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.path_regex = re.compile(self.path_regex.pattern, re.DOTALL)


def _at_client_path(app: ASGIApp) -> ASGIApp:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await app(masked(with_client_path(scope)), receive, send)

    return application


def _at_bare_prefix(prefix: str, app: ASGIApp) -> ASGIApp:
    """Serve an application's root at its bare prefix, which a mount leaves out."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        root = scope.get("root_path", "")
        outer = {"app_root_path": scope.get("app_root_path", root), "root_path": root.rstrip("/") + prefix}
        await app({**scope, **outer}, receive, send)

    return Router(default=application)


def _unrouted(app: Callable[..., Awaitable[None]]) -> ASGIApp:
    """Hide from an application that a router of ours came first: it resolves its URLs by its own."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await app({name: value for name, value in scope.items() if name != "router"}, receive, send)

    return application
