"""Batches: judged by the hooks, played by the mode, closed with `done`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from handshake_prompt import ProtocolEngine, Reject, Role
from handshake_prompt.modes import DEFAULT_HANDLERS, ModeHandler
from handshake_prompt.protocol.bodies import Action
from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.session import Session
from tests.conftest import FORM, ROWS_FORM
from tests.support.pairing import REST, code_of, open_pair, virtual_engine, workers
from tests.support.virtual_time import in_virtual_time

GOOD = {"type": "set", "key": "name", "value": "Ada"}


BAD_ACTIONS: dict[str, tuple[Any, int, str]] = {
    "no actions": ({}, 400, "invalid_request"),
    "an action that is a text": ({"actions": [GOOD, "set"]}, 400, "invalid_request"),
    "a key that is a list": ({"actions": [GOOD, {"key": ["a"]}]}, 400, "invalid_request"),
    "an empty key": ({"actions": [GOOD, {"key": ""}]}, 400, "invalid_key"),
    "a lone surrogate": ({"actions": [GOOD, {"key": "a", "value": ["\ud800"]}]}, 400, "invalid_value"),
    "an infinite number": ({"actions": [GOOD, {"key": "a", "value": float("inf")}]}, 400, "invalid_value"),
    "a type with a control character": ({"actions": [GOOD, {"type": "\x00"}]}, 400, "invalid_key"),
    "a large value": ({"actions": [GOOD, {"key": "a", "value": "x" * 40_000}]}, 413, "value_too_large"),
    "many actions": ({"actions": [GOOD] * 201}, 413, "too_many_actions"),
}


@pytest.mark.parametrize(("body", "status", "code"), BAD_ACTIONS.values(), ids=BAD_ACTIONS)
@in_virtual_time
async def test_i8_a_malformed_batch_writes_nothing_at_all(body: Any, status: int, code: str) -> None:
    pair = await open_pair(virtual_engine(), FORM)
    before = await pair.record()
    assert await code_of(pair.engine.post_action(pair.session_id, body, pair.agent)) == (status, code)
    assert await pair.record() == before


@in_virtual_time
async def test_a_veto_stands_in_its_actions_place_and_is_not_shown_to_the_mode() -> None:
    engine = virtual_engine()

    @engine.on_action
    async def protect(_: object, action: Any, __: object) -> bool:
        if action.key == "iban":
            raise Reject("ask first")
        return bool(action.key != "age")

    pair = await open_pair(engine)
    payload, _ = await pair.act({"name": 1, "iban": 2, "age": 3, "email": 4})
    told = [(result["key"], result["status"], result.get("code"), result.get("msg")) for result in payload["results"]]
    assert told == [
        ("name", "applied", None, None),
        ("iban", "rejected", "vetoed", "ask first"),
        ("age", "rejected", "vetoed", "The server's policy does not allow this"),
        ("email", "applied", None, None),
    ]
    assert sorted(await pair.values()) == ["email", "name"]


@in_virtual_time
async def test_done_hooks_hear_of_a_batch_after_its_reply_and_hold_up_nothing() -> None:
    engine = virtual_engine()
    told, gate = asyncio.Event(), asyncio.Event()

    @engine.on_done
    async def audit(session: Any, applied: list[str], *_: object) -> None:
        assert (session.value("name"), applied) == ("Ada", ["name"])
        told.set()
        await gate.wait()
        raise RuntimeError("nobody minds")

    pair = await open_pair(engine)
    payload, _ = await pair.act({"name": "Ada"})
    assert payload["applied"] == ["name"]
    await told.wait()
    assert engine.statistics.running == 1
    gate.set()
    await engine.drain()
    assert engine.statistics == REST


class Forgetful(ModeHandler):
    """Answers fewer actions than it was asked."""

    def context_response(self, session: Session, role: Role) -> dict[str, Any]:
        return {}

    def process_actions(self, session: Session, actions: Sequence[Action]) -> list[Outcome]:
        return super().process_actions(session, actions[1:])


async def test_a_mode_that_leaves_an_action_unanswered_is_a_fault_and_writes_nothing() -> None:
    engine = ProtocolEngine(mode_handlers={**DEFAULT_HANDLERS, "forgetful": Forgetful()})
    created, _ = await engine.create_session({"mode": "forgetful"})
    actions = [{"key": "a", "value": 1}, {"key": "b", "value": 2}]
    with pytest.raises(RuntimeError, match="'forgetful' answered 2 actions with 1 outcomes"):
        await engine.post_action(created["sessionId"], {"actions": actions}, created["token"])
    context, _ = await engine.get_context(created["sessionId"], created["token"])
    assert context["context"] == {}


@in_virtual_time
async def test_i7_a_batch_that_adds_a_row_is_answered_with_the_same_row_however_often_it_is_sent() -> None:
    here, there = await workers(2, ROWS_FORM)
    async with here.watch() as page:
        await here.notify(add="lines")
        action = {"type": "add", "key": "lines", "value": {"text": "Taxi"}, "after": None}
        first, again = await here.do(action, key="k"), await there.do(action, key="k")
        copies = await asyncio.gather(*(pair.do(action, key="k2") for pair in (here, there) * 5))
        await asyncio.sleep(0.1)
        assert (first.replayed, again.replayed, again.payload) == (False, True, first.payload)
        assert first.payload["results"] == [{"key": "lines", "status": "applied", "seq": 3, "row": "r2"}]
        assert first.payload["rows"] == {"lines": ["r2", "r1"]}
        assert {copy.payload["results"][0]["row"] for copy in copies} == {"r3"}
        assert [frame["row"] for frame in await page.shown("rowAdded")] == ["r1", "r2", "r3"]
    assert (await there.context())["rows"] == {"lines": ["r3", "r2", "r1"]}


@in_virtual_time
async def test_a_hook_is_asked_about_each_change_of_rows() -> None:
    engine = virtual_engine()

    @engine.on_action
    async def keep(_: object, action: Any, __: object) -> bool:
        return bool(action.type != "remove")

    pair = await open_pair(engine, ROWS_FORM)
    payload, _ = await pair.do({"type": "add", "key": "lines"}, {"type": "remove", "key": "lines/r1"})
    assert [result.get("code") for result in payload["results"]] == [None, "vetoed"]
    assert payload["rows"] == {"lines": ["r1"]}
