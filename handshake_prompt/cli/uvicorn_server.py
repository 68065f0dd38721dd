"""The servers behind `demo` and `serve`, under uvicorn."""

from __future__ import annotations

import socket
from typing import Any

import click
import uvicorn
from starlette.types import ASGIApp

from handshake_prompt.asgi.app import HandshakeApp
from handshake_prompt.asgi.standalone import standalone
from handshake_prompt.engine import ProtocolEngine
from handshake_prompt.protocol.errors import UnavailableError
from handshake_prompt.protocol.limits import Limits

from .uvicorn_protocols import HTTPProtocol, WebSocketProtocol

GRACE = 5
"""Seconds that open requests get to finish after the watchers have been sent away."""
FRAMES = 2
"""How many times as large as a frame may be the server lets one be, so that the page is told which bound it is over."""


def run_demo(host: str, port: int) -> None:
    """Serve the demo until interrupted.

    Raises:
        click.ClickException: the address cannot be listened on.
    """
    from handshake_prompt.page.demo import create_demo  # noqa: PLC0415 (loads Pydantic, where that is installed)

    app = create_demo()
    _run(app, app.state.hpp.engine, host=host, port=port, announce="Open {url} in a browser. Stop with Ctrl+C.")


def run_protocol(host: str, port: int, *, prefix: str, ws_prefix: str, **options: Any) -> None:
    """Serve the bare protocol until interrupted.

    Raises:
        click.UsageError: an option cannot be used.
        click.ClickException: the address cannot be listened on, or the store is not there.
    """
    options["rate_limit_per_min"] = options.pop("rate_limit")
    try:
        hpp = HandshakeApp(**options)
        app = standalone(hpp, prefix, ws_prefix)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except UnavailableError as error:
        raise click.ClickException(error.detail) from None
    _run(app, hpp.engine, host=host, port=port, announce=f"Serving the protocol at {{url}}{prefix}. Stop with Ctrl+C.")


class DrainingServer(uvicorn.Server):
    """A uvicorn that sends the watchers elsewhere before it closes their sockets."""

    drains = True

    def __init__(self, config: uvicorn.Config, engine: ProtocolEngine) -> None:
        super().__init__(config)
        self._engine = engine

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then shut down as uvicorn does."""
        await self._engine.drain()
        await super().shutdown(sockets)


def server_settings(limits: Limits) -> dict[str, Any]:
    """Return uvicorn's settings with bounds on a peer that has shown no credential yet: its frames, and its silence.

    Frames are not compressed: a few bytes of them can stand for any number.
    """
    return {
        "http": HTTPProtocol,
        "ws": WebSocketProtocol,
        "ws_max_size": FRAMES * limits.frame_bytes,
        "ws_per_message_deflate": False,
        "timeout_graceful_shutdown": GRACE,
    }


def _run(app: ASGIApp, engine: ProtocolEngine, *, host: str, port: int, announce: str) -> None:
    listener = _listen(host, port)
    name = f"[{host}]" if ":" in host else host
    click.echo(announce.format(url=f"http://{name}:{listener.getsockname()[1]}"))
    config = uvicorn.Config(app, log_level="info", **server_settings(engine.limits))
    server = DrainingServer(config, engine)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        click.echo("Stopped.")


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (while ")[0]  # what follows is the address again
        raise click.ClickException(
            f"Cannot listen on {host} port {port}: {reason}. Choose another with --port or --host."
        ) from None
    # Connections inherit it. asyncio sets it only on sockets whose protocol number is TCP's, which `create_server`
    # leaves at 0; without it a reply in two parts waits 40 ms for the other end's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
