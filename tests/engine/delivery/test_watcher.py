"""One watcher: what it is shown and when, and how it ends. All of it in virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from handshake_prompt.engine.delivery.frames import Frame, connection_frame, log_frame
from handshake_prompt.engine.delivery.hub import Hub
from handshake_prompt.engine.delivery.watcher import Watcher
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import CloseCode, HandshakeError, StoreUnavailableError
from handshake_prompt.protocol.events import Change, Event, Notice
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.protocol.session_messages import AgentPresence
from handshake_prompt.session import Session
from handshake_prompt.session.field_value import FieldValue
from handshake_prompt.stores import Record
from tests.support.sessions import blank_session
from tests.support.virtual_time import in_virtual_time, loop_time

EPOCH = "0a1b2c3d"
AT = "2026-01-01T12:00:00.000000+00:00"


def action(seq: int, key: str = "", *, pace: float = 0.0) -> Change:
    return Change(type="action", seq=seq, at=AT, key=key or f"k{seq}", kept=seq, by="ai", pace=pace)


def edit(seq: int, key: str, *, source: str) -> Change:
    return Change(type="edit", seq=seq, at=AT, key=key, kept=seq, by="user", source=source)


def done(seq: int) -> Notice:
    return Notice(type="done", seq=seq, at=AT, members={})


class Page:
    """A watcher of session `s`, its page's end, and the times at which it was shown what."""

    def __init__(self, *, ttl: float = 3600.0, **bounds: float) -> None:
        self.hub = Hub(Limits().replace(**bounds), now=loop_time, request_due=str)
        self.began = loop_time()
        self.shown: list[tuple[float, dict[str, Any]]] = []
        self.sent: list[dict[str, Any]] = []
        self.outcomes = [Outcome("k", "applied", seq=7)]
        self.refusal: HandshakeError | None = None
        self.departed: AgentPresence | None = None
        self.log: list[Event] = []
        self.log_is_there = asyncio.Event()
        self.log_is_there.set()
        self.log_refusal: HandshakeError | None = None
        self.on_refresh: Callable[[], None] = self._end_if_over
        self.session = blank_session("s", epoch=EPOCH, values={"k": FieldValue("x", "user", AT, 7)})
        record = Record(self.session, 0, expires_at=self.began + ttl, purge_at=1e9)
        self.queue = self.hub.join(record, Role.USER, source="mine")
        limits = Limits().replace(**bounds)
        opening = [connection_frame("connected"), connection_frame("missed")]
        self.watcher = Watcher(self.queue, opening, self, limits=limits, keepalive=limits.keepalive, quota=None)

    # The session as the watcher uses it

    @property
    def expires_at(self) -> float:
        return self.hub.expires_at("s")

    def time_left(self) -> float:
        return self.expires_at - loop_time()

    async def refresh_lifetime(self) -> None:
        self.on_refresh()

    def set_hidden(self, *, hidden: bool) -> None:
        raise NotImplementedError(f"no page here says so: {hidden}")

    async def perform(self, message: dict[str, Any]) -> tuple[Session, list[Outcome]]:
        self.sent.append(message)
        if self.refusal:
            raise self.refusal
        return self.session, self.outcomes

    def departed_agent(self) -> AgentPresence | None:
        return self.departed

    async def read_on(self) -> list[Frame]:
        await self.log_is_there.wait()
        if self.log_refusal:
            raise self.log_refusal
        place = self.queue.read_on_from
        assert place is not None
        self.queue.rejoin_log()
        return [log_frame(event, Role.USER, self.session) for event in self.log if event.seq > place]

    def leave(self) -> None:
        self.hub.leave(self.queue)

    # Its page

    def _end_if_over(self) -> None:
        if self.expires_at <= loop_time():
            self.hub.end_session("s", "expired")

    async def show(self) -> None:
        async for frame in self.watcher:
            self.shown.append((round(loop_time() - self.began, 3), json.loads(frame.text)))

    def publish(self, *events: Event) -> None:
        """Publish events, the first of them wherever the log may be."""
        topic = self.hub.topic("s")
        assert topic is not None
        self.log += events
        topic.seq, self.session.seq, expires_at = events[0].seq - 1, events[-1].seq, topic.expires_at
        assert self.hub.publish(Record(self.session, 0, expires_at, purge_at=1e9), events)

    @property
    def frames(self) -> list[dict[str, Any]]:
        """All frames after those of the opening."""
        return [frame for _, frame in self.shown[2:]]

    @property
    def kinds(self) -> list[tuple[float, str]]:
        return [(at, frame["type"]) for at, frame in self.shown[2:]]

    @property
    def seqs(self) -> list[tuple[float, int]]:
        return [(at, frame["seq"]) for at, frame in self.shown[2:] if "seq" in frame]


@asynccontextmanager
async def page(**options: Any) -> AsyncIterator[Page]:
    one = Page(**options)
    async with one.watcher:
        writer = asyncio.create_task(one.show())
        await asyncio.sleep(0)
        yield one
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)


# What it is shown


@in_virtual_time
async def test_the_opening_comes_first_even_if_events_are_already_waiting() -> None:
    one = Page()
    one.publish(action(1))
    one.watcher.close(CloseCode.DRAINING)
    await one.show()
    assert [frame["type"] for _, frame in one.shown] == ["connected", "missed", "action"]


@in_virtual_time
async def test_a_paced_batch_is_spaced_out_and_its_end_follows_its_last_frame() -> None:
    async with page() as one:
        one.publish(action(1, pace=0.5), action(2, pace=0.5), action(3, pace=0.5), done(4))
        await asyncio.sleep(5)
        assert one.seqs == [(0.5, 1), (1.0, 2), (1.5, 3), (1.5, 4)]


@in_virtual_time
async def test_the_first_frame_of_a_batch_does_not_wait_when_the_one_before_is_long_past() -> None:
    async with page() as one:
        await asyncio.sleep(3)
        one.publish(action(1, pace=0.5), action(2, pace=0.5))
        await asyncio.sleep(3)
        assert one.seqs == [(3.0, 1), (3.5, 2)]


@in_virtual_time
async def test_frames_without_pace_are_shown_at_once() -> None:
    async with page() as one:
        one.publish(action(1), action(2), done(3))
        await asyncio.sleep(1)
        assert one.seqs == [(0.0, 1), (0.0, 2), (0.0, 3)]


@in_virtual_time
async def test_no_paced_frame_is_held_longer_than_the_bound_behind_the_state_it_shows() -> None:
    async with page(pace_batch=1.2) as one:
        one.publish(*(action(seq, pace=0.5) for seq in range(1, 6)))
        await asyncio.sleep(5)
        assert one.seqs == [(0.5, 1), (1.0, 2), (1.2, 3), (1.2, 4), (1.2, 5)]


@in_virtual_time
async def test_i5_a_paced_frame_that_a_newer_value_has_overtaken_is_left_out() -> None:
    async with page() as one:
        one.publish(action(1, "name", pace=0.5), action(2, "age", pace=0.5), action(3, "plan", pace=0.5))
        await asyncio.sleep(0.6)
        one.publish(edit(4, "age", source="another"))
        await asyncio.sleep(5)
        assert one.seqs == [(0.5, 1), (1.0, 3), (1.0, 4)]


@in_virtual_time
async def test_i5_a_page_is_not_shown_an_older_value_than_the_one_it_has_just_written() -> None:
    async with page() as one:
        one.publish(action(1, "name", pace=0.5), action(2, "age", pace=0.5), done(3))
        one.publish(edit(4, "age", source="mine"))
        await asyncio.sleep(5)
        assert one.seqs == [(0.5, 1), (0.5, 3)]


@in_virtual_time
async def test_pacing_gives_way_before_it_could_cost_the_connection() -> None:
    async with page(queue_events=8, actions=7) as one:
        one.publish(*(action(seq, pace=1.0) for seq in range(1, 8)))
        await asyncio.sleep(60)
        assert one.seqs == [(0.0, 1), (0.0, 2), (0.0, 3), (1.0, 4), (2.0, 5), (3.0, 6), (4.0, 7)]


@in_virtual_time
async def test_batch_after_batch_reaches_a_page_that_reads_whatever_their_pace() -> None:
    async with page(queue_events=64, actions=20) as one:
        for batch in range(40):
            one.publish(*(action(20 * batch + place, pace=2.0) for place in range(1, 21)))
            await asyncio.sleep(0.1)
        await asyncio.sleep(30)
        assert [seq for _, seq in one.seqs] == list(range(1, 801))
        assert one.watcher.close_code is CloseCode.NORMAL


@in_virtual_time
async def test_an_acknowledgement_goes_ahead_of_frames_that_are_held_back() -> None:
    async with page() as one:
        one.publish(action(5, pace=1.0), action(6, pace=1.0))
        await asyncio.sleep(0.25)
        await one.watcher.receive('{"type":"userEdit","key":"k","ref":"r1"}')
        await asyncio.sleep(5)
        assert one.kinds == [(0.25, "ack"), (1.0, "action"), (2.0, "action")]


@in_virtual_time
async def test_i5_an_acknowledgement_is_no_place_to_resume_from() -> None:
    """The ack of seq 7 overtakes 5 and 6: had it a cursor, a page cut off now would never see them."""
    async with page() as one:
        one.publish(action(5, pace=1.0), action(6, pace=1.0))
        await one.watcher.receive('{"type":"userEdit","key":"k","ref":1}')
        await asyncio.sleep(1)
        acks = [frame for frame in one.frames if frame["type"] == "ack"]
        expected = {"type": "ack", "key": "k", "by": "user", "seq": 7, "at": AT, "ref": 1}
        assert [ack | {"digest": ""} for ack in acks] == [expected | {"digest": ""}]


# The time


@in_virtual_time
async def test_a_heartbeat_is_sent_after_every_stretch_of_silence() -> None:
    async with page(keepalive=25) as one:
        await asyncio.sleep(60)
        one.publish(action(1))
        await asyncio.sleep(40)
        assert one.kinds == [(25.0, "heartbeat"), (50.0, "heartbeat"), (60.0, "action"), (85.0, "heartbeat")]


@in_virtual_time
async def test_i13_a_page_is_warned_once_and_told_when_the_session_expires() -> None:
    one = Page(ttl=100, keepalive=1000)
    await one.show()
    assert one.kinds == [(40.0, "expiring"), (100.0, "expired")]
    assert one.frames[0]["expiresIn"] == 60
    assert one.watcher.close_code is CloseCode.ENDED


@in_virtual_time
async def test_a_session_that_was_given_more_time_warns_again() -> None:
    one = Page(ttl=100, keepalive=1000)
    asyncio.get_running_loop().call_later(50, one.hub.note_lifetime, "s", one.began + 200)
    await one.show()
    assert one.kinds == [(40.0, "expiring"), (140.0, "expiring"), (200.0, "expired")]


@in_virtual_time
async def test_a_session_shorter_than_the_notice_warns_at_once() -> None:
    one = Page(ttl=10)
    await one.show()
    assert one.kinds == [(0.0, "expiring"), (10.0, "expired")]


@in_virtual_time
async def test_i13_the_end_is_not_put_off_by_frames_that_are_held_back() -> None:
    one = Page(ttl=100, expiring_notice=1)
    await asyncio.sleep(98.5)
    one.publish(*(action(seq, pace=2.0) for seq in (1, 2, 3)))
    await one.show()
    assert one.kinds == [(98.5, "action"), (100.0, "action"), (100.0, "action"), (100.0, "expired")]


@in_virtual_time
async def test_a_watcher_whose_store_cannot_be_asked_is_sent_away_to_come_back() -> None:
    one = Page(ttl=10)

    def unreachable() -> None:
        raise StoreUnavailableError

    one.on_refresh = unreachable
    await one.show()
    assert one.watcher.close_code is CloseCode.DRAINING
    assert not one.watcher.close_code.final


@in_virtual_time
async def test_what_another_worker_prolonged_goes_on_being_watched() -> None:
    one = Page(ttl=10, keepalive=1000)
    ending = one.on_refresh

    def used_elsewhere() -> None:
        one.hub.note_lifetime("s", loop_time() + 100)
        one.on_refresh = ending

    one.on_refresh = used_elsewhere
    await one.show()
    assert one.kinds == [(40.0, "expiring"), (100.0, "expired")], "it was warned of an end that is none"


# How it ends


@pytest.mark.parametrize("code", [CloseCode.ENDED, CloseCode.DRAINING, CloseCode.UNAUTHENTICATED])
@in_virtual_time
async def test_a_page_that_is_to_be_closed_gets_what_is_due_without_pauses_and_then_the_verdict(
    code: CloseCode,
) -> None:
    one = Page()
    one.publish(action(1, pace=2.0), action(2, pace=2.0), done(3))
    one.watcher.close(code)
    one.publish(action(4))
    await one.show()
    assert one.seqs == [(0.0, 1), (0.0, 2), (0.0, 3)]
    assert one.watcher.close_code is code


@in_virtual_time
async def test_a_page_whose_queue_had_no_room_reads_on_from_the_log_and_then_goes_on_live() -> None:
    async with page(queue_events=8, actions=7) as one:
        one.publish(*(action(seq, pace=2.0) for seq in range(1, 4)))
        await asyncio.sleep(1)
        one.publish(*(action(seq) for seq in range(4, 13)))
        one.publish(action(13))
        await asyncio.sleep(1)
        one.publish(action(14))
        await asyncio.sleep(1)
        assert one.seqs == [*((1.0, seq) for seq in range(1, 14)), (2.0, 14)]
        assert one.watcher.close_code is CloseCode.NORMAL


@in_virtual_time
async def test_an_answer_that_comes_while_a_page_reads_on_is_not_lost() -> None:
    async with page(queue_events=8, actions=7) as one:
        one.log_is_there.clear()
        one.publish(*(action(seq) for seq in range(1, 10)))
        await one.watcher.receive('{"type":"ping","ref":1}')
        await asyncio.sleep(1)
        one.log_is_there.set()
        await asyncio.sleep(1)
        assert sorted(frame["type"] for frame in one.frames) == ["action"] * 9 + ["pong"]


@in_virtual_time
async def test_a_page_that_cannot_read_on_is_sent_away_to_come_back() -> None:
    async with page(queue_events=8, actions=7) as one:
        one.log_refusal = StoreUnavailableError()
        one.publish(*(action(seq) for seq in range(1, 10)))
        await asyncio.sleep(1)
        assert (one.frames, one.watcher.close_code) == ([], CloseCode.DRAINING)


@in_virtual_time
async def test_a_peer_that_is_gone_is_sent_nothing_more() -> None:
    one = Page()
    one.publish(action(1))
    one.watcher.abandon()
    await one.show()
    assert one.frames == []


@in_virtual_time
async def test_leaving_frees_the_place() -> None:
    async with page() as one:
        assert one.hub.watchers == 1
    assert one.hub.watchers == 0
