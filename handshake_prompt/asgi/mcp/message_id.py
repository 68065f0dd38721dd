"""The id of a message of MCP: a text or a whole number where there is one.

The SDK takes a request with any other id for a notification, and never answers it.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from handshake_prompt.protocol.errors import InvalidRequestError


class _Message(msgspec.Struct):
    method: str
    id: Any = UNSET


def check_id(raw: bytes) -> None:
    """Accept a message whose id is fit for an answer, that has none, or that is none at all, which the SDK tells.

    Raises:
        InvalidRequestError: the id is neither a text nor a whole number.
    """
    try:
        message = msgspec.json.decode(raw, type=_Message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    if message.id is not UNSET and (isinstance(message.id, bool) or not isinstance(message.id, str | int)):
        raise InvalidRequestError("The id of a message is a text or a whole number", code="invalid_request")
