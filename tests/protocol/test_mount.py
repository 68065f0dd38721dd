"""Index of a mount."""

from __future__ import annotations

from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.mount import Mount, index_members


def test_the_index_names_where_to_go_on_and_what_the_bounds_are() -> None:
    told = index_members(Mount("/api/pair", "/api/pair/ws"), Limits(fields=7))
    assert told["links"]["session"] == "/api/pair/session"
    assert told["limits"]["fields"] == 7
    assert told["protocol"] == "1.1"
