"""The two people of every test: the page with its cookie and the agent with its token, over real HTTP and WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Data, Subprotocol

PATIENCE = 20.0
"""Seconds that any wait in a test may take, on a machine that is busy with other things too."""


@dataclass
class Peer:
    """A session as its page (`user`) and its agent (`agent`) see it. `created` is the reply of `POST /session`."""

    base_url: str
    created: dict[str, Any]
    cookie: str
    http: httpx.AsyncClient = field(repr=False)

    @property
    def session_id(self) -> str:
        return str(self.created["sessionId"])

    @property
    def token(self) -> str:
        return str(self.created["token"])

    @property
    def as_agent(self) -> dict[str, str]:
        return {"X-Handshake-Token": self.token}

    @property
    def as_user(self) -> dict[str, str]:
        return {"Cookie": self.cookie}

    async def agent(self, method: str, name: str, body: Any = None, **options: Any) -> httpx.Response:
        """Send a request as the agent; `name` is a URL member of the create reply without `Url`."""
        return await self.send(method, name, body, headers=self.as_agent | options.pop("headers", {}), **options)

    async def user(self, method: str, name: str, body: Any = None, **options: Any) -> httpx.Response:
        """Send a request as the person."""
        return await self.send(method, name, body, headers=self.as_user | options.pop("headers", {}), **options)

    async def send(self, method: str, name: str, body: Any = None, **options: Any) -> httpx.Response:
        """Send a request with exactly the given headers."""
        content = {"json": body} if body is not None else {}
        return await self.http.request(method, self.base_url + self.created[f"{name}Url"], **content, **options)

    async def act(self, values: dict[str, Any], *, stream: bool = False, interval_ms: int = 0) -> dict[str, Any]:
        """Write fields as the agent and return the reply's members."""
        actions = [{"type": "set", "key": key, "value": value} for key, value in values.items()]
        response = await self.agent("POST", "action", {"actions": actions, "stream": stream, "intervalMs": interval_ms})
        assert response.status_code == 200, response.text
        members: dict[str, Any] = response.json()
        return members

    async def edit(self, key: str, value: Any) -> dict[str, Any]:
        """Write a field as the person and return the reply's members."""
        response = await self.user("POST", "notify", {"key": key, "value": value})
        assert response.status_code == 200, response.text
        members: dict[str, Any] = response.json()
        return members

    async def decide(self, request: Mapping[str, Any], decision: str = "accept", **values: Any) -> dict[str, Any]:
        """Decide on a request as the person who was shown it, and return the reply's members."""
        body = {"decision": decision, "digest": request["digest"], "values": values}
        url = f"{self.base_url}{self.created['answerUrl']}/{request['id']}"
        response = await self.http.post(url, json=body, headers=self.as_user)
        assert response.status_code == 200, response.text
        members: dict[str, Any] = response.json()
        return members

    async def context(self, *, role: str = "agent") -> dict[str, Any]:
        """Return the members of `GET /context`."""
        response = await (self.agent if role == "agent" else self.user)("GET", "context")
        assert response.status_code == 200, response.text
        members: dict[str, Any] = response.json()
        return members

    @asynccontextmanager
    async def watch(
        self,
        *,
        role: str = "user",
        after: str | None = None,
        headers: dict[str, str] | None = None,
        query: str = "",
        at_once: bool = False,
    ) -> AsyncIterator[Socket]:
        """Open a WebSocket in a role, or with exactly the given headers, and wait until the server has its watcher.

        The handshake does not say so, since it comes before any refusal; the first frame does, and is kept for the
        reader. What happens from then on is sent as frames. With `at_once` nothing is waited for but the handshake.
        """
        if headers is None:
            headers = self.as_user if role == "user" else {}
        subprotocols = ["hpp.v1"] + ([f"hpp.bearer.{self.token}"] if role == "agent" else [])
        url = self.base_url.replace("http", "ws", 1) + self.created["wsUrl"]
        parts = [part for part in (query, f"after={after}" if after else "") if part]
        async with connect(
            url + ("?" + "&".join(parts) if parts else ""),
            additional_headers=headers,
            subprotocols=[Subprotocol(name) for name in subprotocols],
            open_timeout=PATIENCE,
            close_timeout=1,
            max_queue=1024,
        ) as connection:
            socket = Socket(connection)
            if not at_once:
                await socket.opened()
            yield socket

    @asynccontextmanager
    async def events(
        self, *, role: str = "agent", last_event_id: str | None = None, query: str = ""
    ) -> AsyncIterator[Stream]:
        """Open an event stream in a role: with the head of its reply, it is one of the watchers."""
        headers = (self.as_agent if role == "agent" else self.as_user) | {"Accept": "text/event-stream"}
        headers |= {"Last-Event-ID": last_event_id} if last_event_id else {}
        url = self.base_url + self.created["eventsUrl"] + (f"?{query}" if query else "")
        async with self.http.stream("GET", url, headers=headers) as response:
            yield Stream(response)


@dataclass
class Stream:
    """A watcher's end of an event stream; every wait is bounded."""

    response: httpx.Response
    last_event_id: str | None = None

    def __post_init__(self) -> None:
        self._lines = self.response.aiter_lines()

    async def block(self) -> list[str]:
        """Return the lines up to the next empty one."""
        lines: list[str] = []
        async with asyncio.timeout(PATIENCE):
            async for line in self._lines:
                if not line:
                    return lines
                lines.append(line)
        raise EOFError("the stream has ended")

    async def next(self, kind: str | None = None) -> dict[str, Any]:
        """Return the data of the next event, or of the next one of a kind."""
        while True:
            members = dict(line.split(": ", 1) for line in await self.block() if not line.startswith(":"))
            self.last_event_id = members.get("id", self.last_event_id)
            if "event" in members and kind in (None, members["event"]):
                data: dict[str, Any] = json.loads(members["data"])
                return data

    async def closed(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Read to the end; return what the last event says, and the events before it."""
        events: list[dict[str, Any]] = []
        with suppress(EOFError):
            while True:
                events.append(await self.next())
        return events[-1], events[:-1]


@dataclass
class Socket:
    """A watcher's end of the WebSocket; every wait is bounded."""

    connection: ClientConnection
    _first: Data | None = None
    """The first frame, until it is read."""

    async def opened(self) -> None:
        """Wait for the first frame, or for a close without one."""
        with suppress(ConnectionClosed):
            self._first = await self.recv()

    async def recv(self) -> Data:
        """Return the next frame as it was sent."""
        first, self._first = self._first, None
        async with asyncio.timeout(PATIENCE):
            return await self.connection.recv() if first is None else first

    async def send(self, message: Any) -> None:
        """Send one frame; text and bytes go as they are, anything else as JSON."""
        raw = message if isinstance(message, str | bytes) else json.dumps(message)
        await self.connection.send(raw)

    async def next(self, kind: str | None = None) -> dict[str, Any]:
        """Return the next frame, or the next one of a kind."""
        async with asyncio.timeout(PATIENCE):
            while True:
                frame: dict[str, Any] = json.loads(await self.recv())
                if kind is None or frame["type"] == kind:
                    return frame

    async def until(self, kind: str) -> list[dict[str, Any]]:
        """Return all frames up to and with the first of a kind."""
        frames = [await self.next()]
        while frames[-1]["type"] != kind:
            frames.append(await self.next())
        return frames

    async def closed(self) -> tuple[int | None, list[dict[str, Any]]]:
        """Wait for the close; return its code and the frames that came before it."""
        frames: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    frames.append(json.loads(await self.recv()))
        except ConnectionClosed:
            return self.connection.close_code, frames


def patient_client(**options: Any) -> httpx.AsyncClient:
    """Return a client that waits as long as any wait may take, where httpx would give up after five seconds.

    No TLS here, and loading certificates takes 30 ms. An idle connection is given up well before a server closes it,
    which uvicorn does after five seconds: a request that met the close on its way would fail.
    """
    given: dict[str, Any] = {
        "timeout": PATIENCE,
        "verify": False,
        "limits": httpx.Limits(keepalive_expiry=2),
        **options,
    }
    return httpx.AsyncClient(**given)


async def open_session(base_url: str, body: dict[str, Any] | None = None, *, mount: str = "/handshake") -> Peer:
    """Open a session as a page would. The caller closes `peer.http`."""
    http = patient_client()
    response = await http.post(f"{base_url}{mount}/session", json=body if body is not None else {})
    assert response.status_code == 200, response.text
    cookie = response.headers["set-cookie"].partition(";")[0]
    http.cookies.clear()
    return Peer(base_url, response.json(), cookie, http)
