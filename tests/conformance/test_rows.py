"""SPEC.md section 5, rows: lists of objects whose rows have ids and whose cells are values of their own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import httpx

from tests.conformance.conftest import Open, Start
from tests.support.folding import fold_rows, fold_values
from tests.support.peer import PATIENCE, Peer

ROWS: dict[str, Any] = {
    "mode": "form-fill",
    "schema": [
        {"key": "title"},
        {
            "key": "lines",
            "type": "rows",
            "maxRows": 4,
            "fields": [
                {"key": "text"},
                {"key": "amount", "type": "integer", "default": 1},
                {"key": "iban", "sensitive": True},
                {"key": "home/street", "group": "Home"},
                {"key": "bags", "type": "rows", "fields": [{"key": "kg", "type": "integer"}]},
            ],
        },
    ],
}


def add(value: Any = None, key: str = "lines", **place: Any) -> dict[str, Any]:
    return {"type": "add", "key": key, "value": value} | place


def put(key: str, value: Any, **members: Any) -> dict[str, Any]:
    return {"type": "set", "key": key, "value": value} | members


def remove(key: str, **members: Any) -> dict[str, Any]:
    return {"type": "remove", "key": key} | members


def move(key: str, **place: Any) -> dict[str, Any]:
    return {"type": "move", "key": key} | place


async def do(peer: Peer, *actions: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Carry out actions as the agent and return the reply's members."""
    reply = await peer.agent("POST", "action", {"actions": actions, "stream": False}, **options)
    assert reply.status_code == 200, reply.text
    members: dict[str, Any] = reply.json()
    return members


async def say(peer: Peer, **body: Any) -> dict[str, Any]:
    """Say something as the page and return the reply's members."""
    reply = await peer.user("POST", "notify", body)
    assert reply.status_code == 200, reply.text
    members: dict[str, Any] = reply.json()
    return members


async def ids(peer: Peer, *values: Any) -> list[str]:
    """Let the agent add rows; return their ids."""
    reply = await do(peer, *(add(value) for value in values))
    return [result["row"] for result in reply["results"]]


async def cells(peer: Peer, *, role: str = "user") -> dict[str, tuple[Any, str]]:
    context = await peer.context(role=role)
    return {key: (record["value"], record["by"]) for key, record in context["context"].items()}


async def order(peer: Peer) -> dict[str, list[str]]:
    rows: dict[str, list[str]] = (await peer.context())["rows"]
    return rows


def codes(reply: Mapping[str, Any]) -> list[str | None]:
    return [result.get("code") for result in reply["results"]]


async def test_hpp_150_no_two_rows_of_a_session_ever_have_one_id(pair: Open) -> None:
    peer = await pair(ROWS | {"context": {"lines": [{"text": "given", "bags": [{}]}]}})
    seen = [row for rows in (await order(peer)).values() for row in rows]
    for number in range(3):
        (row,) = await ids(peer, {"bags": [{"kg": number}]})
        seen += [row, *(await order(peer))[f"lines/{row}/bags"]]
        await do(peer, remove(f"lines/{row}"))
        seen.append((await say(peer, add="lines"))["row"])
        await say(peer, remove=f"lines/{seen[-1]}")
    assert len(set(seen)) == len(seen) == 11
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,32}", row) for row in seen)


async def test_hpp_151_a_row_is_added_with_cells_and_defaults_at_a_place(pair: Open) -> None:
    peer = await pair(ROWS)
    value = {"text": "Taxi", "home": {"street": "Main"}, "bags": [{"kg": 3}]}
    reply = await do(peer, add(value), add({"amount": 2}, after=None))
    (first, second) = (result["row"] for result in reply["results"])
    third = (await do(peer, add({"home/street": "Side"}, after=second)))["results"][0]["row"]
    fourth = (await say(peer, add="lines", value={"text": "Bus"}))["row"]
    rows = await order(peer)
    assert rows["lines"] == [second, third, first, fourth]
    (bag,) = rows[f"lines/{first}/bags"]
    assert await cells(peer) == {
        f"lines/{first}/text": ("Taxi", "ai"),
        f"lines/{first}/amount": (1, "default"),
        f"lines/{first}/home/street": ("Main", "ai"),
        f"lines/{first}/bags/{bag}/kg": (3, "ai"),
        f"lines/{second}/amount": (2, "ai"),
        f"lines/{third}/home/street": ("Side", "ai"),
        f"lines/{third}/amount": (1, "default"),
        f"lines/{fourth}/text": ("Bus", "user"),
        f"lines/{fourth}/amount": (1, "default"),
    }


async def test_hpp_152_rows_with_a_wrong_cell_or_too_many_are_refused_whole(pair: Open) -> None:
    peer = await pair(ROWS)
    await ids(peer, {"text": "kept"}, {})
    before = await peer.context()
    reply = await do(
        peer,
        add({"text": "x", "amount": "much"}),
        add({"text": "x", "bags": [{"kg": 1}, {"kg": "heavy"}]}),
        add({"colour": "red"}),
        put("lines", [{"text": "x"}, {"amount": "much"}]),
        put("lines", [{}] * 5),
    )
    told = [(error["code"], error["msg"]) for error in reply["errors"]]
    assert [code for code, _ in told] == ["invalid_value", "invalid_value", "unknown_field", *["invalid_value"] * 2]
    assert [name in msg for name, (_, msg) in zip(("amount", "kg", "colour", "amount", "4"), told, strict=True)]
    after = await peer.context()
    assert (after["context"], after["rows"]) == (before["context"], before["rows"])
    assert codes(await do(peer, add(), add(), add())) == [None, None, "invalid_value"]

    few = {"type": "rows", "minRows": 2, "fields": [{"key": "text"}]}
    peer = await pair(
        {"mode": "form-fill", "schema": [{"key": "asked", "required": True} | few, {"key": "optional"} | few]}
    )
    sets = [put("asked", []), put("asked", [{}]), put("asked", [{}, {}]), put("optional", [{}]), put("optional", [])]
    assert codes(await do(peer, *sets)) == ["invalid_value", "invalid_value", None, "invalid_value", None]


async def test_hpp_334_a_required_list_that_may_be_without_rows_is_not_missing_without_them(pair: Open) -> None:
    fields = {"type": "rows", "required": True, "fields": [{"key": "text"}]}
    bags = {"key": "bags", "blank": True} | fields
    lists = [{"key": "free", "blank": True} | fields, {**fields, "key": "asked", "fields": [bags]}]
    lists.append({"key": "few", "blank": True, "minRows": 1} | fields)
    peer = await pair({"mode": "form-fill", "schema": lists})
    assert (await peer.context())["missing"] == ["asked", "few"]
    assert (await peer.act({"asked": [{}], "few": [{}], "free": []}))["missing"] == []


async def test_hpp_333_cells_of_a_new_row_are_judged_as_they_stand_once_it_is_written(pair: Open) -> None:
    card = {"key": "by", "in": ["card"]}
    fields = [
        {"key": "by", "type": "enum", "options": ["cash", "card"], "default": "cash"},
        {"key": "number", "showIf": card},
        {"key": "in", "type": "enum", "options": ["EUR", {"value": "CHF", "when": card}]},
    ]
    peer = await pair({"mode": "form-fill", "schema": [{"key": "lines", "type": "rows", "fields": fields}]})
    shown, hidden, absent = ({"by": "card", "number": "1", "in": "CHF"}, {"number": "1"}, {"in": "CHF"})
    rows = (add(absent), put("lines", [absent]), put("lines", [shown, hidden]))
    assert codes(await do(peer, *rows)) == ["invalid_value", "invalid_value", None]
    context = await peer.context()
    first, second = context["rows"]["lines"]
    assert context["hidden"] == [f"lines/{second}/number"]
    assert [context["context"][f"lines/{row}/number"]["value"] for row in (first, second)] == ["1", "1"]


async def test_hpp_153_a_row_goes_with_all_that_is_in_it_and_nothing_else(pair: Open) -> None:
    peer = await pair(ROWS)
    first, second = await ids(peer, {"text": "a", "bags": [{"kg": 1}]}, {"text": "b", "bags": [{"kg": 2}]})
    await do(peer, put("title", "Trip"))
    before = await cells(peer)
    reply = await do(peer, remove(f"lines/{first}"))
    assert (reply["applied"], reply["rows"]["lines"]) == ([f"lines/{first}"], [second])
    assert await cells(peer) == {key: cell for key, cell in before.items() if f"/{first}/" not in key}
    stale = await do(peer, put(f"lines/{second}/text", "c"), remove(f"lines/{second}", ifRev=0))
    assert codes(stale) == [None, "stale"]


async def test_hpp_154_a_move_changes_the_order_alone(pair: Open) -> None:
    peer = await pair(ROWS)
    first, second, third = await ids(peer, {"text": "a"}, {"text": "b"}, {"text": "c"})
    await peer.edit(f"lines/{second}/text", "mine")
    before = await peer.context(role="user")
    for move_to, expected in (
        ({"after": None}, [third, first, second]),
        ({"after": first}, [first, third, second]),
        ({}, [first, second, third]),
    ):
        await do(peer, move(f"lines/{third}", **move_to))
        assert (await order(peer))["lines"] == expected
    await say(peer, move=f"lines/{second}", after=None)
    after = await peer.context(role="user")
    assert (after["rows"]["lines"], after["context"]) == ([second, first, third], before["context"])
    assert (await peer.edit(f"lines/{second}/text", "still mine"))["by"] == "user_edit"


async def test_hpp_155_a_part_of_the_persons_keeps_the_agent_from_a_row(pair: Open) -> None:
    peer = await pair(ROWS)
    whole, cell, within, free = await ids(peer, {}, {"text": "a"}, {"bags": [{"kg": 1}]}, {"text": "d"})
    await say(peer, remove=f"lines/{whole}")
    added = (await say(peer, add="lines"))["row"]
    await peer.edit(f"lines/{cell}/text", "mine")
    await say(peer, add=f"lines/{within}/bags")
    before = await peer.context()
    for row in (added, cell, within):
        reply = await do(peer, remove(f"lines/{row}"), move(f"lines/{row}", after=None))
        assert (codes(reply), len(reply["rejected"])) == (["user_locked", "user_locked"], 2)
    after = await peer.context()
    assert (after["context"], after["rows"]) == (before["context"], before["rows"])
    assert codes(await do(peer, remove(f"lines/{free}"))) == [None]
    for row in (added, cell, within):
        await say(peer, move=f"lines/{row}", after=None)
        await say(peer, remove=f"lines/{row}")
    assert await order(peer) == {}


async def test_hpp_156_a_list_is_set_whole_unless_it_is_the_same_or_the_persons(pair: Open) -> None:
    title, lines_field = ROWS["schema"]
    open_fields = [field for field in lines_field["fields"] if field["key"] != "iban"]
    peer = await pair(ROWS | {"schema": [title, lines_field | {"fields": open_fields}]})
    lines = [{"text": "Taxi", "bags": [{"kg": 1}]}, {"text": "Hotel", "amount": 80}]
    first = await do(peer, put("lines", lines))
    again = await do(peer, put("lines", [{"text": "Taxi", "amount": 1, "bags": [{"kg": 1}]}, lines[1]]))
    assert (codes(again), again["rows"]) == ([None], first["rows"])
    assert {key: record["rev"] for key, record in again["context"].items()} == {
        key: record["rev"] for key, record in first["context"].items()
    }
    other = await do(peer, put("lines", [{"text": "Train"}]))
    (row,) = other["rows"]["lines"]
    assert row not in first["rows"]["lines"]
    assert await cells(peer) == {f"lines/{row}/text": ("Train", "ai"), f"lines/{row}/amount": (1, "default")}
    await peer.edit(f"lines/{row}/home/street", "Main")
    locked = await do(peer, put("lines", []))
    assert (codes(locked), locked["rows"]) == (["user_locked"], other["rows"])
    await peer.edit("lines", [{"text": "Bus"}])
    assert [cell for key, cell in (await cells(peer)).items() if key.endswith("/text")] == [("Bus", "user")]
    secretive = await pair(ROWS | {"defaults": {"lines": [{"iban": "DE89"}]}})
    told = [(await do(secretive, put("lines", [{"iban": guess}])))["results"][0]["seq"] for guess in ("DE89", "DE88")]
    assert 0 not in told


async def test_hpp_157_what_is_in_a_row_that_is_gone_cannot_be_written(pair: Open) -> None:
    peer = await pair(ROWS)
    (gone, kept) = await ids(peer, {"bags": [{"kg": 1}]}, {"text": "b"})
    await do(peer, remove(f"lines/{gone}"))
    before = await peer.context()
    reply = await do(
        peer,
        put(f"lines/{gone}/text", "x"),
        put(f"lines/{gone}/bags", [{"kg": 2}]),
        add({"kg": 2}, f"lines/{gone}/bags"),
        remove(f"lines/{gone}"),
        move(f"lines/{gone}"),
        move(f"lines/{kept}", after=gone),
        add({}, after=gone),
    )
    assert (codes(reply), len(reply["errors"])) == (["unknown_row"] * 7, 7)
    bodies: list[dict[str, Any]] = [
        {"key": f"lines/{gone}/text", "value": "x"},
        {"add": f"lines/{gone}/bags"},
        {"remove": f"lines/{gone}"},
        {"move": f"lines/{gone}"},
    ]
    for body in bodies:
        refused = await peer.user("POST", "notify", body)
        assert (refused.status_code, refused.json()["code"]) == (400, "unknown_row")
    after = await peer.context()
    assert (after["context"], after["rows"]) == (before["context"], before["rows"])


async def test_hpp_158_the_context_has_the_rows_in_their_order(pair: Open) -> None:
    peer = await pair(ROWS)
    assert (await peer.context())["rows"] == {}
    first, second = await ids(peer, {}, {"bags": [{}, {}]})
    await do(peer, move(f"lines/{second}", after=None))
    for role in ("agent", "user"):
        rows = (await peer.context(role=role))["rows"]
        assert (rows["lines"], len(rows[f"lines/{second}/bags"]), len(rows)) == ([second, first], 2, 2)
    assert "rows" not in await (await pair()).context()


async def test_hpp_159_rows_are_given_at_creation_as_a_document_has_them(pair: Open) -> None:
    given = [{"text": "Taxi", "amount": "", "home": {"street": "Main"}, "bags": [{"kg": 3}]}, {"text": "Bus"}]
    for member, by in (("context", "user"), ("defaults", "default")):
        peer = await pair(ROWS | {member: {"lines": given}})
        rows = await order(peer)
        (first, second), (bag,) = rows["lines"], rows[f"lines/{rows['lines'][0]}/bags"]
        assert await cells(peer) == {
            f"lines/{first}/text": ("Taxi", by),
            f"lines/{first}/amount": ("", "empty" if by == "user" else "default"),
            f"lines/{first}/home/street": ("Main", by),
            f"lines/{first}/bags/{bag}/kg": (3, by),
            f"lines/{second}/text": ("Bus", by),
        }
        assert codes(await do(peer, remove(f"lines/{second}"))) == ["user_locked" if by == "user" else None]
    blank = await pair(ROWS | {"context": {"lines": [{}]}})
    assert codes(await do(blank, put("lines", []))) == ["user_locked"]


async def test_hpp_160_folding_the_log_gives_the_rows(pair: Open) -> None:
    peer = await pair(ROWS | {"context": {"lines": [{"text": "given"}]}})
    async with peer.watch() as page:
        snapshot = (await page.next("connected"))["snapshot"]
        first, second = await ids(peer, {"text": "a", "bags": [{"kg": 1}, {"kg": 2}]}, {"text": "b"})
        mine = (await say(peer, add="lines", value={"text": "mine"}, after=None))["row"]
        await do(peer, move(f"lines/{second}", after=None), remove(f"lines/{first}"), add({"amount": 5}, after=second))
        await say(peer, key=f"lines/{mine}", release=True)
        await do(peer, move(f"lines/{mine}", after=second))
        last = (await do(peer, put("title", "end")))["cursor"]
        frames = [await page.next()]
        while frames[-1].get("cursor") != last:
            frames.append(await page.next())
    context = await peer.context(role="user")
    assert fold_rows(snapshot["rows"], frames) == context["rows"]
    held = {key: (record["value"], record["by"], record["rev"]) for key, record in context["context"].items()}
    assert fold_values(snapshot["context"], frames) == held
    added: set[str] = set()
    for frame in frames:
        added |= {frame["key"]} if frame["type"] == "rowAdded" else set()
        row = re.match(r"lines/r\d+", frame["key"]) if frame["type"] in ("action", "edit") else None
        assert row is None or row[0] in added | {f"lines/{snapshot['rows']['lines'][0]}"}


async def test_hpp_161_a_frame_about_rows_is_acknowledged_to_its_socket_and_shown_to_all(pair: Open) -> None:
    peer = await pair(ROWS)
    async with peer.watch() as page, peer.watch() as phone, peer.watch(role="agent") as agent:
        for watcher in (page, phone, agent):
            await watcher.next("connected")
        await page.send({"type": "addRow", "key": "lines", "value": {"text": "Taxi"}, "ref": 1})
        own = await page.until("ack")
        ack = own[-1]
        row = ack["row"]
        assert {name: ack[name] for name in ("type", "key", "by", "ref")} == {
            "type": "ack",
            "key": "lines",
            "by": "user",
            "ref": 1,
        }
        await page.send({"type": "moveRow", "key": f"lines/{row}", "after": None, "ref": 2})
        await page.send({"type": "removeRow", "key": f"lines/{row}", "ref": 3})
        own += await page.until("rowRemoved")
        acks = [frame["ref"] for frame in own if frame["type"] == "ack"]
        if 3 not in acks:
            acks.append((await page.next("ack"))["ref"])
        assert acks == [1, 2, 3]
        for watcher in (page, phone, agent):
            shown = own if watcher is page else await watcher.until("rowRemoved")
            frames = [frame for frame in shown if frame["type"] != "ack"]
            assert [(frame["type"], frame["key"]) for frame in frames] == [
                ("rowAdded", f"lines/{row}"),
                ("edit", f"lines/{row}/text"),
                ("edit", f"lines/{row}/amount"),
                ("rowRemoved", f"lines/{row}"),
            ]
        await agent.send({"type": "addRow", "key": "lines", "ref": 4})
        error = await agent.next()
        assert (error["type"], error["code"], error["ref"]) == ("error", "user_required", 4)
    assert await order(peer) == {}


async def test_hpp_162_rows_are_changed_by_notify(pair: Open) -> None:
    peer = await pair(ROWS)
    first = await say(peer, add="lines", value={"text": "Taxi"})
    second = await say(peer, add="lines", after=None)
    moved = await say(peer, move=f"lines/{second['row']}")
    removed = await say(peer, remove=f"lines/{second['row']}")
    assert [(reply["ok"], reply["key"], reply["by"]) for reply in (first, second, moved)] == [
        (True, "lines", "user"),
        (True, "lines", "user"),
        (True, f"lines/{second['row']}", "user"),
    ]
    assert [reply["seq"] for reply in (first, second, moved, removed)] == [1, 4, 6, 7]
    assert (removed["key"], removed["cursor"]) == (moved["key"], (await peer.context())["cursor"])
    assert await order(peer) == {"lines": [first["row"]]}
    both = await peer.user("POST", "notify", {"add": "lines", "remove": f"lines/{first['row']}"})
    assert (both.status_code, both.json()["code"]) == (400, "invalid_request")


async def test_hpp_163_a_diff_tells_the_order_of_rows_if_it_may_have_changed(pair: Open) -> None:
    peer = await pair(ROWS)

    async def diff(since: str, wait: int = 0) -> dict[str, Any]:
        reply = await peer.agent("GET", "diff", params={"since": since, "wait": wait})
        members: dict[str, Any] = reply.json()
        return members

    begin = peer.created["cursor"]
    first, second = await ids(peer, {"text": "a"}, {})
    added = await diff(begin)
    assert (added["rows"], len(added["changes"])) == ({"lines": [first, second]}, 3)
    await peer.edit("title", "Trip")
    assert "rows" not in await diff(added["cursor"])
    poll = asyncio.create_task(diff((await peer.context())["cursor"], 25))
    await asyncio.sleep(0.2)  # nothing tells that it has begun to wait; too early, and the test is only weaker
    await say(peer, move=f"lines/{first}")
    moved = await asyncio.wait_for(poll, PATIENCE)
    assert (moved["rows"], moved["changes"]) == ({"lines": [second, first]}, [])
    assert "timedOut" not in moved


async def test_hpp_282_a_diff_tells_who_changed_rows(pair: Open) -> None:
    peer = await pair(ROWS)
    begin = peer.created["cursor"]
    (first,) = await ids(peer, {"text": "a"})
    own = (await peer.agent("GET", "diff", params={"since": begin})).json()
    await say(peer, remove=f"lines/{first}")
    both = (await peer.agent("GET", "diff", params={"since": begin})).json()
    theirs = (await peer.agent("GET", "diff", params={"since": own["cursor"]})).json()
    assert (own["rowsBy"], sorted(both["rowsBy"]), theirs["rowsBy"]) == (["ai"], ["ai", "user"], ["user"])


async def test_hpp_164_a_released_row_is_the_agents_to_change(pair: Open) -> None:
    peer = await pair(ROWS | {"context": {"lines": [{"text": "mine", "bags": [{"kg": 1}]}, {"text": "mine too"}]}})
    first, second = (await order(peer))["lines"]
    reply = await say(peer, key=f"lines/{first}", release=True)
    assert (reply["key"], reply["by"]) == (f"lines/{first}", "default")
    assert {by for key, (_, by) in (await cells(peer)).items() if f"/{first}/" in key} == {"default"}
    assert codes(await do(peer, remove(f"lines/{first}"), remove(f"lines/{second}"))) == [None, "user_locked"]
    await say(peer, key="lines", release=True)
    assert codes(await do(peer, put("lines", []))) == [None]


async def test_hpp_165_what_a_page_says_again_has_one_effect(pair: Open) -> None:
    peer = await pair(ROWS)
    body = {"add": "lines", "value": {"text": "Taxi"}, "idempotencyKey": "page-1"}
    first = await say(peer, **body)
    copies = await asyncio.gather(*(peer.user("POST", "notify", body) for _ in range(5)))
    assert {copy.json()["row"] for copy in copies} == {first["row"]}
    frame = {"type": "addRow", "key": "lines", "value": {"text": "Taxi"}, "idempotencyKey": "page-1"}
    async with peer.watch() as page:
        await page.send(frame | {"ref": 1})
        assert (await page.next("ack"))["row"] == first["row"]
        await page.send(frame | {"value": {"text": "Bus"}, "ref": 2})
        assert (await page.next("error"))["code"] == "idempotency_key_reused"
    other = await peer.user("POST", "notify", body | {"value": {}})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await order(peer) == {"lines": [first["row"]]}


async def test_hpp_166_a_sensitive_cell_is_hidden_in_every_row(pair: Open) -> None:
    secret = "DE89 3704 0044"
    peer = await pair(ROWS | {"context": {"lines": [{"iban": secret}]}})
    async with peer.watch(role="agent") as agent:
        snapshot = await agent.next("connected")
        await say(peer, add="lines", value={"iban": secret})
        (row,) = await ids(peer, {"text": "x"})
        await peer.edit(f"lines/{row}/iban", secret)
        reply = await do(peer, put(f"lines/{row}/iban", "x"))
        frames = await agent.until("done") + await agent.until("done")
    diff = (await peer.agent("GET", "diff")).json()
    context = await peer.context()
    hidden = [record for key, record in context["context"].items() if key.endswith("/iban")]
    assert [(record["value"], record["sensitive"], record["filled"]) for record in hidden] == [(None, True, True)] * 3
    assert secret not in str([snapshot, reply, frames, diff, context])
    assert str(await peer.context(role="user")).count(secret) == 3


async def test_hpp_167_an_addition_repeated_with_its_key_is_answered_with_the_same_row(pair: Open) -> None:
    peer = await pair(ROWS)
    body = {"actions": [add({"text": "Taxi"}), add({"text": "Bus"}, after=None)]}
    replies: list[httpx.Response] = await asyncio.gather(
        *(peer.agent("POST", "action", body, headers={"Idempotency-Key": "k1"}) for _ in range(5))
    )
    rows = {tuple(result["row"] for result in reply.json()["results"]) for reply in replies}
    ((first, second),) = rows
    assert await order(peer) == {"lines": [second, first]}


async def test_hpp_168_a_paced_frame_of_a_removed_row_is_left_out(pair: Open) -> None:
    peer = await pair(ROWS)
    async with peer.watch() as page:
        await page.next("connected")
        slow = {"actions": [add({"text": "a", "amount": 2}), put("title", "x")], "stream": True, "intervalMs": 600}
        row = (await peer.agent("POST", "action", slow)).json()["results"][0]["row"]
        await say(peer, remove=f"lines/{row}")
        frames = await page.until("rowRemoved")
    shown = [frame["key"] for frame in frames if frame["type"] == "action"]
    assert (shown, frames[0]["type"]) == (["title"], "rowAdded")


async def test_hpp_169_no_write_ends_in_another_row_than_it_named(local: Start) -> None:
    server = await local({"agent_requests": 10_000, "user_requests": 10_000})
    peer = await server.open({**ROWS, "schema": [ROWS["schema"][0], {**ROWS["schema"][1], "maxRows": 50}]})
    await ids(peer, *({"text": "start"} for _ in range(4)))

    async def agent(number: int) -> None:
        lines = (await peer.context())["rows"].get("lines", [])
        writes = [put(f"lines/{row}/text", f"lines/{row} by agent {number}") for row in lines]
        await do(peer, add({}, after=None), *writes, *(remove(f"lines/{row}") for row in lines[number % 3 : 2]))

    async def person(number: int) -> None:
        lines = (await peer.context(role="user"))["rows"].get("lines", [])
        bodies: Sequence[dict[str, Any]] = [
            {"add": "lines", "after": None},
            *({"key": f"lines/{row}/text", "value": f"lines/{row} by person {number}"} for row in lines[::2]),
            *({"move": f"lines/{row}", "after": None} for row in lines[-1:]),
            *({"remove": f"lines/{row}"} for row in lines[1:2]),
        ]
        replies = [await peer.user("POST", "notify", body) for body in bodies]
        assert {reply.status_code for reply in replies} <= {200, 400}

    await asyncio.gather(*(work(number) for number in range(6) for work in (agent, person)))
    context = await peer.context(role="user")
    texts = {key: str(record["value"]) for key, record in context["context"].items() if key.endswith("/text")}
    assert all(text == "start" or text.startswith(f"{key.removesuffix('/text')} by ") for key, text in texts.items())
    assert set(rows_of(texts)) <= set(context["rows"]["lines"])


def rows_of(keys: Iterable[str]) -> list[str]:
    return [key.split("/")[1] for key in keys]
