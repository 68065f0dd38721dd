"""`POST /mcp/{sid}`: a session's tools over MCP's streamable HTTP, without state, on the engine directly.

A request is admitted before it is read, as on every other route, and counted once. What is refused before MCP begins
is answered with its HTTP status, and with a JSON-RPC error in the body, since that is all that clients show of a failed
request. A wrong token gets 403 and no `WWW-Authenticate`: MCP's authorization is optional and means OAuth, which
clients that are told 401 set out to find, to end in an error about that.
"""

from __future__ import annotations

from collections.abc import Callable

from mcp.types import INTERNAL_ERROR, INVALID_REQUEST
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from handshake_prompt.asgi.connection import Call
from handshake_prompt.asgi.http import (
    JSONBody,
    json_response,
    problem_headers,
    problem_members,
    rate_headers,
    unless_disconnected,
)
from handshake_prompt.engine import ProtocolEngine
from handshake_prompt.mcp import results
from handshake_prompt.protocol.credentials import Credential
from handshake_prompt.protocol.errors import HandshakeError, InvalidTokenError, OriginError

from .caller import Caller
from .exchange import Exchange, introduction

SERVER_ERRORS = 500
SPARE = 30.0
"""Seconds that a request may take on top of the longest wait: a batch with slow hooks stays well within."""
WRONG_TOKEN = (
    "The session's token belongs into the header Authorization: Bearer of this MCP server's configuration",
    "If it is there, ask the person for a new handshake prompt",
)


class Endpoint:
    """Answers `POST /mcp/{sid}`; a handler for a `Resource`.

    Args:
        engine: what carries out the tools.
        credential_of: returns what a request brings to prove a role in a session.
    """

    def __init__(self, engine: ProtocolEngine, credential_of: Callable[[Request, str], Credential]) -> None:
        self._engine = engine
        self._credential_of = credential_of

    async def __call__(self, request: Call) -> Response:
        """Answer one request.

        Raises:
            ClientDisconnect: the client has gone away.
        """
        try:
            return await self._answer(request)
        except HandshakeError as error:
            return refusal(error)

    async def _answer(self, request: Call) -> Response:
        session_id: str = request.path_params["sid"]
        credential = self._credential_of(request, session_id)
        if credential.foreign_origin:  # the specification of MCP wants it so, whatever the token
            raise OriginError
        body = JSONBody(request, self._engine.limits)
        caller = Caller(
            self._engine,
            session_id,
            replace(credential, user_token=None),  # who uses MCP is an agent, whatever cookie a browser adds
            request,
            idempotency_key=request.headers.get("idempotency-key"),
        )
        quota = await caller.come_in()
        try:
            raw = await body()
            await caller.introduce(introduction(raw))
            exchange = Exchange(caller, request.scope, raw, seconds=self._engine.limits.long_poll + SPARE)
            response = await unless_disconnected(request, exchange.run())
        except HandshakeError as error:
            error.quota = quota
            raise
        response.raw_headers += rate_headers(quota)
        return response


def refusal(error: HandshakeError) -> Response:
    """Render an error as clients of MCP can show it: its status, and its members in a JSON-RPC error."""
    if isinstance(error, InvalidTokenError):
        error.next_steps = WRONG_TOKEN
    code = INVALID_REQUEST if error.status < SERVER_ERRORS else INTERNAL_ERROR
    said = {"code": code, "message": results.told(error), "data": problem_members(error)}
    return json_response({"jsonrpc": "2.0", "id": None, "error": said}, error.status, problem_headers(error))
