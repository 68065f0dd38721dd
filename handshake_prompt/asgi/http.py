"""HTTP in, HTTP out: bodies read within bounds, replies and errors rendered, cookies set. SPEC.md sections 4 and 9."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from handshake_prompt import messages
from handshake_prompt.credentials import COOKIE_PREFIX, SECURE_COOKIE_PREFIX
from handshake_prompt.engine import ProtocolEngine
from handshake_prompt.errors import (
    BodyTimeoutError,
    HandshakeError,
    MethodNotAllowedError,
    NotFoundError,
    TooLargeError,
    UnsupportedMediaTypeError,
)
from handshake_prompt.limits import Limits
from handshake_prompt.markdown import context_as_markdown
from handshake_prompt.rate_limit import Quota
from handshake_prompt.replies import Reply

from .connection import is_secure
from .incidents import incident

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]

COOKIES_CHECKED = 32
"""Cookies of ours that one request can make us look up."""
MOST_DIGITS = 18
"""Of a Content-Length: Python refuses to read a number of thousands of digits."""

_OUR_COOKIE = re.compile(f"(?:{SECURE_COOKIE_PREFIX}|{COOKIE_PREFIX})([0-9a-f]{{32}})", re.ASCII)


class Resource:
    """One path as an ASGI application: finds the handler of a method and renders whatever it raises."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = {**handlers, **({"HEAD": handlers["GET"]} if "GET" in handlers else {})}
        self._allow = ", ".join(sorted({*self._handlers, "OPTIONS"}))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except ClientDisconnect:
            return
        if request.method == "HEAD":
            response.body = b""
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": self._allow})
        handler = self._handlers.get(request.method)
        if handler is None:
            return problem(MethodNotAllowedError(f"This resource answers {self._allow}"), {"Allow": self._allow})
        try:
            return await handler(request)
        except HandshakeError as error:
            return problem(error)
        except ClientDisconnect:
            raise
        except Exception:  # noqa: BLE001 - the boundary to the host's code: modes, stores, prompt builders
            return problem(incident("A request to %s failed", request.scope.get("path")))


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a path that is none of ours."""
    await problem(NotFoundError("There is nothing at this path"))(scope, receive, send)


def reply(answer: Reply) -> Response:
    """Render what an operation answered."""
    payload, status = answer
    headers = rate_headers(answer.quota)
    if answer.replayed:
        headers["Idempotency-Replayed"] = "true"
    return json_response(payload, status, headers)


def context(request: Request, answer: Reply) -> Response:
    """Render the answer of `GET /context`: as JSON, as Markdown for agents that read, or as nothing new."""
    payload, _ = answer
    wanted = request.headers.get("accept", "")
    is_markdown = any(part.partition(";")[0].strip().lower() == "text/markdown" for part in wanted.split(","))
    tag = f'W/"{answer.etag}{"-md" if is_markdown else ""}"'
    headers = {"ETag": tag, "Vary": "Accept", "Cache-Control": "no-store", **rate_headers(answer.quota)}
    if _names(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    if is_markdown:
        headers |= {"X-Content-Type-Options": "nosniff"}
        return Response(context_as_markdown(payload), headers=headers, media_type="text/markdown")
    return json_response(payload, headers=headers)


def _names(condition: str, tag: str) -> bool:
    """Whether an If-None-Match names a tag, compared weakly (RFC 9110, section 13.1.2)."""
    names = [name.strip().removeprefix("W/") for name in condition.split(",")]
    return "*" in names or tag.removeprefix("W/") in names


def json_response(payload: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response that no cache keeps."""
    return Response(
        messages.encode(payload),
        status,
        {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(headers or {})},
        media_type="application/json",
    )


def problem(error: HandshakeError, headers: Mapping[str, str] | None = None) -> Response:
    """Render an error as `application/problem+json` (RFC 9457), with `error` for clients of version 0.2."""
    response = json_response(problem_members(error), error.status, problem_headers(error) | dict(headers or {}))
    response.headers["Content-Type"] = "application/problem+json"
    return response


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


def problem_headers(error: HandshakeError) -> dict[str, str]:
    """Return what the headers say of an error."""
    wait = {} if error.retry_after is None else {"Retry-After": str(_whole(error.retry_after))}
    return rate_headers(error.quota) | wait


def _whole(seconds: float) -> int:
    """Return a time to wait in whole seconds, never none at all."""
    return max(1, math.ceil(seconds))


def rate_headers(quota: Quota | None) -> dict[str, str]:
    """Return the rate headers of draft-ietf-httpapi-ratelimit-headers."""
    if quota is None:
        return {}
    reset = math.ceil(quota.reset_after)
    return {
        "RateLimit-Policy": f'"session";q={quota.limit};w={quota.window:g}',
        "RateLimit": f'"session";r={quota.remaining};t={reset}',
    }


class JSONBody:
    """The body of one request, read when the engine asks for it: within its bounds, or not at all."""

    def __init__(self, request: Request, limits: Limits) -> None:
        self._request = request
        self._limits = limits
        self._raw: bytes | None = None

    async def __call__(self) -> bytes:
        """Return the body.

        Raises:
            UnsupportedMediaTypeError: it is not declared as JSON, or is compressed.
            TooLargeError: it is larger than a body may be; reading stops there.
            BodyTimeoutError: it did not arrive in time.
            ClientDisconnect: the client went away before it was whole.
        """
        headers = self._request.headers
        content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/json" or headers.get("content-encoding", "identity").lower() != "identity":
            raise UnsupportedMediaTypeError
        declared = headers.get("content-length", "0").lstrip("0")
        if declared.isdecimal() and (len(declared) > MOST_DIGITS or int(declared) > self._most):
            raise self._too_large()
        try:
            async with asyncio.timeout(self._limits.body_timeout):
                self._raw = await self._read()
        except TimeoutError:
            raise BodyTimeoutError(f"The body did not arrive within {self._limits.body_timeout:g} s") from None
        return self._raw

    async def replay(self) -> Message:
        """Let the host's hooks read the body again: an ASGI `receive` for their request."""
        if self._raw is None:
            return await self._request.receive()
        return {"type": "http.request", "body": self._raw, "more_body": False}

    @property
    def _most(self) -> int:
        return self._limits.body_bytes

    async def _read(self) -> bytes:
        body = bytearray()
        async for chunk in self._request.stream():
            body += chunk
            if len(body) > self._most:
                raise self._too_large()
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
    request: Request, response: Response, engine: ProtocolEngine, *, session_id: str, user_token: str
) -> None:
    """Make the browser the session's person, and let go of cookies that are of no more use.

    A cookie is always a fresh one and never adopted from the request. Of the sessions a browser still holds, those
    with the least time left make room.
    """
    secure = is_secure(request)
    ours = [match for name in request.cookies if (match := _OUR_COOKIE.fullmatch(name))][:COOKIES_CHECKED]
    left = [(await engine.time_left(match[1], request.cookies[match[0]]), match[0]) for match in ours]
    kept = sorted(left, reverse=True)[: engine.limits.cookies - 1]
    for seconds, name in left:
        if not seconds or (seconds, name) not in kept:
            response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="strict")
    response.set_cookie(
        (SECURE_COOKIE_PREFIX if secure else COOKIE_PREFIX) + session_id,
        user_token,
        max_age=int(engine.limits.max_lifetime),
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )
