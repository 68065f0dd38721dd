from __future__ import annotations

from tests.conftest import Open


async def test_an_agent_fills_a_form_and_the_page_watches(pair: Open) -> None:
    peer = await pair()
    async with peer.watch() as page:
        connected = await page.next("connected")
        reply = await peer.act({"name": "Alice"}, stream=True)
        assert connected["role"] == "user"
        assert reply["applied"] == ["name"]
        assert (await page.next("action"))["value"] == "Alice"
