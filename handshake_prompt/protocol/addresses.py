"""Client addresses as they are counted: IPv4 by address, IPv6 by /64 network."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

NETWORK_BITS = 64
"""Of an IPv6 address: the least network of one subscriber, with addresses to pick from at will (RFC 6177)."""
UNKNOWN_CHARS = 64
"""Kept of a text that is no address, such as the name that a proxy gave a client (RFC 7239, section 6.3)."""

_WITH_PORT = re.compile(r"\[([^\[\]]*)\](?::[0-9]*)?|([0-9.]+):[0-9]*")
_NAT64 = int(IPv6Address("64:ff9b::")) >> 32


@lru_cache(maxsize=1024)
def counted_address(address: str) -> str:
    """Return the name under which requests from a client's address are counted.

    An IPv6 address that stands for an IPv4 one (mapped, 6to4, or translated by RFC 6052) is counted as that. A port
    behind an address, as some proxies add it, makes no difference.
    """
    if with_port := _WITH_PORT.fullmatch(address):
        address = with_port[1] or with_port[2] or address
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:UNKNOWN_CHARS]
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    if embedded := _embedded_ipv4(parsed):
        return str(embedded)
    network = IPv6Address(int(parsed) >> NETWORK_BITS << NETWORK_BITS)
    return f"{network}/{NETWORK_BITS}"


def _embedded_ipv4(address: IPv6Address) -> IPv4Address | None:
    if int(address) >> 32 == _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
