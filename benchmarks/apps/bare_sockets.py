"""Starlette WebSockets with one queue and one writer each, and nothing of ours: the limit of a broadcast.

`POST /publish` parses its body and queues the frames of `BENCHMARK_FRAMES` for everybody who is connected.
"""

from __future__ import annotations

import asyncio
import json
import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

FRAMES: list[str] = json.loads(os.environ.get("BENCHMARK_FRAMES", "[]"))
QUEUES: set[asyncio.Queue[str]] = set()


async def watch(websocket: WebSocket) -> None:
    """Read until the peer is gone, while a writer sends what is queued."""
    await websocket.accept()
    queue: asyncio.Queue[str] = asyncio.Queue()
    QUEUES.add(queue)
    writer = asyncio.create_task(write(websocket, queue))
    try:
        while (await websocket.receive())["type"] != "websocket.disconnect":
            pass
    finally:
        QUEUES.discard(queue)
        writer.cancel()


async def write(websocket: WebSocket, queue: asyncio.Queue[str]) -> None:
    """Send what is queued."""
    while True:
        await websocket.send_text(await queue.get())


async def publish(request: Request) -> Response:
    """Queue the frames for everybody."""
    await request.json()
    for frame in FRAMES:
        for queue in QUEUES:
            queue.put_nowait(frame)
    return JSONResponse({"ok": True})


app = Starlette(routes=[WebSocketRoute("/watch", watch), Route("/publish", publish, methods=["POST"])])
