"""Redaction of credentials in the logs of ASGI servers.

Servers log the URL of every request with its query string, and clients of version 0.2 open their WebSocket with
`?token=`; uvicorn logs a WebSocket's URL through its error logger, and at TRACE headers too. The output of a server
that does without the logging module, such as daphne's access log, is out of reach.
"""

from __future__ import annotations

import logging
import re
import string
from urllib.parse import unquote

LOGGERS = (
    "uvicorn.access",
    "uvicorn.error",
    "uvicorn.asgi",
    "hypercorn.access",
    "hypercorn.error",
    "_granian",
    "granian.access",
    "daphne.server",
    "daphne.http_protocol",
    "daphne.ws_protocol",
    "django.channels.server",
    "django.request",
    "django.server",
    "websockets.server",
)

REDACTED = "[redacted]"
LOGGED_CHARS = 8192
"""Of one text: looking through it takes some 3 ms on the event loop."""
CUT = "…[cut]"
_WORD_CHARS = f"{string.ascii_letters}{string.digits}_-%"

_LABELLED = re.compile(
    r"(\bhpp\.(?:bearer|user)\.|\bhpp_[0-9a-f]{32}=|\bx-handshake-(?:user-)?token\b['\"]?\s*[:=,]\s*b?['\"]?"
    r"|\bauthorization\b['\"]?\s*[:,]\s*b?['\"]?bearer\s+)(?:\\?\"|%22)?[^\s&\"',;\\]+",
    re.IGNORECASE,
)
"""A credential behind its label: a subprotocol, a cookie, a header, also in the repr of a pair of bytes."""
_ENCODINGS = 4
"""How often a redirect within a redirect may have encoded a text."""
_PERCENT = f"%(?:25){{0,{_ENCODINGS}}}"


def _encoded(name: str) -> str:
    """Return a pattern for a name, each character of which may be encoded."""
    return "".join(f"(?:{char}|{_PERCENT}(?:{ord(char):x}|{ord(char.upper()):x}))" for char in name)


_TOKEN_NAME = _encoded("token")
_PARAMETER = re.compile(
    rf"((?:(?<![A-Za-z0-9])|(?<=%..)|(?<=%25..)|(?<=%2525..)|(?<=user)){_TOKEN_NAME}(?:\[\]|{_PERCENT}5b{_PERCENT}5d)?"
    rf"\s?(?:=|{_PERCENT}3d)\s?)(?:{_PERCENT}2[27]|[\"'])?[^\s&\"'#]+",
    re.IGNORECASE,
)
"""A parameter by the name of `token`, alone or as the last word of its name, each character perhaps encoded."""
_MEMBER = re.compile(
    r"""([\"'](?:\w{1,32}_)?(?:user)?token\\?[\"']\s?:\s?b?\\?[\"'])[^\s\"'\\]+""",
    re.IGNORECASE | re.ASCII,
)
"""A member of that name in JSON, or in a repr."""
_SPACED_CODE = r"[0-9a-z](?:[\s._-]*[0-9a-z]){11}(?:\s*(?=/))?"
"""A code as a person may write it, in a path that was decoded: with blanks."""
_PICKUP = re.compile(
    rf"((?:{_encoded('/')})+{_encoded('pickup')}(?:{_encoded('/')})+)(?:{_SPACED_CODE}[^\s\"'?#]*|[^\s\"'?#]+)",
    re.IGNORECASE,
)
"""The code of a pickup, and perhaps a key, in a path."""
_WORD = re.compile(r"(?:[A-Za-z0-9_-]|%[0-9A-Fa-f]{2}){32,}")
_SHAPE = re.compile(r"(?<![\w-])(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{32}(?![\w-])", re.ASCII)
"""A credential by itself: 32 characters of base64url. A session's id, as most hexadecimal names, is of one case."""


def redact(text: str) -> str:
    """Return `text` with every credential of ours blanked out.

    A credential is known by its label, by the decoded name of a parameter or a member, or by its shape: it may stand in
    a place where none is looked for, such as a path. A server logs any URL, so of a long text the end is left out.
    """
    if len(text) > LOGGED_CHARS:
        # Without the last word, of which the cut may have left a part of a credential.
        text = text[:LOGGED_CHARS].rstrip(_WORD_CHARS) + CUT
    text = _LABELLED.sub(rf"\1{REDACTED}", text)
    text = _PARAMETER.sub(rf"\1{REDACTED}", text)
    text = _MEMBER.sub(rf"\1{REDACTED}", text)
    text = _PICKUP.sub(rf"\1{REDACTED}", text)
    return _WORD.sub(_without_shape, text)


def _without_shape(word: re.Match[str]) -> str:
    decoded = word[0]
    for _ in range(_ENCODINGS):
        decoded = unquote(decoded)
    clean = _SHAPE.sub(REDACTED, decoded)
    return word[0] if clean == decoded else clean


class RedactCredentials(logging.Filter):
    """A filter that blanks the credentials in a record, and lets every record pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact `record` in place. Texts stay where they are among its arguments, since formatters pick them out."""
        if isinstance(record.args, tuple):
            record.args = tuple(redact(arg) if isinstance(arg, str) else arg for arg in record.args)
        try:
            message = record.getMessage()
        except (TypeError, ValueError, LookupError):
            return True  # arguments that do not fit the message: logging reports that itself, without raising
        if (clean := redact(message)) != message:
            record.msg, record.args = clean, ()
        return True


_filter = RedactCredentials()


def install() -> None:
    """Put the filter on the servers' loggers; doing it again changes nothing."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_filter)
