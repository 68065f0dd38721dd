"""Options that are looked up. SPEC.md section 4, `GET /options/{sid}`."""

from __future__ import annotations

from typing import Any

import httpx

from tests.conformance.conftest import Open, Start
from tests.support.peer import Peer

FORM: dict[str, Any] = {
    "mode": "form-fill",
    "schema": [{"key": "city", "type": "enum", "lookup": True}, {"key": "name"}],
}


def cities(_: object, key: str, query: str) -> Any:
    """Have some cities, fail for `fault`, and know of no other field."""
    if query == "fault":
        raise RuntimeError("the secret of the house")
    return [f"{query}{number}" for number in range(101)] if key == "city" else None


async def options(peer: Peer, query: str, *, role: str = "agent") -> httpx.Response:
    headers = peer.as_agent if role == "agent" else peer.as_user
    return await peer.http.get(f"{peer.base_url}{peer.created['optionsUrl']}?{query}", headers=headers)


async def test_hpp_204_either_role_looks_options_up(local: Start) -> None:
    names = [f"Country {number}" for number in range(3000)]
    model = {"type": "object", "properties": {"to": {"type": "string", "enum": names}}}
    server = await local(hooks={"on_options": cities}, forms={"trip": {"model": model}})
    peer = await server.open(FORM)
    for role in ("agent", "user"):
        reply = await options(peer, "key=city&q=B", role=role)
        told = reply.json()
        assert (reply.status_code, told["key"], told["truncated"]) == (200, "city", True)
        assert told["options"] == [f"B{number}" for number in range(100)]
    reply = await peer.http.get(f"{peer.base_url}{peer.created['optionsUrl']}?key=city")
    assert (reply.status_code, reply.json()["code"]) == (403, "invalid_token")
    named = await options(await server.open({"form": "trip"}), "key=to&q=Country+2999")
    assert named.json() == {"key": "to", "options": ["Country 2999"]}


async def test_hpp_205_a_host_that_cannot_say_is_a_503(local: Start) -> None:
    peer = await (await local(hooks={"on_options": cities})).open(FORM)
    reply = await options(peer, "key=city&q=fault")
    assert (reply.status_code, reply.json()["code"]) == (503, "options_unavailable")
    assert "secret" not in reply.text


async def test_hpp_206_only_a_field_with_a_lookup_has_options_to_look_up(pair: Open) -> None:
    peer = await pair(FORM)
    codes = [(await options(peer, f"key={key}")).json()["code"] for key in ("age", "name")]
    assert codes == ["unknown_field", "no_lookup"]
