"""A one-time code that a page shows, and what it is told of its exchange."""

from __future__ import annotations

import pytest

from handshake_prompt import parse_prompt
from tests.page.tabs import Tab

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_page_opens_a_code_and_is_told_who_has_exchanged_it_and_who_has_tried(tab: Tab) -> None:
    await tab.open()
    peer = await tab.peer()
    replaced, offer = await tab.do("session.pickup()"), await tab.do("session.pickup()")
    assert offer["svg"].startswith("<svg ")
    assert (await peer.http.get(replaced["url"])).status_code == 404
    prompt = (await peer.http.get(offer["url"], headers={"X-Agent-Name": "Phone"})).text
    assert parse_prompt(prompt).session_id == await tab.do("session.id")
    (picked_up,) = await tab.hears("pickedUp")
    assert picked_up["name"] == "Phone"
    assert await tab.do("[session.prompt, session.token]") == [None, None]
    assert (await peer.http.get(offer["url"])).status_code == 409
    (refused,) = await tab.hears("pickupRefused")
    assert refused["times"] == 1


async def test_a_page_without_a_socket_opens_a_code_too_in_the_language_of_its_prompts(tab: Tab) -> None:
    await tab.create(prompt={"language": "zh"})
    peer = await tab.peer()
    prompt = (await peer.http.get((await tab.do("session.pickup()"))["url"])).text
    assert prompt.startswith("# 握手提示词")
