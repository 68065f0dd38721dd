"""Shape of a message of MCP: one object of JSON-RPC, with a text or a whole number for its id where there is one.

It is checked ahead of the SDK, which takes a request with any other id for a notification and never answers it, and
which repeats parts of a message of any other shape in its refusal, credentials included.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from handshake_prompt.protocol.errors import InvalidRequestError

_Object = dict[str, Any]


class _Message(msgspec.Struct):
    jsonrpc: Literal["2.0"]
    method: str | UnsetType = UNSET
    params: _Object | None = None
    result: _Object | UnsetType = UNSET
    error: _Object | UnsetType = UNSET
    id: Any = UNSET


def check_message(raw: bytes) -> None:
    """Accept a request, a notification or an answer; what is no JSON at all the SDK tells.

    Raises:
        InvalidRequestError: it is none of them, or its id is neither a text nor a whole number.
    """
    try:
        message = msgspec.json.decode(raw, type=_Message)
    except msgspec.ValidationError:
        raise _malformed() from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    if message.method is UNSET:
        if message.result is UNSET and message.error is UNSET:
            raise _malformed()
    elif message.id is not UNSET and (isinstance(message.id, bool) or not isinstance(message.id, str | int)):
        raise InvalidRequestError("The id of a message is a text or a whole number", code="invalid_request")


def _malformed() -> InvalidRequestError:
    return InvalidRequestError(
        'A message is one object of JSON-RPC, with "jsonrpc": "2.0", `method` and an object of `params`; '
        "several in one request are not taken",
        code="invalid_request",
    )
