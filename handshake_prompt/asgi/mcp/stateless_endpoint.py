"""Endpoint of MCP's streamable HTTP without state: one message in, one answer out, and refusals that clients show.

It serves both eras of the specification: revision 2026-07-28, and 2025-11-25 with the ones before it. No session id is
given out, and there is no stream to `GET` and nothing to `DELETE`: 405, as both have it.

A refusal before MCP begins has its HTTP status, and a JSON-RPC error in the body, since clients show nothing else of a
failed request. A wrong token gets 403 and no `WWW-Authenticate`: MCP's authorization is optional and means OAuth, and
clients that are told 401 look for an OAuth server and report its absence.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from mcp.types import INTERNAL_ERROR, INVALID_REQUEST
from starlette.responses import Response

from handshake_prompt.asgi.credential_reader import CredentialReader
from handshake_prompt.asgi.http import Resource, unless_disconnected
from handshake_prompt.asgi.requests import IndexedRequest
from handshake_prompt.asgi.responses import json_response, problem_headers, problem_members
from handshake_prompt.asgi.server_stop import ServerStop
from handshake_prompt.engine import ProtocolEngine
from handshake_prompt.mcp import results
from handshake_prompt.mcp.tools import Toolbox
from handshake_prompt.protocol.credentials import Credential
from handshake_prompt.protocol.errors import (
    HandshakeError,
    InvalidTokenError,
    MethodNotAllowedError,
    OriginError,
)

from .message_shape import check_message
from .stateless_server import StatelessServer

SERVER_ERRORS = 500
SPARE = 30.0
"""Seconds that a request may take on top of the longest wait: a batch with slow hooks stays well within."""
WRONG_TOKEN = (
    "The session's token belongs into the header Authorization: Bearer of this MCP server's configuration",
    "If it is there, ask the person for a new handshake prompt",
)


class StatelessEndpoint(ABC):
    """A handler for a `Resource`, which answers each message by a server of its own.

    Args:
        engine: carries out the tools.
        credential_of: reads a request's credential.
        stop: notices the server's stop, for a tool that waits.
    """

    def __init__(self, engine: ProtocolEngine, credential_of: CredentialReader, stop: ServerStop) -> None:
        self._engine = engine
        self._credential_of = credential_of
        self._stop = stop

    async def __call__(self, request: IndexedRequest) -> Response:
        """Answer one request.

        Raises:
            ClientDisconnect: the client has gone away.
        """
        try:
            return await self._answer(request)
        except HandshakeError as error:
            return refusal(error)

    def credential(self, request: IndexedRequest) -> Credential:
        """Return a request's credential.

        Raises:
            OriginError: a foreign page sends it. The specification of MCP wants it so, whatever the token.
        """
        credential = self._credential_of(request, request.path_params.get("sid", ""))
        if credential.foreign_origin:
            raise OriginError
        return credential

    @abstractmethod
    async def _answer(self, request: IndexedRequest) -> Response:
        """Admit a request, and answer its message."""

    async def _serve(self, request: IndexedRequest, toolbox: Toolbox, raw: bytes) -> Response:
        check_message(raw)
        server = StatelessServer(toolbox, request.scope, raw, seconds=self._engine.limits.long_poll + SPARE)
        with self._stop.noticed():
            return await unless_disconnected(request, server.answer())


class MessageResource(Resource):
    """The path of an endpoint, which refuses all but messages in a way that clients show; foreign pages first."""

    def __init__(self, endpoint: StatelessEndpoint) -> None:
        super().__init__({"POST": endpoint})
        self._endpoint = endpoint

    def _refused(self, request: IndexedRequest) -> Response:
        try:
            self._endpoint.credential(request)
        except OriginError as error:
            return refusal(error)
        return refusal(MethodNotAllowedError("This is an address for agents: MCP over HTTP, by POST, without a stream"))


def refusal(error: HandshakeError) -> Response:
    """Render an error as clients of MCP can show it: its status, and its members in a JSON-RPC error."""
    if isinstance(error, InvalidTokenError):
        error.next_steps = WRONG_TOKEN
    code = INVALID_REQUEST if error.status < SERVER_ERRORS else INTERNAL_ERROR
    failure = {"code": code, "message": results.sentences(error), "data": problem_members(error)}
    return json_response({"jsonrpc": "2.0", "id": None, "error": failure}, error.status, problem_headers(error))
