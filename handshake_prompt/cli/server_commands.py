"""`demo`, `serve` and `mcp`: options and help. The server is loaded when one of them runs."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def _address(default_port: int) -> Callable[[F], F]:
    """Add the options that say where to listen."""

    def decorate(command: F) -> F:
        port = click.option(
            "--port",
            default=default_port,
            show_default=True,
            type=click.IntRange(0, 65535),
            help="Port to listen on; 0 takes a free one.",
        )
        return click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")(
            port(command)
        )

    return decorate


@click.command(help="Serve an expense report to fill in together with an agent.")
@_address(8000)
def demo(host: str, port: int) -> None:
    """Run `demo`."""
    from . import uvicorn_server  # noqa: PLC0415 (an agent's commands do without)

    uvicorn_server.run_demo(host, port)


@click.command(
    help="Serve the protocol beside an application in any language.\n\n"
    "/health/live answers while the process runs, /health/ready while it should be sent requests."
)
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
@click.option(
    "--rate-limit",
    type=click.IntRange(min=1),
    default=60,
    show_default=True,
    help="An agent's requests per session and minute.",
)
@click.option("--public-url", help="Scheme and host that prompts name, such as https://example.com.")
@click.option("--allowed-origin", "allowed_origins", multiple=True, help="An origin whose pages may act; repeatable.")
def serve(host: str, port: int, **options: Any) -> None:
    """Run `serve`."""
    from . import uvicorn_server  # noqa: PLC0415 (as above)

    uvicorn_server.run_protocol(host, port, **options)


@click.command(
    help="Serve a session's tools to an MCP client, over stdio.\n\n"
    'For an agent on a desktop: enter "handshake-prompt mcp" as the command of an MCP server, then paste a prompt.'
)
@click.option("--allow-http", is_flag=True, help="Send tokens to http:// hosts other than this machine.")
def mcp(allow_http: bool) -> None:  # noqa: FBT001 (click calls by name)
    """Run `mcp`."""
    import asyncio  # noqa: PLC0415 (as above)

    try:
        from handshake_prompt.mcp.stdio import serve_stdio  # noqa: PLC0415
    except ImportError as error:
        if error.name != "mcp":
            raise
        raise click.ClickException(str(error)) from None
    # Ctrl+C ends the process: asked to stop in order, it would wait for the thread that reads standard input.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    asyncio.run(serve_stdio(allow_http=allow_http))
