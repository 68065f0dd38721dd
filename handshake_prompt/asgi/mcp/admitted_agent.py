"""The agent of one MCP request, on the engine directly: admitted and counted once for all calls of its tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace
from starlette.requests import Request

from handshake_prompt.engine import ProtocolEngine
from handshake_prompt.protocol.credentials import Credential
from handshake_prompt.protocol.rate_limit import Quota
from handshake_prompt.protocol.replies import Reply

from .client_info import ClientInfo


class AdmittedAgent:
    """A session's agent for the length of one request; the tools of `handshake_prompt.mcp` work on it.

    Args:
        engine: carries out the tools.
        session_id: the session.
        credential: the request's.
        request: the host framework's, for the hooks.
        idempotency_key: of the request, if it has one.
    """

    def __init__(
        self,
        engine: ProtocolEngine,
        session_id: str,
        credential: Credential,
        request: Request,
        *,
        idempotency_key: str | None,
    ) -> None:
        self._engine = engine
        self._session_id = session_id
        self._credential = credential
        self._request = request
        self._idempotency_key = idempotency_key
        self._context: dict[str, Any] = {}

    async def admit(self) -> Quota | None:
        """Prove the token, count the request and renew the session, by reading the context; return the quota.

        The message is read only after this, and nothing more is counted.

        Raises:
            HandshakeError: as `ProtocolEngine.get_context`.
        """
        reply = await self._read()
        self._credential = replace(self._credential, counted=reply.quota)
        return reply.quota

    async def introduce(self, client: ClientInfo) -> None:
        """Announce the client to the page by its name for itself, unless a header has named it."""
        if self._credential.agent_name or not client.name:
            return
        self._credential = replace(self._credential, agent_name=client.name)
        if client.is_first:  # any later message announces it as it works
            await self._read()

    async def get_context(self) -> dict[str, Any]:
        """Return the state of the page."""
        return self._context

    async def action(self, values: Sequence[Mapping[str, Any]], /) -> dict[str, Any]:
        """Carry out a batch of actions."""
        body = {"actions": values}
        reply = await self._engine.post_action(
            self._session_id, body, self._credential, self._request, idempotency_key=self._idempotency_key
        )
        return reply.payload

    async def get_diff(self, since: str | None, /, *, wait: float) -> dict[str, Any]:
        """Return the changes, waiting for the first if asked to."""
        reply = await self._engine.get_diff(
            self._session_id, self._credential, self._request, since=since or "", wait=wait
        )
        return reply.payload

    async def extend(self, extra_seconds: int, /) -> dict[str, Any]:
        """Give the session more time."""
        body = {"extraSeconds": extra_seconds}
        reply = await self._engine.post_extend(self._session_id, body, self._credential, self._request)
        return reply.payload

    async def options(self, key: str, query: str, /) -> dict[str, Any]:
        """Look up the options of a field."""
        reply = await self._engine.get_options(self._session_id, self._credential, self._request, key=key, query=query)
        return reply.payload

    async def open_question(
        self,
        text: str,
        *,
        fields: Sequence[Mapping[str, Any]] | None,
        key: str | None,
        expires_in: float | None,
    ) -> dict[str, Any]:
        """Ask the person something."""
        body = {"text": text, "fields": fields, "key": key, "expiresIn": expires_in}
        reply = await self._engine.post_ask(
            self._session_id, body, self._credential, self._request, idempotency_key=self._idempotency_key
        )
        return reply.payload

    async def _read(self) -> Reply:
        reply = await self._engine.get_context(self._session_id, self._credential, self._request)
        self._context = reply.payload
        return reply
