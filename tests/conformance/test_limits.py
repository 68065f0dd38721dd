"""SPEC.md section 10: rates, their headers, and the bounds of what is sent."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx

from tests.conformance.conftest import Open, Start
from tests.support.peer import PATIENCE, Peer


async def test_hpp_116_replies_tell_what_is_left_of_the_rate(pair: Open) -> None:
    peer = await pair()
    replies = [
        await peer.agent("GET", "context"),
        await peer.agent("POST", "action", {"actions": []}),
        await peer.agent("POST", "action", {"actions": 1}),
        await peer.agent("POST", "notify", {"key": "name"}),
    ]
    quota, window = _numbers(replies[0].headers["ratelimit-policy"], '"session";q={};w={}')
    left = [_numbers(reply.headers["ratelimit"], '"session";r={};t={}') for reply in replies]
    assert [reply.status_code for reply in replies] == [200, 200, 400, 403]
    assert [remaining for remaining, _ in left] == [quota - 1, quota - 2, quota - 3, quota - 4]
    assert all(0 <= reset <= window for _, reset in left)


async def test_hpp_117_an_agent_over_its_rate_is_told_when_to_come_back(local: Start) -> None:
    server = await local({"agent_requests": 2})
    peer = await server.open()
    replies = [await peer.agent("GET", "context") for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    problem = replies[2].json()
    assert (problem["code"], problem["retryable"]) == ("rate_limited", True)
    assert 1 <= int(replies[2].headers["retry-after"]) == problem["retryAfter"] <= 60
    assert replies[2].headers["ratelimit"].startswith('"session";r=0;')
    async with peer.watch(role="agent") as agent:
        code, frames = await agent.closed()
    assert (code, frames[0]["code"]) == (4529, "rate_limited")


async def test_hpp_118_an_agent_cannot_use_up_the_persons_requests(local: Start) -> None:
    server = await local({"agent_requests": 1})
    peer = await server.open()
    assert [(await peer.agent("GET", "context")).status_code for _ in range(2)] == [200, 429]
    assert [(await peer.user("GET", "context")).status_code for _ in range(3)] == [200, 200, 200]


async def test_hpp_119_guessing_is_stopped_by_session_and_by_address(pair: Open, local: Start) -> None:
    peer = await pair()
    guess = {"X-Handshake-Token": "g" * 32}
    replies = [await peer.send("GET", "context", headers=guess) for _ in range(11)]
    _stopped_after(10, replies, status=403)
    server = await local({"wrong_tokens_per_address": 20})
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        urls = [f"{server.url}/context/{number:032x}" for number in range(21)]
        replies = [await http.get(url, headers=guess) for url in urls]
    _stopped_after(20, replies, status=403)


async def test_hpp_120_wrong_credentials_cost_the_right_one_nothing(pair: Open) -> None:
    peer = await pair()
    first = await peer.agent("GET", "context")
    for _ in range(12):
        await peer.send("GET", "context", headers={"X-Handshake-Token": "g" * 32})
    second = await peer.agent("GET", "context")
    assert second.status_code == 200
    (before, _), (after, _) = (_numbers(one.headers["ratelimit"], '"session";r={};t={}') for one in (first, second))
    assert after == before - 1
    assert (await peer.user("GET", "context")).status_code == 200


async def test_hpp_121_creations_from_one_address_are_bounded(local: Start) -> None:
    server = await local({"creates_per_address": 2})
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        replies = [await http.post(f"{server.url}/session", json={}) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert replies[2].json()["code"] == "rate_limited"
    assert int(replies[2].headers["retry-after"]) >= 1


OVER: dict[str, tuple[str, Any, int, str]] = {
    "fields of a schema": (
        "create",
        {"mode": "form-fill", "schema": [{"key": f"k{n}"} for n in range(501)]},
        413,
        "too_many_fields",
    ),
    "values at creation": ("create", {"data": {f"k{n}": n for n in range(501)}}, 413, "too_many_fields"),
    "mode": ("create", {"mode": "m" * 65}, 400, "invalid_request"),
    "value at creation": ("create", {"data": {"a": "x" * 32_767}}, 413, "value_too_large"),
    "actions": ("action", {"actions": [{"key": "a", "value": n} for n in range(201)]}, 413, "too_many_actions"),
    "value": ("action", {"actions": [{"key": "a", "value": "x" * 32_767}]}, 413, "value_too_large"),
    "edited value": ("notify", {"key": "a", "value": ["x" * 32_767]}, 413, "value_too_large"),
    "key": ("notify", {"key": "k" * 257, "value": 1}, 400, "invalid_key"),
    "nesting": ("notify", {"key": "a", "value": json.loads("[" * 17 + "]" * 17)}, 400, "invalid_value"),
}


async def test_hpp_122_what_is_over_a_bound_is_refused_whole(pair: Open, conformance_url: str) -> None:
    peer = await pair({})
    for case, (name, body, status, code) in OVER.items():
        url = f"{conformance_url}/session" if name == "create" else peer.base_url + peer.created[f"{name}Url"]
        credential = peer.as_agent if name == "action" else peer.as_user
        reply = await peer.http.post(url, json=body, headers=credential)
        assert (case, reply.status_code, reply.json()["code"]) == (case, status, code)
    context = await peer.context()
    assert (context["data"], context["cursor"]) == ({}, peer.created["cursor"])
    fields = [{"key": f"c{n}"} for n in range(6)]
    lines = [{"key": "lines", "type": "rows", "fields": fields}]
    rows = await pair({"mode": "form-fill", "schema": lines})
    many: list[list[dict[str, str]]] = [[{field["key"]: "x" for field in fields}] * 200, [{}] * 1_700]
    for value in many:
        reply = await rows.agent("POST", "action", {"actions": [{"type": "set", "key": "lines", "value": value}]})
        assert (reply.status_code, reply.json()["code"]) == (413, "too_many_changes")
    assert (await rows.context())["rows"] == {}


async def test_hpp_123_a_session_does_not_grow_beyond_its_bound(pair: Open) -> None:
    peer = await pair({})
    for batch in range(2):
        await peer.act({f"k{batch}{n}": "x" * 30_000 for n in range(8)})
    before = await peer.context()
    over = {"actions": [{"type": "set", "key": f"l{n}", "value": "x" * 30_000} for n in range(8)]}
    reply = await peer.agent("POST", "action", over)
    assert (reply.status_code, reply.json()["code"]) == (413, "session_full")
    after = await peer.context()
    assert (after["context"], after["cursor"]) == (before["context"], before["cursor"])
    for number in range(16):
        await peer.edit(f"mine {number}", "x" * 30_000)
    assert (await _set(peer, "k00", "")).status_code == 200


async def test_hpp_142_an_agents_room_and_the_log_tell_nothing_of_hidden_values(local: Start) -> None:
    server = await local({"session_bytes": 3000, "log_bytes": 600, "agent_requests": 1000})
    told = []
    for hidden in (True, False, "x" * 1000):
        peer = await server.open(SECRETIVE | {"context": {"given": hidden}})
        await peer.act({"a": 1})
        await peer.edit("typed", hidden)
        statuses = [(await _set(peer, "b", "x" * size)).status_code for size in range(2980, 3010, 5)]
        await peer.act({"b": ""})
        for number in range(12):
            await peer.act({"a": f"{number}" * 20})
        epoch = (await peer.context())["cursor"].partition(".")[0]
        places = [{"since": f"{epoch}.{place}"} for place in range(12)]
        diffs = [(await peer.agent("GET", "diff", params=place)).json() for place in places]
        told.append((statuses, [diff["truncated"] for diff in diffs]))
    assert told == [told[0]] * 3
    assert set(told[0][0]) == {200, 413}


SECRETIVE = {
    "mode": "form-fill",
    "schema": [{"key": "given", "sensitive": True}, {"key": "typed", "sensitive": True}, {"key": "a"}, {"key": "b"}],
}


async def _set(peer: Peer, key: str, value: Any) -> httpx.Response:
    return await peer.agent("POST", "action", {"actions": [{"type": "set", "key": key, "value": value}]})


def _stopped_after(count: int, replies: list[httpx.Response], *, status: int) -> None:
    assert [reply.status_code for reply in replies] == [status] * count + [429]
    assert replies[-1].json()["code"] == "too_many_attempts"
    assert int(replies[-1].headers["retry-after"]) >= 1


def _numbers(text: str, form: str) -> tuple[int, int]:
    """Return the two numbers that stand at the braces of `form` in `text`."""
    match = re.fullmatch(re.escape(form).replace(r"\{\}", "([0-9]+)"), text)
    assert match is not None, text
    return int(match[1]), int(match[2])
