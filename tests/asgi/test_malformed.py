"""Whatever arrives, the answer is a documented one and the server serves on (I8).

Bodies and frames are mutated systematically: every position of a valid one is replaced by every kind of value that
does not belong there, among them JSON that no careful client writes. What httpx would not send goes through a socket.
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from starlette.types import Message, Scope
from websockets.exceptions import ConnectionClosed

from handshake_prompt import HandshakeApp, Limits, Session
from handshake_prompt.protocol.messages import Problem
from tests.conftest import FORM, Open
from tests.support.in_process import open_in_process
from tests.support.peer import PATIENCE, Peer
from tests.support.sessions import record_of

UNLIMITED = 10**6
PATIENT = Limits(
    agent_requests=UNLIMITED,
    user_requests=UNLIMITED,
    creates_per_address=UNLIMITED,
    wrong_tokens_per_session=UNLIMITED,
    wrong_tokens_per_address=UNLIMITED,
    frames_per_second=UNLIMITED,
    frames_burst=UNLIMITED,
    malformed_frames=UNLIMITED,
    body_bytes=16 * 1024,
    value_bytes=4 * 1024,
    frame_bytes=8 * 1024,
)

"""Rates out of the way, sizes small enough to be exceeded cheaply."""

MARK = "\x02mark\x02"
"""Stands in a body for a literal that no JSON encoder would write."""

LITERALS = {
    "null": "null",
    "true": "true",
    "zero": "0",
    "minus one": "-1",
    "minus zero": "-0",
    "fraction": "0.5",
    "2^53": str(2**53),
    "2^63": str(2**63),
    "2^64": str(2**64),
    "400 digits": "9" * 400,
    "4000 digits": "9" * 4000,
    "5000 digits": "9" * 5000,
    "minus 400 digits": "-" + "9" * 400,
    "1e308": "1e308",
    "1e400": "1e400",
    "-1e400": "-1e400",
    "1e-400": "1e-400",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
    "empty text": '""',
    "text": '"x"',
    "number as text": '"60"',
    "control characters": '"\\u0000\\u001f\\u007f"',
    "line separators": '"\\u2028\\u2029"',
    "lone surrogate, escaped": '"\\ud800"',
    "lone low surrogate, escaped": '"\\udc00"',
    "surrogates in the wrong order": '"\\udc00\\ud800"',
    "reserved name": '"__proto__"',
    "long text": '"' + "x" * 5000 + '"',
    "empty list": "[]",
    "empty object": "{}",
    "list": '[1,"a",null]',
    "object": '{"a":1}',
    "reserved member": '{"__proto__":1}',
    "surrogate as a member": '{"\\ud800":1}',
    "depth 17": "[" * 17 + "]" * 17,
    "depth 1000": "[" * 1000 + "]" * 1000,
    "depth 1000 in objects": '{"a":' * 1000 + "1" + "}" * 1000,
    "never closed": "[" * 20,
    "nothing": "",
}

DIGEST = "digest of the request"
"""Stands in a body for the digest of the one request that there is."""

CREATE: dict[str, Any] = {
    "mode": "form-fill",
    "schema": [
        {
            "key": "name",
            "label": "Name",
            "type": "string",
            "required": True,
            "minLength": 1,
            "maxLength": 5,
            "pattern": "x*",
        },
        {"key": "age", "type": "integer", "min": 0, "max": 9, "sensitive": True, "readOnly": False, "multiple": True},
        {"key": "plan", "type": "enum", "options": [{"value": "a"}, "b"]},
    ],
    "context": {"name": "x"},
    "data": {"name": "x"},
    "defaults": {"age": 1},
    "meta": {"page": {"title": "x"}},
    "prompt": {"language": "en"},
    "userToken": True,
}
BODIES: dict[str, tuple[str, str, Any]] = {
    "create": ("POST", "create", CREATE),
    "action": (
        "POST",
        "action",
        {"actions": [{"type": "set", "key": "name", "value": ["x"], "ifRev": 0}], "stream": True, "intervalMs": 10},
    ),
    "edit": ("POST", "notify", {"key": "name", "value": {"a": "x"}, "release": False}),
    "release": ("POST", "notify", {"key": "name", "release": True}),
    "extend": ("POST", "extend", {"extraSeconds": 60}),
    "rotate": ("POST", "rotate", {"prompt": {"language": "zh"}}),
    "suggest": (
        "POST",
        "action",
        {
            "actions": [
                {
                    "type": "suggest",
                    "key": "name",
                    "value": "x",
                    "source": "s",
                    "confidence": 0.5,
                    "reason": "r",
                    "ifRev": 0,
                }
            ]
        },
    ),
    "ask": (
        "POST",
        "ask",
        {"text": "Which?", "fields": [{"key": "a", "type": "enum", "options": ["b"]}], "key": "name", "expiresIn": 9},
    ),
    "answer": ("POST", "decision", {"decision": "accept", "digest": DIGEST, "values": {"name": "x"}}),
    "revert": ("POST", "revert", {"key": "name", "keys": ["age"], "all": True}),
    "submit": ("POST", "submit", {"digest": "x"}),
}
FRAMES: dict[str, Any] = {
    "userEdit": {"type": "userEdit", "key": "name", "value": {"a": ["x"]}, "ref": "r"},
    "release": {"type": "release", "key": "name", "ref": 7},
    "answer": {
        "type": "answer",
        "id": "a.1",
        "decision": "accept",
        "digest": DIGEST,
        "values": {"name": "x"},
        "ref": 1,
    },
    "revert": {"type": "revert", "key": "name", "keys": ["age"], "all": True, "ref": 1},
    "unknown": {"type": "submit", "key": "name"},
}


def mutants(body: Any) -> Iterator[tuple[str, str]]:
    """Yield each body in which one position holds what does not belong there, with a name for it."""
    for path in positions(body):
        raw = json.dumps(replaced(body, path, MARK))
        for name, literal in LITERALS.items():
            yield f"{path}: {name}", raw.replace(json.dumps(MARK), literal)
        if path:
            yield f"{path}: left out", json.dumps(replaced(body, path, None, drop=True))
            yield f"{path}: twice", raw.replace(json.dumps(MARK), f'1,"{path[-1]}":2')


def positions(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to every value within a value, itself included."""
    yield at
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in pairs:
        yield from positions(part, (*at, name))


def replaced(value: Any, path: tuple[Any, ...], new: Any, *, drop: bool = False) -> Any:
    """Return a copy in which the value at a path is another one, or is not there."""
    if not path:
        return new
    name, *rest = path
    copy = value.copy()
    if rest:
        copy[name] = replaced(value[name], tuple(rest), new, drop=drop)
    elif drop:
        del copy[name]
    else:
        copy[name] = new
    return copy


@functools.cache
def documented() -> dict[str, set[int]]:
    """Return the statuses that the API's own description names for each operation."""
    from handshake_prompt.asgi.openapi import openapi  # noqa: PLC0415 - only needed once

    paths = openapi("/", Limits())["paths"]
    return {
        f"{method.upper()} {path}": {int(status) for status in operation["responses"]}
        for path, operations in paths.items()
        for method, operation in operations.items()
    }


PATHS = {
    "create": "/session",
    "session": "/session/{sid}",
    "context": "/context/{sid}",
    "action": "/action/{sid}",
    "notify": "/notify/{sid}",
    "diff": "/diff/{sid}",
    "extend": "/session/{sid}/extend",
    "rotate": "/session/{sid}/rotate",
    "ask": "/ask/{sid}",
    "decision": "/answer/{sid}/{request}",
    "revert": "/revert/{sid}",
    "submit": "/submit/{sid}",
}


def check(response: httpx.Response, method: str, name: str, *, case: str) -> None:
    """Make sure that an answer is one the API's description names, and no internal error."""
    assert response.status_code in documented()[f"{method} {PATHS[name]}"] - {500, 503}, (case, response.text)
    if response.status_code != 200:
        check_problem(response, case=case)


def check_problem(response: httpx.Response, *, case: str = "") -> None:
    assert response.headers["content-type"] == "application/problem+json", case
    problem = msgspec.convert(response.json(), Problem)
    assert problem["status"] == response.status_code, case
    assert response.json()["error"] == problem["detail"], case


async def opened(hpp: HandshakeApp) -> Peer:
    """Return a session with an open request, whose answer goes to `decision`."""
    peer = await open_in_process(hpp, FORM)
    asked = (await peer.agent("POST", "ask", {"text": "Which?", "key": "name"})).json()
    peer.created |= {"decisionUrl": f"{peer.created['answerUrl']}/{asked['id']}", "digest": asked["digest"]}
    return peer


async def post(peer: Peer, method: str, name: str, raw: bytes, **headers: str) -> httpx.Response:
    """Send a raw body with both of the session's credentials, so that no role stands in its way."""
    all_headers = {"Content-Type": "application/json", **peer.as_agent, **peer.as_user, **headers}
    url = "/handshake/session" if name == "create" else peer.created[f"{name}Url"]
    response = await peer.http.request(method, url, content=raw, headers=all_headers)
    peer.http.cookies.clear()
    return response


async def still_serves(hpp: HandshakeApp) -> None:
    """Go through a session as if nothing had happened."""
    peer = await open_in_process(hpp, FORM)
    assert (await peer.act({"name": "Alice"}))["applied"] == ["name"]
    assert (await peer.edit("age", 30))["by"] == "user"
    assert (await peer.context())["context"]["name"]["value"] == "Alice"


@pytest.mark.parametrize("case", BODIES)
async def test_no_mutation_of_a_body_is_an_internal_error_and_none_that_is_refused_changes_anything(case: str) -> None:
    method, name, body = BODIES[case]
    hpp = HandshakeApp(limits=PATIENT)
    peer = await opened(hpp)
    for label, raw in mutants(body):
        before = await session_of(hpp, peer)
        response = await post(peer, method, name, raw.replace(DIGEST, peer.created["digest"]).encode())
        check(response, method, name, case=label)
        if response.status_code != 200:
            assert await session_of(hpp, peer) == before, label
        elif case == "rotate":
            peer.created["token"] = response.json()["token"]
    await still_serves(hpp)


async def session_of(hpp: HandshakeApp, peer: Peer) -> Session:
    record = await record_of(hpp.engine.store, peer.session_id)
    assert record is not None
    return record.session


REFUSED = {
    "integer no page can show": ("value", str(2**53), "invalid_value"),
    "negative integer no page can show": ("value", str(-(2**53)), "invalid_value"),
    "integer within a list": ("value", f"[[{2**53}]]", "invalid_value"),
    "number too large for any": ("value", "1e400", "invalid_request"),
    "NaN": ("value", "NaN", "invalid_json"),
    "lone surrogate": ("value", '"\\ud800"', "invalid_json"),
    "lone surrogate as a key": ("key", '"\\ud800"', "invalid_json"),
    "depth 17": ("value", "[" * 17 + "]" * 17, "invalid_value"),
    "reserved member": ("value", '{"__proto__":{"polluted":true}}', "invalid_value"),
    "value too large": ("value", '"' + "x" * PATIENT.value_bytes + '"', "value_too_large"),
    "reserved key": ("key", '"__proto__"', "invalid_key"),
    "another reserved key": ("key", '"constructor"', "invalid_key"),
    "empty key": ("key", '""', "invalid_key"),
    "control character in a key": ("key", '"a\\u0000"', "invalid_key"),
    "key too long": ("key", '"' + "k" * 257 + '"', "invalid_key"),
    "key that is no text": ("key", "7", "invalid_request"),
}
"""What must not get in, though it is JSON or nearly so."""


async def test_data_that_could_not_go_out_again_safely_does_not_get_in() -> None:
    peer = await open_in_process(HandshakeApp(limits=PATIENT), {})
    good = '{"type":"set","key":"first","value":1}'
    for case, (member, literal, code) in REFUSED.items():
        parts = {"key": '"name"', "value": "1", member: literal}
        entry = f'{{"type":"set","key":{parts["key"]},"value":{parts["value"]}}}'
        for name, raw in (("action", f'{{"actions":[{good},{entry}]}}'), ("notify", entry)):
            response = await post(peer, "POST", name, raw.encode())
            status = 413 if code == "value_too_large" else 400
            assert (case, name, response.status_code, response.json()["code"]) == (case, name, status, code)
    assert (await peer.context())["context"] == {}, "part of a malformed batch was written"


AT_THE_BOUNDS: tuple[Any, ...] = (
    *(2**53 - 1, -(2**53) + 1, 0.1, 1e308, 5e-324, "", None, [], {}),
    json.loads("[" * 16 + "]" * 16),
)


async def test_data_at_the_bounds_comes_back_as_it_was() -> None:
    peer = await open_in_process(HandshakeApp(limits=PATIENT), {})
    for value in AT_THE_BOUNDS:
        assert (await peer.act({"name": value}))["applied"] == ["name"]
        assert (await peer.context())["context"]["name"]["value"] == value


WHOLE_BODIES = {
    "empty": b"",
    "white space": b" \n",
    "null byte": b"\x00",
    "byte order mark": b"\xef\xbb\xbf{}",
    "utf-16": "{}".encode("utf-16"),
    "utf-32": "{}".encode("utf-32"),
    "invalid utf-8": b'{"key":"\xff\xfe"}',
    "overlong utf-8": b'{"key":"\xc0\x80"}',
    "raw lone surrogate": b'{"key":"\xed\xa0\x80","value":"\xed\xa0\x80"}',
    "beyond unicode": b'{"key":"\xf7\xbf\xbf\xbf"}',
    "raw control character": b'{"key":"\x01"}',
    "trailing text": b"{}x",
    "trailing comma": b'{"key":"name",}',
    "two values": b"{}{}",
    "single quotes": b"{'key':'name'}",
    "comment": b"{}//",
    "unquoted": b"{key:1}",
    "form": b"key=name&value=x",
    "xml": b"<a/>",
    "lone quote": b'"',
    "lone backslash": b'"\\',
    "half an escape": b'{"key":"\\u12"}',
    "deep lists": b"[" * 8000,
    "deep objects": b'{"a":' * 3000,
    "deep member nobody reads": b'{"x":' + b"[" * 3000 + b"]" * 3000 + b"}",
    "one byte too large": b'{"x":"' + b"x" * (PATIENT.body_bytes - 7) + b'"}',
    "far too large": b"[" + b"1," * PATIENT.body_bytes + b"1]",
    "many members": b"{" + b",".join(b'"%d":1' % number for number in range(1500)) + b"}",
}


async def test_a_body_that_is_not_json_is_refused_as_such() -> None:
    hpp = HandshakeApp(limits=PATIENT)
    peer = await opened(hpp)
    documented = {"invalid_json", "invalid_request", "missing_key", "too_deep", "body_too_large"}
    for case, body in WHOLE_BODIES.items():
        for method, name, _ in BODIES.values():
            response = await post(peer, method, name, body)
            if response.status_code == 200:  # an object whose members nobody reads
                assert json.loads(body), case
                peer.created["token"] = response.json().get("token", peer.token) if name == "rotate" else peer.token
                continue
            check(response, method, name, case=case)
            assert response.json()["code"] in documented, (case, name)
    await still_serves(hpp)


ODD_HEADERS: list[tuple[dict[str, str], int]] = [
    ({"Content-Type": "text/plain"}, 415),
    ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
    ({"Content-Type": "application/jsonx"}, 415),
    ({"Content-Type": "application/ld+json"}, 415),
    ({"Content-Type": ""}, 415),
    ({"Content-Type": ";"}, 415),
    ({"Content-Type": "application/json, text/plain"}, 415),
    ({"Content-Type": "\xe4"}, 415),
    ({"Content-Type": "application/json; charset=utf-8"}, 200),
    ({"Content-Type": "Application/JSON"}, 200),
    ({"Content-Type": "application/json;;"}, 200),
    ({"Content-Encoding": "gzip"}, 415),
    ({"Content-Encoding": "br, gzip"}, 415),
    ({"Content-Encoding": "\xff"}, 415),
    ({"Content-Encoding": "identity"}, 200),
    ({"Idempotency-Key": ""}, 400),
    ({"Idempotency-Key": "a b"}, 400),
    ({"Idempotency-Key": "\xfc"}, 400),
    ({"Idempotency-Key": "x" * 256}, 400),
    ({"Idempotency-Key": "x" * 255}, 200),
    ({"Origin": "\xff"}, 403),
    ({"Origin": ""}, 403),
    ({"Origin": "http://["}, 403),
    ({"Origin": "http://localhost:99999999"}, 403),
    ({"Host": "["}, 200),
    ({"Host": "\xe4"}, 200),
    ({"X-Forwarded-Proto": "\xff"}, 200),
    ({"X-Forwarded-For": "\xff, \x7f"}, 200),
]


async def test_odd_headers_are_refused_or_ignored() -> None:
    hpp = HandshakeApp(limits=PATIENT)
    peer = await open_in_process(hpp, FORM)
    body = b'{"actions":[{"type":"set","key":"name","value":"x"}]}'
    for headers, status in ODD_HEADERS:
        given = {"Content-Type": "application/json", **peer.as_agent, **headers}
        if "Origin" in headers:  # the agent has no origin; the cookie of a page has
            given |= peer.as_user
        raw = [(name.encode(), value.encode("latin-1")) for name, value in given.items()]
        response = await peer.http.post(peer.created["actionUrl"], content=body, headers=raw)
        assert (headers, response.status_code) == (headers, status), response.text
        check(response, "POST", "action", case=str(headers))
    await still_serves(hpp)


LENGTHS = (
    *("-1", "+5", "x", "", "1e3", "0x10", "1_0", "9" * 18, "9" * 5000, "0" * 5000),
    "\u0663".encode().decode("latin-1"),
)


async def test_a_server_that_passes_on_an_odd_content_length_does_not_break_us() -> None:
    hpp = HandshakeApp(limits=PATIENT)
    peer = await open_in_process(hpp, FORM)
    statuses = {length[:20]: await status_with_length(hpp, peer, length) for length in LENGTHS}
    too_long = {"9" * 18, "9" * 20}
    assert statuses == {length[:20]: 413 if length[:20] in too_long else 200 for length in LENGTHS}


async def status_with_length(hpp: HandshakeApp, peer: Peer, length: str) -> int:
    """Call the application as a server would that checks no header, and return the status of its answer."""
    headers = {"Content-Type": "application/json", **peer.as_agent, "Content-Length": length}
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": f"/action/{peer.session_id}",
        "headers": raw,
        "query_string": b"",
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b'{"actions":[]}'}

    async def send(message: Message) -> None:
        sent.append(message)

    await hpp(scope, receive, send)
    status: int = sent[0]["status"]
    return status


STRANGE = {
    "empty": b"",
    "space": b" ",
    "not ascii": "t\xf6ken".encode("latin-1"),
    "utf-8": "tökên".encode(),
    "every high byte": bytes(range(0x80, 0x100)),
    "very long": b"x" * 8000,
    "quotes": b'"\\"',
    "semicolons": b";;;=;",
    "commas": b",,,",
    "percent": b"%00%ff%zz",
    "brackets": b"(<[{}]>)",
    "dots": b"../../..",
}
PLACES = {
    "X-Handshake-Token": b"%s",
    "X-Handshake-User-Token": b"%s",
    "Authorization": b"Bearer %s",
    "authorization": b"%s",
    "Cookie": b"%s",
    "cookie": b"hpp_%s=%s",
    "COOKIE": b"hpp_SID=%s",
    "CooKie": b"__Host-hpp_SID=%s; hpp_SID=%s",
}


@pytest.mark.parametrize("place", PLACES)
async def test_a_strange_credential_is_a_wrong_one(place: str) -> None:
    hpp = HandshakeApp(limits=PATIENT)
    peer = await open_in_process(hpp, FORM)
    for case, credential in STRANGE.items():
        template = PLACES[place].replace(b"SID", peer.session_id.encode())
        header = (place.encode(), template.replace(b"%s", credential))
        for method, name, status in (
            ("GET", "context", 403),
            ("POST", "action", 403),
            ("DELETE", "session", 403),
            ("POST", "create", 200),
        ):
            url = "/handshake/session" if name == "create" else peer.created[f"{name}Url"]
            headers = [header, (b"Content-Type", b"application/json")]
            response = await peer.http.request(method, url, content=b"{}", headers=headers)
            peer.http.cookies.clear()
            assert response.status_code == status, (case, response.text)
            check(response, method, name, case=case)
    await still_serves(hpp)


async def test_a_strange_token_in_the_query_is_a_wrong_one() -> None:
    hpp = HandshakeApp(limits=PATIENT)
    peer = await open_in_process(hpp, FORM)
    for query in ("token", "token=", "token=%00", "token=%ff", "token=%ED%A0%80", "token=+", "token=x&token=y", "&=&;"):
        response = await peer.http.get(f"{peer.created['contextUrl']}?{query}")
        assert response.json()["code"] == "invalid_token", query
    await still_serves(hpp)


ODD_TEXTS = (
    "",
    "x",
    "%00",
    "%FF",
    "%ED%A0%80",
    "%",
    "0",
    "-1",
    "1e400",
    "nan",
    "inf",
    "-inf",
    "1_0",
    "9" * 5000,
    "00000000.1",
    "00000000." + "9" * 30,
    "00000000.-1",
    "%F0%9F%92%A9",
    "2026-01-01",
    "2026-01-01T00:00:00+00:00",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "0000-00-00",
    "2026-13-45T99:99:99",
    "2026-W01-1",
    "[]",
    "a&b=c",
)


@pytest.mark.parametrize("member", ["since", "wait", "since=&wait", "since&since", "other"])
async def test_an_odd_query_of_diff_is_answered_or_refused(member: str) -> None:
    hpp = HandshakeApp(limits=PATIENT.replace(long_poll=0.01))
    peer = await open_in_process(hpp, FORM)
    await peer.act({"name": "x"})
    for text in ODD_TEXTS:
        response = await peer.http.get(f"{peer.created['diffUrl']}?{member}={text}", headers=peer.as_agent)
        check(response, "GET", "diff", case=text)
        if response.status_code == 200:
            assert response.json()["cursor"]
    await still_serves(hpp)


ODD_PATHS = [
    "/handshake/nothing",
    "/handshake/context",
    "/handshake/context/%00",
    "/handshake/context/%ff",
    "/handshake/context/%2e%2e%2f%2e%2e",
    "/handshake/context/%252e",
    "/handshake/context/a/b",
    "/handshake/context/" + "x" * 4000,
    "/handshake/context/" + "0" * 33,
    "/handshake/context/" + "0" * 31,
    "/handshake/context/" + "G" * 32,
    "/handshake/context/" + "0" * 31 + "%0a",
    "/handshake/context/" + "%D9%A3" * 32,
    "/handshake/context/%F0%9F%92%A9",
    "/handshake/context/;x=1",
    "/handshake/session/extend",
    "/handshake/session//extend",
    "/handshake/client.js%00",
    "/handshake/%2e%2e/handshake/session",
    "/handshake//session",
    "/handshake/ws/" + "0" * 32,
]


async def test_an_odd_path_is_not_found() -> None:
    hpp = HandshakeApp(limits=PATIENT)
    peer = await open_in_process(hpp, FORM)
    for path in ODD_PATHS:
        request = peer.http.build_request("GET", "/", headers=peer.as_agent | peer.as_user)
        request.url = request.url.copy_with(raw_path=path.encode())
        response = await peer.http.send(request)
        assert (path, response.status_code) == (path, 404)
        check_problem(response, case=path)
    await still_serves(hpp)


# What only a socket can say


async def spoken(url: str, raw: bytes) -> bytes:
    """Send bytes to a server and return what it says until it closes."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        async with asyncio.timeout(PATIENCE):
            writer.write(raw)
            await writer.drain()
            writer.write_eof()
            return await reader.read()
    finally:
        writer.close()


WIRE = {
    "not ascii in the target": (b"GET /handshake/context/\xff\xfe HTTP/1.1\r\n%(host)s\r\n", None),
    "NUL in the target": (b"GET /handshake/\x00 HTTP/1.1\r\n%(host)s\r\n", 400),
    "no host": (b"POST /handshake/session HTTP/1.1\r\n%(json)sContent-Length: 2\r\n\r\n{}", 400),
    "two hosts": (b"GET /handshake/ HTTP/1.1\r\n%(host)sHost: b\r\n\r\n", None),
    "HTTP/1.0 without a host": (b"POST /handshake/session HTTP/1.0\r\n%(json)sContent-Length: 2\r\n\r\n{}", 200),
    "absolute target": (b"GET http://elsewhere/handshake/ HTTP/1.1\r\n%(host)s\r\n", None),
    "asterisk": (b"OPTIONS * HTTP/1.1\r\n%(host)s\r\n", None),
    "made-up method": (b"BREW /handshake/session HTTP/1.1\r\n%(host)s\r\n", None),
    "method with odd characters": (b"G\xc4T /handshake/ HTTP/1.1\r\n%(host)s\r\n", 400),
    "NUL in a header": (b"GET /handshake/ HTTP/1.1\r\n%(host)sX-Handshake-Token: a\x00b\r\n\r\n", 400),
    "token of high bytes": (
        b"GET /handshake/context/%(sid)s HTTP/1.1\r\n%(host)sX-Handshake-Token: \xff\xfe\r\n\r\n",
        403,
    ),
    "cookie of high bytes": (
        b"POST /handshake/session HTTP/1.1\r\n%(host)sCookie: hpp_\xff=\xfe; hpp_%(sid)s=\xff\r\n%(json)s%(two)s{}",
        200,
    ),
    "chunked": (
        b"POST /handshake/session HTTP/1.1\r\n%(host)s%(json)s%(chunked)s1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        200,
    ),
    "chunked and too large": (
        b"POST /handshake/session HTTP/1.1\r\n%(host)s%(json)s%(chunked)s"
        + b"".join(b"1000\r\n" + b" " * 0x1000 + b"\r\n" for _ in range(5))
        + b"0\r\n\r\n",
        413,
    ),
    "chunk of no size": (
        b"POST /handshake/session HTTP/1.1\r\n%(host)s%(json)s%(chunked)szz\r\n{}\r\n0\r\n\r\n",
        400,
    ),
    "unknown transfer encoding": (
        b"POST /handshake/session HTTP/1.1\r\n%(host)s%(json)sTransfer-Encoding: gzip\r\n\r\n{}",
        None,
    ),
    "length too large": (
        b"POST /handshake/session HTTP/1.1\r\n%(host)s%(json)sContent-Length: 99999999\r\n\r\n{}",
        413,
    ),
    "length of 5000 digits": (
        b"POST /handshake/session HTTP/1.1\r\n%(host)s%(json)sContent-Length: " + b"9" * 5000 + b"\r\n\r\n{}",
        400,
    ),
    "negative length": (b"POST /handshake/session HTTP/1.1\r\n%(host)s%(json)sContent-Length: -1\r\n\r\n{}", 400),
    "two lengths": (
        b"POST /handshake/session HTTP/1.1\r\n%(host)s%(json)sContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        400,
    ),
    "no body": (b"POST /handshake/session HTTP/1.1\r\n%(host)s%(json)s\r\n", 400),
    "body of a GET": (b"GET /handshake/ HTTP/1.1\r\n%(host)s%(json)sContent-Length: 2\r\n\r\n{}", 200),
    "upgrade to nothing": (b"GET /handshake/ HTTP/1.1\r\n%(host)sUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", None),
    "WebSocket without a key": (
        b"GET /ws/handshake/%(sid)s HTTP/1.1\r\n%(host)s%(upgrade)s\r\n",
        None,
    ),
    "WebSocket of an old version": (
        b"GET /ws/handshake/%(sid)s HTTP/1.1\r\n%(host)s%(upgrade)sSec-WebSocket-Version: 1\r\n\r\n",
        None,
    ),
    "HTTP where a WebSocket is": (b"GET /ws/handshake/%(sid)s HTTP/1.1\r\n%(host)s\r\n", 404),
    "dots out of a resource": (b"GET /handshake/context/.. HTTP/1.1\r\n%(host)s\r\n", 404),
    "dots out of the mount": (b"GET /handshake/../../etc/passwd HTTP/1.1\r\n%(host)s\r\n", 404),
    "dots out of the package": (b"GET /handshake/client.js/../../engine.py HTTP/1.1\r\n%(host)s\r\n", 404),
    "no HTTP at all": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", None),
}
"""What is sent, and the status of the answer where it is ours to give; the server below us has the first word."""


async def test_whatever_a_socket_says_no_answer_is_an_internal_error(
    pair: Open, caplog: pytest.LogCaptureFixture
) -> None:
    peer = await pair(HandshakeApp(limits=PATIENT))
    host = urlsplit(peer.base_url).netloc.encode()
    parts = {
        b"host": b"Host: " + host + b"\r\nConnection: close\r\n",
        b"json": b"Content-Type: application/json\r\n",
        b"two": b"Content-Length: 2\r\n\r\n",
        b"chunked": b"Transfer-Encoding: chunked\r\n\r\n",
        b"upgrade": b"Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Key: eA==\r\n",
        b"sid": peer.session_id.encode(),
    }
    for case, (raw, status) in WIRE.items():
        answer = await spoken(peer.base_url, raw % parts if b"%(" in raw else raw)
        said = answer.split(b" ", 2)[1:2]
        assert said != [b"500"], (case, answer)
        if status is not None:
            assert said == [str(status).encode()], (case, answer)
        assert (await peer.act({"name": "x"}))["ok"], case
    assert not [record for record in caplog.records if record.exc_info]


# The WebSocket


@pytest.mark.parametrize("role", ["user", "agent"])
@pytest.mark.parametrize("case", FRAMES)
async def test_no_mutation_of_a_frame_ends_the_watcher(
    pair: Open, case: str, role: str, caplog: pytest.LogCaptureFixture
) -> None:
    peer = await pair(HandshakeApp(limits=PATIENT))
    async with peer.watch(role=role) as socket, peer.watch() as other:
        for label, raw in mutants(FRAMES[case]):
            await socket.send(raw)
            answer = await socket.next()
            while answer["type"] not in ("ack", "error"):
                answer = await socket.next()
            assert answer.get("code") not in {"internal_error", "unavailable"}, label
        await peer.act({"email": "a@example.com"})
        assert [frame["key"] for frame in await other.until("done") if frame["type"] == "action"] == ["email"]
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_text_frame_that_is_not_json_is_answered_with_an_error(pair: Open) -> None:
    peer = await pair(HandshakeApp(limits=PATIENT))
    for case, body in WHOLE_BODIES.items():
        text = body.decode("latin-1")
        async with peer.watch() as socket:
            await socket.next("connected")
            await socket.send(text)
            if len(text.encode()) > PATIENT.frame_bytes:
                assert (case, (await socket.closed())[0]) == (case, 4513)
            else:
                assert (case, (await socket.next())["type"]) == (case, "error")
                await socket.send({"type": "userEdit", "key": "name", "value": "x"})
                assert (case, (await socket.next())["type"]) == (case, "ack")
    assert (await peer.act({"email": "a@example.com"}))["ok"]


async def test_an_odd_cursor_gets_a_snapshot(pair: Open) -> None:
    peer = await pair(HandshakeApp(limits=PATIENT))
    for after in ODD_TEXTS:
        async with peer.watch(query=f"after={after}") as socket:
            connected = await socket.next("connected")
        assert (after, connected["recovered"]) == (after, False)
        assert connected["snapshot"]["sessionId"] == peer.session_id


SUBPROTOCOLS = {
    "nothing": "",
    "commas": ",,,",
    "empty credential": "hpp.v1, hpp.bearer.",
    "very long": "hpp.v1, hpp.bearer." + "x" * 4000,
    "many": ", ".join(f"p{number}" for number in range(300)),
    "the same twice": "hpp.v1, hpp.v1",
}


@pytest.mark.parametrize("place", ["Sec-WebSocket-Protocol", "X-Handshake-Token", "Cookie", "Origin", "query"])
async def test_a_strange_credential_of_a_websocket_is_refused_with_a_final_code(pair: Open, place: str) -> None:
    peer = await pair(HandshakeApp(limits=PATIENT))
    host = urlsplit(peer.base_url).netloc
    strange = [text.encode() for text in SUBPROTOCOLS.values()] if place.startswith("Sec") else list(STRANGE.values())
    for credential in strange:
        query = b"?token=" + quote(credential).encode() if place == "query" else b""
        header = b"" if place == "query" else place.encode() + b": " + credential + b"\r\n"
        answer = await spoken(
            peer.base_url,
            b"GET " + peer.created["wsUrl"].encode() + query + b" HTTP/1.1\r\nHost: " + host.encode() + b"\r\n"
            b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + header + b"\r\n",
        )
        status = answer.split(b" ", 2)[1]
        assert status in (b"101", b"400"), (credential, answer)
        if status == b"101":
            assert b"\x11\x31" in answer or b"\x11\x33" in answer, (credential, answer)
    assert (await peer.act({"name": "x"}))["ok"]


# Random input, within bounds

texts = st.text(max_size=20) | st.sampled_from(["name", "set", "__proto__", "\u2028", "form-fill", "x" * 300])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars, lambda parts: st.lists(parts, max_size=4) | st.dictionaries(texts, parts, max_size=4), max_leaves=12
)
names = {name for _, _, body in BODIES.values() for name in body} | {*CREATE["schema"][0], *CREATE["schema"][1]}
members = st.sampled_from(sorted(names | {"language", "options", "value", "ifRev", "ref"}))
objects = st.recursive(
    scalars, lambda parts: st.lists(parts, max_size=4) | st.dictionaries(members, parts, max_size=6), max_leaves=20
)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(body=st.dictionaries(members, values | objects, max_size=8) | objects, route=st.sampled_from(sorted(BODIES)))
async def test_no_json_anybody_thinks_of_is_an_internal_error(body: Any, route: str) -> None:
    method, name, _ = BODIES[route]
    peer = await opened(HandshakeApp(limits=PATIENT))
    try:
        raw = json.dumps(body).encode()
    except UnicodeEncodeError:
        return
    check(await post(peer, method, name, raw), method, name, case=route)
    assert (await peer.context(role="user"))["sessionId"] == peer.session_id


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(
    body=st.binary(max_size=200),
    header=st.binary(max_size=60).filter(lambda raw: not set(raw) & {0, 10, 13}),
    place=st.sampled_from([*PLACES, "Origin", "Content-Type", "Content-Encoding", "Idempotency-Key", "Host"]),
    route=st.sampled_from(sorted(BODIES)),
)
async def test_no_bytes_anybody_thinks_of_are_an_internal_error(
    body: bytes, header: bytes, place: str, route: str
) -> None:
    method, name, _ = BODIES[route]
    peer = await opened(HandshakeApp(limits=PATIENT))
    url = "/handshake/session" if name == "create" else peer.created[f"{name}Url"]
    headers = {b"Content-Type": b"application/json", place.encode(): header}
    response = await peer.http.request(method, url, content=body, headers=list(headers.items()))
    check(response, method, name, case=f"{place}: {header!r}")


async def test_a_watcher_survives_its_peers_nonsense(pair: Open) -> None:
    peer = await pair(HandshakeApp(limits=PATIENT))
    async with peer.watch() as good:
        await good.next("connected")
        async with peer.watch() as bad:
            for body in WHOLE_BODIES.values():
                try:
                    await bad.send(body.decode("latin-1"))
                except ConnectionClosed:
                    break
        await peer.act({"name": "x"})
        assert (await good.next("action"))["value"] == "x"
