"""One worker process: the protocol over the store of a URL, on a port of loopback. Started by `workers`.

Its only argument is a JSON object: `store`, `port`, `ttl`, and by name `limits` and the store's `timings`. It ends when
its standard input does, so that none is left behind by a test run that was killed.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from typing import Any

import uvicorn
from starlette.applications import Starlette

from handshake_prompt import HandshakeApp, Limits, SessionStore
from handshake_prompt.cli.uvicorn_server import DrainingServer


def main(options: dict[str, Any]) -> None:
    """Serve until told to stop."""
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    limits = Limits().replace(**options["limits"])
    hpp = HandshakeApp(store=opened(options["store"], limits, options["timings"]), ttl=options["ttl"], limits=limits)
    host = Starlette()
    hpp.mount_on(host)
    listener = socket.create_server(("127.0.0.1", options["port"]), backlog=512)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(host, log_level="info", access_log=False, timeout_graceful_shutdown=5)
    DrainingServer(config, hpp.engine).run(sockets=[listener])


def opened(url: str, limits: Limits, timings: dict[str, float]) -> SessionStore | str:
    """Return the store of a URL with timings of its own; without any it is the application's to open, and to close."""
    if not timings:
        return url
    if url.startswith("sqlite:///"):
        from handshake_prompt.stores.sqlite import SQLiteStore, SQLiteTimings  # noqa: PLC0415 - the one it works with

        return SQLiteStore(url.removeprefix("sqlite:///"), limits, timings=SQLiteTimings(**timings))
    from handshake_prompt.stores.redis import RedisStore, RedisTimings  # noqa: PLC0415 - takes time to load

    return RedisStore(url, limits=limits, timings=RedisTimings(**timings))


def _end_with_the_parent() -> None:
    os.read(0, 1)  # not of a file object: its lock would be in the way of the interpreter's end
    os._exit(1)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
