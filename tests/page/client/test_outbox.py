"""What the person writes, on its way from a real Chromium to a real server."""

from __future__ import annotations

import pytest

from tests.page.faults import Faults
from tests.page.tabs import LONG, TAP, Site, Tab, sent, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_edit_is_pending_until_it_is_acknowledged(tab: Tab, faults: Faults) -> None:
    await tab.open()
    peer = await tab.peer()
    faults.line.hold("ack")
    assert await tab.edit("b", "typed") is True
    await until(lambda: faults.line.held == ["ack"])
    assert await tab.field("b") == {"value": "typed", "by": "user", "at": None, "rev": 0, "pending": True}
    await faults.line.let_go()
    assert await tab.settle() is True
    assert await tab.field("b") == (await peer.context(role="user"))["context"]["b"]
    assert [detail["cause"] for detail in await tab.seen("field") if detail["key"] == "b"] == ["local", "ack"]


async def test_after_a_reconnect_only_the_newest_value_of_each_field_is_sent_again(tab: Tab, faults: Faults) -> None:
    await tab.open()
    faults.line.deaf = True
    for key, value in [("b", "1"), ("a", "X"), ("b", "2"), ("b", "3")]:
        await tab.edit(key, value)
    await tab.do("session.release('b')")
    await until(lambda: len(faults.line.sent) == 5)
    await tab.page.context.set_offline(offline=True)
    await tab.loses(faults.line)
    await tab.page.context.set_offline(offline=False)
    await tab.turn_until("session.state === 'open' && ![...session.fields.values()].some(({ pending }) => pending)")
    by_key = {key: [(kind, value) for kind, of, value in sent(faults.line) if of == key] for key in "ab"}
    assert by_key == {"a": [("userEdit", "X")], "b": [("userEdit", "3"), ("release", None)]}
    changes = (await (await tab.peer()).user("GET", "diff")).json()["changes"]
    assert [(change["to"], change["by"]) for change in changes if change["key"] == "b"] == [
        ("3", "user"),
        ("3", "default"),
    ]


async def test_while_there_is_no_connection_the_newest_value_goes_by_post_at_once(tab: Tab, faults: Faults) -> None:
    await tab.open()
    faults.line.deaf = True
    for value in ("1", "2", "3"):
        await tab.edit("b", value)
    await until(lambda: len(faults.line.sent) == 3)
    await tab.loses(faults.line)
    assert await tab.settle() is True
    await tab.reconnects()
    assert (faults.notified, sent(faults.line)) == (1, [])
    changes = (await (await tab.peer()).user("GET", "diff")).json()["changes"]
    assert [change["to"] for change in changes] == ["3"]


async def test_edits_made_while_connecting_go_out_once_with_the_newest_value(tab: Tab, faults: Faults) -> None:
    await tab.create()
    await tab.do("session.connect(); for (const value of ['1', '2', '3']) session.edit('b', value)")
    assert await tab.settle() is True
    assert (sent(faults.line), faults.notified) == ([("userEdit", "b", "3")], 0)


async def test_a_release_does_not_lose_the_edit_before_it(tab: Tab, faults: Faults) -> None:
    await tab.create()
    await tab.do("session.connect(); session.edit('b', '1'); session.edit('b', '2'); session.release('b')")
    assert await tab.settle() is True
    assert sent(faults.line) == [("userEdit", "b", "2"), ("release", "b", None)]
    expected = [("1", "user"), ("2", "user"), ("2", "default")]
    local = [detail["record"] for detail in await tab.seen("field") if detail["cause"] == "local"]
    assert [(record["value"], record["by"]) for record in local] == expected
    stored = (await (await tab.peer()).context(role="user"))["context"]["b"]
    assert (stored["value"], stored["by"]) == ("2", "default")


async def test_an_older_value_never_replaces_a_newer_one(tab: Tab, faults: Faults) -> None:
    await tab.open()
    peer = await tab.peer()
    faults.line.hold()
    await peer.act({"b": "old"})
    cursor = (await peer.act({"b": "new"}))["cursor"]
    await faults.line.let_go(backwards=True)
    await tab.hears("action", 2)
    assert [event["value"] for event in await tab.seen("action")] == ["new", "old"]
    shown = [detail["record"]["value"] for detail in await tab.seen("field") if detail["cause"] == "action"]
    assert shown == ["new"]
    await tab.loses(faults.line)
    await tab.reconnects()
    assert faults.line.after == cursor


async def test_an_acknowledgement_that_overtakes_the_log_loses_nothing_of_it(tab: Tab, faults: Faults) -> None:
    await tab.open()
    peer = await tab.peer()
    faults.line.hold("action", "done")
    await peer.act({"b": "agent's", "c": "agent's"})
    await tab.edit("b", "mine")
    await tab.settle()
    await tab.loses(faults.line)
    await tab.turn(1)
    await tab.shows("c", "agent's")
    assert [frame["recovered"] for frame in await tab.seen("connected")] == [False, True]
    record = await tab.field("b")
    assert (record["value"], record["by"]) == ("mine", "user_edit")
    shown = [detail["record"]["value"] for detail in await tab.seen("field") if detail["key"] == "b"]
    assert "agent's" not in shown


async def test_a_release_that_overtakes_the_value_it_released_still_decides_whose_it_is(
    tab: Tab, faults: Faults
) -> None:
    await tab.open()
    peer = await tab.peer()
    faults.line.hold("edit")
    await peer.edit("b", "from another device")
    await tab.do("session.release('b')")
    await tab.settle()
    await faults.line.let_go()
    await tab.shows("b", "from another device")
    assert (await tab.field("b"))["by"] == "default"


async def test_what_is_being_sent_wins_over_what_arrives(tab: Tab, faults: Faults) -> None:
    await tab.open()
    peer = await tab.peer()
    faults.line.deaf = True
    await tab.edit("b", "typing")
    await peer.act({"b": "agent's"})
    await tab.hears("action")
    record = await tab.field("b")
    assert (record["value"], record["by"], record["pending"]) == ("typing", "user_edit", True)


@pytest.mark.parametrize("connected", [True, False], ids=["over the socket", "by POST"])
async def test_a_refused_edit_is_taken_back_and_named(tab: Tab, *, connected: bool) -> None:
    await tab.open()
    if not connected:
        await tab.do("session.close()")
    await tab.do("session.schema = []")  # a page that does not know what its form has
    for key, code, left in [("fixed", "read_only", ("F", "default")), ("nope", "unknown_field", (None, "empty"))]:
        await tab.edit(key, "mine")
        assert await tab.settle() is True
        shown = [detail["record"]["value"] for detail in await tab.seen("field") if detail["key"] == key]
        assert shown[-2:] == ["mine", left[0]]
        assert [(error["key"], error["code"]) for error in await tab.seen("error")][-1] == (key, code)
        record = await tab.field(key)
        assert (record["value"], record["by"], "pending" in record) == (*left, False)


async def test_a_released_field_is_the_agents_to_write_until_the_person_edits_it(tab: Tab) -> None:
    await tab.open()
    peer = await tab.peer()
    assert (await peer.act({"a": "agent's"}))["rejected"] == ["a"]
    assert await tab.do("session.release('a')") is True
    await tab.settle()
    local, acknowledged = [detail["record"] for detail in await tab.seen("field") if detail["cause"] != "snapshot"]
    assert (local["value"], local["by"], local["pending"]) == ("A", "default", True)
    assert (acknowledged["value"], acknowledged["by"], "pending" in acknowledged) == ("A", "default", False)
    assert (await peer.act({"a": "agent's"}))["applied"] == ["a"]
    await tab.shows("a", "agent's")
    await tab.edit("a", "mine")
    await tab.settle()
    record = await tab.field("a")
    assert record == (await peer.context(role="user"))["context"]["a"]
    assert (record["value"], record["by"]) == ("mine", "user_edit")


async def test_without_a_socket_edits_and_releases_are_posted(tab: Tab, faults: Faults) -> None:
    await tab.create()
    await tab.do("session.edit('b', 'x'); session.edit('c', 'y'); session.release('c')")
    assert await tab.settle() is True
    context = (await (await tab.peer()).context(role="user"))["context"]
    assert {key: (context[key]["value"], context[key]["by"]) for key in "bc"} == {
        "b": ("x", "user"),
        "c": ("y", "default"),
    }
    assert (len(faults.lines), faults.notified) == (0, 3)
    assert [(await tab.field(key))["by"] for key in "bc"] == ["user", "default"]


async def test_what_was_posted_while_waiting_is_not_sent_again(tab: Tab, faults: Faults) -> None:
    await tab.open()
    await tab.loses(faults.line)
    await tab.edit("b", "posted")
    assert await tab.settle() is True
    await tab.turn(1)
    await tab.comes_to("open")
    await tab.edit("c", "sent")
    assert await tab.settle() is True
    assert (faults.notified, sent(faults.line)) == (1, [("userEdit", "c", "sent")])


async def test_a_field_uses_one_way_to_the_server_at_a_time(tab: Tab, faults: Faults) -> None:
    await tab.create()
    faults.gate.clear()
    await tab.edit("b", "1")
    await until(lambda: faults.notified)
    await tab.connect()
    await tab.edit("b", "2")
    await tab.edit("c", "x")
    await tab.hears("ack")
    assert sent(faults.line) == [("userEdit", "c", "x")]
    faults.gate.set()
    assert await tab.settle() is True
    assert sent(faults.line)[1:] == [("userEdit", "b", "2")]
    assert (await (await tab.peer()).context())["context"]["b"]["value"] == "2"


async def test_a_long_value_goes_by_post_although_there_is_a_socket(tab: Tab, faults: Faults) -> None:
    await tab.open()
    await tab.edit("b", LONG)
    assert await tab.settle() is True
    assert (faults.notified, sent(faults.line)) == (1, [])
    assert (await (await tab.peer()).context())["context"]["b"]["value"] == LONG


async def test_a_post_that_is_refused_for_now_is_tried_again_and_the_value_never_flickers(
    tab: Tab, shared: Site
) -> None:
    await tab.create()
    shared.store.failures = 2
    await tab.edit("b", "kept")
    assert await tab.turn_until("!session.fields.get('b').pending") >= 1_000
    assert shared.faults.notified == 3
    assert {detail["record"]["value"] for detail in await tab.seen("field")} == {"kept"}
    assert await tab.seen("error") == []


async def test_a_frame_that_is_refused_for_now_is_sent_again_later_each_time(tab: Tab, shared: Site) -> None:
    await tab.has_luck(0.5, 0.5, 0.5, 0.5)
    await tab.create()
    await tab.do(TAP)
    await tab.connect()
    tries = refusals = 0
    for value, delays in [("kept", (750, 1_000, 1_500)), ("after a success", (750,))]:
        shared.store.failures = len(delays)
        await tab.edit("b", value)
        tries += 1
        for delay in delays:
            refusals += 1
            errors = await tab.hears("error", refusals)
            assert (errors[-1]["code"], (await tab.field("b"))["pending"]) == ("store_unavailable", True)
            await tab.turn(delay - 1)
            assert await tab.do("said") == tries
            await tab.turn(1)
            tries += 1
            assert await tab.do("said") == tries
        assert await tab.settle() is True
    assert sent(shared.faults.line) == [("userEdit", "b", "kept")] * 4 + [("userEdit", "b", "after a success")] * 2


async def test_an_edit_made_offline_arrives_later(tab: Tab) -> None:
    await tab.create()
    await tab.page.context.set_offline(offline=True)
    await tab.edit("b", "in a tunnel")
    await tab.turn_until("Date.now() > 5_000")
    assert (await tab.field("b"))["pending"] is True
    await tab.page.context.set_offline(offline=False)
    await tab.turn_until("!session.fields.get('b').pending")
    assert (await (await tab.peer()).context())["context"]["b"]["value"] == "in a tunnel"


async def test_a_post_to_a_session_that_is_gone_ends_it_here_too(tab: Tab) -> None:
    await tab.create()
    await (await tab.peer()).user("DELETE", "session")
    await tab.do("session.edit('b', 'x'); session.edit('c', 'y')")
    assert await tab.settle() is False
    await tab.comes_to("closed")
    assert [detail["final"] for detail in await tab.seen("state")] == [True]
    assert await tab.edit("b", "x") is False


async def test_a_post_that_outlives_the_session_does_not_end_it_twice(tab: Tab, faults: Faults) -> None:
    await tab.create()
    faults.gate.clear()
    await tab.edit("b", "x")
    await until(lambda: faults.notified)
    async with tab.page.expect_response("**/notify/**"):
        await tab.do("session.revoke()")
        faults.gate.set()
    await tab.do("session.info().catch(() => {})")
    assert [detail["final"] for detail in await tab.seen("state")] == [True]


async def test_an_edit_is_the_value_as_it_was_when_it_was_made(tab: Tab) -> None:
    await tab.open()
    await tab.do(
        """() => {
          const list = ["one"];
          session.edit("b", list);
          list.push("two");
          session.edit("c", undefined);
        }"""
    )
    assert (await tab.field("b"))["value"] == ["one"]
    assert await tab.settle() is True
    context = (await (await tab.peer()).context())["context"]
    assert [context[key]["value"] for key in "bc"] == [["one"], None]
    assert [(await tab.field(key))["value"] for key in "bc"] == [["one"], None]


async def test_a_value_that_is_no_json_is_refused_at_once_and_stops_no_other(tab: Tab) -> None:
    await tab.open()
    name = await tab.do("(() => { try { session.edit('b', 1n) } catch (error) { return error.name } })()")
    assert name == "TypeError"
    assert await tab.field("b") is None
    await tab.edit("c", "fine")
    assert await tab.settle() is True
