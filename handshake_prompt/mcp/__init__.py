"""The session as tools of the Model Context Protocol: over standard input and output, and over HTTP.

Nothing outside of this package knows the official SDK, which the extra `mcp` brings.
"""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("mcp") is None:
    raise ImportError("MCP needs one more package: pip install 'mcp>=2.0'", name="mcp")
