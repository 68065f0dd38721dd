"""The HTTP endpoints: one handler each, from a request to the engine and back. SPEC.md section 4."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from handshake_prompt.engine import ProtocolEngine
from handshake_prompt.protocol.credentials import Credential
from handshake_prompt.protocol.mount import Mount, index_members

from .bodies import JSONBody
from .client_addresses import warn_of_unknown_address
from .cookies import set_user_cookie
from .credential_reader import CredentialReader
from .http import Resource, unless_disconnected
from .openapi import openapi
from .page_modules import module_routes
from .requests import IndexedRequest, is_hidden
from .responses import context_response, description_response, json_response, reply_response
from .server_stop import ServerStop
from .sse import EventStream

logger = logging.getLogger("handshake_prompt")

_LOCAL = ("localhost", "127.0.0.1", "::1")


class Endpoints:
    """The handlers of all endpoints but the WebSocket and MCP.

    Args:
        engine: carries out the operations.
        credential_of: reads a request's credential.
        mount_of: returns the mount as the client of a request sees it.
        stop: notices the server's stop.
        warn_of_host: whether prompts that take their host from a request are worth a warning.
    """

    def __init__(
        self,
        engine: ProtocolEngine,
        credential_of: CredentialReader,
        mount_of: Callable[[HTTPConnection[Any]], Mount],
        *,
        stop: ServerStop,
        warn_of_host: bool,
    ) -> None:
        self._engine = engine
        self._credential_of = credential_of
        self._mount_of = mount_of
        self._stop = stop
        self._warns_of_host = warn_of_host
        self._warns_of_address = True

    def routes(self) -> list[BaseRoute]:
        """Return the routes, relative to the mount."""
        return [
            Route("/context/{sid}", Resource({"GET": self._context})),
            Route("/action/{sid}", Resource({"POST": self._action})),
            Route("/diff/{sid}", Resource({"GET": self._diff})),
            Route("/notify/{sid}", Resource({"POST": self._notify})),
            Route("/paste/{sid}", Resource({"POST": self._paste})),
            Route("/events/{sid}", Resource({"GET": self._events})),
            Route("/submit/{sid}", Resource({"POST": self._submit})),
            Route("/revert/{sid}", Resource({"POST": self._revert})),
            Route("/ask/{sid}", Resource({"POST": self._ask})),
            Route("/ask/{sid}/{request}", Resource({"DELETE": self._withdraw})),
            Route("/answer/{sid}/{request}", Resource({"POST": self._answer})),
            Route("/options/{sid}", Resource({"GET": self._options})),
            Route("/session", Resource({"POST": self._create})),
            Route("/session/{sid}", Resource({"GET": self._status, "DELETE": self._revoke})),
            Route("/session/{sid}/extend", Resource({"POST": self._extend})),
            Route("/session/{sid}/rotate", Resource({"POST": self._rotate})),
            Route("/session/{sid}/pickup", Resource({"POST": self._pickup})),
            Route("/forms/{name}", Resource({"GET": self._form})),
            *module_routes(),
            Route("/openapi.json", Resource({"GET": self._openapi})),
            Route("/", Resource({"GET": self._index})),
        ]

    # Sessions

    async def _create(self, request: IndexedRequest) -> Response:
        credential = self._credential_of(request, "")
        if not credential.address:
            self._warn_of_address()
        body = JSONBody(request, self._engine.limits)
        mount = self._mount_of(request)
        reply = await self._engine.create_session(body, request, credential=credential, mount=mount)
        response = reply_response(reply)
        if reply.content.keys() & {"prompt", "pickup"}:
            self._warn_of_host(request)
        session_id, user_token = reply.content["sessionId"], reply.user_token or ""
        await set_user_cookie(request, response, self._engine, session_id=session_id, user_token=user_token)
        return response

    async def _status(self, request: IndexedRequest) -> Response:
        return reply_response(await self._engine.get_session(*self._caller(request), request))

    async def _revoke(self, request: IndexedRequest) -> Response:
        return reply_response(await self._engine.revoke(*self._caller(request), request))

    async def _extend(self, request: IndexedRequest) -> Response:
        return reply_response(await self._engine.post_extend(*self._posted(request)))

    async def _rotate(self, request: IndexedRequest) -> Response:
        posted = self._posted(request, may_be_empty=True)
        return reply_response(await self._engine.rotate(*posted, mount=self._mount_of(request)))

    async def _pickup(self, request: IndexedRequest) -> Response:
        posted = self._posted(request, may_be_empty=True)
        response = reply_response(await self._engine.post_pickup(*posted, mount=self._mount_of(request)))
        self._warn_of_host(request)
        return response

    # Values

    async def _context(self, request: IndexedRequest) -> Response:
        return await context_response(request, await self._engine.get_context(*self._caller(request), request))

    async def _action(self, request: IndexedRequest) -> Response:
        key = _idempotency_key(request)
        return reply_response(await self._engine.post_action(*self._posted(request), idempotency_key=key))

    async def _notify(self, request: IndexedRequest) -> Response:
        return reply_response(await self._engine.post_notify(*self._posted(request)))

    async def _paste(self, request: IndexedRequest) -> Response:
        return reply_response(await self._engine.post_paste(*self._posted(request)))

    async def _diff(self, request: IndexedRequest) -> Response:
        query = request.query_params
        work = self._engine.get_diff(
            *self._caller(request), request, since=query.get("since", ""), wait=query.get("wait", 0)
        )
        if "wait" not in query:
            return reply_response(await work)
        with self._stop.noticed():
            return reply_response(await unless_disconnected(request, work))

    async def _options(self, request: IndexedRequest) -> Response:
        query = request.query_params
        work = self._engine.get_options(
            *self._caller(request), request, key=query.get("key", ""), query=query.get("q", "")
        )
        return reply_response(await work)

    async def _events(self, request: IndexedRequest) -> Response:
        after = request.headers.get("last-event-id") or request.query_params.get("after")
        keepalive = self._engine.limits.stream_keepalive
        watcher = await self._engine.watch(
            *self._caller(request), request, after=after, keepalive=keepalive, hidden=is_hidden(request)
        )
        return EventStream(watcher, self._engine.limits, self._stop)

    # Requests of the agent to the person

    async def _submit(self, request: IndexedRequest) -> Response:
        return reply_response(await self._engine.post_submit(*self._posted(request)))

    async def _revert(self, request: IndexedRequest) -> Response:
        return reply_response(await self._engine.post_revert(*self._posted(request)))

    async def _ask(self, request: IndexedRequest) -> Response:
        key = _idempotency_key(request)
        return reply_response(await self._engine.post_ask(*self._posted(request), idempotency_key=key))

    async def _withdraw(self, request: IndexedRequest) -> Response:
        session_id, credential = self._caller(request)
        name = request.path_params["request"]
        return reply_response(await self._engine.withdraw(session_id, name, credential, request))

    async def _answer(self, request: IndexedRequest) -> Response:
        session_id, body, credential, _ = self._posted(request)
        name = request.path_params["request"]
        return reply_response(await self._engine.post_answer(session_id, name, body, credential, request))

    # About the server

    async def _form(self, request: IndexedRequest) -> Response:
        return description_response(request, await self._engine.get_form(request.path_params["name"]))

    async def _openapi(self, request: IndexedRequest) -> Response:
        return json_response(openapi(self._mount_of(request).prefix or "/", self._engine.limits))

    async def _index(self, request: IndexedRequest) -> Response:
        return json_response(index_members(self._mount_of(request), self._engine.limits))

    # The parts of a request

    def _caller(self, request: IndexedRequest) -> tuple[str, Credential]:
        session_id: str = request.path_params["sid"]
        return session_id, self._credential_of(request, session_id)

    def _posted(
        self, request: IndexedRequest, *, may_be_empty: bool = False
    ) -> tuple[str, JSONBody, Credential, IndexedRequest]:
        """Return a request with a body as the engine takes it."""
        session_id, credential = self._caller(request)
        return session_id, JSONBody(request, self._engine.limits, may_be_empty=may_be_empty), credential, request

    def _warn_of_host(self, request: IndexedRequest) -> None:
        if not self._warns_of_host or request.url.hostname in _LOCAL:
            return
        self._warns_of_host = False
        logger.warning(
            "A prompt was built from the request's Host header. Behind a proxy that passes on any Host a stranger can "
            "point prompts at another server: set public_url."
        )

    def _warn_of_address(self) -> None:
        if self._warns_of_address:
            self._warns_of_address = False
            warn_of_unknown_address()


def _idempotency_key(request: IndexedRequest) -> str | None:
    key = request.first.get(b"idempotency-key")
    return None if key is None else key.decode("latin-1")
