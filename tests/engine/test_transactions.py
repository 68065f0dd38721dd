"""Transactions: what is saved, and what is refused."""

from __future__ import annotations

import asyncio

from handshake_prompt import Limits
from tests.support.pairing import code_of, open_pair, virtual_engine
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_i11_a_full_session_takes_no_more_and_keeps_what_it_has() -> None:
    pair = await open_pair(virtual_engine(Limits(session_bytes=1000, fields=3)))
    await pair.act({"a": "x" * 800})
    assert await code_of(pair.act({"b": "x", "c": "x" * 300})) == (413, "session_full")
    assert await pair.values() == {"a": ("x" * 800, "ai")}
    await pair.act({"a": "short", "b": 1, "c": 1})
    assert await code_of(pair.edit("d", 1)) == (413, "session_full")
    assert sorted(await pair.values()) == ["a", "b", "c"]


@in_virtual_time
async def test_i13_a_request_whose_session_expires_while_it_is_admitted_revives_nothing() -> None:
    async def slow_login(*_: object) -> bool:
        await asyncio.sleep(4)
        return True

    pair = await open_pair(virtual_engine(ttl=3, require_browser_auth=slow_login))
    for _ in range(2):
        assert await code_of(pair.engine.get_context(pair.session_id, pair.agent)) == (404, "session_expired")
