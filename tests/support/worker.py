"""One worker process: the protocol over the store of a URL, on a port of loopback. Forked by `workers`."""

from __future__ import annotations

import multiprocessing
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette

from handshake_prompt import HandshakeApp, Limits, SessionStore
from handshake_prompt.cli.uvicorn_server import DrainingServer


def main(options: dict[str, Any], log: Path, clock_offset: float) -> None:
    """Serve until told to stop, or until the test run is gone.

    Args:
        options: `store`, `port`, `ttl`, and by name `limits` and the store's `timings`.
        log: takes all output, after what is there.
        clock_offset: seconds by which the wall clock is off.
    """
    _write_to(log)
    _shift_clock(clock_offset)
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


def _write_to(log: Path) -> None:
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)


def _shift_clock(offset: float) -> None:
    if offset:
        real = time.time
        time.time = lambda: real() + offset


def _end_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
