"""HTTP resources: dispatch by method, errors rendered, the client's disconnect noticed. SPEC.md sections 4 and 9."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from handshake_prompt.protocol.errors import (
    ClientDisconnectedError,
    HandshakeError,
    MethodNotAllowedError,
    NotFoundError,
)

from .incidents import incident
from .redaction import redact
from .requests import IndexedRequest
from .responses import Rendered, problem_response
from .server_stop import PARTING, stopping

T = TypeVar("T")
Handler = Callable[[IndexedRequest], Awaitable[Response]]


class Resource:
    """One path as an ASGI application: finds the handler of a method and renders its errors."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = {**handlers, **({"HEAD": handlers["GET"]} if "GET" in handlers else {})}
        self._allow = ", ".join(sorted({*self._handlers, "OPTIONS"}))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request, method = IndexedRequest(scope, receive), scope["method"]
        handler = self._handlers.get(method)
        try:
            response = await handler(request) if handler else self._unhandled(request)
        except HandshakeError as error:
            response = problem_response(error)
        except asyncio.CancelledError:
            await _send_farewell(problem_response(stopping()), scope, receive, send)
            raise
        except ClientDisconnect:
            response = problem_response(ClientDisconnectedError())  # middleware around us may insist on a response
        except Exception:  # noqa: BLE001 - the boundary to the host's code: modes, stores, prompt builders
            response = problem_response(incident("A request to %s failed", redact(scope["path"])))
        if method == "HEAD":
            response.body = b""
        await response(scope, receive, send)

    def _unhandled(self, request: IndexedRequest) -> Response:
        allow = [(b"allow", self._allow.encode())]
        if request.method == "OPTIONS":
            return Rendered(204, allow)
        response = self._refused(request)
        response.raw_headers += allow
        return response

    def _refused(self, _: IndexedRequest) -> Response:
        """Return the answer to a method that has no handler."""
        return problem_response(MethodNotAllowedError(f"This resource answers {self._allow}"))


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a path that is none of ours."""
    await problem_response(NotFoundError("There is nothing at this path"))(scope, receive, send)


async def _send_farewell(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Send a last word over a connection that the server has cancelled: whether it arrives is uncertain."""
    with suppress(TimeoutError, OSError):
        async with asyncio.timeout(PARTING):
            await response(scope, receive, send)


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
