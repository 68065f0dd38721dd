"""One client, one counter: whatever way its address is written, and whichever of its own it picks."""

from __future__ import annotations

import pytest

from handshake_prompt.protocol.addresses import counted_address

COUNTED = {
    "IPv4": ("203.0.113.7", "203.0.113.7"),
    "IPv4 with a port": ("203.0.113.7:51234", "203.0.113.7"),
    "IPv6": ("2001:db8:1:2:aaaa:bbbb:cccc:dddd", "2001:db8:1:2::/64"),
    "another of its network": ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
    "its network next door": ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
    "written in capitals": ("2001:DB8:1:2::A", "2001:db8:1:2::/64"),
    "written at length": ("2001:0db8:0001:0002:0000:0000:0000:0001", "2001:db8:1:2::/64"),
    "in brackets": ("[2001:db8:1:2::1]", "2001:db8:1:2::/64"),
    "in brackets with a port": ("[2001:db8:1:2::1]:443", "2001:db8:1:2::/64"),
    "with a zone": ("fe80::1%eth0", "fe80::/64"),
    "IPv4-mapped": ("::ffff:203.0.113.7", "203.0.113.7"),
    "IPv4-mapped in hexadecimal": ("::ffff:cb00:7107", "203.0.113.7"),
    "6to4": ("2002:cb00:7107:beef::1", "203.0.113.7"),
    "NAT64": ("64:ff9b::203.0.113.7", "203.0.113.7"),
    "loopback": ("::1", "::/64"),
    "a name": ("unknown", "unknown"),
    "a file": ("/run/app.sock", "/run/app.sock"),
    "nothing": ("", ""),
    "no address": ("1.2.3", "1.2.3"),
    "a text without an end": ("x" * 5000, "x" * 64),
}


@pytest.mark.parametrize(("address", "counted"), COUNTED.values(), ids=COUNTED)
def test_an_address_is_counted_by_the_client_behind_it(address: str, counted: str) -> None:
    assert counted_address(address) == counted
