"""Replies that carry a token."""

from __future__ import annotations

from handshake_prompt.protocol.messages import Mount
from tests.support.pairing import virtual_engine
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_urls_follow_the_mount_of_the_request_where_it_names_one() -> None:
    payload, _ = await virtual_engine(prefix="/api/").create_session({}, mount=Mount("/x", "/x/ws", "http://h"))
    assert payload["actionUrl"].startswith("/x/action/")
    assert payload["wsUrl"].startswith("/x/ws/")
    assert payload["baseUrl"] == "http://h"
