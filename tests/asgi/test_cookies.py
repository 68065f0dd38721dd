"""Cookies that make a browser the person: set, counted for one session each, taken back."""

from __future__ import annotations

from contextlib import aclosing
from http.cookies import Morsel, SimpleCookie
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from handshake_prompt import HandshakeApp, Limits, MemoryStore
from handshake_prompt.stores import Loaded
from tests.conftest import FORM, Open
from tests.support.clock import ManualClock
from tests.support.in_process import client, open_in_process
from tests.support.peer import open_session, patient_client


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
    async with patient_client(base_url=url) as http:
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
    async with patient_client(base_url=url) as http:
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


class SlowStore(MemoryStore):
    """Store with seconds between any two reads of it."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock=clock)
        self._seconds = clock

    async def load(self, session_id: str, *, after: int | None = None, key: str | None = None) -> Loaded | None:
        self._seconds.advance(5)
        return await super().load(session_id, after=after, key=key)


async def test_sessions_are_compared_by_their_ends_however_long_it_takes_to_look_them_up() -> None:
    clock = ManualClock()
    hpp = HandshakeApp(store=SlowStore(clock))
    browser = client(hpp)
    created = []
    for _ in range(9):
        clock.advance(1)
        response = await browser.post("/handshake/session", json={})
        created.append(response.json())
    assert ended(response) == {f"hpp_{created[0]['sessionId']}"}


async def test_a_session_that_is_open_in_a_tab_keeps_its_place_however_many_others_come(serve: Any) -> None:
    host = Starlette()
    HandshakeApp().mount_on(host)
    peer = await open_session(await serve(host))
    async with aclosing(peer.http), peer.watch() as tab:
        await tab.next("connected")
        peer.http.cookies.set(*peer.cookie.split("=", 1))
        for _ in range(10):
            response = await peer.http.post(f"{peer.base_url}/handshake/session", json={})
            assert f"hpp_{peer.session_id}" not in ended(response)
        assert len(peer.http.cookies) == 9


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


async def test_a_cookie_with_a_made_up_secret_is_left_alone_whatever_session_it_names() -> None:
    hpp = HandshakeApp()
    live, over = await open_in_process(hpp), await open_in_process(hpp)
    await over.user("DELETE", "session")
    named = [live.session_id, over.session_id, "0" * 32]
    response = await create(live.http, Cookie="; ".join(f"hpp_{session_id}=guess" for session_id in named))
    assert ended(response) == set()
    assert (await live.user("GET", "context")).json()["role"] == "user"


async def test_cookies_of_another_application_on_the_host_name_are_left_alone() -> None:
    here, elsewhere = HandshakeApp(), HandshakeApp()
    browser = client(here)
    created = (await browser.post("/handshake/session", json={})).json()
    other = client(elsewhere)
    other.cookies = browser.cookies  # a cookie knows neither port nor mount
    for _ in range(9):
        await other.post("/handshake/session", json={})
    assert (await browser.delete(created["sessionUrl"])).status_code == 200


async def test_over_https_a_cookie_of_a_sibling_subdomain_does_not_count() -> None:
    hpp = HandshakeApp()
    peer = await open_in_process(hpp, FORM)
    peer.base_url = "https://localhost"
    name, _, token = peer.cookie.partition("=")
    edit = {"key": "name", "value": "x"}
    assert (await peer.user("POST", "notify", edit)).status_code == 403
    secure = {"Cookie": f"__Host-{name}={token}"}
    assert (await peer.send("POST", "notify", edit, headers=secure)).json()["by"] == "user"


async def test_over_https_cookies_of_a_sibling_subdomain_push_no_live_one_out() -> None:
    hpp = HandshakeApp(public_url="https://localhost")
    planted = [(await open_in_process(hpp)).cookie for _ in range(8)]
    mine = (await open_in_process(hpp)).cookie
    async with client(hpp) as http:
        http.base_url = httpx.URL("https://localhost")
        response = await create(http, Cookie="; ".join([*planted, f"__Host-{mine}"]))
    assert ended(response) == set()


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


@pytest.mark.parametrize("session", ["live", "unknown"])
async def test_a_page_whose_cookie_does_not_arrive_is_told_of_the_user_token(pair: Open, session: str) -> None:
    peer = await pair()
    if session == "unknown":
        for name in ("contextUrl", "wsUrl"):
            peer.created[name] = peer.created[name].replace(peer.session_id, "0" * 32)
    response = await peer.send("GET", "context", headers={"Sec-Fetch-Storage-Access": "none"})
    assert "userToken" in response.json()["nextSteps"][-1]
    async with peer.watch(headers={}) as page:
        (refusal,) = (await page.closed())[1]
    assert "userToken" in refusal["nextSteps"][-1]


async def test_a_wrong_token_is_not_told_of_cookies() -> None:
    peer = await open_in_process(HandshakeApp())
    response = await peer.send("GET", "context", headers={"X-Handshake-Token": "wrong"})
    assert "userToken" not in str(response.json()["nextSteps"])


async def test_where_the_host_proves_its_users_no_cookie_is_spoken_of() -> None:
    peer = await open_in_process(HandshakeApp(require_browser_auth=lambda _request, _session: False))
    assert "userToken" not in str((await peer.send("GET", "context")).json()["nextSteps"])
