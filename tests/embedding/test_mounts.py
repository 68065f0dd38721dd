"""Wherever it is mounted, behind whatever proxy: the URLs in replies are the ones that lead back to it."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from litestar import Litestar, Router as LitestarRouter
from litestar.handlers import asgi
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from handshake_prompt import HandshakeApp
from tests.embedding.hosts.frameworks import Application
from tests.embedding.scenario import play
from tests.support.peer import open_session, patient_client

Serve = Callable[..., Awaitable[str]]


def mounted(hpp: HandshakeApp, path: str = "/handshake") -> Starlette:
    host = Starlette()
    host.mount(path, hpp)
    return host


def mounted_on(hpp: HandshakeApp, prefix: str = "/handshake", ws_prefix: str = "/ws/handshake") -> Starlette:
    host = Starlette()
    hpp.mount_on(host, prefix, ws_prefix)
    return host


def litestar(hpp: HandshakeApp, path: str = "/handshake") -> Application:
    return Litestar([asgi(path, is_mount=True, copy_scope=True)(hpp)], logging_config=None)


def inner(hpp: HandshakeApp) -> LitestarRouter:
    return LitestarRouter("/b", route_handlers=[asgi("/pair", is_mount=True, copy_scope=True)(hpp)])


MOUNTS: dict[str, tuple[Callable[[HandshakeApp], Application], str, str]] = {
    "alone": (lambda hpp: hpp, "", "/ws/"),
    "at-the-root": (lambda hpp: mounted(hpp, "/"), "", "/ws/"),
    "slash-at-the-end": (lambda hpp: mounted(hpp, "/pair/"), "/pair", "/pair/ws/"),
    "several-segments": (lambda hpp: mounted(hpp, "/api/v1/pair"), "/api/v1/pair", "/api/v1/pair/ws/"),
    "nested": (lambda hpp: Starlette(routes=[Mount("/a", mounted(hpp, "/b"))]), "/a/b", "/a/b/ws/"),
    "nested-twice": (
        lambda hpp: Starlette(routes=[Mount("/a", Starlette(routes=[Mount("/b", mounted_on(hpp))]))]),
        "/a/b/handshake",
        "/a/b/ws/handshake/",
    ),
    "below-a-parameter": (lambda hpp: mounted(hpp, "/shops/{shop}/pair"), "/shops/north/pair", "/shops/north/pair/ws/"),
    "prefixes-with-slashes": (lambda hpp: mounted_on(hpp, "/pair/", "/ws/pair/"), "/pair", "/ws/pair/"),
    "prefixes-apart": (lambda hpp: mounted_on(hpp, "/api/pair", "/sockets"), "/api/pair", "/sockets/"),
    "wrapped-with-slashes": (lambda hpp: hpp.wrap(Starlette(), "/pair/", "/ws/pair/"), "/pair", "/ws/pair/"),
    "litestar-segments": (lambda hpp: litestar(hpp, "/api/v1/pair"), "/api/v1/pair", "/api/v1/pair/ws/"),
    "litestar-routers": (
        lambda hpp: Litestar([LitestarRouter("/a", route_handlers=[inner(hpp)])], logging_config=None),
        "/a/b/pair",
        "/a/b/pair/ws/",
    ),
    "litestar-in-starlette": (
        lambda hpp: Starlette(routes=[Mount("/a", litestar(hpp))]),
        "/a/handshake",
        "/a/handshake/ws/",
    ),
    "fastapi-in-starlette": (
        lambda hpp: Starlette(routes=[Mount("/a", _in_fastapi(hpp))]),
        "/a/handshake",
        "/a/handshake/ws/",
    ),
}

PROXIED: dict[str, tuple[Callable[[HandshakeApp], Application], str, str]] = {
    "alone": (lambda hpp: hpp, "", "/ws/"),
    "mount": (mounted, "/handshake", "/handshake/ws/"),
    "mount_on": (mounted_on, "/handshake", "/ws/handshake/"),
    "wrap": (lambda hpp: hpp.wrap(Starlette()), "/handshake", "/ws/handshake/"),
    "litestar": (litestar, "/handshake", "/handshake/ws/"),
}


def naming_the_prefix(app: Application, prefix: str) -> ASGIApp:
    """What uvicorn makes of a request that comes through a proxy: `root_path` is a part of `path`."""

    async def server(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "root_path": prefix}, receive, send)

    return server


def stripping_the_prefix(app: Application, prefix: str) -> ASGIApp:
    """What hypercorn and daphne make of it: `root_path` is no part of `path`."""

    async def server(scope: Scope, receive: Receive, send: Send) -> None:
        path, raw = scope["path"].removeprefix(prefix), scope["raw_path"].removeprefix(prefix.encode())
        await app({**scope, "root_path": prefix, "path": path, "raw_path": raw}, receive, send)

    return server


def rewriting_the_path(app: Application, prefix: str) -> ASGIApp:
    """What a host's own middleware makes of it, such as one that takes a language out of the path."""

    async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "path": scope["path"].removeprefix(prefix)}, receive, send)

    return middleware


def without_raw_path(app: Application, prefix: str) -> ASGIApp:
    """`raw_path` is optional."""
    server = naming_the_prefix(app, prefix)

    async def bare(scope: Scope, receive: Receive, send: Send) -> None:
        await server({name: value for name, value in scope.items() if name != "raw_path"}, receive, send)

    return bare


def _in_fastapi(hpp: HandshakeApp) -> FastAPI:
    app = FastAPI()
    app.mount("/handshake", hpp)
    return app


@pytest.mark.parametrize(("build", "mount", "ws"), MOUNTS.values(), ids=MOUNTS.keys())
async def test_the_scenario_works_at_a_mount(
    build: Callable[[HandshakeApp], Application], mount: str, ws: str, serve: Serve
) -> None:
    await play(await serve(build(HandshakeApp()), lifespan="off"), mount=mount.replace("{shop}", "north"), ws=ws)


@pytest.mark.parametrize("proxy", [naming_the_prefix, stripping_the_prefix, rewriting_the_path])
@pytest.mark.parametrize(("build", "mount", "ws"), PROXIED.values(), ids=PROXIED.keys())
async def test_the_scenario_works_behind_a_proxy_with_a_prefix(
    build: Callable[[HandshakeApp], Application],
    mount: str,
    ws: str,
    proxy: Callable[[Application, str], ASGIApp],
    serve: Serve,
) -> None:
    app = proxy(build(HandshakeApp()), "/proxied")
    await play(await serve(app, lifespan="off"), mount=f"/proxied{mount}", ws=f"/proxied{ws}")


async def test_a_host_that_catches_all_does_not_hide_it(serve: Serve) -> None:
    host = Starlette(routes=[Mount("/", PlainTextResponse("The page"))])
    HandshakeApp().mount_on(host)
    await play(await serve(host), ws="/ws/handshake/")


async def test_a_prefix_is_found_without_a_raw_path(serve: Serve) -> None:
    app = without_raw_path(mounted_on(HandshakeApp()), "/proxied")
    await play(await serve(app, lifespan="off"), mount="/proxied/handshake", ws="/proxied/ws/handshake/")


@pytest.mark.parametrize(("build", "mount", "ws"), PROXIED.values(), ids=PROXIED.keys())
async def test_the_root_path_of_a_server_is_a_part_of_the_urls(
    build: Callable[[HandshakeApp], Application], mount: str, ws: str, serve: Serve
) -> None:
    base_url = await serve(build(HandshakeApp()), root_path="/proxied", lifespan="off")
    peer = await open_session(base_url, mount=mount)
    await peer.http.aclose()
    assert peer.created["wsUrl"] == f"/proxied{ws}{peer.session_id}"
    assert peer.created["contextUrl"] == f"/proxied{mount}/context/{peer.session_id}"


async def test_the_root_path_of_a_fastapi_application_is_a_part_of_the_urls(serve: Serve) -> None:
    with warnings.catch_warnings(action="ignore"):  # newer ones prefer the server's setting
        app = FastAPI(root_path="/proxied")
    app.mount("/handshake", HandshakeApp())
    peer = await open_session(await serve(app))
    await peer.http.aclose()
    assert peer.created["wsUrl"] == f"/proxied/handshake/ws/{peer.session_id}"


@pytest.mark.parametrize(
    "build",
    [mounted, mounted_on, litestar, lambda hpp: hpp.wrap(Starlette()), _in_fastapi],
    ids=["mount", "mount_on", "litestar", "wrap", "fastapi"],
)
@pytest.mark.parametrize("slash", ["", "/"], ids=["bare", "slash"])
async def test_the_index_is_found_with_and_without_a_slash(
    build: Callable[[HandshakeApp], Application], slash: str
) -> None:
    async with _in_process(build(HandshakeApp())) as http:
        index = await http.get(f"/handshake{slash}", follow_redirects=True)
        assert index.json()["links"]["session"] == "/handshake/session"
        created = (await http.post(f"/handshake/session{slash}", json={})).json()
        assert created["contextUrl"] == f"/handshake/context/{created['sessionId']}"


async def test_a_mount_of_its_own_beside_mount_on_is_given_its_own_urls() -> None:
    hpp = HandshakeApp()
    host = mounted_on(hpp)
    host.mount("/other", hpp)
    async with _in_process(host) as http:
        beside = (await http.post("/other/session", json={})).json()
        first = (await http.post("/handshake/session", json={})).json()
    assert beside["wsUrl"] == f"/other/ws/{beside['sessionId']}"
    assert first["wsUrl"] == f"/ws/handshake/{first['sessionId']}"


async def test_urls_are_written_as_they_are_sent() -> None:
    async with _in_process(mounted(HandshakeApp(), "/shops/{shop}/pair")) as http:
        created = (await http.post("/shops/n%C3%B6rd%20%25/pair/session", json={})).json()
        assert created["contextUrl"] == f"/shops/n%C3%B6rd%20%25/pair/context/{created['sessionId']}"
        headers = {"X-Handshake-Token": created["token"]}
        assert (await http.get(created["contextUrl"], headers=headers)).status_code == 200


async def test_slashes_in_front_cannot_make_a_url_of_another_host() -> None:
    async with _in_process(litestar(HandshakeApp())) as http:
        created = (await http.post("http://127.0.0.1//handshake/session", json={})).json()
    assert created["contextUrl"].startswith("/handshake/")


async def test_a_wrapped_application_resolves_its_own_urls() -> None:
    async def link(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(request.url_for("link")))

    async with _in_process(HandshakeApp().wrap(Starlette(routes=[Route("/link", link)]))) as http:
        assert (await http.get("/link")).text == "http://127.0.0.1/link"


@pytest.mark.parametrize("prefix", ["", "/", "handshake"])
def test_a_prefix_has_to_name_a_path(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        HandshakeApp().routes_at(prefix)


def _in_process(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")


@pytest.mark.parametrize("order", ["form, then mount", "mount, then form"])
async def test_a_form_is_registered_before_or_after_litestar_mounts_it(order: str, serve: Serve) -> None:
    hpp, fields = HandshakeApp(), [{"key": "name"}]
    if order == "form, then mount":
        hpp.form("claim", fields)
    url = await serve(litestar(hpp))
    if order == "mount, then form":
        hpp.form("claim", fields)
    async with patient_client() as http:
        assert (await http.get(f"{url}/handshake/forms/claim")).json()["fields"] == fields
        assert (await http.post(f"{url}/handshake/session", json={"form": "claim"})).json()["form"] == "claim"
