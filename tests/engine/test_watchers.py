"""Watchers: how one begins, what it is shown of a session, and how many there may be."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from handshake_prompt import Limits, Role
from handshake_prompt.engine.access.fair_queue import take_slot
from handshake_prompt.engine.watchers import opening_frames
from handshake_prompt.protocol.errors import CloseCode
from handshake_prompt.protocol.events import Cursor
from handshake_prompt.protocol.messages import Context
from handshake_prompt.session import Turn
from handshake_prompt.stores import MemoryStore, Record
from tests.conftest import FORM, ROWS_FORM
from tests.support.folding import fold_rows, fold_values
from tests.support.pairing import REST, Pair, open_pair, refusal, virtual_engine, workers
from tests.support.sessions import blank_session, record_of
from tests.support.virtual_time import in_virtual_time

AGENT, USER = Role.AGENT, Role.USER
EPOCH = "0a1b2c3d"


@in_virtual_time
async def test_i6_a_change_is_queued_to_every_watcher_before_its_reply() -> None:
    pair = await open_pair(virtual_engine())
    watchers = [await pair.engine.watch(pair.session_id, pair.of(role)) for role in (USER, USER, AGENT)]
    payload, _ = await pair.act({"name": "Ada", "age": 36}, stream=True)
    assert payload["broadcast"] == {"clients": 3, "actionMessages": 6, "doneMessages": 3}
    assert [watcher.backlog for watcher in watchers] == [3, 3, 3]
    for watcher in watchers:
        async with watcher:
            pass
    assert pair.engine.statistics == REST


@in_virtual_time
async def test_a_page_edits_releases_and_is_answered_and_other_tabs_see_it() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    async with pair.watch() as tab, pair.watch() as other, pair.watch(AGENT) as agent:
        await tab.send(type="userEdit", key="iban", value="DE89", ref="1")
        await tab.send(type="release", key="iban", ref="2")
        _, ack, released = await tab.shown()
        assert (ack["type"], ack["by"], ack["seq"], ack["ref"]) == ("ack", "user", 1, "1")
        assert (released["type"], released["by"], released["seq"], released["ref"]) == ("ack", "default", 2, "2")
        edits = await other.shown("edit")
        assert [(edit["value"], edit["by"], edit["seq"]) for edit in edits] == [
            ("DE89", "user", ack["seq"]),
            ("DE89", "default", released["seq"]),
        ]
        assert [(edit["value"], edit["sensitive"]) for edit in await agent.shown("edit")] == [(None, True)] * 2


@in_virtual_time
async def test_i5_a_page_that_was_away_gets_all_it_missed() -> None:
    pair = await open_pair(virtual_engine())
    async with pair.watch() as page:
        await pair.act({"name": 1})
        seen = (await page.shown("done"))[0]["cursor"]
    await pair.act({"name": 2})
    await pair.edit("age", 3)
    async with pair.watch(after=seen) as page:
        connected, *missed = await page.shown()
        assert (connected["recovered"], connected["cursor"], connected["snapshot"]) == (True, seen, None)
        assert [(frame["type"], frame["seq"]) for frame in missed] == [("action", 3), ("done", 4), ("edit", 5)]
        await pair.act({"plan": 4})
        assert [frame["seq"] for frame in await page.shown("action", "done", "edit")] == [3, 4, 5, 6, 7]


@in_virtual_time
async def test_i5_what_a_page_is_shown_folds_into_what_the_store_holds() -> None:
    pair = await open_pair(virtual_engine())
    async with pair.watch() as page:
        for number in range(30):
            await pair.act({"a": number, "b": -number, "c": number}, stream=True, intervalMs=700)
            await page.send(type="userEdit", key=str(number % 3), value=number)
            await asyncio.sleep(0.05)
        await asyncio.sleep(30)
        view: dict[str, Any] = {}
        for frame in await page.shown("action", "edit"):
            view[frame["key"]] = frame["value"]
        held = await pair.values()
        assert view == {key: value for key, (value, by) in held.items() if by == "ai"}


@in_virtual_time
async def test_a_session_has_a_bounded_number_of_watchers() -> None:
    pair = await open_pair(virtual_engine(Limits(watchers_per_session=1)))
    async with pair.watch():
        full = await refusal(pair.engine.watch(pair.session_id, pair.user))
        assert (full.code, full.close_code) == ("too_many_watchers", CloseCode.BUSY)
    async with pair.watch():
        assert pair.engine.statistics.watchers == 1


# What its queue has no room for

LARGE = "\u00e9" * 2_600
"""Text that is three times as long in a frame as in a request."""


def folded(frames: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the values a page holds that was sent these frames."""
    view: dict[str, Any] = {}
    for frame in frames:
        if frame["type"] == "connected" and frame["snapshot"]:
            view = {key: record["value"] for key, record in frame["snapshot"]["context"].items()}
        elif frame["type"] in ("action", "edit"):
            view[frame["key"]] = frame["value"]
    return view


async def write_much(pair: Pair, number: int) -> None:
    """Write some 750 KB of frames as the agent, in one request."""
    await pair.act({f"k{place}": f"{number}{LARGE}" for place in range(48)})


@pytest.mark.parametrize("is_kept", [True, False], ids=["the log has it all", "the log has lost some"])
@in_virtual_time
async def test_no_request_of_an_agents_costs_a_page_its_connection(*, is_kept: bool) -> None:
    limits = Limits(agent_requests=1000, log_bytes=50_000_000 if is_kept else 100_000)
    pair = await open_pair(virtual_engine(limits))
    async with pair.watch() as page:
        await pair.act({f"k{place}": LARGE for place in range(24)}, stream=True, intervalMs=2000)
        await asyncio.sleep(0.5)
        await write_much(pair, 0)
        await asyncio.sleep(0.5)
        await asyncio.gather(*(write_much(pair, number) for number in range(1, 5)))
        await pair.edit("name", "Ada")
        await asyncio.sleep(1)
        await pair.act({"last": 1})
        frames = await page.shown()
        assert page.closed is None
        assert frames[-1]["type"] == "done"
        assert folded(frames) == {key: value for key, (value, _) in (await pair.values()).items()}
        openings = [frame["recovered"] for frame in frames if frame["type"] == "connected"]
        seqs = [frame["seq"] for frame in frames if "seq" in frame]
        if is_kept:
            assert seqs == list(range(1, seqs[-1] + 1)), "every event comes, in order"
        else:
            assert openings[1:], "a snapshot comes in place"
            assert not any(openings)


@in_virtual_time
async def test_a_page_that_reads_on_in_place_is_not_sent_its_own_edits() -> None:
    pair = await open_pair(virtual_engine(Limits(queue_events=8, actions=7)))
    async with pair.watch() as page, pair.watch() as other:
        await pair.act({"k": 1, "l": 1}, stream=True, intervalMs=2000)
        for number in range(12):
            await page.send(type="userEdit", key=f"mine {number}", value=number)
            await other.send(type="userEdit", key=f"theirs {number}", value=number)
        edited = {frame["key"].partition(" ")[0] for frame in await page.shown("edit")}
        assert edited == {"theirs"}
        assert len(await page.shown("ack")) == 12


@in_virtual_time
async def test_an_agent_that_reads_on_after_its_token_was_replaced_elsewhere_reads_nothing() -> None:
    here, there = await workers(2, limits=Limits(queue_bytes=1000))

    async def late(name: str) -> None:
        await asyncio.sleep(1 if name == "load" else 0)

    async with here.watch(AGENT) as agent:
        here.store.before = late
        await here.act({f"k{number}": number for number in range(20)})
        await there.engine.rotate(there.session_id, {}, there.user)
        await there.edit("secret", "after the rotation")
        await asyncio.sleep(10)
        assert (await agent.shown("action", "edit", "rotated"), agent.closed) == ([], CloseCode.UNAUTHENTICATED)


@in_virtual_time
async def test_watchers_that_are_behind_at_the_same_moment_read_on_one_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pair = await open_pair(virtual_engine(Limits(queue_bytes=1000)))
    slots: list[str] = []

    async def noted(lane: str) -> None:
        await take_slot(lane)
        slots.append(lane)

    monkeypatch.setattr("handshake_prompt.engine.watchers.take_slot", noted)
    async with pair.watch() as one, pair.watch() as other:
        await pair.act({f"k{number}": number for number in range(20)})
        for page in (one, other):
            assert len(await page.shown("action")) == 20
    assert slots == [pair.session_id] * 2


# Where it begins


CURSORS: dict[str, tuple[str | None, list[int] | None]] = {
    "none": (None, None),
    "empty": ("", None),
    "garbage": ("yesterday", None),
    "of another log": ("ffffffff.8", None),
    "ahead of the log": (f"{EPOCH}.11", None),
    "older than what is kept": (f"{EPOCH}.3", None),
    "more than is replayed": (f"{EPOCH}.4", None),
    "as much as is replayed": (f"{EPOCH}.5", [6, 7, 8, 9, 10]),
    "the last but one": (f"{EPOCH}.9", [10]),
    "up to date": (f"{EPOCH}.10", []),
}


@pytest.mark.parametrize(("after", "missed"), CURSORS.values(), ids=CURSORS)
async def test_i5_a_connection_begins_with_all_it_missed_or_with_a_snapshot(
    after: str | None, missed: list[int] | None
) -> None:
    limits = Limits(log_events=6, replay_events=5)
    store = MemoryStore(limits)
    await store.create(Record(blank_session(epoch=EPOCH), version=0, expires_at=1e9, purge_at=1e9))
    record = await record_of(store, "5" * 32)
    record.session = record.session.checkout(Turn(Role.AGENT, now=0))
    for number in range(10):
        record.session.write("name", number)
    await store.save(record, events=record.session.commit())
    snapshot: Context = {
        "sessionId": "5" * 32,
        "mode": "default",
        "role": "user",
        "context": {},
        "meta": {},
        "expiresIn": 60,
        "cursor": str(record.session.cursor),
    }

    cursor = Cursor.parse(after) if after else None
    loaded = await store.load("5" * 32, after=cursor.seq if cursor else None)
    assert loaded is not None
    frames = opening_frames(loaded, Role.USER, cursor=cursor, limits=limits, keepalive=7.0, snapshot=snapshot, agent={})
    first, *rest = (json.loads(frame.text) for frame in frames)
    assert [frame.cursor for frame in frames] == [frame["cursor"] for frame in (first, *rest)]
    assert first["type"] == "connected"
    assert (first["recovered"], first["snapshot"]) == ((False, snapshot) if missed is None else (True, None))
    assert first["cursor"] == (str(Cursor(EPOCH, 10)) if missed is None else after)
    assert [frame["seq"] for frame in rest] == (missed or [])


# Rows


@in_virtual_time
async def test_i5_what_a_page_is_shown_of_rows_folds_into_what_the_store_holds_however_often_it_was_away() -> None:
    pair = await open_pair(virtual_engine(Limits(agent_requests=1000, user_requests=1000)), ROWS_FORM)
    chance = random.Random(7)
    rows: dict[str, list[str]] = {}
    cells: dict[str, tuple[Any, str, int]] = {}
    cursor = pair.created["cursor"]
    for _ in range(12):
        async with pair.watch(after=cursor) as page:
            for _ in range(chance.randint(1, 3)):
                await change_rows(pair, chance)
            await asyncio.sleep(chance.choice([0.0, 5.0, 30.0]))
            frames = await page.shown()
        await change_rows(pair, chance)
        assert frames[0]["recovered"]
        rows, cells = fold_rows(rows, frames), fold_values(as_records(cells), frames)
        cursor = next(frame["cursor"] for frame in reversed(frames) if "cursor" in frame)
    async with pair.watch(after=cursor) as page:
        await asyncio.sleep(30)
        frames = await page.shown()
    context = await pair.context()
    assert fold_rows(rows, frames) == context["rows"]
    held = {key: (record["value"], record["by"], record["rev"]) for key, record in context["context"].items()}
    assert fold_values(as_records(cells), frames) == held


async def change_rows(pair: Pair, chance: random.Random) -> None:
    """Let the agent change rows in a paced batch, or the person one, at random."""
    lines = (await pair.context())["rows"].get("lines", [])
    row = chance.choice(lines) if lines else "r0"
    if chance.random() < 0.6:
        actions: list[dict[str, Any]] = [
            {"type": "add", "key": "lines", "value": {"text": str(chance.random()), "bags": [{"kg": 1}]}},
            {"type": "set", "key": f"lines/{row}/text", "value": str(chance.random())},
            {"type": "move", "key": f"lines/{row}", "after": None},
            {"type": "remove", "key": f"lines/{chance.choice(lines) if lines else 'r0'}"},
        ]
        await pair.do(*chance.sample(actions, 3), stream=True, intervalMs=700)
    elif lines:
        bodies: list[dict[str, Any]] = [
            {"add": "lines", "value": {"text": "mine"}, "after": row},
            {"move": f"lines/{row}"},
            {"remove": f"lines/{row}"},
            {"key": f"lines/{row}", "release": True},
            {"key": f"lines/{row}/text", "value": "mine"},
        ]
        await pair.notify(**chance.choice(bodies))


def as_records(cells: Mapping[str, tuple[Any, str, int]]) -> dict[str, Any]:
    return {key: {"value": value, "by": by, "rev": rev} for key, (value, by, rev) in cells.items()}
