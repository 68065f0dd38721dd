"""Replies and errors as HTTP responses: JSON, Markdown, problem details, rate headers. SPEC.md sections 4, 9 and 10."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from starlette.responses import Response

from handshake_prompt.engine.access.fair_queue import take_slot
from handshake_prompt.protocol import messages
from handshake_prompt.protocol.addresses import counted_address
from handshake_prompt.protocol.errors import HandshakeError
from handshake_prompt.protocol.rate_limit import Quota
from handshake_prompt.protocol.replies import Reply
from handshake_prompt.protocol.submission_errors import InvalidFormError
from handshake_prompt.texts.markdown import markdown_pieces

from .negotiation import prefers_markdown
from .requests import IndexedRequest, client_address

Headers = list[tuple[bytes, bytes]]
"""As ASGI has them, with names in lower case; a response's own."""

_UNSHARED = (b"cache-control", b"no-store")
_AS_DECLARED = (b"x-content-type-options", b"nosniff")


class Rendered(Response):
    """A response of finished bytes and headers, in the form of ASGI."""

    def __init__(self, status: int, headers: Headers, body: bytes = b"", *, kind: bytes = b"") -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = headers
        if kind:
            headers += (b"content-length", b"%d" % len(body)), (b"content-type", kind)


def reply_response(reply: Reply) -> Response:
    """Render an operation's reply."""
    headers = rate_headers(reply.quota)
    if reply.replayed:
        headers.append((b"idempotency-replayed", b"true"))
    return json_response(reply.content, reply.status, headers)


async def context_response(request: IndexedRequest, reply: Reply) -> Response:
    """Render the reply of `GET /context`: as JSON, as Markdown for agents that read, or as nothing new."""
    is_markdown = b"accept" in request.first and prefers_markdown(request.all(b"accept").decode("latin-1"))
    tag = f'W/"{reply.etag}{"-md" if is_markdown else ""}"'.encode()
    headers = [(b"etag", tag), (b"vary", b"Accept"), *rate_headers(reply.quota)]
    if names_tag(request.first.get(b"if-none-match", b""), tag):
        return Rendered(304, [_UNSHARED, *headers])
    if not is_markdown:
        return json_response(reply.content, headers=headers)
    text = await _markdown(request, reply)
    return Rendered(200, [_UNSHARED, _AS_DECLARED, *headers], text, kind=b"text/markdown; charset=utf-8")


def description_response(request: IndexedRequest, reply: Reply) -> Response:
    """Render a description of the server's own, which is nobody's secret: a cache may keep it, and asks again."""
    tag = f'"{reply.etag}"'.encode()
    headers = [(b"cache-control", b"no-cache"), _AS_DECLARED, (b"etag", tag)]
    if names_tag(request.first.get(b"if-none-match", b""), tag):
        return Rendered(304, headers)
    return Rendered(200, headers, messages.encode(reply.content), kind=b"application/json")


async def _markdown(request: IndexedRequest, reply: Reply) -> bytes:
    """Render a context as Markdown, in as many slots as it takes."""
    pieces: list[str] = []
    for piece in markdown_pieces(reply.payload):
        if pieces:
            await take_slot(counted_address(client_address(request.scope)))
        pieces.append(piece)
    return "".join(pieces).encode()


def json_response(
    payload: object,
    status: int = 200,
    headers: Sequence[tuple[bytes, bytes]] = (),
    *,
    kind: bytes = b"application/json",
) -> Response:
    """Return a JSON response that no cache keeps."""
    return Rendered(status, [_UNSHARED, _AS_DECLARED, *headers], messages.encode(payload), kind=kind)


def problem_response(error: HandshakeError, headers: Sequence[tuple[bytes, bytes]] = ()) -> Response:
    """Render an error as `application/problem+json` (RFC 9457), with `error` for clients of version 0.2."""
    headers = [*problem_headers(error), *headers]
    return json_response(problem_members(error), error.status, headers, kind=b"application/problem+json")


def problem_members(error: HandshakeError) -> messages.Problem:
    """Return an error as the body of a problem document."""
    members: messages.Problem = {
        **error.members,  # type: ignore[typeddict-item]
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
    if isinstance(error, InvalidFormError):
        members["problems"] = error.problems
    return members


def problem_headers(error: HandshakeError) -> Headers:
    """Return the headers of an error: the rate, and when to try again."""
    headers = rate_headers(error.quota)
    if error.retry_after is not None:
        headers.append((b"retry-after", b"%d" % _whole(error.retry_after)))
    return headers


def rate_headers(quota: Quota | None) -> Headers:
    """Return the rate headers of draft-ietf-httpapi-ratelimit-headers."""
    if quota is None:
        return []
    left = b'"session";r=%d;t=%d' % (quota.remaining, math.ceil(quota.reset_after))
    return [(b"ratelimit-policy", _policy(quota.limit, quota.window)), (b"ratelimit", left)]


@lru_cache(maxsize=4)
def _policy(limit: int, window: float) -> bytes:
    return f'"session";q={limit};w={window:g}'.encode()


def _whole(seconds: float) -> int:
    """Return a time to wait in whole seconds, never none at all."""
    return max(1, math.ceil(seconds))


def names_tag(condition: bytes, tag: bytes) -> bool:
    """Whether an If-None-Match names a tag, compared weakly (RFC 9110, section 13.1.2)."""
    if not condition:
        return False
    names = [name.strip().removeprefix(b"W/") for name in condition.split(b",")]
    return b"*" in names or tag.removeprefix(b"W/") in names
