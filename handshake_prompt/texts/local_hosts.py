"""Hosts on the person's own machine or network: an agent elsewhere, such as one in the cloud, cannot reach them."""

from __future__ import annotations

from ipaddress import ip_address

_LOCAL_ENDINGS = (".localhost", ".local", ".lan", ".internal", ".intranet", ".home.arpa", ".test")
"""Of names for one machine or network (RFC 6761, 6762, 8375), and those in use for it."""


def is_local(host: str) -> bool:
    """Whether a host is known by its name or address to be on the person's own machine or network."""
    try:
        address = ip_address(host)
    except ValueError:
        name = "." + host.lower().rstrip(".")
        return name.endswith(_LOCAL_ENDINGS) or name.count(".") == 1
    return not (getattr(address, "ipv4_mapped", None) or address).is_global
