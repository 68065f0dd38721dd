"""The lifecycle of an engine: ready, drained, closed."""

from __future__ import annotations

import asyncio

import pytest

from handshake_prompt import Limits, MemoryStore, ProtocolEngine
from handshake_prompt.protocol.errors import CloseCode, StoreUnavailableError
from tests.support.pairing import code_of, open_pair, virtual_engine
from tests.support.relay import RelayStore, nothing
from tests.support.virtual_time import in_virtual_time, loop_time


@in_virtual_time
async def test_draining_sends_watchers_elsewhere_spread_out_and_lets_requests_finish() -> None:
    engine = virtual_engine(Limits(drain_spread=2))
    pair = await open_pair(engine)
    gate = asyncio.Event()

    @engine.on_action
    async def slow(*_: object) -> None:
        await gate.wait()

    running = asyncio.create_task(pair.act({"name": 1}))
    polling = asyncio.create_task(pair.diff(since=pair.created["cursor"], wait=25))
    async with pair.watch() as first, pair.watch() as second:
        await first.shown()
        began = loop_time()
        asyncio.get_running_loop().call_later(4, gate.set)
        await engine.drain()
        assert loop_time() - began == pytest.approx(4)
        for page in (first, second):
            assert (page.frames[-1]["type"], page.closed) == ("draining", CloseCode.DRAINING)
            assert 0 <= page.frames[-1]["afterMs"] <= 2000
    assert (await running)[0]["applied"] == ["name"]
    assert loop_time() - began < 6
    assert (await polling)["changes"] == []
    assert await code_of(engine.watch(pair.session_id, pair.user)) == (503, "draining")
    engine.resume()
    async with pair.watch():
        assert engine.statistics.watchers == 1
    await engine.aclose()


@in_virtual_time
async def test_health_says_whether_a_worker_should_be_sent_requests() -> None:
    pair = await open_pair(virtual_engine())
    async with pair.watch():
        assert tuple(await pair.engine.health()) == (
            {"status": "ready", "store": "RelayStore", "watchers": 1, "running": 0},
            200,
        )
    pair.store.before = unready
    payload, status = await pair.engine.health()
    assert (payload["status"], status) == ("unavailable", 503)
    pair.store.before = nothing
    await pair.engine.drain()
    payload, status = await pair.engine.health()
    assert (payload["status"], status) == ("draining", 503)
    pair.engine.resume()
    assert (await pair.engine.health())[1] == 200


async def unready(name: str) -> None:
    if name == "ready":
        raise StoreUnavailableError


@in_virtual_time
async def test_a_store_that_is_not_ready_is_asked_again_by_the_next_request() -> None:
    engine = virtual_engine()
    assert isinstance(engine.store, RelayStore)
    engine.store.before = unready
    with pytest.raises(StoreUnavailableError):
        await engine.create_session({})
    engine.store.before = nothing
    assert (await engine.create_session({}))[1] == 200


class ClosableStore(MemoryStore):
    closed = 0

    async def aclose(self) -> None:
        self.closed += 1


async def test_a_store_that_was_given_stays_open_and_one_from_a_url_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    given = ClosableStore()
    await ProtocolEngine(store=given).aclose()
    assert given.closed == 0
    monkeypatch.setattr("handshake_prompt.engine.engine.open_store", lambda *_: ClosableStore())
    engine = ProtocolEngine(store="memory://")
    await engine.aclose()
    assert isinstance(engine.store, ClosableStore)
    assert engine.store.closed == 1
