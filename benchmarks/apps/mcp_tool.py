"""A tool of MCP's Python SDK that sets ten fields, over stateless streamable HTTP with JSON replies.

It holds one form, without a session, a credential or a log: the least the SDK can do. Runs in the peers' environment.
"""

from __future__ import annotations

from mcp.server.mcpserver import MCPServer

FORM: dict[str, str] = {}

server = MCPServer("form", log_level="CRITICAL")


@server.tool()
def set_fields(  # noqa: PLR0917 - a tool's schema comes from its parameters
    f0: str, f1: str, f2: str, f3: str, f4: str, f5: str, f6: str, f7: str, f8: str, f9: str
) -> dict[str, bool]:
    """Set the ten fields of the form."""
    FORM.update(f0=f0, f1=f1, f2=f2, f3=f3, f4=f4, f5=f5, f6=f6, f7=f7, f8=f8, f9=f9)
    return {"ok": True}


app = server.streamable_http_app(json_response=True, stateless_http=True)
