"""Forms by name: the schema is the server's, and its problems are told wherever its values are. SPEC.md section 4."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from tests.conformance.conftest import Start
from tests.support.peer import PATIENCE

CLAIM: dict[str, Any] = {
    "model": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 2},
            "amount": {"type": "number", "minimum": 0},
            "currency": {"type": "string", "enum": ["EUR", "CHF"], "default": "EUR"},
        },
        "required": ["name", "amount"],
    }
}


async def test_hpp_190_a_form_is_opened_by_its_name(local: Start) -> None:
    peer = await (await local(forms={"claim": CLAIM})).open({"form": "claim", "context": {"name": "Ada"}})
    context = await peer.context()
    assert (peer.created["form"], peer.created["mode"], context["form"]) == ("claim", "form-fill", "claim")
    assert [field["key"] for field in context["schema"]] == ["name", "amount", "currency"]
    assert {key: (record["value"], record["by"]) for key, record in context["context"].items()} == {
        "name": ("Ada", "user"),
        "currency": ("EUR", "default"),
    }
    assert context["missing"] == ["amount"]


async def test_hpp_191_no_page_brings_a_schema_for_it(local: Start) -> None:
    server = await local(forms={"claim": CLAIM})
    refused = {}
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        for body in ({"form": "claim", "schema": []}, {"form": "claims"}, {"form": ""}):
            reply = await http.post(f"{server.url}/session", json=body)
            refused[str(body)] = (reply.status_code, reply.json()["code"])
    assert [*refused.values()] == [(400, "schema_fixed"), (400, "unknown_form"), (400, "unknown_form")]


async def test_hpp_192_a_page_can_be_drawn_from_its_description(local: Start) -> None:
    server = await local(forms={"claim": CLAIM})
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        told = await http.get(f"{server.url}/forms/claim")
        again = await http.get(f"{server.url}/forms/claim", headers={"If-None-Match": told.headers["etag"]})
        unknown = await http.get(f"{server.url}/forms/claims")
    members = told.json()
    assert (members["form"], members["defaults"]) == ("claim", {"currency": "EUR"})
    assert [field["key"] for field in members["fields"]] == ["name", "amount", "currency"]
    assert (again.status_code, again.content) == (304, b"")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_form")


# Problems. A validator is the host's code: this one says what it is asked for by the values.


async def judge(document: dict[str, Any]) -> Any:
    """Refuse an amount above 100 and a wrong account, and fail for a name of `fault`."""
    name = document.get("name")
    if name == "fault":
        raise RuntimeError("the secret of the house")
    if document.get("iban") == "wrong":
        return {"iban": "wrong is no account"}
    return {"amount": "too much"} if document.get("amount", 0) > 100 else None


JUDGED: dict[str, Any] = {
    "model": [
        {"key": "name"},
        {"key": "amount", "type": "number"},
        {"key": "iban", "sensitive": True},
    ],
    "validator": judge,
}
TOO_MUCH = [{"keys": ["amount"], "msg": "too much"}]


async def test_hpp_193_problems_are_told_wherever_the_values_are(local: Start) -> None:
    peer = await (await local(forms={"claim": JUDGED})).open({"form": "claim", "context": {"amount": 200}})
    context = await peer.context()
    async with peer.watch() as page:
        snapshot = (await page.next("connected"))["snapshot"]
        acted = await peer.act({"amount": 300, "name": "Ada"})
        refused = await peer.act({"amount": 50})
        done = [await page.next("done"), await page.next("done")]
        edited = await peer.edit("name", "Bob")
    told = [context, snapshot, acted, done[0], refused, done[1], edited]
    assert [members["problems"] for members in told] == [TOO_MUCH] * 7
    assert not any("problemsUnknown" in members for members in told)


async def test_hpp_194_what_the_person_does_is_judged_and_told(local: Start) -> None:
    peer = await (await local(forms={"claim": JUDGED})).open({"form": "claim"})
    async with peer.watch() as page:
        await page.next("connected")
        await page.send({"type": "userEdit", "key": "amount", "value": 200})
        first = await page.next("problems")
        await page.send({"type": "userEdit", "key": "amount", "value": 300})
        await page.send({"type": "userEdit", "key": "amount", "value": 20})
        second = await page.next("problems")
    assert (first["problems"], second["problems"]) == (TOO_MUCH, [])


async def test_hpp_195_no_write_waits_for_a_validator_or_fails_with_it(local: Start) -> None:
    judging, released = asyncio.Event(), asyncio.Event()

    async def hold(document: dict[str, Any]) -> None:
        if document.get("amount") == 1:
            judging.set()
            await released.wait()

    slow = {"model": JUDGED["model"], "validator": hold}
    server = await local({"validator_timeout": 10 * PATIENCE}, forms={"claim": JUDGED, "slow": slow})
    peer = await server.open({"form": "slow"})
    async with peer.watch() as page, asyncio.timeout(2 * PATIENCE):
        acting = asyncio.create_task(peer.act({"amount": 1}))
        await judging.wait()
        await page.send({"type": "userEdit", "key": "amount", "value": 2})
        assert (await page.next("ack"))["key"] == "amount"
        assert not acting.done()
        released.set()
        await acting
    faulty = await server.open({"form": "claim", "context": {"name": "fault"}})
    acted = await faulty.act({"amount": 200})
    edited = await faulty.edit("amount", 300)
    context = await faulty.context()
    assert (acted["applied"], edited["by"]) == (["amount"], "user_edit")
    assert [members["problemsUnknown"] for members in (acted, edited, context)] == [True] * 3
    assert "secret of the house" not in str((acted, edited, context))


async def test_hpp_196_a_problem_of_a_sensitive_field_keeps_its_value_to_itself(local: Start) -> None:
    peer = await (await local(forms={"claim": JUDGED})).open({"form": "claim", "context": {"iban": "wrong"}})
    problems = [(await peer.context(role=role))["problems"] for role in ("agent", "user")]
    assert [problem["keys"] for (problem,) in problems] == [["iban"]] * 2
    assert "wrong" not in str(problems)
    quoting = {"model": JUDGED["model"], "validator": lambda values: [f"{values['iban']} is not of {values['name']}"]}
    peer = await (await local(forms={"claim": quoting})).open(
        {"form": "claim", "context": {"iban": "DE00 12", "name": "Ada"}}
    )
    assert [problem["msg"] for problem in (await peer.context())["problems"]] == ["This value is not accepted"]
