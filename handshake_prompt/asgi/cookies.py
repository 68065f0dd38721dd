"""The person's cookies: one a session, set at its creation, let go of when it has ended. SPEC.md section 3."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.responses import Response

from handshake_prompt.engine import ProtocolEngine
from handshake_prompt.protocol.credentials import COOKIE_PREFIX, SECURE_COOKIE_PREFIX

from .requests import IndexedRequest, is_secure

COOKIES_CHECKED = 32
"""Cookies of ours that one request can make us look up."""

_OUR_COOKIE = re.compile(f"(?:{SECURE_COOKIE_PREFIX}|{COOKIE_PREFIX})([0-9a-f]{{32}})", re.ASCII)


async def set_user_cookie(
    request: IndexedRequest, response: Response, engine: ProtocolEngine, *, session_id: str, user_token: str
) -> None:
    """Make the browser the session's person, and let go of cookies that are of no more use.

    A cookie is always a fresh one and never adopted from the request. Of the sessions that a browser still holds, the
    ones with the least time left make room.
    """
    secure = is_secure(request)
    if b"cookie" in request.first:
        for name in await _to_let_go(request.cookies, engine):
            response.raw_headers.append(_cookie(name, "", 0, secure=secure))
    name = (SECURE_COOKIE_PREFIX if secure else COOKIE_PREFIX) + session_id
    response.raw_headers.append(_cookie(name, user_token, int(engine.limits.max_lifetime), secure=secure))


async def _to_let_go(held: Mapping[str, str], engine: ProtocolEngine) -> list[str]:
    """Return the cookies of a browser that make room for one more."""
    ours = [match for name in held if (match := _OUR_COOKIE.fullmatch(name))][:COOKIES_CHECKED]
    left = [(await engine.time_left(match[1], held[match[0]]), match[0]) for match in ours]
    kept = sorted(left, reverse=True)[: engine.limits.cookies - 1]
    return [name for seconds, name in left if not seconds or (seconds, name) not in kept]


def _cookie(name: str, value: str, max_age: int, *, secure: bool) -> tuple[bytes, bytes]:
    """Return the header for a cookie; name and value need no quoting."""
    cookie = f"{name}={value}; HttpOnly; Max-Age={max_age}; Path=/; SameSite=strict"
    return b"set-cookie", (cookie + "; Secure" if secure else cookie).encode()
