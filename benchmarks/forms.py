"""The form that is filled in: ten texts, five of them required, and a session that holds it."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple, Self

from .clients.http import Connection, Request, post
from .clients.loop import run
from .clients.websocket import Place
from .servers import Server

FIELDS = 10
REQUIRED = 5
AT_ONCE = 8
TURNS = 8
"""Bodies that follow each other, so that no batch writes what is there already."""


def creation(fields: int = FIELDS, *, context: dict[str, str] | None = None) -> Request:
    """Return the request that opens a session, filled in with `context`."""
    schema = [
        {"key": f"f{number}", "label": f"Field {number}", "type": "string", "required": number < REQUIRED}
        for number in range(fields)
    ]
    return post("/session", {"mode": "form-fill", "schema": schema, "context": context or {}})


def values(turn: int, fields: int = FIELDS) -> dict[str, str]:
    """Return what a batch writes in its turn."""
    return {f"f{number}": f"value {number} of {turn}" for number in range(fields)}


class Session(NamedTuple):
    """A session, and how its agent asks."""

    session_id: str
    token: str

    @classmethod
    def of(cls, reply: bytes) -> Self:
        """Return the session that `POST /session` has opened."""
        told = json.loads(reply)
        return cls(told["sessionId"], told["token"])

    @classmethod
    def opened(cls, server: Server, fields: int = FIELDS) -> Self:
        """Open a session."""
        return cls.of(ask(server, creation(fields)))

    @property
    def headers(self) -> dict[str, str]:
        """What proves the agent."""
        return {"X-Handshake-Token": self.token}

    @property
    def place(self) -> Place:
        """Where an agent watches it."""
        offered = {"Sec-WebSocket-Protocol": f"hpp.v1, hpp.bearer.{self.token}"}
        return Place(f"/ws/{self.session_id}", offered, greetings=1)

    @property
    def context(self) -> Request:
        """The request that reads the form."""
        return Request("GET", f"/context/{self.session_id}", self.headers)

    def batches(self, fields: int = FIELDS, **pacing: Any) -> list[Request]:
        """Return requests that fill in the whole form, each with other values."""
        return [self.action(values(turn, fields), **pacing) for turn in range(TURNS)]

    def action(self, written: dict[str, str], **pacing: Any) -> Request:
        """Return the request that writes some fields, shown without pauses unless `pacing` says otherwise."""
        actions = [{"type": "set", "key": key, "value": value} for key, value in written.items()]
        return post(f"/action/{self.session_id}", {"actions": actions, "stream": False, **pacing}, self.headers)


def opened(server: Server, count: int, request: Request | None = None) -> list[Session]:
    """Open many sessions, some at a time."""
    encoded = (request or creation()).encode(server.port)

    async def open_some(some: int) -> list[Session]:
        connection = await Connection.open(server.port)
        try:
            return [Session.of((await connection.send(encoded)).body) for _ in range(some)]
        finally:
            connection.close()

    async def open_all() -> list[list[Session]]:
        shares = [count // AT_ONCE + (number < count % AT_ONCE) for number in range(AT_ONCE)]
        return await asyncio.gather(*map(open_some, shares))

    return [session for some in run(open_all()) for session in some]


def ask(server: Server, *requests: Request) -> bytes:
    """Send requests one after the other and return the last reply's body."""

    async def send() -> bytes:
        connection = await Connection.open(server.port)
        try:
            replies = [await connection.send(request.encode(server.port)) for request in requests]
        finally:
            connection.close()
        return replies[-1].body

    return run(send())
