"""The `handshake-prompt` command: the demo, and the bare protocol server for applications in any language."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, TypeVar

import click
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from . import __version__
from .asgi.app import HandshakeApp
from .demo import create_demo
from .engine import ProtocolEngine
from .errors import UnavailableError

F = TypeVar("F", bound=Callable[..., Any])

GRACE = 5
"""Seconds that open requests get to finish after the watchers have been sent away."""


def _address(default_port: int) -> Callable[[F], F]:
    """Add the options that say where to listen."""

    def decorate(command: F) -> F:
        port = click.option("--port", default=default_port, show_default=True, type=click.IntRange(0, 65535))
        return click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")(
            port(command)
        )

    return decorate


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="handshake-prompt")
def main() -> None:
    """Let a person hand the page they are on to their own AI agent."""


@main.command()
@_address(8000)
def demo(host: str, port: int) -> None:
    """Serve an expense report to fill in together with an agent."""
    app = create_demo()
    _run(app, app.state.hpp.engine, host=host, port=port, announce="Open {url} in a browser. Stop with Ctrl+C.")


@main.command()
@_address(8000)
@click.option(
    "--store",
    default="memory://",
    show_default=True,
    envvar="HANDSHAKE_STORE",
    help="Where sessions live: memory://, sqlite:///file.db or redis://host:6379/0.",
)
@click.option("--prefix", default="/handshake", show_default=True, help="Path of the HTTP endpoints.")
@click.option("--ws-prefix", default="/ws/handshake", show_default=True, help="Path of the WebSocket.")
@click.option("--ttl", default=1800.0, show_default=True, help="Seconds a session lives after its last use.")
@click.option("--rate-limit", default=60, show_default=True, help="An agent's requests per session and minute.")
@click.option("--public-url", help="Scheme and host that prompts name, such as https://example.com.")
@click.option("--allowed-origin", "allowed_origins", multiple=True, help="An origin whose pages may act; repeatable.")
def serve(host: str, port: int, prefix: str, ws_prefix: str, **options: Any) -> None:
    """Serve the bare protocol, as a sidecar of an application in any language.

    /health/live answers while the process runs, /health/ready while it should be sent requests.
    """
    options["rate_limit_per_min"] = options.pop("rate_limit")
    app = Starlette()
    try:
        hpp = HandshakeApp(**options)
        app.router.routes += health_routes(hpp)
        hpp.mount_on(app, prefix=prefix, ws_prefix=ws_prefix)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except UnavailableError as error:
        raise click.ClickException(error.detail) from None
    _run(app, hpp.engine, host=host, port=port, announce=f"Serving the protocol at {{url}}{prefix}. Stop with Ctrl+C.")


def health_routes(hpp: HandshakeApp) -> list[Route]:
    """Return the routes that a supervisor and a load balancer ask."""

    async def live(_: Request) -> JSONResponse:
        return JSONResponse({"status": "live"})

    async def ready(_: Request) -> JSONResponse:
        payload, status = await hpp.health()
        return JSONResponse(payload, status)

    return [Route("/health/live", live), Route("/health/ready", ready)]


class DrainingServer(uvicorn.Server):
    """A uvicorn that sends the watchers elsewhere before it closes their sockets."""

    def __init__(self, config: uvicorn.Config, engine: ProtocolEngine) -> None:
        super().__init__(config)
        self._engine = engine

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then shut down as uvicorn does."""
        await self._engine.drain()
        await super().shutdown(sockets)


def _run(app: Starlette, engine: ProtocolEngine, *, host: str, port: int, announce: str) -> None:
    listener = _listen(host, port)
    name = f"[{host}]" if ":" in host else host
    click.echo(announce.format(url=f"http://{name}:{listener.getsockname()[1]}"))
    server = DrainingServer(uvicorn.Config(app, log_level="info", timeout_graceful_shutdown=GRACE), engine)
    try:
        asyncio.run(server.serve(sockets=[listener]))
    except KeyboardInterrupt:
        click.echo("Stopped.")


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise click.ClickException(
            f"Cannot listen on {host} port {port}: {error.strerror or error}. Choose another with --port or --host."
        ) from None
    # Connections inherit it. asyncio sets it only on sockets whose protocol number is TCP's, which `create_server`
    # leaves at 0; without it a reply in two parts waits 40 ms for the other end's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
