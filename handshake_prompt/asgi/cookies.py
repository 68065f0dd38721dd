"""The person's cookies: one a session, set at its creation, expired once it has ended. SPEC.md section 3."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import HTTPConnection
from starlette.responses import Response

from handshake_prompt.engine import ProtocolEngine
from handshake_prompt.protocol.credentials import COOKIE_PREFIX, SECURE_COOKIE_PREFIX
from handshake_prompt.texts.secret import Secret

from .requests import IndexedRequest, is_secure

COOKIES_CHECKED = 32
"""Cookies of ours that one request can make us look up."""

SUBMISSION = "submission"
"""Name, behind our prefix, of the cookie that a page sets when its form is submitted."""

_SESSION_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


def user_token_of(connection: HTTPConnection[Any], session_id: str) -> str | None:
    """Return the person's credential of a session from its cookie.

    Over https only a `__Host-` cookie counts: any other may have been set by a sibling subdomain.
    """
    token = connection.cookies.get(SECURE_COOKIE_PREFIX + session_id)
    return token if token or is_secure(connection) else connection.cookies.get(COOKIE_PREFIX + session_id)


def announced(connection: HTTPConnection[Any]) -> tuple[str | None, str | None]:
    """Return the session that a page has just released its form in, and the digest of what it showed; or neither.

    The tag sets this cookie for the moment of a submission, which the page may carry out by a script of its own. It is
    no credential. A form that the browser itself submits has members for both, and needs none.
    """
    if connection.headers.get("sec-fetch-mode") == "navigate":
        return None, None
    value = connection.cookies.get(SECURE_COOKIE_PREFIX + SUBMISSION)
    if value is None and not is_secure(connection):
        value = connection.cookies.get(COOKIE_PREFIX + SUBMISSION)
    session_id, _, digest = (value or "").partition(".")
    return (session_id, digest) if session_id and digest else (None, None)


async def set_user_cookie(
    request: IndexedRequest, response: Response, engine: ProtocolEngine, *, session_id: str, user_token: str
) -> None:
    """Make the browser the session's person, and let go of cookies that are of no more use.

    A cookie is always a fresh one and never adopted from the request.
    """
    secure = is_secure(request)
    prefix = SECURE_COOKIE_PREFIX if secure else COOKIE_PREFIX
    if b"cookie" in request.first:
        held = {name: Secret(value) for name, value in request.cookies.items()}
        for name in await _to_let_go(held, prefix, engine):
            response.raw_headers.append(_cookie(name, "", 0, secure=secure))
    max_age = int(engine.limits.max_lifetime)
    response.raw_headers.append(_cookie(prefix + session_id, user_token, max_age, secure=secure))


async def _to_let_go(held: Mapping[str, str], prefix: str, engine: ProtocolEngine) -> list[str]:
    """Return the cookies of a browser that make room for one more.

    They belong to sessions that this server knows to have ended and, beyond the bound on live ones, to the ones with
    the least time left and no watcher: a tab that is open keeps its place. Any other may belong to another application
    on the same host name.
    """
    ours = [name for name in held if name.startswith(prefix) and _SESSION_ID.fullmatch(name, len(prefix))]
    looked_up = {
        name: await engine.person_place(name.removeprefix(prefix), held[name]) for name in ours[:COOKIES_CHECKED]
    }
    places = {name: place for name, place in looked_up.items() if place is not None}
    live = sorted((name for name in places if places[name].until), key=lambda name: places[name].until, reverse=True)
    ended = [name for name in places if not places[name].until]
    return ended + [name for name in live[engine.limits.cookies - 1 :] if not places[name].watchers]


def _cookie(name: str, value: str, max_age: int, *, secure: bool) -> tuple[bytes, bytes]:
    """Return the header for a cookie; name and value need no quoting."""
    cookie = f"{name}={value}; HttpOnly; Max-Age={max_age}; Path=/; SameSite=strict"
    return b"set-cookie", (cookie + "; Secure" if secure else cookie).encode()
