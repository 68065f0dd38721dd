"""Credentials of a connection: the proofs of a role in it, its address and its origin. SPEC.md section 3."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import Scope

from handshake_prompt.protocol.credentials import Credential
from handshake_prompt.texts.names import claimed_name
from handshake_prompt.texts.secret import Secret

from .cookies import user_token_of
from .origins import OriginPolicy
from .requests import client_address, first_headers

BEARER_SUBPROTOCOL = "hpp.bearer."
USER_SUBPROTOCOL = "hpp.user."


class CredentialReader:
    """Reads the credential of a request or a WebSocket handshake."""

    def __init__(self, origins: OriginPolicy) -> None:
        self._origins = origins

    def __call__(self, connection: HTTPConnection[Any], session_id: str) -> Credential:
        """Return the proofs of a role in a session.

        The agent's token is looked for in the X-Handshake-Token header, as a bearer token, among the subprotocols and
        in the query; the person's in the X-Handshake-User-Token header, among the subprotocols and in the session's
        cookie. Of several for one role the first in this order counts.
        """
        scope = connection.scope
        headers = first_headers(connection)
        token = (
            headers.get(b"x-handshake-token", b"").decode("latin-1")
            or (_bearer(headers[b"authorization"].decode("latin-1")) if b"authorization" in headers else "")
            or ("subprotocols" in scope and _subprotocol(scope, BEARER_SUBPROTOCOL))
            or (scope.get("query_string") and connection.query_params.get("token"))
        )
        user_token = (
            headers.get(b"x-handshake-user-token", b"").decode("latin-1")
            or ("subprotocols" in scope and _subprotocol(scope, USER_SUBPROTOCOL))
            or (b"cookie" in headers and user_token_of(connection, session_id))
        )
        return Credential(
            token=Secret(token) if token else None,
            user_token=Secret(user_token) if user_token else None,
            address=client_address(scope),
            foreign_origin=b"origin" in headers and self._origins.is_foreign(connection),
            agent_name=agent_name(headers[b"x-agent-name"].decode("latin-1")) if b"x-agent-name" in headers else "",
        )


def agent_name(header: str) -> str:
    """Return an agent's name for itself, from UTF-8 or Latin-1, as `claimed_name` makes it fit to be shown."""
    with suppress(UnicodeError):  # then it is Latin-1, as which headers are read
        header = header.encode("latin-1").decode("utf-8")
    return claimed_name(header)


def _bearer(authorization: str) -> str:
    scheme, _, bearer = authorization.partition(" ")
    return bearer.strip() if scheme.lower() == "bearer" else ""


def _subprotocol(scope: Scope, prefix: str) -> str | None:
    for name in scope.get("subprotocols", ()):
        if name.startswith(prefix):
            return str(name[len(prefix) :])
    return None
