"""SPEC.md section 3: what proves which role, and what it is good for."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from http.cookies import Morsel, SimpleCookie
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.conformance.conftest import FORM, OPERATIONS, Open, Start
from tests.support.peer import PATIENCE, Peer, Socket

EVIL = "https://evil.example"
FOREIGN = pytest.mark.parametrize("origin", [EVIL, "null"])


async def test_hpp_002_session_ids_and_tokens_are_long_random_and_of_one_form(pair: Open) -> None:
    created = [(await pair()).created for _ in range(4)]
    assert all(re.fullmatch(r"[0-9a-f]{32}", one["sessionId"]) for one in created)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32,}", one["token"]) for one in created)
    assert len({one["sessionId"] for one in created} | {one["token"] for one in created}) == 8


async def test_hpp_003_the_token_is_accepted_in_all_four_places(pair: Open) -> None:
    peer = await pair()
    in_header = await peer.send("GET", "session", headers={"X-Handshake-Token": peer.token})
    as_bearer = await peer.send("GET", "session", headers={"Authorization": f"Bearer {peer.token}"})
    in_query = await peer.send("GET", "session", params={"token": peer.token})
    assert [reply.json()["role"] for reply in (in_header, as_bearer, in_query)] == ["agent"] * 3
    async with peer.watch(role="agent") as socket:
        assert (await socket.next())["role"] == "agent"


async def test_hpp_004_the_user_credential_is_one_cookie_that_no_script_and_no_other_site_can_use(
    pair: Open, conformance_url: str
) -> None:
    peer = await pair()
    reply = await peer.http.post(f"{conformance_url}/session", json={})
    (cookie,) = _cookies(reply)
    assert cookie.key.removeprefix("__Host-") == f"hpp_{reply.json()['sessionId']}"
    assert (cookie["httponly"], cookie["samesite"].lower(), cookie["path"]) == (True, "strict", "/")
    assert not cookie["domain"]


async def test_hpp_005_over_https_the_cookie_has_the_host_prefix_and_is_secure(local: Start) -> None:
    server = await local()
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        reply = await http.post(f"{server.url}/session", json={}, headers={"X-Forwarded-Proto": "https"})
        (cookie,) = _cookies(reply)
        assert cookie.key == f"__Host-hpp_{reply.json()['sessionId']}"
        assert cookie["secure"] is True
        url = server.url + reply.json()["sessionUrl"].removeprefix("/handshake")
        statuses = {}
        for name in (cookie.key, cookie.key.removeprefix("__Host-")):
            headers = {"X-Forwarded-Proto": "https", "Cookie": f"{name}={cookie.value}"}
            statuses[name] = (await http.get(url, headers=headers)).status_code
    assert list(statuses.values()) == [200, 403]


async def test_hpp_006_every_session_has_a_fresh_credential_and_the_others_stay_valid(
    pair: Open, conformance_url: str
) -> None:
    first = await pair()
    planted = f"hpp_{'0' * 32}=planted"
    reply = await first.http.post(
        f"{conformance_url}/session", json={}, headers={"Cookie": f"{first.cookie}; {planted}"}
    )
    minted = [cookie for cookie in _cookies(reply) if cookie.value]
    assert [cookie.key.removeprefix("__Host-") for cookie in minted] == [f"hpp_{reply.json()['sessionId']}"]
    assert minted[0].value not in ("planted", first.cookie.partition("=")[2])
    assert (await first.user("GET", "session")).json()["role"] == "user"


async def test_hpp_007_a_creation_lets_go_of_cookies_that_are_of_no_more_use(pair: Open, conformance_url: str) -> None:
    peers = [await pair() for _ in range(9)]
    await peers[0].user("DELETE", "session")
    for peer in (*peers[1:3], *peers[4:]):
        await peer.user("POST", "extend", {"extraSeconds": 3600})
    ended, shortest = peers[0], peers[3]
    prefix = ended.cookie.partition("=")[0].removesuffix(ended.session_id)
    unknown = f"{prefix}{'0' * 32}=of-another-server"
    reply = await peers[0].http.post(
        f"{conformance_url}/session",
        json={},
        headers={"Cookie": "; ".join([unknown, *(peer.cookie for peer in peers)])},
    )
    expired = {cookie.key for cookie in _cookies(reply) if cookie["max-age"] == "0"}
    assert expired == {ended.cookie.partition("=")[0], shortest.cookie.partition("=")[0]}


async def test_hpp_008_a_user_token_is_handed_out_only_if_asked_for(pair: Open) -> None:
    assert "userToken" not in (await pair()).created
    assert "userToken" not in (await pair({"userToken": False})).created
    assert (await pair({"userToken": True})).created["userToken"]


async def test_hpp_009_the_user_credential_is_accepted_as_header_and_as_subprotocol(pair: Open) -> None:
    peer = await pair(FORM | {"userToken": True})
    secret = peer.created["userToken"]
    reply = await peer.send("GET", "session", headers={"X-Handshake-User-Token": secret})
    assert reply.json()["role"] == "user"
    async with _connection(peer, subprotocols=["hpp.v1", f"hpp.user.{secret}"]) as connection:
        assert (await Socket(connection).next())["role"] == "user"


STRANGERS: dict[str, Callable[[Peer, Peer], dict[str, str]]] = {
    "none": lambda _peer, _other: {},
    "empty token": lambda _peer, _other: {"X-Handshake-Token": "", "Authorization": "Bearer"},
    "empty cookie": lambda peer, _other: {"Cookie": f"{_name(peer)}=", "X-Handshake-User-Token": ""},
    "token of another": lambda _peer, other: other.as_agent,
    "cookie of another": lambda peer, other: {"Cookie": f"{_name(peer)}={_secret(other)}"},
    "roles swapped": lambda peer, _other: {"X-Handshake-Token": _secret(peer), "X-Handshake-User-Token": peer.token},
}


async def test_hpp_010_without_a_credential_of_the_session_every_endpoint_refuses(pair: Open) -> None:
    other = await pair()
    for stranger, brings in STRANGERS.items():
        for method, endpoint, body in OPERATIONS:
            peer = await pair()  # a session of its own each: its attempts are counted
            reply = await peer.send(method, endpoint, body, headers=brings(peer, other))
            told = (stranger, endpoint, reply.status_code, reply.json()["code"])
            assert told == (stranger, endpoint, 403, "invalid_token")


async def test_hpp_011_who_proves_both_roles_is_the_user_where_the_user_may_act(pair: Open) -> None:
    peer = await pair()
    both = peer.as_agent | peer.as_user
    assert (await peer.send("GET", "session", headers=both)).json()["role"] == "user"
    assert (await peer.send("POST", "notify", {"key": "city", "value": "Ulm"}, headers=both)).json()["by"] == "user"
    reply = await peer.send("POST", "action", {"actions": [{"type": "set", "key": "name", "value": "A"}]}, headers=both)
    assert reply.json()["context"]["name"]["by"] == "ai"


async def test_hpp_012_what_a_role_may_not_do_is_refused_and_changes_nothing(pair: Open) -> None:
    peer = await pair()
    before = await peer.context()
    action = {"actions": [{"type": "set", "key": "name", "value": "A"}]}
    refused = {
        "notify": await peer.agent("POST", "notify", {"key": "name", "value": "A"}),
        "rotate": await peer.agent("POST", "rotate", {}),
        "revoke": await peer.agent("DELETE", "session"),
        "action": await peer.user("POST", "action", action),
    }
    codes = {name: (reply.status_code, reply.json()["code"]) for name, reply in refused.items()}
    assert codes == {
        "notify": (403, "user_required"),
        "rotate": (403, "user_required"),
        "revoke": (403, "user_required"),
        "action": (403, "agent_required"),
    }
    after = await peer.context()
    assert (after["context"], after["cursor"]) == (before["context"], before["cursor"])


@FOREIGN
async def test_hpp_013_a_foreign_page_cannot_act_for_the_user(pair: Open, origin: str) -> None:
    peer = await pair()
    evil = {"Origin": origin}
    replies = [
        await peer.user("POST", "notify", {"key": "name", "value": "A"}, headers=evil),
        await peer.user("GET", "context", headers=evil),
        await peer.agent("DELETE", "session", headers=evil),
    ]
    assert {(reply.status_code, reply.json()["code"]) for reply in replies} == {(403, "origin_not_allowed")}
    async with peer.watch(headers=peer.as_user | evil) as socket:
        code, frames = await socket.closed()
    assert (code, [frame["code"] for frame in frames]) == (4403, ["origin_not_allowed"])
    assert (await peer.context())["context"] == {}


@FOREIGN
async def test_hpp_014_a_foreign_page_cannot_open_a_session(pair: Open, conformance_url: str, origin: str) -> None:
    peer = await pair()
    reply = await peer.http.post(f"{conformance_url}/session", json={}, headers={"Origin": origin})
    assert (reply.status_code, reply.json()["code"]) == (403, "origin_not_allowed")
    assert "set-cookie" not in reply.headers


async def test_hpp_015_an_agent_is_admitted_from_any_origin(pair: Open) -> None:
    peer = await pair()
    evil = {"Origin": EVIL}
    assert (await peer.agent("GET", "context", headers=evil)).json()["role"] == "agent"
    reply = await peer.agent(
        "POST", "action", {"actions": [{"type": "set", "key": "name", "value": "A"}]}, headers=evil
    )
    assert reply.json()["applied"] == ["name"]
    async with peer.watch(role="agent", headers=evil) as socket:
        assert (await socket.next())["role"] == "agent"


async def test_hpp_016_the_servers_own_pages_act_for_the_user(pair: Open, conformance_url: str) -> None:
    peer = await pair()
    own = {"Origin": peer.base_url}
    assert (await peer.http.post(f"{conformance_url}/session", json={}, headers=own)).status_code == 200
    assert (await peer.user("POST", "notify", {"key": "name", "value": "A"}, headers=own)).json()["by"] == "user"
    async with peer.watch(headers=peer.as_user | own) as socket:
        assert (await socket.next())["role"] == "user"


async def test_hpp_017_an_allowed_origin_acts_for_the_user_and_is_told_so(local: Start) -> None:
    page = {"Origin": "https://app.example"}
    server = await local(allowed_origins=[page["Origin"]])
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        asked = page | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
        preflight = await http.options(f"{server.url}/session", headers=asked)
        created = await http.post(f"{server.url}/session", json={"userToken": True}, headers=page)
        edit = await http.post(
            f"{server.url}/notify/{created.json()['sessionId']}",
            json={"key": "a", "value": 1},
            headers=page | {"X-Handshake-User-Token": created.json()["userToken"]},
        )
        stranger = await http.post(f"{server.url}/session", json={}, headers={"Origin": EVIL})
    assert edit.json()["by"] == "user"
    for reply in (preflight, created, edit):
        assert reply.headers["access-control-allow-origin"] == page["Origin"]
        assert reply.headers["access-control-allow-credentials"] == "true"
    assert stranger.status_code == 403
    assert "access-control-allow-origin" not in stranger.headers


async def test_hpp_018_where_the_host_decides_who_is_the_user_the_cookie_proves_nothing(local: Start) -> None:
    def signed_in(request: Any, session: Any) -> bool:
        return request.headers.get("x-login") == "somebody" and bool(session.session_id)

    server = await local(require_browser_auth=signed_in)
    peer = await server.open(FORM | {"userToken": True})
    edit = {"key": "name", "value": "A"}
    by_cookie = await peer.user("POST", "notify", edit)
    by_header = await peer.send("POST", "notify", edit, headers={"X-Handshake-User-Token": peer.created["userToken"]})
    by_login = await peer.send("POST", "notify", edit, headers={"X-Login": "somebody"})
    assert [reply.status_code for reply in (by_cookie, by_header, by_login)] == [403, 403, 200]


async def test_hpp_301_a_session_belongs_to_the_account_that_opened_it_by_whatever_cookie(local: Start) -> None:
    async def account(request: Any) -> str | None:
        login: str | None = request.headers.get("x-login")
        return login

    server, edit = await local(owner=account), {"key": "name", "value": "A"}
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        nobody = await http.post(f"{server.url}/session", json=FORM)
        opened = await http.post(f"{server.url}/session", json=FORM, headers={"X-Login": "ada"})
        cookie = {"Cookie": opened.headers["set-cookie"].partition(";")[0]}
        url = httpx.URL(server.url).join(opened.json()["notifyUrl"])
        http.cookies.clear()
        told = [
            (await http.post(url, json=edit, headers=headers)).status_code
            for headers in ({"X-Login": "ada"}, cookie, cookie | {"X-Login": "eve"})
        ]
    assert (nobody.status_code, nobody.json()["code"]) == (403, "denied")
    assert told == [200, 403, 403]


async def test_hpp_302_a_connection_is_closed_once_its_person_is_logged_in_no_more(local: Start) -> None:
    logged_in = {"ada"}

    async def account(request: Any) -> str | None:
        login = request.headers.get("x-login")
        return login if login in logged_in else None

    server = await local({"login_lease": 1e-9}, owner=account)
    headers = {"X-Login": "ada"}
    async with httpx.AsyncClient(timeout=PATIENCE, headers=headers) as http:
        created = (await http.post(f"{server.url}/session", json=FORM)).json()
        peer = Peer(str(httpx.URL(server.url).join("/")).rstrip("/"), created, "", http)
        async with peer.watch(headers=headers) as socket:
            await socket.send({"type": "userEdit", "key": "name", "value": "A"})
            await socket.next("ack")
            logged_in.clear()
            with suppress(ConnectionClosed):  # the check may have come first
                await socket.send({"type": "userEdit", "key": "name", "value": "B"})
            assert (await socket.closed())[0] == 4401
        logged_in.add("ada")
        assert (await peer.user("GET", "context")).json()["context"]["name"]["value"] == "A"


async def test_hpp_019_no_error_repeats_a_credential(pair: Open) -> None:
    peer = await pair()
    canary = "CANARY-" + "c" * 25
    name = peer.cookie.partition("=")[0]
    replies = [
        await peer.send("GET", "context", headers={"X-Handshake-Token": canary}),
        await peer.send("GET", "context", headers={"Authorization": f"Bearer {canary}"}),
        await peer.send("GET", "context", params={"token": canary}),
        await peer.send("POST", "notify", {"key": "name"}, headers={"Cookie": f"{name}={canary}"}),
        await peer.send("POST", "rotate", {}, headers={"X-Handshake-User-Token": canary}),
        await peer.agent("POST", "action", {"actions": peer.token}),
        await peer.agent("POST", "notify", {"key": peer.token}),
    ]
    for reply in replies:
        assert reply.status_code in (400, 403)
        assert canary not in reply.text + str(reply.headers)
        assert peer.token not in reply.text + str(reply.headers)
    async with _connection(peer, subprotocols=["hpp.v1", f"hpp.bearer.{canary}"]) as connection:
        _, frames = await Socket(connection).closed()
        assert canary not in str(frames) + str(connection.close_reason)


def _name(peer: Peer) -> str:
    return peer.cookie.partition("=")[0]


def _secret(peer: Peer) -> str:
    return peer.cookie.partition("=")[2]


def _cookies(reply: httpx.Response) -> list[Morsel[str]]:
    return [cookie for header in reply.headers.get_list("set-cookie") for cookie in SimpleCookie(header).values()]


def _connection(peer: Peer, *, subprotocols: list[str]) -> connect:
    return connect(
        peer.base_url.replace("http", "ws", 1) + peer.created["wsUrl"],
        subprotocols=[Subprotocol(name) for name in subprotocols],
        open_timeout=PATIENCE,
    )
