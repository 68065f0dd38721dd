"""HTTP transport of httpx for an ASGI application in the same event loop, streams included.

`httpx.ASGITransport` returns a reply when it is complete, which an event stream never is. This one returns a reply with
its headers and hands its body over as it comes; when the client has left, the application is told so.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

from .asgi_calls import App, ASGICall, Message, scope_of


class InProcessTransport(httpx.AsyncBaseTransport):
    """Carries requests to an application without a server and without sockets.

    An exception of the application is raised to the caller of the request, even if it has been answered with a 500.

    Args:
        app: the application.
        client: the address that requests come from; None for a server that knows none.
        root_path: the path that the application is mounted at.
    """

    def __init__(self, app: App, *, client: tuple[str, int] | None = ("127.0.0.1", 50000), root_path: str = "") -> None:
        self._app = app
        self._client = client
        self._root_path = root_path

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; return the reply once its headers are there."""
        scope = scope_of("http", request, client=self._client, root_path=self._root_path)
        body = await request.aread()
        call = ASGICall(self._app, scope | {"method": request.method}, goodbye={"type": "http.disconnect"})
        call.put({"type": "http.request", "body": body, "more_body": False})
        try:
            start = await _start(call)
        except BaseException:
            await call.leave()
            raise
        return httpx.Response(start["status"], headers=start.get("headers", []), stream=_Body(call))


async def _start(call: ASGICall) -> Message:
    message = await call.next()
    if message is None:
        raise RuntimeError("The application has returned without a reply")
    return message


class _Body(httpx.AsyncByteStream):
    def __init__(self, call: ASGICall) -> None:
        self._call = call

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (message := await self._call.next()) is not None:
            if body := message.get("body", b""):
                yield body
            if not message.get("more_body", False):
                return

    async def aclose(self) -> None:
        await self._call.leave()
