"""Starlette with nothing of ours: what the framework alone costs.

`GET` returns the bytes of `BENCHMARK_REPLY`; `POST` parses its body and says that all is well.
"""

from __future__ import annotations

import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

REPLY = os.environ.get("BENCHMARK_REPLY", "{}").encode()


async def context(_: Request) -> Response:
    """Return bytes that were made beforehand."""
    return Response(REPLY, media_type="application/json")


async def parsed(request: Request) -> Response:
    """Read the body as JSON and do nothing with it."""
    await request.json()
    return JSONResponse({"ok": True})


app = Starlette(
    routes=[
        Route("/context/{sid}", context),
        Route("/action/{sid}", parsed, methods=["POST"]),
        Route("/session", parsed, methods=["POST"]),
    ]
)
