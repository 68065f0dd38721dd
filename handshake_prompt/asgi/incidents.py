"""Incidents: faults of ours or of the host's code. The log gets the traceback, the caller a number to ask about."""

from __future__ import annotations

import logging
import secrets

from handshake_prompt.protocol.errors import InternalError

logger = logging.getLogger("handshake_prompt")


def incident(doing: str, *args: object) -> InternalError:
    """Log the exception that is being handled, and return the error that tells the caller its number in the log.

    Args:
        doing: the operation that failed, as a logging format; it names no secret.
        args: its arguments.
    """
    number = secrets.token_hex(4)
    logger.exception(f"[%s] {doing}", number, *args)  # noqa: G004, LOG004 - a format of ours; called while handling
    return InternalError(f"The server failed; its log has the details under {number}")
