"""A stateless MCP server for one message, from the SDK.

The SDK's session manager wants to run as long as an application lives. The lifespan of a mounted application is not
run, so each message gets a manager of its own, which ends with the answer.
"""

from __future__ import annotations

import asyncio
import logging
from contextvars import ContextVar

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp.types import INTERNAL_ERROR, CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams
from starlette.responses import Response
from starlette.types import Message, Scope

from handshake_prompt.asgi.incidents import incident
from handshake_prompt.mcp import results
from handshake_prompt.mcp.identity import Context, tool_server
from handshake_prompt.mcp.tools import Toolbox
from handshake_prompt.protocol.errors import HandshakeError, UnavailableError

HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}

_is_ours: ContextVar[bool] = ContextVar("_is_ours", default=False)


class StatelessServer:
    """An MCP server that answers one message.

    Args:
        toolbox: its tools.
        scope: the request's.
        body: the message as it came.
        seconds: how long the answer may take.
    """

    def __init__(self, toolbox: Toolbox, scope: Scope, body: bytes, *, seconds: float) -> None:
        self._toolbox = toolbox
        self._scope = scope
        self._body = body
        self._seconds = seconds
        self._is_read = False
        self._start: Message = {}
        self._reply = bytearray()

    async def answer(self) -> Response:
        """Return the answer.

        Raises:
            UnavailableError: it took too long.
        """
        server = tool_server(self._toolbox.first, on_list=self._list, on_call=self._call)
        manager = StreamableHTTPSessionManager(server, json_response=True, stateless=True)
        is_ours = _is_ours.set(True)
        try:
            async with asyncio.timeout(self._seconds), manager.run():
                await manager.handle_request(self._scope, self._receive, self._send)
        except TimeoutError:
            raise UnavailableError("The call took too long and was given up", code="timeout") from None
        finally:
            _is_ours.reset(is_ours)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self._start["headers"]}
        return Response(bytes(self._reply), self._start["status"], headers | HEADERS)

    async def _list(self, _: Context, __: PaginatedRequestParams | None) -> ListToolsResult:
        try:
            return ListToolsResult(tools=self._toolbox.listed())
        except Exception:  # noqa: BLE001 - the SDK would send the exception's text to the caller
            raise MCPError(INTERNAL_ERROR, incident("The list of MCP tools failed").detail) from None

    async def _call(self, _: Context, call: CallToolRequestParams) -> CallToolResult:
        try:
            return await self._toolbox.perform(call.name, call.arguments)
        except MCPError:
            raise
        except HandshakeError as error:
            return results.refused(error)
        except Exception:  # noqa: BLE001 - the boundary to the host's code: modes and stores
            return results.refused(incident("The MCP tool %s failed", call.name))

    async def _receive(self) -> Message:
        if self._is_read:  # there is no more, and whether the client goes away is watched elsewhere
            await asyncio.get_running_loop().create_future()
        self._is_read = True
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        else:
            self._reply += message.get("body", b"")


def _is_worth_logging(record: logging.LogRecord) -> bool:
    """Whether a record is more than the start and the end of one of our servers."""
    return record.levelno > logging.INFO or not _is_ours.get()


for _name in ("mcp.server.streamable_http", "mcp.server.streamable_http_manager"):
    logging.getLogger(_name).addFilter(_is_worth_logging)
