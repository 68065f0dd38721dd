"""How long each step of a request holds the event loop, in time of the processor; and requests without a client."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message

from tests.support.cost import untraced

Header = tuple[bytes, bytes]
JSON: Header = (b"content-type", b"application/json")


@dataclass
class Steps:
    """The seconds that each step of the event loop has taken."""

    seconds: list[float] = field(default_factory=list)

    async def begin(self) -> None:
        """Forget the steps so far, the one that this is called in among them."""
        await asyncio.sleep(0)
        self.seconds.clear()

    @property
    def longest(self) -> float:
        return max(self.seconds, default=0.0)


@contextmanager
def timed_steps() -> Iterator[Steps]:
    """Time the steps of all event loops meanwhile, without what measuring coverage takes."""
    steps, run = Steps(), asyncio.Handle._run
    freeze_heap()

    def timed(handle: asyncio.Handle) -> None:
        began = time.thread_time()
        try:
            run(handle)
        finally:
            steps.seconds.append(time.thread_time() - began)

    asyncio.Handle._run = timed  # type: ignore[method-assign, assignment]
    try:
        with untraced():
            yield steps
    finally:
        asyncio.Handle._run = run  # type: ignore[method-assign]


async def shortest(measured: Callable[[], Awaitable[float]], *, within: float, times: int = 3) -> float:
    """Return the first measurement within a bound, else the shortest: a longer one is another program's doing."""
    found = [await measured()]
    while min(found) >= within and len(found) < times:
        found.append(await measured())
    return min(found)


def freeze_heap() -> None:
    """Keep the garbage collector from what the tests before have left: going through it is no request's doing."""
    gc.collect()
    gc.freeze()


@dataclass
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""


async def ask(
    app: ASGIApp,
    method: str,
    path: str,
    headers: list[Header],
    body: bytes = b"",
    *,
    query: bytes = b"",
    until: Callable[[Answer], bool] | None = None,
) -> Answer:
    """Send a request to an application; `until` says when its client leaves, else it stays for the whole answer."""
    answer, left, asked = Answer(), asyncio.Event(), False
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": query,
        "headers": headers,
        "client": ("192.0.2.1", 1),
        "server": ("localhost", 80),
    }

    async def receive() -> Message:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": body, "more_body": False}
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status, answer.headers = message["status"], dict(message["headers"])
        else:
            answer.body += message.get("body", b"")
        if until is not None and until(answer):
            left.set()

    async def serve() -> None:
        await app(scope, receive, send)

    await asyncio.create_task(serve())  # its steps are steps of its own
    return answer
