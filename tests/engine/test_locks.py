"""Locks by name: one holder at a time, first come, first served, and nothing left when nobody holds one."""

from __future__ import annotations

import asyncio

import pytest

from handshake_prompt.engine.locks import Locks
from handshake_prompt.protocol.errors import StoreUnavailableError
from tests.support.virtual_time import in_virtual_time


class Visitors:
    """Tasks that hold a lock until they are let go, and the order in which they got it."""

    def __init__(self, locks: Locks[int]) -> None:
        self.locks = locks
        self.order: list[str] = []
        self.inside = 0

    async def visit(self, who: str, name: str = "a") -> None:
        async with self.locks.hold_lock(name):
            self.inside += 1
            assert self.inside == 1
            self.order.append(who)
            await asyncio.sleep(0)
            self.inside -= 1


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_holders_of_one_name_follow_each_other_in_the_order_in_which_they_came() -> None:
    visitors = Visitors(Locks[int]())
    names = [str(number) for number in range(20)]
    await asyncio.gather(*(visitors.visit(name) for name in names))
    assert visitors.order == names
    assert len(visitors.locks) == 0


async def test_holders_of_different_names_do_not_wait_for_each_other() -> None:
    locks = Locks[int]()
    async with asyncio.timeout(5), locks.hold_lock("a"), locks.hold_lock("b"):
        assert len(locks) == 2
    assert len(locks) == 0


async def test_a_lock_outlives_its_holder_while_somebody_waits() -> None:
    locks, visitors = Locks[int](), []
    first = asyncio.Event()

    async def hold(until: asyncio.Event | None) -> None:
        async with locks.hold_lock("a"):
            visitors.append(len(locks))
            if until:
                await until.wait()

    tasks = [asyncio.create_task(hold(first)), asyncio.create_task(hold(None))]
    await settled()
    assert visitors == [1]
    first.set()
    await asyncio.gather(*tasks)
    assert (visitors, len(locks)) == ([1, 1], 0)


async def test_a_cancelled_waiter_leaves_nothing_behind_and_stops_nobody() -> None:
    locks = Locks[int]()
    visitors = Visitors(locks)
    async with locks.hold_lock("a"):
        waiting = [asyncio.create_task(visitors.visit(str(number))) for number in range(3)]
        await settled()
        waiting[1].cancel()
        await settled()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert (visitors.order, len(locks)) == (["0", "2"], 0)


async def test_a_holder_that_fails_leaves_nothing_behind() -> None:
    locks = Locks[int]()
    with pytest.raises(KeyError):
        async with locks.hold_lock("a"):
            raise KeyError
    assert len(locks) == 0


@pytest.mark.parametrize(
    ("kept_waiting", "refused"),
    [(2.0, [True, True, True]), (0.1, [True, False, False])],
    ids=["a store that does not answer", "a connection that breaks"],
)
@in_virtual_time
async def test_who_waits_behind_somebody_whom_the_store_kept_waiting_in_vain_does_not_try_as_long_again(
    kept_waiting: float, refused: list[bool]
) -> None:
    locks = Locks[int]()

    async def hold(*, fail: bool = False) -> None:
        async with locks.hold_lock("a"):
            await asyncio.sleep(kept_waiting)
            if fail:
                raise StoreUnavailableError

    seen = await asyncio.gather(hold(fail=True), hold(), hold(), return_exceptions=True)
    assert [isinstance(one, StoreUnavailableError) for one in seen] == refused
    await hold()  # who comes later is not concerned
    assert len(locks) == 0


def test_the_same_locks_serve_one_event_loop_after_another() -> None:
    locks = Locks[int]()
    for _ in range(2):
        visitors = Visitors(locks)

        async def three(visitors: Visitors = visitors) -> None:
            await asyncio.gather(*(visitors.visit(who) for who in "abc"))

        asyncio.run(three())
        assert (visitors.order, len(locks)) == (["a", "b", "c"], 0)
