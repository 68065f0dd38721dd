"""The queue of one watcher: what is taken in, in which order, and within which bounds."""

from __future__ import annotations

import asyncio

import pytest

from handshake_prompt.engine.frame_queue import Frame, FrameQueue
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import CloseCode
from handshake_prompt.protocol.limits import Limits
from tests.support.virtual_time import in_virtual_time, loop_time


def queue(**bounds: float) -> FrameQueue:
    return FrameQueue("s", Role.USER, source="me", proof="", newest={}, limits=Limits().replace(**bounds))


def seqs(queue: FrameQueue) -> list[int]:
    """Take all that is queued."""
    taken = []
    while (frame := queue.peek()) is not None:
        taken.append(frame.seq)
        queue.take()
    return taken


BOUNDS: dict[str, tuple[dict[str, float], int]] = {
    "frames": ({"queue_events": 4, "actions": 3}, 4),
    "bytes": ({"queue_bytes": 400}, 4),
}


@pytest.mark.parametrize(("bounds", "room_for"), BOUNDS.values(), ids=BOUNDS)
async def test_i11_a_watcher_over_its_bound_is_cut_off_visibly_and_alone(
    bounds: dict[str, float], room_for: int
) -> None:
    slow, brisk = queue(**bounds), queue()
    frame = Frame("x" * 100, seq=1)
    assert [slow.offer(frame) for _ in range(room_for)] == [True] * room_for
    assert not slow.offer(frame)
    assert (slow.close_code, slow.backlog, slow.peek()) == (CloseCode.SLOW, 0, None)
    assert not slow.offer(frame)
    assert brisk.offer(frame)


async def test_a_watcher_that_reads_is_never_cut_off() -> None:
    watcher = queue(queue_bytes=400, queue_events=4, actions=3)
    for seq in range(1, 100):
        assert watcher.offer(Frame("x" * 300, seq=seq))
        assert seqs(watcher) == [seq]


async def test_urgent_frames_go_first_and_count_like_any_other() -> None:
    watcher = queue(queue_events=4, actions=3)
    watcher.offer(Frame("log", seq=1))
    watcher.offer(Frame("ack"), urgent=True)
    watcher.offer(Frame("error"), urgent=True)
    texts = []
    while (frame := watcher.peek()) is not None:
        texts.append(frame.text)
        watcher.take()
    assert texts == ["ack", "error", "log"]


HURRIED: dict[str, tuple[dict[str, float], int, bool]] = {
    "half of the frames": ({"queue_events": 8, "actions": 7}, 4, False),
    "more than half of the frames": ({"queue_events": 8, "actions": 7}, 5, True),
    "half of the bytes": ({"queue_bytes": 800}, 4, False),
    "more than half of the bytes": ({"queue_bytes": 800}, 5, True),
}


@pytest.mark.parametrize(("bounds", "queued", "hurried"), HURRIED.values(), ids=HURRIED)
async def test_pacing_stops_before_it_could_fill_the_queue(
    bounds: dict[str, float], queued: int, *, hurried: bool
) -> None:
    watcher = queue(**bounds)
    for seq in range(queued):
        assert watcher.offer(Frame("x" * 100, seq=seq))
    assert watcher.hurried is hurried


async def test_the_first_verdict_on_a_watcher_stands() -> None:
    watcher = queue()
    watcher.close(CloseCode.ENDED, last=Frame("expired"))
    watcher.close(CloseCode.DRAINING, last=Frame("draining"))
    assert watcher.close_code is CloseCode.ENDED
    assert watcher.backlog == 1


async def test_what_is_queued_before_a_close_is_still_sent_unless_it_is_abandoned() -> None:
    closed, abandoned = queue(), queue()
    for watcher, abandon in ((closed, False), (abandoned, True)):
        watcher.offer(Frame("one", seq=1))
        watcher.close(CloseCode.ENDED, last=Frame("expired"), abandon=abandon)
        assert not watcher.offer(Frame("late", seq=2))
    assert (closed.backlog, abandoned.backlog) == (2, 1)


@in_virtual_time
async def test_waiting_ends_with_an_offer_or_a_close_or_its_time() -> None:
    watcher = queue()
    began = loop_time()
    await watcher.wait(3)
    assert loop_time() - began == pytest.approx(3)
    for wake in (lambda: watcher.offer(Frame("x")), lambda: watcher.close(CloseCode.ENDED)):
        asyncio.get_running_loop().call_later(1, wake)
        await watcher.wait(60)
    assert loop_time() - began == pytest.approx(5)
