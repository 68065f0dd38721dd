"""MCP server over standard input and output, for agents on a desktop: `handshake-prompt mcp`.

It keeps the session's token for its client's model, which never sees the token again.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams

from handshake_prompt.client import AgentError, HandshakeAgent, PromptError
from handshake_prompt.protocol.errors import InternalError, InvalidRequestError
from handshake_prompt.texts.pickup_codes import find_address
from handshake_prompt.texts.prompt import is_prompt

from . import results, tools
from .arguments import Connect
from .identity import Context, tool_server

logger = logging.getLogger("handshake_prompt")


async def serve_stdio(*, allow_http: bool = False) -> None:
    """Serve one client over standard input and output, until it closes the input.

    Args:
        allow_http: send tokens in the clear to other machines too.
    """
    tool_server = ToolServer(allow_http=allow_http)
    server = tool_server.server()
    try:
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())
    finally:
        await tool_server.aclose()


class ToolServer:
    """The tools for one client, on one session after the other.

    Args:
        options: of each session's `HandshakeAgent`, such as `allow_http` and `timeout`.
    """

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._agent: HandshakeAgent | None = None
        self._users: Counter[HandshakeAgent] = Counter()
        """Agents -> the number of calls that use them now. One that is replaced is closed with its last call."""

    def server(self) -> Server[dict[str, Any]]:
        """Return a server of the tools, for one client."""
        return tool_server(tools.CONNECT, on_list=self._list, on_call=self._call)

    async def aclose(self) -> None:
        """Leave the session."""
        agent, self._agent = self._agent, None
        if agent is not None:
            await agent.aclose()

    async def _list(self, _: Context, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=tools.listed(with_connect=True))

    async def _call(self, context: Context, call: CallToolRequestParams) -> CallToolResult:
        try:
            return await self._carry_out(context, call)
        except MCPError:
            raise
        except AgentError as error:
            return results.refused(error, is_foreign=error.from_server)
        except InvalidRequestError as error:
            return results.refused(error)
        except ValueError as error:  # NaN and its like, which JSON proper cannot express
            return results.refused(InvalidRequestError(str(error), code="invalid_value"))
        except Exception:  # the SDK would send the exception's text to the model, and log nothing
            logger.exception("The MCP tool %s failed", call.name)
            return results.refused(InternalError("The tool failed; the log of this MCP server has the details"))

    async def _carry_out(self, context: Context, call: CallToolRequestParams) -> CallToolResult:
        if call.name == tools.CONNECT:
            return await self._connect(context, call.arguments)
        if call.name not in tools.KINDS:
            raise tools.unknown(call.name, (tools.CONNECT, *tools.KINDS))
        async with self._lent_agent() as agent:
            return await tools.perform(agent, call.name, call.arguments)

    async def _connect(self, context: Context, arguments: dict[str, Any] | None) -> CallToolResult:
        asked: Connect = tools.parsed(Connect, tools.CONNECT, arguments)
        try:
            agent = await self._opened(asked.prompt, _name(context))
        except PromptError as error:
            raise InvalidRequestError(
                str(error), code="invalid_prompt", next_steps=["Pass the whole text that the person pasted, unchanged"]
            ) from None
        try:
            reply = await agent.get_context()
        except BaseException:
            await agent.aclose()
            raise
        before, self._agent = self._agent, agent
        if before is not None:
            await self._let_go(before)
        return await tools.page(reply)

    async def _opened(self, text: str, name: str | None) -> HandshakeAgent:
        """Return the agent of the session that a prompt, or the address of a pickup, leads to.

        Raises:
            PromptError: the text is neither.
            AgentError: the code cannot be exchanged.
        """
        try:
            return HandshakeAgent.from_prompt(text, name=name, **self._options)
        except PromptError:
            if is_prompt(text) or find_address(text) is None:
                raise
            return await HandshakeAgent.from_pickup(text, name=name, **self._options)

    @asynccontextmanager
    async def _lent_agent(self) -> AsyncIterator[HandshakeAgent]:
        """Lend the session's agent. One that is replaced in the meantime stays open until its last call is over."""
        agent = self._agent
        if agent is None:
            raise InvalidRequestError(
                "There is no session yet",
                code="not_connected",
                next_steps=["Call connect with the handshake prompt that the person pasted, or ask them for one"],
            )
        self._users[agent] += 1
        try:
            yield agent
        finally:
            self._users[agent] -= 1
            if agent is not self._agent:
                await self._let_go(agent)

    async def _let_go(self, agent: HandshakeAgent) -> None:
        if not self._users[agent]:
            del self._users[agent]
            await agent.aclose()


def _name(context: Context) -> str | None:
    """Return the client's name for itself, for the page to show."""
    params = context.session.client_params
    if params is None:
        return None
    return tools.shown_name(params.client_info.title or params.client_info.name) or None
