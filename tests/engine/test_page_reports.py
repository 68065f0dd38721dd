"""Reports of a page: its own problems, and changes of its schema."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from handshake_prompt import Limits, Role
from tests.support.pairing import Pair, code_of, open_pair, refusal, virtual_engine
from tests.support.virtual_time import in_virtual_time

FORM: dict[str, Any] = {"mode": "form-fill", "schema": [{"key": "name"}, {"key": "city"}]}
NO = [{"keys": ["name"], "msg": "no"}]


async def page_of(body: dict[str, Any] | None = None, **limits: Any) -> Pair:
    return await open_pair(virtual_engine(Limits().replace(**limits)), body or FORM)


async def notify(pair: Pair, **body: Any) -> dict[str, Any]:
    return (await pair.engine.post_notify(pair.session_id, body, pair.user)).payload


@in_virtual_time
async def test_a_problem_of_the_page_is_told_everywhere() -> None:
    pair = await page_of()
    async with pair.watch() as page, pair.watch(Role.AGENT) as agent:
        replied = await notify(pair, problem={"key": "name", "msg": "no"})
        acted = (await pair.act({"city": "Bern"})).payload
        told = [await pair.context(), await pair.context(Role.AGENT), replied, acted]
        assert [members["problems"] for members in told] == [NO] * 4
        (done,) = await page.shown("done")
        assert done["problems"] == NO
        (frame,) = await agent.shown("problem")
        assert (frame["key"], frame["msg"], frame["previous"], frame["seq"]) == ("name", "no", None, 1)
        await notify(pair, problem={"key": "name", "msg": None})
        assert "problems" not in await pair.context()
        assert [frame["msg"] for frame in await page.shown("problem")] == ["no", None]


@in_virtual_time
async def test_a_frame_is_answered_with_its_ref_and_told_to_all() -> None:
    pair = await page_of()
    async with pair.watch() as page:
        await page.send(type="problem", key="", msg="too much", ref="a")
        (ack,) = await page.shown("ack")
        (frame,) = await page.shown("problem")
        assert (ack["key"], ack["ref"], ack["seq"], frame["msg"]) == ("", "a", 1, "too much")


@in_virtual_time
async def test_a_resumed_page_is_told_of_problems_and_schemas_again() -> None:
    pair = await page_of()
    async with pair.watch() as page:
        (connected,) = await page.shown("connected")
    await notify(pair, problem={"key": "name", "msg": "no"})
    await notify(pair, schema={"set": [{"key": "age"}], "remove": ["city"]})
    async with pair.watch(after=connected["cursor"]) as page:
        frames = await page.shown()
    assert [frame["type"] for frame in frames] == ["connected", "problem", "schema"]
    assert (frames[2]["set"], frames[2]["remove"], frames[2]["gone"]) == ([{"key": "age"}], ["city"], [])


@pytest.mark.parametrize(
    "message", [{"type": "problem", "key": "name", "msg": "no"}, {"type": "schema", "remove": ["name"]}]
)
@in_virtual_time
async def test_an_agent_reports_nothing(message: dict[str, Any]) -> None:
    pair = await page_of()
    async with pair.watch(Role.AGENT) as agent:
        await agent.send(**message, ref="a")
        (error,) = await agent.shown("error")
    assert (error["code"], error["ref"]) == ("user_required", "a")
    body = {message["type"]: {name: value for name, value in message.items() if name != "type"}}
    assert await code_of(pair.engine.post_notify(pair.session_id, body, pair.agent)) == (403, "user_required")
    assert (await pair.log()) == []


BAD = {"key": "a", "type": "int", "min": "low"}
LARGE = [{"key": f"k{number}", "desc": "x" * 9000} for number in range(8)]
DEEP: Any = 1
for _ in range(20):
    DEEP = [DEEP]
REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "a problem of no field": ({"problem": {"key": "age", "msg": "no"}}, 400, "unknown_field"),
    "a problem without a key": ({"problem": {"msg": "no"}}, 400, "invalid_request"),
    "a problem that is no text": ({"problem": {"key": "name", "msg": 3}}, 400, "invalid_request"),
    "a problem with half an emoji": ({"problem": {"key": "name", "msg": "\ud83d"}}, 400, "invalid_value"),
    "a problem of a reserved key": ({"problem": {"key": "__proto__", "msg": "no"}}, 400, "invalid_key"),
    "a problem and an edit": ({"key": "name", "value": 1, "problem": {"key": "name"}}, 400, "invalid_request"),
    "a schema that cannot be honoured": ({"schema": {"set": [BAD]}}, 400, "invalid_schema"),
    "a schema of another shape": ({"schema": {"set": BAD}}, 400, "invalid_request"),
    "an entry that is no JSON": ({"schema": {"set": [{"key": "a", "desc": float("nan")}]}}, 400, "invalid_value"),
    "a key that is none": ({"schema": {"remove": [""]}}, 400, "invalid_key"),
    "much at once": ({"schema": {"set": LARGE}}, 413, "value_too_large"),
    "many at once": ({"schema": {"remove": [f"k{n}" for n in range(501)]}}, 413, "too_many_fields"),
    "something deep": ({"schema": {"set": [{"key": "a", "desc": DEEP}]}}, 400, "invalid_value"),
}


@pytest.mark.parametrize(("body", "status", "code"), REFUSED.values(), ids=REFUSED)
@in_virtual_time
async def test_i8_a_report_that_cannot_be_honoured_changes_nothing(
    body: dict[str, Any], status: int, code: str
) -> None:
    pair = await page_of()
    before = (await pair.record()).session
    assert await code_of(notify(pair, **body)) == (status, code)
    assert (await pair.record()).session == before


@in_virtual_time
async def test_a_page_changes_its_schema_only_so_often() -> None:
    pair = await page_of(schema_changes=2)
    for city in ("Bern", "Basel"):
        await notify(pair, schema={"set": [{"key": "city", "type": "enum", "options": [city]}]})
    error = await refusal(notify(pair, schema={"remove": ["city"]}))
    assert (error.status, error.code, error.retry_after) == (429, "rate_limited", 60)
    await notify(pair, problem={"key": "city", "msg": "no"})


@in_virtual_time
async def test_the_schema_of_a_form_by_name_stays_as_it_is_and_its_page_still_reports_problems() -> None:
    engine = virtual_engine()
    engine.form("claim", [{"key": "name"}])
    pair = await open_pair(engine, {"form": "claim"})
    assert await code_of(notify(pair, schema={"remove": ["name"]})) == (400, "schema_fixed")
    async with pair.watch() as page:
        await page.send(type="schema", remove=["name"], ref="a")
        (error,) = await page.shown("error")
        assert (error["code"], error["ref"]) == ("schema_fixed", "a")
    assert (await notify(pair, problem={"key": "name", "msg": "no"}))["problems"] == NO


@in_virtual_time
async def test_a_diff_tells_of_problems_and_sends_for_a_new_schema() -> None:
    pair = await page_of()
    cursor = (await pair.context())["cursor"]
    await notify(pair, problem={"key": "name", "msg": "no"})
    diff = await pair.diff(since=cursor)
    assert (diff["problems"], diff["changes"], diff["truncated"]) == (NO, [], False)
    await notify(pair, schema={"set": [{"key": "age"}]})
    assert (await pair.diff(since=diff["cursor"]))["truncated"] is True


@in_virtual_time
async def test_a_poll_is_answered_by_a_problem() -> None:
    pair = await page_of()
    cursor = (await pair.context())["cursor"]
    waiting = asyncio.create_task(pair.diff(since=cursor, wait=20))
    await asyncio.sleep(1)
    await notify(pair, problem={"key": "name", "msg": "no"})
    assert (await waiting)["problems"] == NO


@in_virtual_time
async def test_what_a_page_brings_back_it_is_told_itself() -> None:
    pair = await page_of({**FORM, "context": {"name": "Ada"}})
    async with pair.watch() as page:
        await page.send(type="schema", remove=["name"])
        assert "name" not in (await pair.context())["context"]
        await page.send(type="schema", set=[{"key": "name"}])
        (back,) = await page.shown("edit")
        assert (back["key"], back["value"], back["by"]) == ("name", "Ada", "user")
    assert await pair.values() == {"name": ("Ada", "user")}
