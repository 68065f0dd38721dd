"""One host per framework and way of embedding: it greets at /hello, and runs a lifespan of its own if it is given one.

`build(hpp, own)` returns the ASGI application. Where a host takes lifespans it takes ours too, nested inside its own,
so that the database that hooks use is still there while the last requests are finished.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import django
from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from fastapi import FastAPI
from litestar import Litestar, get
from litestar.handlers import asgi
from quart import Quart
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from handshake_prompt import HandshakeApp, SubmittedForm

GREETING = "hello"

Own = Callable[[], AbstractAsyncContextManager[None]]
Application = Callable[..., Awaitable[None]]
"""An ASGI application, whatever its framework calls the types of its arguments."""
Build = Callable[[HandshakeApp, Own | None], Application]


def starlette_mount(hpp: HandshakeApp, own: Own | None) -> Application:
    app = Starlette(routes=[Route("/hello", _hello)], lifespan=_nested(hpp, own))
    app.mount("/handshake", hpp)
    return app


def starlette_mount_on(hpp: HandshakeApp, own: Own | None) -> Application:
    app = Starlette(routes=[Route("/hello", _hello)], lifespan=_alone(own))
    hpp.mount_on(app)
    return app


def starlette_routes(hpp: HandshakeApp, own: Own | None) -> Application:
    return Starlette(routes=[Route("/hello", _hello), *hpp.routes_at()], lifespan=_nested(hpp, own))


def fastapi_mount(hpp: HandshakeApp, own: Own | None) -> Application:
    app = FastAPI(lifespan=_nested(hpp, own))
    app.get("/hello")(_greet)
    app.mount("/handshake", hpp)
    return app


def fastapi_mount_on(hpp: HandshakeApp, own: Own | None) -> Application:
    app = FastAPI(lifespan=_alone(own))
    app.get("/hello")(_greet)
    hpp.mount_on(app)
    return app


def litestar_mount(hpp: HandshakeApp, own: Own | None) -> Application:
    handshake = asgi("/handshake", is_mount=True, copy_scope=True)(hpp)
    # The server's logging stays as it is: another test may be looking at it.
    return Litestar([get("/hello")(_greet), handshake], lifespan=[_nested(hpp, own)], logging_config=None)


def litestar_wrap(hpp: HandshakeApp, own: Own | None) -> Application:
    lifespan = _alone(own)
    app = Litestar([get("/hello")(_greet)], lifespan=[lifespan] if lifespan else [], logging_config=None)
    return hpp.wrap(app)


def set_up_django() -> None:
    """Give this process the one Django project it can have."""
    if not settings.configured:
        settings.configure(ROOT_URLCONF=__name__, SECRET_KEY="of a test", ALLOWED_HOSTS=["127.0.0.1"])
        django.setup()


def django_wrap(hpp: HandshakeApp, own: Own | None) -> Application:
    """Django refuses the lifespan protocol; who needs it puts an application that has one around it."""
    set_up_django()
    READING.hpp = hpp
    application: ASGIApp = get_asgi_application()
    return hpp.wrap(_with_lifespan(application, own) if own else application)


def quart_wrap(hpp: HandshakeApp, own: Own | None) -> Application:
    return hpp.wrap(_quart(own))


def quart_inside(hpp: HandshakeApp, own: Own | None) -> Application:
    app = _quart(own)
    app.asgi_app = hpp.wrap(app.asgi_app)  # type: ignore[method-assign, assignment]
    return app


EMBEDDINGS: dict[str, tuple[Build, str]] = {
    "starlette-mount": (starlette_mount, "/handshake/ws/"),
    "starlette-mount_on": (starlette_mount_on, "/ws/handshake/"),
    "starlette-routes_at": (starlette_routes, "/ws/handshake/"),
    "fastapi-mount": (fastapi_mount, "/handshake/ws/"),
    "fastapi-mount_on": (fastapi_mount_on, "/ws/handshake/"),
    "litestar-mount": (litestar_mount, "/handshake/ws/"),
    "litestar-wrap": (litestar_wrap, "/ws/handshake/"),
    "django-wrap": (django_wrap, "/ws/handshake/"),
    "quart-wrap": (quart_wrap, "/ws/handshake/"),
    "quart-inside": (quart_inside, "/ws/handshake/"),
}
"""Each way of embedding, with the path its WebSocket is then found under."""


def _nested(hpp: HandshakeApp, own: Own | None) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    if own is None:
        return hpp.lifespan

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        async with own(), hpp.lifespan():
            yield

    return lifespan


def _alone(own: Own | None) -> Callable[[Any], AbstractAsyncContextManager[None]] | None:
    return (lambda _: own()) if own else None


def _quart(own: Own | None) -> Quart:
    app = Quart(__name__)
    app.get("/hello")(_greet)
    if own:
        running = AsyncExitStack()

        @app.before_serving
        async def start() -> None:
            await running.enter_async_context(own())

        app.after_serving(running.aclose)
    return app


def _with_lifespan(app: ASGIApp, own: Own) -> ASGIApp:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await (around if scope["type"] == "lifespan" else app)(scope, receive, send)

    around = Starlette(lifespan=_alone(own))
    return application


async def _hello(request: Request) -> PlainTextResponse:  # noqa: ARG001 - a Starlette endpoint takes one
    return PlainTextResponse(GREETING)


async def _greet() -> str:
    return GREETING


async def _django_hello(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - a Django view takes one
    return HttpResponse(GREETING)


class Reading:
    """The application that Django's views read a form from: they are functions of a module."""

    hpp: HandshakeApp


READING = Reading()


async def _django_form(request: HttpRequest, sid: str) -> JsonResponse:
    return JsonResponse(await READING.hpp.read_as_user(request, sid))


def _django_form_in_a_thread(request: HttpRequest, sid: str) -> JsonResponse:
    return JsonResponse(async_to_sync(READING.hpp.read_as_user)(request, sid))


def _shown(submission: SubmittedForm) -> JsonResponse:
    return JsonResponse({"value": submission.value.model_dump(), "authors": dict(submission.authors)})


async def _django_submission(request: HttpRequest) -> JsonResponse:
    return _shown(await READING.hpp.submission(request))


def _django_submission_in_a_thread(request: HttpRequest) -> JsonResponse:
    return _shown(async_to_sync(READING.hpp.submission)(request))


urlpatterns = [
    path("submit", _django_submission),
    path("sync/submit", _django_submission_in_a_thread),
    path("hello", _django_hello),
    path("form/<sid>", _django_form),
    path("sync/form/<sid>", _django_form_in_a_thread),
]
