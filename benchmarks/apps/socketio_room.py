"""python-socketio's own broadcast: every client is in one room, and each event is emitted to it.

`POST /publish` parses its body and emits the frames of `BENCHMARK_FRAMES`. Runs in the peers' environment.
"""

from __future__ import annotations

import json
import os
from typing import Any

import socketio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

FRAMES: list[dict[str, Any]] = [json.loads(frame) for frame in json.loads(os.environ.get("BENCHMARK_FRAMES", "[]"))]
ROOM = "session"

server = socketio.AsyncServer(async_mode="asgi", ping_interval=3600)  # its heartbeats would be counted as frames


@server.event  # type: ignore[untyped-decorator]
async def connect(sid: str, _environ: dict[str, Any]) -> None:
    """Let everybody into the room."""
    await server.enter_room(sid, ROOM)


async def publish(request: Request) -> Response:
    """Emit the frames to the room."""
    await request.json()
    for frame in FRAMES:
        await server.emit(frame["type"], frame, room=ROOM)
    return JSONResponse({"ok": True})


app = socketio.ASGIApp(server, Starlette(routes=[Route("/publish", publish, methods=["POST"])]))
