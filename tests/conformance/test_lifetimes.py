"""SPEC.md section 8: what keeps a session alive, how it ends, and who is told."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.conformance.conftest import OPERATIONS, Local, Open, Start
from tests.support.peer import PATIENCE, Peer
from tests.support.stalls import waiting_at_most

TTL = 0.4
MANY = {"agent_requests": 100_000, "user_requests": 100_000, "wrong_tokens_per_session": 100_000}


async def test_hpp_097_use_gives_a_session_its_full_time_again(local: Start) -> None:
    for ttl in (TTL, 4 * TTL, 16 * TTL):  # longer where the machine is too busy to use it often enough
        alive, longest_pause = await _alive_after_use(await local(MANY, ttl=ttl), seconds=2 * ttl)
        if longest_pause < ttl:
            break
    assert set(alive.values()) == {200}, alive


async def _alive_after_use(server: Local, *, seconds: float) -> tuple[dict[str, int], float]:
    """Use sessions in different ways. Return how each answers afterwards, and the longest time without a use."""
    opened = time.monotonic()
    peers = {use: await server.open({}) for use in ("context", "diff", "action", "notify", "userEdit")}
    async with peers["userEdit"].watch() as page:

        async def edit() -> None:
            with suppress(ConnectionClosed):  # at the end of a session that was used too late
                await page.send({"type": "userEdit", "key": "a", "value": 1})
                await page.next("ack")

        uses: dict[str, Callable[[], Awaitable[Any]]] = {
            "context": lambda: peers["context"].agent("GET", "context"),
            "diff": lambda: peers["diff"].user("GET", "diff"),
            "action": lambda: peers["action"].agent("POST", "action", {"actions": [{"key": "a", "value": 1}]}),
            "notify": lambda: peers["notify"].user("POST", "notify", {"key": "a", "value": 1}),
            "userEdit": edit,
        }
        pauses = await asyncio.gather(*(_keep_doing(use, seconds=seconds, since=opened) for use in uses.values()))
        begun = time.monotonic()
        alive = {use: (await peer.agent("GET", "context")).status_code for use, peer in peers.items()}
    return alive, max(pauses) + time.monotonic() - begun


async def test_hpp_098_nothing_else_prolongs_a_session(local: Start) -> None:
    server = await local(MANY, ttl=TTL)
    attempts: dict[str, Callable[[Peer], Awaitable[Any]]] = {
        "status": lambda peer: peer.agent("GET", "session"),
        "watch": _look,
        "wrong token": lambda peer: peer.send("GET", "context", headers={"X-Handshake-Token": "wrong"}),
        "broken body": lambda peer: peer.agent("POST", "action", {"actions": 1}),
        "refused by role": lambda peer: peer.agent("POST", "notify", {"key": "a", "value": 1}),
        "no credential": lambda peer: peer.send("POST", "action", {"actions": []}),
    }
    peers = {name: await server.open({}) for name in attempts}
    await asyncio.gather(
        *(_keep_doing(partial(attempt, peers[name]), seconds=1.1 * TTL) for name, attempt in attempts.items())
    )
    told = {name: (await peer.agent("GET", "context")).json().get("code") for name, peer in peers.items()}
    assert told == dict.fromkeys(peers, "session_expired")


async def test_hpp_099_a_session_ends_at_its_absolute_lifetime(local: Start) -> None:
    server = await local(MANY | {"max_lifetime": TTL})
    peer = await server.open({})
    assert peer.created["expiresIn"] <= peer.created["maxExpiresIn"] <= 1

    async def use() -> None:
        await peer.agent("POST", "extend", {"extraSeconds": 3600})
        await peer.agent("GET", "context")

    await _keep_doing(use, seconds=1.2 * TTL)
    assert (await peer.agent("GET", "context")).json()["code"] == "session_expired"


async def test_hpp_100_watchers_are_told_before_and_at_the_end(local: Start) -> None:
    for notice in (TTL, 4 * TTL, 16 * TTL):  # longer where the machine is too busy to open two watchers before it
        server = await local({"expiring_notice": notice}, ttl=2 * notice)
        begun = time.monotonic()
        peer = await server.open()
        async with peer.watch() as page, peer.watch(role="agent") as agent:
            if time.monotonic() - begun > notice:
                continue
            async with waiting_at_most(2 * notice + 1):
                told = await asyncio.gather(page.closed(), agent.closed())
            break
    assert time.monotonic() - begun > 2 * notice
    for code, frames in told:
        assert (code, [frame["type"] for frame in frames]) == (4410, ["connected", "expiring", "expired"])
        assert frames[1]["expiresIn"] <= math.ceil(notice)


async def test_hpp_101_a_revocation_ends_everything_within_a_second(pair: Open) -> None:
    peer = await pair()
    async with peer.watch() as page, peer.watch(role="agent") as agent:
        for watcher in (page, agent):
            await watcher.next("connected")
        async with waiting_at_most(1):
            assert (await peer.user("DELETE", "session")).json() == {"ok": True}
            for watcher in (page, agent):
                assert await watcher.closed() == (4410, [{"type": "revoked"}])
    for method, name, body in OPERATIONS:
        for headers in (peer.as_agent, peer.as_user):
            reply = await peer.send(method, name, body, headers=headers)
            assert (reply.status_code, reply.json()["code"]) == (404, "session_revoked")


@pytest.mark.parametrize("role", ["agent", "user"])
async def test_hpp_102_a_holder_is_told_how_the_session_ended(local: Start, role: str) -> None:
    server = await local(ttl=0.05)
    peer = await server.open()
    reply = await _until(404, lambda: (peer.agent if role == "agent" else peer.user)("GET", "session"))
    assert reply.json()["code"] == "session_expired"
    async with peer.watch(role=role) as watcher:
        code, frames = await watcher.closed()
    assert (code, [frame["code"] for frame in frames]) == (4410, ["session_expired"])


async def test_hpp_103_a_stranger_is_told_nothing_of_a_session(local: Start) -> None:
    server = await local({"wrong_tokens_per_address": 1000})
    stranger = {"X-Handshake-Token": "s" * 32}
    told = []
    for state in ("lives", "has ended", "never was"):
        peer = await server.open()
        url = peer.base_url + peer.created["contextUrl"]
        if state == "has ended":
            await peer.user("DELETE", "session")
        if state == "never was":
            url = url.replace(peer.session_id, "0" * 32)
        replies = [await peer.http.get(url, headers=headers) for headers in [{}, *[stranger] * 10]]
        told.append([(reply.status_code, reply.json()["detail"], set(reply.headers)) for reply in replies])
        assert [(reply.status_code, reply.json()["code"]) for reply in replies] == [
            *[(403, "invalid_token")] * 10,
            (429, "too_many_attempts"),
        ]
    assert told == [told[0]] * 3


async def test_hpp_104_once_forgotten_a_session_never_was(local: Start) -> None:
    server = await local({"tombstone_seconds": 0.2})
    peer = await server.open()
    await peer.user("DELETE", "session")
    async with asyncio.timeout(PATIENCE):
        while (await peer.agent("GET", "session")).json()["code"] == "session_revoked":
            await asyncio.sleep(0.02)
    for send in (peer.agent, peer.user):
        reply = await send("GET", "session")
        assert (reply.status_code, reply.json()["code"]) == (403, "invalid_token")


async def test_hpp_105_a_rotation_closes_the_old_tokens_watchers_alone(pair: Open) -> None:
    peer = await pair()
    async with peer.watch() as page, peer.watch(role="agent") as agent:
        for watcher in (page, agent):
            await watcher.next("connected")
        await peer.user("POST", "rotate", {})
        await peer.edit("name", "A")
        code, frames = await agent.closed()
        assert (code, [frame["type"] for frame in frames]) == (4401, ["rotated"])
        assert [(await page.next())["type"] for _ in range(2)] == ["rotated", "edit"]


async def test_hpp_354_a_rotation_is_answered_with_the_place_of_its_event(pair: Open) -> None:
    peer = await pair()
    async with peer.watch() as page:
        await page.next("connected")
        reply = (await peer.user("POST", "rotate", {})).json()
        assert (await page.next("rotated"))["seq"] == reply["seq"]


async def test_hpp_106_every_watcher_hears_of_an_extension(pair: Open) -> None:
    peer = await pair()
    async with peer.watch() as page, peer.watch(role="agent") as agent:
        for watcher in (page, agent):
            await watcher.next("connected")
        reply = (await peer.agent("POST", "extend", {"extraSeconds": 600})).json()
        for watcher in (page, agent):
            frame = await watcher.next()
            assert (frame["type"], frame["expiresIn"]) == ("extended", reply["expiresIn"])


async def _keep_doing(attempt: Callable[[], Awaitable[Any]], *, seconds: float, since: float | None = None) -> float:
    """Do something again and again; return the longest time from the beginning of one attempt to the next one's end.

    The first one counts from `since` on.
    """
    begun = time.monotonic()
    last, longest = since or begun, 0.0
    while (now := time.monotonic()) - begun < seconds:
        await attempt()
        last, longest = now, max(longest, time.monotonic() - last)
        await asyncio.sleep(0.05)
    return longest


async def _until(status: int, ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    async with asyncio.timeout(PATIENCE):
        while (reply := await ask()).status_code != status:
            await asyncio.sleep(0.02)
    return reply


async def _look(peer: Peer) -> None:
    async with peer.watch(role="agent") as agent:
        await agent.next()
