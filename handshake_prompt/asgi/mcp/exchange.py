"""One message of MCP and its answer, with a server of the SDK between the two that is gone with the answer.

The SDK's session manager wants to be run for as long as an application lives; the lifespan of one that is mounted is
not run, so each exchange runs one of its own.
"""

from __future__ import annotations

import asyncio
import logging
from contextvars import ContextVar
from typing import Any

import msgspec
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams
from starlette.responses import Response
from starlette.types import Message, Scope

from handshake_prompt.asgi.incidents import incident
from handshake_prompt.mcp import results, tools
from handshake_prompt.mcp.descriptions import INSTRUCTIONS
from handshake_prompt.protocol.errors import HandshakeError, UnavailableError
from handshake_prompt.version import __version__

from .caller import Introduction

HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}

Context = ServerRequestContext[dict[str, Any]]

_is_ours: ContextVar[bool] = ContextVar("_is_ours", default=False)


class Exchange:
    """A message on its way to the tools and back.

    Args:
        agent: what the tools work on.
        scope: the request's.
        body: the message as it came.
        seconds: how long it may take.
    """

    def __init__(self, agent: tools.Agent, scope: Scope, body: bytes, *, seconds: float) -> None:
        self._agent = agent
        self._scope = scope
        self._body = body
        self._seconds = seconds
        self._is_read = False
        self._start: Message = {}
        self._reply = bytearray()

    async def run(self) -> Response:
        """Return the answer.

        Raises:
            UnavailableError: there was none in time.
        """
        server = Server(
            "handshake-prompt",
            version=__version__,
            instructions=INSTRUCTIONS.format(first="get_context"),
            on_list_tools=self._list,
            on_call_tool=self._call,
        )
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
        return ListToolsResult(tools=tools.listed(with_connect=False))

    async def _call(self, _: Context, asked: CallToolRequestParams) -> CallToolResult:
        try:
            return await tools.perform(self._agent, asked.name, asked.arguments)
        except MCPError:
            raise
        except HandshakeError as error:
            return results.refused(error)
        except Exception:  # noqa: BLE001 - the boundary to the host's code: modes and stores
            return results.refused(incident("The MCP tool %s failed", asked.name))

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


class _Client(msgspec.Struct):
    name: str = ""
    title: str | None = None


class _Meta(msgspec.Struct):
    client: _Client | None = msgspec.field(default=None, name="io.modelcontextprotocol/clientInfo")


class _Params(msgspec.Struct):
    client: _Client | None = msgspec.field(default=None, name="clientInfo")
    meta: _Meta | None = msgspec.field(default=None, name="_meta")


class _Message(msgspec.Struct):
    method: str = ""
    params: _Params = msgspec.field(default_factory=_Params)


def introduction(raw: bytes) -> Introduction:
    """Return what a message says of who sends it; nothing if it is malformed, which the SDK tells its sender."""
    try:
        message = msgspec.json.decode(raw, type=_Message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Introduction("", is_first=False)
    client = message.params.client or (message.params.meta and message.params.meta.client)
    name = tools.shown_name(client.title or client.name) if client else ""
    return Introduction(name, is_first=message.method in ("initialize", "server/discover"))


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a record is worth a line: that each of our servers begins and is shut down is not."""
    return record.levelno > logging.INFO or not _is_ours.get()


for _name in ("mcp.server.streamable_http", "mcp.server.streamable_http_manager"):
    logging.getLogger(_name).addFilter(_is_news)
