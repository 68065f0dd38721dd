"""A time limit holds for what waits, and costs what is there at once no timer."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from starlette.types import Message

from handshake_prompt.asgi.deadlines import SendLimit, within
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


async def _send_in(seconds: float, sends: int, *, limit: float) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        await asyncio.sleep(seconds)
        sent.append(message)

    async with SendLimit(send, limit) as send_within:
        for number in range(sends):
            await send_within({"type": str(number)})
            await asyncio.sleep(3 * limit)
    return sent


@in_virtual_time
async def test_sends_that_are_over_in_time_may_go_on_for_as_long_as_they_like() -> None:
    assert len(await _send_in(4, 5, limit=5)) == 5
    assert timers() == 0


@in_virtual_time
async def test_a_send_that_takes_too_long_is_cut_off() -> None:
    began = loop_time()
    with pytest.raises(TimeoutError):
        await _send_in(60, 1, limit=5)
    assert loop_time() - began == pytest.approx(5)


@in_virtual_time
async def test_a_later_send_has_all_of_the_time() -> None:
    pauses = iter([1.0, 4.0, 60.0])
    ends: list[float] = []

    async def send(_: Message) -> None:
        await asyncio.sleep(next(pauses))
        ends.append(loop_time())

    async def send_all() -> None:
        async with SendLimit(send, 5) as send_within:
            for _ in range(3):
                await send_within({"type": "x"})

    with pytest.raises(TimeoutError):
        await send_all()
    assert loop_time() - ends[-1] == pytest.approx(5)


@in_virtual_time
async def test_what_gives_in_when_it_is_cut_off_is_over() -> None:
    async def gives_in() -> str:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return "done"

    assert await within(2, gives_in()) == "done"
