"""What one worker is told holds in the others: watchers, ends, credentials, counts."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import pairwise

import httpx
import pytest

from tests.support.peer import PATIENCE, Peer, Socket, open_session
from tests.support.redis_servers import RedisServer
from tests.support.stalls import waiting_at_most
from tests.support.workers import Worker, patient, working

WITHIN = 1.0 + 1.0
"""Seconds of waiting in which the end of a session or of a token has to have reached everybody; the last of them is
what the other processes of a busy machine may add. What is not heard of at once but looked for would take twice as
long."""
STRICT: dict[str, float] = {
    "agent_requests": 60,
    "user_requests": 600,
    "replay_events": 300,
    "log_events": 512,
    "max_lifetime": 86_400,
    "wrong_tokens_per_address": 10_000,
}
"""The rates that are shared: the usual ones, but for the one that all tests here would share."""


@pytest.fixture(scope="module", params=["sqlite", "redis"])
def workers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Worker]]:
    """Three workers over one store."""
    if request.param == "sqlite":
        store = f"sqlite:///{tmp_path_factory.mktemp('across') / 'sessions.db'}"
    else:
        server: RedisServer = request.getfixturevalue("redis")
        store = f"{server.url}?prefix=across"
    with working(*(Worker(store, limits=STRICT, timings=patient(store)) for _ in range(3))) as running:
        yield running


Everywhere = Callable[..., Awaitable[list[Peer]]]


@pytest.fixture
async def everywhere(workers: Sequence[Worker]) -> AsyncIterator[Everywhere]:
    """Return `await everywhere(body)`: a new session, as a client of each worker."""
    async with AsyncExitStack() as stack:

        async def open_one(body: dict[str, object] | None = None) -> list[Peer]:
            peer = await open_session(workers[0].url, body or {})
            stack.push_async_callback(peer.http.aclose)
            return [replace(peer, base_url=worker.url) for worker in workers]

        yield open_one


async def ended(socket: Socket) -> tuple[int | None, list[str]]:
    """Wait for a socket's close: its code, and the kinds of the frames before it."""
    code, frames = await socket.closed()
    return code, [frame["type"] for frame in frames]


# Watchers


async def test_a_watcher_that_reconnects_to_another_worker_is_shown_everything_once(everywhere: Everywhere) -> None:
    peers = await everywhere()
    async with peers[0].watch() as socket:
        opening = await socket.next("connected")
        await peers[0].act({"a": 1})
        await peers[1].edit("b", 2)
        shown = [await socket.next() for _ in range(3)]
    await peers[2].act({"c": 3, "b": "refused"})
    await peers[0].edit("a", 4)
    async with peers[1].watch(after=shown[-1]["cursor"]) as socket:
        again = await socket.next("connected")
        await peers[2].edit("d", 5)
        shown += [await socket.next() for _ in range(4)]
    assert opening["recovered"] is False
    assert (again["recovered"], again["snapshot"]) == (True, None)
    assert [frame["seq"] for frame in shown] == [1, 2, 3, 4, 5, 6, 7]
    assert [(frame["type"], frame.get("key")) for frame in shown] == [
        ("action", "a"),
        ("done", None),
        ("edit", "b"),
        ("action", "c"),
        ("done", None),
        ("edit", "a"),
        ("edit", "d"),
    ]


async def test_a_page_is_not_shown_its_own_edit_by_way_of_another_worker(everywhere: Everywhere) -> None:
    peers = await everywhere()
    async with peers[0].watch() as page, peers[1].watch() as other:
        await page.next("connected")
        await other.next("connected")
        await page.send({"type": "userEdit", "key": "a", "value": 1, "ref": "r"})
        assert (await page.next("ack"))["ref"] == "r"
        assert (await other.next("edit"))["value"] == 1
        await peers[2].edit("b", 2)
        assert (await page.next())["key"] == "b"


async def test_watchers_of_all_workers_are_counted(everywhere: Everywhere) -> None:
    peers = await everywhere()
    async with peers[0].watch() as one, peers[1].watch() as two, peers[1].watch(role="agent") as three:
        for socket in (one, two, three):
            await socket.next("connected")
        reply = await peers[2].act({"a": 1, "b": 2})
        assert reply["broadcast"] == {"clients": 3, "actionMessages": 6, "doneMessages": 3}
        status = await peers[2].agent("GET", "session")
        assert status.json()["watchers"] == 3
    async with asyncio.timeout(PATIENCE):
        while (await peers[2].user("GET", "session")).json()["watchers"]:
            await asyncio.sleep(0.02)


async def test_a_diff_that_waits_is_answered_when_another_worker_writes(everywhere: Everywhere) -> None:
    peers = await everywhere()
    since = {"since": peers[0].created["cursor"], "wait": "25"}
    waiting = asyncio.create_task(peers[0].agent("GET", "diff", params=since))
    await asyncio.sleep(0.2)  # nothing tells that it has begun to wait; too early, and the test is only weaker
    async with waiting_at_most(WITHIN):
        await peers[1].edit("a", 1)
        answer = await waiting
    assert [change["key"] for change in answer.json()["changes"]] == ["a"]


# Ends


async def test_a_revocation_reaches_everybody_everywhere_within_a_second(everywhere: Everywhere) -> None:
    peers = await everywhere()
    async with peers[0].watch() as one, peers[1].watch() as two, peers[2].watch(role="agent") as three:
        sockets = (one, two, three)
        for socket in sockets:
            await socket.next("connected")
        assert (await peers[0].user("DELETE", "session")).status_code == 200
        async with waiting_at_most(WITHIN):
            refusals = [await peer.agent("GET", "context") for peer in peers]
            ends = await asyncio.gather(*map(ended, sockets))
    assert ends == [(4410, ["revoked"])] * 3
    assert [(answer.status_code, answer.json()["code"]) for answer in refusals] == [(404, "session_revoked")] * 3


async def test_a_replaced_token_is_worthless_everywhere_within_a_second(everywhere: Everywhere) -> None:
    peers = await everywhere()
    async with peers[1].watch(role="agent") as agent, peers[2].watch() as page:
        await agent.next("connected")
        await page.next("connected")
        rotated = (await peers[0].user("POST", "rotate", {})).json()
        async with waiting_at_most(WITHIN):
            refusals = [await peer.agent("GET", "context") for peer in peers]
            assert (await page.next())["type"] == "rotated"
            code, _ = await ended(agent)
    assert code == 4401
    assert {answer.status_code for answer in refusals} == {403}
    for peer in peers:
        peer.created = peer.created | {"token": rotated["token"]}
        assert (await peer.agent("GET", "context")).status_code == 200


async def test_nothing_behind_a_rotation_is_shown_to_an_agent_of_the_old_token_by_any_worker(
    everywhere: Everywhere,
) -> None:
    peers = await everywhere()
    async with peers[1].watch(role="agent") as here, peers[0].watch(role="agent") as there:
        for agent in (here, there):
            await agent.next("connected")
        await peers[0].edit("k", "before")
        assert (await peers[0].user("POST", "rotate", {})).status_code == 200
        await asyncio.gather(*(peers[number % 2].edit(f"k{number}", "after") for number in range(40)))
        shown = [await agent.closed() for agent in (here, there)]
    for code, frames in shown:
        assert code == 4401
        assert [frame["type"] for frame in frames if frame["type"] != "edit"] == ["rotated"]
        assert [frame["value"] for frame in frames if frame["type"] == "edit"] == ["before"]


async def test_a_kept_reply_is_not_handed_to_an_older_token_by_any_worker(everywhere: Everywhere) -> None:
    peers = await everywhere()
    raw = b'{"actions": [{"type": "set", "key": "a", "value": 1}]}'
    rotated = asyncio.Event()

    async def late() -> AsyncIterator[bytes]:
        yield raw[:5]
        await rotated.wait()
        yield raw[5:]

    def post(peer: Peer, content: bytes | AsyncIterator[bytes]) -> Awaitable[httpx.Response]:
        headers = {"Content-Type": "application/json", "Idempotency-Key": "k", **peer.as_agent}
        return peer.http.post(peer.base_url + peer.created["actionUrl"], content=content, headers=headers)

    old = asyncio.ensure_future(post(peers[0], late()))
    await asyncio.sleep(0.2)
    token = (await peers[1].user("POST", "rotate", {})).json()["token"]
    successor = replace(peers[2], created=peers[2].created | {"token": token})
    assert (await post(successor, raw)).status_code == 200
    rotated.set()
    assert ((await old).status_code, (await old).json()["code"]) == (403, "invalid_token")


async def test_a_session_ends_everywhere_when_its_time_is_over_and_not_while_it_is_used(
    workers: Sequence[Worker],
) -> None:
    """Its use through one worker is known to those who watch it in another."""
    for ttl in (2.0, 8.0):  # longer where the machine is too busy to use it in time
        if await _lives_while_used(workers, ttl):
            return
    raise AssertionError("it was not used in time")


async def _lives_while_used(workers: Sequence[Worker], ttl: float) -> bool:
    """Hold a session to its end, of use and of time; return whether it was used often enough to say so."""
    async with AsyncExitStack() as stack:
        short_lived = stack.enter_context(working(*(worker.like(ttl=ttl) for worker in workers[:2])))
        uses, statuses = [time.monotonic()], []
        peer = await open_session(short_lived[0].url, {})
        stack.push_async_callback(peer.http.aclose)
        peers = [replace(peer, base_url=worker.url) for worker in short_lived]
        sockets = [await stack.enter_async_context(each.watch()) for each in peers]
        for _ in range(3):
            await asyncio.sleep(ttl * 0.35)
            uses.append(time.monotonic())
            statuses.append((await peers[1].agent("GET", "context")).status_code)
        if max(later - use for use, later in pairwise([*uses, time.monotonic()])) > 0.9 * ttl:
            return False
        async with waiting_at_most(ttl + WITHIN):
            ends = await asyncio.gather(*map(ended, sockets))
        assert time.monotonic() > uses[-1] + ttl - 0.05
        refusals = [await each.agent("GET", "context") for each in peers]
    assert statuses == [200] * 3
    assert [(code, kinds[-1]) for code, kinds in ends] == [(4410, "expired")] * 2
    assert [(answer.status_code, answer.json()["code"]) for answer in refusals] == [(404, "session_expired")] * 2
    return True


# What is counted


async def test_an_idempotency_key_holds_in_all_workers(everywhere: Everywhere) -> None:
    peers = await everywhere()
    body = {"actions": [{"type": "set", "key": "a", "value": 1}]}
    key = {"Idempotency-Key": "once"}
    answers = await asyncio.gather(*(peer.agent("POST", "action", body, headers=key) for peer in peers * 4))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == len(answers) - 1
    assert (await peers[1].context())["cursor"].endswith(".2")
    other = {"actions": [{"type": "set", "key": "a", "value": 2}]}
    assert (await peers[2].agent("POST", "action", other, headers=key)).status_code == 422


async def test_a_rate_is_one_for_all_workers(everywhere: Everywhere) -> None:
    peers = await everywhere()
    turn = itertools.cycle(peers)
    answers = [await next(turn).agent("GET", "context") for _ in range(62)]
    assert [answer.status_code for answer in answers] == [200] * 60 + [429] * 2
    left = [int(answer.headers["ratelimit"].partition("r=")[2].partition(";")[0]) for answer in answers[:60]]
    assert left == list(range(59, -1, -1))
    assert "retry-after" in answers[-1].headers
    assert (await peers[0].user("GET", "context")).status_code == 200


async def test_wrong_tokens_are_counted_in_all_workers_together(everywhere: Everywhere) -> None:
    peers = await everywhere()
    turn = itertools.cycle(peers)
    wrong = {"X-Handshake-Token": "A" * 32}
    answers = [await next(turn).send("GET", "context", headers=wrong) for _ in range(12)]
    assert [answer.status_code for answer in answers] == [403] * 10 + [429] * 2
    assert answers[-1].json()["code"] == "too_many_attempts"
    assert [(await peer.agent("GET", "context")).status_code for peer in peers] == [200] * 3


async def test_a_stranger_gets_one_answer_from_all_workers_whatever_has_become_of_a_session(
    everywhere: Everywhere,
) -> None:
    stranger = {"X-Handshake-Token": "A" * 32}
    lives, revoked, unknown = await everywhere(), await everywhere(), await everywhere()
    await revoked[0].user("DELETE", "session")
    url = unknown[0].created["contextUrl"].replace(unknown[0].session_id, "0" * 32)
    for peer in unknown:
        peer.created = peer.created | {"contextUrl": url}
    told = []
    for peers in (lives, revoked, unknown):
        answers = [await peers[number % 3].send("GET", "context", headers=stranger) for number in range(12)]
        told.append([(answer.status_code, answer.json()["detail"]) for answer in answers])
    assert told == [told[0]] * 3


async def test_the_persons_room_is_their_own_in_all_workers(everywhere: Everywhere) -> None:
    peers = await everywhere()
    statuses = [
        (await peers[0].agent("POST", "action", {"actions": [{"type": "set", "key": f"{n}", "value": "x" * 32_000}]}))
        for n in range(17)
    ]
    assert [answer.status_code for answer in statuses] == [200] * 16 + [413]
    for number, peer in enumerate(peers):
        await peer.edit(f"mine {number}", "x" * 32_000)
        await peer.edit(f"{number}", "x" * 32_000)
