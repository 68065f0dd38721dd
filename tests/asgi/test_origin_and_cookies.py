"""Cookies that make a browser the person, and the origins whose pages may use them."""

from __future__ import annotations

from http.cookies import Morsel, SimpleCookie
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from handshake_prompt import HandshakeApp, Limits, MemoryStore
from tests.conftest import FORM, Open
from tests.support.clock import ManualClock
from tests.support.in_process import client, open_in_process
from tests.support.peer import Peer

APP = "https://app.example.com"
EVIL = "https://evil.example.net"


async def create(http: httpx.AsyncClient, **headers: str) -> httpx.Response:
    """Open a session with exactly the given headers; the client's own cookie jar stays out of it."""
    response = await http.post("/handshake/session", json={}, headers=headers)
    http.cookies.clear()
    assert response.status_code == 200, response.text
    return response


def cookies(response: httpx.Response) -> dict[str, Morsel[str]]:
    """Return what a browser makes of the Set-Cookie headers of a response."""
    jar: SimpleCookie = SimpleCookie()
    for header in response.headers.get_list("set-cookie"):
        jar.load(header)
    return dict(jar)


def kept(response: httpx.Response) -> dict[str, str]:
    """Return the cookies that a response sets, without those it takes back."""
    return {name: morsel.value for name, morsel in cookies(response).items() if morsel["max-age"] != "0"}


def ended(response: httpx.Response) -> set[str]:
    """Return the names of the cookies that a response takes back."""
    return {name for name, morsel in cookies(response).items() if morsel["max-age"] == "0"}


# Cookies


async def test_on_http_the_cookie_is_httponly_strict_and_for_the_whole_site() -> None:
    async with client(HandshakeApp()) as http:
        response = await create(http)
    (morsel,) = cookies(response).values()
    assert morsel.key == f"hpp_{response.json()['sessionId']}"
    assert morsel["httponly"] is True
    assert morsel["samesite"] == "strict"
    assert morsel["path"] == "/"
    assert not morsel["secure"]
    assert not morsel["domain"]


async def test_the_cookie_lasts_as_long_as_the_session_can() -> None:
    async with client(HandshakeApp(limits=Limits(max_lifetime=7200))) as http:
        (morsel,) = cookies(await create(http)).values()
    assert morsel["max-age"] == "7200"


@pytest.mark.parametrize("trusted", [True, False])
async def test_on_https_the_cookie_is_secure_and_bound_to_the_host(serve: Any, trusted: bool) -> None:  # noqa: FBT001
    """A proxy says that it ended TLS; only the server decides whether it is to be believed."""
    host = Starlette()
    HandshakeApp().mount_on(host)
    url = await serve(host, proxy_headers=True, forwarded_allow_ips="127.0.0.1" if trusted else "203.0.113.9")
    async with httpx.AsyncClient(base_url=url, verify=False) as http:
        response = await create(http, **{"X-Forwarded-Proto": "https"})
    (morsel,) = cookies(response).values()
    assert morsel.key == ("__Host-hpp_" if trusted else "hpp_") + response.json()["sessionId"]
    assert bool(morsel["secure"]) is trusted
    assert morsel["path"] == "/"
    assert not morsel["domain"], "a cookie with a domain cannot have the prefix __Host-"


async def test_the_secure_cookie_makes_the_person(serve: Any) -> None:
    host = Starlette()
    HandshakeApp().mount_on(host)
    url = await serve(host, proxy_headers=True, forwarded_allow_ips="127.0.0.1")
    secure = {"X-Forwarded-Proto": "https"}
    async with httpx.AsyncClient(base_url=url, verify=False) as http:
        response = await create(http, **secure)
        ((name, value),) = kept(response).items()
        edit = await http.post(
            response.json()["notifyUrl"], json={"key": "a", "value": 1}, headers={"Cookie": f"{name}={value}", **secure}
        )
    assert edit.json()["by"] == "user"


async def test_a_session_does_not_adopt_the_cookie_that_a_request_brings() -> None:
    hpp = HandshakeApp()
    attacker = await open_in_process(hpp)
    brought = attacker.cookie.partition("=")[2]
    response = await create(attacker.http, Cookie=attacker.cookie)
    ((name, minted),) = kept(response).items()
    assert minted != brought
    assert name != attacker.cookie.partition("=")[0]


async def test_no_two_sessions_share_a_secret() -> None:
    async with client(HandshakeApp()) as http:
        replies = [await create(http) for _ in range(5)]
    secrets = [value for reply in replies for value in kept(reply).values()]
    tokens = [reply.json()["token"] for reply in replies]
    assert len({*secrets, *tokens}) == 10
    assert all(len(secret) >= 32 for secret in secrets + tokens)


async def test_several_sessions_in_one_browser_keep_their_person() -> None:
    hpp = HandshakeApp()
    browser = client(hpp)  # with its cookie jar
    created = [(await browser.post("/handshake/session", json={})).json() for _ in range(8)]
    for session in created:
        reply = await browser.post(session["notifyUrl"], json={"key": "a", "value": 1})
        assert reply.status_code == 200, reply.text
    assert len(browser.cookies) == 8


async def test_the_ninth_session_takes_the_place_of_the_one_with_the_least_time_left() -> None:
    clock = ManualClock()
    hpp = HandshakeApp(store=MemoryStore(clock=clock))
    browser = client(hpp)
    created = []
    for _ in range(8):
        clock.advance(1)
        created.append((await browser.post("/handshake/session", json={})).json())
    clock.advance(1)
    first, second, *others = created
    await browser.post(first["notifyUrl"], json={"key": "a", "value": 1})  # the oldest is in use
    response = await browser.post("/handshake/session", json={})
    assert ended(response) == {f"hpp_{second['sessionId']}"}
    assert len(browser.cookies) == 8
    for session in (first, *others):
        assert (await browser.get(session["contextUrl"])).json()["role"] == "user"


async def test_cookies_of_sessions_that_have_ended_are_taken_back() -> None:
    clock = ManualClock()
    hpp = HandshakeApp(store=MemoryStore(clock=clock), ttl=100)
    browser = client(hpp)
    expired = (await browser.post("/handshake/session", json={})).json()
    clock.advance(90)
    revoked, live = [(await browser.post("/handshake/session", json={})).json() for _ in range(2)]
    assert (await browser.delete(revoked["sessionUrl"])).status_code == 200
    clock.advance(20)
    response = await browser.post("/handshake/session", json={})
    assert ended(response) == {f"hpp_{expired['sessionId']}", f"hpp_{revoked['sessionId']}"}
    assert f"hpp_{live['sessionId']}" in browser.cookies


async def test_cookies_that_are_not_ours_are_left_alone() -> None:
    async with client(HandshakeApp()) as http:
        response = await create(http, Cookie=f"login=alice; hpp_theme=dark; hpp_{'g' * 32}=x; xhpp_{'0' * 32}=x")
    assert ended(response) == set()


async def test_a_cookie_with_a_made_up_secret_is_taken_back_and_tells_nothing() -> None:
    hpp = HandshakeApp()
    peer = await open_in_process(hpp)
    unknown = f"hpp_{'0' * 32}"
    response = await create(peer.http, Cookie=f"hpp_{peer.session_id}=guess; {unknown}=guess")
    assert ended(response) == {f"hpp_{peer.session_id}", unknown}
    assert (await peer.user("GET", "context")).json()["role"] == "user"


async def test_a_request_with_thousands_of_our_cookies_costs_a_bounded_number_of_look_ups(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hpp = HandshakeApp()
    asked = []
    load = hpp.engine.store.load

    async def counting(session_id: str, **options: Any) -> Any:
        asked.append(session_id)
        return await load(session_id, **options)

    monkeypatch.setattr(hpp.engine.store, "load", counting)
    async with client(hpp) as http:
        await create(http, Cookie="; ".join(f"hpp_{number:032x}=x" for number in range(1000)))
    assert len(asked) <= 32


async def test_only_creation_sets_a_cookie() -> None:
    peer = await open_in_process(HandshakeApp(), FORM)
    for response in (
        await peer.user("GET", "context"),
        await peer.user("POST", "notify", {"key": "name", "value": "x"}),
        await peer.user("POST", "rotate", {}),
        await peer.user("DELETE", "session"),
    ):
        assert response.status_code == 200
        assert "set-cookie" not in response.headers


async def test_the_user_token_is_handed_out_only_to_a_page_that_asks() -> None:
    hpp = HandshakeApp()
    assert "userToken" not in (await open_in_process(hpp, {})).created
    peer = await open_in_process(hpp, {"userToken": True})
    assert peer.created["userToken"] == peer.cookie.partition("=")[2]
    reply = await peer.send(
        "POST", "notify", {"key": "a", "value": 1}, headers={"X-Handshake-User-Token": peer.created["userToken"]}
    )
    assert reply.json()["by"] == "user"


# Origins: (what the server is told about itself, the page's origin, whether the page may act for its person)

ORIGINS = {
    "same": ("http://app.test", "http://app.test", True),
    "same with a port": ("http://app.test:8000", "http://app.test:8000", True),
    "default port spelled out": ("http://app.test", "http://app.test:80", True),
    "case of the host": ("http://app.test", "http://APP.TEST", True),
    "IPv6": ("http://[::1]:8000", "http://[::1]:8000", True),
    "TLS ended by a proxy": ("http://app.test", "https://app.test", True),
    "TLS ended by a proxy on another port": ("http://app.test:8443", "https://app.test:8443", True),
    "another host": ("http://app.test", "http://evil.test", False),
    "subdomain": ("http://app.test", "http://x.app.test", False),
    "parent domain": ("http://x.app.test", "http://app.test", False),
    "suffix": ("http://app.test", "http://app.test.evil.test", False),
    "prefix": ("http://app.test", "http://evilapp.test", False),
    "another port": ("http://app.test", "http://app.test:8080", False),
    "another port over TLS": ("http://app.test", "https://app.test:8443", False),
    "page downgraded to http": ("https://app.test", "http://app.test", False),
    "user info": ("http://app.test", "http://app.test@evil.test", False),
    "null": ("http://app.test", "null", False),
    "empty": ("http://app.test", "", False),
    "file": ("http://app.test", "file://", False),
    "extension": ("http://app.test", "chrome-extension://abcdef", False),
    "nonsense": ("http://app.test", "app.test", False),
    "two": ("http://app.test", "http://app.test http://evil.test", False),
}


@pytest.mark.parametrize(("own", "origin", "allowed"), ORIGINS.values(), ids=ORIGINS)
async def test_by_default_only_pages_of_the_same_origin_act_for_their_person(
    own: str, origin: str, *, allowed: bool
) -> None:
    peer = await open_in_process(HandshakeApp(), FORM)
    edit = {"key": "name", "value": "x"}
    peer.base_url = own
    reply = await peer.user("POST", "notify", edit, headers={"Origin": origin})
    if reply.status_code == 403:
        # over https the cookie has its secure name too, so this is about the origin alone
        assert reply.json()["code"] == "origin_not_allowed"
    assert (reply.status_code == 200) is allowed


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [(APP, True), (EVIL, False), ("http://app.example.com", False), ("https://app.example.com:444", False)],
)
async def test_allowed_origins_widens_the_circle_by_exactly_those(origin: str, *, allowed: bool) -> None:
    peer = await open_in_process(HandshakeApp(allowed_origins=[APP]), FORM)
    reply = await peer.user("POST", "notify", {"key": "name", "value": "x"}, headers={"Origin": origin})
    assert (reply.status_code == 200) is allowed


async def test_public_url_names_an_origin_of_ours() -> None:
    peer = await open_in_process(HandshakeApp(public_url=f"{APP}/"), FORM)
    edit = {"key": "name", "value": "x"}
    assert (await peer.user("POST", "notify", edit, headers={"Origin": APP})).status_code == 200
    assert (await peer.user("POST", "notify", edit, headers={"Origin": EVIL})).status_code == 403


async def test_a_request_without_an_origin_is_no_foreign_page() -> None:
    peer = await open_in_process(HandshakeApp(), FORM)
    assert (await peer.edit("name", "x"))["by"] == "user"


async def test_a_text_in_place_of_a_list_of_origins_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="collection"):
        HandshakeApp(allowed_origins=APP)


# CORS


async def preflight(peer: Peer, name: str, origin: str, method: str = "POST") -> httpx.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type, x-handshake-user-token, x-handshake-token, idempotency-key",
    }
    return await peer.send("OPTIONS", name, headers=headers)


@pytest.mark.parametrize(("name", "method"), [("notify", "POST"), ("context", "GET"), ("session", "DELETE")])
async def test_the_browser_of_an_allowed_page_is_let_through(name: str, method: str) -> None:
    peer = await open_in_process(HandshakeApp(allowed_origins=[APP]), FORM)
    response = await preflight(peer, name, APP, method)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == APP
    assert response.headers["access-control-allow-credentials"] == "true"
    assert method in response.headers["access-control-allow-methods"]
    allowed = response.headers["access-control-allow-headers"].lower()
    assert all(
        name in allowed for name in ("content-type", "x-handshake-user-token", "x-handshake-token", "idempotency-key")
    )


async def test_the_browser_of_a_foreign_page_is_told_nothing() -> None:
    peer = await open_in_process(HandshakeApp(allowed_origins=[APP]), FORM)
    response = await preflight(peer, "notify", EVIL)
    assert response.status_code == 400
    assert "access-control-allow-origin" not in response.headers
    reply = await peer.agent("GET", "context", headers={"Origin": EVIL})
    assert "access-control-allow-origin" not in reply.headers


async def test_without_allowed_origins_no_page_elsewhere_is_let_through() -> None:
    peer = await open_in_process(HandshakeApp(), FORM)
    response = await preflight(peer, "notify", APP)
    assert not any(name.startswith("access-control") for name in response.headers)


async def test_an_allowed_page_can_read_replies_errors_and_rate_headers() -> None:
    peer = await open_in_process(HandshakeApp(allowed_origins=[APP]), FORM)
    good = await peer.agent("GET", "context", headers={"Origin": APP})
    bad = await peer.send("GET", "context", headers={"Origin": APP})
    assert (good.status_code, bad.status_code) == (200, 403)
    for response in (good, bad):
        assert response.headers["access-control-allow-origin"] == APP
        exposed = response.headers["access-control-expose-headers"].lower()
        assert all(name in exposed for name in ("ratelimit", "ratelimit-policy", "retry-after", "idempotency-replayed"))


async def test_replies_to_an_allowed_page_say_that_they_depend_on_the_origin() -> None:
    peer = await open_in_process(HandshakeApp(allowed_origins=[APP]), FORM)
    reply = await peer.agent("GET", "context", headers={"Origin": APP})
    assert "origin" in reply.headers["vary"].lower()


# The WebSocket, which CORS does not cover


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("own", True), (APP, True), (EVIL, False), ("null", False), ("http://127.0.0.1", False), (None, True)],
)
async def test_a_page_on_a_foreign_origin_can_not_open_the_persons_websocket(
    pair: Open, origin: str | None, *, allowed: bool
) -> None:
    peer = await pair(HandshakeApp(allowed_origins=[APP]))
    headers = dict(peer.as_user)
    if origin is not None:
        headers["Origin"] = peer.base_url if origin == "own" else origin
    async with peer.watch(headers=headers) as socket:
        if allowed:
            assert (await socket.next("connected"))["role"] == "user"
            return
        code, frames = await socket.closed()
    assert code == 4403
    assert [frame["type"] for frame in frames] == ["error"]
    assert frames[0]["code"] == "origin_not_allowed"


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "",
        "app.example.com",
        "https://*.example.com",
        "https://example.com/",
        "https://Example.com",
        "https://",
    ],
)
def test_an_allowed_origin_is_one_a_browser_sends_and_never_a_pattern(origin: str) -> None:
    with pytest.raises(ValueError, match="An allowed origin is scheme, host and port"):
        HandshakeApp(allowed_origins=[origin])


@pytest.mark.parametrize("origin", ["https://app.example.com", "http://localhost:3000", "http://[::1]:8000"])
def test_origins_as_browsers_send_them_can_be_allowed(origin: str) -> None:
    HandshakeApp(allowed_origins=[origin])
