"""Router by table look-up of a path's segments. SPEC.md section 4."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route, Router, WebSocketRoute
from starlette.types import Receive, Scope, Send


class SegmentRouter(Router):
    """A router that looks a path up in a table, and only if that fails tries one route after another.

    The second segment of its paths is a session's id, if there is one: `/session`, `/action/{sid}`,
    `/session/{sid}/extend`. Paths with other parameters are tried. The scope's `path` has to begin
    with its `root_path`.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._table: dict[str, dict[str, Route | WebSocketRoute]] = {"http": {}, "websocket": {}, "lifespan": {}}
        for route in self.routes:
            if isinstance(route, Route | WebSocketRoute) and not route.param_convertors.keys() - {"sid"}:
                self._table["http" if isinstance(route, Route) else "websocket"][route.path] = route

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a connection to the route of its path."""
        path = scope.get("path", "")[len(scope.get("root_path", "")) :]
        first, slash, below = path[1:].partition("/")
        sid, more, rest = below.partition("/")
        route = self._table[scope["type"]].get(f"/{first}/{{sid}}{more}{rest}" if slash else path)
        if route is None or (slash and not sid):
            # To the patterns of Starlette's routes a line break at the end is no part of a path.
            await (self.default if path.endswith("\n") else super().app)(scope, receive, send)
            return
        scope.setdefault("router", self)
        scope["route"], scope["endpoint"] = route, route.endpoint
        if sid:
            scope["path_params"] = {**scope["path_params"], "sid": sid} if "path_params" in scope else {"sid": sid}
        await route.app(scope, receive, send)
