"""Servers that are too old for a call: versions 0.2 and 1.0 have no rows, requests or options to look up."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from handshake_prompt.texts.refusal_codes import is_refused

from .errors import RefusedError
from .http import Reply

UNSUPPORTED = "unsupported_action"
_NO_ENDPOINT = frozenset({"not_found", "method_not_allowed", "http_404", "http_405"})


def if_supported(reply: dict[str, Any], things: str, *, instead: str) -> dict[str, Any]:
    """Return the reply to a batch of one kind of action, unless the server, or the mode of the page, knows no such.

    Args:
        reply: to the batch.
        things: that the actions are about.
        instead: of the call, for the agent to do.

    Raises:
        RefusedError: it knows none (`unsupported_action`).
    """
    entries = reply.get("results") or reply["errors"]
    refused = filter(is_refused, entries)
    if any(entry.get("code", UNSUPPORTED) == UNSUPPORTED for entry in refused):  # version 0.2 has no codes
        raise RefusedError(
            f"This page knows no {things}, or its server is too old", code=UNSUPPORTED, next_steps=[instead]
        )
    return reply


async def if_known(sending: Awaitable[Reply], things: str, *, instead: str) -> Reply:
    """Return the reply of an endpoint that older servers do not have.

    Args:
        sending: the request, under way.
        things: that the endpoint is for.
        instead: of the call, for the agent to do.

    Raises:
        RefusedError: there is no such endpoint (`unsupported`), or it refused.
        AgentError: it failed otherwise.
    """
    try:
        return await sending
    except RefusedError as error:
        if error.code not in _NO_ENDPOINT:
            raise
        raise RefusedError(
            f"This server knows no {things}: it is too old",
            code="unsupported",
            status=error.status,
            next_steps=[instead],
        ) from error
