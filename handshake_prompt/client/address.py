"""Address of the server that a prompt names: its checks, and the HTTP client for it."""

from __future__ import annotations

import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy
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
    try:
        url = httpx.URL(prompt.base_url + prompt.prefix)
    except httpx.InvalidURL as error:
        raise PromptError(f"The address in the prompt cannot be used: {error}") from None
    if url.port is not None and not 0 < url.port <= MOST_PORT:
        raise PromptError(f"The address in the prompt cannot be used: there is no port {url.port}")
    if url.scheme == "http" and not (allow_http or is_loopback(url.host)):
        raise InsecureAddressError(f"{prompt.base_url} is not encrypted: anyone on the way there could read the token")
    return url


def is_loopback(host: str) -> bool:
    """Whether what is sent to a host stays on this machine. Names other than localhost are anybody's."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def new_client(url: httpx.URL) -> httpx.AsyncClient:
    """Return an HTTP client for one server. It verifies certificates."""
    # No cookie is kept: in this protocol they prove the person.
    cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    if not is_loopback(url.host):
        return httpx.AsyncClient(cookies=cookies)
    # What goes to this machine does not go through a proxy, which would see the token. Without https no certificate
    # has to be looked at: a context that trusts nobody saves reading all those that are trusted.
    verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if url.scheme == "http" else True
    return httpx.AsyncClient(cookies=cookies, mounts={f"all://{url.netloc.decode()}": None}, verify=verify)
