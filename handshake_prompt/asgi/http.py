"""HTTP in, HTTP out: bodies read within bounds, replies and errors rendered, cookies set. SPEC.md sections 4 and 9."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from handshake_prompt.engine import ProtocolEngine
from handshake_prompt.protocol import messages
from handshake_prompt.protocol.credentials import COOKIE_PREFIX, SECURE_COOKIE_PREFIX
from handshake_prompt.protocol.errors import (
    BodyTimeoutError,
    HandshakeError,
    MethodNotAllowedError,
    NotFoundError,
    TooLargeError,
    UnsupportedMediaTypeError,
)
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.rate_limit import Quota
from handshake_prompt.protocol.replies import Reply
from handshake_prompt.texts.markdown import context_as_markdown

from .connection import Call, is_secure
from .deadlines import within
from .incidents import incident

T = TypeVar("T")
Handler = Callable[[Call], Awaitable[Response]]
Headers = list[tuple[bytes, bytes]]
"""As ASGI has them, with names in lower case; a response's own."""

COOKIES_CHECKED = 32
"""Cookies of ours that one request can make us look up."""
MOST_DIGITS = 18
"""Of a Content-Length: Python refuses to read a number of thousands of digits."""

_UNSHARED = (b"cache-control", b"no-store")
_AS_DECLARED = (b"x-content-type-options", b"nosniff")
_OUR_COOKIE = re.compile(f"(?:{SECURE_COOKIE_PREFIX}|{COOKIE_PREFIX})([0-9a-f]{{32}})", re.ASCII)


class Resource:
    """One path as an ASGI application: finds the handler of a method and renders whatever it raises."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = {**handlers, **({"HEAD": handlers["GET"]} if "GET" in handlers else {})}
        self._allow = ", ".join(sorted({*self._handlers, "OPTIONS"}))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request, method = Call(scope, receive), scope["method"]
        handler = self._handlers.get(method)
        try:
            response = await handler(request) if handler else self._unhandled(method)
        except HandshakeError as error:
            response = problem(error)
        except ClientDisconnect:
            return
        except Exception:  # noqa: BLE001 - the boundary to the host's code: modes, stores, prompt builders
            response = problem(incident("A request to %s failed", scope.get("path")))
        if method == "HEAD":
            response.body = b""
        await response(scope, receive, send)

    def _unhandled(self, method: str) -> Response:
        allow = [(b"allow", self._allow.encode())]
        if method == "OPTIONS":
            return Rendered(204, allow)
        return problem(MethodNotAllowedError(f"This resource answers {self._allow}"), allow)


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a path that is none of ours."""
    await problem(NotFoundError("There is nothing at this path"))(scope, receive, send)


def reply(answer: Reply) -> Response:
    """Render what an operation answered."""
    headers = rate_headers(answer.quota)
    if answer.replayed:
        headers.append((b"idempotency-replayed", b"true"))
    return json_response(answer.content, answer.status, headers)


def context(request: Call, answer: Reply) -> Response:
    """Render the answer of `GET /context`: as JSON, as Markdown for agents that read, or as nothing new."""
    is_markdown = _wants_markdown(request.first.get(b"accept", b""))
    tag = f'W/"{answer.etag}{"-md" if is_markdown else ""}"'.encode()
    headers = [(b"etag", tag), (b"vary", b"Accept"), *rate_headers(answer.quota)]
    if _names(request.first.get(b"if-none-match", b""), tag):
        return Rendered(304, [_UNSHARED, *headers])
    if not is_markdown:
        return json_response(answer.content, headers=headers)
    text = context_as_markdown(answer.payload).encode()
    return Rendered(200, [_UNSHARED, _AS_DECLARED, *headers], text, kind=b"text/markdown; charset=utf-8")


def _wants_markdown(accept: bytes) -> bool:
    return b"markdown" in accept.lower() and any(
        part.partition(b";")[0].strip() == b"text/markdown" for part in accept.lower().split(b",")
    )


def _names(condition: bytes, tag: bytes) -> bool:
    """Whether an If-None-Match names a tag, compared weakly (RFC 9110, section 13.1.2)."""
    if not condition:
        return False
    names = [name.strip().removeprefix(b"W/") for name in condition.split(b",")]
    return b"*" in names or tag.removeprefix(b"W/") in names


class Rendered(Response):
    """A response whose bytes and headers are there as they are sent."""

    def __init__(self, status: int, headers: Headers, body: bytes = b"", *, kind: bytes = b"") -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = headers
        if kind:
            headers += (b"content-length", b"%d" % len(body)), (b"content-type", kind)


def json_response(
    payload: object,
    status: int = 200,
    headers: Sequence[tuple[bytes, bytes]] = (),
    *,
    kind: bytes = b"application/json",
) -> Response:
    """Return a JSON response that no cache keeps."""
    return Rendered(status, [_UNSHARED, _AS_DECLARED, *headers], messages.encode(payload), kind=kind)


def problem(error: HandshakeError, headers: Sequence[tuple[bytes, bytes]] = ()) -> Response:
    """Render an error as `application/problem+json` (RFC 9457), with `error` for clients of version 0.2."""
    told = [*problem_headers(error), *headers]
    return json_response(problem_members(error), error.status, told, kind=b"application/problem+json")


def problem_members(error: HandshakeError) -> messages.Problem:
    """Return what the body says of an error."""
    members: messages.Problem = {
        "type": f"urn:handshake-prompt:error:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "retryable": error.retryable,
        "error": error.detail,
    }
    if error.retry_after is not None:
        members["retryAfter"] = _whole(error.retry_after)
    if error.next_steps:
        members["nextSteps"] = list(error.next_steps)
    return members


def problem_headers(error: HandshakeError) -> list[tuple[bytes, bytes]]:
    """Return what the headers say of an error."""
    headers = rate_headers(error.quota)
    if error.retry_after is not None:
        headers.append((b"retry-after", b"%d" % _whole(error.retry_after)))
    return headers


def _whole(seconds: float) -> int:
    """Return a time to wait in whole seconds, never none at all."""
    return max(1, math.ceil(seconds))


def rate_headers(quota: Quota | None) -> list[tuple[bytes, bytes]]:
    """Return the rate headers of draft-ietf-httpapi-ratelimit-headers."""
    if quota is None:
        return []
    left = b'"session";r=%d;t=%d' % (quota.remaining, math.ceil(quota.reset_after))
    return [(b"ratelimit-policy", _policy(quota.limit, quota.window)), (b"ratelimit", left)]


@lru_cache(maxsize=4)
def _policy(limit: int, window: float) -> bytes:
    return f'"session";q={limit};w={window:g}'.encode()


class JSONBody:
    """The body of one request, read when the engine asks for it: within its bounds, or not at all."""

    def __init__(self, request: Call, limits: Limits) -> None:
        self._request = request
        self._limits = limits

    async def __call__(self) -> bytes:
        """Return the body; from here on the request has it, too.

        Raises:
            UnsupportedMediaTypeError: it is not declared as JSON, or is compressed.
            TooLargeError: it is larger than a body may be; reading stops there.
            BodyTimeoutError: it did not arrive in time.
            ClientDisconnect: the client went away before it was whole.
        """
        headers = self._request.first
        content_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if content_type != b"application/json" or headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise UnsupportedMediaTypeError
        declared = headers.get(b"content-length", b"0").lstrip(b"0")
        if declared.isdigit() and (len(declared) > MOST_DIGITS or int(declared) > self._most):
            raise self._too_large()
        try:
            body = await within(self._limits.body_timeout, self._read())
        except TimeoutError:
            raise BodyTimeoutError(f"The body did not arrive within {self._limits.body_timeout:g} s") from None
        self._request.keep(body)
        return body

    @property
    def _most(self) -> int:
        return self._limits.body_bytes

    async def _read(self) -> bytes:
        body, more = bytearray(), True
        while more:
            message = await self._request.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            if len(body) > self._most:
                raise self._too_large()
            more = message.get("more_body", False)
        return bytes(body)

    def _too_large(self) -> TooLargeError:
        return TooLargeError(f"A body holds at most {self._most} bytes", code="body_too_large")


async def unless_disconnected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Wait for `work`, and drop it if the client goes away first.

    Raises:
        ClientDisconnect: it did.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def set_user_cookie(
    request: Call, response: Response, engine: ProtocolEngine, *, session_id: str, user_token: str
) -> None:
    """Make the browser the session's person, and let go of cookies that are of no more use.

    A cookie is always a fresh one and never adopted from the request. Of the sessions a browser still holds, those
    with the least time left make room.
    """
    secure = is_secure(request)
    if b"cookie" in request.first:
        for name in await _to_let_go(request.cookies, engine):
            response.raw_headers.append(_cookie(name, "", 0, secure=secure))
    name = (SECURE_COOKIE_PREFIX if secure else COOKIE_PREFIX) + session_id
    response.raw_headers.append(_cookie(name, user_token, int(engine.limits.max_lifetime), secure=secure))


async def _to_let_go(held: Mapping[str, str], engine: ProtocolEngine) -> list[str]:
    """Return which of the cookies that a browser holds make room for one more."""
    ours = [match for name in held if (match := _OUR_COOKIE.fullmatch(name))][:COOKIES_CHECKED]
    left = [(await engine.time_left(match[1], held[match[0]]), match[0]) for match in ours]
    kept = sorted(left, reverse=True)[: engine.limits.cookies - 1]
    return [name for seconds, name in left if not seconds or (seconds, name) not in kept]


def _cookie(name: str, value: str, max_age: int, *, secure: bool) -> tuple[bytes, bytes]:
    """Return the header for a cookie, of which name and value need no quoting."""
    cookie = f"{name}={value}; HttpOnly; Max-Age={max_age}; Path=/; SameSite=strict"
    return b"set-cookie", (cookie + "; Secure" if secure else cookie).encode()
