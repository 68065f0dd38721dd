"""Finds the resource of a path by the path's words. SPEC.md section 4."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route, Router, WebSocketRoute
from starlette.types import Receive, Scope, Send

SID = "{sid}"


class Paths(Router):
    """A router that looks a path up where others try one route after another; what it does not find, it tries.

    The second word of its paths is a session's id, if there is one: `/session`, `/action/{sid}`,
    `/session/{sid}/extend`. The scope's `path` has to begin with its `root_path`.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._resources = {
            ("websocket" if isinstance(route, WebSocketRoute) else "http", route.path): route
            for route in self.routes
            if isinstance(route, Route | WebSocketRoute)
        }

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a connection to the route of its path."""
        words = scope["path"][len(scope.get("root_path", "")) :].split("/") if scope["type"] != "lifespan" else []
        params = {}
        if len(words) > 2 and words[2]:  # noqa: PLR2004 - the first is empty, a path begins with a slash
            params, words[2] = {"sid": words[2]}, SID
        route = self._resources.get((scope["type"], "/".join(words)))
        if route is None:
            await super().app(scope, receive, send)
            return
        found = {"router": scope.get("router", self), "route": route, "endpoint": route.endpoint}
        scope.update(found, path_params={**scope.get("path_params", {}), **params})
        await route.app(scope, receive, send)
