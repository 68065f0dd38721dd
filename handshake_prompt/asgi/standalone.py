"""The protocol as an application of its own, as `handshake-prompt serve` runs it: no host, health checks instead."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from .app import HandshakeApp
from .http import Resource
from .mounting import nothing_here
from .requests import IndexedRequest
from .responses import json_response
from .segment_router import SegmentRouter


def standalone(hpp: HandshakeApp, prefix: str, ws_prefix: str) -> ASGIApp:
    """Return an application that answers every path: with the protocol, its health, or a problem document.

    Raises:
        ValueError: a prefix is no path.
    """
    routes = [*health_routes(hpp), *hpp.routes_at(prefix, ws_prefix)]
    return SegmentRouter(routes, redirect_slashes=False, default=nothing_here, lifespan=hpp.lifespan)


def health_routes(hpp: HandshakeApp) -> list[BaseRoute]:
    """Return the routes that a supervisor and a load balancer ask."""

    async def live(_: IndexedRequest) -> Response:
        return json_response({"status": "live"})

    async def ready(_: IndexedRequest) -> Response:
        health = await hpp.health()
        return json_response(health.content, health.status)

    return [Route("/health/live", Resource({"GET": live})), Route("/health/ready", Resource({"GET": ready}))]
