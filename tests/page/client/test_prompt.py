"""The prompt that a page holds: forgotten where it is worth nothing any more."""

from __future__ import annotations

import pytest

from tests.page.tabs import CREATE, IMPORT, RESUME, SETTINGS, Tab

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_page_holds_the_prompt_of_its_own_rotation_whichever_comes_first_frame_or_reply(tab: Tab) -> None:
    await tab.open()
    first = await tab.do("session.token")
    await tab.do("session.rotate()")
    await tab.hears("rotated")
    second = await tab.do("session.token")
    assert second not in (None, first)
    assert second in await tab.do("session.prompt")
    assert (await tab.hears("prompt"))[-1] == {"prompt": await tab.do("session.prompt")}


async def test_a_prompt_that_another_tab_has_replaced_is_forgotten(tab: Tab) -> None:
    await tab.open()
    other = await tab.page.context.new_page()
    await other.goto(tab.page.url)
    await other.evaluate(IMPORT, "/handshake/client.js")
    await other.evaluate(RESUME, [await tab.do("session.saved"), {}])
    assert await other.evaluate("session.prompt") is None
    replaced = await other.evaluate("session.rotate()")
    await tab.hears("rotated")
    assert await tab.do("[session.prompt, session.token]") == [None, None]
    assert await tab.seen("prompt") == [{"prompt": None}]
    assert await other.evaluate("session.prompt") == replaced
    await other.close()


async def test_a_reply_that_is_overtaken_by_another_tabs_rotation_is_not_held(tab: Tab) -> None:
    held = await tab.do(
        """async () => {
          const { AgentPrompt } = await import("/handshake/client/prompt.js");
          const prompt = new AgentPrompt(null, true, () => {});
          prompt.learn({ token: "created", seq: 0 });
          prompt.rotated({ seq: 5 });
          prompt.rotated({ seq: 7 });
          prompt.learn({ token: "own", seq: 5 });
          return prompt.token;
        }"""
    )
    assert held is None


async def test_an_ended_session_has_no_prompt(tab: Tab) -> None:
    await tab.open()
    await tab.do("session.revoke()")
    await tab.hears("revoked")
    assert await tab.do("[session.prompt, session.token]") == [None, None]


async def test_a_page_without_a_socket_holds_its_own_rotation_too(tab: Tab) -> None:
    await tab.page.evaluate(CREATE, SETTINGS)
    await tab.do("session.rotate()")
    assert await tab.do("session.prompt.includes(session.token)")
