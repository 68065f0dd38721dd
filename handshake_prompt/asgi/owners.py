"""Ready-made logins of hosts, for `HandshakeApp(owner=...)`: Starlette sessions, Django users, FastAPI dependencies.

Each is a function of the host's request that returns the id of the person logged in, None for nobody. No framework is
imported before a request of it arrives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial, wraps
from io import BytesIO
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Scope
from starlette.websockets import WebSocket

from handshake_prompt.engine.host.hook import is_async

from .requests import connection_of

if TYPE_CHECKING:
    from django.http import HttpRequest

Owner = Callable[[Any], Any]
"""Function of a host's request, async or plain, that returns an owner; None for nobody."""

SERVER_ERROR = 500


def session_owner(*path: str) -> Owner:
    """Return a login that looks in the host's session: `session_owner("user_id")` is `request.session["user_id"]`.

    It is the session of Starlette's `SessionMiddleware`, of Litestar, or of any middleware that has it in the scope.
    The middleware has to stand around the protocol: `mount_on` and `mount` put it inside, `wrap` does not.

    Args:
        path: names in the session, each inside the one before: `session_owner("user", "sub")`.

    Raises:
        TypeError: no name is given.
    """
    if not path:
        raise TypeError('session_owner needs the name of the user\'s id in the session: session_owner("user_id")')

    async def owner_of(request: HTTPConnection[Any]) -> Any:
        found = _session_of(request)
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    return owner_of


def _session_of(request: HTTPConnection[Any]) -> Any:
    """Return the host's session of a request, as the scope has it.

    Raises:
        LookupError: no middleware put one there.
    """
    scope = connection_of(request).scope
    if "session" not in scope:
        raise LookupError(
            "There is no session in the scope: the host's session middleware has to stand around the protocol. Use "
            "hpp.mount_on(app), or put the middleware around the application that hpp.wrap returns."
        )
    return scope["session"]


def django_owner(request: HTTPConnection[Any] | HttpRequest) -> Any:
    """Return the primary key of the Django user that is logged in, None for nobody.

    It needs `django.contrib.auth` and a session engine, of whatever kind, and reads both as Django does; a hook runs in
    a thread of its own, where the database may be used.
    """
    from django.db import close_old_connections  # noqa: PLC0415 - loaded, since the host is Django

    close_old_connections()  # as Django does around each request
    try:
        user = request.user if hasattr(request, "META") else _django_user(request.scope)
        return user.pk if user.is_authenticated else None
    finally:
        close_old_connections()


def _django_user(scope: Scope) -> Any:
    """Return the user of a request that has not passed Django's middleware: the protocol stands in front of it."""
    from django.contrib.auth.middleware import AuthenticationMiddleware  # noqa: PLC0415 - as above
    from django.contrib.sessions.middleware import SessionMiddleware  # noqa: PLC0415
    from django.core.handlers.asgi import ASGIRequest  # noqa: PLC0415

    request = ASGIRequest(scope, BytesIO())
    SessionMiddleware(_nowhere).process_request(request)
    # With a secret that was replaced Django gives the session a new key. The browser would not be told of it.
    request.session.cycle_key = _nowhere
    AuthenticationMiddleware(_nowhere).process_request(request)
    return request.user


def _nowhere(*_: object) -> None:
    """Stand for the rest of Django: nothing is answered there."""


def fastapi_owner(dependency: Callable[..., Any]) -> Owner:
    """Return a login that is a dependency of FastAPI: `fastapi_owner(current_user_id)` is `Depends(current_user_id)`.

    FastAPI resolves it as in a view of the host's, with its own dependencies, overrides and exception handlers. Nobody
    is logged in where it answers None, and where it refuses: by a status below 500, or by an error that the host has a
    handler for. A dependency that answers a user takes one more:
    `fastapi_owner(lambda user=Depends(current_user): user.id)`.
    """
    view_of = lru_cache(maxsize=8)(partial(_view, dependency))

    async def owner_of(request: HTTPConnection[Any]) -> Any:
        call = _Call()
        scope = {"starlette.exception_handlers": _refusals(), **request.scope, "method": "GET", CALL: call}
        await view_of(request.scope.get("app"))(scope, call.receive, call.send)
        return call.owner

    return owner_of


CALL = "handshake_prompt.call"
"""Member of a scope: the call that a view is to answer."""


class _Call:
    """One call of a view that answers an owner."""

    owner: Any = None

    async def receive(self) -> Message:
        """Give the view no body: that is for our own handlers to read."""
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Message) -> None:
        """Take the view's response.

        Raises:
            RuntimeError: the host failed.
        """
        status = message.get("status", 0)
        if status >= SERVER_ERROR:
            raise RuntimeError(f"The dependency was answered {status}")


def _view(dependency: Callable[..., Any], host: Any) -> ASGIApp:
    """Return a view of FastAPI that answers a call with what a dependency answers.

    Args:
        dependency: the host's.
        host: its application, which may override dependencies in tests.
    """
    from fastapi import Depends  # noqa: PLC0415 - loaded, since the dependency is FastAPI's
    from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware  # noqa: PLC0415
    from fastapi.routing import APIRoute  # noqa: PLC0415

    async def answer(request: Request, owner: Any = Depends(dependency)) -> Response:  # noqa: B008 - FastAPI's way
        request.scope[CALL].owner = owner
        return Response()

    overridable = host if hasattr(host, "dependency_overrides") else None
    route = APIRoute("/", answer, dependency_overrides_provider=overridable)
    return AsyncExitStackMiddleware(route.app)


def _refusals() -> tuple[dict[type[Exception], Callable[..., Response]], dict[int, Any]]:
    """Return the handlers of a host that the protocol stands in front of: they are FastAPI's own."""
    from fastapi.exceptions import RequestValidationError  # noqa: PLC0415 - as above

    return {HTTPException: _refused, RequestValidationError: _refused}, {}


def _refused(_: Request, error: Exception) -> Response:
    return Response(status_code=getattr(error, "status_code", 422))


def given_requests(owner: Owner) -> Owner:
    """Return a login that is given a request for a WebSocket's handshake, too, which is one in all but name."""
    if is_async(owner):

        @wraps(owner)
        async def owner_of(connection: Any) -> Any:
            return await owner(_as_request(connection))

        return owner_of
    return wraps(owner)(lambda connection: owner(_as_request(connection)))


def _as_request(connection: Any) -> Any:
    if not isinstance(connection, WebSocket):
        return connection
    return Request({**connection.scope, "type": "http", "method": "GET"})
