"""Redaction of credentials in the logs of ASGI servers.

They write the URL of every request with its query string, and `?token=` is how clients of version 0.2 open their
WebSocket; uvicorn writes those URLs through its error logger, and headers too when asked for all details. What a
server writes without the logging module, such as daphne's access log, is out of reach.
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
    r"(\btoken=|\bhpp\.(?:bearer|user)\.|\bhpp_[0-9a-f]{32}=|\bx-handshake-(?:user-)?token:\s*"
    r"|\bauthorization:\s*bearer\s+)[^\s&\"',;]+",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """Return `text` with every credential of ours blanked out."""
    return _SECRET.sub(r"\1[redacted]", text)


class RedactCredentials(logging.Filter):
    """Blanks credentials in what a record says; lets every record pass."""

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
