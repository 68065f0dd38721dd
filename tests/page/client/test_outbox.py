"""What the person writes, on its way from a real Chromium to a real server."""

from __future__ import annotations

import pytest

from handshake_prompt import Limits
from tests.page.faults import Faults
from tests.page.tabs import LONG, TAP, Site, Tab, sent, site, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

EMPTY = {"value": None, "by": "empty", "at": None, "rev": 0}


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


# What the server must refuse is not sent


@pytest.mark.parametrize("connected", [True, False], ids=["over the socket", "by POST"])
async def test_half_an_emoji_is_stored_as_what_it_is_until_the_other_half_is_typed(
    tab: Tab, faults: Faults, *, connected: bool
) -> None:
    await tab.create()
    if connected:
        await tab.connect()
    for _ in range(12):  # more than a page may send of what is malformed
        # What is drawn while it is being typed is what was typed.
        assert await tab.do("session.edit('b', 'a\\ud83d') && session.fields.get('b').value === 'a\\ud83d'")
        assert await tab.settle() is True
        assert await tab.field("b") | {"at": None, "rev": 0} == {"value": "a�", "by": "user", "at": None, "rev": 0}
        await tab.do("session.edit('b', 'a😀')")
        assert await tab.settle() is True
    assert (await (await tab.peer()).context())["context"]["b"]["value"] == "a😀"
    assert (await tab.seen("error"), len(faults.lines)) == ([], int(connected))


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("'\\udc00 \\\\ud83d'", "� \\ud83d"),
        ("{ 'a\\ud800': ['\\ud800'] }", {"a�": ["�"]}),
        ("NaN", None),
        ("1e21", 1e21),
        ("-0", 0),
        ("new Date(0)", "1970-01-01T00:00:00.000Z"),
    ],
)
async def test_a_value_is_sent_in_a_form_that_the_server_takes(tab: Tab, value: str, stored: object) -> None:
    await tab.open()
    await tab.do(f"session.edit('b', {value})")
    assert await tab.settle() is True
    assert ((await (await tab.peer()).context())["context"].get("b") or {}).get("value") == stored
    assert await tab.seen("error") == []


@pytest.mark.parametrize(
    "value",
    ["2 ** 53", "-1e20", "[[1e20]]", "JSON.parse('{\"__proto__\": 1}')", "JSON.parse('['.repeat(17) + ']'.repeat(17))"],
)
@pytest.mark.parametrize("connected", [True, False], ids=["over the socket", "by POST"])
async def test_a_value_that_no_field_takes_is_refused_here_and_named(
    tab: Tab, faults: Faults, value: str, *, connected: bool
) -> None:
    await tab.create()
    if connected:
        await tab.connect()
    for _ in range(12):
        assert await tab.do(f"session.edit('b', {value})") is False
    assert await tab.settle() is True
    assert faults.notified + sum(len(line.sent) for line in faults.lines) == 0
    assert {(error["key"], error["code"]) for error in await tab.seen("error")} == {("b", "invalid_value")}
    assert (await tab.seen("field"))[-1] == {"key": "b", "record": (await tab.field("b")) or EMPTY, "cause": "error"}


async def test_an_edit_of_a_field_that_nobody_may_write_is_refused_here_and_put_back(tab: Tab, faults: Faults) -> None:
    await tab.open()
    assert await tab.edit("fixed", "mine") is False
    assert [(error["key"], error["code"]) for error in await tab.seen("error")] == [("fixed", "read_only")]
    last = (await tab.seen("field"))[-1]
    assert (last["record"]["value"], last["cause"]) == ("F", "error")
    assert sent(faults.line) == []


@pytest.mark.parametrize("size", [33_000, 300_000, 5_000_000])
async def test_a_value_over_the_servers_bound_is_named_and_taken_back(tab: Tab, faults: Faults, size: int) -> None:
    await tab.open()
    await tab.do("(size) => session.edit('b', 'x'.repeat(size))", size)
    await tab.edit("c", "fine")
    assert await tab.settle() is True
    assert [(error["key"], error["code"]) for error in await tab.seen("error")] == [("b", "value_too_large")]
    assert faults.notified == 0
    shown = [detail for detail in await tab.seen("field") if detail["key"] == "b"]
    assert (shown[-1]["record"]["value"], shown[-1]["cause"]) == (None, "error")
    context = (await (await tab.peer()).context())["context"]
    assert {key: record["value"] for key, record in context.items() if key in "bc"} == {"c": "fine"}


async def test_a_bound_is_the_servers_own(tab: Tab) -> None:
    async with site(Limits(value_bytes=60_000)) as served:
        await tab.visit(served.url)
        await tab.open()
        await tab.edit("b", "ä" * 29_990)
        assert await tab.settle() is True
        assert len((await (await tab.peer()).context())["context"]["b"]["value"]) == 29_990


# An answer that does not come


@pytest.mark.parametrize("gone", ["both ways", "on the way there"])
async def test_an_edit_that_a_dead_socket_took_goes_by_post_within_five_seconds(
    tab: Tab, faults: Faults, gone: str
) -> None:
    await tab.open()
    faults.line.deaf = True
    if gone == "both ways":
        faults.line.hold()
    await tab.edit("b", "x")
    assert await tab.turn_until("!session.fields.get('b').pending") < 5_000
    assert faults.notified == 1
    assert (await (await tab.peer()).context())["context"]["b"]["value"] == "x"
    await tab.comes_to("open")


async def test_typing_on_does_not_put_off_the_way_out(tab: Tab, faults: Faults) -> None:
    await tab.open()
    faults.line.hold()
    faults.line.deaf = True
    for length in range(1, 25):
        await tab.edit("b", "x" * length)
        await tab.turn(200)
    await until(lambda: faults.notified)
    assert await tab.settle() is True
    assert (await (await tab.peer()).context())["context"]["b"]["value"] == "x" * 24


async def test_an_edit_that_the_server_is_slow_to_answer_is_waited_for_while_it_is_alive(
    tab: Tab, faults: Faults
) -> None:
    await tab.open()
    faults.line.hold("ack")
    await tab.edit("b", "x")
    await until(lambda: faults.line.held)
    await tab.turn(2_000)
    await until(lambda: faults.line.sent[-1]["type"] == "ping")
    await tab.until("unanswered() === 1")  # the edit
    await tab.turn(7_000)
    assert (await tab.state(), len(faults.lines), faults.notified) == ("open", 1, 0)
    await tab.turn(1_000)
    await until(lambda: faults.notified)
    assert await tab.settle() is True


async def test_an_edit_made_while_a_socket_is_long_in_opening_goes_by_post(tab: Tab, faults: Faults) -> None:
    await tab.create()
    faults.silent = True
    await tab.do("session.connect()")
    await tab.edit("b", "x")
    assert await tab.turn_until("!session.fields.get('b').pending") < 5_000
    assert (await tab.state(), faults.notified) == ("connecting", 1)


async def test_an_older_edit_that_comes_out_of_a_dead_socket_late_does_not_undo_a_newer_one(
    tab: Tab, faults: Faults
) -> None:
    await tab.open()
    peer = await tab.peer()
    dead = faults.line
    dead.deaf = True
    await tab.edit("b", "hel")
    await until(lambda: dead.sent)
    dead.hold()
    await tab.loses(dead)
    await tab.edit("b", "hello")
    assert await tab.settle() is True
    await tab.reconnects()
    await peer.edit("b", "hel")  # as the server sees it: the person's, over another connection
    await tab.hears("edit", 2)
    assert await tab.settle() is True
    await tab.shows("b", "hello")
    assert (await peer.context())["context"]["b"]["value"] == "hello"

    await peer.edit("b", "hel")  # and now it is another device
    await tab.shows("b", "hel")
    assert await tab.settle() is True
    assert (await peer.context())["context"]["b"]["value"] == "hel"


async def test_a_login_page_in_place_of_an_answer_stores_nothing(tab: Tab) -> None:
    await tab.create()
    await tab.page.route("**/notify/**", lambda route: route.fulfill(status=200, body="<h1>Log in</h1>"), times=2)
    await tab.edit("b", "kept")
    await tab.turn_until("!session.fields.get('b').pending")
    assert (await (await tab.peer()).context())["context"]["b"]["value"] == "kept"


async def test_a_proxy_that_finds_no_server_does_not_end_the_session(tab: Tab) -> None:
    await tab.create()
    await tab.page.route("**/notify/**", lambda route: route.fulfill(status=404, body="<h1>Not Found</h1>"), times=1)
    await tab.edit("b", "kept")
    await tab.turn_until("!session.fields.get('b').pending")
    assert await tab.do("session.over") is False
