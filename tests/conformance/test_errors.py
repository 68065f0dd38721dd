"""SPEC.md section 9: what an error says, which of several is told, and what a body has to be."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.conformance.conftest import FORM, Open, Start
from tests.support.peer import PATIENCE, Peer

JSON = {"Content-Type": "application/json"}
EVIL = {"Origin": "https://evil.example"}
TOO_MUCH = b'{"x": "' + b"x" * 300_000


async def test_hpp_107_every_error_is_a_problem_document(pair: Open, conformance_url: str) -> None:
    peer = await pair()
    replies = [
        await peer.send("GET", "context"),
        await peer.agent("POST", "notify", {"key": "name"}),
        await peer.agent("POST", "action", {"actions": 1}),
        await peer.agent("PUT", "context"),
        await peer.send("POST", "action", headers=peer.as_agent),
        await peer.http.get(f"{conformance_url}/nothing"),
        await peer.http.get(f"{conformance_url}/context/{'0' * 32}"),
    ]
    assert [reply.status_code for reply in replies] == [403, 403, 400, 405, 415, 404, 403]
    for reply in replies:
        problem = reply.json()
        assert reply.headers["content-type"] == "application/problem+json"
        assert problem.keys() >= {"type", "title", "status", "detail", "code", "retryable", "error"}
        assert (problem["status"], problem["error"]) == (reply.status_code, problem["detail"])
        assert problem["code"] in problem["type"]
        assert problem["retryable"] is False


ORDER: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "route before method": ("PUT", "{mount}/nothing", {}, "not_found"),
    "method before origin": ("PUT", "{context}", {"as": "user", "headers": EVIL}, "method_not_allowed"),
    "origin before credential": ("POST", "{notify}", {"headers": EVIL}, "origin_not_allowed"),
    "credential before rate": ("GET", "{context}", {"exhausted": True}, "invalid_token"),
    "rate before role": ("POST", "{notify}", {"as": "agent", "exhausted": True}, "rate_limited"),
    "role before content type": ("POST", "{notify}", {"as": "agent", "type": "text/plain"}, "user_required"),
    "content type before size": (
        "POST",
        "{action}",
        {"as": "agent", "type": "text/plain", "content": TOO_MUCH},
        "unsupported_media_type",
    ),
    "size before body": ("POST", "{action}", {"as": "agent", "content": TOO_MUCH}, "body_too_large"),
    "body before content": (
        "POST",
        "{action}",
        {"as": "agent", "content": b'{"actions": [', "headers": {"Idempotency-Key": "a b"}},
        "invalid_json",
    ),
}


@pytest.mark.parametrize(("method", "path", "options", "code"), ORDER.values(), ids=ORDER)
async def test_hpp_108_the_first_thing_that_is_wrong_decides(
    pair: Open, conformance_url: str, *, method: str, path: str, options: dict[str, Any], code: str
) -> None:
    peer = await pair()
    if options.get("exhausted"):
        await _exhaust(peer)
    urls = {name: peer.base_url + peer.created[f"{name}Url"] for name in ("context", "action", "notify")}
    credential = {"agent": peer.as_agent, "user": peer.as_user, None: {}}[options.get("as")]
    reply = await peer.http.request(
        method,
        path.format(mount=conformance_url, **urls),
        content=options.get("content", b"{"),
        headers=credential | options.get("headers", {}) | {"Content-Type": options.get("type", "application/json")},
    )
    assert reply.json()["code"] == code


async def test_hpp_109_a_body_without_a_credential_is_not_read(pair: Open) -> None:
    peer = await pair()
    status, problem = await _raw(peer.base_url, peer.created["actionUrl"], JSON | {"Content-Length": "1000"}, b"")
    assert (status, problem["code"]) == (403, "invalid_token")


BROKEN = [
    "",
    " ",
    "{",
    "nonsense",
    "\x00",
    "{'actions': []}",
    '{"actions": [}',
    "[]",
    '"text"',
    "7",
    "null",
    "true",
    '{"actions": null}',
    '{"actions": {}}',
    '{"actions": ["set"]}',
    '{"actions": [{"type": "set", "key": ["a"]}]}',
    '{"actions": [], "intervalMs": "300"}',
    '{"actions": [], "intervalMs": [1]}',
    '{"actions": [], "stream": "no"}',
    '{"actions": [{"type": "set", "key": "a", "ifRev": 1.5}]}',
]
HOSTILE = {
    "action": BROKEN,
    "notify": ["", "[]", '{"key": 5, "value": 1}', '{"key": {}}', '{"key": "name", "release": "yes"}'],
    "extend": ["", "[]", '{"extraSeconds": "soon"}', '{"extraSeconds": {}}'],
    "rotate": ["", "[]", '{"prompt": 7}', '{"prompt": {"language": 5}}'],
    "create": [
        "",
        "[]",
        '{"mode": ["a"]}',
        '{"mode": {"a": 1}}',
        '{"mode": "a\\u0000"}',
        '{"schema": {}, "mode": "form-fill"}',
        '{"schema": [{}], "mode": "form-fill"}',
        '{"context": []}',
        '{"data": "x"}',
        '{"meta": 5}',
        '{"userToken": "yes"}',
    ],
}


async def test_hpp_110_a_body_of_another_shape_is_the_callers_mistake(pair: Open, conformance_url: str) -> None:
    peer = await pair()
    for name, contents in HOSTILE.items():
        url = f"{conformance_url}/session" if name == "create" else peer.base_url + peer.created[f"{name}Url"]
        credential = peer.as_agent if name == "action" else peer.as_user
        for content in contents:
            reply = await peer.http.post(url, content=content.encode(), headers=credential | JSON)
            assert (name, content, reply.status_code) == (name, content, 400)
            if not _is_json(content):
                assert (name, content, reply.json()["code"]) == (name, content, "invalid_json")
    assert (await peer.context())["cursor"] == peer.created["cursor"]


CONTENT_TYPES: list[tuple[dict[str, str], int]] = [
    ({"Content-Type": "application/json"}, 200),
    ({"Content-Type": "Application/JSON; charset=utf-8"}, 200),
    ({}, 415),
    ({"Content-Type": "text/plain"}, 415),
    ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ({"Content-Type": "multipart/form-data; boundary=application/json"}, 415),
    ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415),
]


async def test_hpp_111_a_body_says_that_it_is_plain_json(pair: Open, conformance_url: str) -> None:
    peer = await pair()
    action = peer.base_url + peer.created["actionUrl"]
    for headers, status in CONTENT_TYPES:
        replies = [
            await peer.http.post(f"{conformance_url}/session", content=b"{}", headers=headers),
            await peer.http.post(action, content=b'{"actions": []}', headers=peer.as_agent | headers),
        ]
        assert (headers, [reply.status_code for reply in replies]) == (headers, [status] * 2)


EMPTY: list[dict[str, str]] = [{}, {"Content-Type": "application/x-www-form-urlencoded"}]
"""Headers as `curl -X POST` and `curl -d ''` send them without a body."""


async def test_hpp_366_an_empty_body_has_no_members_where_none_is_required(pair: Open) -> None:
    for number, headers in enumerate(EMPTY):
        peer = await pair()
        session = f"{peer.base_url}{peer.created['contextUrl'].replace('/context/', '/session/')}"
        sent = headers | {"Cookie": peer.cookie}
        replies = [await peer.http.post(f"{session}/{name}", headers=sent) for name in ("pickup", "rotate")]
        assert [reply.status_code for reply in replies] == [200] * 2, (number, [reply.text for reply in replies])
        assert (len(replies[0].json()["pickup"]["code"]), "prompt" in replies[1].json()) == (14, False)
        form = {"Cookie": peer.cookie, "Content-Type": "text/plain"}
        assert (await peer.http.post(f"{session}/rotate", content=b"{}", headers=form)).status_code == 415


@pytest.mark.parametrize("announced", [True, False])
async def test_hpp_112_a_body_is_bounded_whether_or_not_its_length_was_announced(
    pair: Open, *, announced: bool
) -> None:
    peer = await pair()

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(TOO_MUCH), 50_000):
            yield TOO_MUCH[start : start + 50_000]

    reply = await peer.http.post(
        peer.base_url + peer.created["actionUrl"],
        content=TOO_MUCH if announced else chunks(),
        headers=peer.as_agent | JSON,
    )
    assert (reply.status_code, reply.json()["code"]) == (413, "body_too_large")


async def test_hpp_113_a_body_that_does_not_arrive_is_not_waited_for(local: Start) -> None:
    server = await local({"body_timeout": 0.2})
    peer = await server.open()
    headers = peer.as_agent | JSON | {"Content-Length": "1000"}
    status, problem = await _raw(peer.base_url, peer.created["actionUrl"], headers, b'{"actions"')
    assert (status, problem["code"], problem["retryable"]) == (408, "body_timeout", True)


async def test_hpp_114_exceptions_of_the_host_are_not_told(local: Start) -> None:
    def fails(*_: Any) -> None:
        raise RuntimeError("internal-detail")

    closed = await local(hooks={"on_create_session": fails})
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        creation = await http.post(f"{closed.url}/session", json={})
    server = await local(hooks={"on_extend": fails, "on_action": fails})
    peer = await server.open({})
    extension = await peer.agent("POST", "extend", {"extraSeconds": 60})
    action = await peer.agent("POST", "action", {"actions": [{"key": "a", "value": 1}]})
    assert [creation.status_code, extension.status_code, action.status_code] == [403, 403, 200]
    assert action.json()["results"][0]["code"] == "vetoed"
    for reply in (creation, extension, action):
        assert "internal-detail" not in reply.text
        assert "RuntimeError" not in reply.text


async def test_hpp_115_a_full_server_says_when_to_come_back(local: Start, kind: str) -> None:
    if kind == "redis":
        pytest.skip("how much a Redis holds is a setting of its own, and is asked of the store itself")
    server = await local({"sessions": 1})
    peer = await server.open()
    reply = await peer.http.post(f"{server.url}/session", json=FORM)
    problem = reply.json()
    assert (reply.status_code, problem["code"], problem["retryable"]) == (503, "at_capacity", True)
    assert int(reply.headers["retry-after"]) == problem["retryAfter"] >= 1


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


async def _exhaust(peer: Peer) -> None:
    """Use up the agent's requests."""
    for _ in range(1000):
        if (await peer.agent("GET", "session")).status_code == 429:
            return
    pytest.fail("the agent's rate has no bound below 1000 requests a minute")


async def _raw(base_url: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
    """Send a POST and whatever there is of its body; return status and problem without sending the rest."""
    parts = urlsplit(base_url)
    secure = ssl.create_default_context() if parts.scheme == "https" else None
    port = parts.port or (443 if secure else 80)
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=secure)
        try:
            lines = [
                f"POST {path} HTTP/1.1",
                f"Host: {parts.netloc}",
                *(f"{name}: {headers[name]}" for name in headers),
            ]
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = int(head.lower().partition("content-length:")[2].split()[0])
            return int(head.split()[1]), json.loads(await reader.readexactly(length))
        finally:
            writer.close()
