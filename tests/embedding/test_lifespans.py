"""Lifespans: the host's own and ours, one inside the other, again and again, or none at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from handshake_prompt import HandshakeApp, Limits
from handshake_prompt.protocol.errors import CloseCode
from tests.conftest import FORM
from tests.embedding.hosts.frameworks import EMBEDDINGS, Build
from tests.embedding.scenario import play
from tests.support.peer import open_session
from tests.support.serving import serving

embeddings = pytest.mark.parametrize(("build", "ws"), EMBEDDINGS.values(), ids=EMBEDDINGS.keys())
hosts = pytest.mark.parametrize("build", [build for build, _ in EMBEDDINGS.values()], ids=EMBEDDINGS.keys())

Serve = Callable[..., Awaitable[str]]

QUICK = Limits(drain_spread=0.01)


@embeddings
async def test_the_scenario_works_where_no_lifespan_is_run(build: Build, ws: str, serve: Serve) -> None:
    await play(await serve(build(HandshakeApp(), None), lifespan="off"), ws=ws)


@hosts
async def test_watchers_are_sent_elsewhere_while_the_host_is_still_up(build: Build) -> None:
    hpp = HandshakeApp(limits=QUICK)
    seen: list[object] = []

    @asynccontextmanager
    async def own() -> AsyncIterator[None]:
        seen.append("up")
        yield
        seen.append(watch.close_code)

    async with serving(build(hpp, own), lifespan="on") as base_url:
        assert seen == ["up"]
        peer = await open_session(base_url, FORM)
        await peer.http.aclose()
        watch = await hpp.engine.watch(peer.session_id, peer.token)
    async with watch:
        assert seen == ["up", CloseCode.DRAINING]


@embeddings
async def test_a_host_with_a_lifespan_can_be_started_again(build: Build, ws: str) -> None:
    runs: list[str] = []

    @asynccontextmanager
    async def own() -> AsyncIterator[None]:
        runs.append("up")
        yield
        runs.append("down")

    app = build(HandshakeApp(limits=QUICK), own)
    for _ in range(2):
        async with serving(app) as base_url:
            await play(base_url, ws=ws)
    assert runs == ["up", "down"] * 2


def test_an_application_serves_one_event_loop_after_another() -> None:
    hpp = HandshakeApp(limits=QUICK)

    async def run() -> None:
        async with serving(hpp) as base_url:
            await play(base_url, mount="")

    asyncio.run(run())
    asyncio.run(run())


async def test_a_host_without_lifespans_can_drain_by_itself(serve: Serve) -> None:
    hpp = HandshakeApp(limits=QUICK)
    host = Starlette()
    host.mount("/handshake", hpp)
    base_url = await serve(host, lifespan="off")
    peer = await open_session(base_url, FORM)
    async with aclosing(peer.http):
        async with hpp, peer.watch() as page:
            await page.next("connected")
            await hpp.__aexit__(None, None, None)
            code, frames = await page.closed()
        assert (code, frames[-1]["type"]) == (CloseCode.DRAINING, "draining")
        async with hpp, peer.watch() as page:
            assert (await page.next())["type"] == "connected"


@pytest.mark.parametrize("asks_first", [True, False], ids=["after-startup", "before-startup"])
async def test_a_wrapped_application_that_breaks_off_its_lifespan_has_none(serve: Serve, *, asks_first: bool) -> None:
    async def host(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - it never answers
        if asks_first:
            await receive()
        raise RuntimeError("No lifespan here")

    await play(await serve(HandshakeApp().wrap(host), lifespan="on"), ws="/ws/handshake/")


async def test_a_wrapped_application_that_fails_to_start_keeps_the_server_down() -> None:
    @asynccontextmanager
    async def broken(_: Starlette) -> AsyncIterator[None]:
        raise RuntimeError("The database is gone")
        yield

    app = HandshakeApp().wrap(Starlette(lifespan=broken))
    sent: list[str] = []

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.startup"}

    async def send(message: dict[str, str]) -> None:
        sent.append(message["type"])

    with pytest.raises(RuntimeError, match="database"):
        await app({"type": "lifespan"}, receive, send)  # type: ignore[arg-type]
    assert sent == ["lifespan.startup.failed"]
