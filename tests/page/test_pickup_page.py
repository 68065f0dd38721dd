"""The pages behind the address of a pickup, as the browser of a phone shows them."""

from __future__ import annotations

import pytest

from handshake_prompt import parse_prompt
from tests.page.tabs import Tab

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_person_gets_the_prompt_by_a_button_and_copies_it_by_another(tab: Tab) -> None:
    await tab.open()
    session_id, offer = await tab.do("session.id"), await tab.do("session.pickup()")
    phone = await tab.page.context.new_page()
    told: list[str] = []
    phone.on("console", lambda message: told.append(message.text))
    await phone.goto(offer["url"])
    assert (await tab.do("session.context()"))["pickup"]["taken"] is False
    await phone.click("button")
    await phone.wait_for_selector("textarea")
    prompt = await phone.input_value("textarea")
    assert parse_prompt(prompt).session_id == session_id
    await phone.click("button:visible")
    await phone.wait_for_selector("button:text('Copied')")
    assert parse_prompt(await phone.evaluate("navigator.clipboard.readText()")).token in prompt
    assert (await tab.hears("pickedUp"))[0]["name"] is None
    assert told == []
    await phone.goto(offer["url"])
    assert "used before" in await phone.inner_text("h1")
    await phone.close()
