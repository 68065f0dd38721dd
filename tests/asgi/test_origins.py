"""Origins whose pages may act for the person, over HTTP, CORS and WebSocket."""

from __future__ import annotations

import httpx
import pytest

from handshake_prompt import HandshakeApp
from tests.conftest import FORM, Open
from tests.support.in_process import open_in_process
from tests.support.peer import Peer

APP = "https://app.example.com"
EVIL = "https://evil.example.net"


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


async def test_a_page_behind_a_proxy_that_hides_the_host_is_told_how_to_let_it_in(
    caplog: pytest.LogCaptureFixture,
) -> None:
    peer = await open_in_process(HandshakeApp(), FORM)
    peer.base_url = "http://10.0.0.7:8000"
    replies = [await peer.user("POST", "notify", {"key": "name", "value": "x"}, headers={"Origin": APP}) for _ in "12"]
    (step,) = replies[0].json()["nextSteps"]
    assert all(remedy in step for remedy in ("Host", "X-Forwarded-Proto", "public_url", "allowed_origins"))
    (line,) = [record.getMessage() for record in caplog.records if APP in record.getMessage()]
    assert "http://10.0.0.7:8000" in line
    assert "set public_url" in line


async def test_the_log_names_no_more_foreign_origins_than_are_of_use(caplog: pytest.LogCaptureFixture) -> None:
    peer = await open_in_process(HandshakeApp(), FORM)
    for number in range(20):
        await peer.user("POST", "notify", {"key": "name"}, headers={"Origin": f"https://{number}.test" + "/" * 9_000})
    lines = [record.getMessage() for record in caplog.records if "may not act" in record.getMessage()]
    assert len(lines) == 8
    assert max(map(len, lines)) < 1_000
