"""No agent decides: whatever it says, by MCP's tools, over an event stream and beside it, or over a socket.

A decision of the person's is an event of the log. So each sweep ends with a look at the log: of all that was tried no
event is the person's.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest

from handshake_prompt import HandshakeApp
from handshake_prompt.mcp.tools import CONNECT, KINDS
from handshake_prompt.protocol.events import Change, Event
from tests.asgi.test_authorship import CREDENTIALS, LIVE, OPEN_HANDED, ROUTES, WATCHES, Scene, request
from tests.conftest import Open
from tests.support.in_process import open_in_process
from tests.support.mcp_clients import tool_call
from tests.support.peer import Peer, Stream
from tests.support.sessions import log_of

FORM = {
    "mode": "form-fill",
    "schema": [
        {"key": "name"},
        {"key": "age", "type": "integer"},
        {"key": "lines", "type": "rows", "fields": [{"key": "amount", "type": "integer"}]},
    ],
    "context": {"name": "Ada"},
    "defaults": {"lines": [{"amount": 1}]},
    "prompt": True,
}
MANY = 10**6
LIMITS = OPEN_HANDED.replace(
    agent_requests=MANY, messages_per_address=MANY, asks=MANY, watchers_per_session=100, long_poll=0.01
).replace(log_events=MANY, log_bytes=100 * MANY)
AGENTS_EVENTS = {"action", "done", "asked", "withdrawn", "agent", "extended", "rowAdded", "rowRemoved", "rowMoved"}
DECIDING = ["answer", "answer_request", "accept", "decline", "revert", "submit", "release", "notify", "revoke"]
"""Names that a tool of the person's would have."""


class Stage(NamedTuple):
    """A session with something to decide, another one beside it, and the ids of requests by the state they are in."""

    hpp: HandshakeApp
    peer: Peer
    other: Peer
    old_token: str
    requests: Mapping[str, Mapping[str, Any]]
    events: int
    """How many there were before anything was tried."""

    @property
    def scene(self) -> Scene:
        return Scene(self.peer, self.other, self.old_token)

    async def decided(self) -> list[Event]:
        """Return the events since the beginning that are not an agent's."""
        log = await log_of(self.hpp.engine.store, self.peer.session_id)
        return [event for event in log[self.events :] if not is_agents(event)]


def is_agents(event: Event) -> bool:
    """Whether an event is one that an agent may cause."""
    if isinstance(event, Change):
        return event.type in AGENTS_EVENTS and event.by in ("ai", "default")
    return event.type in AGENTS_EVENTS and event.members.get("by", "ai") in ("ai", "default")


async def set_up(hpp: HandshakeApp, *, pair: Open | None = None) -> Stage:
    """Open two sessions in which there is something of each kind to decide."""
    peer, other = [await (pair(hpp, FORM) if pair else open_in_process(hpp, FORM)) for _ in range(2)]
    old_token = peer.token
    peer.created["token"] = (await peer.user("POST", "rotate", {})).json()["token"]
    requests = {name: await ask(peer) for name in ("open", "answered", "declined", "withdrawn")}
    requests["foreign"] = await ask(other)
    requests["invented"] = {"id": "0a1b2c3d.7", "digest": "0" * 64}
    await peer.decide(requests["answered"])
    await peer.decide(requests["declined"], "decline")
    url = f"{peer.base_url}{peer.created['askUrl']}/{requests['withdrawn']['id']}"
    assert (await peer.http.delete(url, headers=peer.as_agent)).status_code == 200
    await peer.act({"age": 3})
    actions = [{"type": "suggest", "key": "name", "value": "Bea"}, {"type": "remove", "key": "lines/r1"}]
    await peer.agent("POST", "action", {"actions": actions})
    (suggested,) = (one for one in (await peer.context(role="user"))["requests"] if one["kind"] == "suggest")
    requests["suggested"] = suggested
    return Stage(hpp, peer, other, old_token, requests, len(await log_of(hpp.engine.store, peer.session_id)))


async def ask(peer: Peer) -> dict[str, Any]:
    asked: dict[str, Any] = (await peer.agent("POST", "ask", {"text": "Shall I go on?"})).json()
    return asked


async def take(_: object) -> None:
    """Take what is submitted."""


@pytest.fixture
def hpp() -> HandshakeApp:
    app = HandshakeApp(mcp=True, limits=LIMITS)
    app.on_submit(take)
    return app


def members_of(stage: Stage, digest: str, which: str) -> dict[str, Any]:
    """Return all that somebody could say to decide on a request, revert, or submit."""
    request = stage.requests[which]
    names = {"id": request["id"], "request": request["id"], "digest": request["digest"], "shown": digest}
    means = {"decision": "accept", "status": "answered", "answer": {"values": {}}, "type": "answer", "all": True}
    return names | means | {"values": {"name": "Bea"}, "key": "age", "keys": ["age", "lines"], "role": "user"}


@pytest.mark.parametrize("address", ["one for all sessions", "of the session"])
async def test_no_tool_decides_whatever_it_is_given_and_whatever_it_is_given_for(
    hpp: HandshakeApp, address: str
) -> None:
    stage = await set_up(hpp)
    peer, digest = stage.peer, (await stage.peer.context())["digest"]
    url, headers = f"{peer.base_url}/handshake/mcp", {}
    if address == "of the session":
        url, headers = f"{url}/{peer.session_id}", peer.as_agent
    told = []
    for which in stage.requests:
        said = members_of(stage, digest, which)
        for name in (*KINDS, CONNECT, *DECIDING):
            for arguments in (said, said | {"digest": digest}, {"fields": {"name": said}, "text": str(said)}):
                handle = {"session": f"{peer.session_id}.{peer.token}"} if url.endswith("/mcp") else {}
                body = tool_call(name, **{"wait": 0, **arguments, **handle})
                told.append((await peer.http.post(url, json=body, headers=headers)).status_code)
    assert set(told) == {200}
    assert await stage.decided() == []


@pytest.mark.parametrize("seed", range(10))
async def test_no_sequence_of_calls_of_tools_with_any_arguments_decides(hpp: HandshakeApp, seed: int) -> None:
    chance, stage = random.Random(seed), await set_up(hpp)
    peer, digest = stage.peer, (await stage.peer.context())["digest"]
    ids = [one["id"] for one in stage.requests.values()]
    said = members_of(stage, digest, "open")
    pool = [*ids, digest, *said.values(), peer.created["prompt"], "name", "lines", "lines/r1", 0, None, True, [], {}]
    names = [*said, "fields", "text", "prompt", "list", "rows", "add", "remove", "move", "since", "wait", "seconds"]
    for _ in range(40):
        arguments = {chance.choice(names): chance.choice(pool) for _ in range(chance.randrange(5))}
        arguments["wait"] = 0
        handle = f"{peer.session_id}.{peer.token}"
        body = tool_call(chance.choice([*KINDS, CONNECT]), session=handle, **arguments)
        assert (await peer.http.post(f"{peer.base_url}/handshake/mcp", json=body)).status_code == 200
    assert await stage.decided() == []


HANDLES: dict[str, Callable[[Stage], Any]] = {
    "the replaced token": lambda s: f"{s.peer.session_id}.{s.old_token}",
    "the person's proof": lambda s: f"{s.peer.session_id}.{s.scene.secret}",
    "another session's token": lambda s: f"{s.peer.session_id}.{s.other.token}",
    "a token of one's own": lambda s: f"{s.peer.session_id}.{'A' * 32}",
    "no token": lambda s: s.peer.session_id,
    "an object": lambda s: {"session": s.peer.session_id, "token": s.peer.token},
}


@pytest.mark.parametrize("name", HANDLES)
async def test_a_handle_of_anything_but_the_token_opens_nothing(hpp: HandshakeApp, name: str) -> None:
    stage = await set_up(hpp)
    for tool in KINDS:
        body = tool_call(tool, session=HANDLES[name](stage), fields={"age": 4}, text="Which?", wait=0)
        answer = (await stage.peer.http.post(f"{stage.peer.base_url}/handshake/mcp", json=body)).json()
        assert answer["result"]["isError"], (tool, answer)
    log = await log_of(hpp.engine.store, stage.peer.session_id)
    assert len(log) == stage.events


# Event streams, and requests beside them

DECISIONS = {name: ROUTES[name] for name in ("accept", "decline", "revert", "submit", "release", "edit")}


async def streamed(peer: Peer, brought: dict[str, str]) -> str:
    """Open an event stream; return the role that it is told, or the status of the refusal."""
    headers = {name: value for name, value in brought.items() if name != "?"} | {"Accept": "text/event-stream"}
    query = f"?{brought['?']}" if "?" in brought else ""
    async with peer.http.stream("GET", f"{peer.base_url}{peer.created['eventsUrl']}{query}", headers=headers) as reply:
        if reply.status_code != 200:
            return str(reply.status_code)
        return str((await Stream(reply).next("connected"))["role"])


async def test_a_stream_has_the_role_of_its_credential_and_what_is_sent_beside_it_decides_as_the_grid_says(
    pair: Open,
) -> None:
    app = HandshakeApp(mcp=True, limits=LIMITS, allowed_origins=["https://app.example.com"])
    app.on_submit(take)
    stage = await set_up(app, pair=pair)
    peer = stage.peer
    peer.created["decisionUrl"] = f"{peer.created['answerUrl']}/{stage.requests['open']['id']}"
    peer.created |= {"digest": stage.requests["open"]["digest"], "shown": (await peer.context())["digest"]}
    people = {name for name, role in WATCHES.items() if role == "user"}
    for name, bring in CREDENTIALS.items():
        role = await streamed(peer, bring(stage.scene))
        assert role == {"4401": "403", "4403": "403"}.get(WATCHES[name], WATCHES[name]), name
        if name not in people:
            cells = dict(zip(ROUTES, LIVE[name].split(), strict=True))
            assert {one: await request(peer, route, bring(stage.scene)) for one, route in DECISIONS.items()} == {
                one: cells[one] for one in DECISIONS
            }, name
    assert await stage.decided() == []


# Sockets

FRAMES = ["answer", "revert", "release", "userEdit", "addRow", "removeRow", "moveRow", "problem", "schema", "submit"]


async def test_no_frame_of_an_agents_socket_decides_whatever_request_it_names(hpp: HandshakeApp, pair: Open) -> None:
    stage = await set_up(hpp, pair=pair)
    digest = (await stage.peer.context())["digest"]
    async with stage.peer.watch(role="agent") as agent:
        await agent.next("connected")
        for which in stage.requests:
            for kind in FRAMES:
                said = members_of(stage, digest, which) | {"type": kind, "ref": 1}
                await agent.send(said)
                error = await agent.next("error")
                assert error["code"] in ("user_required", "unknown_message"), (which, kind, error)
    assert await stage.decided() == []


async def test_a_decision_of_the_persons_on_one_request_reaches_no_other_over_any_transport(
    hpp: HandshakeApp, pair: Open
) -> None:
    stage = await set_up(hpp, pair=pair)
    peer, open_one = stage.peer, stage.requests["open"]
    wrong = {name: one for name, one in stage.requests.items() if name not in ("open", "suggested")}
    async with peer.watch() as page:
        await page.next("connected")
        for name, one in wrong.items():
            body = {"decision": "accept", "digest": open_one["digest"], "values": {}}
            url = f"{peer.base_url}{peer.created['answerUrl']}/{one['id']}"
            reply = await peer.http.post(url, json=body, headers=peer.as_user)
            await page.send(body | {"type": "answer", "id": one["id"], "ref": name})
            error = await page.next("error")
            assert (reply.json()["code"], error["ref"]) == (error["code"], name)
            assert error["code"] in ("changed", "request_not_found"), name
    assert await stage.decided() == []
