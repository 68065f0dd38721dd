"""MCP over streamable HTTP: a session's tools on the engine directly."""

import handshake_prompt.mcp  # noqa: F401 - tells how to install the SDK, before any module here asks for it
