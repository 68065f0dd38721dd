"""`POST /mcp`: the tools of all sessions at one address, for a client that is set up once.

`connect` takes a prompt and answers a handle, which the other tools take. The handle is the session's id and token, so
nothing is kept between two messages: any worker answers any of them, and each call is admitted and counted as one of
its session's agent. Messages that name no session are counted by address, and so are wrong tokens.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mcp.types import CallToolResult, Tool
from msgspec.structs import replace
from starlette.responses import Response

from handshake_prompt.asgi.bodies import JSONBody
from handshake_prompt.asgi.requests import IndexedRequest
from handshake_prompt.engine import ProtocolEngine
from handshake_prompt.mcp import results, tools
from handshake_prompt.mcp.arguments import Connect
from handshake_prompt.protocol.credentials import Credential
from handshake_prompt.protocol.errors import InvalidRequestError, InvalidTokenError
from handshake_prompt.texts.pickup_codes import find_address, read_code
from handshake_prompt.texts.prompt import PromptError, is_prompt, parse_prompt
from handshake_prompt.texts.secret import Secret

from .admitted_agent import AdmittedAgent
from .client_info import ClientInfo, client_info
from .stateless_endpoint import StatelessEndpoint

_HANDLE = re.compile(r"([0-9a-f]{32})\.([A-Za-z0-9_-]{16,128})")
NOT_OURS = (
    "Call connect with the handshake prompt that the person pasted, if its page is one of this server's",
    "If it was refused, ask the person for a new handshake prompt",
)


class SharedMCPEndpoint(StatelessEndpoint):
    """Answers `POST /mcp`."""

    async def _answer(self, request: IndexedRequest) -> Response:
        credential = self.credential(request)
        await self._engine.admit_stranger(credential)
        raw = await JSONBody(request, self._engine.limits)()
        return await self._serve(request, SharedTools(self._engine, credential, request, client_info(raw)), raw)


class SharedTools:
    """The tools of all sessions, each of which a handle names.

    Args:
        engine: carries them out.
        credential: the client as far as it is known: its address, its name.
        request: the host framework's, for the hooks.
        client: as the message introduces it.
    """

    first = tools.CONNECT

    def __init__(
        self, engine: ProtocolEngine, credential: Credential, request: IndexedRequest, client: ClientInfo
    ) -> None:
        self._engine = engine
        self._credential = replace(credential, user_token=None, token=None)
        self._request = request
        self._client = client

    def listed(self) -> list[Tool]:
        """Return the tools as clients list them."""
        return tools.listed(with_connect=True, by_handle=True)

    async def perform(self, name: str, arguments: Mapping[str, Any] | None) -> CallToolResult:
        """Call a tool.

        Raises:
            MCPError: there is no such tool.
            InvalidRequestError: the arguments do not fit its input schema, or name no session.
            HandshakeError: the session refuses the call.
        """
        if name == tools.CONNECT:
            return await self._connect(arguments)
        if name not in tools.KINDS:
            raise tools.unknown(name, (tools.CONNECT, *tools.KINDS))
        given = dict(arguments or {})
        handle = given.pop(tools.HANDLE, None)
        found = _HANDLE.fullmatch(handle.strip()) if isinstance(handle, str) else None
        if found is None:
            raise InvalidRequestError(f"{name} takes `session`", code="not_connected", next_steps=NOT_OURS)
        return await tools.perform(await self._admitted(found[1], found[2]), name, given)

    async def _connect(self, arguments: Mapping[str, Any] | None) -> CallToolResult:
        asked: Connect = tools.parsed(Connect, tools.CONNECT, arguments)
        session_id, token = await self._handed_over(asked.prompt)
        agent = await self._admitted(session_id, token)
        page = await tools.page(await agent.get_context())
        return results.connected(f"{session_id}.{token}", page)

    async def _handed_over(self, text: str) -> tuple[str, str]:
        """Return the session and the token that the person handed over: in a prompt, or by the code of a pickup.

        Raises:
            InvalidRequestError: the text has neither.
            PickupNotFoundError, PickupTakenError: see `ProtocolEngine.exchange_pickup`.
        """
        try:
            prompt = parse_prompt(text)
        except PromptError as error:
            address = None if is_prompt(text) else find_address(text)
            code = address.code if address else read_code(text.strip())
            if code is None:
                raise InvalidRequestError(
                    str(error),
                    code="invalid_prompt",
                    next_steps=["Pass the whole text that the person pasted, unchanged"],
                ) from None
            exchange = await self._engine.exchange_pickup(
                code,
                replace(self._credential, agent_name=self._client.name),
                key=(address and address.key) or self._request.headers.get("idempotency-key"),
            )
            return exchange.record.session.session_id, exchange.token
        return prompt.session_id.lower(), prompt.token

    async def _admitted(self, session_id: str, token: str) -> AdmittedAgent:
        """Return the agent of a session, its request counted.

        Raises:
            HandshakeError: as `ProtocolEngine.get_context`.
        """
        credential = replace(self._credential, token=Secret(token))
        key = self._request.headers.get("idempotency-key")
        agent = AdmittedAgent(self._engine, session_id, credential, self._request, idempotency_key=key)
        try:
            await agent.admit()
            await agent.introduce(self._client)
        except InvalidTokenError as error:
            error.next_steps = NOT_OURS
            raise
        return agent
