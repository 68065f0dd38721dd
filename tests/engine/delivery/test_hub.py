"""The hub: what is offered to whom, within which bounds, and what it leaves behind."""

from __future__ import annotations

import asyncio
import json

import pytest

from handshake_prompt.engine.delivery.frame_queue import FrameQueue
from handshake_prompt.engine.delivery.hub import Hub
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import CloseCode, RateLimitedError, UnavailableError
from handshake_prompt.protocol.events import Change, Event, Notice
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.session.field_value import FieldValue
from handshake_prompt.stores import Record
from tests.support.sessions import blank_session
from tests.support.virtual_time import in_virtual_time, loop_time

EPOCH = "0a1b2c3d"
AT = "2026-01-01T12:00:00.000000+00:00"


def change(seq: int, key: str = "name", *, pace: float = 0.0, source: str | None = None, **members: object) -> Change:
    given = {"value": f"v{seq}", "sensitive": False} | members
    return Change(
        type="action",
        seq=seq,
        at=AT,
        key=key,
        kept=given["value"],
        by="ai",
        sensitive=bool(given["sensitive"]),
        pace=pace,
        source=source,
    )


def notice(seq: int, kind: str = "done") -> Notice:
    return Notice(type=kind, seq=seq, at=AT, members={})


def hub(**bounds: float) -> Hub:
    return Hub(Limits().replace(**bounds), now=loop_time, request_due=str)


def at(seq: int, session_id: str = "s", *, version: int = 0, **members: object) -> Record:
    """Return a session's record as it is with its log at `seq`."""
    session = blank_session(session_id, **{"epoch": EPOCH, "seq": seq} | members)
    return Record(session, version, expires_at=1e9, purge_at=1e9)


def publish(hub: Hub, *events: Event, session_id: str = "s") -> None:
    """Publish events that join on to what was published before."""
    assert hub.publish(at(events[-1].seq, session_id), events)


def join(
    hub: Hub, session_id: str = "s", role: Role = Role.USER, *, source: str = "me", polling: bool = False
) -> FrameQueue:
    topic = hub.topic(session_id)
    return hub.join(at(topic.seq if topic else 0, session_id), role, source=source, polling=polling)


def seqs(watcher: FrameQueue) -> list[int]:
    """Take all that is queued."""
    taken = []
    while (frame := watcher.peek_frame()) is not None:
        taken.append(frame.seq)
        watcher.take_frame()
    return taken


async def test_i6_every_watcher_of_the_session_is_offered_every_event_in_order() -> None:
    room = hub()
    first, second, other = join(room), join(room, role=Role.AGENT), join(room, "another")
    publish(room, change(1), notice(2), change(3))
    assert (seqs(first), seqs(second), seqs(other)) == ([1, 2, 3], [1, 2, 3], [])


async def test_a_change_is_not_offered_to_the_connection_it_came_from() -> None:
    room = hub()
    typist, onlooker = join(room, source="tab-1"), join(room, source="tab-2")
    publish(room, change(1, source="tab-1"), notice(2), change(3))
    assert (seqs(typist), seqs(onlooker)) == ([2, 3], [1, 2, 3])


async def test_a_sensitive_value_reaches_the_person_and_not_the_agent() -> None:
    room = hub()
    page, agent = join(room), join(room, role=Role.AGENT)
    hidden = {"name": FieldValue("DE89", "user", AT, 1)}
    assert room.publish(at(1, values=hidden), [change(1, value=None, sensitive=True)])
    publish(room, change(2, value="open"))
    texts = [watcher.peek_frame() for watcher in (page, agent)]
    assert [json.loads(frame.text)["value"] for frame in texts if frame] == ["DE89", None]
    assert seqs(agent) == [1, 2]


async def test_a_frame_that_is_the_same_for_all_is_encoded_once() -> None:
    room = hub()
    watchers = [join(room, role=role) for role in (Role.USER, Role.AGENT, Role.USER)]
    publish(room, change(1))
    frames = [watcher.peek_frame() for watcher in watchers]
    assert all(frame is frames[0] for frame in frames)


async def test_text_of_any_script_is_sent_as_ascii() -> None:
    room = hub()
    page = join(room)
    publish(room, change(1, value="名\u2028🙂"))
    frame = page.peek_frame()
    assert frame is not None
    assert frame.text.isascii()
    assert json.loads(frame.text)["value"] == "名\u2028🙂"


async def test_an_agent_whose_token_was_replaced_is_closed_and_nobody_else() -> None:
    room = hub()
    page, agent, other = join(room), join(room, role=Role.AGENT), join(room, "another", Role.AGENT)
    assert room.publish(at(1, token_digest="new"), [notice(1, "rotated")])
    successor = room.join(at(1, token_digest="new"), Role.AGENT, source="it")
    assert room.publish(at(2, token_digest="new"), [notice(2)])
    codes = [watcher.close_code for watcher in (page, agent, other, successor)]
    assert codes == [None, CloseCode.UNAUTHENTICATED, None, None]
    assert seqs(agent) == [1], "it is told of the rotation before it is closed"


async def test_no_event_behind_a_rotation_is_offered_to_an_agent_that_came_before_it() -> None:
    """However many rotations and events a worker hears of at once."""
    room = hub()
    page, agent = join(room), join(room, role=Role.AGENT)
    events: list[Event] = [change(1), notice(2, "rotated"), change(3), notice(4, "rotated"), change(5)]
    assert room.publish(at(5, token_digest="third"), events)
    assert (seqs(agent), agent.close_code) == ([1, 2], CloseCode.UNAUTHENTICATED)
    assert (seqs(page), page.close_code) == ([1, 2, 3, 4, 5], None)


async def test_a_session_that_has_ended_says_so_to_its_watchers() -> None:
    room = hub()
    watcher = join(room)
    assert room.publish(at(7, ended="revoked"), [])
    frame = watcher.peek_frame()
    assert (frame and frame.text, watcher.close_code) == ('{"type":"revoked"}', CloseCode.ENDED)


async def test_i2_what_was_published_before_is_not_published_again() -> None:
    room = hub()
    early = join(room)
    publish(room, change(1), change(2))
    late = join(room)
    publish(room, change(1), change(2), change(3))
    assert (seqs(early), seqs(late)) == ([1, 2, 3], [3])


GAPS: dict[str, tuple[Record, list[int]]] = {
    "an event is missing": (at(4), [4]),
    "all are missing": (at(3), []),
    "the log is another": (at(3, epoch="ffffffff"), [3]),
    "the log has become shorter": (at(1), []),
}


@pytest.mark.parametrize(("record", "events"), GAPS.values(), ids=GAPS)
async def test_i5_events_that_do_not_join_on_are_not_published(record: Record, events: list[int]) -> None:
    room = hub()
    watcher = join(room)
    publish(room, change(1), change(2))
    assert not room.publish(record, [change(seq) for seq in events])
    assert seqs(watcher) == [1, 2]
    room.restart_watchers(record)
    assert watcher.close_code is CloseCode.SLOW
    assert not watcher.close_code.final
    successor = room.join(record, Role.USER, source="it")
    following = record.session.seq + 1
    assert room.publish(at(following, epoch=record.session.epoch), [change(following)])
    assert seqs(successor) == [following]


async def test_a_poll_takes_a_place_and_is_no_client() -> None:
    room = hub(watchers_per_session=2)
    join(room, polling=True)
    assert (room.count_watchers("s"), room.watchers) == (0, 1)
    join(room)
    assert room.count_watchers("s") == 1
    with pytest.raises(RateLimitedError):
        join(room, polling=True)


@in_virtual_time
async def test_a_poll_wakes_at_what_comes_and_lets_go_of_it() -> None:
    room = hub()
    poll = join(room, polling=True)
    began = loop_time()
    publish(room, change(1))
    await poll.wait_and_discard(60)
    assert (loop_time() - began, poll.backlog) == (0, 0)
    await poll.wait_and_discard(3)
    assert loop_time() - began == pytest.approx(3)


async def test_an_end_is_told_to_every_watcher_with_its_reason() -> None:
    room = hub()
    watchers = [join(room), join(room, role=Role.AGENT)]
    room.end_session("s", "revoked")
    room.end_session("unwatched", "revoked")
    for watcher in watchers:
        frame = watcher.peek_frame()
        assert (frame and frame.text, watcher.close_code) == ('{"type":"revoked"}', CloseCode.ENDED)


async def test_i11_places_are_bounded_per_session_and_in_all_and_given_back() -> None:
    room = hub(watchers_per_session=2, watchers=3)
    mine = [join(room), join(room)]
    with pytest.raises(RateLimitedError) as full_session:
        join(room)
    join(room, "another")
    with pytest.raises(UnavailableError) as full_server:
        join(room, "a third")
    assert (full_session.value.code, full_session.value.close_code) == ("too_many_watchers", CloseCode.BUSY)
    assert (full_server.value.code, full_server.value.status) == ("at_capacity", 503)
    room.leave(mine[0])
    assert join(room, "a third").session_id == "a third"


@pytest.mark.parametrize("polling", [False, True], ids=["watching", "polling"])
async def test_no_agent_takes_a_place_of_a_page(*, polling: bool) -> None:
    room = hub(watchers_per_session=2, watchers=8)
    for _ in range(2):
        join(room, role=Role.AGENT, polling=polling)
    with pytest.raises(RateLimitedError):
        join(room, role=Role.AGENT)
    for _ in range(2):
        assert join(room).close_code is None
    for number in range(2):
        join(room, f"another {number}", Role.AGENT)
    with pytest.raises(UnavailableError):
        join(room, "a third", Role.AGENT)
    assert [join(room, f"page {number}").role for number in range(2)] == [Role.USER] * 2
    with pytest.raises(UnavailableError):
        join(room, "a page too many")


async def test_i11_a_topic_goes_with_its_last_watcher_however_often_one_leaves() -> None:
    room = hub()
    watchers = [join(room), join(room)]
    publish(room, change(1))
    for watcher in [*watchers, *watchers]:
        room.leave(watcher)
    publish(room, change(2))
    room.note_lifetime("s", 7.0)
    assert (room.watchers, room.count_watchers("s"), room.sessions) == (0, 0, [])
    join(room)
    topic = room.topic("s")
    assert topic is not None
    assert topic.newest == {}


def test_a_hub_is_waited_for_until_its_last_watcher_has_left_on_whichever_loop() -> None:
    room = hub()

    @in_virtual_time
    async def run() -> None:
        await room.wait_until_empty()
        watchers = [join(room), join(room, "another")]
        for seconds, watcher in enumerate(watchers, 1):
            asyncio.get_running_loop().call_later(seconds, room.leave, watcher)
        began = loop_time()
        await room.wait_until_empty()
        assert loop_time() - began == pytest.approx(2)

    run()
    run()


async def test_a_paced_frame_is_overtaken_by_a_newer_value_of_its_field_only() -> None:
    room = hub()
    watcher = join(room)
    publish(room, change(1, pace=0.3), change(2, "age", pace=0.3), change(3), change(4, "plan"))
    frames = []
    while (frame := watcher.peek_frame()) is not None:
        frames.append((frame.seq, watcher.is_overtaken(frame)))
        watcher.take_frame()
    assert frames == [(1, True), (2, False), (3, False), (4, False)]


async def test_an_unpaced_frame_is_never_left_out() -> None:
    room = hub()
    watcher = join(room)
    publish(room, change(1), change(2))
    frame = watcher.peek_frame()
    assert frame is not None
    assert not watcher.is_overtaken(frame)


def removed(seq: int, row: str) -> Notice:
    return Notice(type="rowRemoved", seq=seq, at=AT, members={"key": row})


async def test_an_event_of_a_row_is_paced() -> None:
    room = hub()
    watcher = join(room)
    publish(room, Notice(type="rowAdded", seq=1, at=AT, members={}, pace=0.3))
    frame = watcher.peek_frame()
    assert frame is not None
    assert frame.pace == 0.3


async def test_the_paced_frames_of_cells_are_overtaken_by_the_removal_of_their_row() -> None:
    room = hub()
    watcher = join(room)
    kept = {"lines/r2/n": FieldValue(1, "ai", AT, 2)}
    publish(room, change(1, "lines/r1/n", pace=0.3), change(2, "lines/r2/n", pace=0.3))
    assert room.publish(at(3, values=kept), [removed(3, "lines/r1")])
    frames = []
    while (frame := watcher.peek_frame()) is not None:
        frames.append((frame.seq, watcher.is_overtaken(frame)))
        watcher.take_frame()
    assert frames == [(1, True), (2, False), (3, False)]


@pytest.mark.parametrize("reads", [True, False])
async def test_i11_a_topic_forgets_the_cells_of_removed_rows(*, reads: bool) -> None:
    room = hub(queue_events=250)
    watcher, slow = join(room), join(room, source="slow")
    for number in range(1, 2_000, 2):
        assert room.publish(at(number + 1), [change(number, f"lines/r{number}/n"), removed(number + 1, "lines")])
        seqs(watcher)
        if reads:
            seqs(slow)
    topic = room.topic("s")
    assert topic is not None
    assert len(topic.newest) <= (1 if reads else 250)
