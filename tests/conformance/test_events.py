"""SPEC.md section 6: the log and its frames, resuming, pacing."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.conformance.conftest import Open, Start
from tests.support.peer import Peer
from tests.support.stalls import waiting_at_most


async def test_hpp_072_logged_frames_count_without_a_hole(pair: Open) -> None:
    peer = await pair({})
    async with peer.watch() as page:
        await page.next("connected")
        frames = await _history(peer, page)
    assert [frame["type"] for frame in frames] == ["action", "action", "done", "edit", "edit", "extended", "done"]
    assert [frame["seq"] for frame in frames] == list(range(1, 8))
    assert len({frame["cursor"] for frame in frames}) == 7
    assert [frame["at"] for frame in frames] == sorted({frame["at"] for frame in frames})


async def test_hpp_073_every_watcher_sees_a_batch_and_its_end(pair: Open) -> None:
    peer = await pair()
    await peer.edit("city", "Ulm")
    async with peer.watch() as page, peer.watch() as phone, peer.watch(role="agent") as agent:
        for watcher in (page, phone, agent):
            await watcher.next("connected")
        await peer.act({"name": "A", "city": "Bonn", "nobody": 1, "age": 7})
        for watcher in (page, phone, agent):
            name, age, done = await watcher.until("done")
            assert [(one["type"], one["key"], one["value"], one["by"]) for one in (name, age)] == [
                ("action", "name", "A", "ai"),
                ("action", "age", 7, "ai"),
            ]
            assert (done["applied"], done["rejected"], done["missing"]) == (2, ["city"], [])


@pytest.mark.parametrize("ref", ["r1", 7])
async def test_hpp_074_an_edit_is_acknowledged_to_its_socket_and_shown_to_the_others(
    pair: Open, ref: str | int
) -> None:
    peer = await pair()
    async with peer.watch() as page, peer.watch() as phone, peer.watch(role="agent") as agent:
        for watcher in (page, phone, agent):
            await watcher.next("connected")
        await page.send({"type": "userEdit", "key": "name", "value": "A", "ref": ref})
        ack = await page.next()
        assert {name: ack[name] for name in ("type", "key", "by", "seq", "ref")} == {
            "type": "ack",
            "key": "name",
            "by": "user",
            "seq": 1,
            "ref": ref,
        }
        for watcher in (phone, agent):
            edit = await watcher.next()
            assert (edit["type"], edit["key"], edit["value"], edit["by"]) == ("edit", "name", "A", "user")
        await phone.send({"type": "userEdit", "key": "name", "value": "B"})
        assert (await page.next())["value"] == "B"


async def test_hpp_075_a_resume_from_an_ack_misses_nothing(pair: Open) -> None:
    peer = await pair({})
    async with peer.watch() as page:
        await page.next("connected")
        await peer.act({"a": 1, "b": 2, "c": 3}, stream=True, interval_ms=500)
        sent = [await page.next()]
        await page.send({"type": "userEdit", "key": "d", "value": 4})
        sent += await page.until("ack")
    async with peer.watch(after=sent[-2]["cursor"]) as page:
        connected = await page.next()
        missed = await page.until("edit")
    assert (sent[-1]["seq"], connected["recovered"]) == (5, True)
    assert "cursor" not in sent[-1]
    assert [frame["seq"] for frame in sent[:-1] + missed] == [1, 2, 3, 4, 5]


async def test_hpp_076_an_edit_by_post_and_a_release_are_shown_to_all(pair: Open) -> None:
    peer = await pair()
    await peer.act({"name": "draft"})
    async with peer.watch() as page, peer.watch() as phone:
        for watcher in (page, phone):
            await watcher.next("connected")
        await peer.edit("name", "A")
        await phone.next("edit")
        await phone.send({"type": "release", "key": "name"})
        edited, released = await page.next(), await page.next()
    assert (edited["type"], edited["by"], edited["value"]) == ("edit", "user_edit", "A")
    assert (released["type"], released["by"], released["value"]) == ("edit", "default", "A")


async def test_hpp_077_the_log_adds_up_to_the_context(pair: Open) -> None:
    peer = await pair({"data": {"given": 1, "kept": 2}})
    async with peer.watch() as page:
        snapshot = (await page.next("connected"))["snapshot"]
        frames = await _history(peer, page)
    view = {key: (record["value"], record["by"]) for key, record in snapshot["context"].items()}
    view |= {frame["key"]: (frame["value"], frame["by"]) for frame in frames if "key" in frame}
    context = await peer.context()
    assert view == {key: (record["value"], record["by"]) for key, record in context["context"].items()}
    assert frames[-1]["cursor"] == context["cursor"]


@pytest.mark.parametrize("role", ["agent", "user"])
async def test_hpp_078_a_first_connection_gets_a_snapshot(pair: Open, role: str) -> None:
    peer = await pair()
    await peer.act({"name": "A"})
    async with peer.watch(role=role) as watcher:
        connected = await watcher.next()
    context = await peer.context(role=role)
    assert (connected["type"], connected["recovered"], connected["cursor"]) == ("connected", False, context["cursor"])
    assert connected["snapshot"] == context | {"expiresIn": connected["snapshot"]["expiresIn"]}


async def test_hpp_079_a_resume_brings_every_missed_event_and_then_live_ones(pair: Open) -> None:
    peer = await pair({})
    async with peer.watch() as page:
        await page.next("connected")
        frames = await _history(peer, page)
    async with peer.watch(after=frames[1]["cursor"]) as page:
        connected = await page.next()
        missed = [await page.next() for _ in frames[2:]]
        await peer.edit("live", 1)
        live = await page.next()
    assert (connected["recovered"], connected["snapshot"]) == (True, None)
    assert connected["cursor"] == frames[1]["cursor"]
    assert missed == frames[2:]
    assert (live["key"], live["seq"]) == ("live", frames[-1]["seq"] + 1)


async def test_hpp_080_a_cursor_that_cannot_be_resumed_from_is_answered_with_a_snapshot(pair: Open) -> None:
    peer, other = await pair({}), await pair({})
    cursor = (await peer.act({"a": 1}))["cursor"]
    ahead = cursor.rpartition(".")[0] + ".999999"
    for after in (other.created["cursor"], ahead, "garbage", "00000000.0", "1", "%00"):
        async with peer.watch(after=after) as page:
            connected = await page.next()
        assert (after, connected["recovered"], connected["cursor"]) == (after, False, cursor)
        assert connected["snapshot"]["context"]["a"]["value"] == 1


@pytest.mark.parametrize("bound", ["log_events", "replay_events"])
async def test_hpp_081_who_missed_too_much_is_not_left_with_a_gap(local: Start, bound: str) -> None:
    server = await local({"replay_events": 4, bound: 4})
    peer = await server.open({})
    cursors = [peer.created["cursor"]] + [(await peer.edit("a", n))["cursor"] for n in range(6)]
    async with peer.watch(after=cursors[2]) as page:
        assert (await page.next())["recovered"] is True
        assert [(await page.next())["value"] for _ in range(4)] == [2, 3, 4, 5]
    async with peer.watch(after=cursors[1]) as page:
        connected = await page.next()
    assert (connected["recovered"], connected["cursor"]) == (False, cursors[6])
    assert connected["snapshot"]["context"]["a"]["value"] == 5
    if bound == "log_events":
        diffs = [(await peer.agent("GET", "diff", params={"since": cursor})).json() for cursor in cursors[1:3]]
        assert [diff["truncated"] for diff in diffs] == [True, False]


async def test_hpp_082_the_reply_does_not_wait_for_the_show(pair: Open) -> None:
    peer = await pair({})
    async with peer.watch() as page:
        await page.next("connected")
        async with waiting_at_most(1.5):
            reply = await peer.act({f"k{n}": n for n in range(20)}, stream=True, interval_ms=60_000)
        assert len(reply["applied"]) == 20
        assert len((await peer.context())["data"]) == 20


async def test_hpp_083_a_streamed_batch_is_spread_and_another_is_not(pair: Open) -> None:
    peer = await pair({})
    async with peer.watch() as page:
        await page.next("connected")
        async with waiting_at_most(3):
            spread = await _arrivals(peer, page, stream=True, interval_ms=200)
        async with waiting_at_most(2):
            await _arrivals(peer, page, stream=False, interval_ms=2000)
    assert [seconds > 0.19 * place for place, seconds in enumerate(spread)] == [True] * 3  # none comes early


async def test_hpp_084_a_page_is_not_shown_what_has_been_overtaken(pair: Open) -> None:
    peer = await pair({})
    async with peer.watch() as page:
        await page.next("connected")
        await peer.act({"a": 1, "b": 1, "c": 1}, stream=True, interval_ms=300)
        await peer.edit("c", "mine")
        frames = await page.until("edit")
    assert [(frame["type"], frame.get("key")) for frame in frames] == [
        ("action", "a"),
        ("action", "b"),
        ("done", None),
        ("edit", "c"),
    ]


async def test_hpp_085_a_replay_comes_without_pauses(pair: Open) -> None:
    peer = await pair({})
    await peer.act({"a": 1, "b": 1, "c": 1}, stream=True, interval_ms=2000)
    async with peer.watch(after=peer.created["cursor"]) as page, waiting_at_most(1.5):
        frames = await page.until("done")
    assert [frame.get("key") for frame in frames[1:]] == ["a", "b", "c", None]


async def _history(peer: Peer, page: Any) -> list[dict[str, Any]]:
    """Let one event of each kind that leaves everybody connected happen, and return their frames."""
    await peer.act({"a": 1, "b": 2})
    await peer.edit("a", "mine")
    await peer.user("POST", "notify", {"key": "a", "release": True})
    await peer.user("POST", "extend", {"extraSeconds": 60})
    await peer.act({})
    return [*await page.until("done"), *await page.until("done")]


async def _arrivals(peer: Peer, page: Any, *, stream: bool, interval_ms: int) -> list[float]:
    """Show three fields and return after how many seconds each was seen."""
    begun = time.monotonic()
    await peer.act({"a": 1, "b": 1, "c": 1}, stream=stream, interval_ms=interval_ms)
    times = []
    while (await page.next())["type"] == "action":
        times.append(time.monotonic() - begun)
    assert len(times) == 3
    return times
