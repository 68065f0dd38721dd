"""Problem documents (RFC 9457) and close codes as errors of the client, from any server and any proxy before it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from handshake_prompt.texts.quoting import visible

from .backoff import retry_after
from .errors import (
    AgentError,
    BadReplyError,
    CredentialRefusedError,
    RateLimitedError,
    RefusedError,
    ServerUnavailableError,
    SessionEndedError,
)

MOST_TEXT = 500
"""Characters of a server's text that an error carries."""
MOST_STEPS = 5

_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_LONGEST_PAUSE = 1e9
_PASSING = frozenset({408, 425, 429, 502, 503, 504})
"""Statuses that mean: not now. A 500 is not among them, the same request would meet the same fault."""
_BY_STATUS: Mapping[int, type[AgentError]] = {
    401: CredentialRefusedError,
    410: SessionEndedError,
    429: RateLimitedError,
}
_UNAUTHENTICATED, _ENDED = 4401, (4404, 4410)
ENDS = {
    "session_expired": "The session has expired",
    "session_revoked": "The person has ended the session",
    "session_closed": "The application of the page has ended the session",
    "session_submitted": "The person has submitted the page, and the session is over",
    "session_not_found": "There is no such session, or it is over",
}
"""The end of a session by its code (SPEC.md section 9), in words of our own."""
_END = re.compile(r"session_(?!full$)[a-z]{1,32}", re.ASCII)
"""Codes of ends, later versions' included."""
_OLD_CODES = {(403, "invalid token"): "invalid_token", (404, "session not found or expired"): "session_not_found"}
"""Sentences of version 0.2, which has no codes."""


def error_of_reply(status: int, headers: Mapping[str, str], body: bytes, *, secret: str) -> AgentError:
    """Return the error that a reply other than a success stands for.

    Args:
        status: the HTTP status.
        headers: by name in lower case.
        body: the reply's, in any form.
        secret: the token, which must not get into the error.
    """
    problem = _problem_object(body)
    code = _problem_code(status, problem)
    kind = _error_class(status, code)
    if kind is SessionEndedError:
        return SessionEndedError(_end_message(code), code=code, status=status)
    if kind is CredentialRefusedError:
        return CredentialRefusedError("The token is not, or no longer, the session's", code=code, status=status)
    pause = retry_after(headers.get("retry-after"))
    retryable = problem.get("retryable")
    said = _clean_member(problem.get("detail"), secret) or _clean_member(problem.get("error"), secret)
    return kind(
        said or _own_words(status),
        code=code,
        status=status,
        next_steps=_next_steps(problem.get("nextSteps"), secret) if said else (),
        retryable=retryable if isinstance(retryable, bool) else status in _PASSING,
        retry_after=_retry_seconds(problem.get("retryAfter")) if pause is None else pause,
        from_server=bool(said),
    )


def error_of_close(code: int, reason: str, *, secret: str) -> AgentError:
    """Return the error that the final close of a stream stands for.

    Args:
        code: the close code (SPEC.md section 7).
        reason: the end of the session as a code of the protocol, or other words of the server.
        secret: the token, which must not get into the error.
    """
    if code == _UNAUTHENTICATED:
        return CredentialRefusedError("The token is not, or no longer, the session's")
    if code in _ENDED:
        known = reason if is_end(reason) else "session_not_found"
        return SessionEndedError(_end_message(known), code=known)
    said = _clean_member(reason, secret) or f"code {code}"
    return RefusedError(f"The server closed the stream for good: {said}", code="closed", from_server=True)


def is_end(code: str) -> bool:
    """Whether a code is that of the end of a session."""
    return code in ENDS or _END.fullmatch(code) is not None


def _end_message(code: str) -> str:
    return ENDS.get(code, f"The session has ended ({code})")


def clean_text(text: str, secret: str) -> str:
    """Return foreign text as an error may show it: short, on one line, all of it visible, without the token."""
    return visible(text.replace(secret, "[token]")[:MOST_TEXT])


def _problem_object(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _problem_code(status: int, problem: Mapping[str, Any]) -> str:
    said, old = problem.get("code"), problem.get("error")
    if isinstance(said, str) and _CODE.fullmatch(said):
        return said
    if isinstance(old, str) and (status, old) in _OLD_CODES:
        return _OLD_CODES[status, old]
    return _BY_STATUS[status].code if status in _BY_STATUS else f"http_{status}"


def _error_class(status: int, code: str) -> type[AgentError]:
    if status < HTTPStatus.BAD_REQUEST:
        return BadReplyError
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServerUnavailableError
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if is_end(code):
        return SessionEndedError
    return CredentialRefusedError if code == CredentialRefusedError.code else RefusedError


def _own_words(status: int) -> str:
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return "The server redirects to another address, and the token goes only to the one in the prompt"
    phrase = HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else ""
    return f"The server answered {status} {phrase}".rstrip()


def _clean_member(found: object, secret: str) -> str:
    return clean_text(found, secret).strip() if isinstance(found, str) else ""


def _next_steps(found: object, secret: str) -> list[str]:
    steps = found[:MOST_STEPS] if isinstance(found, list) else []
    return [text for step in steps if (text := _clean_member(step, secret))]


def _retry_seconds(found: object) -> float | None:
    known = isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found < _LONGEST_PAUSE
    return float(found) if known else None  # type: ignore[arg-type]
