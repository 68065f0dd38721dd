"""The composition root: the protocol as a Starlette application that any ASGI framework can mount.

Nothing needed for correctness happens in a lifespan, since the lifespan of a mounted application is not run.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Self, Unpack

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from handshake_prompt.engine import ProtocolEngine
from handshake_prompt.engine.options import EngineOptions, check_options
from handshake_prompt.protocol.errors import HandshakeError
from handshake_prompt.protocol.replies import Reply
from handshake_prompt.stores import MemoryStore

from . import redaction
from .client_addresses import warn_of_trusted_forwarding
from .credential_reader import CredentialReader
from .endpoints import Endpoints
from .host_errors import render_in
from .host_views import HostViews
from .lifespan import composed
from .masking import masked
from .mounting import in_front_of, mounted_routes, nothing_here
from .origins import OriginPolicy
from .owners import given_requests
from .page_tag import Markup, page_tag
from .paths import MountPoint, with_client_path
from .pickup_endpoints import PickupEndpoints
from .responses import problem_response
from .segment_router import SegmentRouter
from .server_stop import ServerStop
from .websocket import WatchSocket
from .workers import warn_of_several_workers
from .wsgi import refuse_wsgi, warn_of_wsgi


class HandshakeApp(HostViews, Starlette):
    """The Handshake Prompt Protocol, ready to mount.

        hpp = HandshakeApp(owner=session_owner("user_id"), store="sqlite:///handshake.db")
        hpp.mount_on(app)

    Args:
        allowed_origins: further origins with pages that may act for their person, such as `"https://app.example.com"`.
        mcp: serve the tools of sessions to clients of MCP, at `/mcp` and `/mcp/{sid}`.
        options: those of `ProtocolEngine`, each of them optional. `owner` is the host's login: given a request, it
            returns the id of the person logged in, None for nobody. It is async or plain, or a ready one:
            `session_owner("user_id")`, `django_owner`, `fastapi_owner(dependency)`. A session is its owner's alone, and
            needs no cookie of ours. `store` says where sessions live, `public_url` the address in prompts, `ttl` and
            `limits` how long they live and within which bounds; further `rate_limit_per_min validator mode_handlers
            require_browser_auth strict_modes prompt`.

    Raises:
        ValueError, TypeError: an argument is of another kind than described.
        ImportError: `mcp` was asked for, and the extra of that name is not installed.
    """

    def __init__(
        self,
        *,
        allowed_origins: Collection[str] = (),
        mcp: bool = False,
        **options: Unpack[EngineOptions],
    ) -> None:
        check_options(options, type(self).__name__)
        public_url = options.get("public_url")
        origins = OriginPolicy(allowed_origins, public_url)
        if owner := options.get("owner"):
            options["owner"] = given_requests(owner)
        self.engine = ProtocolEngine(**options)
        self._credential_of = CredentialReader(origins)
        self._mount = MountPoint(offers_mcp=mcp)
        self._is_on_asyncio = False
        self._stop = ServerStop(partial(self.engine.drain, at_once=True))
        self._socket = WatchSocket(self.engine, self._credential_of, self._stop)
        self.form = self.engine.form
        self.on_create_session = self.engine.on_create_session
        self.on_action = self.engine.on_action
        self.on_extend = self.engine.on_extend
        self.on_done = self.engine.on_done
        self.on_options = self.engine.on_options
        self.on_submit = self.engine.on_submit
        redaction.install()
        if isinstance(self.engine.store, MemoryStore):
            warn_of_several_workers()
        warn_of_trusted_forwarding()
        warn_of_wsgi()
        endpoints = Endpoints(
            self.engine,
            self._credential_of,
            self._mount.seen_by,
            stop=self._stop,
            warn_of_host=public_url is None,
        )
        pickups = PickupEndpoints(self.engine, self._credential_of, self._mount.seen_by)
        self._own_routes = [*endpoints.routes(), *pickups.routes(), WebSocketRoute("/ws/{sid}", self._socket)]
        self._own_routes += self._mcp_routes() if mcp else []
        super().__init__(middleware=origins.cors())
        self.router = SegmentRouter(
            self._own_routes, redirect_slashes=False, default=nothing_here, lifespan=self.lifespan
        )

    def __repr__(self) -> str:
        return f"<HandshakeApp at {self._mount.prefix} on {self.engine.store!r}>"

    def __deepcopy__(self, _: object) -> Self:
        """Return itself: Litestar copies the handlers of a router, and there is one store and one set of watchers."""
        return self

    # Mounting

    def mount_on(self, app: Starlette, prefix: str = "/handshake", ws_prefix: str = "/ws/handshake") -> None:
        """Mount both of the protocol's prefixes on a Starlette or FastAPI application, and nest the lifespan in its.

        The routes go ahead of the application's own, which may end in one that catches all.

        Raises:
            TypeError: the application is of another framework.
            ValueError: a prefix is no path.
        """
        if not isinstance(getattr(app, "router", None), Router):
            raise TypeError(
                f"mount_on takes a Starlette or FastAPI application, not {type(app).__name__}: "
                "for any other framework, serve what hpp.wrap(app) returns"
            )
        app.router.routes[:0] = self.routes_at(prefix, ws_prefix)
        hosts = app.router.lifespan_context

        @asynccontextmanager
        async def nested(host: Any) -> AsyncIterator[Any]:
            async with hosts(host) as state, self.lifespan():
                yield state

        app.router.lifespan_context = nested

    def routes_at(self, prefix: str = "/handshake", ws_prefix: str = "/ws/handshake") -> list[BaseRoute]:
        """Return the routes to splice into an application's own."""
        return mounted_routes(self, self._socket, *self._mount.set_beside(prefix, ws_prefix))

    def wrap(
        self, app: Callable[..., Awaitable[None]], prefix: str = "/handshake", ws_prefix: str = "/ws/handshake"
    ) -> ASGIApp:
        """Put the protocol in front of an application, for frameworks without mounts, and compose the lifespans.

        Raises:
            TypeError: the application is one of WSGI, or none.
            ValueError: a prefix is no path.
        """
        refuse_wsgi(app)
        render_in(app)
        return composed(in_front_of(app, self.routes_at(prefix, ws_prefix)), app, self.lifespan)

    @asynccontextmanager
    async def lifespan(self, app: Any = None) -> AsyncIterator[None]:
        """Run with the application; at the end watchers are sent elsewhere and running requests are finished.

        Offered to nest in a host's lifespan. Leaving it out costs the drain and nothing else.
        """
        self._require_asyncio()
        self.engine.resume()
        try:
            yield
        finally:
            await self.engine.aclose()

    async def __aenter__(self) -> Self:
        self.engine.resume()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.engine.aclose()

    # For the host application

    def error_response(self, error: HandshakeError) -> Response:
        """Render an error as the protocol's own endpoints do."""
        return problem_response(error)

    async def health(self) -> Reply:
        """Say whether this worker should be sent requests, as `payload, status`; see `ProtocolEngine.health`."""
        return await self.engine.health()

    def tag(self, element_id: str = "", *, form: str | None = None, prefix: str = "", language: str = "") -> Markup:
        """Return the markup that hands a form of a page to an agent: `{{ hpp.tag("claim") }}` for `<form id="claim">`.

        Args:
            element_id: the id of the form in the page; without one it is the form around the tag.
            form: the name of a registered form; "" to derive the fields from the page's own controls, as where no form
                of that name is registered. If left out, it is the id.
            prefix: where a browser finds the protocol, if that is not where `mount_on` or `wrap` put it: after
                `app.mount("/hpp", hpp)`, or below the path of a proxy,
                `prefix=request.scope["root_path"] + "/handshake"`.
            language: `en` or `zh`; the page's if left out.
        """
        name = element_id if form is None and self.engine.has_form(element_id) else form or ""
        return page_tag(prefix or self._mount.prefix, form=name, element_id=element_id, language=language)

    # ASGI

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection.

        Raises:
            RuntimeError: the scope is of a type that ASGI does not have, or the server does not run asyncio.
        """
        if not self._is_on_asyncio:
            self._require_asyncio()
        if scope["type"] not in ("http", "websocket", "lifespan"):
            raise RuntimeError(f"HandshakeApp cannot serve ASGI scopes of type {scope['type']!r}")
        if scope["type"] != "lifespan":
            scope = masked(with_client_path(scope))
        scope.setdefault("app", self)  # hooks are the host's code, and see its application
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        await self.middleware_stack(scope, receive, send)

    def _require_asyncio(self) -> None:
        """Make sure that the server runs asyncio, as soon as it can be told."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError(
                "HandshakeApp runs on asyncio alone. Start hypercorn with --worker-class asyncio or uvloop, not trio."
            ) from None
        self._is_on_asyncio = True

    def build_middleware_stack(self) -> ASGIApp:
        """Wrap the router in the middleware that was asked for, and no more: our own routes render their errors."""
        if self.exception_handlers or self.routes != self._own_routes:
            return super().build_middleware_stack()
        app: ASGIApp = self.router.app
        for factory, args, options in reversed(self.user_middleware):
            app = factory(app, *args, **options)
        return app

    def _mcp_routes(self) -> list[BaseRoute]:
        # The SDK is loaded, and has to be installed, only where it is asked for.
        from .mcp.endpoint import MCPEndpoint  # noqa: PLC0415
        from .mcp.shared_endpoint import SharedMCPEndpoint  # noqa: PLC0415
        from .mcp.stateless_endpoint import MessageResource  # noqa: PLC0415

        given = self.engine, self._credential_of, self._stop
        return [
            Route("/mcp", MessageResource(SharedMCPEndpoint(*given))),
            Route("/mcp/{sid}", MessageResource(MCPEndpoint(*given))),
        ]
