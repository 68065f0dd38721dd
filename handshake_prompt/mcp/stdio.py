"""`handshake-prompt mcp`: the tools over standard input and output, for agents on a desktop.

The server keeps the session's token for its client's model, which never sees it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams

from handshake_prompt.client import AgentError, HandshakeAgent, PromptError
from handshake_prompt.protocol.errors import InvalidRequestError
from handshake_prompt.version import __version__

from . import results, tools
from .descriptions import INSTRUCTIONS

Context = ServerRequestContext[dict[str, Any]]


async def serve_stdio(*, allow_http: bool = False) -> None:
    """Serve one client over standard input and output, until it closes the input.

    Args:
        allow_http: send tokens in the clear to other machines too.
    """
    desk = Desk(allow_http=allow_http)
    server = desk.server()
    try:
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())
    finally:
        await desk.aclose()


class Desk:
    """Where a model works on one session after the other.

    Args:
        options: of each session's `HandshakeAgent`, such as `allow_http` and `timeout`.
    """

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._agent: HandshakeAgent | None = None
        self._calls: Counter[HandshakeAgent] = Counter()

    def server(self) -> Server[dict[str, Any]]:
        """Return a server of the tools, for one client."""
        return Server(
            "handshake-prompt",
            version=__version__,
            instructions=INSTRUCTIONS.format(first=tools.CONNECT),
            on_list_tools=self._list,
            on_call_tool=self._call,
        )

    async def aclose(self) -> None:
        """Leave the session."""
        agent, self._agent = self._agent, None
        if agent is not None:
            await agent.aclose()

    async def _list(self, _: Context, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=tools.listed(with_connect=True))

    async def _call(self, context: Context, asked: CallToolRequestParams) -> CallToolResult:
        try:
            if asked.name == tools.CONNECT:
                return await self._connect(context, asked.arguments)
            if asked.name not in tools.KINDS:
                raise tools.unknown(asked.name, (tools.CONNECT, *tools.KINDS))
            async with self._working() as agent:
                return await tools.perform(agent, asked.name, asked.arguments)
        except (AgentError, InvalidRequestError) as error:
            return results.refused(error)
        except ValueError as error:  # NaN and its like, which JSON proper cannot express
            return results.refused(InvalidRequestError(str(error), code="invalid_value"))

    async def _connect(self, context: Context, arguments: dict[str, Any] | None) -> CallToolResult:
        asked: tools.Connect = tools.parsed(tools.Connect, tools.CONNECT, arguments)
        try:
            agent = HandshakeAgent.from_prompt(asked.prompt, name=_name(context), **self._options)
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
        return tools.page(reply)

    @asynccontextmanager
    async def _working(self) -> AsyncIterator[HandshakeAgent]:
        """Lend the session's agent. One that is replaced in the meantime stays open for whoever still works with it."""
        agent = self._agent
        if agent is None:
            raise InvalidRequestError(
                "There is no session yet",
                code="not_connected",
                next_steps=["Call connect with the handshake prompt that the person pasted, or ask them for one"],
            )
        self._calls[agent] += 1
        try:
            yield agent
        finally:
            self._calls[agent] -= 1
            if agent is not self._agent:
                await self._let_go(agent)

    async def _let_go(self, agent: HandshakeAgent) -> None:
        if not self._calls[agent]:
            del self._calls[agent]
            await agent.aclose()


def _name(context: Context) -> str | None:
    """Return what the client calls itself, for the page to show."""
    params = context.session.client_params
    if params is None:
        return None
    return tools.shown_name(params.client_info.title or params.client_info.name) or None
