"""Address of a Redis, parsed from its URL. A URL may hold a password, so no error repeats it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

SCHEMES = {
    "redis": "server",
    "rediss": "server",
    "unix": "socket",
    "redis+sentinel": "sentinel",
    "rediss+sentinel": "sentinel",
    "redis+cluster": "cluster",
    "rediss+cluster": "cluster",
}
"""A URL's scheme -> the kind of address; those of `rediss` are TLS."""
PORTS = {"server": 6379, "socket": 0, "sentinel": 26379, "cluster": 6379}
TLS_OPTIONS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname")
OTHER_OPTIONS = ("prefix", "db", "sentinel_username", "sentinel_password")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Address of a Redis, with the login. Secrets are left out of the repr."""

    kind: str
    """`server`, `socket`, `sentinel` or `cluster`."""
    hosts: tuple[tuple[str, int], ...] = ()
    path: str = ""
    """Of the socket; with Sentinel, the name of the service."""
    db: int = 0
    prefix: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    tls: dict[str, Any] | None = None
    """The options of TLS, None without it."""

    @classmethod
    def parse(cls, url: str) -> Address:
        """Parse a URL.

        Raises:
            ValueError: it is not one of a Redis, or has an unknown option.
        """
        try:
            parts = urlsplit(url)
            kind = SCHEMES[parts.scheme]
            options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
            login, _, hosts = parts.netloc.rpartition("@")
            username, _, password = login.partition(":")
            hosts = hosts or ("localhost" if kind == "server" else "")
            found = tuple(_parse_host(host, PORTS[kind]) for host in hosts.split(",")) if kind != "socket" else ()
            place = unquote(parts.path) if kind == "socket" else unquote(parts.path.strip("/"))
            db = int(options.get("db") or (place if kind in {"server", "cluster"} and place else 0))
        except (KeyError, ValueError):
            raise ValueError(
                "That is no URL of a Redis: use redis://host:port/db, unix:///path, redis+sentinel://host,host/service "
                "or redis+cluster://host,host (rediss... for TLS)"
            ) from None
        tls = {name: _tls_option(name, options[name]) for name in TLS_OPTIONS if name in options}
        address = cls(
            kind=kind,
            hosts=found,
            path=place if kind in {"socket", "sentinel"} else "",
            db=db,
            prefix=options.get("prefix"),
            username=unquote(username) or None,
            password=unquote(password) or None,
            sentinel_username=options.get("sentinel_username"),
            sentinel_password=options.get("sentinel_password"),
            tls=tls if parts.scheme.startswith("rediss") else None,
        )
        address._check_options(set(options))
        return address

    def __str__(self) -> str:
        places = ",".join(f"{host}:{port}" for host, port in self.hosts)
        return f"{self.kind} {' '.join(part for part in (places, self.path) if part)}"

    def _check_options(self, options: set[str]) -> None:
        known = {*OTHER_OPTIONS, *(TLS_OPTIONS if self.tls is not None else ())}
        if unknown := sorted(options - known):
            raise ValueError(
                f"The URL of a Redis has no option {unknown[0]!r} here; there are {', '.join(sorted(known))}"
            )
        if self.kind in {"socket", "sentinel"} and not self.path:
            raise ValueError(
                "The URL of a Redis has to end with the socket's path, or with the name Sentinel knows it by"
            )
        if self.kind == "cluster" and self.db:
            raise ValueError("A Redis Cluster has no databases but 0")


def _parse_host(text: str, port: int) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if parts.hostname is None:
        raise ValueError
    return parts.hostname, parts.port or port


def _tls_option(name: str, value: str) -> object:
    return value.lower() not in {"0", "no", "false", "off"} if name == "ssl_check_hostname" else value
