"""SPEC.md section 4: what changed since a place in the log."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timedelta, timezone
from typing import Any

from tests.conformance.conftest import Open
from tests.support.peer import Peer
from tests.support.stalls import waiting_at_most


async def test_hpp_039_with_a_cursor_exactly_the_later_changes_are_listed(pair: Open) -> None:
    peer = await pair({})
    await peer.act({"before": 0})
    cursor = (await peer.context())["cursor"]
    await peer.act({"a": 1, "b": 2})
    await peer.edit("a", 3)
    diff = await _diff(peer, since=cursor)
    assert [(change["key"], change["to"], change["by"]) for change in diff["changes"]] == [
        ("a", 1, "ai"),
        ("b", 2, "ai"),
        ("a", 3, "user_edit"),
    ]
    assert (diff["sessionId"], diff["since"], diff["truncated"]) == (peer.session_id, cursor, False)
    assert (await _diff(peer, since=diff["cursor"]))["changes"] == []


async def test_hpp_040_an_instant_is_compared_as_an_instant(pair: Open) -> None:
    peer = await pair({})
    await peer.act({"before": 0})
    at = (await peer.context())["context"]["before"]["at"]
    await peer.act({"after": 1})
    instant = datetime.fromisoformat(at)
    forms = {
        "as sent": at,
        "plus two hours": instant.astimezone(timezone(timedelta(hours=2))).isoformat(),
        "minus nine hours": instant.astimezone(timezone(timedelta(hours=-9))).isoformat(),
        "zulu": instant.replace(tzinfo=None).isoformat() + "Z",
        "without offset": instant.replace(tzinfo=None).isoformat(),
        "space": at.replace("+", " "),
    }
    for form, since in forms.items():
        diff = await _diff(peer, since=since)
        assert (form, [change["key"] for change in diff["changes"]], diff["truncated"]) == (form, ["after"], False)
    everything = await _diff(peer, since=(instant - timedelta(days=1)).isoformat())
    assert [change["key"] for change in everything["changes"]] == ["before", "after"]


async def test_hpp_041_without_since_the_last_fifty_are_listed_and_the_rest_is_owned_up_to(pair: Open) -> None:
    peer = await pair({})
    await peer.act({f"k{n}": n for n in range(50)})
    whole = await _diff(peer)
    await peer.act({"more": 1})
    cut = await _diff(peer)
    assert ([change["to"] for change in whole["changes"]], whole["truncated"]) == (list(range(50)), False)
    assert ([change["key"] for change in cut["changes"]][::49], cut["truncated"]) == (["k1", "more"], True)


async def test_hpp_042_a_place_that_is_not_in_the_log_is_answered_as_truncated(pair: Open) -> None:
    peer, other = await pair({}), await pair({})
    await peer.act({"a": 1})
    elsewhere = (await other.act({"a": 1, "b": 2}))["cursor"]
    ahead = (await peer.context())["cursor"].rpartition(".")[0] + ".999999"
    for since in (elsewhere, ahead, "garbage", "yesterday", "0", "\u00e9"):
        assert (since, (await _diff(peer, since=since))["truncated"]) == (since, True)


async def test_hpp_043_an_agent_is_not_shown_what_the_person_replaced(pair: Open) -> None:
    peer = await pair({})
    await peer.act({"a": "draft"})
    await peer.edit("a", "private")
    await peer.edit("a", "public")
    by_person = [change for change in (await _diff(peer))["changes"] if change["by"] != "ai"]
    assert [("from" in change, change["to"]) for change in by_person] == [(False, "private"), (False, "public")]
    whole = (await peer.user("GET", "diff")).json()["changes"]
    assert [change["from"] for change in whole] == [None, "draft", "private"]


async def test_hpp_044_a_waiting_diff_is_answered_with_the_first_change_or_in_time(pair: Open) -> None:
    peer = await pair({})
    cursor = peer.created["cursor"]
    begun = time.monotonic()
    async with waiting_at_most(2):
        empty = await _diff(peer, since=cursor, wait="0.3")
    assert (empty["changes"], empty["cursor"], empty["timedOut"]) == ([], cursor, True)
    assert empty["note"]
    assert time.monotonic() - begun > 0.25
    async with waiting_at_most(3):
        waiting = asyncio.create_task(_diff(peer, since=cursor, wait="25"))
        await asyncio.sleep(0.2)  # nothing tells that it has begun to wait; too early, and the test is only weaker
        await peer.edit("a", 1)
        assert [change["key"] for change in (await waiting)["changes"]] == ["a"]
        assert (await _diff(peer, since=cursor, wait="25"))["changes"]
    refused = await peer.agent("GET", "diff", params={"since": cursor, "wait": "soon"})
    assert refused.status_code == 400


async def _diff(peer: Peer, **query: str) -> dict[str, Any]:
    reply = await peer.agent("GET", "diff", params=query)
    assert reply.status_code == 200, reply.text
    members: dict[str, Any] = reply.json()
    return members
