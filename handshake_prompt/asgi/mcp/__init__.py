"""MCP over streamable HTTP: a session's tools on the engine directly."""
