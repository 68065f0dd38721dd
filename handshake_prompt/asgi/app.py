"""`HandshakeApp`: the protocol as a Starlette application that any ASGI framework can mount.

This is the composition root: the one place that knows the engine, the transports and the store a URL stands for.
Nothing needed for correctness happens in a lifespan, since the lifespan of a mounted application is not run.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any, Self

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, Router, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from handshake_prompt.engine import ProtocolEngine
from handshake_prompt.engine.session_reply import Prompt
from handshake_prompt.modes import DEFAULT_HANDLERS, ModeHandler
from handshake_prompt.protocol import messages
from handshake_prompt.protocol.credentials import Credential
from handshake_prompt.protocol.errors import HandshakeError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.replies import Reply
from handshake_prompt.stores import MemoryStore, SessionStore

from . import http, redaction
from .connection import Call, check_origin, credential_of, located, mount_of
from .http import JSONBody, Resource, json_response, reply
from .lifespan import composed
from .openapi import openapi
from .routing import Paths
from .sse import EventStream
from .websocket import WatchSocket, unknown_socket
from .workers import worker_count

logger = logging.getLogger("handshake_prompt")

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


class HandshakeApp(Starlette):
    """The Handshake Prompt Protocol, ready to mount: `app.mount("/handshake", HandshakeApp())`.

    Args:
        store: where sessions live: a `SessionStore`, which is left open, or the URL of one, which is closed with the
            application: `"memory://"`, `"sqlite:///handshake.db"`, `"redis://localhost:6379/0"`.
        ttl: seconds a session lives after its last use.
        rate_limit_per_min: the agent's requests per session and minute.
        validator: `validator(value, type) -> bool` in place of the form modes' own check of types.
        mode_handlers: the modes by name.
        require_browser_auth: the host's own proof of the user role, `(request, session) -> bool`, in place of the
            cookie.
        strict_modes: refuse modes that nobody registered.
        prompt: answer `POST /session` with a prompt even if the page did not ask; a callable builds it.
        public_url: scheme and host for prompts, such as `"https://example.com"`. Without it the request's own Host is
            used, which is only as trustworthy as the proxy in front.
        allowed_origins: further origins whose pages may act for their person, such as `"https://app.example.com"`.
        mcp: serve each session's tools to clients of MCP, at `/mcp/{sid}`.
        limits: all other bounds.

    Raises:
        ValueError, TypeError: an argument is not what it has to be.
        ImportError: `mcp` was asked for, and the extra of that name is not installed.
    """

    def __init__(
        self,
        *,
        store: SessionStore | str = "memory://",
        ttl: float = 1800,
        rate_limit_per_min: int | None = None,
        validator: Callable[[Any, str], bool] | None = None,
        mode_handlers: Mapping[str, ModeHandler] = DEFAULT_HANDLERS,
        require_browser_auth: Callable[..., Any] | None = None,
        strict_modes: bool = False,
        prompt: Prompt = False,
        public_url: str | None = None,
        allowed_origins: Collection[str] = (),
        mcp: bool = False,
        limits: Limits | None = None,
    ) -> None:
        if isinstance(allowed_origins, str):
            raise TypeError("allowed_origins is a collection of origins, not one text")
        self.engine = ProtocolEngine(
            store=store,
            ttl=ttl,
            rate_limit_per_min=rate_limit_per_min,
            validator=validator,
            mode_handlers=mode_handlers,
            require_browser_auth=require_browser_auth,
            strict_modes=strict_modes,
            prompt=prompt,
            public_url=public_url,
            limits=limits,
        )
        self._public_url = public_url
        self._allowed_origins = frozenset(map(check_origin, allowed_origins))
        self._prefix: str | None = None
        self._ws_prefix: str | None = None
        self._warned_of_host = False
        self._socket = WatchSocket(self.engine, self._credential)
        self.on_create_session = self.engine.on_create_session
        self.on_action = self.engine.on_action
        self.on_extend = self.engine.on_extend
        self.on_done = self.engine.on_done
        redaction.install()
        if isinstance(self.engine.store, MemoryStore) and (workers := worker_count()) > 1:
            logger.warning(
                "Sessions are kept in the memory of one process, and %d workers were asked for: most requests will "
                "meet a worker that does not know their session. Run one worker, or give a store that they share: "
                "sqlite:///handshake.db on one machine, redis://host on several.",
                workers,
            )
        self._own_routes = self._endpoints() + (self._mcp_endpoint() if mcp else [])
        super().__init__(middleware=self._middleware())
        self.router = Paths(self._own_routes, redirect_slashes=False, default=_nothing_here, lifespan=self.lifespan)

    # Mounting

    def mount_on(self, app: Starlette, prefix: str = "/handshake", ws_prefix: str = "/ws/handshake") -> None:
        """Mount both of the protocol's prefixes on a Starlette or FastAPI application, and nest the lifespan in its.

        The routes go ahead of the application's own, which may end in one that catches all.
        """
        app.router.routes[:0] = self.routes_at(prefix, ws_prefix)
        hosts = app.router.lifespan_context

        @asynccontextmanager
        async def nested(host: Any) -> AsyncIterator[Any]:
            async with hosts(host) as state, self.lifespan():
                yield state

        app.router.lifespan_context = nested

    def routes_at(self, prefix: str = "/handshake", ws_prefix: str = "/ws/handshake") -> list[BaseRoute]:
        """Return the routes to splice into an application's own."""
        self._prefix, self._ws_prefix = _path(prefix), _path(ws_prefix)
        sockets = Router([WebSocketRoute("/{sid}", self._socket)], default=_nothing_here, redirect_slashes=False)
        return [
            Route(self._prefix, _at_its_prefix(self._prefix, self)),
            Mount(self._prefix, self),
            Mount(self._ws_prefix, _at_its_place(sockets)),
        ]

    def wrap(
        self, app: Callable[..., Awaitable[None]], prefix: str = "/handshake", ws_prefix: str = "/ws/handshake"
    ) -> ASGIApp:
        """Put the protocol in front of an application whose framework cannot mount one, and compose the lifespans."""
        router = Router(self.routes_at(prefix, ws_prefix), default=_unrouted(app), redirect_slashes=False)
        return composed(router, app, self.lifespan)

    @asynccontextmanager
    async def lifespan(self, app: Any = None) -> AsyncIterator[None]:
        """Run with the application; at the end watchers are sent elsewhere and running requests are finished.

        Offered to nest in a host's lifespan. Leaving it out costs the drain and nothing else.
        """
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

    async def read_as_user(self, request: Request, session_id: str) -> dict[str, Any]:
        """Return the members of `GET /context` if the person this session belongs to sent `request`.

        Raises:
            HandshakeError: they did not, or the session has ended; `error_response` renders it.
        """
        credential = self._credential(request, session_id).without_agent()
        return (await self.engine.get_context(session_id, credential, request)).payload

    def error_response(self, error: HandshakeError) -> Response:
        """Render an error as the protocol's own endpoints do."""
        return http.problem(error)

    async def health(self) -> Reply:
        """Say whether this worker should be sent requests, as `payload, status`; see `ProtocolEngine.health`."""
        return await self.engine.health()

    # ASGI

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection.

        Raises:
            RuntimeError: the scope is of a type that no version of ASGI we know has.
        """
        if scope["type"] not in ("http", "websocket", "lifespan"):
            raise RuntimeError(f"HandshakeApp cannot serve ASGI scopes of type {scope['type']!r}")
        await super().__call__(scope if scope["type"] == "lifespan" else located(scope), receive, send)

    def _endpoints(self) -> list[BaseRoute]:
        return [
            Route("/context/{sid}", Resource({"GET": self._context})),
            Route("/action/{sid}", Resource({"POST": self._action})),
            Route("/diff/{sid}", Resource({"GET": self._diff})),
            Route("/notify/{sid}", Resource({"POST": self._notify})),
            Route("/events/{sid}", Resource({"GET": self._events})),
            WebSocketRoute("/ws/{sid}", self._socket),
            Route("/session", Resource({"POST": self._create})),
            Route("/session/{sid}", Resource({"GET": self._status, "DELETE": self._revoke})),
            Route("/session/{sid}/extend", Resource({"POST": self._extend})),
            Route("/session/{sid}/rotate", Resource({"POST": self._rotate})),
            Route("/client.js", Resource({"GET": self._client})),
            Route("/openapi.json", Resource({"GET": self._openapi})),
            Route("/", Resource({"GET": self._index})),
        ]

    def build_middleware_stack(self) -> ASGIApp:
        """Put around the router what was asked for: our own routes render all errors, and leave none to be handled."""
        if self.exception_handlers or self.routes != self._own_routes:
            return super().build_middleware_stack()
        app: ASGIApp = self.router.app
        for factory, args, options in reversed(self.user_middleware):
            app = factory(app, *args, **options)
        return app

    def _mcp_endpoint(self) -> list[BaseRoute]:
        # The SDK is loaded, and has to be installed, only where it is asked for.
        from .mcp.endpoint import Endpoint  # noqa: PLC0415

        return [Route("/mcp/{sid}", Resource({"POST": Endpoint(self.engine, self._credential)}))]

    def _middleware(self) -> list[Middleware]:
        if not self._allowed_origins:
            return []
        return [
            Middleware(
                CORSMiddleware,
                allow_origins=sorted(self._allowed_origins),
                allow_methods=["GET", "POST", "DELETE"],
                allow_headers=ALLOWED_HEADERS,
                allow_credentials=True,
                expose_headers=EXPOSED_HEADERS,
            )
        ]

    # Endpoints

    async def _create(self, request: Call) -> Response:
        body = JSONBody(request, self.engine.limits)
        mount = self._mount(request)
        answer = await self.engine.create_session(body, request, credential=self._credential(request, ""), mount=mount)
        response = reply(answer)
        if "prompt" in answer.content:
            self._warn_of_host(request)
        await http.set_user_cookie(
            request,
            response,
            self.engine,
            session_id=answer.content["sessionId"],
            user_token=answer.user_token or "",
        )
        return response

    async def _status(self, request: Call) -> Response:
        return reply(await self.engine.get_session(*self._caller(request), request))

    async def _revoke(self, request: Call) -> Response:
        return reply(await self.engine.revoke(*self._caller(request), request))

    async def _context(self, request: Call) -> Response:
        return http.context(request, await self.engine.get_context(*self._caller(request), request))

    async def _events(self, request: Call) -> Response:
        after = request.headers.get("last-event-id") or request.query_params.get("after")
        keepalive = self.engine.limits.stream_keepalive
        watch = await self.engine.watch(*self._caller(request), request, after=after, keepalive=keepalive)
        return EventStream(watch, self.engine.limits)

    async def _diff(self, request: Call) -> Response:
        query = request.query_params
        work = self.engine.get_diff(
            *self._caller(request), request, since=query.get("since", ""), wait=query.get("wait", 0)
        )
        return reply(await (http.unless_disconnected(request, work) if "wait" in query else work))

    async def _action(self, request: Call) -> Response:
        key = request.first.get(b"idempotency-key")
        decoded = None if key is None else key.decode("latin-1")
        return reply(await self.engine.post_action(*self._posted(request), idempotency_key=decoded))

    async def _notify(self, request: Call) -> Response:
        return reply(await self.engine.post_notify(*self._posted(request)))

    async def _extend(self, request: Call) -> Response:
        return reply(await self.engine.post_extend(*self._posted(request)))

    async def _rotate(self, request: Call) -> Response:
        return reply(await self.engine.rotate(*self._posted(request), mount=self._mount(request)))

    async def _client(self, _: Call) -> Response:
        source = resources.files("handshake_prompt.page").joinpath("client.js").read_bytes()
        return Response(source, headers={"Cache-Control": "no-cache"}, media_type="text/javascript")

    async def _openapi(self, request: Call) -> Response:
        return json_response(openapi(self._mount(request).prefix or "/", self.engine.limits))

    async def _index(self, request: Call) -> Response:
        return json_response(messages.index(self._mount(request), self.engine.limits))

    # What a connection means

    def _caller(self, request: Call) -> tuple[str, Credential]:
        session_id: str = request.path_params["sid"]
        return session_id, self._credential(request, session_id)

    def _posted(self, request: Call) -> tuple[str, JSONBody, Credential, Call]:
        """Return a request with a body as the engine takes it."""
        session_id, credential = self._caller(request)
        return session_id, JSONBody(request, self.engine.limits), credential, request

    def _credential(self, connection: HTTPConnection[Any], session_id: str) -> Credential:
        return credential_of(connection, session_id, allowed_origins=self._allowed_origins, public_url=self._public_url)

    def _mount(self, request: Call) -> messages.Mount:
        return mount_of(request, prefix=self._prefix, ws_prefix=self._ws_prefix)

    def _warn_of_host(self, request: Call) -> None:
        if self._warned_of_host or self._public_url or request.url.hostname in ("localhost", "127.0.0.1", "::1"):
            return
        self._warned_of_host = True
        logger.warning(
            "A prompt was built from the request's Host header. Behind a proxy that passes on any Host a stranger can "
            "point prompts at another server: set public_url."
        )


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    await (unknown_socket if scope["type"] == "websocket" else http.not_found)(scope, receive, send)


def _at_its_place(app: ASGIApp) -> ASGIApp:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await app(located(scope), receive, send)

    return application


def _at_its_prefix(prefix: str, app: ASGIApp) -> ASGIApp:
    """Serve an application's root at its bare prefix, which a mount leaves out."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        root = scope.get("root_path", "")
        outer = {"app_root_path": scope.get("app_root_path", root), "root_path": root.rstrip("/") + prefix}
        await app({**scope, **outer}, receive, send)

    return Router(default=application)


def _unrouted(app: ASGIApp) -> ASGIApp:
    """Hide from an application that a router of ours came first: it resolves its URLs by its own."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await app({name: value for name, value in scope.items() if name != "router"}, receive, send)

    return application


def _path(prefix: str) -> str:
    path = prefix.rstrip("/")
    if not path.startswith("/"):
        raise ValueError(f"A prefix starts with a slash and names something: '/handshake', not {prefix!r}")
    return path
