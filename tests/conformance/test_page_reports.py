"""What a page reports of its own form: problems, and changes of its schema. SPEC.md section 5."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.conformance.conftest import Open, Start
from tests.support.peer import Peer

FORM: dict[str, Any] = {
    "mode": "form-fill",
    "schema": [
        {"key": "name"},
        {"key": "city"},
        {"key": "lines", "type": "rows", "fields": [{"key": "amount", "type": "number"}]},
    ],
}
NO = [{"keys": ["name"], "msg": "no"}]


async def report(peer: Peer, **body: Any) -> tuple[int, Any]:
    """Report as the person; return the status and the code, or the members of the reply."""
    reply = await peer.user("POST", "notify", body)
    return reply.status_code, reply.json().get("code", reply.json())


async def test_hpp_197_problems_of_the_page_are_told(pair: Open) -> None:
    peer = await pair(FORM)
    async with peer.watch() as page, peer.watch(role="agent") as agent:
        await page.next("connected")
        await page.send({"type": "problem", "key": "name", "msg": "no", "ref": 1})
        told = {frame["type"]: frame for frame in (await page.next(), await page.next())}
        assert told["ack"]["ref"] == 1
        for frame in (told["problem"], await agent.next("problem")):
            assert (frame["key"], frame["msg"], frame["previous"]) == ("name", "no", None)
        acted = await peer.act({"city": "Bern"})
        done = await page.next("done")
        shown = [
            acted,
            done,
            await peer.context(),
            await peer.context(role="user"),
            (await report(peer, key="city"))[1],
        ]
        assert [members["problems"] for members in shown] == [NO] * 5
        await report(peer, problem={"key": "name", "msg": ""})
        frame = await agent.next("problem")
        assert (frame["msg"], frame["previous"]) == (None, "no")
    assert not (await peer.context()).get("problems")


async def test_hpp_198_only_the_page_reports_and_only_of_what_there_is(pair: Open) -> None:
    peer = await pair(FORM)
    async with peer.watch() as page, peer.watch(role="agent") as agent:
        await page.send({"type": "problem", "key": "age", "msg": "no"})
        assert (await page.next("error"))["code"] == "unknown_field"
        await agent.send({"type": "problem", "key": "name", "msg": "no"})
        assert (await agent.next("error"))["code"] == "user_required"
    body = {"problem": {"key": "name", "msg": "no"}}
    assert (await peer.agent("POST", "notify", body)).json()["code"] == "user_required"
    assert await report(peer, problem={"key": "age", "msg": "no"}) == (400, "unknown_field")
    free = await pair({"mode": "form-fill"})
    for number in range(100):
        assert (await report(free, problem={"key": f"k{number}", "msg": "no"}))[0] == 200
    assert await report(free, problem={"key": "k100", "msg": "no"}) == (413, "too_many_problems")


async def test_hpp_199_a_page_changes_its_schema(pair: Open) -> None:
    peer = await pair(FORM | {"context": {"city": "Bern"}})
    entries = [{"key": "name", "required": True}, {"key": "age", "type": "integer"}]
    async with peer.watch() as page, peer.watch(role="agent") as agent:
        await page.next("connected")
        await page.send({"type": "schema", "set": entries, "remove": ["city"], "ref": 1})
        for watcher in (page, agent):
            frame = await watcher.next("schema")
            assert (frame["set"], frame["remove"], frame["gone"]) == (entries, ["city"], ["city"])
    context = await peer.context()
    assert [field["key"] for field in context["schema"]] == ["name", "lines", "age"]
    assert context["missing"] == ["name"]
    acted = await peer.act({"age": "x", "city": "Basel"})
    assert [result["code"] for result in acted["results"]] == ["invalid_value", "unknown_field"]
    assert await report(peer, key="city", value="Basel") == (400, "unknown_field")


async def test_hpp_200_a_schema_that_cannot_be_honoured_changes_nothing(pair: Open) -> None:
    peer = await pair(FORM)
    before = await peer.context()
    bad = {"key": "age", "type": "integer", "min": "low"}
    changes: list[dict[str, Any]] = [
        {"set": [{"key": "ok"}, bad]},
        {"set": [{}]},
        {"remove": ["name", "city", "lines"]},
    ]
    for change in changes:
        reply = await peer.user("POST", "notify", {"schema": change})
        assert (reply.status_code, reply.json()["code"]) == (400, "invalid_schema")
        if bad in change.get("set", []):
            assert "set[1]" in reply.json()["detail"]
    after = await peer.context()
    assert (after["schema"], after["cursor"]) == (before["schema"], before["cursor"])


async def test_hpp_201_a_value_comes_back_with_its_field(pair: Open) -> None:
    peer = await pair(FORM | {"context": {"name": "Ada", "lines": [{"amount": 1}, {"amount": 2}]}})
    await peer.act({"city": "Bern"})
    before = await peer.context()
    async with peer.watch() as page:
        snapshot = (await page.next("connected"))["snapshot"]
        await report(peer, schema={"set": [{"key": "age"}], "remove": ["name", "city", "lines"]})
        gone = await peer.context()
        await report(peer, schema={"set": FORM["schema"]})
        back = await peer.context()
        frames = [await page.next() for _ in range(8)]
    assert (gone["context"], gone.get("rows", {})) == ({}, {})
    assert authors(back) == authors(before)
    assert back["rows"] == before["rows"]
    view, rows = authors(snapshot), dict(snapshot["rows"])
    for frame in frames:
        if frame["type"] == "schema":
            view = {key: held for key, held in view.items() if key not in frame["gone"]}
            rows = {key: ids for key, ids in rows.items() if key not in frame["gone"]}
        elif frame["type"] == "rowAdded":
            rows[frame["list"]] = [*rows.get(frame["list"], []), frame["row"]]
        else:
            view[frame["key"]] = (frame["value"], frame["by"])
    assert (view, rows) == (authors(back), back["rows"])


def authors(context: dict[str, Any]) -> dict[str, tuple[Any, str]]:
    """Return the values of a context and whose they are."""
    return {key: (record["value"], record["by"]) for key, record in context["context"].items()}


async def test_hpp_267_what_an_agent_said_of_a_value_comes_back_with_its_field(pair: Open) -> None:
    peer = await pair(FORM)
    said = {"source": "passport", "confidence": 0.5, "reason": "In full"}
    await peer.agent("POST", "action", {"actions": [{"type": "set", "key": "city", "value": "Bern"} | said]})
    async with peer.watch() as page:
        await page.next("connected")
        await report(peer, schema={"remove": ["city"]})
        await report(peer, schema={"set": [one for one in FORM["schema"] if one["key"] == "city"]})
        frame = await page.next("edit")
    for told in (frame, (await peer.context())["context"]["city"]):
        assert {name: told.get(name) for name in said} == said


async def test_hpp_202_no_page_changes_the_schema_of_a_form_by_name(local: Start) -> None:
    peer = await (await local(forms={"claim": {"model": FORM["schema"]}})).open({"form": "claim"})
    assert await report(peer, schema={"remove": ["name"]}) == (400, "schema_fixed")
    async with peer.watch() as page:
        await page.send({"type": "schema", "remove": ["name"]})
        assert (await page.next("error"))["code"] == "schema_fixed"
    assert [field["key"] for field in (await peer.context())["schema"]] == ["name", "city", "lines"]


async def test_hpp_203_a_page_changes_its_schema_only_so_often(pair: Open) -> None:
    peer = await pair(FORM)
    codes = [await report(peer, schema={"set": [{"key": "age", "label": str(turn)}]}) for turn in range(21)]
    assert [status for status, _ in codes] == [200] * 20 + [429]
    assert codes[-1] == (429, "rate_limited")


async def test_hpp_207_a_diff_tells_of_problems_and_sends_for_a_new_schema(pair: Open) -> None:
    peer = await pair(FORM)
    cursor = (await peer.context())["cursor"]
    url = f"{peer.base_url}{peer.created['diffUrl']}?since={cursor}&wait=20"
    waiting = asyncio.create_task(peer.http.get(url, headers=peer.as_agent))
    await asyncio.sleep(0.1)
    await report(peer, problem={"key": "name", "msg": "no"})
    told = (await waiting).json()
    assert (told["problems"], told["changes"], told["truncated"]) == (NO, [], False)
    await report(peer, schema={"set": [{"key": "age"}]})
    url = f"{peer.base_url}{peer.created['diffUrl']}?since={told['cursor']}"
    assert (await peer.http.get(url, headers=peer.as_agent)).json()["truncated"] is True
