"""Address of the server that a prompt names, and whether the token may be sent there."""

from __future__ import annotations

from ipaddress import ip_address

import httpx

from handshake_prompt.texts.prompt import ParsedPrompt, PromptError, check_credentials

from .errors import InsecureAddressError

MOST_PORT = 65535


def address(prompt: ParsedPrompt, *, allow_http: bool) -> httpx.URL:
    """Return the URL of the mount that a prompt names.

    Raises:
        PromptError: the prompt's credentials or its address are malformed.
        InsecureAddressError: the token would be sent in the clear over a network.
    """
    check_credentials(prompt)
    return mount_url(prompt.base_url + prompt.prefix, allow_http=allow_http)


def mount_url(text: str, *, allow_http: bool) -> httpx.URL:
    """Return the URL of a mount.

    Raises:
        PromptError: the address is malformed.
        InsecureAddressError: the token would be sent in the clear over a network.
    """
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise PromptError(f"The address in the prompt cannot be used: {error}") from None
    if url.port is not None and not 0 < url.port <= MOST_PORT:
        raise PromptError(f"The address in the prompt cannot be used: there is no port {url.port}")
    if url.scheme == "http" and not (allow_http or is_loopback(url.host)):
        host = f"{url.scheme}://{url.netloc.decode()}"
        raise InsecureAddressError(f"{host} is not encrypted: anyone on the way there could read the token")
    return url


def is_loopback(host: str) -> bool:
    """Whether traffic to a host stays on this machine. Names other than localhost are anybody's."""
    try:
        address = ip_address(host)
    except ValueError:
        return f".{host.lower().rstrip('.')}".endswith(".localhost")
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
