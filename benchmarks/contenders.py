"""How each application is started. All that speak ASGI run under the same uvicorn, event loop and HTTP parser."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from . import machine
from .peers import Peers
from .results import Missing
from .servers import HOST, Server, free_port

APPS = Path(__file__).with_name("apps")
REPOSITORY = APPS.parent.parent
THREADS = 16

OURS = "ours"
BARE = "bare Starlette"
RAW = "raw ASGI"
FLASK = "Flask reference"
MCP = "MCP tool call"
BARE_SOCKETS = "bare broadcast"
SOCKETIO = "python-socketio"

FAST = find_spec("uvloop") is not None and find_spec("httptools") is not None
"""Whether the `speed` extra is installed."""


def our_environ() -> dict[str, str]:
    """Return the environment in which the package of this repository is the one that is imported."""
    path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path}


def ours(
    store: str = "memory://", *, workers: int = 1, cores: Sequence[int] = (machine.SERVER_CORE,), patience: float = 30.0
) -> Server:
    """Return the package's own server."""
    environ = {**our_environ(), "BENCHMARK_STORE": store}
    return _uvicorn(OURS, "ours", environ=environ, workers=workers, cores=cores, patience=patience)


def bare(reply: bytes = b"{}") -> Server:
    """Return Starlette with routes that answer `reply`."""
    return _uvicorn(BARE, "bare", environ={"BENCHMARK_REPLY": reply.decode()})


def raw(reply: bytes = b"{}") -> Server:
    """Return an ASGI callable that answers `reply`."""
    return _uvicorn(RAW, "raw", environ={"BENCHMARK_REPLY": reply.decode()})


def bare_sockets(frames: Sequence[str] = ()) -> Server:
    """Return Starlette WebSockets that are sent `frames` at each `POST /publish`."""
    return _uvicorn(BARE_SOCKETS, "bare_sockets", environ={"BENCHMARK_FRAMES": json.dumps(frames)})


def socketio(peers: Peers, frames: Sequence[str]) -> Server | Missing:
    """Return python-socketio with one room that is sent `frames` at each `POST /publish`."""
    return _peer(SOCKETIO, "socketio_room", peers, environ={"BENCHMARK_FRAMES": json.dumps(frames)})


def flask(peers: Peers) -> Server | Missing:
    """Return the Flask reference under gunicorn: one worker, sixteen threads."""
    if isinstance(python := peers.python, Missing):
        return python
    port = free_port()
    worker = ["--worker-class", "gthread", "--workers", "1", "--threads", str(THREADS)]
    where = ["--bind", f"{HOST}:{port}", "--no-control-socket"]
    command = [python, "-m", "gunicorn", *worker, *where, "flask_reference:app"]
    return Server(FLASK, command, port, environ={"PYTHONPATH": ""}, folder=APPS)


def mcp(peers: Peers) -> Server | Missing:
    """Return the SDK's server with a tool that sets ten fields."""
    return _peer(MCP, "mcp_tool", peers)


def _peer(name: str, module: str, peers: Peers, *, environ: Mapping[str, str] | None = None) -> Server | Missing:
    if isinstance(python := peers.python, Missing):
        return python
    return _uvicorn(name, module, python=python, environ={"PYTHONPATH": "", **(environ or {})})


def _uvicorn(
    name: str,
    module: str,
    *,
    environ: Mapping[str, str],
    python: str = sys.executable,
    workers: int = 1,
    cores: Sequence[int] = (machine.SERVER_CORE,),
    patience: float = 30.0,
) -> Server:
    port = free_port()
    where = ["--host", HOST, "--port", str(port)]
    how = ["--loop", "uvloop", "--http", "httptools"] if FAST else ["--loop", "asyncio", "--http", "h11"]
    quiet = ["--no-access-log", "--log-level", "warning", "--workers", str(workers)]
    command = [python, "-m", "uvicorn", f"{module}:app", *where, *how, *quiet]
    return Server(name, command, port, cores=cores, environ=environ, folder=APPS, patience=patience)
