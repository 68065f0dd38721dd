"""Changes since a place in the log, and the long poll for the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from handshake_prompt import Limits
from handshake_prompt.protocol.errors import InvalidTokenError
from tests.conftest import ROWS_FORM
from tests.support.pairing import REST, Pair, open_pair, refusal, virtual_engine, workers
from tests.support.relay import nothing
from tests.support.virtual_time import in_virtual_time, loop_time


@in_virtual_time
async def test_changes_since_a_cursor_and_since_an_instant_in_any_form_are_the_same() -> None:
    pair = await open_pair(virtual_engine())
    await pair.act({"a": 1})
    middle = await pair.diff()
    await pair.act({"b": 2})
    await pair.edit("c", 3)
    at = middle["changes"][0]["at"]
    assert at.endswith("+00:00")
    forms = [middle["cursor"], at, at.replace("+", " "), at.replace("+00:00", "Z"), at.replace("+00:00", "")]
    for since in forms:
        diff = await pair.diff(since=since)
        assert ([change["key"] for change in diff["changes"]], diff["truncated"]) == (["b", "c"], False), since
        assert (diff["since"], diff["cursor"]) == (since, str((await pair.record()).session.cursor))


@pytest.mark.parametrize("since", ["yesterday", "ffffffff.1", "-1", "ahead"])
@in_virtual_time
async def test_a_since_that_is_no_place_in_the_log_is_answered_and_marked(since: str) -> None:
    pair = await open_pair(virtual_engine())
    await pair.act({"a": 1})
    if since == "ahead":
        since = (await pair.diff())["cursor"] + "9"
    diff = await pair.diff(since=since)
    assert ([change["key"] for change in diff["changes"]], diff["truncated"]) == (["a"], True)


@in_virtual_time
async def test_a_diff_says_when_the_log_no_longer_reaches_back() -> None:
    pair = await open_pair(virtual_engine(Limits(log_events=4, replay_events=4, diff_events=2)))
    begin = (await pair.diff())["cursor"]
    await pair.act({"a": 1})
    first = (await pair.diff())["changes"][0]["at"]
    truncated = {since: (await pair.diff(since=since))["truncated"] for since in (begin, first, "")}
    assert truncated == {begin: False, first: False, "": False}
    await pair.act({"b": 1, "c": 1, "d": 1})
    assert (await pair.diff(since=begin))["truncated"]
    assert (await pair.diff(since=first))["truncated"]
    latest = await pair.diff()
    assert ([change["key"] for change in latest["changes"]], latest["truncated"]) == (["c", "d"], True)


@in_virtual_time
async def test_a_long_poll_returns_with_the_first_change_or_empty_at_its_end() -> None:
    pair = await open_pair(virtual_engine())
    cursor = pair.created["cursor"]
    began = loop_time()
    assert (await pair.diff(since=cursor, wait="7"))["changes"] == []
    assert loop_time() - began == pytest.approx(7)
    assert (await pair.diff(since=cursor, wait=1000))["changes"] == []
    assert loop_time() - began == pytest.approx(32)

    poll = asyncio.create_task(pair.diff(since=cursor, wait=25))
    await asyncio.sleep(3)
    await pair.engine.post_extend(pair.session_id, {}, pair.user)
    await asyncio.sleep(3)
    await pair.edit("name", "Ada")
    assert [change["to"] for change in (await poll)["changes"]] == ["Ada"]
    assert loop_time() - began == pytest.approx(38)
    assert pair.engine.statistics == REST


@in_virtual_time
async def test_a_long_poll_that_runs_out_says_so_and_that_it_is_no_answer() -> None:
    pair = await open_pair(virtual_engine())
    since = pair.created["cursor"]
    ran_out = await pair.diff(since=since, wait=3)
    assert (ran_out["timedOut"], ran_out["changes"]) == (True, [])
    assert "not an answer" in ran_out["note"]
    assert "timedOut" not in await pair.diff(since=since)
    poll = asyncio.create_task(pair.diff(since=since, wait=20))
    await asyncio.sleep(1)
    await pair.edit("a", 1)
    assert "timedOut" not in await poll
    poll = asyncio.create_task(pair.diff(wait=20, since=(await pair.diff())["cursor"]))
    await asyncio.sleep(1)
    await pair.engine.drain()
    assert "timedOut" not in await poll, "the server went away, and the time did not run out"


@pytest.mark.parametrize("wait", ["soon", "", "-1", "nan", -0.5])
@in_virtual_time
async def test_i8_a_wait_that_is_no_time_is_a_400(wait: str | float) -> None:
    pair = await open_pair(virtual_engine())
    assert (await refusal(pair.diff(wait=wait))).status == 400


async def end_by_revoking(pair: Pair) -> None:
    await pair.engine.revoke(pair.session_id, pair.user)


async def end_by_rotating(pair: Pair) -> None:
    await pair.engine.rotate(pair.session_id, {}, pair.user)


async def end_by_waiting(_: Pair) -> None:
    await asyncio.sleep(10)


ENDS: dict[str, tuple[Callable[[Pair], Awaitable[None]], str]] = {
    "revoked": (end_by_revoking, "session_revoked"),
    "rotated": (end_by_rotating, "invalid_token"),
    "expired": (end_by_waiting, "session_expired"),
}


@pytest.mark.parametrize(("end", "code"), ENDS.values(), ids=ENDS)
@in_virtual_time
async def test_i13_a_long_poll_learns_of_its_end_within_a_second(
    end: Callable[[Pair], Awaitable[None]], code: str
) -> None:
    pair = await open_pair(virtual_engine(ttl=10))
    poll = asyncio.create_task(pair.diff(since=pair.created["cursor"], wait=25))
    await asyncio.sleep(0)
    await end(pair)
    ended_at = loop_time()
    assert (await refusal(poll)).code == code
    assert loop_time() - ended_at < 1


@in_virtual_time
async def test_a_diff_from_another_log_is_not_read_anew_for_a_token_that_was_replaced_meanwhile() -> None:
    here, there = await workers(2)

    loads = []

    async def rotate_meanwhile(name: str) -> None:
        loads.append(name)
        if loads.count("load") == 2:  # the first admits the request
            here.store.before = nothing
            await there.engine.rotate(there.session_id, {}, there.user)
            await there.edit("secret", "after the rotation")

    here.store.before = rotate_meanwhile
    with pytest.raises(InvalidTokenError):
        await here.engine.get_diff(here.session_id, here.agent, since="ffffffff.0")


@in_virtual_time
async def test_a_diff_has_the_order_of_rows_if_it_may_have_changed() -> None:
    pair = await open_pair(virtual_engine(), ROWS_FORM)
    begin = pair.created["cursor"]
    await pair.do({"type": "add", "key": "lines", "value": {"text": "Taxi"}}, {"type": "add", "key": "lines"})
    added = await pair.diff(since=begin)
    assert (added["rows"], added["rowsBy"]) == ({"lines": ["r1", "r2"]}, ["ai"])
    assert [change["key"] for change in added["changes"]] == ["lines/r1/text", "lines/r1/amount", "lines/r2/amount"]
    await pair.edit("name", "Ada")
    assert "rows" not in await pair.diff(since=added["cursor"])
    at = (await pair.diff(since=added["cursor"]))["changes"][0]["at"]
    await pair.notify(move="lines/r1")
    for since in (added["cursor"], at, ""):
        diff = await pair.diff(since=since)
        assert (diff["rows"], diff["rowsBy"]) == ({"lines": ["r2", "r1"]}, ["user"] if since else ["ai", "user"])
    removed = (await pair.notify(remove="lines/r2")).payload["cursor"]
    await pair.notify(remove="lines/r1")
    gone = await pair.diff(since=removed)
    assert (gone["rows"], gone["changes"]) == ({}, [])


@in_virtual_time
async def test_a_long_poll_returns_with_the_first_change_of_rows() -> None:
    here, there = await workers(2, ROWS_FORM)
    poll = asyncio.create_task(here.diff(since=here.created["cursor"], wait=25))
    await asyncio.sleep(3)
    began = loop_time()
    await there.notify(add="lines", value={"amount": None})
    diff = await poll
    assert (diff["rows"], "timedOut" in diff) == ({"lines": ["r1"]}, False)
    assert loop_time() - began < 6
