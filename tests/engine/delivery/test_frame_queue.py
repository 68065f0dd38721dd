"""The queue of one watcher: what is taken in, in which order, and within which bounds."""

from __future__ import annotations

import asyncio

import pytest

from handshake_prompt.engine.delivery.frame_queue import FrameQueue
from handshake_prompt.engine.delivery.frames import Frame
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import CloseCode
from handshake_prompt.protocol.limits import Limits
from tests.support.virtual_time import in_virtual_time, loop_time


def queue(**bounds: float) -> FrameQueue:
    return FrameQueue("s", Role.USER, source="me", proof="", newest={}, limits=Limits().replace(**bounds))


def seqs(queue: FrameQueue) -> list[int]:
    """Take all that is queued."""
    taken = []
    while (frame := queue.peek_frame()) is not None:
        taken.append(frame.seq)
        queue.take_frame()
    return taken


BOUNDS: dict[str, tuple[dict[str, float], int]] = {
    "frames": ({"queue_events": 4, "actions": 3}, 4),
    "bytes": ({"queue_bytes": 400}, 4),
}


def fill(queue: FrameQueue, room_for: int) -> None:
    for seq in range(1, room_for + 1):
        queue.offer_frame(Frame("x" * 100, seq=seq))


@pytest.mark.parametrize(("bounds", "room_for"), BOUNDS.values(), ids=BOUNDS)
async def test_i11_a_full_queue_is_emptied_and_says_where_to_read_on_from(
    bounds: dict[str, float], room_for: int
) -> None:
    slow = queue(**bounds)
    fill(slow, room_for)
    assert (slow.backlog, slow.read_on_from) == (room_for, None)
    assert slow.take_frame().seq == 1
    fill(slow, room_for)
    assert (slow.backlog, slow.peek_frame(), slow.read_on_from) == (0, None, 1)
    assert slow.close_code is None
    slow.rejoin_log()
    slow.offer_frame(Frame("next", seq=9))
    assert (seqs(slow), slow.read_on_from) == ([9], None)


async def test_a_frame_too_large_for_any_queue_is_read_from_the_log() -> None:
    one = queue(queue_bytes=400)
    one.offer_frame(Frame("x" * 401, seq=7))
    assert (one.backlog, one.read_on_from, one.close_code) == (0, 6, None)


async def test_a_watcher_that_waits_here_is_never_cut_off_however_much_comes_at_once() -> None:
    one = queue(queue_bytes=400)
    for seq in range(1, 1000):
        one.offer_frame(Frame("x" * 300, seq=seq))
    assert (one.close_code, one.backlog, one.read_on_from) == (None, 0, 0)


async def test_a_watcher_whose_peer_does_not_read_is_cut_off_once_twice_its_bound_was_missed() -> None:
    one = queue(queue_bytes=400)
    fill(one, 4)
    one.take_frame()
    for seq in range(5, 11):
        one.offer_frame(Frame("x" * 100, seq=seq))
        assert one.close_code is None
    one.offer_frame(Frame("x" * 100, seq=11))
    assert (one.close_code, one.backlog) == (CloseCode.SLOW, 0)
    assert not CloseCode.SLOW.final


async def test_a_watcher_that_reads_misses_nothing() -> None:
    watcher = queue(queue_bytes=400, queue_events=4, actions=3)
    for seq in range(1, 100):
        watcher.offer_frame(Frame("x" * 300, seq=seq))
        assert seqs(watcher) == [seq]
    assert watcher.read_on_from is None


async def test_answers_go_ahead_of_the_log_and_have_a_bound_of_their_own() -> None:
    watcher = queue(queue_events=4, actions=3)
    fill(watcher, 4)
    for text in ("ack", "error"):
        watcher.queue_answer(Frame(text))
    assert [watcher.take_frame().text for _ in range(3)] == ["ack", "error", "x" * 100]
    assert (watcher.read_on_from, watcher.close_code) == (None, None)


ANSWERS: dict[str, dict[str, float]] = {
    "frames": {"queue_events": 4, "actions": 3},
    "bytes": {"queue_bytes": 400},
}


@pytest.mark.parametrize("bounds", ANSWERS.values(), ids=ANSWERS)
async def test_i11_a_watcher_that_sends_and_does_not_read_the_answers_is_closed(bounds: dict[str, float]) -> None:
    watcher = queue(**bounds)
    for _ in range(4):
        watcher.queue_answer(Frame("x" * 100))
    assert (watcher.backlog, watcher.close_code) == (4, None)
    watcher.queue_answer(Frame("x" * 100))
    assert (watcher.backlog, watcher.close_code) == (0, CloseCode.SLOW)


@in_virtual_time
async def test_a_poll_that_had_no_room_for_what_came_does_not_wait() -> None:
    poll = queue(queue_bytes=400)
    fill(poll, 5)
    began = loop_time()
    await poll.wait_and_discard(60)
    assert (loop_time() - began, poll.read_on_from) == (0, None)


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
        watcher.offer_frame(Frame("x" * 100, seq=seq))
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
        watcher.offer_frame(Frame("one", seq=1))
        watcher.close(CloseCode.ENDED, last=Frame("expired"), abandon=abandon)
        watcher.offer_frame(Frame("late", seq=2))
        watcher.queue_answer(Frame("late, too"))
    assert (closed.backlog, abandoned.backlog) == (2, 1)


@in_virtual_time
async def test_waiting_ends_with_an_offer_or_a_close_or_its_time() -> None:
    watcher = queue()
    began = loop_time()
    await watcher.wait_for_frame(3)
    assert loop_time() - began == pytest.approx(3)
    for wake in (lambda: watcher.offer_frame(Frame("x")), lambda: watcher.close(CloseCode.ENDED)):
        asyncio.get_running_loop().call_later(1, wake)
        await watcher.wait_for_frame(60)
    assert loop_time() - began == pytest.approx(5)
