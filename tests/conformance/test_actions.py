"""SPEC.md section 4: batches of actions, idempotency, and edits by POST."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.conformance.conftest import FORM, Open, Start

MEMBERS = {
    "ok",
    "applied",
    "rejected",
    "errors",
    "results",
    "broadcast",
    "cursor",
    "expiresIn",
    "missing",
    "context",
}


async def test_hpp_027_the_reply_has_one_result_for_each_action_in_order(pair: Open) -> None:
    peer = await pair()
    async with peer.watch() as page:
        await page.next("connected")
        reply = await peer.act({"name": "A", "nobody": 1, "city": "Ulm"})
    assert set(reply) == MEMBERS
    assert (reply["ok"], reply["applied"], reply["rejected"]) == (True, ["name", "city"], [])
    assert [(one["key"], one["status"]) for one in reply["results"]] == [
        ("name", "applied"),
        ("nobody", "error"),
        ("city", "applied"),
    ]
    assert [one.get("seq") for one in reply["results"]] == [1, None, 2]
    assert [(one["key"], one["code"]) for one in reply["errors"]] == [("nobody", "unknown_field")]
    assert all(one["msg"] for one in reply["errors"])
    assert reply["broadcast"] == {"clients": 1, "actionMessages": 2, "doneMessages": 1}
    assert (reply["missing"], reply["context"]["name"]["value"]) == ([], "A")


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"type": "set", "key": "city", "value": "Bonn"}, "user_locked", "rejected"),
    ({"type": "set", "key": "age", "value": 1, "ifRev": 99}, "stale", "rejected"),
    ({"type": "set", "key": "nobody", "value": 1}, "unknown_field", "error"),
    ({"type": "set", "key": "number", "value": "1"}, "read_only", "error"),
    ({"type": "set", "key": "age", "value": "old"}, "invalid_value", "error"),
    ({"type": "set", "value": 1}, "missing_key", "error"),
    ({"type": "click", "key": "age"}, "unsupported_action", "error"),
    ({"type": "click"}, "unsupported_action", "error"),
]


async def test_hpp_028_a_refusal_has_its_code_and_spares_the_rest_of_the_batch(pair: Open) -> None:
    peer = await pair()
    await peer.edit("city", "Ulm")
    good = {"type": "set", "key": "name", "value": "A"}
    for action, code, status in REFUSED:
        reply = await peer.agent("POST", "action", {"actions": [action, good]})
        assert reply.status_code == 200
        refused, applied = reply.json()["results"]
        key = action.get("key")
        assert (refused["status"], refused["code"], refused.get("key")) == (status, code, key)
        assert applied["status"] == "applied"
        assert reply.json()["rejected"] == ([key] if status == "rejected" else [])
        errors = [(one["code"], one.get("key"), "action" in one) for one in reply.json()["errors"]]
        assert errors == ([(code, key, key is None)] if status == "error" else [])


async def test_hpp_029_a_stale_action_is_told_the_value_as_it_is(pair: Open) -> None:
    peer = await pair()
    rev = (await peer.act({"name": "A"}))["results"][0]["seq"]
    later = (await peer.act({"name": "B"}))["results"][0]["seq"]
    actions = [
        {"type": "set", "key": "name", "value": "C", "ifRev": rev},
        {"type": "set", "key": "name", "value": "D", "ifRev": later},
        {"type": "set", "key": "city", "value": "Ulm", "ifRev": 0},
    ]
    stale, fresh, first = (await peer.agent("POST", "action", {"actions": actions})).json()["results"]
    assert (stale["status"], stale["code"]) == ("rejected", "stale")
    current = stale["current"]
    assert (current["value"], current["by"], current["rev"]) == ("B", "ai", later)
    assert (fresh["status"], first["status"]) == ("applied", "applied")


async def test_hpp_030_host_policy_vetoes_single_actions(local: Start) -> None:
    def policy(_session: Any, action: Any, _request: Any) -> bool:
        if action.key == "broken":
            raise RuntimeError("internal-detail")
        if action.key == "asked":
            raise server.reject("Ask somebody first")
        return bool(action.key != "never")

    server = await local(hooks={"on_action": policy})
    peer = await server.open({})
    reply = await peer.act({"never": 1, "asked": 1, "broken": 1, "fine": 1})
    assert (reply["applied"], reply["rejected"]) == (["fine"], ["never", "asked", "broken"])
    refused = [(one["code"], one["msg"]) for one in reply["results"][:3]]
    assert {code for code, _ in refused} == {"vetoed"}
    assert refused[1][1] == "Ask somebody first"
    assert "internal-detail" not in str(reply)


async def test_hpp_031_a_batch_with_a_malformed_member_writes_nothing(pair: Open) -> None:
    peer = await pair()
    good = '{"type": "set", "key": "name", "value": "A"}'
    for bad in ('"text"', "[]", "null", '{"key": ["a"]}', '{"key": 7}', '{"type": {}}', '{"key": "a", "ifRev": "1"}'):
        reply = await peer.http.post(
            peer.base_url + peer.created["actionUrl"],
            content=f'{{"actions": [{good}, {bad}]}}',
            headers=peer.as_agent | {"Content-Type": "application/json"},
        )
        assert (bad, reply.status_code) == (bad, 400)
    context = await peer.context()
    assert (context["context"], context["cursor"]) == ({}, peer.created["cursor"])


@pytest.mark.parametrize(("body", "applied"), [({}, ["name"]), (FORM, [])], ids=["default", "form-fill"])
async def test_hpp_032_an_action_without_a_type_is_a_set_in_mode_default_alone(
    pair: Open, body: dict[str, Any], applied: list[str]
) -> None:
    peer = await pair(body)
    reply = (await peer.agent("POST", "action", {"actions": [{"key": "name", "value": "A"}]})).json()
    assert reply["applied"] == applied
    assert [one["code"] for one in reply["errors"]] == ([] if applied else ["unsupported_action"])


async def test_hpp_033_a_repeated_request_gets_the_first_reply_and_has_no_second_effect(pair: Open) -> None:
    peer = await pair()
    key = {"Idempotency-Key": "batch-1"}
    body = {"actions": [{"type": "set", "key": "name", "value": "A"}], "stream": False}
    first = await peer.agent("POST", "action", body, headers=key)
    await peer.edit("name", "mine")
    again = await peer.agent("POST", "action", body, headers=key)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json()
    assert (await peer.context())["context"]["name"]["value"] == "mine"


async def test_hpp_034_a_key_with_another_body_is_refused(pair: Open) -> None:
    peer = await pair()
    key = {"Idempotency-Key": "batch-1"}
    for value, status in (("A", 200), ("B", 422)):
        body = {"actions": [{"type": "set", "key": "name", "value": value}]}
        reply = await peer.agent("POST", "action", body, headers=key)
        assert reply.status_code == status
    assert reply.json()["code"] == "idempotency_key_reused"
    assert (await peer.context())["context"]["name"]["value"] == "A"


@pytest.mark.parametrize("policy", [False, True], ids=["at once", "while host policy decides"])
async def test_hpp_035_copies_that_arrive_together_have_one_effect(pair: Open, local: Start, *, policy: bool) -> None:
    asked: list[str] = []

    async def think(_session: Any, action: Any, _request: Any) -> None:
        asked.append(action.key)
        await asyncio.sleep(0.05)

    peer = await ((await local(hooks={"on_action": think})).open() if policy else pair())
    body = {"actions": [{"type": "set", "key": "name", "value": "A"}], "stream": False}
    copies = [peer.agent("POST", "action", body, headers={"Idempotency-Key": "k"}) for _ in range(8)]
    replies = await asyncio.gather(*copies)
    assert len({reply.text for reply in replies}) == 1
    assert sum("idempotency-replayed" not in reply.headers for reply in replies) == 1
    assert (await peer.context())["cursor"] == replies[0].json()["cursor"]
    assert len((await peer.agent("GET", "diff")).json()["changes"]) == 1
    assert asked == (["name"] if policy else [])


async def test_hpp_036_a_key_is_visible_ascii_of_bounded_length(pair: Open) -> None:
    peer = await pair()
    body = {"actions": [{"type": "set", "key": "name", "value": "A"}]}
    for key in ("", "k" * 256, "two words", "two\ttabs"):
        reply = await peer.agent("POST", "action", body, headers={"Idempotency-Key": key})
        assert (key, reply.status_code, reply.json()["code"]) == (key, 400, "invalid_idempotency_key")
    assert (await peer.context())["context"] == {}


async def test_hpp_037_an_edit_is_answered_with_the_author_and_the_place(pair: Open) -> None:
    peer = await pair()
    await peer.act({"name": "A"})
    reply = await peer.edit("name", "B")
    context = await peer.context()
    expected = {"ok": True, "key": "name", "by": "user_edit", "seq": 3, "cursor": context["cursor"]}
    assert reply == expected | {"digest": context["digest"]}
    assert context["context"]["name"]["rev"] == 3


async def test_hpp_038_an_edit_names_its_field(pair: Open) -> None:
    peer = await pair()
    for body in ({}, {"value": 1}, {"release": True}, {"key": None}):
        reply = await peer.user("POST", "notify", body)
        assert (body, reply.status_code, reply.json()["code"]) == (body, 400, "missing_key")
