"""Mount of the protocol: its place as a client sees it, and the index that it answers there. SPEC.md section 4."""

from __future__ import annotations

from typing import Any, NamedTuple

from .limits import Limits

PROTOCOL_VERSION = "1.1"


class Mount(NamedTuple):
    """Where the protocol is served, as a client of this request sees it.

    `prefix` and `ws_prefix` are paths without a trailing slash; `base_url` is scheme and host, None when unknown;
    `offers_mcp` whether agents can speak MCP there.
    """

    prefix: str
    ws_prefix: str
    base_url: str | None = None
    offers_mcp: bool = False


def index_members(mount: Mount, limits: Limits) -> dict[str, Any]:
    """Return the members of the reply to `GET /`."""
    return {
        "name": "Handshake Prompt Protocol",
        "protocol": PROTOCOL_VERSION,
        "limits": limits.public(),
        "links": {
            "session": f"{mount.prefix}/session",
            "client": f"{mount.prefix}/client.js",
            "openapi": f"{mount.prefix}/openapi.json",
        },
    }
