"""Server-sent events: a watcher's frames as a reply in parts, read line by line. SPEC.md section 7."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from handshake_prompt.engine.delivery.frames import Frame, connection_frame, draining_frame
from handshake_prompt.engine.delivery.watcher import Watcher
from handshake_prompt.protocol.errors import CloseCode
from handshake_prompt.protocol.limits import Limits

from .deadlines import within
from .incidents import incident
from .responses import rate_headers
from .server_stop import PARTING, ServerStop

PING = b": ping\n\n"
RETRY = b"retry: 1000\n\n"
"""Milliseconds a browser waits before it comes again. It is sent first, so that there is a first byte at once."""
HEADERS = {
    # No proxy may keep, transform or collect it: each frame is seen as it comes.
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


class EventStream(Response):
    """A watcher's frames as one long reply: until the session ends, the server drains, or its time is over.

    A life that is bounded makes clients come again, which a proxy that cuts long replies would do at a worse moment;
    they resume from the last id they have read.
    """

    media_type = "text/event-stream"

    def __init__(self, watcher: Watcher, limits: Limits, stop: ServerStop) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self.raw_headers += rate_headers(watcher.quota)
        self._watcher = watcher
        self._limits = limits
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._watcher as watcher:
            await self._answer(watcher, scope, receive, send)

    async def _answer(self, watcher: Watcher, scope: Scope, receive: Receive, send: Send) -> None:
        with self._stop.noticed():
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope["method"] != "HEAD":
                await self._stream(watcher, receive, send)
            else:
                await send({"type": "http.response.body", "body": b""})

    async def _stream(self, watcher: Watcher, receive: Receive, send: Send) -> None:
        reader = asyncio.create_task(_read(receive, watcher))
        try:
            async with aclosing(self._chunks(watcher)) as chunks:
                async for chunk in chunks:
                    part = {"type": "http.response.body", "body": chunk, "more_body": True}
                    await within(self._limits.send_timeout, send(part))
            await send({"type": "http.response.body", "body": b""})
        except asyncio.CancelledError:
            await _send_farewell(send, self._limits.drain_spread)
            raise
        except (TimeoutError, OSError):
            return  # the peer does not read: the server sees an unfinished reply and closes the connection
        finally:
            reader.cancel()
            await asyncio.wait({reader})

    async def _chunks(self, watcher: Watcher) -> AsyncGenerator[bytes]:
        yield RETRY
        now = asyncio.get_running_loop().time
        ends_at = now() + self._limits.stream_life
        while isinstance(
            frame := (now() < ends_at and watcher.ready_frame()) or await self._next(watcher, ends_at), Frame
        ):
            yield event(frame)
        yield closed_event(frame or watcher.close_code)

    async def _next(self, watcher: Watcher, ends_at: float) -> Frame | CloseCode | None:
        """Return the next frame, or the code to close with; None leaves the code to the watcher."""
        try:
            async with asyncio.timeout_at(ends_at):
                return await watcher.next_frame()
        except TimeoutError:  # its time is over
            return CloseCode.NORMAL
        except Exception:  # noqa: BLE001 - the boundary to stores
            return incident("An event stream of session %s failed", self._watcher.session_id).close_code


def event(frame: Frame) -> bytes:
    """Return a frame as an event. Its JSON has no line breaks, and a heartbeat is a comment."""
    if frame.kind == "heartbeat":
        return PING
    place = f"id: {frame.cursor}\n" if frame.cursor else ""
    return f"{place}event: {frame.kind}\ndata: {frame.text}\n\n".encode("ascii")


def closed_event(code: CloseCode) -> bytes:
    """Return the event that ends a stream in order."""
    return event(connection_frame("closed", code=int(code), reason=code.name.lower(), final=code.final))


async def _send_farewell(send: Send, spread: float) -> None:
    """End a stream that the server has cancelled. A frame may have been lost, so no frame of the log comes any more."""
    last = event(draining_frame(spread)) + closed_event(CloseCode.DRAINING)
    with suppress(TimeoutError, OSError):
        async with asyncio.timeout(PARTING):
            await send({"type": "http.response.body", "body": last})


async def _read(receive: Receive, watcher: Watcher) -> None:
    """Note when the client goes away."""
    while (await receive())["type"] != "http.disconnect":
        pass
    watcher.abandon()
