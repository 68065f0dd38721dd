"""The HTTP endpoints as any client meets them: methods, paths, headers, errors, and the description of it all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_type_hints, is_typeddict

import httpx
import msgspec
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from handshake_prompt import HandshakeApp, Limits, MemoryStore
from handshake_prompt.protocol import messages, session_messages
from tests.conftest import FORM, Open
from tests.support.clock import ManualClock
from tests.support.in_process import client, open_in_process
from tests.support.peer import Peer
from tests.support.sessions import record_of

ALLOW = {
    "/": "GET, HEAD, OPTIONS",
    "/session": "OPTIONS, POST",
    "/session/{sid}": "DELETE, GET, HEAD, OPTIONS",
    "/session/{sid}/extend": "OPTIONS, POST",
    "/session/{sid}/rotate": "OPTIONS, POST",
    "/session/{sid}/pickup": "OPTIONS, POST",
    "/pickup/{code}": "GET, HEAD, OPTIONS, POST",
    "/pickup/{code}/{key}": "GET, HEAD, OPTIONS, POST",
    "/context/{sid}": "GET, HEAD, OPTIONS",
    "/action/{sid}": "OPTIONS, POST",
    "/notify/{sid}": "OPTIONS, POST",
    "/diff/{sid}": "GET, HEAD, OPTIONS",
    "/events/{sid}": "GET, HEAD, OPTIONS",
    "/submit/{sid}": "OPTIONS, POST",
    "/revert/{sid}": "OPTIONS, POST",
    "/paste/{sid}": "OPTIONS, POST",
    "/options/{sid}": "GET, HEAD, OPTIONS",
    "/ask/{sid}": "OPTIONS, POST",
    "/ask/{sid}/{request}": "DELETE, OPTIONS",
    "/answer/{sid}/{request}": "OPTIONS, POST",
    "/forms/{name}": "GET, HEAD, OPTIONS",
    "/client.js": "GET, HEAD, OPTIONS",
    "/client/{part}": "GET, HEAD, OPTIONS",
    "/draw.js": "GET, HEAD, OPTIONS",
    "/draw/{part}": "GET, HEAD, OPTIONS",
    "/element.js": "GET, HEAD, OPTIONS",
    "/element/{part}": "GET, HEAD, OPTIONS",
    "/form.js": "GET, HEAD, OPTIONS",
    "/form/{part}": "GET, HEAD, OPTIONS",
    "/webmcp.js": "GET, HEAD, OPTIONS",
    "/webmcp/{part}": "GET, HEAD, OPTIONS",
    "/modules/{digest}/{part}": "GET, HEAD, OPTIONS",
    "/modules/{digest}/{name}/{part}": "GET, HEAD, OPTIONS",
    "/openapi.json": "GET, HEAD, OPTIONS",
}
GETTABLE = [path for path, allow in ALLOW.items() if "GET" in allow and not path.startswith(("/options", "/pickup"))]
"""What is answered to a GET without a query or a code."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW")


def at(peer: Peer, path: str) -> str:
    modules = {"draw": "kinds.js", "element": "panel.js", "webmcp": "tool_list.js"}
    part = modules.get(path.split("/")[1], "form.js" if path.endswith("{digest}/{part}") else "values.js")
    parts = {
        "{sid}": peer.session_id,
        "{digest}": "0a1b2c3d4e5f6789",
        "{part}": part,
        "{name}": "form" if "{part}" in path else "claim",
        "{request}": "0a1b2c3d.1",
        "{code}": "7K3M-Q2VX-9HTD",
        "{key}": "k",
    }
    return "/handshake" + re.sub(r"{\w+}", lambda part: parts[part[0]], path)


def with_a_form(limits: Limits | None = None) -> HandshakeApp:
    """Return an application with a form of its own."""
    hpp = HandshakeApp(limits=limits)
    hpp.form("claim", [{"key": "name"}])
    return hpp


# Methods


@pytest.mark.parametrize("path", ALLOW)
async def test_options_names_the_methods_of_a_resource(path: str) -> None:
    peer = await open_in_process(HandshakeApp(), FORM)
    response = await peer.http.options(at(peer, path))
    assert response.status_code == 204
    assert response.headers["allow"] == ALLOW[path]
    assert response.content == b""


@pytest.mark.parametrize("path", ALLOW)
async def test_any_other_method_is_refused_with_the_ones_that_are_answered(path: str) -> None:
    peer = await open_in_process(HandshakeApp(), FORM)
    for method in METHODS:
        if method in ALLOW[path].split(", "):
            continue
        response = await peer.http.request(method, at(peer, path), headers=peer.as_agent | peer.as_user)
        assert response.status_code == 405, method
        assert response.headers["allow"] == ALLOW[path]
        if method != "HEAD":
            assert response.json()["code"] == "method_not_allowed"


async def test_a_method_that_is_not_answered_needs_no_credential_and_changes_nothing() -> None:
    hpp = HandshakeApp()
    peer = await open_in_process(hpp, FORM)
    before = await record_of(hpp.engine.store, peer.session_id)
    for _ in range(30):  # would be over the limit of wrong credentials
        assert (await peer.http.put(at(peer, "/context/{sid}"))).status_code == 405
    assert await record_of(hpp.engine.store, peer.session_id) == before


@pytest.mark.parametrize("path", [path for path in GETTABLE if "events" not in path])
async def test_head_is_get_without_the_body(path: str) -> None:
    peer = await open_in_process(with_a_form(), FORM)
    headers = {**peer.as_agent, "Accept-Encoding": "identity"}
    get, head = (
        await peer.http.get(at(peer, path), headers=headers),
        await peer.http.head(at(peer, path), headers=headers),
    )
    assert head.status_code == get.status_code == 200
    assert head.content == b""
    assert head.headers["content-type"] == get.headers["content-type"]
    assert head.headers["content-length"] == str(len(get.content))


async def test_head_passes_the_same_guard_as_get() -> None:
    peer = await open_in_process(HandshakeApp(), FORM)
    assert (await peer.http.head(at(peer, "/context/{sid}"))).status_code == 403


async def test_a_real_server_sends_no_body_after_head(pair: Open) -> None:
    peer = await pair()
    for _ in range(2):  # a body would break the second answer on the same connection
        response = await peer.agent("HEAD", "context")
        assert (response.status_code, response.content) == (200, b"")
    assert (await peer.agent("GET", "context")).json()["sessionId"] == peer.session_id


# The context as a state with a name, and as a text


async def test_a_context_that_is_known_is_not_sent_again_until_something_changes() -> None:
    peer = await open_in_process(HandshakeApp(), FORM)
    first = await peer.agent("GET", "context")
    tag = first.headers["etag"]
    for condition in (tag, f'"other", {tag}', "*", tag.removeprefix("W/")):
        known = await peer.agent("GET", "context", headers={"If-None-Match": condition})
        assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag), condition
        assert known.headers["ratelimit"].startswith('"session";r=')
    await peer.edit("name", "Ada")
    changed = await peer.agent("GET", "context", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


async def test_states_that_look_different_have_different_names() -> None:
    peer = await open_in_process(HandshakeApp(), FORM)
    markdown = {"Accept": "text/markdown"}
    replies = [
        await peer.agent("GET", "context"),
        await peer.user("GET", "context"),
        await peer.agent("GET", "context", headers=markdown),
        await peer.user("GET", "context", headers=markdown),
    ]
    assert len({reply.headers["etag"] for reply in replies}) == 4
    assert {reply.headers["vary"] for reply in replies} == {"Accept"}


async def test_a_known_state_is_told_to_nobody_without_a_credential() -> None:
    peer = await open_in_process(HandshakeApp(), FORM)
    tag = (await peer.agent("GET", "context")).headers["etag"]
    refused = await peer.send("GET", "context", headers={"If-None-Match": tag})
    assert refused.status_code == 403


async def test_asking_for_a_known_state_is_a_use_that_prolongs_the_session() -> None:
    clock = ManualClock()
    peer = await open_in_process(HandshakeApp(store=MemoryStore(clock=clock), ttl=100))
    tag = (await peer.agent("GET", "context")).headers["etag"]
    for _ in range(3):
        clock.advance(90)
        assert (await peer.agent("GET", "context", headers={"If-None-Match": tag})).status_code == 304


ACCEPTS = {
    "plainly": ("text/markdown", "text/markdown; charset=utf-8"),
    "among others": ("text/html;q=0.8, text/markdown;q=0.9, */*;q=0.1", "text/markdown; charset=utf-8"),
    "anything": ("*/*", "application/json"),
    "json": ("application/json", "application/json"),
    "not at all": ("application/json, text/markdown;q=0", "application/json"),
}


@pytest.mark.parametrize(("accept", "content_type"), ACCEPTS.values(), ids=ACCEPTS)
async def test_the_context_is_markdown_for_who_asks_for_it(accept: str, content_type: str) -> None:
    peer = await open_in_process(HandshakeApp(), FORM)
    response = await peer.agent("GET", "context", headers={"Accept": accept})
    assert (response.status_code, response.headers["content-type"]) == (200, content_type)
    assert ("# The page as it is now" in response.text) is ("markdown" in content_type)


async def test_several_accept_headers_are_one_list() -> None:
    peer = await open_in_process(HandshakeApp(), FORM)
    for accepts, kind in (
        (("text/html", "text/markdown"), "text/markdown"),
        (("text/*", "application/json"), "application/json"),
    ):
        headers = [*peer.as_agent.items(), *(("Accept", accept) for accept in accepts)]
        response = await peer.http.get(peer.base_url + peer.created["contextUrl"], headers=headers)
        assert response.headers["content-type"].startswith(kind)


# What an agent calls itself

NAMES = {
    "plain": (b"Claude", "Claude"),
    "utf-8": ("助手 🤖".encode(), "助手 🤖"),
    "latin-1": (b"Agent Ren\xe9", "Agent René"),
    "long": (b"x" * 100, "x" * 64),
    "unprintable": ("a\u202e\u200bb\u2028".encode(), "ab"),
    "nothing that shows": ("\u200b \u200b".encode(), None),
    "markup": (b"<b>bold</b>", "<b>bold</b>"),
    "the person's": (b"You", "“You” (agent)"),
    "blank letters": ("\u3164\u2800".encode(), None),
}


@pytest.mark.parametrize(("sent", "told"), NAMES.values(), ids=NAMES)
async def test_a_page_is_told_what_the_agent_calls_itself(pair: Open, sent: bytes, told: str | None) -> None:
    peer = await pair()
    async with peer.watch() as page:
        await page.next("connected")
        headers = [(b"X-Handshake-Token", peer.token.encode()), (b"X-Agent-Name", sent)]
        response = await peer.http.get(peer.base_url + peer.created["contextUrl"], headers=headers)
        assert response.status_code == 200
        await peer.edit("age", 1)
        frames = await page.until("edit")
        frames += [] if told is None or frames[0]["type"] == "agent" else [await page.next()]
        names = [(frame["event"], frame["name"]) for frame in frames if frame["type"] == "agent"]
        assert names == ([] if told is None else [("joined", told)])


# Paths


@pytest.mark.parametrize("path", GETTABLE)
async def test_a_slash_at_the_end_makes_no_difference(path: str) -> None:
    peer = await open_in_process(with_a_form(Limits(stream_life=0.01)), FORM)
    slashed = at(peer, path).rstrip("/") + "/"
    response = await peer.http.get(slashed, headers=peer.as_agent, follow_redirects=False)
    assert response.status_code == 200


async def test_a_post_with_a_slash_at_the_end_is_not_redirected() -> None:
    peer = await open_in_process(HandshakeApp(), FORM)
    response = await peer.http.post(peer.created["actionUrl"] + "/", json={"actions": []}, headers=peer.as_agent)
    assert response.status_code == 200
    assert (await peer.http.post("/handshake/session/", json={})).status_code == 200


async def test_the_mount_answers_with_and_without_a_slash() -> None:
    async with client(HandshakeApp()) as http:
        bare, slashed = await http.get("/handshake"), await http.get("/handshake/")
    assert bare.status_code == slashed.status_code == 200
    assert bare.json() == slashed.json()


@pytest.mark.parametrize("path", ["/nothing", "/session/{sid}/nothing", "/context/{sid}/x", "/contexts/{sid}"])
async def test_an_unknown_path_is_a_problem_too(path: str) -> None:
    peer = await open_in_process(HandshakeApp(), FORM)
    for method in ("GET", "POST", "DELETE"):
        response = await peer.http.request(method, at(peer, path), headers=peer.as_agent)
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
        assert response.headers["content-type"] == "application/problem+json"


async def test_an_unknown_session_is_refused_as_a_strangers_under_every_route() -> None:
    many = Limits(wrong_tokens_per_session=1000, wrong_tokens_per_address=1000)
    peer = await open_in_process(HandshakeApp(limits=many), FORM)
    for path, allow in ALLOW.items():
        if "{sid}" not in path:
            continue
        method = next(name for name in ("POST", "GET", "DELETE") if name in allow)
        response = await peer.http.request(method, "/handshake" + path.replace("{sid}", "0" * 32))
        assert (response.status_code, response.json()["code"]) == (403, "invalid_token"), path


# Rates


def limit(response: httpx.Response) -> tuple[int, int]:
    """Return what the RateLimit header promises: requests left, seconds until all are back."""
    match = re.fullmatch(r'"session";r=(\d+);t=(\d+)', response.headers["ratelimit"])
    assert match, response.headers["ratelimit"]
    return int(match[1]), int(match[2])


async def test_sixty_requests_of_the_agent_pass_and_the_next_is_told_when_to_come_back() -> None:
    clock = ManualClock()
    peer = await open_in_process(HandshakeApp(store=MemoryStore(clock=clock)), FORM)
    for left in range(59, -1, -1):
        response = await peer.agent("GET", "context")
        assert response.status_code == 200
        assert response.headers["ratelimit-policy"] == '"session";q=60;w=60'
        assert limit(response) == (left, 60)
    clock.advance(18)
    refused = await peer.agent("GET", "context")
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert refused.headers["retry-after"] == "42"
    assert refused.json()["retryAfter"] == 42
    assert refused.json()["retryable"] is True
    assert limit(refused) == (0, 42)


async def test_what_the_rate_headers_promise_holds() -> None:
    clock = ManualClock()
    peer = await open_in_process(HandshakeApp(store=MemoryStore(clock=clock), rate_limit_per_min=2), FORM)
    await peer.agent("GET", "context")
    clock.advance(10)
    left, reset = limit(await peer.agent("GET", "context"))
    assert left == 0
    clock.advance(reset - 1)
    refused = await peer.agent("GET", "context")
    assert refused.status_code == 429
    clock.advance(int(refused.headers["retry-after"]))
    assert limit(await peer.agent("GET", "context")) == (1, 60)


async def test_asking_in_vain_does_not_make_the_wait_longer() -> None:
    clock = ManualClock()
    peer = await open_in_process(HandshakeApp(store=MemoryStore(clock=clock), rate_limit_per_min=1), FORM)
    await peer.agent("GET", "context")
    for _ in range(59):
        clock.advance(1)
        assert (await peer.agent("GET", "context")).status_code == 429
    clock.advance(1)
    assert (await peer.agent("GET", "context")).status_code == 200


async def test_an_agent_over_its_rate_takes_nothing_from_the_person() -> None:
    peer = await open_in_process(HandshakeApp(rate_limit_per_min=1), FORM)
    await peer.agent("GET", "context")
    assert (await peer.agent("GET", "context")).status_code == 429
    response = await peer.user("GET", "context")
    assert response.status_code == 200
    assert response.headers["ratelimit-policy"] == '"session";q=600;w=60'
    assert limit(response)[0] == 599


async def test_every_operation_of_a_session_counts_and_creation_does_not() -> None:
    peer = await open_in_process(HandshakeApp(), FORM)
    left = []
    for method, name, body in (
        ("GET", "session", None),
        ("GET", "diff", None),
        ("POST", "action", {"actions": []}),
        ("POST", "extend", {"extraSeconds": 1}),
        ("POST", "action", {"actions": "no list"}),  # counted before it is read
        ("POST", "notify", {}),  # and before it is refused for the role
    ):
        left.append(limit(await peer.agent(method, name, body))[0])
    assert left == [59, 58, 57, 56, 55, 54]


async def test_a_refused_request_over_the_rate_is_not_carried_out() -> None:
    peer = await open_in_process(HandshakeApp(rate_limit_per_min=1), FORM)
    await peer.act({"name": "first"})
    actions = {"actions": [{"type": "set", "key": "name", "value": "second"}]}
    assert (await peer.agent("POST", "action", actions)).status_code == 429
    assert (await peer.context(role="user"))["context"]["name"]["value"] == "first"


async def test_an_address_opens_thirty_sessions_a_minute() -> None:
    clock = ManualClock()
    hpp = HandshakeApp(store=MemoryStore(clock=clock))
    async with client(hpp, client=("203.0.113.7", 1)) as http, client(hpp, client=("203.0.113.8", 1)) as other:
        statuses = [(await http.post("/handshake/session", json={})).status_code for _ in range(31)]
        assert statuses == [200] * 30 + [429]
        assert (await other.post("/handshake/session", json={})).status_code == 200
        clock.advance(60)
        assert (await http.post("/handshake/session", json={})).status_code == 200


async def test_creating_needs_no_quota_of_an_existing_session() -> None:
    async with client(HandshakeApp(), client=("203.0.113.7", 1)) as http:
        response = await http.post("/handshake/session", json={})
    assert "ratelimit" not in response.headers


# Replies and errors


async def test_a_problem_has_the_documented_members_and_the_one_that_old_clients_read() -> None:
    peer = await open_in_process(HandshakeApp(), FORM)
    response = await peer.send("GET", "context")
    problem = response.json()
    assert problem.keys() == {"type", "title", "status", "detail", "code", "retryable", "error", "nextSteps"}
    assert problem["type"] == "urn:handshake-prompt:error:invalid_token"
    assert problem["status"] == 403
    assert problem["code"] == "invalid_token"
    assert problem["error"] == problem["detail"]
    assert problem["retryable"] is False
    assert all(isinstance(step, str) and step for step in problem["nextSteps"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/context/{sid}", 200),
        ("GET", "/", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/nothing", 404),
        ("PUT", "/session", 405),
        ("POST", "/session", 415),
    ],
)
async def test_no_answer_is_kept_by_a_cache_or_guessed_at_by_a_browser(method: str, path: str, status: int) -> None:
    peer = await open_in_process(HandshakeApp(), FORM)
    response = await peer.http.request(method, at(peer, path), headers=peer.as_agent)
    assert response.status_code == status
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-type"] == ("application/json" if status == 200 else "application/problem+json")


async def test_what_goes_out_is_ascii_whatever_came_in() -> None:
    peer = await open_in_process(HandshakeApp(), FORM)
    value = "Zoë \u2028 😀 漢字 \x00\x7f"
    await peer.edit("name", value)
    response = await peer.agent("GET", "context")
    assert response.content.isascii()
    assert response.json()["context"]["name"]["value"] == value


async def test_an_unexpected_failure_is_logged_and_the_caller_learns_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def builder(*_: object, **__: object) -> str:
        raise RuntimeError("the secret plans are in /etc/plans")

    async with client(HandshakeApp(prompt=builder)) as http:
        response = await http.post("/handshake/session", json={})
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert "secret plans" not in response.text
    assert any(record.exc_info for record in caplog.records)


# The service itself


async def test_the_root_tells_name_protocol_limits_and_links() -> None:
    async with client(HandshakeApp(limits=Limits(fields=7), rate_limit_per_min=30)) as http:
        root = (await http.get("/handshake/")).json()
        assert root["protocol"] == "1.1"
        assert root["limits"]["fields"] == 7
        assert root["limits"]["requestsPerMinute"] == 30
        for name, link in root["links"].items():
            assert (await http.get(link)).status_code in ((405,) if name == "session" else (200,))


# The description


async def description(http: httpx.AsyncClient) -> dict[str, Any]:
    response = await http.get("/handshake/openapi.json")
    assert response.headers["content-type"] == "application/json"
    members: dict[str, Any] = response.json()
    return members


def references(node: Any) -> Iterator[str]:
    """Yield every $ref within a description."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from references(part)


def resolve(document: dict[str, Any], reference: str) -> Any:
    node: Any = document
    for name in reference.removeprefix("#/").split("/"):
        node = node[name.replace("~1", "/").replace("~0", "~")]
    return node


async def test_the_description_lists_exactly_the_routes_and_methods_that_are_served() -> None:
    async with client(HandshakeApp()) as http:
        document = await description(http)
    described = {path: {method.upper() for method in operations} for path, operations in document["paths"].items()}
    served = {path: set(allow.split(", ")) - {"HEAD", "OPTIONS"} for path, allow in ALLOW.items()}
    assert described == served


async def test_every_reference_of_the_description_leads_somewhere() -> None:
    async with client(HandshakeApp()) as http:
        document = await description(http)
    found = set(references(document))
    assert found
    for reference in found:
        assert reference.startswith("#/"), reference
        assert resolve(document, reference), reference


async def test_the_description_has_the_form_of_openapi_3_1() -> None:
    async with client(HandshakeApp()) as http:
        document = await description(http)
    assert document["openapi"].startswith("3.1.")
    assert document["info"].keys() >= {"title", "version"}
    assert [server["url"] for server in document["servers"]] == ["/handshake"]
    schemes = document["components"]["securitySchemes"]
    operation_ids = []
    for path, operations in document["paths"].items():
        names = set(re.findall(r"{(\w+)}", path))
        for method, operation in operations.items():
            assert operation["responses"], (path, method)
            for response in operation["responses"].values():
                assert response["description"]
            parameters = operation.get("parameters", [])
            assert {one["name"] for one in parameters if one["in"] == "path"} == names, (path, method)
            assert all(one["required"] for one in parameters if one["in"] == "path")
            assert all("schema" in one for one in parameters)
            for requirement in operation.get("security", []):
                assert requirement.keys() <= schemes.keys()
            assert ("requestBody" in operation) is (method == "post" and "{code}" not in path), (path, method)
            operation_ids += [operation["operationId"]] if "operationId" in operation else []
    assert len(set(operation_ids)) == len(operation_ids)


async def test_the_description_names_the_server_as_the_client_sees_it() -> None:
    hpp = HandshakeApp()
    transport = httpx.ASGITransport(hpp, root_path="/api/pairing")
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        document = (await http.get("/api/pairing/openapi.json")).json()
    assert document["servers"] == [{"url": "/api/pairing"}]


REPLIES: dict[str, tuple[str, str, str, Any, type]] = {
    "status, agent": ("agent", "GET", "session", None, session_messages.SessionStatus),
    "status, user": ("user", "GET", "session", None, session_messages.SessionStatus),
    "context, agent": ("agent", "GET", "context", None, messages.Context),
    "context, user": ("user", "GET", "context", None, messages.Context),
    "action": (
        "agent",
        "POST",
        "action",
        {"actions": [{"type": "set", "key": "name", "value": "x"}, {"type": "set", "key": "nowhere"}, {}]},
        messages.ActionReply,
    ),
    "edit": ("user", "POST", "notify", {"key": "name", "value": "x"}, messages.NotifyReply),
    "release": ("user", "POST", "notify", {"key": "name", "release": True}, messages.NotifyReply),
    "diff, agent": ("agent", "GET", "diff", None, messages.Diff),
    "diff, user": ("user", "GET", "diff", None, messages.Diff),
    "extend": ("agent", "POST", "extend", {"extraSeconds": 60}, session_messages.Extended),
    "rotate": ("user", "POST", "rotate", {"prompt": True}, session_messages.Rotated),
    "revoke": ("user", "DELETE", "session", None, session_messages.Done),
}


def exact(value: Any, shape: Any) -> None:
    """Make sure that an object has no member its shape does not name; msgspec has checked the others."""
    if is_typeddict(shape):
        hints = get_type_hints(shape)
        assert value.keys() <= hints.keys(), f"{value.keys() - hints.keys()} not in {shape.__name__}"
        for name, part in value.items():
            exact(part, hints[name])
    elif getattr(shape, "__origin__", None) is list:
        for part in value:
            exact(part, shape.__args__[0])
    elif getattr(shape, "__origin__", None) is dict:
        for part in value.values():
            exact(part, shape.__args__[1])


@pytest.mark.parametrize("mode", ["form-fill", "default"])
@pytest.mark.parametrize("case", REPLIES)
async def test_a_real_reply_has_exactly_the_described_members(case: str, mode: str) -> None:
    role, method, name, body, shape = REPLIES[case]
    peer = await open_in_process(HandshakeApp(), FORM if mode == "form-fill" else {"context": {"name": "x"}})
    await peer.edit("iban", "DE0000")
    await peer.act({"age": 30})
    response = await (peer.agent if role == "agent" else peer.user)(method, name, body)
    assert response.status_code == 200, response.text
    exact(msgspec.convert(response.json(), shape), shape)


async def test_a_new_session_has_exactly_the_described_members() -> None:
    body = {"prompt": True, "userToken": True, "pickup": True, "form": "claim", "schemaa": []}
    async with client(with_a_form()) as http:
        reply = (await http.post("/handshake/session", json=body)).json()
    exact(msgspec.convert(reply, session_messages.SessionCreated), session_messages.SessionCreated)
    assert (
        reply.keys() | {"mcpUrl"} == get_type_hints(session_messages.SessionCreated).keys()
    )  # served where it is asked for


async def test_every_url_of_a_new_session_is_one_that_is_served() -> None:
    peer = await open_in_process(HandshakeApp(), FORM)
    urls = {
        name: url for name, url in peer.created.items() if name.endswith("Url") and name not in ("wsUrl", "baseUrl")
    }
    kinds = "session context action diff notify paste submit revert ask answer options events extend rotate pickup"
    names = kinds.split()
    assert urls.keys() == {f"{name}Url" for name in names}
    urls["answerUrl"] += "/0a1b2c3d.1"  # there is one for each request
    for url in urls.values():
        assert (await peer.http.options(url)).status_code == 204


async def test_the_websocket_url_of_a_new_session_is_one_that_is_served(pair: Open) -> None:
    peer = await pair()
    async with peer.watch() as socket:
        assert (await socket.next())["type"] == "connected"


async def test_a_scope_of_a_type_that_asgi_does_not_have_is_an_error_that_says_so() -> None:
    async def never(*_: object) -> Any:
        raise AssertionError("nothing is received or sent")

    with pytest.raises(RuntimeError, match="cannot serve ASGI scopes of type 'gopher'"):
        await HandshakeApp()({"type": "gopher"}, never, never)


# What a host adds to the application itself


async def tells(_: Request) -> Response:
    return Response("told")


async def refuses(_: Request) -> Response:
    raise HTTPException(418)


async def fails(_: Request) -> Response:
    raise KeyError


async def handled(_: Request, __: Exception) -> Response:
    return Response("handled")


async def test_routes_and_error_handlers_of_a_host_work_as_on_any_starlette_application() -> None:
    hpp = HandshakeApp()
    for path, endpoint in {"/tells": tells, "/refuses": refuses, "/fails": fails}.items():
        hpp.add_route(path, endpoint)
    hpp.add_exception_handler(KeyError, handled)
    peer = await open_in_process(hpp, FORM)
    answers = [await peer.http.get(f"/handshake/{path}") for path in ("tells", "refuses", "fails")]
    assert [(answer.status_code, answer.text) for answer in answers] == [
        (200, "told"),
        (418, "I'm a Teapot"),
        (200, "handled"),
    ]
    assert (await peer.context())["mode"] == "form-fill"


EXAMPLES: dict[str, tuple[str, dict[str, Any]]] = {
    "fields in the place of actions": ("action", {"name": "Ada"}),
    "a question without its text": ("ask", {"question": "When?"}),
    "an extension by text": ("extend", {"extraSeconds": "more"}),
}


@pytest.mark.parametrize(("operation", "body"), EXAMPLES.values(), ids=EXAMPLES)
async def test_an_agent_that_sends_another_shape_is_shown_one_that_is_accepted(
    operation: str, body: dict[str, Any]
) -> None:
    peer = await open_in_process(HandshakeApp(), {"mode": "form-fill", "schema": [{"key": "FIELD"}]})
    headers = peer.as_agent | {"Content-Type": "application/json"}
    url = peer.created[f"{operation}Url"]
    refused = await peer.http.post(url, json=body, headers=headers)
    (step,) = refused.json()["nextSteps"]
    shown = step.removeprefix("Send a body such as ")
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_request")
    assert (await peer.http.post(url, content=shown, headers=headers)).status_code == 200
