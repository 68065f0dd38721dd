"""A session of which the test is the server, in virtual time: its stream, its polls, and an edit a second."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx

from handshake_prompt.client import (
    Change,
    Gap,
    ProblemsChanged,
    RequestEnded,
    RowChange,
)
from tests.support.agents import CONTEXT, agent_against, problem, replying
from tests.support.virtual_time import loop_time

NOON = "2026-01-01T12:00:00.000000+00:00"


def short(item: Change | RowChange | RequestEnded | ProblemsChanged | Gap) -> Any:
    return (item.key, item.value) if isinstance(item, Change) else item


class Server:
    """A session of which this test is the server: an edit a second, in virtual time.

    `stream` answers whoever asks for events; without it there are none.
    """

    def __init__(self, stream: Callable[[Server, int], httpx.Response] | None = None, *, edits: int = 10**6) -> None:
        self.began = loop_time()
        self.edits = edits
        self.stream = stream
        self.asked: list[tuple[str, float]] = []
        self.truncated = False

    @property
    def seq(self) -> int:
        """How many edits there were by now."""
        return min(int(loop_time() - self.began), self.edits)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.split("/")[2]
        self.asked.append((name, loop_time()))
        if name == "events":
            after = int(request.headers["last-event-id"].removeprefix("e."))
            return self.stream(self, after) if self.stream else problem(404, "not_found")
        if name == "context":
            return replying(CONTEXT | {"cursor": f"e.{self.seq}"})
        after = int(request.url.params.get("since", "e.0").removeprefix("e."))
        ends = loop_time() + float(request.url.params.get("wait", 0))
        while after >= self.seq and loop_time() < ends:
            await asyncio.sleep(0.1)
        changes = [{"key": "n", "to": n, "by": "user", "at": NOON, "seq": n} for n in range(after + 1, self.seq + 1)]
        return replying({"changes": changes, "cursor": f"e.{self.seq}", "truncated": self.truncated})

    def count(self, name: str) -> int:
        return sum(asked == name for asked, _ in self.asked)

    def times(self, name: str) -> list[float]:
        return [at for asked, at in self.asked if asked == name]


def frame(kind: str, cursor: str | None = None, **members: Any) -> bytes:
    """Return an event as the server writes it."""
    place = {"cursor": cursor} if cursor else {}
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | place | members)}\n\n".encode()


def edit_frame(number: int) -> bytes:
    return frame("edit", f"e.{number}", key="n", value=number, by="user", at=NOON, seq=number)


def hello(after: int) -> bytes:
    return b"retry: 1000\n\n" + frame("connected", f"e.{after}", recovered=True, snapshot=None)


def streaming(chunks: AsyncIterator[bytes], **headers: str) -> httpx.Response:
    return httpx.Response(200, content=chunks, headers={"content-type": "text/event-stream"} | headers)


def saying(*parts: bytes) -> Callable[[Server, int], httpx.Response]:
    """Return a stream that begins as it should, says some things, and stays open in silence."""

    def stream(_: Server, after: int) -> httpx.Response:
        async def chunks() -> AsyncIterator[bytes]:
            for part in (hello(after), *parts):
                yield part
                await asyncio.sleep(0.1)
            await asyncio.sleep(86_400)

        return streaming(chunks())

    return stream


async def collected(server: Server, count: int, *, since: str | None = "e.0", within: float = 600) -> list[Any]:
    async with agent_against(server) as agent, asyncio.timeout(within):
        changes = agent.changes(since)
        return [short(await anext(changes)) for _ in range(count)]


def numbered(*numbers: int) -> list[tuple[str, int]]:
    return [("n", number) for number in numbers]


async def once(chunk: bytes) -> AsyncIterator[bytes]:
    yield chunk
