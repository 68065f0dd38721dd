"""Ready-made logins of hosts: sessions in the scope, and dependencies of FastAPI. Django's is in tests/embedding."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import httpx
import pytest
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyCookie
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from handshake_prompt import HandshakeApp, Limits, fastapi_owner, session_owner
from handshake_prompt.testing import InProcess
from tests.support.peer import Peer, open_session, patient_client
from tests.support.sessions import record_of

ADA = UUID("4ec6d8a3-7a0e-4b6f-9a39-3f0c2d1f6a11")
FORM = {"mode": "form-fill", "schema": [{"key": "name"}]}


class Sessions:
    """Session middleware of a host: the session is what the cookie `who` says."""

    def __init__(self, app: ASGIApp, session: Callable[[str], Any] = lambda who: {"user_id": who}) -> None:
        self.app = app
        self.session = session

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        cookie = dict(scope.get("headers", ())).get(b"cookie", b"").decode()
        who = next((each[4:] for each in cookie.split("; ") if each.startswith("who=")), "")
        await self.app({**scope, "session": self.session(who) if who else {}}, receive, send)


def with_sessions(hpp: HandshakeApp, **options: Any) -> Starlette:
    host = Starlette(middleware=[Middleware(Sessions, **options)])
    hpp.mount_on(host)
    return host


def as_user(who: str) -> dict[str, str]:
    return {"Cookie": f"who={who}"}


async def test_the_owner_is_who_is_logged_in_in_the_hosts_session() -> None:
    hpp = HandshakeApp(owner=session_owner("user_id"))
    async with InProcess(with_sessions(hpp)) as site:
        site.browser.cookies.set("who", "ada")
        page = await site.open_page(FORM)
        await page.edit("name", "Ada")
        record = await record_of(hpp.engine.store, page.created["sessionId"])
        assert (record.session.owner, record.session.value("name")) == ("ada", "Ada")
        site.browser.cookies.set("who", "eve")
        with pytest.raises(httpx.HTTPStatusError, match="403"):
            await page.edit("name", "Eve")
        site.browser.cookies.delete("who")
        with pytest.raises(httpx.HTTPStatusError, match="403"):
            await site.open_page(FORM)


@pytest.mark.parametrize("session", [{"user": {"sub": "ada"}}, {"user": None}, {"user": "ada"}, {}, None], ids=repr)
async def test_an_id_further_down_in_the_session_is_found_or_nobody_is(session: Any) -> None:
    owner = await session_owner("user", "sub")(Request({"type": "http", "headers": [], "session": session}))
    assert owner == ("ada" if session == {"user": {"sub": "ada"}} else None)


async def test_a_login_without_a_name_is_refused() -> None:
    with pytest.raises(TypeError, match="needs the name"):
        session_owner()


async def test_a_session_middleware_that_is_inside_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    hpp = HandshakeApp(owner=session_owner("user_id"))
    async with InProcess(hpp.wrap(Starlette(middleware=[Middleware(Sessions)]))) as site:
        with pytest.raises(httpx.HTTPStatusError, match="403"):
            await site.open_page(FORM)
    assert "has to stand around the protocol" in caplog.text


async def test_each_of_many_tabs_keeps_its_place_where_the_host_proves_the_person() -> None:
    hpp = HandshakeApp(owner=session_owner("user_id"), limits=Limits(cookies=2))
    async with InProcess(with_sessions(hpp)) as site:
        site.browser.cookies.set("who", "ada")
        pages = [await site.open_page(FORM) for _ in range(12)]
        for number, page in enumerate(pages):
            await page.edit("name", f"Tab {number}")
        stored = [await record_of(hpp.engine.store, page.created["sessionId"]) for page in pages]
    assert [record.session.value("name") for record in stored] == [f"Tab {number}" for number in range(12)]
    assert len([name for name in site.browser.cookies if name.startswith("hpp_")]) < 12


async def test_streams_and_sockets_are_the_owners_alone(serve: Callable[..., Awaitable[str]]) -> None:
    seen = []

    async def owner(request: Request) -> Any:
        seen.append((type(request), request.method))
        return request.session.get("user_id")

    base_url = await serve(with_sessions(HandshakeApp(owner=owner)))
    async with patient_client(base_url=base_url, headers=as_user("ada")) as http:
        created = (await http.post("/handshake/session", json=FORM)).json()
        peer = Peer(base_url, created, "who=ada", http)
        async with peer.watch() as socket:
            assert (await socket.next())["role"] == "user"
        assert seen[-1] == (Request, "GET")
        async with peer.events(role="user") as stream:
            assert (await stream.next())["role"] == "user"
        async with peer.watch(headers=as_user("eve")) as socket:
            assert (await socket.closed())[0] == 4401


async def test_a_stream_ends_once_its_person_is_logged_in_no_more(
    serve: Callable[..., Awaitable[str]],
) -> None:
    logged_in = {"ada"}

    async def owner(request: Request) -> Any:
        return request.session.get("user_id") if request.session.get("user_id") in logged_in else None

    limits = Limits(login_lease=1e-9, stream_keepalive=0.05)
    base_url = await serve(with_sessions(HandshakeApp(owner=owner, limits=limits)))
    async with patient_client(base_url=base_url, headers=as_user("ada")) as http:
        created = (await http.post("/handshake/session", json=FORM)).json()
        peer = Peer(base_url, created, "who=ada", http)
        async with peer.events(role="user") as stream:
            await stream.next("connected")
            assert await stream.block() == [": ping"]
            logged_in.clear()
            last, before = await stream.closed()
            assert (last["type"], last["code"], last["final"], before) == ("closed", 4401, True, [])


# Dependencies of FastAPI


class NotLoggedInError(Exception):
    """Raised by a host that has a handler for it."""


opened: list[str] = []


async def database(request: Request) -> AsyncIterator[dict[str, UUID]]:
    opened.append("open")
    yield request.app.state.users
    opened.append("closed")


def current_user(
    users: Annotated[dict[str, UUID], Depends(database)],
    who: Annotated[str, Depends(APIKeyCookie(name="who"))],
    x_tenant: Annotated[int | None, Header()] = None,
) -> UUID:
    if who == "raises":
        raise NotLoggedInError
    if who == "breaks":
        raise HTTPException(503)
    if who not in users:
        raise HTTPException(303, headers={"Location": "/login"})
    assert x_tenant is None
    return users[who]


def fastapi_host(dependency: Callable[..., Any] = current_user) -> tuple[FastAPI, HandshakeApp]:
    app, hpp = FastAPI(), HandshakeApp(owner=fastapi_owner(dependency))
    app.state.users = {"ada": ADA, "eve": "eve"}

    @app.exception_handler(NotLoggedInError)
    async def log_in(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse({}, 401)

    hpp.mount_on(app)
    return app, hpp


async def test_a_dependency_is_resolved_with_its_own_dependencies(serve: Callable[..., Awaitable[str]]) -> None:
    app, hpp = fastapi_host()
    base_url = await serve(app)
    opened.clear()
    async with patient_client(base_url=base_url, headers=as_user("ada")) as http:
        created = (await http.post("/handshake/session", json=FORM)).json()
        assert (await record_of(hpp.engine.store, created["sessionId"])).session.owner == str(ADA)
        peer = Peer(base_url, created, "who=ada", http)
        async with peer.watch() as socket:
            assert (await socket.next())["role"] == "user"
        assert (await peer.edit("name", "Ada"))["by"] == "user"
        assert opened == ["open", "closed"] * 3
        assert (await http.get(created["contextUrl"], headers=as_user("eve"))).status_code == 403


@pytest.mark.parametrize("who", ["nobody", "raises", "", "header"])
async def test_a_dependency_that_refuses_has_found_nobody_and_is_quiet(
    who: str, caplog: pytest.LogCaptureFixture
) -> None:
    app, _ = fastapi_host()
    headers = {"x-tenant": "no number"} if who == "header" else {}
    async with InProcess(app) as site:
        site.browser.cookies.set("who", "ada" if who == "header" else who)
        refused = await site.browser.post("/handshake/session", json=FORM, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "denied")
    assert "log in" in refused.json()["detail"]
    assert caplog.text == ""


@pytest.mark.parametrize("who", ["breaks", "ada"])
async def test_a_dependency_that_fails_denies_and_is_logged(who: str, caplog: pytest.LogCaptureFixture) -> None:
    app, _ = fastapi_host()
    app.state.users = None
    async with InProcess(app) as site:
        site.browser.cookies.set("who", who)
        refused = await site.browser.post("/handshake/session", json=FORM)
    assert refused.status_code == 403
    assert "fastapi_owner" in caplog.text


async def test_a_lambda_takes_the_id_of_a_user_and_overrides_of_tests_count() -> None:
    class User:
        def __init__(self, number: int) -> None:
            self.number = number

    def user() -> User:
        return User(7)

    app, hpp = fastapi_host(lambda user=Depends(user): user.number)  # noqa: B008 - as users write it
    async with InProcess(app) as site:
        page = await site.open_page(FORM)
        app.dependency_overrides[user] = lambda: User(8)
        other = await site.open_page(FORM)
    records = [await record_of(hpp.engine.store, each.created["sessionId"]) for each in (page, other)]
    assert [record.session.owner for record in records] == [7, 8]


async def test_a_dependency_works_in_front_of_the_application_as_well() -> None:
    def named(who: Annotated[str | None, Header()] = None) -> str | None:
        if who == "x":
            raise HTTPException(401)
        return who

    async with InProcess(HandshakeApp(owner=fastapi_owner(named)).wrap(FastAPI())) as site:
        reply = await site.browser.post("/handshake/session", json=FORM, headers={"who": "ada"})
        refused = await site.browser.post("/handshake/session", json=FORM, headers={"who": "x"})
    assert (reply.status_code, refused.status_code) == (200, 403)


async def test_hooks_are_given_the_hosts_own_application(serve: Callable[..., Awaitable[str]]) -> None:
    hpp, seen = HandshakeApp(), []

    @hpp.on_create_session
    async def look(_: Any, request: Request) -> None:
        seen.append(request.app)

    host = Starlette()
    hpp.mount_on(host)
    await (await open_session(await serve(host), FORM)).http.aclose()
    assert seen == [host]
