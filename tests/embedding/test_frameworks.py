"""The same scenario in every framework, and what a host shares with the application it embeds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Request
from litestar import Litestar, Request as LitestarRequest, get
from litestar.handlers import asgi
from litestar.middleware.session.client_side import CookieBackendConfig
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from handshake_prompt import HandshakeApp, HandshakeError, Session
from tests.conftest import FORM
from tests.embedding.hosts.frameworks import EMBEDDINGS, GREETING, Application, Build
from tests.embedding.scenario import play
from tests.support.peer import PATIENCE, open_session, patient_client
from tests.support.sessions import record_of

embeddings = pytest.mark.parametrize(("build", "ws"), EMBEDDINGS.values(), ids=EMBEDDINGS.keys())
hosts = pytest.mark.parametrize("build", [build for build, _ in EMBEDDINGS.values()], ids=EMBEDDINGS.keys())

Serve = Callable[..., Awaitable[str]]


class Passing(BaseHTTPMiddleware):
    """Middleware of the kind that most hosts have, and that runs the rest of the application in a task of its own."""

    async def dispatch(self, request: Any, call_next: RequestResponseEndpoint) -> Response:
        request.state.tenant = "acme"
        return await call_next(request)


def open_database(request: Request) -> str:
    return str(request.state.database)


Database = Annotated[str, Depends(open_database)]

MIDDLEWARE = {
    "base-http": [Middleware(Passing)],
    "gzip": [Middleware(GZipMiddleware, minimum_size=1)],
    "session": [Middleware(SessionMiddleware, secret_key="of a test")],
    "cors": [Middleware(CORSMiddleware, allow_origins=["https://elsewhere.example"])],
    "all-of-them": [
        Middleware(Passing),
        Middleware(GZipMiddleware, minimum_size=1),
        Middleware(SessionMiddleware, secret_key="of a test"),
    ],
}


@embeddings
async def test_the_scenario_works_in_a_host(build: Build, ws: str, serve: Serve) -> None:
    await play(await serve(build(HandshakeApp(), None)), ws=ws)


@pytest.mark.parametrize("middleware", MIDDLEWARE.values(), ids=MIDDLEWARE.keys())
async def test_the_scenario_works_behind_the_hosts_middleware(middleware: list[Middleware], serve: Serve) -> None:
    host = Starlette(middleware=middleware)
    HandshakeApp().mount_on(host)
    await play(await serve(host), ws="/ws/handshake/")


@hosts
async def test_a_host_keeps_its_other_paths(build: Build) -> None:
    transport = httpx.ASGITransport(build(HandshakeApp(), None))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        assert GREETING in (await http.get("/hello")).text
        assert (await http.get("/nothing")).status_code == 404
        assert (await http.get("/handshake/openapi.json")).json()["openapi"]


async def test_a_long_poll_behind_middleware_ends_with_its_client(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    hpp = HandshakeApp()
    host = Starlette(middleware=MIDDLEWARE["all-of-them"])
    hpp.mount_on(host)
    peer = await open_session(await serve(host), FORM)
    async with aclosing(peer.http):
        since = {"since": peer.created["cursor"], "wait": "20"}
        with pytest.raises(httpx.ReadTimeout):
            await peer.agent("GET", "diff", params=since, timeout=httpx.Timeout(PATIENCE, read=0.2))
        async with peer.watch(role="agent") as socket:
            await socket.next("connected")
            async with asyncio.timeout(PATIENCE):
                while (await peer.user("GET", "session")).json()["watchers"] > 1:
                    pass
                while hpp.engine.statistics.watchers > 1:
                    await asyncio.sleep(0.01)
    assert "No response returned" not in caplog.text
    assert "Traceback" not in caplog.text


def starlette_with_sessions(hpp: HandshakeApp) -> Application:
    async def log_in(request: HTTPConnection[Any]) -> Response:
        request.session["user_id"] = "ada"
        return Response()

    host = Starlette(routes=[Route("/login", log_in)], middleware=MIDDLEWARE["session"])
    host.mount("/handshake", hpp)
    return host


def litestar_with_sessions(hpp: HandshakeApp) -> Application:
    async def log_in(request: LitestarRequest[Any, Any, Any]) -> None:
        request.set_session({"user_id": "ada"})

    return Litestar(
        [get("/login")(log_in), asgi("/handshake", is_mount=True, copy_scope=True)(hpp)],
        middleware=[CookieBackendConfig(secret=b"16 bytes of test").middleware],
        logging_config=None,
    )


@pytest.mark.parametrize("build", [starlette_with_sessions, litestar_with_sessions], ids=["starlette", "litestar"])
async def test_a_hook_takes_the_owner_from_the_hosts_session(
    build: Callable[[HandshakeApp], Application], serve: Serve
) -> None:
    hpp = HandshakeApp()

    @hpp.on_create_session
    def owned(session: Session, request: HTTPConnection[Any]) -> bool:
        session.owner = request.session.get("user_id")
        return session.owner is not None

    async with patient_client(base_url=await serve(build(hpp))) as http:
        assert (await http.post("/handshake/session", json={})).status_code == 403
        await http.get("/login")
        created = (await http.post("/handshake/session", json={})).json()
    record = await record_of(hpp.engine.store, created["sessionId"])
    assert record.session.owner == "ada"


async def test_a_visitor_who_is_not_logged_in_is_told_so_and_leaves_no_traceback(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    hpp = HandshakeApp()

    @hpp.on_create_session
    async def bind_owner(session: Session, request: HTTPConnection[Any]) -> None:
        session.owner = request.session["user_id"]

    async with patient_client(base_url=await serve(starlette_with_sessions(hpp))) as http:
        refused = await http.post("/handshake/session", json={})
        await http.get("/login")
        assert (await http.post("/handshake/session", json={})).status_code == 200
    assert (refused.status_code, refused.json()["code"]) == (403, "denied")
    assert "log in" in refused.json()["detail"]
    assert "Traceback" not in caplog.text


async def test_a_hook_sees_the_request_as_the_host_does(serve: Serve) -> None:
    seen: dict[str, Any] = {}
    hpp = HandshakeApp()

    @hpp.on_create_session
    async def look(_: Session, request: Any) -> None:
        seen.update(
            tenant=request.state.tenant,
            path=request.url.path,
            shop=request.path_params["shop"],
            header=request.headers["x-from-page"],
            body=await request.json(),
        )

    host = Starlette(middleware=MIDDLEWARE["base-http"])
    host.mount("/shops/{shop}/handshake", hpp)
    async with patient_client(base_url=await serve(host)) as http:
        sent = {"meta": {"cart": 7}}
        await http.post("/shops/north/handshake/session", json=sent, headers={"X-From-Page": "yes"})
    assert seen == {
        "tenant": "acme",
        "path": "/shops/north/handshake/session",
        "shop": "north",
        "header": "yes",
        "body": sent,
    }


async def test_fastapi_routes_and_dependencies_work_beside_it(serve: Serve) -> None:
    hpp = HandshakeApp()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, str]]:
        async with hpp.lifespan():
            yield {"database": "open"}

    app = FastAPI(lifespan=lifespan)
    app.mount("/handshake", hpp)

    @app.exception_handler(HandshakeError)
    async def refused(_: Request, error: HandshakeError) -> Response:
        return hpp.error_response(error)

    @app.post("/orders/{sid}")
    async def order(sid: str, request: Request, database: Database) -> Response:
        form = await hpp.read_as_user(request, sid)
        return JSONResponse({"name": form["context"]["name"]["value"], "database": database})

    base_url = await serve(app)
    await play(base_url)
    peer = await open_session(base_url, FORM)
    async with aclosing(peer.http):
        await peer.act({"name": "Alice"})
        url = f"{base_url}/orders/{peer.session_id}"
        assert (await peer.http.post(url, headers=peer.as_user)).json() == {"name": "Alice", "database": "open"}
        assert (await peer.http.post(url, headers=peer.as_agent)).json()["code"] == "invalid_token"


async def test_two_applications_in_one_host_know_nothing_of_each_other(serve: Serve) -> None:
    host = Starlette()
    HandshakeApp().mount_on(host, "/sales", "/ws/sales")
    HandshakeApp().mount_on(host, "/support", "/ws/support")
    base_url = await serve(host)
    await play(base_url, mount="/sales", ws="/ws/sales/")
    await play(base_url, mount="/support", ws="/ws/support/")
    peer = await open_session(base_url, mount="/sales")
    async with aclosing(peer.http):
        elsewhere = f"{base_url}/support/context/{peer.session_id}"
        assert (await peer.http.get(elsewhere, headers=peer.as_agent | peer.as_user)).status_code == 403
        assert (await peer.agent("GET", "context")).status_code == 200
