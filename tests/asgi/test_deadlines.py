"""A time limit holds for what waits, and costs what is there at once no timer."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from handshake_prompt.asgi.deadlines import within
from tests.support.virtual_time import in_virtual_time, loop_time


async def at_once() -> str:
    return "done"


async def soon(steps: int = 3) -> str:
    for _ in range(steps):
        await asyncio.sleep(1)
    return "done"


async def fails() -> None:
    await asyncio.sleep(1)
    raise ConnectionError


async def holds_on() -> str:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        await asyncio.sleep(1)
    return "done"


def timers() -> int:
    loop: Any = asyncio.get_running_loop()
    return sum(not timer.cancelled() for timer in loop._scheduled)


@in_virtual_time
async def test_what_is_there_at_once_sets_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    for name in ("call_at", "call_later"):
        monkeypatch.setattr(loop, name, None)
    assert await within(5, at_once()) == "done"


@in_virtual_time
async def test_what_waits_is_waited_for() -> None:
    assert await within(5, soon()) == "done"
    assert timers() == 0


@in_virtual_time
async def test_what_takes_too_long_is_cut_off() -> None:
    began = loop_time()
    with pytest.raises(TimeoutError):
        await within(2, soon())
    assert loop_time() - began == pytest.approx(2)


@in_virtual_time
async def test_what_fails_fails() -> None:
    with pytest.raises(ConnectionError):
        await within(5, fails())


@in_virtual_time
async def test_who_is_cancelled_lets_go_of_what_it_waits_for() -> None:
    released = asyncio.Event()

    async def hold() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            released.set()

    task = asyncio.create_task(within(90, hold()))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert released.is_set()


@in_virtual_time
async def test_what_does_not_mind_being_cut_off_comes_to_its_own_end() -> None:
    began = loop_time()
    assert await within(2, holds_on()) == "done"
    assert loop_time() - began == pytest.approx(3)


@in_virtual_time
async def test_what_gives_in_when_it_is_cut_off_is_over() -> None:
    async def gives_in() -> str:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return "done"

    assert await within(2, gives_in()) == "done"
