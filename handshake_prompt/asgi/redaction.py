"""Keeps credentials out of the access logs of the servers we run under.

They write the URL of every request with its query string, and `?token=` is how clients of version 0.2 open their
WebSocket; uvicorn writes those URLs through its error logger.
"""

from __future__ import annotations

import logging
import re

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

_SECRET = re.compile(
    r"(\btoken=|\bhpp\.(?:bearer|user)\.|\bhpp_[0-9a-f]{32}=|x-handshake-(?:user-)?token:\s*)[^\s&\"',;]+",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """Return `text` with every credential of ours blanked out."""
    return _SECRET.sub(r"\1[redacted]", text)


class RedactCredentials(logging.Filter):
    """Blanks credentials in a record's message and arguments; lets every record pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact `record` in place."""
        if isinstance(record.msg, str):
            record.msg = redact(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(redact(arg) if isinstance(arg, str) else arg for arg in record.args)
        elif isinstance(record.args, dict):
            record.args = {name: redact(arg) if isinstance(arg, str) else arg for name, arg in record.args.items()}
        return True


_filter = RedactCredentials()


def install() -> None:
    """Put the filter on the servers' loggers; doing it again changes nothing."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_filter)
