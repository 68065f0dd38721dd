"""README's first lines for each framework serve a session."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from tests.embedding.hosts.frameworks import set_up_django
from tests.support.peer import open_session
from tests.support.readme import block, run
from tests.support.serving import serving

FASTAPI = "a graceful shutdown"
"""Words in README's first lines for FastAPI, and in no other lines of code there."""


@pytest.mark.parametrize("words", [FASTAPI, "from litestar", "from django"], ids=["fastapi", "litestar", "django"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_it_serves_a_session_that_its_page_can_watch(words: str) -> None:
    set_up_django()
    app = run(block(words))["app"]
    async with serving(app) as url:
        peer = await open_session(url, {"data": {"a": 1}})
        async with aclosing(peer.http), peer.watch() as page:
            assert (await page.next("connected"))["snapshot"]["data"] == {"a": 1}


async def test_by_plain_mount_it_has_its_socket_below_the_mount() -> None:
    names = run(block(FASTAPI).replace("hpp.mount_on(app)", 'app.mount("/handshake", hpp)'))
    async with serving(names["app"]) as url:
        peer = await open_session(url)
        async with aclosing(peer.http), peer.watch() as page:
            await page.next("connected")
        assert peer.created["wsUrl"] == f"/handshake/ws/{peer.session_id}"
