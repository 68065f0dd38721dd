"""An ASGI callable with no framework: what the server alone costs, the limit of everything above it.

A body is read and not parsed. `GET` is answered with the bytes of `BENCHMARK_REPLY`, all else with `{"ok":true}`.
"""

from __future__ import annotations

import os

from starlette.types import Receive, Scope, Send

REPLY = os.environ.get("BENCHMARK_REPLY", "{}").encode()
OK = b'{"ok":true}'


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer any request."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    body = REPLY if scope["method"] == "GET" else OK
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
