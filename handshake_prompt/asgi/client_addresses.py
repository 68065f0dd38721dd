"""Warnings where rates per address cannot hold: the server knows no client's address, or takes it from anybody."""

from __future__ import annotations

import logging

from .server_command import ServerCommand

logger = logging.getLogger("handshake_prompt")


def warn_of_trusted_forwarding(command: ServerCommand | None = None) -> None:
    """Log a warning if the server takes a client's address from any peer, and any peer can reach it.

    On a Unix socket every peer is the proxy.
    """
    command = command or ServerCommand()
    trusted = command.option("--forwarded-allow-ips") or command.variable("FORWARDED_ALLOW_IPS")
    bound = command.option("-b", "--bind") or ""
    if trusted != "*" or command.option("--uds") or bound.startswith("unix:"):
        return
    logger.warning(
        "The server believes X-Forwarded-For from any peer: a client that reaches it without the proxy can give itself "
        "any address, and rates per address do not hold. Name the proxy instead of '*' in --forwarded-allow-ips, or "
        "let the server listen on a Unix socket."
    )


def warn_of_unknown_address() -> None:
    """Log that requests come without an address."""
    logger.warning(
        "The server knows no address of its clients, as on a Unix socket: no rate per address holds. Let the proxy "
        "send X-Forwarded-For, and the server believe it (uvicorn --forwarded-allow-ips '*', on a Unix socket alone)."
    )
