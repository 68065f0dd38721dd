"""A hundred clients on one session, and the invariants that have to hold whatever they do at the same time.

The server states its own order (`seq`), so one run is recorded whole and checked afterwards, in linear time: what
was sent and answered when, the log, and what every watcher saw.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette

from handshake_prompt import Credential, HandshakeApp, Limits, MemoryStore, ProtocolEngine
from handshake_prompt.protocol.events import Change, Event
from handshake_prompt.stores import Loaded, Receipt, Record
from tests.conftest import FORM, Open
from tests.support.in_process import open_in_process
from tests.support.peer import PATIENCE, Peer, Socket, open_session
from tests.support.serving import serving
from tests.support.sessions import log_of, record_of

CLIENTS = 100
ROUNDS = 4
KEYS = tuple("abcdefgh")
ROOMY = Limits(
    agent_requests=10**6,
    user_requests=10**6,
    log_events=100_000,
    queue_events=50_000,
    frames_burst=10**6,
    frames_per_second=10**6,
)


class Exchange(NamedTuple):
    """A request and its reply, with the moments between which the server had it."""

    sent: float
    replied: float
    request: dict[str, Any]
    reply: dict[str, Any]

    @property
    def seqs(self) -> list[int]:
        """The places in the log that the reply claims."""
        if "results" in self.reply:
            changes = [result["seq"] for result in self.reply["results"] if "seq" in result]
            return [*changes, int(self.reply["cursor"].partition(".")[2])]
        return [self.reply["seq"]]


@dataclass
class History:
    """One run: what was exchanged, the log, what each watcher saw, and how things stood at the end."""

    batches: list[Exchange] = field(default_factory=list)
    edits: list[Exchange] = field(default_factory=list)
    views: list[list[dict[str, Any]]] = field(default_factory=list)
    log: Sequence[Event] = ()
    context: dict[str, Any] = field(default_factory=dict)

    @property
    def changes(self) -> list[Change]:
        return [event for event in self.log if isinstance(event, Change)]


async def timed(request: dict[str, Any], response: Any) -> Exchange:
    sent = time.monotonic()
    answer: httpx.Response = await response
    assert answer.status_code == 200, answer.text
    return Exchange(sent, time.monotonic(), request, answer.json())


async def agent(peer: Peer, history: History, chance: random.Random) -> None:
    for number in range(ROUNDS):
        keys = [chance.choice(KEYS) for _ in range(chance.randint(1, 3))]
        actions = [{"type": "set", "key": key, "value": f"agent {number} {chance.random()}"} for key in keys]
        request = {"actions": actions, "stream": False}
        history.batches.append(await timed(request, peer.agent("POST", "action", request)))


async def person(peer: Peer, history: History, chance: random.Random) -> None:
    for number in range(ROUNDS):
        request: dict[str, Any] = {"key": chance.choice(KEYS)}
        if chance.random() < 0.5:
            request["release"] = True
        else:
            request["value"] = f"person {number} {chance.random()}"
        history.edits.append(await timed(request, peer.user("POST", "notify", request)))


async def watcher(socket: Socket, view: list[dict[str, Any]]) -> None:
    """Record what a watcher is shown, until it is told that it is over."""
    while not (view and view[-1].get("key") == "end"):
        view.append(await socket.next())


async def typing_watcher(socket: Socket, view: list[dict[str, Any]], chance: random.Random) -> None:
    """Type into a socket while recording what it is shown."""
    recording = asyncio.create_task(watcher(socket, view))
    for number in range(ROUNDS * 5):
        key = chance.choice(KEYS)
        await socket.send({"type": "userEdit", "key": key, "value": f"typed {number} {chance.random()}", "ref": number})
        await asyncio.sleep(0)
    await recording


async def run() -> History:
    """Let a hundred clients loose on one session."""
    history, chance = History(), random.Random(8)
    hpp, host = HandshakeApp(limits=ROOMY, store=MemoryStore(ROOMY)), Starlette()
    hpp.mount_on(host)
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(host))
        peer = await open_session(url, {})
        stack.push_async_callback(peer.http.aclose)
        sockets = [
            await stack.enter_async_context(peer.watch(role="agent" if number == 0 else "user")) for number in range(6)
        ]
        history.views = [[await socket.next("connected")] for socket in sockets]
        recordings = [
            asyncio.create_task(typing_watcher(socket, view, chance) if number >= 4 else watcher(socket, view))
            for number, (socket, view) in enumerate(zip(sockets, history.views, strict=True))
        ]
        await asyncio.gather(
            *((agent if number % 5 < 3 else person)(peer, history, chance) for number in range(CLIENTS))
        )
        async with asyncio.timeout(PATIENCE):
            while sum(frame["type"] == "ack" for view in history.views for frame in view) < 2 * ROUNDS * 5:
                await asyncio.sleep(0.01)
        await peer.edit("end", 1)
        await asyncio.gather(*recordings)
        history.context = await peer.context(role="user")
        history.log = await log_of(hpp.engine.store, peer.session_id)
    return history


@pytest.fixture(scope="module")
def history() -> History:
    return asyncio.run(run())


def shown(view: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the logged events among what a watcher saw, acks of its own edits in their places."""
    return sorted((frame for frame in view if "seq" in frame), key=lambda frame: int(frame["seq"]))


def test_the_run_was_worth_checking(history: History) -> None:
    assert len(history.batches) == CLIENTS * 3 // 5 * ROUNDS
    assert len(history.edits) == CLIENTS * 2 // 5 * ROUNDS
    refused = [result for batch in history.batches for result in batch.reply["results"] if "code" in result]
    assert refused, "no agent ever met a field of the person's"
    overlaps = sum(one.sent < other.replied for one, other in zip(history.batches[1:], history.batches, strict=False))
    assert overlaps > len(history.batches) // 2, "the clients took turns"
    assert {event.by for event in history.changes} == {"ai", "user", "user_edit", "default"}


def test_i1_no_agents_write_comes_after_a_persons_unless_they_released_the_field(history: History) -> None:
    """I1."""
    theirs: dict[str, bool] = {}
    for change in history.changes:
        if change.type == "action":
            assert not theirs.get(change.key), change
        theirs[change.key] = change.by in ("user", "user_edit")


def test_i2_places_in_the_log_are_numbered_without_hole_or_repeat(history: History) -> None:
    """I2."""
    assert [event.seq for event in history.log] == list(range(1, len(history.log) + 1))


def test_i3_what_was_asked_after_an_answer_is_ordered_after_it(history: History) -> None:
    """I3."""
    exchanges = [one for one in history.batches + history.edits if one.request.get("release") is None]
    answered = sorted(exchanges, key=lambda one: one.replied)
    highest, done = 0, 0
    for exchange in sorted(exchanges, key=lambda one: one.sent):
        while answered[done].replied < exchange.sent:
            highest = max(highest, *answered[done].seqs)
            done += 1
        assert min(exchange.seqs) > highest


def test_i4_folding_the_log_gives_what_the_context_says(history: History) -> None:
    """I4."""
    folded = {
        change.key: {"value": change.value, "by": change.by, "at": change.at, "rev": change.seq}
        for change in history.changes
    }
    assert folded == history.context["context"]
    assert history.context["cursor"].endswith(f".{len(history.log)}")


def test_i5_every_watcher_saw_the_whole_log_in_order_and_ends_where_the_store_is(history: History) -> None:
    """I5."""
    for view in history.views:
        events = [frame for frame in view if "seq" in frame and frame["type"] != "ack"]
        assert [frame["seq"] for frame in events] == sorted(frame["seq"] for frame in events)
        assert [frame["seq"] for frame in shown(view)] == list(range(1, len(history.log) + 1))
        values = {frame["key"]: frame["by"] for frame in shown(view) if "key" in frame}
        assert values == {key: record["by"] for key, record in history.context["context"].items()}


def test_all_watchers_saw_the_same(history: History) -> None:
    log = {event.seq: event for event in history.log}
    for view in history.views:
        for frame in shown(view):
            event = log[frame["seq"]]
            assert frame["at"] == event.at
            if frame["type"] != "ack":
                assert frame["type"] == event.type
            if isinstance(event, Change):
                assert (frame["key"], frame["by"]) == (event.key, event.by)
                assert frame.get("value", event.value) == event.value


def test_every_reply_is_in_the_log_exactly_once_and_in_its_order(history: History) -> None:
    log = {event.seq: event for event in history.log}
    claimed: Counter[int] = Counter()
    for batch in history.batches:
        applied = [result for result in batch.reply["results"] if result["status"] == "applied"]
        assert [result["key"] for result in applied] == batch.reply["applied"]
        assert batch.seqs == list(range(batch.seqs[0], batch.seqs[0] + len(applied) + 1)), "others came in between"
        for result in applied:
            event = log[result["seq"]]
            assert isinstance(event, Change)
            asked = [action["value"] for action in batch.request["actions"] if action["key"] == result["key"]]
            assert (event.type, event.key) == ("action", result["key"])
            assert event.value in asked
        assert log[batch.seqs[-1]].type == "done"
        claimed.update(batch.seqs)
    for edit in history.edits:
        if "value" in edit.request:
            event = log[edit.reply["seq"]]
            assert isinstance(event, Change)
            assert (event.key, event.value) == (edit.request["key"], edit.request["value"])
            claimed[event.seq] += 1
    assert set(claimed.values()) == {1}
    unclaimed = {event.seq for event in history.log} - claimed.keys()
    assert all(log[seq].type == "edit" for seq in unclaimed), "an agent's change that no reply tells of"


# The invariants that one run does not show


async def test_i6_a_change_is_queued_to_every_watcher_before_its_reply_is_sent() -> None:
    """I6: looked at the moment the engine answers, before any other task has run."""
    engine = ProtocolEngine(limits=ROOMY)
    created = await engine.create_session({})
    session_id, token = created[0]["sessionId"], created[0]["token"]
    async with contextlib.AsyncExitStack() as stack:
        watchers = [
            await stack.enter_async_context(await engine.watch(session_id, credential))
            for credential in (token, Credential(user_token=created.user_token))
        ]
        for number in range(1, 4):
            action = {"type": "set", "key": "a", "value": number}
            reply, _ = await engine.post_action(session_id, {"actions": [action]}, token)
            assert [watcher.backlog for watcher in watchers] == [2 * number] * 2
            assert reply["broadcast"] == {"clients": 2, "actionMessages": 2, "doneMessages": 2}


async def test_no_edit_of_a_person_is_lost_in_a_head_to_head_race_with_an_agent() -> None:
    peer = await open_in_process(HandshakeApp(limits=ROOMY, store=MemoryStore(ROOMY)), {})
    for number in range(150):
        key = f"key{number}"
        agents = [peer.act({key: f"agent {n}"}) for n in range(2)]
        racers = [*agents, peer.edit(key, "mine")]
        await asyncio.gather(*(racers if number % 2 else racers[::-1]))
        await peer.act({key: "too late"})
    context = (await peer.context())["context"]
    assert {record["value"] for record in context.values()} == {"mine"}
    assert {record["by"] for record in context.values()} <= {"user", "user_edit"}


class YieldingStore(MemoryStore):
    """A memory store that lets other tasks run between a load and the save that follows, as a network would."""

    async def load(self, session_id: str, *, after: int | None = None, key: str | None = None) -> Loaded | None:
        loaded = await super().load(session_id, after=after, key=key)
        await asyncio.sleep(0)
        return loaded

    async def save(self, record: Record, *, events: Sequence[Event] = (), receipt: Receipt | None = None) -> None:
        await asyncio.sleep(0)
        await super().save(record, events=events, receipt=receipt)


async def test_workers_that_share_a_store_lose_nothing_of_each_other() -> None:
    store = YieldingStore(ROOMY)
    workers = [HandshakeApp(limits=ROOMY, store=store) for _ in range(3)]
    peer = await open_in_process(workers[0], {})
    others = [await open_in_process(worker, {}) for worker in workers]
    peers = [Peer(peer.base_url, peer.created, peer.cookie, other.http) for other in others]
    rounds = 20
    for number in range(rounds):
        replies = await asyncio.gather(
            peers[0].act({"a": number, "mine": number}),
            peers[1].act({"b": number, "mine": number}),
            peers[2].edit("mine", number),
        )
        assert [key for reply in replies[:2] for key in reply["applied"] if key != "mine"] == ["a", "b"]
    events = await log_of(store, peer.session_id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert (
        sum(event.type == "action" and event.key in "ab" for event in events if isinstance(event, Change)) == 2 * rounds
    )
    context = (await peer.context())["context"]
    assert {key: record["value"] for key, record in context.items()} == dict.fromkeys(("a", "b", "mine"), rounds - 1)
    assert context["mine"]["by"] in ("user", "user_edit")


async def test_a_crowd_on_one_session_takes_turns_and_nobody_is_turned_away() -> None:
    hpp = HandshakeApp(limits=ROOMY, store=YieldingStore(ROOMY))
    peer = await open_in_process(hpp, {})
    replies = await asyncio.gather(*(peer.act({"a": number}) for number in range(60)))
    assert sorted(reply["results"][0]["seq"] for reply in replies) == list(range(1, 121, 2))


async def test_locks_and_tasks_are_gone_when_the_work_is_done() -> None:
    hpp = HandshakeApp(limits=ROOMY, store=YieldingStore(ROOMY))
    peers = [await open_in_process(hpp, {}) for _ in range(10)]
    await asyncio.gather(*(peer.act({"a": number}) for peer in peers for number in range(5)))
    assert hpp.engine.statistics == (0, 0, 0)


# What is refused, and when


@contextlib.asynccontextmanager
async def half_a_request(peer: Peer, name: str, **headers: str) -> AsyncIterator[asyncio.StreamReader]:
    """Send the headers of a POST and the first byte of its body, and nothing more."""
    address = urlsplit(peer.base_url)
    url = "/handshake/session" if name == "create" else peer.created[f"{name}Url"]
    lines = {"Host": address.netloc, "Content-Type": "application/json", "Content-Length": "2", **headers}
    head = "".join(f"{field}: {value}\r\n" for field, value in lines.items())
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(f"POST {url} HTTP/1.1\r\n{head}\r\n{{".encode())
        yield reader
    finally:
        writer.close()
        await writer.wait_closed()


async def status(reader: asyncio.StreamReader) -> int:
    async with asyncio.timeout(PATIENCE):
        return int((await reader.readline()).split()[1])


REFUSALS: dict[str, tuple[str, dict[str, str], int]] = {
    "no credential": ("action", {}, 403),
    "wrong token": ("action", {"X-Handshake-Token": "A" * 32}, 403),
    "no credential, edit": ("notify", {}, 403),
    "no credential, extend": ("extend", {}, 403),
    "no credential, rotate": ("rotate", {}, 403),
    "agent edits": ("notify", {"X-Handshake-Token": "TOKEN"}, 403),
    "person acts": ("action", {"Cookie": "COOKIE"}, 403),
    "foreign origin": ("notify", {"Cookie": "COOKIE", "Origin": "https://evil.example.net"}, 403),
    "foreign origin, create": ("create", {"Origin": "https://evil.example.net"}, 403),
    "not JSON": ("action", {"X-Handshake-Token": "TOKEN", "Content-Type": "text/plain"}, 415),
    "compressed": ("action", {"X-Handshake-Token": "TOKEN", "Content-Encoding": "gzip"}, 415),
    "too large": ("action", {"X-Handshake-Token": "TOKEN", "Content-Length": "99999999"}, 413),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_i10_what_is_refused_for_its_headers_is_refused_before_its_body_is_read(pair: Open, case: str) -> None:
    """I10."""
    name, headers, expected = REFUSALS[case]
    hpp = HandshakeApp(limits=ROOMY)
    peer = await pair(hpp)
    filled = {
        field: value.replace("TOKEN", peer.token).replace("COOKIE", peer.cookie) for field, value in headers.items()
    }
    before = await record_of(hpp.engine.store, peer.session_id)
    async with half_a_request(peer, name, **filled) as reader:
        assert await status(reader) == expected
    assert await record_of(hpp.engine.store, peer.session_id) == before, "it changed or refreshed the session"


async def test_i10_an_unknown_session_is_refused_before_the_body_is_read(pair: Open) -> None:
    """I10."""
    peer = await pair()
    peer.created["actionUrl"] = peer.created["actionUrl"].replace(peer.session_id, "0" * 32)
    async with half_a_request(peer, "action", **peer.as_agent) as reader:
        assert await status(reader) == 403


async def test_a_request_that_may_be_made_is_waited_for(pair: Open) -> None:
    hpp = HandshakeApp(limits=ROOMY.replace(body_timeout=0.1))
    peer = await pair(hpp)
    async with half_a_request(peer, "action", **peer.as_agent) as reader:
        assert await status(reader) == 408


async def test_i10_nothing_unauthenticated_is_counted_against_the_rightful_holder() -> None:
    """I10."""
    hpp = HandshakeApp(rate_limit_per_min=3)
    peer = await open_in_process(hpp, FORM)
    before = await record_of(hpp.engine.store, peer.session_id)
    for headers in ({}, {"X-Handshake-Token": "A" * 32}, {"Cookie": peer.cookie[:-1]}, {"X-Handshake-User-Token": "x"}):
        for method, name in (("GET", "context"), ("GET", "diff"), ("POST", "action"), ("POST", "extend")):
            assert (await peer.send(method, name, {}, headers=headers)).status_code in (403, 429)
    assert await record_of(hpp.engine.store, peer.session_id) == before
    assert (await peer.agent("GET", "context")).headers["ratelimit"].startswith('"session";r=2;')
    assert (await peer.user("GET", "context")).headers["ratelimit"].startswith('"session";r=599;')
