"""Who may do what: every route, with every credential in every place it can stand, in every state of a session.

The grids are the whole policy as data. A cell is `ok`, or the code of the refusal; `tests.support.in_process` keeps
a cell cheap enough for all of them to be tried.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from starlette.requests import Request
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from handshake_prompt import HandshakeApp, Limits, MemoryStore, Session
from handshake_prompt.stores import Record
from tests.conftest import Open
from tests.support.clock import ManualClock
from tests.support.in_process import open_in_process
from tests.support.peer import PATIENCE, Peer, Socket

ALLOWED = "https://app.example.com"
FOREIGN = "https://evil.example.net"
TTL = 1800.0
FORM = {"mode": "form-fill", "schema": [{"key": "name", "type": "string"}]}
UNKNOWN = "0" * 32
HUNDRED = 100
OPEN_HANDED = Limits(wrong_tokens_per_session=10**6, wrong_tokens_per_address=10**6, creates_per_address=10**6)


class Route(NamedTuple):
    """A request that a credential may or may not be enough for. `writes` says whose the field `name` is after it.

    A body that is a function is made from the session that it is for.
    """

    method: str
    url: str
    body: Any = None
    writes: str | None = None


def accepting(peer: Peer) -> dict[str, Any]:
    """Return the body that accepts the request of a session."""
    return {"decision": "accept", "digest": peer.created.get("digest", ""), "values": {}}


ROUTES = {
    "status": Route("GET", "session"),
    "context": Route("GET", "context"),
    "diff": Route("GET", "diff"),
    "action": Route("POST", "action", {"actions": [{"type": "set", "key": "name", "value": "new"}]}, "ai"),
    "edit": Route("POST", "notify", {"key": "name", "value": "new"}, "user"),
    "paste": Route("POST", "paste", {"text": '{"fields": {"name": "new"}}'}, "ai"),
    "release": Route("POST", "notify", {"key": "name", "release": True}, "empty"),
    "extend": Route("POST", "extend", {"extraSeconds": 60}),
    "rotate": Route("POST", "rotate", {}),
    "revoke": Route("DELETE", "session"),
    "suggest": Route("POST", "action", {"actions": [{"type": "suggest", "key": "name", "value": "new"}]}),
    "revert": Route("POST", "revert", {"all": True}),
    "submit": Route("POST", "submit", lambda peer: {"digest": peer.created.get("shown", "")}),
    "ask": Route("POST", "ask", {"text": "Which one?"}),
    "withdraw": Route("DELETE", "request"),
    "accept": Route("POST", "decision", accepting),
    "decline": Route("POST", "decision", lambda peer: accepting(peer) | {"decision": "decline"}),
}


class Scene(NamedTuple):
    """A session, another one on the same server, and the token that was the first one's before it was rotated."""

    peer: Peer
    other: Peer
    old_token: str

    @property
    def cookie_name(self) -> str:
        return self.peer.cookie.partition("=")[0]

    @property
    def secret(self) -> str:
        return self.peer.cookie.partition("=")[2]


Bring = Callable[[Scene], dict[str, str]]
"""What a request carries: headers, and under `?` the query."""

CREDENTIALS: dict[str, Bring] = {
    "nothing": lambda _: {},
    "agent: header": lambda s: s.peer.as_agent,
    "agent: bearer": lambda s: {"Authorization": f"Bearer {s.peer.token}"},
    "agent: bearer in lower case": lambda s: {"Authorization": f"bearer {s.peer.token}"},
    "agent: query": lambda s: {"?": f"token={s.peer.token}"},
    "agent: foreign origin": lambda s: {**s.peer.as_agent, "Origin": FOREIGN},
    "agent: basic": lambda s: {"Authorization": f"Basic {s.peer.token}"},
    "user: cookie": lambda s: s.peer.as_user,
    "user: header": lambda s: {"X-Handshake-User-Token": s.secret},
    "user: cookie from here": lambda s: {**s.peer.as_user, "Origin": s.peer.base_url},
    "user: cookie from allowed": lambda s: {**s.peer.as_user, "Origin": ALLOWED},
    "user: cookie from foreign": lambda s: {**s.peer.as_user, "Origin": FOREIGN},
    "user: cookie from null": lambda s: {**s.peer.as_user, "Origin": "null"},
    "user: header from foreign": lambda s: {"X-Handshake-User-Token": s.secret, "Origin": FOREIGN},
    "both": lambda s: s.peer.as_agent | s.peer.as_user,
    "both: foreign origin": lambda s: s.peer.as_agent | s.peer.as_user | {"Origin": FOREIGN},
    "wrong token": lambda _: {"X-Handshake-Token": "A" * 32},
    "wrong bearer": lambda _: {"Authorization": "Bearer " + "A" * 32},
    "wrong query": lambda _: {"?": "token=" + "A" * 32},
    "wrong cookie": lambda s: {"Cookie": f"{s.cookie_name}={'A' * 32}"},
    "wrong token, right cookie": lambda s: {"X-Handshake-Token": "A" * 32, **s.peer.as_user},
    "right token, wrong cookie": lambda s: {**s.peer.as_agent, "Cookie": f"{s.cookie_name}={'A' * 32}"},
    "wrong header, right query": lambda s: {"X-Handshake-Token": "A" * 32, "?": f"token={s.peer.token}"},
    "token as cookie": lambda s: {"Cookie": f"{s.cookie_name}={s.peer.token}"},
    "token as user header": lambda s: {"X-Handshake-User-Token": s.peer.token},
    "token as both": lambda s: {**s.peer.as_agent, "X-Handshake-User-Token": s.peer.token},
    "user secret as token": lambda s: {"X-Handshake-Token": s.secret},
    "user secret in the query": lambda s: {"?": f"token={s.secret}"},
    "other session's token": lambda s: s.other.as_agent,
    "other session's cookie": lambda s: s.other.as_user,
    "other session's secret": lambda s: {"Cookie": f"{s.cookie_name}={s.other.cookie.partition('=')[2]}"},
    "rotated-out token": lambda s: {"X-Handshake-Token": s.old_token},
    "rotated-out token, right cookie": lambda s: {"X-Handshake-Token": s.old_token, **s.peer.as_user},
    "session id as token": lambda s: {"X-Handshake-Token": s.peer.session_id},
    "empty token": lambda _: {"X-Handshake-Token": ""},
    "empty cookie": lambda s: {"Cookie": f"{s.cookie_name}="},
}

TOKEN, AGENT, USER, ORIGIN = "invalid_token", "agent_required", "user_required", "origin_not_allowed"
EXPIRED, REVOKED, SUBMITTED = "session_expired", "session_revoked", "session_submitted"

AGENTS_ALONE = {"action", "ask", "withdraw", "suggest"}
USERS_ALONE = {"edit", "paste", "release", "rotate", "revoke", "accept", "decline", "revert", "submit"}


def row(agents: str = "ok", users: str = "ok", others: str = "ok") -> str:
    """Return a row of the grid: cells of what is the agent's alone, the user's alone, and the rest."""
    return " ".join(agents if name in AGENTS_ALONE else users if name in USERS_ALONE else others for name in ROUTES)


_AGENTS = row(users=USER)
_USERS = row(agents=AGENT)
_BOTH = row()
_NOBODY = row(TOKEN, TOKEN, TOKEN)
_FOREIGN_AGENT = row(users=ORIGIN)
_FOREIGN_USER = row(ORIGIN, ORIGIN, ORIGIN)

LIVE = {
    "nothing": _NOBODY,
    "agent: header": _AGENTS,
    "agent: bearer": _AGENTS,
    "agent: bearer in lower case": _AGENTS,
    "agent: query": _AGENTS,
    "agent: foreign origin": _FOREIGN_AGENT,
    "agent: basic": _NOBODY,
    "user: cookie": _USERS,
    "user: header": _USERS,
    "user: cookie from here": _USERS,
    "user: cookie from allowed": _USERS,
    "user: cookie from foreign": _FOREIGN_USER,
    "user: cookie from null": _FOREIGN_USER,
    "user: header from foreign": _FOREIGN_USER,
    "both": _BOTH,
    "both: foreign origin": _FOREIGN_USER,
    "wrong token": _NOBODY,
    "wrong bearer": _NOBODY,
    "wrong query": _NOBODY,
    "wrong cookie": _NOBODY,
    "wrong token, right cookie": _USERS,
    "right token, wrong cookie": _AGENTS,
    "wrong header, right query": _NOBODY,
    "token as cookie": _NOBODY,
    "token as user header": _NOBODY,
    "token as both": _AGENTS,
    "user secret as token": _NOBODY,
    "user secret in the query": _NOBODY,
    "other session's token": _NOBODY,
    "other session's cookie": _NOBODY,
    "other session's secret": _NOBODY,
    "rotated-out token": _NOBODY,
    "rotated-out token, right cookie": _USERS,
    "session id as token": _NOBODY,
    "empty token": _NOBODY,
    "empty cookie": _NOBODY,
}
"""credential -> what each of `ROUTES` answers it while the session lives."""


def ended(code: str) -> dict[str, str]:
    """Return the grid of a session that has ended: whoever holds a credential of it is told why, nobody else is."""
    grid = {}
    for name, row in LIVE.items():
        cells = row.split()
        holds = "ok" in cells
        grid[name] = " ".join(cell if cell == ORIGIN else code if holds else TOKEN for cell in cells)
    return grid


def submitted() -> dict[str, str]:
    """Return the grid of a session that was submitted: its status and its receipt are still to be had."""
    grid = {}
    for name, row in ended(SUBMITTED).items():
        cells = dict(zip(ROUTES, row.split(), strict=True))
        alive = dict(zip(ROUTES, LIVE[name].split(), strict=True))
        grid[name] = " ".join(alive[route] if route in ("status", "submit") else cells[route] for route in ROUTES)
    return grid


GRIDS = {
    "live": LIVE,
    "expired": ended(EXPIRED),
    "revoked": ended(REVOKED),
    "submitted": submitted(),
    "forgotten": ended(TOKEN),
    "unknown": ended(TOKEN),
}
STATUS = {"ok": 200, TOKEN: 403, AGENT: 403, USER: 403, ORIGIN: 403, EXPIRED: 404, REVOKED: 404, SUBMITTED: 409}


async def stage(hpp: HandshakeApp, clock: ManualClock, state: str) -> Scene:
    """Open two sessions, rotate the first one's token, have its agent ask something, and bring it into a state."""
    peer, other = await open_in_process(hpp, FORM), await open_in_process(hpp, FORM)
    old_token = peer.token
    peer.created["token"] = (await peer.user("POST", "rotate", {})).json()["token"]
    await ask(peer)
    if state in ("expired", "forgotten"):
        clock.advance(TTL + 1)
    if state == "forgotten":
        clock.advance(OPEN_HANDED.tombstone_seconds)
    if state == "revoked":
        assert (await peer.user("DELETE", "session")).status_code == 200
    if state == "submitted":
        assert await request(peer, ROUTES["submit"], peer.as_user) == "ok"
    if state == "unknown":
        for name, url in peer.created.items():
            peer.created[name] = str(url).replace(peer.session_id, UNKNOWN) if name.endswith("Url") else url
        peer.cookie = peer.cookie.replace(peer.session_id, UNKNOWN)
    return Scene(peer, other, old_token)


async def ask(peer: Peer) -> None:
    """Ask the person, and note the URLs and the digest of the request."""
    asked = (await peer.agent("POST", "ask", {"text": "Shall I go on?"})).json()
    peer.created["requestUrl"] = f"{peer.created['askUrl']}/{asked['id']}"
    peer.created["decisionUrl"] = f"{peer.created['answerUrl']}/{asked['id']}"
    peer.created["digest"] = asked["digest"]
    peer.created["shown"] = (await peer.context())["digest"]


async def take(_: object) -> None:
    """Take what is submitted."""


async def request(peer: Peer, route: Route, brought: dict[str, str]) -> str:
    """Send a request and name the cell it belongs in."""
    headers = {name: value for name, value in brought.items() if name != "?"}
    params = dict(part.split("=", 1) for part in brought.get("?", "").split("&") if part)
    body = route.body(peer) if callable(route.body) else route.body
    response = await peer.send(route.method, route.url, body, headers=headers, params=params)
    cell = "ok" if response.status_code == 200 else response.json()["code"]
    assert response.status_code == STATUS[cell]
    return str(cell)


async def stored(hpp: HandshakeApp, session_id: str) -> Record | None:
    loaded = await hpp.engine.store.load(session_id)
    return loaded.record if loaded else None


def written_by(record: Record | None) -> str:
    field = record.session.values.get("name") if record else None
    return field.by if field else "empty"


@pytest.mark.parametrize("state", GRIDS)
async def test_each_route_answers_a_credential_as_the_grid_says(state: str) -> None:
    clock = ManualClock()
    hpp = HandshakeApp(
        store=MemoryStore(OPEN_HANDED, clock=clock), ttl=TTL, limits=OPEN_HANDED, allowed_origins=[ALLOWED]
    )
    hpp.on_submit(take)
    scene, told = await stage(hpp, clock, state), {}
    for credential, bring in CREDENTIALS.items():
        cells = []
        for name, route in ROUTES.items():
            before = await stored(hpp, scene.peer.session_id)
            clock.advance(0.1)
            cell = await request(scene.peer, route, bring(scene))
            after = await stored(hpp, scene.peer.session_id)
            if cell == "ok":
                assert written_by(after) == (route.writes or "empty"), (credential, name)
                scene = await stage(hpp, clock, state)
            else:
                assert after == before, f"a refusal changed or refreshed the session: {credential}, {name}"
            cells.append(cell)
        told[credential] = " ".join(cells)
    assert told == GRIDS[state]


def test_no_row_of_the_grid_lets_an_agent_do_what_is_the_persons() -> None:
    theirs = [place for place, name in enumerate(ROUTES) if name in USERS_ALONE]
    people = {"both", *(name for name, row in LIVE.items() if row == _USERS)}
    for name, row in LIVE.items():
        allowed = [row.split()[place] == "ok" for place in theirs]
        assert all(allowed) if name in people else not any(allowed), name


def test_the_grid_has_a_row_for_every_credential() -> None:
    assert LIVE.keys() == CREDENTIALS.keys()


# Requests: no credential of an agent's decides one, whatever its id

NEITHER_PERSON = [name for name, cells in LIVE.items() if cells not in (_USERS, _BOTH)]
"""Credentials that prove no person."""


@pytest.mark.parametrize("which", ["open", "answered", "declined", "withdrawn", "foreign", "invented", "odd"])
async def test_no_agent_decides_a_request_whatever_its_id(which: str) -> None:
    clock = ManualClock()
    hpp = HandshakeApp(store=MemoryStore(OPEN_HANDED, clock=clock), limits=OPEN_HANDED, allowed_origins=[ALLOWED])
    scene = await stage(hpp, clock, "live")
    peer, other = scene.peer, scene.other
    if which in ("answered", "declined"):
        route = ROUTES["accept" if which == "answered" else "decline"]
        assert await request(peer, route, peer.as_user) == "ok"
    if which == "withdrawn":
        assert await request(peer, ROUTES["withdraw"], peer.as_agent) == "ok"
    if which == "foreign":
        await ask(other)
        peer.created |= {name: other.created[name] for name in ("digest",)}
        peer.created["decisionUrl"] = f"{peer.created['answerUrl']}/{other.created['decisionUrl'].rpartition('/')[2]}"
    if which in ("invented", "odd"):
        peer.created["decisionUrl"] = peer.created["answerUrl"] + ("/0a1b2c3d.7" if which == "invented" else "/%2e%2e")
    before = await stored(hpp, peer.session_id)
    told = {}
    for name in NEITHER_PERSON:
        for decision in ("accept", "decline"):
            clock.advance(0.1)
            told[name] = await request(peer, ROUTES[decision], CREDENTIALS[name](scene))
    assert told == {name: LIVE[name].split()[list(ROUTES).index("accept")] for name in NEITHER_PERSON}
    assert await stored(hpp, peer.session_id) == before
    assert "ok" not in told.values()


# Creation needs no role, only an allowed origin


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (None, "ok"),
        ("http://localhost", "ok"),
        (ALLOWED, "ok"),
        (FOREIGN, ORIGIN),
        ("null", ORIGIN),
        ("http://localhost:8080", ORIGIN),
        ("http://localhost.example.net", ORIGIN),
        ("https://app.example.com.example.net", ORIGIN),
        ("https://app.example.com:8443", ORIGIN),
        ("http://app.example.com", ORIGIN),
    ],
    ids=str,
)
async def test_a_session_is_opened_for_pages_on_allowed_origins_only(origin: str | None, expected: str) -> None:
    hpp = HandshakeApp(allowed_origins=[ALLOWED])
    peer = await open_in_process(hpp)
    headers = {} if origin is None else {"Origin": origin}
    response = await peer.http.post("/handshake/session", json={}, headers=headers)
    assert ("ok" if response.status_code == 200 else response.json()["code"]) == expected
    assert ("set-cookie" in response.headers) is (expected == "ok")


# The host application's own proof


def by_login(request: Request, session: Session) -> bool:
    """A host's policy: whoever is logged in as the owner of the session is its person."""
    return bool(request.cookies.get("login") == session.owner)


LOGINS: dict[str, Bring] = {
    "nothing": lambda _: {},
    "login": lambda _: {"Cookie": "login=alice"},
    "other login": lambda _: {"Cookie": "login=mallory"},
    "login from foreign": lambda _: {"Cookie": "login=alice", "Origin": FOREIGN},
    "login from allowed": lambda _: {"Cookie": "login=alice", "Origin": ALLOWED},
    "agent": lambda s: s.peer.as_agent,
    "agent and login": lambda s: {**s.peer.as_agent, "Cookie": "login=alice"},
    "agent and other login": lambda s: {**s.peer.as_agent, "Cookie": "login=mallory"},
    "our cookie only": lambda s: s.peer.as_user,
    "our header only": lambda s: {"X-Handshake-User-Token": s.secret},
    "agent and our cookie": lambda s: s.peer.as_agent | s.peer.as_user,
}
LOGIN_GRID = {
    "nothing": _NOBODY,
    "login": _USERS,
    "other login": _NOBODY,
    "login from foreign": row(agents=TOKEN, users=ORIGIN, others=TOKEN),
    "login from allowed": _USERS,
    "agent": _AGENTS,
    "agent and login": _BOTH,
    "agent and other login": _AGENTS,
    "our cookie only": _NOBODY,
    "our header only": _NOBODY,
    "agent and our cookie": _AGENTS,
}
"""With `require_browser_auth` the host decides alone: our cookie makes nobody a person any more."""


async def test_the_hosts_own_proof_replaces_the_cookie() -> None:
    hpp = HandshakeApp(require_browser_auth=by_login, limits=OPEN_HANDED, allowed_origins=[ALLOWED])

    hpp.on_submit(take)

    @hpp.on_create_session
    async def own(session: Session, _: Request) -> None:
        session.owner = "alice"

    told = {}
    for credential, bring in LOGINS.items():
        cells = []
        for name, route in ROUTES.items():
            peer = await open_in_process(hpp, FORM)
            await ask(peer)
            cell = await request(peer, route, bring(Scene(peer, peer, "")))
            written = written_by(await stored(hpp, peer.session_id))
            assert written == (route.writes if route.writes and cell == "ok" else "empty"), (credential, name)
            cells.append(cell)
        told[credential] = " ".join(cells)
    assert told == LOGIN_GRID


async def raises(*_: object) -> bool:
    raise RuntimeError("the user database is away")


async def hangs(*_: object) -> bool:
    await asyncio.Event().wait()
    return True


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (lambda *_: True, "ok"),
        (lambda *_: False, TOKEN),
        (lambda *_: None, TOKEN),
        (lambda *_: 0, TOKEN),
        (raises, TOKEN),
        (hangs, TOKEN),
    ],
    ids=["True", "False", "None", "0", "raises", "hangs"],
)
async def test_only_a_host_that_says_yes_makes_a_person(policy: Callable[..., Any], expected: str) -> None:
    patience = 0.05 if policy is hangs else 5.0
    hpp = HandshakeApp(require_browser_auth=policy, limits=OPEN_HANDED.replace(hook_timeout=patience))
    peer = await open_in_process(hpp, FORM)
    assert await request(peer, ROUTES["edit"], {}) == expected
    assert written_by(await stored(hpp, peer.session_id)) == ("user" if expected == "ok" else "empty")


async def test_an_agent_acts_even_where_the_host_can_not_tell_people() -> None:
    hpp = HandshakeApp(require_browser_auth=raises)
    peer = await open_in_process(hpp, FORM)
    assert (await peer.act({"name": "new"}))["applied"] == ["name"]
    assert written_by(await stored(hpp, peer.session_id)) == "ai"


# The WebSocket

SOCKETS: dict[str, tuple[Bring, Callable[[Scene], list[str]]]] = {
    **{name: (bring, lambda _: ["hpp.v1"]) for name, bring in CREDENTIALS.items()},
    "agent: subprotocol": (lambda _: {}, lambda s: ["hpp.v1", f"hpp.bearer.{s.peer.token}"]),
    "agent: subprotocol alone": (lambda _: {}, lambda s: [f"hpp.bearer.{s.peer.token}"]),
    "user: subprotocol": (lambda _: {}, lambda s: ["hpp.v1", f"hpp.user.{s.secret}"]),
    "user: subprotocol from foreign": (lambda _: {"Origin": FOREIGN}, lambda s: ["hpp.v1", f"hpp.user.{s.secret}"]),
    "both: query and cookie": (lambda s: {"?": f"token={s.peer.token}", **s.peer.as_user}, lambda _: []),
    "both: subprotocols": (
        lambda _: {},
        lambda s: ["hpp.v1", f"hpp.bearer.{s.peer.token}", f"hpp.user.{s.secret}"],
    ),
    "wrong subprotocol": (lambda _: {}, lambda _: ["hpp.v1", "hpp.bearer." + "A" * 32]),
    "token as user subprotocol": (lambda _: {}, lambda s: ["hpp.v1", f"hpp.user.{s.peer.token}"]),
    "user secret as bearer subprotocol": (lambda _: {}, lambda s: ["hpp.v1", f"hpp.bearer.{s.secret}"]),
    "rotated-out subprotocol": (lambda _: {}, lambda s: ["hpp.v1", f"hpp.bearer.{s.old_token}"]),
    "other session's subprotocol": (lambda _: {}, lambda s: ["hpp.v1", f"hpp.user.{s.other.cookie.split('=')[1]}"]),
}

_WATCHES = {_AGENTS: "agent", _USERS: "user", _BOTH: "user", _NOBODY: "4401", _FOREIGN_USER: "4403"}
WATCHES = {
    **{name: _WATCHES.get(row, "agent") for name, row in LIVE.items()},
    "agent: subprotocol": "agent",
    "agent: subprotocol alone": "agent",
    "user: subprotocol": "user",
    "user: subprotocol from foreign": "4403",
    "both: query and cookie": "user",
    "both: subprotocols": "user",
    "wrong subprotocol": "4401",
    "token as user subprotocol": "4401",
    "user secret as bearer subprotocol": "4401",
    "rotated-out subprotocol": "4401",
    "other session's subprotocol": "4401",
}
"""credential -> the role a watcher gets, or the code it is closed with, while the session lives."""

MAY_WRITE = {"user": "ack", "agent": USER}


def watches(state: str) -> dict[str, str]:
    code = {"live": "", "expired": "4410", "revoked": "4410", "unknown": "4401"}[state]
    if not code:
        return WATCHES
    return {name: cell if cell == "4403" else code if cell in MAY_WRITE else "4401" for name, cell in WATCHES.items()}


async def beside(peer: Peer) -> Peer:
    """Open another session over the same connection."""
    response = await peer.http.post(f"{peer.base_url}/handshake/session", json=FORM)
    peer.http.cookies.clear()
    return Peer(peer.base_url, response.json(), response.headers["set-cookie"].partition(";")[0], peer.http)


async def watch(scene: Scene, credential: str) -> tuple[str, str]:
    """Open a WebSocket and try to write as the person; return the role or close code, and what came of the write."""
    bring, subprotocols = SOCKETS[credential]
    brought = dict(bring(scene))
    query = brought.pop("?", "")
    url = scene.peer.base_url.replace("http", "ws", 1) + scene.peer.created["wsUrl"] + (f"?{query}" if query else "")
    async with connect(
        url,
        additional_headers=brought,
        subprotocols=[Subprotocol(name) for name in subprotocols(scene)] or None,
        open_timeout=PATIENCE,
        close_timeout=1,
    ) as connection:
        socket = Socket(connection)
        try:
            first = await socket.next()
            while first["type"] != "connected":
                first = await socket.next()
        except ConnectionClosed:
            return str(connection.close_code), ""
        await socket.send({"type": "userEdit", "key": "name", "value": "new"})
        answer = await socket.next()
        return first["role"], answer.get("code", answer["type"])


@pytest.mark.parametrize("state", ["live", "expired", "revoked", "unknown"])
async def test_a_watcher_gets_the_role_of_its_credential_or_the_close_code_of_the_grid(pair: Open, state: str) -> None:
    clock = ManualClock()
    hpp = HandshakeApp(
        store=MemoryStore(OPEN_HANDED, clock=clock),
        ttl=TTL,
        limits=OPEN_HANDED.replace(watchers_per_session=HUNDRED),
        allowed_origins=[ALLOWED],
    )
    other = await pair(hpp, FORM)
    verdicts, writes, authors = {}, {}, {}
    for name in SOCKETS:
        peer = await beside(other)
        old_token = peer.token
        peer.created["token"] = (await peer.user("POST", "rotate", {})).json()["token"]
        session_id = peer.session_id
        if state == "expired":
            clock.advance(TTL + 1)
        if state == "revoked":
            await peer.user("DELETE", "session")
        if state == "unknown":
            peer.created["wsUrl"] = peer.created["wsUrl"].replace(session_id, UNKNOWN)
            peer.cookie = peer.cookie.replace(session_id, UNKNOWN)
        scene = Scene(peer, other, old_token)
        verdicts[name], writes[name] = await watch(scene, name)
        authors[name] = written_by(await stored(hpp, session_id))
    expected = watches(state)
    assert verdicts == expected
    assert writes == {name: MAY_WRITE.get(cell, "") for name, cell in expected.items()}
    assert authors == {name: "user" if cell == "user" else "empty" for name, cell in expected.items()}
