"""Transactions: what is saved, and what is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from handshake_prompt import Limits
from handshake_prompt.protocol.errors import TooLargeError
from tests.support.pairing import Pair, code_of, open_pair, virtual_engine
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_i11_a_full_session_takes_no_more_and_keeps_what_it_has() -> None:
    pair = await open_pair(virtual_engine(Limits(session_bytes=1000, values=3)))
    await pair.act({"a": "x" * 800})
    assert await code_of(pair.act({"b": "x", "c": "x" * 300})) == (413, "session_full")
    assert await pair.values() == {"a": ("x" * 800, "ai")}
    await pair.act({"a": "short", "b": 1, "c": 1})
    assert await code_of(pair.act({"d": 1})) == (413, "session_full")
    for key in ("d", "e", "f"):
        await pair.edit(key, 1)
    assert await code_of(pair.edit("g", 1)) == (413, "session_full")
    assert sorted(await pair.values()) == ["a", "b", "c", "d", "e", "f"]


FULL: dict[str, tuple[Limits, Any]] = {
    "of bytes": (Limits(session_bytes=4000, agent_requests=1000), "x" * 300),
    "of fields": (Limits(values=10, agent_requests=1000), 1),
    "of JSON values": (Limits(session_parts=100, agent_requests=1000), [1] * 20),
}


@pytest.mark.parametrize(("limits", "value"), FULL.values(), ids=FULL)
@in_virtual_time
async def test_the_person_has_room_for_all_they_may_write_however_full_the_agent_has_made_it(
    limits: Limits, value: Any
) -> None:
    pair, alone = await open_pair(virtual_engine(limits)), await open_pair(virtual_engine(limits))
    taken = [await fill_up(one, "agent") if one is pair else 0 for one in (pair, alone)]
    assert taken[0] > 0
    await pair.edit("agent 0", value)
    assert (await pair.values())["agent 0"] == (value, "user_edit")
    await alone.edit("agent 0", value)
    rooms = [await fill_up(one, "person", value) for one in (pair, alone)]
    assert rooms[0] == rooms[1] > 0


async def fill_up(pair: Pair, who: str, value: Any = "x") -> int:
    """Write one field after the other until the session is full; return how many it took."""
    for number in range(600):
        write = pair.edit(f"{who} {number}", value) if who == "person" else pair.act({f"{who} {number}": value})
        try:
            await write
        except TooLargeError:
            return number
    raise AssertionError("it is never full")


@pytest.mark.parametrize("by", ["the page at creation", "the person"])
@in_virtual_time
async def test_nothing_an_agent_is_told_depends_on_a_value_it_may_not_see(by: str) -> None:
    """How much fits into a session and into its log, to the byte, beside hidden values of every kind and length."""
    limits = Limits(session_bytes=3000, log_bytes=600, agent_requests=1000)
    told = []
    for hidden in (True, False, "", "x" * 40, "x" * 2000, [1, 2, 3]):
        context = {"iban": hidden} if by == "the page at creation" else {}
        pair = await open_pair(virtual_engine(limits), SECRETIVE | {"context": context})
        if by == "the person":
            await pair.act({"a": 1})
            await pair.edit("iban", hidden)
            await pair.edit("iban", hidden)
        room = await room_of(pair)
        for number in range(12):
            await pair.act({"a": f"{number}" * 20})
        diffs = [await pair.diff(since=f"{(await pair.record()).session.epoch}.{place}") for place in range(10)]
        told.append((room, [(diff["truncated"], len(diff["changes"])) for diff in diffs]))
    assert told == [told[0]] * len(told)


SECRETIVE = {"mode": "form-fill", "schema": [{"key": "iban", "sensitive": True}, {"key": "a"}, {"key": "b"}]}


async def room_of(pair: Pair) -> int:
    """Return the longest text that an agent can write, to the character."""
    fits, exceeds = 0, 4_000
    while exceeds - fits > 1:
        size = (fits + exceeds) // 2
        try:
            await pair.act({"b": "x" * size})
            fits = size
        except TooLargeError:
            exceeds = size
    await pair.act({"b": ""})
    return fits


@in_virtual_time
async def test_i13_a_request_whose_session_expires_while_it_is_admitted_revives_nothing() -> None:
    async def slow_login(*_: object) -> bool:
        await asyncio.sleep(4)
        return True

    pair = await open_pair(virtual_engine(ttl=3, require_browser_auth=slow_login))
    for _ in range(2):
        assert await code_of(pair.engine.get_context(pair.session_id, pair.agent)) == (404, "session_expired")
