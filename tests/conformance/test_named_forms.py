"""Forms by name: the schema is the server's, and its problems are told wherever its values are. SPEC.md section 4."""

from __future__ import annotations

from typing import Any

import httpx

from tests.conformance.conftest import Start

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
    async with httpx.AsyncClient() as http:
        for body in ({"form": "claim", "schema": []}, {"form": "claims"}, {"form": ""}):
            reply = await http.post(f"{server.url}/session", json=body)
            refused[str(body)] = (reply.status_code, reply.json()["code"])
    assert [*refused.values()] == [(400, "schema_fixed"), (400, "unknown_form"), (400, "unknown_form")]


async def test_hpp_192_a_page_can_be_drawn_from_its_description(local: Start) -> None:
    server = await local(forms={"claim": CLAIM})
    async with httpx.AsyncClient() as http:
        told = await http.get(f"{server.url}/forms/claim")
        again = await http.get(f"{server.url}/forms/claim", headers={"If-None-Match": told.headers["etag"]})
        unknown = await http.get(f"{server.url}/forms/claims")
    members = told.json()
    assert (members["form"], members["defaults"]) == ("claim", {"currency": "EUR"})
    assert [field["key"] for field in members["fields"]] == ["name", "amount", "currency"]
    assert (again.status_code, again.content) == (304, b"")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_form")
