"""Identity of the MCP servers: the name, the version and the instructions that every transport gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams

from handshake_prompt.version import __version__

from .descriptions import INSTRUCTIONS

Context = ServerRequestContext[dict[str, Any]]


def tool_server(
    first: str,
    *,
    on_list: Callable[[Context, PaginatedRequestParams | None], Awaitable[ListToolsResult]],
    on_call: Callable[[Context, CallToolRequestParams], Awaitable[CallToolResult]],
) -> Server[dict[str, Any]]:
    """Return a server of tools.

    Args:
        first: the tool to begin with.
        on_list: lists the tools.
        on_call: calls one.
    """
    return Server(
        "handshake-prompt",
        title="Handshake Prompt",
        version=__version__,
        instructions=INSTRUCTIONS.format(first=first),
        on_list_tools=on_list,
        on_call_tool=on_call,
    )
