"""A host's view that reads a form: what the person gets, and what everybody else is told, in each framework."""

from __future__ import annotations

import logging
from collections.abc import Callable
from io import BytesIO
from typing import Any

import httpx
import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application
from fastapi import FastAPI, Request
from litestar import Litestar, Request as LitestarRequest, Response as LitestarResponse, get
from litestar.handlers import asgi
from quart import Quart, request as quart_request
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from handshake_prompt import HandshakeApp, HandshakeError
from handshake_prompt.asgi.wsgi import warn_of_wsgi
from handshake_prompt.protocol.errors import StoreUnavailableError
from tests.conftest import FORM
from tests.embedding.hosts.frameworks import Application, django_wrap, set_up_django
from tests.support.peer import Peer

Handled = Callable[..., Any] | None
"""The host's own handler of our errors, if it has one."""


def starlette(hpp: HandshakeApp, handled: Handled = None) -> Application:
    async def form(request: Any) -> JSONResponse:
        return JSONResponse(await hpp.read_as_user(request, request.path_params["sid"]))

    handlers = {HandshakeError: handled} if handled else None
    host = Starlette(routes=[Route("/form/{sid}", form)], exception_handlers=handlers)
    host.mount("/handshake", hpp)
    return host


def fastapi(hpp: HandshakeApp, handled: Handled = None) -> Application:
    host = FastAPI(exception_handlers={HandshakeError: handled} if handled else None)

    @host.get("/form/{sid}")
    async def form(sid: str, request: Request) -> dict[str, Any]:
        return await hpp.read_as_user(request, sid)

    hpp.mount_on(host)
    return host


def litestar(hpp: HandshakeApp, handled: Handled = None) -> Application:
    @get("/form/{sid:str}")
    async def form(request: LitestarRequest[Any, Any, Any]) -> dict[str, Any]:
        return await hpp.read_as_user(request, request.path_params["sid"])

    def adapted(request: Any, error: Exception) -> LitestarResponse[str]:
        assert handled is not None
        response = handled(request, error)
        return LitestarResponse(bytes(response.body).decode(), status_code=response.status_code)

    handlers: Any = {HandshakeError: adapted} if handled else None
    mount = asgi("/handshake", is_mount=True, copy_scope=True)(hpp)
    return Litestar([form, mount], exception_handlers=handlers, logging_config=None)


def quart(hpp: HandshakeApp, handled: Handled = None) -> Quart:
    host = Quart(__name__)

    @host.get("/form/<sid>")
    async def form(sid: str) -> dict[str, Any]:
        return await hpp.read_as_user(quart_request, sid)

    if handled:
        host.register_error_handler(HandshakeError, lambda error: (handled(None, error).body, 418))
    return host


def quart_wrapped(hpp: HandshakeApp, handled: Handled = None) -> Application:
    return hpp.wrap(quart(hpp, handled))


def quart_inside(hpp: HandshakeApp, handled: Handled = None) -> Application:
    host = quart(hpp, handled)
    host.asgi_app = hpp.wrap(host.asgi_app)  # type: ignore[method-assign, assignment]
    return host


def django(hpp: HandshakeApp, _: Handled = None) -> Application:
    return django_wrap(hpp, None)


HOSTS: dict[str, tuple[Callable[..., Application], str]] = {
    "starlette": (starlette, "/form/"),
    "fastapi": (fastapi, "/form/"),
    "litestar": (litestar, "/form/"),
    "quart-wrap": (quart_wrapped, "/form/"),
    "quart-inside": (quart_inside, "/form/"),
    "django": (django, "/form/"),
    "django-sync": (django, "/sync/form/"),
}
hosts = pytest.mark.parametrize(("build", "path"), HOSTS.values(), ids=HOSTS)


async def opened(app: Application) -> Peer:
    http = httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://127.0.0.1"
    )
    response = await http.post("/handshake/session", json=FORM)
    cookie = response.headers["set-cookie"].partition(";")[0]
    http.cookies.clear()
    return Peer("http://127.0.0.1", response.json(), cookie, http)


@hosts
async def test_a_view_reads_the_form_of_the_person(build: Callable[..., Application], path: str) -> None:
    peer = await opened(build(HandshakeApp()))
    await peer.edit("iban", "DE02")
    response = await peer.http.get(path + peer.session_id, headers=peer.as_user)
    assert response.status_code == 200, response.text
    assert response.json()["context"]["iban"]["value"] == "DE02"


@hosts
async def test_a_view_answers_everybody_else_with_a_problem(
    build: Callable[..., Application], path: str, caplog: pytest.LogCaptureFixture
) -> None:
    peer = await opened(build(HandshakeApp()))
    url = path + peer.session_id
    with caplog.at_level(logging.INFO):
        for headers in ({}, peer.as_agent, {"Cookie": peer.cookie + "x"}):
            response = await peer.http.get(url, headers=headers)
            assert response.status_code == 403, response.text
            assert response.headers["content-type"] == "application/problem+json"
            assert response.headers["cache-control"] == "no-store"
            assert response.json()["code"] == "invalid_token"
        await peer.user("DELETE", "session")
        gone = await peer.http.get(url, headers=peer.as_user)
    assert (gone.status_code, gone.json()["code"]) == (404, "session_revoked")
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("build", [starlette, fastapi, litestar, quart_wrapped, quart_inside])
async def test_a_host_s_own_handler_has_precedence(build: Callable[..., Application]) -> None:
    def handled(_: Any, error: HandshakeError) -> PlainTextResponse:
        return PlainTextResponse(f"ours: {error.code}", 418)

    peer = await opened(build(HandshakeApp(), handled))
    response = await peer.http.get(f"/form/{peer.session_id}")
    assert (response.status_code, response.text) == (418, "ours: invalid_token")


async def test_a_wrapped_application_renders_errors_that_did_not_come_by_a_request() -> None:
    hpp = HandshakeApp()

    async def in_starlette(_: Any) -> JSONResponse:
        raise StoreUnavailableError

    @get("/")
    async def in_litestar() -> None:
        raise StoreUnavailableError

    for host in (Starlette(routes=[Route("/", in_starlette)]), Litestar([in_litestar], logging_config=None)):
        transport = httpx.ASGITransport(hpp.wrap(host), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            response = await http.get("/")
        assert (response.status_code, response.headers["content-type"]) == (503, "application/problem+json")
        assert response.json()["code"] == "store_unavailable"


async def test_a_router_in_front_of_django_hides_nothing() -> None:
    class ProtocolTypeRouter:
        def __init__(self, application: Any) -> None:
            self.application_mapping = {"http": application}

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self.application_mapping[scope["type"]](scope, receive, send)

    hpp = HandshakeApp()
    django_wrap(hpp, None)  # the views read from this one
    from django.core.asgi import get_asgi_application  # noqa: PLC0415 - once there are settings

    peer = await opened(hpp.wrap(ProtocolTypeRouter(get_asgi_application())))
    response = await peer.http.get(f"/form/{peer.session_id}")
    assert (response.status_code, response.json()["code"]) == (403, "invalid_token")


# WSGI


async def test_a_request_that_came_through_wsgi_is_told_apart() -> None:
    set_up_django()
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "wsgi.input": BytesIO(),
        "SERVER_NAME": "x",
        "SERVER_PORT": "80",
    }
    with pytest.raises(TypeError, match="came through WSGI"):
        await HandshakeApp().read_as_user(WSGIRequest(environ), "0" * 32)


async def test_what_is_no_request_is_named() -> None:
    with pytest.raises(TypeError, match="not dict"):
        await HandshakeApp().read_as_user({}, "0" * 32)


def test_a_wsgi_application_is_not_wrapped() -> None:
    set_up_django()
    with pytest.raises(TypeError, match="get_asgi_application"):
        HandshakeApp().wrap(get_wsgi_application())


DJANGO = {"django.core.management": 1}
DAPHNES = "daphne.management.commands.runserver"


@pytest.mark.parametrize(
    ("argv", "modules", "warned"),
    [
        pytest.param(["manage.py", "runserver"], DJANGO, True, id="runserver"),
        pytest.param(["/srv/manage.py", "runserver", "8000"], DJANGO, True, id="with a port"),
        pytest.param(["/django/__main__.py", "runserver"], DJANGO, True, id="as a module"),
        pytest.param(["./shop", "runserver_plus"], DJANGO, True, id="of a script and a package of another name"),
        pytest.param(["manage.py", "runserver"], {**DJANGO, DAPHNES: 1}, False, id="daphne's"),
        pytest.param(["manage.py", "migrate"], DJANGO, False, id="another command"),
        pytest.param(["uvicorn", "runserver"], {}, False, id="another program"),
        pytest.param(["manage.py"], DJANGO, False, id="no command"),
    ],
)
def test_a_server_of_wsgi_is_told_of(
    argv: list[str], modules: dict[str, Any], caplog: pytest.LogCaptureFixture, *, warned: bool
) -> None:
    warn_of_wsgi(argv, modules)
    assert ("INSTALLED_APPS" in caplog.text) is warned
