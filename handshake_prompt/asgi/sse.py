"""Server-sent events: what the WebSocket tells, for whoever can read a reply line by line. SPEC.md section 7."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from handshake_prompt.engine.hub import Frame, told
from handshake_prompt.engine.watcher import Watcher
from handshake_prompt.protocol.errors import CloseCode
from handshake_prompt.protocol.limits import Limits

from .deadlines import within
from .http import rate_headers
from .incidents import incident

PING = b": ping\n\n"
RETRY = b"retry: 1000\n\n"
"""Milliseconds a browser waits before it comes again. It is sent first, so that there is a first byte at once."""
HEADERS = {
    # No proxy may keep, transform or collect it: what happens is seen when it happens.
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


class EventStream(Response):
    """A watch as a reply that goes on: until the session ends, the server drains, or its time is over.

    A life that is bounded makes clients come again, which a proxy that cuts long replies would do at a worse moment;
    they resume from the last id they have read.
    """

    media_type = "text/event-stream"

    def __init__(self, watch: Watcher, limits: Limits) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self.raw_headers += rate_headers(watch.quota)
        self._watch = watch
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._watch as watch:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope["method"] != "HEAD":
                await self._stream(watch, receive, send)
            else:
                await send({"type": "http.response.body", "body": b""})

    async def _stream(self, watch: Watcher, receive: Receive, send: Send) -> None:
        reader = asyncio.create_task(_read(receive, watch))
        try:
            async with aclosing(self._chunks(watch)) as chunks:
                async for chunk in chunks:
                    part = {"type": "http.response.body", "body": chunk, "more_body": True}
                    await within(self._limits.send_timeout, send(part))
            await send({"type": "http.response.body", "body": b""})
        except (TimeoutError, OSError):
            return  # the peer does not read: the server sees an unfinished reply and closes the connection
        finally:
            reader.cancel()
            await asyncio.wait({reader})

    async def _chunks(self, watch: Watcher) -> AsyncGenerator[bytes]:
        yield RETRY
        now = asyncio.get_running_loop().time
        ends_at = now() + self._limits.stream_life
        while isinstance(frame := (now() < ends_at and watch.ready()) or await self._next(watch, ends_at), Frame):
            yield event(frame)
        code = frame or watch.close_code
        yield event(told("closed", code=int(code), reason=code.name.lower(), final=code.final))

    async def _next(self, watch: Watcher, ends_at: float) -> Frame | CloseCode | None:
        """Return the next frame, or why there is none; None if the watch knows."""
        try:
            async with asyncio.timeout_at(ends_at):
                return await watch.next()
        except TimeoutError:  # its time is over
            return CloseCode.NORMAL
        except Exception:  # noqa: BLE001 - the boundary to stores
            return incident("An event stream of session %s failed", self._watch.session_id).close_code


def event(frame: Frame) -> bytes:
    """Return a frame as an event. Its JSON has no line breaks, and a heartbeat is a comment."""
    if frame.kind == "heartbeat":
        return PING
    place = f"id: {frame.cursor}\n" if frame.cursor else ""
    return f"{place}event: {frame.kind}\ndata: {frame.text}\n\n".encode("ascii")


async def _read(receive: Receive, watch: Watcher) -> None:
    """Note when the client goes away."""
    while (await receive())["type"] != "http.disconnect":
        pass
    watch.abandon()
