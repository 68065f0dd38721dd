"""`POST /mcp/{sid}`: a session's tools over MCP, on the engine directly.

A request is admitted before it is read, as on every other route, and counted once.
"""

from __future__ import annotations

from msgspec.structs import replace
from starlette.responses import Response

from handshake_prompt.asgi.bodies import JSONBody
from handshake_prompt.asgi.requests import IndexedRequest
from handshake_prompt.asgi.responses import rate_headers
from handshake_prompt.mcp.tools import SessionTools
from handshake_prompt.protocol.errors import HandshakeError

from .admitted_agent import AdmittedAgent
from .client_info import client_info
from .stateless_endpoint import StatelessEndpoint


class MCPEndpoint(StatelessEndpoint):
    """Answers `POST /mcp/{sid}`."""

    async def _answer(self, request: IndexedRequest) -> Response:
        session_id: str = request.path_params["sid"]
        credential = self.credential(request)
        body = JSONBody(request, self._engine.limits)
        agent = AdmittedAgent(
            self._engine,
            session_id,
            replace(credential, user_token=None),  # a client of MCP is an agent, whatever cookie a browser adds
            request,
            idempotency_key=request.headers.get("idempotency-key"),
        )
        quota = await agent.admit()
        try:
            raw = await body()
            await agent.introduce(client_info(raw))
            response = await self._serve(request, SessionTools(agent), raw)
        except HandshakeError as error:
            error.quota = quota
            raise
        response.raw_headers += rate_headers(quota)
        return response
