"""A session as tools of the Model Context Protocol, for standard input and output and for HTTP.

The official SDK, which the extra `mcp` brings, is known here and in `asgi.mcp` alone.
"""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("mcp") is None:
    raise ImportError("MCP needs one more package: pip install 'mcp>=2.0'", name="mcp")
