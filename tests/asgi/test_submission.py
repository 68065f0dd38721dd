"""The host's own view of an ordinary form post: what it is given, and what everybody else is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from pydantic import BaseModel, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from handshake_prompt import Credential, HandshakeApp
from handshake_prompt.testing import InProcessTransport
from tests.support.in_process import open_in_process
from tests.support.peer import Peer

AUTHORS = {"name": "user", "amount": "ai", "urgent": "default"}


class Claim(BaseModel):
    """A claim of expenses."""

    name: str
    amount: int = Field(ge=1)
    urgent: bool = False
    note: str = ""


class Site:
    """A host with one form, and what its view has been given."""

    def __init__(self) -> None:
        self.hpp = HandshakeApp()
        self.hpp.form("claim", Claim)
        self.taken: list[Claim] = []
        app = Starlette(routes=[Route("/claims", self.save, methods=["POST"])])
        self.hpp.mount_on(app)
        self.http = httpx.AsyncClient(transport=InProcessTransport(app), base_url="http://localhost")

    async def save(self, request: Request) -> JSONResponse:
        submission = await self.hpp.submission(request)
        await request.close()  # the form's files, which are the host's
        self.taken.append(submission.value)
        return JSONResponse(dict(submission.authors))

    async def opened(self) -> Peer:
        reply = await self.http.post("/handshake/session", json={"form": "claim", "context": {"name": "Ada"}})
        self.http.cookies.clear()
        peer = Peer("http://localhost", reply.json(), reply.headers["set-cookie"].partition(";")[0], self.http)
        await peer.act({"amount": 12})
        return peer

    async def post(self, peer: Peer, data: dict[str, Any], **options: Any) -> httpx.Response:
        headers = peer.as_user | options.pop("headers", {})
        data = {"handshakeSession": peer.session_id} | data
        return await self.http.post("/claims", headers=headers, **({"data": data} | options))


async def digest_of(peer: Peer) -> str:
    return str((await peer.context(role="user"))["digest"])


async def test_a_view_is_given_the_model_and_authors_and_the_session_ends_in_the_same_step() -> None:
    site = Site()
    peer = await site.opened()
    reply = await site.post(peer, {"name": "Ada", "amount": "12", "note": "a\r\nb", "csrf": "x"})
    assert (reply.status_code, reply.json()) == (200, AUTHORS | {"note": "user"})
    assert site.taken == [Claim(name="Ada", amount=12, note="a\nb")]
    assert (await peer.agent("GET", "context")).json()["code"] == "session_submitted"
    again = await site.post(peer, {"name": "Ada", "amount": "12"})
    assert (again.status_code, again.json()["code"]) == (409, "session_submitted")
    assert len(site.taken) == 1


async def test_a_posted_value_that_differs_counts_as_the_persons() -> None:
    site = Site()
    peer = await site.opened()
    await peer.act({"urgent": True})
    reply = await site.post(peer, {"name": "Bea", "amount": "13"})
    assert reply.json() == {"name": "user", "amount": "user_edit", "urgent": "user_edit"}
    assert site.taken == [Claim(name="Bea", amount=13, urgent=False)]


async def test_json_is_taken_with_the_types_it_has() -> None:
    site = Site()
    peer = await site.opened()
    body = {"handshakeSession": peer.session_id, "amount": 14, "handshakeDigest": await digest_of(peer)}
    reply = await site.http.post("/claims", headers=peer.as_user, json=body)
    assert reply.json() == AUTHORS | {"amount": "user_edit"}
    assert site.taken == [Claim(name="Ada", amount=14)]


CONTROLS = {
    "several types": (["number", "string"], 12.5, "12.50"),
    "seconds left out": ("datetime", "2026-01-02T10:00:00", "2026-01-02T10:00"),
    "the zone of UTC": ("datetime", "2026-01-02T10:00:00Z", "2026-01-02T10:00"),
    "a zone without an offset": ("datetime", "2026-01-02 10:00:00.5+00:00", "2026-01-02T10:00:00.500"),
    "one moment in two zones": ("datetime", "2026-01-02T10:00:00Z", "2026-01-02T12:00+02:00"),
    "one of several types": (["datetime", "number"], "2026-01-02T10:00:00Z", "2026-01-02T10:00"),
    "a blank in a time": ("datetime", "2026-01-02 10:00:00", "2026-01-02T10:00"),
    "a colour": ("color", "#FFAA00", "#ffaa00"),
    "an hour": ("time", "10:00:00", "10:00"),
    "quotation marks": ("string", '"Ada"', '"Ada"'),
    "a number as text": (["number", "string"], "12.50", "12.50"),
    "entries like JSON": ("array<string>", ["[1]", '"a, b"'], ["[1]", '"a, b"']),
    "a word": ("string", "null", "null"),
}


@pytest.mark.parametrize("as_json", [False, True], ids=["form", "JSON"])
@pytest.mark.parametrize(("kind", "value", "shown"), CONTROLS.values(), ids=CONTROLS)
async def test_the_agents_value_as_a_control_shows_it_stays_the_agents(
    *, kind: Any, value: Any, shown: Any, as_json: bool
) -> None:
    peer, taken = await opened_with({"key": "it", "type": kind, "nullable": True})
    await peer.act({"it": value})
    reply = await post_it(peer, shown, as_json=as_json)
    assert (reply.status_code, taken) == (200, [({"it": value}, {"it": "ai"})])


TYPED = {
    "quotation marks": ("string", '"Ada"', '"Ada"'),
    "a word": ("string", "null", "null"),
    "no number": (["number", "string"], '"12"', '"12"'),
    "a number": (["number", "string"], "12.50", 12.5),
    "none": ("number", "null", None),
    "a point ahead": ("number", "-.5", -0.5),
    "zeros ahead": ("integer", "007", 7),
    "zeros alone": ("integer", "00", 0),
    "zeros of a text": (["integer", "string"], "007", "007"),
    "more digits than are exact": ("integer", "9007199254740993", "9007199254740993"),
    "beyond all numbers": ("number", "01e999", "01e999"),
    "another hour": ("time", "11:00", "11:00"),
    "a time as text": ("string", "10:00", "10:00"),
}


@pytest.mark.parametrize("as_json", [False, True], ids=["form", "JSON"])
@pytest.mark.parametrize(("kind", "typed", "value"), TYPED.values(), ids=TYPED)
async def test_text_is_taken_as_it_was_typed(*, kind: Any, typed: str, value: Any, as_json: bool) -> None:
    peer, taken = await opened_with({"key": "it", "type": kind, "nullable": True})
    await peer.act({"it": 1 if kind in ("number", "integer") else "10:00:00"})
    reply = await post_it(peer, typed, as_json=as_json)
    assert (reply.status_code, [values for values, _ in taken]) == (200, [{"it": value}])


NOON = "2026-01-02T12:00"
MOMENTS: dict[str, tuple[dict[str, str], str, str]] = {
    "of UTC": ({"format": "date-time"}, f"{NOON}:00Z", "ai"),
    "of UTC, at another time": ({"type": "datetime"}, "2026-01-02T13:00:00Z", "user_edit"),
    "of another zone": ({"type": "datetime"}, f"{NOON}:00+02:00", "user_edit"),
    "of the same instant in another zone": ({"type": "datetime"}, "2026-01-02T14:00:00+02:00", "user_edit"),
    "that is only a text": ({"type": "string"}, f"{NOON}:00Z", "user_edit"),
}


@pytest.mark.parametrize(("members", "held", "author"), MOMENTS.values(), ids=MOMENTS)
async def test_a_time_posted_without_its_offset_is_the_agents_where_that_is_of_utc(
    members: dict[str, str], held: str, author: str
) -> None:
    peer, taken = await opened_with({"key": "it"} | members)
    await peer.act({"it": held})
    reply = await post_it(peer, NOON, as_json=False)
    assert (reply.status_code, taken) == (200, [({"it": held if author == "ai" else NOON}, {"it": author})])


async def test_a_field_of_several_types_may_be_left_out() -> None:
    peer, taken = await opened_with({"key": "it", "type": ["boolean", "string"]}, {"key": "other"})
    assert (await peer.http.post("/it", data={"handshakeSession": peer.session_id}, headers=peer.as_user)).is_success
    assert taken == [({}, {})]


@pytest.mark.parametrize("posted", [{}, {"it": ""}], ids=["buttons", "a list"])
@pytest.mark.parametrize(("nullable", "value"), [(True, None), (False, False)])
async def test_a_yes_or_no_that_may_stay_open_is_no_no(*, nullable: bool, value: Any, posted: dict[str, str]) -> None:
    peer, taken = await opened_with({"key": "it", "type": "boolean", "nullable": nullable}, {"key": "other"})
    body = {"handshakeSession": peer.session_id} | posted
    assert (await peer.http.post("/it", data=body, headers=peer.as_user)).is_success
    assert [values.get("it") for values, _ in taken] == [value]


async def test_a_yes_that_is_taken_back_is_a_no() -> None:
    peer, taken = await opened_with({"key": "it", "type": "boolean", "nullable": True}, {"key": "other"})
    await peer.edit("it", value=True)
    assert (await peer.http.post("/it", data={"handshakeSession": peer.session_id}, headers=peer.as_user)).is_success
    assert [values for values, _ in taken] == [{"it": False}]


async def opened_with(*schema: dict[str, Any]) -> tuple[Peer, list[tuple[Any, Any]]]:
    """Return a session of a form, and what the view of `/it` takes."""
    hpp, taken = HandshakeApp(), list[tuple[Any, Any]]()

    async def take(request: Request) -> JSONResponse:
        submission = await hpp.submission(request)
        taken.append((submission.values, submission.authors))
        return JSONResponse({})

    app = Starlette(routes=[Route("/it", take, methods=["POST"])])
    hpp.mount_on(app)
    http = httpx.AsyncClient(transport=InProcessTransport(app), base_url="http://localhost")
    reply = await http.post("/handshake/session", json={"mode": "form-fill", "schema": [*schema]})
    http.cookies.clear()
    return Peer("http://localhost", reply.json(), reply.headers["set-cookie"].partition(";")[0], http), taken


async def post_it(peer: Peer, value: Any, *, as_json: bool) -> httpx.Response:
    body = {"handshakeSession": peer.session_id, "handshakeDigest": await digest_of(peer), "it": value}
    if as_json:
        return await peer.http.post("/it", headers=peer.as_user, json=body)
    return await peer.http.post("/it", headers=peer.as_user, data=body)


async def test_a_multipart_form_is_taken_and_its_files_are_the_hosts() -> None:
    site = Site()
    peer = await site.opened()
    files = {"receipt": ("receipt.pdf", b"%PDF", "application/pdf")}
    reply = await site.post(peer, {"name": "Ada", "amount": "12"}, files=files)
    assert (reply.status_code, site.taken) == (200, [Claim(name="Ada", amount=12)])


async def test_what_is_the_hosts_own_is_not_bound_by_our_limits() -> None:
    site = Site()
    peer = await site.opened()
    own = {f"own{n}": "x" for n in range(600)} | {"signature": "x" * 100_000, "__proto__": "x"}
    assert (await site.post(peer, {"name": "Ada", "amount": "x" * 40_000})).status_code == 413
    reply = await site.post(peer, {"name": "Ada", "amount": "12"} | own)
    assert (reply.status_code, site.taken) == (200, [Claim(name="Ada", amount=12)])


async def test_with_a_digest_what_the_page_does_not_post_is_what_it_shows() -> None:
    site = Site()
    peer = await site.opened()
    await peer.act({"urgent": True})
    reply = await site.post(peer, {"handshakeDigest": await digest_of(peer)})
    assert reply.json() == {"name": "user", "amount": "ai", "urgent": "ai"}


async def test_what_the_person_was_not_shown_is_not_submitted() -> None:
    site = Site()
    peer = await site.opened()
    shown = await digest_of(peer)
    await peer.act({"amount": 99})
    for data in ({"handshakeDigest": shown, "name": "Ada", "amount": "12"}, {"name": "Ada"}):
        reply = await site.post(peer, data)
        assert (reply.status_code, reply.json()["code"]) == (409, "changed")
    assert site.taken == []
    assert (await peer.context())["context"]["amount"]["value"] == 99


async def test_faults_of_the_model_are_a_problem_document_and_nothing_has_happened() -> None:
    site = Site()
    peer = await site.opened()
    reply = await site.post(peer, {"name": "Ada", "amount": "0"})
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_form")
    assert [problem["keys"] for problem in reply.json()["problems"]] == [["amount"]]
    assert (await peer.context())["context"]["amount"] | {"at": ""} == {"value": 12, "by": "ai", "rev": 1, "at": ""}
    assert (await site.post(peer, {"name": "Ada", "amount": "1"})).status_code == 200


async def test_of_two_posts_at_once_one_is_taken() -> None:
    site = Site()
    peer = await site.opened()
    replies = await asyncio.gather(*(site.post(peer, {"name": "Ada", "amount": "12"}) for _ in range(5)))
    assert sorted(reply.status_code for reply in replies) == [200, 409, 409, 409, 409]
    assert len(site.taken) == 1


STRANGERS: dict[str, tuple[dict[str, Any], int, str]] = {
    "the agent": ({"headers": "agent"}, 403, "invalid_token"),
    "nobody": ({"headers": "nobody"}, 403, "invalid_token"),
    "another site": ({"headers": "foreign"}, 403, "origin_not_allowed"),
    "no session": ({"data": {"handshakeSession": "x"}}, 404, "session_not_found"),
    "no member": ({"data": {"name": "Ada"}}, 404, "session_not_found"),
    "plain text": ({"content": b"x", "type": "text/plain"}, 415, "unsupported_media_type"),
    "broken JSON": ({"content": b"{", "type": "application/json"}, 400, "invalid_json"),
    "odd JSON": ({"content": b'{"handshakeSession": 3}', "type": "application/json"}, 400, "invalid_request"),
    "a value that is too large": ({"data": {"note": "x" * 40_000}}, 413, "value_too_large"),
}


@pytest.mark.parametrize(("sent", "status", "code"), STRANGERS.values(), ids=STRANGERS)
async def test_everybody_else_and_everything_else_is_refused_with_a_problem_document(
    sent: dict[str, Any], status: int, code: str
) -> None:
    site = Site()
    peer = await site.opened()
    headers = {
        None: peer.as_user,
        "agent": peer.as_agent,
        "nobody": {},
        "foreign": peer.as_user | {"Origin": "https://evil.example.net"},
    }[sent.get("headers")]
    content: dict[str, Any] = {"data": {"handshakeSession": peer.session_id, "name": "Ada", "amount": "12"}}
    if "data" in sent:
        named = {} if code == "session_not_found" else {"handshakeSession": peer.session_id}
        content = {"data": named | sent["data"]}
    if "content" in sent:
        content, headers = {"content": sent["content"]}, headers | {"Content-Type": sent["type"]}
    reply = await site.http.post("/claims", headers=headers, **content)
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert reply.headers["content-type"] == "application/problem+json"
    assert site.taken == []


async def test_a_view_that_is_posted_to_without_an_agent_is_told_what_to_ask_for() -> None:
    site = Site()
    reply = await site.http.post("/claims", data={"name": "Ada", "amount": "12"})
    assert "submission_or_none" in reply.json()["nextSteps"][0]


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
async def test_a_body_of_no_announced_length_is_read_up_to_the_bound(kind: str) -> None:
    site = Site()
    peer = await site.opened()
    own: dict[str, Any] = {"handshakeSession": peer.session_id, "name": "Ada", "amount": 12, "own": "x" * 300_000}
    whole = json.dumps(own).encode() if kind == "application/json" else urlencode(own).encode()

    async def chunks(body: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(body), 10_000):
            yield body[start : start + 10_000]

    headers = peer.as_user | {"Content-Type": kind}
    reply = await site.http.post("/claims", content=chunks(whole), headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (413, "body_too_large")
    small = whole.replace(b"x" * 300_000, b"x" * 30_000)
    assert (await site.http.post("/claims", content=chunks(small), headers=headers)).status_code == 200
    assert site.taken == [Claim(name="Ada", amount=12)]


async def test_a_view_may_read_its_own_members_of_the_body_before_and_afterwards() -> None:
    hpp, seen = HandshakeApp(), list[Any]()

    async def save(request: Request) -> JSONResponse:
        if "before" in request.query_params:
            seen.append((await request.form())["own"])
        await hpp.submission(request)
        seen.append((await request.form())["own"])
        return JSONResponse({})

    app = Starlette(routes=[Route("/claims", save, methods=["POST"])])
    hpp.mount_on(app)
    http = httpx.AsyncClient(transport=InProcessTransport(app), base_url="http://localhost")
    for query in ("", "?before"):
        peer = await open_in_process(hpp)
        data = {"handshakeSession": peer.session_id, "own": "mine"}
        assert (await http.post(f"/claims{query}", data=data, headers=peer.as_user)).status_code == 200
    assert seen == ["mine"] * 3


async def test_a_body_that_the_view_has_read_as_a_stream_is_said_to_be_lost() -> None:
    hpp = HandshakeApp()

    async def save(request: Request) -> JSONResponse:
        async for _ in request.stream():
            pass
        await hpp.submission(request)
        return JSONResponse({})

    app = Starlette(routes=[Route("/claims", save, methods=["POST"])])
    hpp.mount_on(app)
    async with httpx.AsyncClient(transport=InProcessTransport(app), base_url="http://localhost") as http:
        sent: list[dict[str, Any]] = [{"data": {"name": "Ada"}}, {"json": {"name": "Ada"}}, {"files": {"scan": b"x"}}]
        for body in sent:
            reply = await http.post("/claims", **body)
            assert (reply.status_code, reply.json()["code"]) == (400, "body_lost")


ROWS = {"key": "lines", "type": "rows", "fields": [{"key": "amount", "type": "integer"}]}
LISTS: dict[str, tuple[Any, int, Any]] = {
    "as they are": ([{"amount": 3}], 200, ({"lines/r1/amount": 3}, {"lines/r1/amount": "ai"})),
    "others": ([{"amount": 4}], 200, ({"lines/r2/amount": 4}, {"lines/r2/amount": "user"})),
    "none": ([], 200, ({}, {})),
    "null": (None, 200, ({}, {})),
    "an empty text": ("", 200, ({}, {})),
    "of odd members": ([{"amount": 3, "odd": 1}], 400, "unknown_field"),
    "of no objects": ([3], 400, "invalid_value"),
    "in one text": ('[{"amount": 3}]', 200, ({"lines/r1/amount": 3}, {"lines/r1/amount": "ai"})),
    "an object": ({"amount": 3}, 400, "invalid_value"),
}


@pytest.mark.parametrize(("posted", "status", "expected"), LISTS.values(), ids=LISTS)
async def test_rows_are_posted_as_a_list_that_is_taken_or_refused_as_a_whole(
    posted: Any, status: int, expected: Any
) -> None:
    peer, taken = await opened_with(ROWS)
    await peer.agent("POST", "action", {"actions": [{"type": "add", "key": "lines", "value": {"amount": 3}}]})
    body = {"handshakeSession": peer.session_id, "handshakeDigest": "", "lines": posted}
    reply = await peer.http.post("/it", json=body, headers=peer.as_user)
    assert reply.status_code == status, reply.text
    assert (taken if status == 200 else reply.json()["code"]) == ([expected] if status == 200 else expected)


class Home(BaseModel):
    street: str = ""
    lines: list[str] = []


class Person(BaseModel):
    name: str
    home: Home | None = None


NESTED: dict[str, tuple[dict[str, Any], int, Any]] = {
    "another value": ({"home": {"street": "B"}}, 200, {"name": "Ada", "home/street": "B"}),
    "the agent's value": ({"home": {"street": "A"}}, 200, {"name": "Ada", "home/street": "A"}),
    "members of the host's own": ({"home": {"street": "B", "own": 1}}, 200, {"name": "Ada", "home/street": "B"}),
    "none of it": ({"home": None}, 200, {"name": "Ada", "home/street": None}),
    "without the agent's value": ({"home": {}}, 409, "changed"),
    "a text": ({"home": "B"}, 400, "invalid_value"),
    "a list": ({"home": [{"street": "B"}]}, 400, "invalid_value"),
}


@pytest.mark.parametrize(("posted", "status", "expected"), NESTED.values(), ids=NESTED)
async def test_a_group_is_posted_as_an_object_whose_members_count(
    posted: dict[str, Any], status: int, expected: Any
) -> None:
    hpp, taken = HandshakeApp(), list[Any]()
    hpp.form("person", Person)

    async def take(request: Request) -> JSONResponse:
        taken.append((await hpp.submission(request)).values)
        return JSONResponse({})

    hpp.mount_on(app := Starlette(routes=[Route("/it", take, methods=["POST"])]))
    peer = await open_in_process(hpp, {"form": "person", "context": {"name": "Ada"}})
    await peer.act({"home/street": "A"})
    http = httpx.AsyncClient(transport=InProcessTransport(app), base_url="http://localhost")
    reply = await http.post("/it", json={"handshakeSession": peer.session_id} | posted, headers=peer.as_user)
    assert (reply.status_code, taken) == (status, [expected] if status == 200 else [])
    assert status == 200 or reply.json()["code"] == expected


async def test_a_cell_of_a_row_that_is_gone_is_not_left_out_of_a_post() -> None:
    peer, taken = await opened_with({"key": "name"}, ROWS)
    for as_json in (False, True):
        body = {"handshakeSession": peer.session_id, "lines/r7/amount": "3"}
        sent: dict[str, Any] = {"json" if as_json else "data": body}
        reply = await peer.http.post("/it", headers=peer.as_user, **sent)
        assert (reply.status_code, reply.json()["code"]) == (409, "changed")
    assert taken == []


async def test_files_are_as_large_as_the_host_takes_them() -> None:
    site = Site()
    peer = await site.opened()
    files = {"receipt": ("receipt.pdf", b"%PDF" * 1_000_000, "application/pdf")}
    assert (await site.post(peer, {"name": "Ada", "amount": "12"}, files=files)).status_code == 200


# A view that is also there for people without an agent, and shows the form again


class Choosy:
    """A host that judges each post by itself, and shows the form again if it does not take it."""

    def __init__(self) -> None:
        self.hpp = HandshakeApp()
        self.taken: list[Any] = []
        app = Starlette(routes=[Route("/claims", self.save, methods=["POST"])])
        self.hpp.mount_on(app)
        self.http = httpx.AsyncClient(transport=InProcessTransport(app), base_url="http://localhost")

    async def save(self, request: Request) -> JSONResponse:
        is_json = request.headers["content-type"] == "application/json"
        posted = await request.json() if is_json else dict(await request.form())
        try:
            claim = Claim.model_validate(posted)
        except ValidationError as error:
            await self.hpp.refuse(request, error)
            return JSONResponse("the form again", 422)
        submission = await self.hpp.submission_or_none(request)
        self.taken.append(claim)
        return JSONResponse(submission and dict(submission.authors))

    async def opened(self, **members: Any) -> Peer:
        schema = [{"key": "name"}, {"key": "amount", "type": "integer"}, {"key": "iban", "sensitive": True}]
        body = {"mode": "form-fill", "schema": schema, "context": {"name": "Ada"}} | members
        reply = await self.http.post("/handshake/session", json=body)
        self.http.cookies.clear()
        peer = Peer("http://localhost", reply.json(), reply.headers["set-cookie"].partition(";")[0], self.http)
        await peer.act({"amount": 0})
        return peer

    async def post(self, data: dict[str, Any], headers: dict[str, str], *, as_json: bool = False) -> httpx.Response:
        body: dict[str, Any] = {"json": data} if as_json else {"data": data}
        return await self.http.post("/claims", headers=headers, **body)


TOO_LITTLE = {"keys": ["amount"], "msg": "Input should be greater than or equal to 1"}


async def test_a_form_without_a_session_is_the_persons_alone_and_the_views_as_ever() -> None:
    site = Choosy()
    assert (await site.post({"name": "Ada", "amount": "3"}, {})).json() is None
    assert (await site.post({"name": "Ada", "amount": "0"}, {})).status_code == 422
    assert site.taken == [Claim(name="Ada", amount=3)]


async def test_what_a_view_refuses_is_told_to_page_and_agent_and_the_session_goes_on() -> None:
    site = Choosy()
    peer = await site.opened()
    named = {"handshakeSession": peer.session_id, "handshakeDigest": await digest_of(peer), "name": "Ada"}
    assert (await site.post(named | {"amount": "0"}, peer.as_user)).json() == "the form again"
    for role in ("user", "agent"):
        context = await peer.context(role=role)
        assert (context["problems"], context["submission"]["state"]) == ([TOO_LITTLE], "failed")
    assert (await peer.act({"amount": 4}))["problems"] == []
    named |= {"handshakeDigest": await digest_of(peer)}
    assert (await site.post(named | {"amount": "4"}, peer.as_user)).json()["amount"] == "ai"
    assert site.taken == [Claim(name="Ada", amount=4)]


async def test_a_refusal_quotes_no_hidden_value() -> None:
    site = Choosy()
    peer = await site.opened()
    await peer.edit("iban", "DE02 77")
    errors = {"iban": "Not yours", "name": "DE02 77 is not Ada's", "amount": "Too little"}
    await site.hpp.engine.refuse_submission(
        peer.session_id, errors, Credential(user_token=peer.cookie.partition("=")[2])
    )
    told = [problem["msg"] for problem in (await peer.context())["problems"]]
    assert told == ["This value is not accepted", "This value is not accepted", "Too little"]


@pytest.mark.parametrize("bring", ["agent", "nobody", "foreign", "another session"])
async def test_a_refusal_of_a_stranger_is_nobodys_business_and_the_form_is_shown_again(bring: str) -> None:
    site = Choosy()
    peer, other = await site.opened(), await site.opened()
    headers = {
        "agent": peer.as_agent,
        "nobody": {},
        "foreign": peer.as_user | {"Origin": "https://evil.example.net"},
        "another session": other.as_user,
    }[bring]
    reply = await site.post({"handshakeSession": peer.session_id, "name": "Ada", "amount": "0"}, headers)
    assert (reply.status_code, reply.json()) == (422, "the form again")
    assert "problems" not in await peer.context()


# A page that posts by a script of its own


def announcing(peer: Peer, digest: str, name: str = "hpp_submission", **headers: str) -> dict[str, str]:
    return {"Cookie": f"{peer.cookie}; {name}={peer.session_id}.{digest}"} | headers


async def test_a_script_that_posts_what_it_likes_is_known_by_what_the_page_announced() -> None:
    site = Choosy()
    peer = await site.opened()
    refused = await site.post({"name": "Ada", "amount": 0}, announcing(peer, await digest_of(peer)), as_json=True)
    assert refused.status_code == 422
    assert (await peer.context())["problems"] == [TOO_LITTLE]
    await peer.act({"amount": 4})
    taken = await site.post({"name": "Ada", "amount": 4}, announcing(peer, await digest_of(peer)), as_json=True)
    assert taken.json() == {"name": "user", "amount": "ai"}
    again = await site.post({"name": "Ada", "amount": 4}, announcing(peer, await digest_of_taken(peer)), as_json=True)
    assert (again.status_code, again.json()["code"]) == (409, "session_submitted")


async def digest_of_taken(peer: Peer) -> str:
    return "0" * 64 if (await peer.user("GET", "context")).status_code == 409 else ""


async def test_what_the_page_did_not_show_when_it_announced_is_not_submitted() -> None:
    site = Choosy()
    peer = await site.opened()
    shown = await digest_of(peer)
    await peer.act({"amount": 9})
    reply = await site.post({"name": "Ada", "amount": 1}, announcing(peer, shown), as_json=True)
    assert (reply.status_code, reply.json()["code"]) == (409, "changed")


@pytest.mark.parametrize("value", ["", ".", "x", "x.", ".x"], ids=repr)
async def test_an_announcement_of_nothing_is_none(value: str) -> None:
    reply = await Choosy().post({"name": "Ada", "amount": 3}, {"Cookie": f"hpp_submission={value}"}, as_json=True)
    assert reply.json() is None


async def test_an_announcement_proves_nothing_and_counts_for_no_form_of_the_browsers_own() -> None:
    site = Choosy()
    peer = await site.opened()
    await peer.act({"amount": 4})
    digest = await digest_of(peer)
    alone = {"Cookie": f"hpp_submission={peer.session_id}.{digest}"}
    assert (await site.post({"name": "Ada", "amount": 4}, alone, as_json=True)).json()["code"] == "invalid_token"
    navigating = announcing(peer, digest, **{"Sec-Fetch-Mode": "navigate"})
    assert (await site.post({"name": "Ada", "amount": "4"}, navigating)).json() is None


async def test_over_https_only_a_cookie_that_no_other_host_can_set_announces() -> None:
    site = Choosy()
    site.http.base_url = httpx.URL("https://localhost")
    reply = await site.http.post("/handshake/session", json={"context": {"name": "Ada", "amount": 4}})
    site.http.cookies.clear()
    peer = Peer("https://localhost", reply.json(), reply.headers["set-cookie"].partition(";")[0], site.http)
    digest = await digest_of(peer)
    body = {"name": "Ada", "amount": 4}
    assert (await site.post(body, announcing(peer, digest), as_json=True)).json() is None
    secure = announcing(peer, digest, "__Host-hpp_submission")
    assert (await site.post(body, secure, as_json=True)).json() == {"name": "default", "amount": "default"}
