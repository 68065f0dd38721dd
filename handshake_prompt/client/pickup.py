"""Exchange of a pickup's code for the prompt of its session. SPEC.md section 4."""

from __future__ import annotations

import httpx

from handshake_prompt.texts.pickup_codes import find_address, group_letters
from handshake_prompt.texts.prompt import PromptError, is_address
from handshake_prompt.texts.secret import Secret

from .address import mount_url
from .errors import BadReplyError
from .headers import introduction_headers, mint_key
from .http import HTTPClient, Request
from .network import open_http_client, peer_name


async def pick_up(
    text: str,
    *,
    name: str | None = None,
    http: httpx.AsyncClient | None = None,
    timeout: float = 15.0,  # as of `HandshakeAgent`
    allow_http: bool = False,
) -> str:
    """Return the prompt that a one-time code stands for. The code is used up by this, and the person is told.

    A lost reply is asked for again under one key, so that it is the same exchange.

    Args:
        text: the address of the pickup, with or without other text around it.
        name: as of `HandshakeAgent`, like the rest.
        http: see there.
        timeout: see there.
        allow_http: see there.

    Raises:
        PromptError: the text has no such address.
        RefusedError: the code is wrong, too old or replaced (`pickup_not_found`), or was used (`pickup_taken`).
        InsecureAddressError, LocalSetupError, ValueError: as for `HandshakeAgent`.
        AgentError: it failed otherwise.
    """
    found = find_address(text)
    if found is None or not is_address(found.mount):
        raise PromptError("There is no address of a pickup in the text; copy it from the page again.")
    url, headers = mount_url(found.mount, allow_http=allow_http), introduction_headers(name)
    client = HTTPClient(
        http or open_http_client(url),
        str(url),
        headers={**headers, "Accept": "text/plain"},
        token=found.code,
        timeout=timeout,
        peer=url.netloc.decode() if http else peer_name(url),
        owns_http=http is None,
    )
    request = Request(
        path=f"/pickup/{group_letters(found.code)}", method="POST", headers={"Idempotency-Key": found.key or mint_key()}
    )
    try:
        reply = await client.send(request)
    finally:
        await client.aclose()
    if not reply.content_type.startswith("text/"):
        raise BadReplyError("The server answered with no prompt")
    return Secret(reply.body.decode("utf-8", "replace"))
