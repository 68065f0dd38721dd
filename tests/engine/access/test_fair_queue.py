"""Heavy work waits for a turn: one a pass of the loop, and as many for a caller with one piece as for one with many."""

from __future__ import annotations

import asyncio

import pytest

from handshake_prompt.engine.access.fair_queue import fair_queue, take_slot


async def passes() -> list[int]:
    """Count the passes of the loop, in a list of one number."""
    count = [0]

    def note() -> None:
        count[0] += 1
        asyncio.get_running_loop().call_soon(note)

    note()
    return count


async def test_one_turn_is_given_in_each_pass_of_the_loop() -> None:
    count = await passes()
    taken: list[int] = []

    async def work() -> None:
        await take_slot("a")
        taken.append(count[0])

    await asyncio.gather(*(work() for _ in range(20)))
    assert len(set(taken)) == 20
    assert len(fair_queue()) == 0


async def test_a_turn_that_nobody_has_is_taken_without_a_wait() -> None:
    with pytest.raises(StopIteration):
        take_slot("a").send(None)


async def test_no_turn_is_taken_in_a_pass_that_belongs_to_another_piece() -> None:
    count = await passes()
    taken: list[int] = []

    async def work(*, after: int = 0) -> None:
        while len(taken) < after:
            await asyncio.sleep(0)
        await take_slot("a")
        taken.append(count[0])

    await asyncio.gather(work(), work(), work(after=2))
    assert len(set(taken)) == 3


async def test_light_work_goes_between_any_two_turns() -> None:
    order: list[str] = []

    async def heavy() -> None:
        await take_slot("a")
        order.append("heavy")

    async def light() -> None:
        for _ in range(5):
            await asyncio.sleep(0)
            order.append("light")

    await asyncio.gather(*(heavy() for _ in range(20)), light())
    assert order.index("light") < 3
    assert max(place for place, what in enumerate(order) if what == "light") < 15


async def test_callers_take_turns_whatever_they_have_waiting() -> None:
    order: list[str] = []

    async def work(lane: str) -> None:
        await take_slot(lane)
        order.append(lane)

    await asyncio.gather(*(work("many") for _ in range(10)), work("few"), work("few"))
    assert order[0] == "many"  # nobody else was there yet
    assert order[1:5] == ["many", "few", "many", "few"]
    assert order[5:] == ["many"] * 7


async def test_a_turn_nobody_waits_for_any_more_is_passed_on() -> None:
    waiting = [asyncio.create_task(take_slot("a")) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    waiting[1].cancel()
    await asyncio.wait_for(waiting[2], 5)
    assert len(fair_queue()) == 0
    await asyncio.wait_for(take_slot("a"), 5)


def test_a_turn_left_behind_by_one_loop_holds_up_no_other() -> None:
    async def leave_behind() -> None:
        waiting = asyncio.create_task(take_slot("a"))
        await asyncio.sleep(0)
        waiting.cancel()

    async def take() -> int:
        await asyncio.wait_for(take_slot("a"), 5)
        return len(fair_queue())

    asyncio.run(leave_behind())
    assert asyncio.run(take()) == 0
