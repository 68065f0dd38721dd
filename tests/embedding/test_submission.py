"""An ordinary form post to a view of each framework: three lines give it the model and the authors."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from types import SimpleNamespace
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Form, Request
from litestar import Litestar, Request as LitestarRequest, post
from litestar.enums import RequestEncodingType
from litestar.handlers import asgi
from litestar.params import Body
from pydantic import BaseModel
from quart import Quart, request as quart_request
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import HTTPConnection, Request as StarletteRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from handshake_prompt import HandshakeApp, HandshakeError, Limits, SubmittedForm
from handshake_prompt.asgi.posted_form import read_posted
from tests.embedding.hosts.frameworks import Application, django_wrap, set_up_django
from tests.support.peer import Peer


class Claim(BaseModel):
    """A claim of expenses."""

    name: str
    amount: int


def shown(submission: SubmittedForm) -> dict[str, Any]:
    """Return what a view was given."""
    return {"value": submission.value.model_dump(), "authors": dict(submission.authors)}


def starlette(hpp: HandshakeApp) -> Application:
    async def save(request: Any) -> JSONResponse:
        return JSONResponse(shown(await hpp.submission(request)))

    host = Starlette(routes=[Route("/submit", save, methods=["POST"])])
    host.mount("/handshake", hpp)
    return host


def fastapi(hpp: HandshakeApp) -> Application:
    host = FastAPI()

    @host.post("/submit")
    async def save(request: Request) -> dict[str, Any]:
        return shown(await hpp.submission(request))

    hpp.mount_on(host)
    return host


def fastapi_dependency(hpp: HandshakeApp) -> Application:
    host, submitted = FastAPI(), Depends(hpp.submission)

    @host.post("/submit")
    async def save(submission: SubmittedForm = submitted) -> dict[str, Any]:
        return shown(submission)

    hpp.mount_on(host)
    return host


def fastapi_that_reads_the_form_too(hpp: HandshakeApp) -> Application:
    host, submitted = FastAPI(), Depends(hpp.submission)

    @host.post("/submit")
    async def save(amount: Annotated[int, Form()], submission: SubmittedForm = submitted) -> dict[str, Any]:
        assert submission.value.amount == amount
        return shown(submission)

    hpp.mount_on(host)
    return host


def litestar(hpp: HandshakeApp) -> Application:
    @post("/submit", status_code=200)
    async def save(request: LitestarRequest[Any, Any, Any]) -> dict[str, Any]:
        return shown(await hpp.submission(request))

    mount = asgi("/handshake", is_mount=True, copy_scope=True)(hpp)
    return Litestar([save, mount], logging_config=None)


def quart(hpp: HandshakeApp) -> Application:
    host = Quart(__name__)

    @host.post("/submit")
    async def save() -> dict[str, Any]:
        return shown(await hpp.submission(quart_request))

    return hpp.wrap(host)


def django(hpp: HandshakeApp) -> Application:
    return django_wrap(hpp, None)


HOSTS: dict[str, tuple[Callable[..., Application], str]] = {
    "starlette": (starlette, "/submit"),
    "fastapi": (fastapi, "/submit"),
    "fastapi-dependency": (fastapi_dependency, "/submit"),
    "fastapi-form": (fastapi_that_reads_the_form_too, "/submit"),
    "litestar": (litestar, "/submit"),
    "quart": (quart, "/submit"),
    "django": (django, "/submit"),
    "django-sync": (django, "/sync/submit"),
}
hosts = pytest.mark.parametrize(("build", "path"), HOSTS.values(), ids=HOSTS)
KINDS = ["form", "multipart", "json"]


async def opened(build: Callable[..., Application]) -> Peer:
    hpp = HandshakeApp()
    hpp.form("claim", Claim)
    transport = httpx.ASGITransport(build(hpp), raise_app_exceptions=False)
    http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
    reply = await http.post("/handshake/session", json={"form": "claim", "context": {"name": "Ada"}})
    http.cookies.clear()
    peer = Peer("http://127.0.0.1", reply.json(), reply.headers["set-cookie"].partition(";")[0], http)
    await peer.act({"amount": 12})
    return peer


async def send(peer: Peer, path: str, kind: str, amount: int, headers: dict[str, str]) -> httpx.Response:
    data = {"handshakeSession": peer.session_id, "name": "Ada", "amount": amount}
    if kind == "json":
        return await peer.http.post(path, json=data, headers=headers)
    texts = {name: str(value) for name, value in data.items()}
    files = {"receipt": ("a.txt", b"a", "text/plain")} if kind == "multipart" else None
    return await peer.http.post(path, data=texts, files=files, headers=headers)


@pytest.mark.filterwarnings("ignore:Unclosed file")  # a form's files are the view's to close, and these have no use
@pytest.mark.parametrize("kind", KINDS)
@hosts
async def test_a_view_is_given_model_and_authors(build: Callable[..., Application], path: str, kind: str) -> None:
    if build is fastapi_that_reads_the_form_too and kind == "json":
        pytest.skip("the view asks for a form")
    peer = await opened(build)
    reply = await send(peer, path, kind, 13, peer.as_user)
    assert (reply.status_code, reply.json()) == (
        200,
        {"value": {"name": "Ada", "amount": 13}, "authors": {"name": "user", "amount": "user_edit"}},
    )
    again = await send(peer, path, kind, 13, peer.as_user)
    assert (again.status_code, again.json()["code"]) == (409, "session_submitted")


@hosts
async def test_a_refusal_is_a_problem_document_in_every_framework(build: Callable[..., Application], path: str) -> None:
    peer = await opened(build)
    for headers, data, status, code in (
        (peer.as_agent, {"name": "Ada", "amount": "1"}, 403, "invalid_token"),
        (peer.as_user, {"name": "Ada", "amount": ""}, 422, "invalid_form"),
        (peer.as_user, {"name": "Ada", "amount": "1", "handshakeDigest": "x"}, 409, "changed"),
    ):
        if build is fastapi_that_reads_the_form_too and code == "invalid_form":
            continue  # FastAPI refuses it first
        reply = await peer.http.post(path, data={"handshakeSession": peer.session_id} | data, headers=headers)
        assert (reply.status_code, reply.json()["code"]) == (status, code)
        assert reply.headers["content-type"].startswith("application/problem+json")
    assert (await peer.context())["context"]["amount"]["value"] == 12


BROKEN = b'--x\r\nContent-Disposition: form-data; name="name"\r\nContent-Type: text/plain%s\r\n\r\n\xff\r\n--x--\r\n'


@pytest.mark.parametrize("charset", [b"", b"; charset=none", b"; charset=utf-16"])
@hosts
async def test_a_part_in_no_charset_is_no_bare_500(
    build: Callable[..., Application], path: str, charset: bytes
) -> None:
    peer = await opened(build)
    headers = peer.as_user | {"Content-Type": "multipart/form-data; boundary=x"}
    reply = await peer.http.post(path, content=BROKEN % charset, headers=headers)
    assert 400 <= reply.status_code < 500
    assert (await peer.context())["context"]["amount"]["value"] == 12


def litestar_that_streams(hpp: HandshakeApp) -> Application:
    @post("/submit", status_code=200)
    async def save(request: LitestarRequest[Any, Any, Any]) -> dict[str, Any]:
        async for _ in request.stream():
            pass
        return shown(await hpp.submission(request))

    mount = asgi("/handshake", is_mount=True, copy_scope=True)(hpp)
    return Litestar([save, mount], logging_config=None)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_body_that_a_view_of_litestar_has_streamed_is_said_to_be_lost(kind: str) -> None:
    peer = await opened(litestar_that_streams)
    reply = await send(peer, "/submit", kind, 13, peer.as_user)
    assert (reply.status_code, reply.json()["code"]) == (400, "body_lost")


Parts = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.MULTI_PART)]


def litestar_that_takes_parts(hpp: HandshakeApp) -> Application:
    @post("/submit", status_code=200)
    async def save(request: LitestarRequest[Any, Any, Any], data: Parts) -> dict[str, Any]:
        assert int(data["amount"]) == 13
        return shown(await hpp.submission(request))

    return Litestar([save, asgi("/handshake", is_mount=True, copy_scope=True)(hpp)], logging_config=None)


async def test_a_view_of_litestar_takes_the_parts_of_a_form_as_its_argument_too() -> None:
    peer = await opened(litestar_that_takes_parts)
    reply = await send(peer, "/submit", "multipart", 13, peer.as_user)
    assert (reply.status_code, reply.json()["value"]) == (200, {"name": "Ada", "amount": 13})


def quart_that_streams(hpp: HandshakeApp) -> Application:
    host = Quart(__name__)

    @host.post("/submit")
    async def save() -> dict[str, Any]:
        async for _ in quart_request.body:
            pass
        return shown(await hpp.submission(quart_request))

    return hpp.wrap(host)


def starlette_with_a_middleware_that_reads(hpp: HandshakeApp) -> Application:
    """A middleware that reads a stream leaves the view an empty body, and no sign of it."""

    class Reading(BaseHTTPMiddleware):
        async def dispatch(self, request: StarletteRequest, call_next: RequestResponseEndpoint) -> Response:
            if request.url.path == "/submit":
                [_ async for _ in request.stream()]
            return await call_next(request)

    host = starlette(hpp)
    host.add_middleware(Reading)  # type: ignore[attr-defined]
    return host


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("build", [quart_that_streams, starlette_with_a_middleware_that_reads])
async def test_a_body_that_is_announced_and_not_there_is_said_to_be_lost(
    build: Callable[..., Application], kind: str
) -> None:
    peer = await opened(build)
    reply = await send(peer, "/submit", kind, 13, peer.as_user)
    assert (reply.status_code, reply.json()["code"]) == (400, "body_lost")


@hosts
async def test_a_form_without_values_is_not_taken_for_a_lost_one(build: Callable[..., Application], path: str) -> None:
    if build is fastapi_that_reads_the_form_too:
        pytest.skip("the view asks for a form")
    peer = await opened(build)
    for kind, body in (("application/x-www-form-urlencoded", b""), ("multipart/form-data; boundary=x", b"--x--\r\n")):
        reply = await peer.http.post(path, content=body, headers=peer.as_user | {"Content-Type": kind})
        assert reply.status_code in (400, 404)
        assert b"body_lost" not in reply.content


OTHER_CHARSETS = {
    "percents": ("application/x-www-form-urlencoded", b"handshakeSession=%s&name=M%%FCller&amount=12"),
    "declared": ("application/x-www-form-urlencoded; charset=latin-1", b"handshakeSession=%s&name=M%%FCller&amount=12"),
}


@pytest.mark.parametrize(("kind", "body"), OTHER_CHARSETS.values(), ids=OTHER_CHARSETS)
@hosts
async def test_a_text_in_another_charset_is_refused_and_not_kept_without_its_characters(
    build: Callable[..., Application], path: str, kind: str, body: bytes
) -> None:
    peer = await opened(build)
    content = body % peer.session_id.encode()
    reply = await peer.http.post(path, content=content, headers=peer.as_user | {"Content-Type": kind})
    assert reply.status_code == 400
    assert (await peer.context())["context"]["name"]["value"] == "Ada"


@pytest.mark.parametrize("length", ["9" * 5000, "0" * 5000 + "9" * 20])
@hosts
async def test_a_length_of_thousands_of_digits_is_no_bare_500(
    build: Callable[..., Application], path: str, length: str
) -> None:
    if build is django:
        pytest.skip("Django reads the number itself")
    peer = await opened(build)
    headers = peer.as_user | {"Content-Type": "application/json", "Content-Length": length}
    assert (await peer.http.post(path, content=b"{}", headers=headers)).status_code == 413


async def test_what_no_body_can_be_read_from_is_said_to_be_no_request() -> None:
    scope = {"type": "http", "headers": []}
    for request in (HTTPConnection(scope), SimpleNamespace(scope=scope)):
        with pytest.raises(TypeError, match="Starlette, FastAPI, Litestar, Quart or Django"):
            await read_posted(request, Limits())


@pytest.mark.parametrize(
    "kind", ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
async def test_a_body_that_a_view_of_django_has_read_as_a_file_is_said_to_be_lost(kind: str) -> None:
    set_up_django()
    from django.core.handlers.asgi import ASGIRequest  # noqa: PLC0415 - once Django is set up

    headers = [(b"content-type", kind.encode()), (b"content-length", b"2")]
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}
    request = ASGIRequest(scope, BytesIO(b"{}"))
    request.read()
    with pytest.raises(HandshakeError) as refused:
        await read_posted(request, Limits())
    assert refused.value.code == "body_lost"
