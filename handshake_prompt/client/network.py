"""Connections out of this process: the proxy and the certificates that its environment names, for one server.

Proxy variables are read here and not by httpx: there one malformed entry of `NO_PROXY` fails for all servers. Traffic
to this machine never passes a proxy, which would see the token. `~/.netrc` is not read at all.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address, ip_network
from urllib.request import getproxies

import httpx

from .address import is_loopback
from .errors import LocalSetupError

KEY_LOG = "SSLKEYLOGFILE"
CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", KEY_LOG)
"""Of the first two the first that is set counts."""
DEFAULT_PORTS = {"http": 80, "https": 443}


def open_http_client(url: httpx.URL) -> httpx.AsyncClient:
    """Return an HTTP client for one server. It verifies certificates.

    Raises:
        LocalSetupError: a proxy, certificates or a key log that the environment names cannot be used.
    """
    # No cookie is kept: in this protocol they prove the person.
    cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    proxy = proxy_for(url, getproxies())
    verify = _trusted_certificates(url)
    try:
        return httpx.AsyncClient(cookies=cookies, proxy=proxy, verify=verify, trust_env=False)
    except (ValueError, httpx.InvalidURL, ImportError, OSError) as error:
        # The text of the error may have the proxy's password.
        raise _unusable_proxy(url, needs_package=isinstance(error, ImportError)) from None


def peer_name(url: httpx.URL) -> str:
    """Return the name of a server for errors, along with the proxy on the way to it."""
    host = url.netloc.decode()
    return host if proxy_for(url, getproxies()) is None else f"{host} (by the proxy that {_proxy_source(url)} names)"


def proxy_for(url: httpx.URL, proxies: Mapping[str, str]) -> str | None:
    """Return the URL of the proxy for a server, None for a direct connection.

    Args:
        url: the server's.
        proxies: by scheme, `all` for any; `no` lists the servers to reach directly, by commas or blanks: names with
            their subdomains, addresses, networks (`10.0.0.0/8`, `fd00::/8`), each with or without a port, or `*`.
    """
    proxy = proxies.get(url.scheme, "").strip() or proxies.get("all", "").strip()
    direct = proxies.get("no", "").replace(",", " ").split()
    if not proxy or is_loopback(url.host) or any(_covers_url(entry, url) for entry in direct):
        return None
    return proxy if "://" in proxy else f"http://{proxy.removeprefix('//')}"


def _covers_url(entry: str, url: httpx.URL) -> bool:
    name, port = _split_port(entry.strip().lower().rpartition("://")[2])
    return port in ("", str(url.port or DEFAULT_PORTS[url.scheme])) and _names_host(name, url.host.lower())


def _split_port(entry: str) -> tuple[str, str]:
    """Return the name and the port of an entry. An IPv6 address has colons of its own, and brackets before a port."""
    if entry.startswith("["):
        address, _, rest = entry[1:].partition("]")
        return (address, rest[1:]) if rest.startswith(":") else (address + rest, "")
    name, _, port = entry.partition(":")
    return (entry, "") if ":" in port else (name, port)


def _names_host(name: str, host: str) -> bool:
    try:
        return ip_address(host) in ip_network(name, strict=False)
    except ValueError:  # one of the two is no address
        domain, host = name.lstrip("*").strip("."), host.rstrip(".")
        return name == "*" or (bool(domain) and (host == domain or host.endswith(f".{domain}")))


def _trusted_certificates(url: httpx.URL) -> ssl.SSLContext:
    if url.scheme == "http":
        # No certificate will be looked at: a context that trusts nobody saves reading all that are trusted.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        found = [name for name in CERTIFICATE_VARIABLES if os.environ.get(name)]
        variables = found[:1] + [name for name in found[1:] if name == KEY_LOG]
        raise LocalSetupError(
            f"The certificates to verify {url.host} with cannot be loaded: {error.strerror or type(error).__name__}",
            code="certificates_unusable",
            next_steps=[f"Correct or unset {' and '.join(variables) or 'the paths of the certificates'}."],
        ) from error


def _proxy_source(url: httpx.URL) -> str:
    names = (f"{url.scheme}_proxy", "all_proxy")
    variables = [name for name in os.environ if name.lower() in names and os.environ[name]]
    return " or ".join(variables) or "the system's configuration"


def _unusable_proxy(url: httpx.URL, *, needs_package: bool) -> LocalSetupError:
    remedy = "For a SOCKS proxy run pip install 'httpx[socks]'" if needs_package else "Correct it"
    return LocalSetupError(
        f"The proxy that {_proxy_source(url)} names cannot be used",
        code="proxy_unusable",
        next_steps=[f"{remedy}, or list {url.host} in NO_PROXY to reach it directly."],
    )
