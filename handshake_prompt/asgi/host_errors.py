"""Errors of ours in a host's views, rendered as problem documents in Starlette, FastAPI, Litestar, Quart and Django.

A host's own handler for `HandshakeError` has precedence everywhere. Starlette and Litestar keep a request's handlers
with the request, so ours is added when a view asks something of us. All keep some with the application, so ours is
added there when the application is wrapped: a view may get an error from the engine, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from starlette.responses import Response
from starlette.types import Scope

from handshake_prompt.protocol.errors import HandshakeError

from .responses import problem_response

_HOLDERS = ("__self__", "app", "asgi_app", "application")
"""Attributes by which a wrapper holds the application in it."""
_DEPTH = 5


def render_in_views(scope: Scope) -> None:
    """Have the framework of a request render our errors, if it is Starlette, FastAPI or Litestar."""
    if "starlette.exception_handlers" in scope:
        by_class, _ = scope["starlette.exception_handlers"]
        by_class.setdefault(HandshakeError, _in_starlette)
    elif "litestar_app" in scope:
        _litestar_handlers(scope).setdefault(HandshakeError, _in_litestar)


def render_in(app: Any) -> None:
    """Have an application render our errors, if it is one of the frameworks', or wraps one."""
    for inner in _layers(app, _DEPTH):
        spec = getattr(inner, "error_handler_spec", None)
        if isinstance(spec, Mapping) and hasattr(inner, "register_error_handler"):
            if HandshakeError not in spec[None][None]:
                inner.register_error_handler(HandshakeError, _in_quart)
        elif isinstance(handlers := getattr(inner, "exception_handlers", None), dict):
            handlers.setdefault(HandshakeError, _in_litestar if hasattr(inner, "asgi_router") else _in_starlette)
        # What Django's middlewares do about exceptions; it has no other place for a handler of an application's.
        elif isinstance(middleware := getattr(inner, "_exception_middleware", None), list):
            middleware.append(_in_django)


def _layers(app: Any, depth: int) -> Iterator[Any]:
    yield app
    if depth:
        held = [getattr(app, name, None) for name in _HOLDERS]
        routed = getattr(app, "application_mapping", None)  # of a ProtocolTypeRouter, from channels
        for inner in [*held, *(routed.values() if isinstance(routed, Mapping) else ())]:
            if callable(inner):
                yield from _layers(inner, depth - 1)


async def _in_starlette(_: Any, error: HandshakeError) -> Response:
    return problem_response(error)


def _litestar_handlers(scope: Scope) -> dict[Any, Any]:
    """Return the handlers of one request, which Litestar has put together before its view."""
    from litestar.utils.scope.state import ScopeState  # noqa: PLC0415 - loaded, since the request is Litestar's

    handlers: dict[Any, Any] = ScopeState.from_scope(scope).exception_handlers  # type: ignore[arg-type, assignment]
    return handlers


def _in_litestar(_: Any, error: HandshakeError) -> Any:
    from litestar.response import Response as LitestarResponse  # noqa: PLC0415 - as above

    body, status, headers = _parts(error)
    return LitestarResponse(body, status_code=status, media_type=headers.pop("content-type"), headers=headers)


async def _in_quart(error: HandshakeError) -> Any:
    return _parts(error)


def _in_django(_: Any, error: Exception) -> Any:
    """Return a response for an error of ours, None for any other, as a middleware's `process_exception`."""
    if not isinstance(error, HandshakeError):
        return None
    from django.http import HttpResponse  # noqa: PLC0415 - loaded, since a handler of it is at work

    body, status, headers = _parts(error)
    return HttpResponse(body, status=status, headers=headers)


def _parts(error: HandshakeError) -> tuple[bytes, int, dict[str, str]]:
    response = problem_response(error)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.raw_headers}
    del headers["content-length"]  # the framework's
    return bytes(response.body), response.status_code, headers
