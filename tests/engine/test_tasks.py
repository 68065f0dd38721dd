"""Tasks that outlive the requests that began them."""

from __future__ import annotations

import asyncio

import pytest

from handshake_prompt import MemoryStore, SessionStore
from handshake_prompt.engine.host.hooks import Hooks
from handshake_prompt.engine.tasks import Tasks
from tests.support.relay import RelayStore
from tests.support.virtual_time import in_virtual_time, loop_time


def tasks(store: SessionStore, *, with_hook: bool = False) -> Tasks:
    hooks = Hooks(timeout=5, batch_timeout=10)
    if with_hook:
        hooks.on_action(lambda *_: None)
    return Tasks(store, hooks)


def waiting() -> SessionStore:
    return RelayStore(MemoryStore())


@in_virtual_time
async def test_work_goes_on_to_its_end_though_its_request_is_cancelled() -> None:
    group, done = tasks(waiting()), []

    async def work() -> None:
        await asyncio.sleep(3)
        done.append(loop_time())

    request = asyncio.create_task(group.finish(work()))
    await asyncio.sleep(1)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert (len(group), done) == (1, [])
    await group.drain(60)
    assert (len(group), len(done)) == (0, 1)


@pytest.mark.parametrize(
    ("store", "with_hook", "kept"),
    [(MemoryStore(), False, 0), (MemoryStore(), True, 1), (waiting(), False, 1)],
    ids=["nothing can cut it off", "a hook may wait", "the store may wait"],
)
async def test_work_gets_a_task_only_where_something_can_cut_it_off(
    store: SessionStore, *, with_hook: bool, kept: int
) -> None:
    group = tasks(store, with_hook=with_hook)

    async def work() -> int:
        return len(group)

    assert await group.finish(work()) == kept


@in_virtual_time
async def test_a_drain_waits_no_longer_than_it_may() -> None:
    group = tasks(waiting())
    task = group.spawn(asyncio.sleep(100))
    began = loop_time()
    await group.drain(5)
    assert (loop_time() - began, len(group)) == (5, 1)
    task.cancel()
    await group.drain(5)
    assert len(group) == 0


async def test_a_failure_that_nobody_waits_for_is_no_noise(caplog: pytest.LogCaptureFixture) -> None:
    group = tasks(waiting())

    async def fail() -> None:
        raise RuntimeError

    group.spawn(fail())
    await group.drain(1)
    assert (len(group), caplog.records) == (0, [])
