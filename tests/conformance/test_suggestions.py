"""SPEC.md sections 4 and 5: suggestions, what an agent says of a value, and the person's revert."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.conftest import FORM, Open
from tests.conformance.test_requests import answered, decide, requests
from tests.support.folding import fold_rows, fold_values
from tests.support.peer import Peer

ROWS = {"key": "lines", "type": "rows", "fields": [{"key": "amount", "type": "integer"}]}
SECRET_AMOUNT = {"key": "amount", "type": "integer", "sensitive": True}


async def suggest(peer: Peer, key: str, value: Any, *, name: str = "", **members: Any) -> dict[str, Any]:
    """Suggest a value; return the action's result, with the request as the person is shown it."""
    action = {"type": "suggest", "key": key, "value": value} | members
    headers = {"X-Agent-Name": name} if name else {}
    reply = await peer.agent("POST", "action", {"actions": [action]}, headers=headers)
    assert reply.status_code == 200, reply.text
    result: dict[str, Any] = reply.json()["results"][0]
    if result["status"] == "suggested":
        found = {one["id"]: one for one in await requests(peer, "user")}
        assert reply.json()["suggested"] == [key]
        return result | found[result["request"]]
    return result


async def test_hpp_236_a_suggestion_opens_a_request_and_writes_nothing(pair: Open) -> None:
    peer = await pair()
    rev = (await peer.edit("city", "Ulm"))["seq"]
    async with peer.watch() as page:
        await page.next("connected")
        made = await suggest(peer, "city", "Bonn", reason="The address says so", source="letter.pdf")
        frame = await page.next("asked")
    expected = {"kind": "suggest", "key": "city", "value": "Bonn", "rev": rev, "status": "open", "source": "letter.pdf"}
    for told in (made, frame):
        assert {name: told.get(name) for name in expected} == expected
    assert (await peer.context())["context"]["city"]["value"] == "Ulm"


async def test_hpp_262_an_option_is_suggested_by_its_value_whatever_it_is_called(pair: Open) -> None:
    options = [{"value": "b", "label": "Basic"}, {"value": "p", "label": "Pro"}]
    fields = [
        {"key": "plan", "type": "enum", "options": options},
        {"key": "plans", "type": "enum", "multiple": True, "options": options},
    ]
    peer = await pair({"mode": "form-fill", "schema": fields, "context": {"plan": "b"}})
    made = [await suggest(peer, "plan", "pro"), await suggest(peer, "plans", ["Pro", "basic"])]
    assert [one["value"] for one in made] == ["p", ["p", "b"]]
    for one in made:
        await answered(peer, one)
    context = (await peer.context())["context"]
    assert [context[key]["value"] for key in ("plan", "plans")] == ["p", ["p", "b"]]


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("age", "old", "invalid_value"),
        ("nobody", 1, "unknown_field"),
        ("number", "1", "read_only"),
        ("lines", [{"amount": 1}], "unsupported_action"),
    ],
)
async def test_hpp_237_what_a_field_could_not_take_is_not_suggested(
    pair: Open, key: str, value: Any, code: str
) -> None:
    peer = await pair(FORM | {"schema": [*FORM["schema"], ROWS]})
    if key == "age":
        await peer.edit("age", 3)
    made = await suggest(peer, key, value)
    assert (made["status"], made["code"]) == ("error", code)
    assert await requests(peer, "user") == []


async def test_hpp_238_an_acceptance_writes_as_the_person_and_the_log_names_the_source(pair: Open) -> None:
    peer = await pair()
    await peer.edit("city", "Ulm")
    made = await suggest(peer, "city", "Bonn", source="letter.pdf")
    async with peer.watch() as page:
        await page.next("connected")
        await answered(peer, made)
        edit = await page.next("edit")
    assert (edit["value"], edit["by"], edit["source"], edit["request"]) == ("Bonn", "user", "letter.pdf", made["id"])
    other = await suggest(peer, "city", "Köln")
    await answered(peer, other, city="Trier")
    assert (await peer.context())["context"]["city"]["value"] == "Trier"
    assert (await peer.act({"city": "Jena"}))["rejected"] == ["city"]


async def test_hpp_239_a_suggestion_ends_at_the_first_edit_of_its_field_whatever_is_typed(pair: Open) -> None:
    peer = await pair(FORM | {"schema": [*FORM["schema"], ROWS]})
    await peer.edit("city", "Ulm")
    row = (await peer.user("POST", "notify", {"add": "lines"})).json()["row"]
    made = [await suggest(peer, "city", "Bonn"), await suggest(peer, f"lines/{row}/amount", 3)]
    async with peer.watch() as page:
        await page.next("connected")
        await peer.edit("city", "Ulm")
        await peer.user("POST", "notify", {"remove": f"lines/{row}"})
        ends = [await page.next("withdrawn") for _ in made]
    assert [(end["id"], end["status"]) for end in ends] == [(one["id"], "superseded") for one in made]
    assert (await decide(peer, made[0])).json()["code"] == "request_ended"
    assert (await peer.context())["context"]["city"]["value"] == "Ulm"


async def test_hpp_240_an_agent_has_one_open_suggestion_for_a_field(pair: Open) -> None:
    peer = await pair()
    first, other = await suggest(peer, "city", "A", name="one"), await suggest(peer, "city", "B", name="two")
    second = await suggest(peer, "city", "C", name="one")
    assert {one["id"] for one in await requests(peer, "user")} == {other["id"], second["id"]}
    await answered(peer, second)
    assert await requests(peer, "user") == []
    assert {one["id"]: one["status"] for one in await requests(peer)} == {
        first["id"]: "superseded",
        other["id"]: "superseded",
        second["id"]: "answered",
    }


async def test_hpp_241_what_an_agent_says_of_a_value_is_shown_with_it_until_it_is_written_again(pair: Open) -> None:
    peer = await pair()
    said = {"source": "letter.pdf", "confidence": 0.7, "reason": "It is the last line"}
    async with peer.watch() as page:
        await page.next("connected")
        body = {"actions": [{"type": "set", "key": "city", "value": "Ulm"} | said], "stream": False}
        assert (await peer.agent("POST", "action", body)).json()["applied"] == ["city"]
        frame = await page.next("action")
    record = (await peer.context(role="user"))["context"]["city"]
    change = (await peer.user("GET", "diff")).json()["changes"][0]
    for told in (frame, record, change):
        assert {name: told.get(name) for name in said} == said
    await peer.act({"city": "Ulm"})
    assert not said.keys() & (await peer.context(role="user"))["context"]["city"].keys()
    for wrong in ({"confidence": 2}, {"source": "a\u0000b"}, {"reason": 3}):
        body = {"actions": [{"type": "set", "key": "city", "value": "Bonn"} | wrong]}
        assert (await peer.agent("POST", "action", body)).status_code == 400


@pytest.mark.parametrize(
    "change",
    [
        {"set": [{"key": "note"}], "remove": ["city", "lines"]},
        {"set": [{"key": "city", "readOnly": True}, {"key": "lines", "type": "rows", "fields": [{"key": "text"}]}]},
        {"set": [{"key": "city", "sensitive": True}, {"key": "lines", "type": "rows", "fields": [SECRET_AMOUNT]}]},
    ],
    ids=["gone", "closed to the person", "kept from agents"],
)
async def test_hpp_260_a_change_of_the_schema_ends_requests_about_fields_that_it_takes(
    pair: Open, change: dict[str, Any]
) -> None:
    schema = [{"key": "name"}, {"key": "city"}, ROWS]
    peer = await pair({"mode": "form-fill", "schema": schema, "context": {"lines": [{}]}})
    cell = f"lines/{(await peer.context())['rows']['lines'][0]}/amount"
    left = await suggest(peer, "name", "Ada")
    lost = [await suggest(peer, "city", "Bonn"), await suggest(peer, cell, 3)]
    asked = await peer.agent("POST", "ask", {"text": "Where?", "key": "city"})
    lost.append(asked.json())
    async with peer.watch() as page:
        await page.next("connected")
        assert (await peer.user("POST", "notify", {"schema": change})).status_code == 200
        frames = [await page.next("withdrawn") for _ in lost]
    assert {(frame["id"], frame["status"]) for frame in frames} == {(one["id"], "superseded") for one in lost}
    assert [one["id"] for one in await requests(peer, "user")] == [left["id"]]
    assert (await decide(peer, lost[0])).json()["code"] == "request_ended"


SIZES = ["S", "M", {"value": "XL", "label": "Extra large"}]
TAKEN: dict[str, tuple[dict[str, Any], Any, dict[str, Any], bool]] = {
    "another type": ({}, "12a", {"type": "integer"}, False),
    "a wider type": ({"type": "integer"}, 12, {"type": "number"}, True),
    "a list": ({}, "a", {"multiple": True}, False),
    "an option that is gone": (
        {"type": "enum", "options": SIZES},
        "XL",
        {"type": "enum", "options": ["S", "M"]},
        False,
    ),
    "one that is disabled": (
        {"type": "enum", "options": SIZES},
        "S",
        {"type": "enum", "options": [{"value": "S", "disabled": True}, "M"]},
        False,
    ),
    "one that is not there now": (
        {"type": "enum", "options": SIZES},
        "S",
        {"type": "enum", "options": [{"value": "S", "when": {"filled": "name"}}, "M"]},
        False,
    ),
    "other options beside it": ({"type": "enum", "options": SIZES}, "XL", {"type": "enum", "options": ["XL"]}, True),
    "another label": (
        {"type": "enum", "options": SIZES},
        "XL",
        {"type": "enum", "options": [{"value": "XL", "label": "Huge"}]},
        True,
    ),
    "a bound": ({"type": "integer"}, 12, {"type": "integer", "max": 10}, False),
    "a pattern": ({}, "abc", {"pattern": "[0-9]+"}, False),
    "required and cleared": ({}, None, {"required": True}, False),
    "the person's alone": ({}, "abc", {"by": "person"}, False),
    "a label of the field": ({}, "abc", {"label": "Size"}, True),
    "hidden for now": ({}, "abc", {"showIf": {"filled": "name"}}, True),
}


@pytest.mark.parametrize(("members", "value", "changed", "stays"), TAKEN.values(), ids=TAKEN)
async def test_hpp_266_a_suggestion_ends_where_its_field_takes_it_no_more(
    pair: Open, members: dict[str, Any], value: Any, changed: dict[str, Any], *, stays: bool
) -> None:
    peer = await pair({"mode": "form-fill", "schema": [{"key": "name"}, {"key": "size"} | members]})
    suggested = await suggest(peer, "size", value)
    await suggest(peer, "name", "Ada")
    async with peer.watch() as page:
        await page.next("connected")
        change = {"schema": {"set": [{"key": "size"} | changed]}}
        assert (await peer.user("POST", "notify", change)).status_code == 200
        if not stays:
            frame = await page.next("withdrawn")
            assert (frame["id"], frame["status"]) == (suggested["id"], "superseded")
    assert [one["key"] for one in await requests(peer, "user")] == (["size", "name"] if stays else ["name"])
    assert (await decide(peer, suggested)).status_code == (200 if stays else 409)


async def test_hpp_242_a_suggestion_for_a_secret_is_shown_to_the_person_alone_and_tells_nothing(pair: Open) -> None:
    peer = await pair()
    await peer.edit("iban", "DE02")
    same, other = await suggest(peer, "iban", "DE02", name="one"), await suggest(peer, "iban", "DE03", name="two")
    members = ("status", "code", "msg", "current")
    assert [same.get(name) for name in members] == [other.get(name) for name in members]
    assert [one["value"] for one in await requests(peer, "user")] == ["DE02", "DE03"]
    assert [(one["value"], one["sensitive"]) for one in await requests(peer)] == [(None, True)] * 2
    async with (
        peer.watch(after=peer.created["cursor"]) as page,
        peer.watch(role="agent", after=peer.created["cursor"]) as agent,
    ):
        assert [(await page.next("asked"))["value"], (await agent.next("asked"))["value"]] == ["DE02", None]


async def test_hpp_243_a_revert_puts_back_what_stood_there_before_the_agent_wrote(pair: Open) -> None:
    peer = await pair(FORM | {"defaults": {"city": "Ulm"}})
    for city in ("Bonn", "Jena"):
        await peer.act({"city": city, "name": "A", "age": 3})
    await peer.edit("age", 4)
    async with peer.watch() as page:
        await page.next("connected")
        reply = (await peer.user("POST", "revert", {"key": "city"})).json()
        frame = await page.next("edit")
    assert (reply["ok"], reply["reverted"], reply["cursor"]) == (True, ["city"], frame["cursor"])
    assert (frame["key"], frame["value"], frame["by"]) == ("city", "Ulm", "default")
    assert (await peer.user("POST", "revert", {"all": True})).json()["reverted"] == ["name"]
    context = (await peer.context())["context"]
    assert [(context[key]["value"], context[key]["by"]) for key in ("city", "name", "age")] == [
        ("Ulm", "default"),
        (None, "empty"),
        (4, "user_edit"),
    ]
    assert (await peer.user("POST", "revert", {})).json()["code"] == "missing_key"


async def test_hpp_244_a_revert_removes_the_rows_that_the_agent_added_but_those_of_the_persons(pair: Open) -> None:
    peer = await pair(FORM | {"schema": [ROWS]})
    actions = [{"type": "add", "key": "lines", "value": {"amount": number}} for number in (1, 2)]
    mine, theirs = [one["row"] for one in (await peer.agent("POST", "action", {"actions": actions})).json()["results"]]
    await peer.edit(f"lines/{mine}/amount", 5)
    reply = (await peer.user("POST", "revert", {"keys": ["lines"]})).json()
    assert reply["reverted"] == [f"lines/{theirs}"]
    context = await peer.context()
    assert (context["rows"], context["context"][f"lines/{mine}/amount"]["value"]) == ({"lines": [mine]}, 5)


async def test_hpp_256_a_revert_brings_back_rows_that_the_agent_removed_and_puts_back_those_it_moved(
    pair: Open,
) -> None:
    lines = [{"amount": number} for number in (1, 2, 3)]
    peer = await pair(FORM | {"schema": [ROWS], "defaults": {"lines": lines}})
    before = await peer.context()
    first, second, third = before["rows"]["lines"]
    actions = [{"type": "set", "key": f"lines/{first}/amount", "value": 9}]
    actions += [{"type": "remove", "key": f"lines/{first}"}, {"type": "move", "key": f"lines/{third}", "after": None}]
    assert (await peer.agent("POST", "action", {"actions": actions})).json()["rejected"] == []
    mine = (await peer.user("POST", "notify", {"add": "lines"})).json()["row"]
    async with peer.watch() as page:
        snapshot = (await page.next("connected"))["snapshot"]
        reply = (await peer.user("POST", "revert", {"all": True})).json()
        assert reply["reverted"] == [f"lines/{first}", f"lines/{third}"]
        frames = [await page.next("rowAdded"), await page.next("edit"), await page.next("rowMoved")]
    context = await peer.context()
    assert context["rows"] == {"lines": [first, second, third, mine]} == fold_rows(snapshot["rows"], frames)
    cell = f"lines/{first}/amount"
    assert [context["context"][cell][name] for name in ("value", "by")] == [1, "default"]
    assert fold_values(snapshot["context"], frames)[cell] == (1, "default", context["context"][cell]["rev"])


async def test_hpp_245_no_agent_reverts_and_a_page_may_over_its_socket(pair: Open) -> None:
    peer = await pair()
    await peer.act({"city": "Bonn"})
    assert (await peer.agent("POST", "revert", {"all": True})).json()["code"] == "user_required"
    async with peer.watch(role="agent") as agent, peer.watch() as page:
        await agent.next("connected"), await page.next("connected")
        await agent.send({"type": "revert", "all": True})
        assert (await agent.next("error"))["code"] == "user_required"
        await page.send({"type": "revert", "key": "city", "ref": 1})
        edit = await page.next("edit")
        assert (edit["key"], edit["value"]) == ("city", None)
    assert (await peer.context())["context"]["city"]["by"] == "empty"
