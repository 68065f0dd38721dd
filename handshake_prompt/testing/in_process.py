"""A page and agents on an ASGI application within one process, for tests that need no server.

    async with InProcess(app) as site:
        page = await site.open_page({"mode": "form-fill", "schema": [{"key": "name"}]})
        async with page.agent(name="Claude") as agent, page.watch() as frames:
            await agent.action({"name": "Ada"})
            assert (await frames.next("action"))["value"] == "Ada"
            changes = agent.changes(since=(await agent.get_context())["cursor"])
            await page.edit("name", "Grace")
            assert (await anext(changes)).value == "Grace"

All of it runs in the event loop of the test: the application, its lifespan, requests, event streams and WebSockets.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self

import httpx

from handshake_prompt.client import HandshakeAgent

from .asgi_calls import App, ASGICall, Message, scope_of
from .asgi_transport import InProcessTransport

PATIENCE = 5.0
"""Seconds that a wait for a frame may take."""


class InProcess:
    """An application with browsers and agents of its own. Use it as an async context manager; it runs the lifespan.

    Args:
        app: a host application with a `HandshakeApp` in it, or a `HandshakeApp` alone, with an empty `prefix`.
        prefix: the path of the mount.
        base_url: the site's address; over https, cookies are `Secure`, with the prefix for such cookies.
        client: the address that requests come from.
    """

    def __init__(
        self,
        app: App,
        *,
        prefix: str = "/handshake",
        base_url: str = "http://localhost",
        client: tuple[str, int] | None = ("127.0.0.1", 50000),
    ) -> None:
        self.app = app
        self.base_url = base_url
        self.client = client
        self._prefix = prefix
        self._lifespan: ASGICall | None = None
        transport = InProcessTransport(app, client=client)
        self.browser = httpx.AsyncClient(transport=transport, base_url=base_url)
        """The person's browser: it keeps cookies, that of a login at the host included."""
        self.network = httpx.AsyncClient(transport=transport)
        """The way of agents to the site, without cookies."""

    async def __aenter__(self) -> Self:
        await self._start_lifespan()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.browser.aclose()
        await self.network.aclose()
        if self._lifespan is not None:
            self._lifespan.put({"type": "lifespan.shutdown"})
            await self._lifespan.next()
            await self._lifespan.leave()

    async def open_page(self, body: Mapping[str, Any] | None = None) -> Page:
        """Open a session as a page in the browser does.

        Args:
            body: of `POST /session`.

        Raises:
            httpx.HTTPStatusError: it was refused; the reply has the problem.
        """
        response = await self.send("POST", f"{self._prefix}/session", body or {})
        return Page(self, response.json())

    async def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Send a request of a page's script: JSON, with the browser's cookies and the site's origin.

        Raises:
            httpx.HTTPStatusError: it was refused; the reply has the problem.
        """
        content = {} if body is None else {"json": body}
        response = await self.browser.request(method, path, headers={"Origin": self.base_url}, **content)
        response.raise_for_status()
        return response

    async def _start_lifespan(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        lifespan = ASGICall(self.app, scope, goodbye={"type": "lifespan.shutdown"})
        lifespan.put({"type": "lifespan.startup"})
        try:
            started = await lifespan.next()
        except Exception:  # noqa: BLE001 - an application without a lifespan raises what it likes (ASGI, "Lifespan")
            started = None
        if started is None:
            await lifespan.leave()
            return
        if started["type"] == "lifespan.startup.failed":
            await lifespan.leave()
            raise RuntimeError(f"The application did not start: {started.get('message', '')}")
        self._lifespan = lifespan


class Page:
    """A page of the browser, as the person uses it.

    Args:
        site: the application.
        created: the reply of `POST /session`.
    """

    def __init__(self, site: InProcess, created: Mapping[str, Any]) -> None:
        self._site = site
        self.created = created

    @property
    def session_id(self) -> str:
        """The session."""
        return str(self.created["sessionId"])

    def agent(self, **options: Any) -> HandshakeAgent:
        """Return an agent with the session's token, as if the person had pasted the prompt.

        Args:
            options: of `HandshakeAgent`, such as `name`.
        """
        prefix = str(self.created["contextUrl"]).removesuffix(f"/context/{self.session_id}")
        options = {"prefix": prefix, "http": self._site.network, "allow_http": True, **options}
        return HandshakeAgent(self.session_id, str(self.created["token"]), self._site.base_url, **options)

    async def context(self) -> dict[str, Any]:
        """Return the members of `GET /context`, as the person sees them."""
        return await self._members("GET", "context")

    async def edit(self, key: str, value: Any) -> dict[str, Any]:
        """Write a field, as a page without a socket does; return the members of the reply."""
        return await self._members("POST", "notify", {"key": key, "value": value})

    async def release(self, key: str) -> dict[str, Any]:
        """Give a field back to the agent; return the members of the reply."""
        return await self._members("POST", "notify", {"key": key, "release": True})

    async def add_row(self, key: str, value: Mapping[str, Any] | None = None, **place: str | None) -> dict[str, Any]:
        """Add a row to a list; return the members of the reply, with the id of the `row`.

        Args:
            key: of the list.
            value: the row's cells.
            place: `after`, the id of another row, None for the first place; without it the row is the last.
        """
        return await self._members("POST", "notify", {"add": key, "value": value, **place})

    async def move_row(self, key: str, **place: str | None) -> dict[str, Any]:
        """Move a row, named as in `lines/r3`, to a place as in `add_row`; return the members of the reply."""
        return await self._members("POST", "notify", {"move": key, **place})

    async def remove_row(self, key: str) -> dict[str, Any]:
        """Remove a row with all that is in it; return the members of the reply."""
        return await self._members("POST", "notify", {"remove": key})

    async def rotate(self) -> Page:
        """Replace the token; return the page with the new one."""
        return Page(self._site, {**self.created, **await self._members("POST", "rotate", {})})

    async def revoke(self) -> None:
        """End the session."""
        await self._members("DELETE", "session")

    @asynccontextmanager
    async def watch(self, *, after: str | None = None) -> AsyncIterator[Frames]:
        """Open the page's WebSocket; every change from here on comes as a frame.

        Args:
            after: the cursor to resume from.
        """
        query = {"after": after} if after else {}
        headers = {"Origin": self._site.base_url, "Sec-WebSocket-Protocol": "hpp.v1"}
        url = str(self.created["wsUrl"])
        request = self._site.browser.build_request("GET", url, params=query, headers=headers)
        scheme = {"http": "ws", "https": "wss"}[request.url.scheme]
        scope = scope_of("websocket", request, client=self._site.client)
        scope |= {"scheme": scheme, "subprotocols": ["hpp.v1"]}
        call = ASGICall(self._site.app, scope, goodbye={"type": "websocket.disconnect", "code": 1000, "reason": ""})
        call.put({"type": "websocket.connect"})
        frames = Frames(call)
        try:
            await frames.read_ahead()
            yield frames
        finally:
            await call.leave()

    async def _members(self, method: str, name: str, body: Any = None) -> dict[str, Any]:
        members: dict[str, Any] = (await self._site.send(method, str(self.created[f"{name}Url"]), body)).json()
        return members


class WatchClosedError(Exception):
    """The application has closed the WebSocket.

    Args:
        code: the close code (SPEC.md section 7).
        reason: as the application gave it.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"The WebSocket was closed with {code} {reason}".rstrip())
        self.code = code
        self.reason = reason


class Frames:
    """The frames of a page's WebSocket; each wait is bounded.

    Args:
        call: the connection.
    """

    def __init__(self, call: ASGICall) -> None:
        self._call = call
        self._ahead: dict[str, Any] | WatchClosedError | None = None
        """The first frame, or the close in its place, until it is asked for."""

    async def read_ahead(self) -> None:
        """Wait for the first frame, with which the connection becomes a watcher; `next` returns it.

        Raises:
            TimeoutError: there was none within five seconds.
        """
        try:
            self._ahead = await self.next()
        except WatchClosedError as closed:
            self._ahead = closed

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> dict[str, Any]:
        return await self.next()

    async def next(self, kind: str | None = None) -> dict[str, Any]:
        """Return the next frame, or the next one of a kind.

        Raises:
            TimeoutError: there was none within five seconds.
            WatchClosedError: the connection is closed.
        """
        async with asyncio.timeout(PATIENCE):
            while True:
                ahead, self._ahead = self._ahead, None
                if isinstance(ahead, WatchClosedError):
                    raise ahead
                frame = ahead or self._frame(await self._call.next())
                if frame is not None and kind in (None, frame["type"]):
                    return frame

    def send(self, frame: Mapping[str, Any]) -> None:
        """Send a frame, such as `{"type": "userEdit", "key": "name", "value": "Grace"}`."""
        self._call.put({"type": "websocket.receive", "text": json.dumps(frame)})

    @staticmethod
    def _frame(message: Message | None) -> dict[str, Any] | None:
        if message is None:
            raise WatchClosedError(1006, "the application has returned")
        if message["type"] == "websocket.close":
            raise WatchClosedError(message.get("code", 1000), message.get("reason") or "")
        if message["type"] != "websocket.send":
            return None
        frame: dict[str, Any] = json.loads(message["text"])
        return frame
