"""The tag on an existing form, in a real Chromium under a strict Content-Security-Policy."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import httpx
import pytest
from playwright.async_api import Page, expect

from handshake_prompt import parse_prompt
from tests.page.element.tag import FORM, TAG, agent, authors, hand_over, posting
from tests.page.tabs import holds
from tests.support.peer import PATIENCE

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_one_tag_hands_a_form_over_and_the_person_keeps_the_last_word(
    page: Page, http: httpx.AsyncClient
) -> None:
    await page.fill("[name=name]", "Typed before")
    act = await hand_over(page, http)
    acted = await act({"name": "not yours", "city": "Ulm", "plan": "p"})
    assert (acted["applied"], acted["rejected"]) == (["city", "plan"], ["name"])
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    await expect(page.locator("[name=plan]")).to_have_value("p")
    await expect(page.get_by_text("Fields written: 2")).to_be_visible()
    await expect(page.get_by_text("It calls itself “Ada's agent”")).to_be_visible()
    await expect(page.locator("[name=city]")).to_have_attribute("data-handshake-by", "ai")

    await page.fill("[name=city]", "Bonn")
    await expect(page.locator("[name=city]")).to_have_attribute("data-handshake-by", "user_edit")
    assert await authors(page) == {"name": "user", "city": "user_edit", "plan": "ai"}


async def test_a_prompt_that_cannot_be_copied_is_selected_instead(page: Page) -> None:
    await page.evaluate("Object.defineProperty(navigator, 'clipboard', {}); document.execCommand = () => false")
    await page.get_by_role("button", name="Hand to my agent").click()
    await expect(page.get_by_text("Select and copy it.")).to_be_visible()
    assert parse_prompt(await page.evaluate("getSelection().toString()")).session_id


async def test_the_prompt_that_is_copied_is_the_one_shown(page: Page, http: httpx.AsyncClient) -> None:
    await hand_over(page, http)
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied.replace("\r\n", "\n") == await page.input_value("#prompt")


async def test_the_prompt_makes_room_once_an_agent_is_at_work_and_can_be_had_again(
    page: Page, http: httpx.AsyncClient
) -> None:
    act = await hand_over(page, http)
    await act({"city": "Ulm"})
    await expect(page.get_by_text("Fields written: 1")).to_be_visible()
    await expect(page.locator("#prompt")).to_be_hidden()
    await expect(page.get_by_text("Copied to the clipboard")).to_be_hidden()
    await page.get_by_role("button", name="Copy the prompt again").click()
    await expect(page.locator("#prompt")).to_be_visible()


async def test_a_field_is_given_back_to_the_agent_in_the_panel(page: Page, http: httpx.AsyncClient) -> None:
    await page.fill("[name=name]", "Typed before")
    act = await hand_over(page, http)
    await page.get_by_text("Who wrote what").click()
    await page.get_by_role("button", name="Let the agent write it: “Name”").click()
    await expect(page.get_by_role("button", name="Let the agent write it: “Name”")).to_be_hidden()
    assert (await act({"name": "the agent's"}))["applied"] == ["name"]
    await expect(page.locator("[name=name]")).to_have_attribute("data-handshake-by", "ai")
    await page.fill("[name=name]", "Mine again")
    await expect(page.locator("[name=name]")).to_have_attribute("data-handshake-by", "user_edit")


async def test_a_value_that_waits_is_offered_where_the_person_is(page: Page, http: httpx.AsyncClient) -> None:
    act = await hand_over(page, http)
    await page.focus("[name=city]")
    await act({"city": "Ulm"})
    await expect(page.get_by_text("Your agent wrote into “City”, where you are: Ulm")).to_be_visible()
    await page.focus("[name=city]")
    await page.get_by_role("button", name="Show it there").click()
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    await expect(page.get_by_role("button", name="Show it there")).to_be_hidden()


async def test_ending_the_session_locks_the_agent_out_and_leaves_the_form(page: Page, http: httpx.AsyncClient) -> None:
    act = await hand_over(page, http)
    await act({"city": "Ulm"})
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    await page.get_by_role("button", name="End the session").click()
    await expect(page.get_by_text("The session has ended")).to_be_visible()
    assert (await act({"city": "Bonn"}))["code"] == "session_revoked"
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    assert await page.locator("[data-handshake-by]").count() == 0
    await expect(page.get_by_role("button", name="Hand to my agent")).to_be_visible()


async def test_what_an_ended_sessions_agent_wrote_is_not_made_the_persons_by_the_next(
    page: Page, http: httpx.AsyncClient
) -> None:
    act = await hand_over(page, http)
    await act({"city": "Ulm", "name": "Ada"})
    await expect(page.locator("[name=name]")).to_have_value("Ada")
    await page.get_by_role("button", name="End the session").click()
    await expect(page.get_by_text("The session has ended")).to_be_visible()
    await page.fill("[name=name]", "Ada Lovelace")
    await hand_over(page, http)
    assert await authors(page) == {"name": "user", "city": "default"}


async def test_a_name_that_poses_as_the_person_is_shown_as_a_claim(page: Page, http: httpx.AsyncClient) -> None:
    post = await agent(page, http, called="You")
    await post("action", {"actions": [{"type": "set", "key": "city", "value": "Ulm"}]})
    await expect(page.get_by_text(re.compile("It calls itself “You”"))).to_be_visible()
    await expect(page.get_by_text("Your agent has finished for now")).to_be_visible()


async def test_a_name_with_nothing_to_see_in_it_is_not_shown(page: Page, http: httpx.AsyncClient) -> None:
    post = await agent(page, http, called="\u3164\u2800")
    await post("action", {"actions": [{"type": "set", "key": "city", "value": "Ulm"}]})
    await expect(page.get_by_text("Your agent has finished for now")).to_be_visible()
    await expect(page.get_by_text("It calls itself")).to_be_hidden()


async def test_more_time_is_shown_as_soon_as_it_is_given(own_page: Page, http: httpx.AsyncClient) -> None:
    page = own_page
    await page.add_init_script("setInterval = () => 0;")  # the tag tells the time that is left now and then anyway
    await page.goto("/claim")
    await hand_over(page, http)
    await expect(page.get_by_text("Expires in 30 minutes.")).to_be_visible()
    await page.get_by_role("button", name="More time").click()
    await expect(page.get_by_text("Expires in 60 minutes.")).to_be_visible()


async def test_a_new_token_locks_the_old_one_out(page: Page, http: httpx.AsyncClient) -> None:
    act = await hand_over(page, http)
    newer = await hand_over(page, http, "New token")
    assert (await act({"city": "Ulm"}))["code"] == "invalid_token"
    assert (await newer({"city": "Ulm"}))["applied"] == ["city"]


async def test_the_tag_speaks_the_pages_language(page: Page) -> None:
    await page.goto("/claim?lang=zh-CN")
    await expect(page.get_by_role("button", name="交给我的智能体")).to_be_visible()


async def test_the_tag_follows_a_page_that_changes_its_language(page: Page, http: httpx.AsyncClient) -> None:
    act = await hand_over(page, http)
    await page.evaluate("document.documentElement.lang = 'zh'")
    await expect(page.get_by_role("button", name="再次复制提示词")).to_be_visible()
    await expect(page.get_by_text("请把提示词粘贴给您的智能体。")).to_be_visible()
    await act({"city": "Ulm"})
    await expect(page.get_by_text("您的智能体暂时完成。已填写字段：1。")).to_be_visible()


async def test_two_tags_of_one_form_have_one_session(page: Page, http: httpx.AsyncClient) -> None:
    await page.goto("/claim?" + urlencode({"body": TAG + FORM + TAG}))
    await page.get_by_role("button", name="Hand to my agent").first.click()
    await expect(page.get_by_text("Copied to the clipboard")).to_be_visible()
    act = await hand_over(page, http)  # by the other tag, which goes on saying that
    await act({"city": "Ulm"})
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    sessions = "[...document.querySelectorAll('handshake-prompt')].map(({ session }) => session?.state ?? null)"
    assert await page.evaluate(sessions) == ["open", None]
    await page.reload()
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    assert (await page.evaluate(sessions))[1] is None
    await page.fill("[name=name]", "mine")
    await page.click("#send")
    await expect(page.locator("#posted")).to_contain_text("city=Ulm")


async def test_a_form_that_comes_later_is_found(page: Page, http: httpx.AsyncClient) -> None:
    await page.goto("/claim?body=" + TAG)
    await page.evaluate("(html) => document.body.insertAdjacentHTML('beforeend', html)", FORM)
    act = await hand_over(page, http)
    await act({"city": "Ulm"})
    await expect(page.locator("[name=city]")).to_have_value("Ulm")


async def test_a_refusal_of_the_servers_is_told(page: Page, complaints: list[str]) -> None:
    await page.route("**/handshake/session", lambda route: route.abort())
    await page.get_by_role("button", name="Hand to my agent").click()
    await expect(page.get_by_role("status").filter(has_text="That did not work")).to_be_visible(timeout=PATIENCE * 1000)
    complaints.clear()


async def test_json_of_another_server_is_told_for_what_it_is(page: Page) -> None:
    await page.route("**/handshake/session", lambda route: route.fulfill(json={"detail": "Signed out"}))
    await page.get_by_role("button", name="Hand to my agent").click()
    await expect(page.get_by_role("status").filter(has_text="The answer is not the protocol's.")).to_be_visible()


async def test_a_page_at_the_wrong_base_is_told_where_it_looked(page: Page, complaints: list[str]) -> None:
    await page.evaluate("document.querySelector('handshake-prompt').setAttribute('base', '/nowhere')")
    await page.get_by_role("button", name="Hand to my agent").click()
    await expect(page.get_by_text(re.compile("There is no handshake server at http.*/nowhere/"))).to_be_visible()
    complaints.clear()


async def test_a_developer_is_shown_in_the_console_what_to_do_about_a_refusal(
    page: Page, complaints: list[str]
) -> None:
    refusal = {"status": 403, "json": {"code": "origin_not_allowed", "detail": "No", "nextSteps": ["Set public_url"]}}
    await page.route("**/handshake/session", lambda route: route.fulfill(**refusal))
    async with page.expect_console_message(lambda message: message.type == "warning") as shown:
        await page.get_by_role("button", name="Hand to my agent").click()
    assert (await shown.value).text == "Handshake Prompt: Set public_url"
    complaints.clear()


async def test_problems_are_listed_and_lead_to_their_field(page: Page, http: httpx.AsyncClient) -> None:
    act = await hand_over(page, http)
    await page.evaluate("document.querySelector('[name=city]').setCustomValidity('No such city')")
    await act({"city": "Atlantis"})
    await expect(page.get_by_text("No such city")).to_be_visible()
    await page.get_by_role("button", name="City", exact=True).click()
    await expect(page.locator("[name=city]")).to_be_focused()
    await page.evaluate("document.querySelector('[name=city]').setCustomValidity('')")
    await page.fill("[name=city]", "Ulm")
    await page.focus("[name=name]")
    await expect(page.get_by_text("No such city")).to_be_hidden()


async def test_each_of_several_forms_is_handed_over_by_a_tag_of_its_own(page: Page, http: httpx.AsyncClient) -> None:
    two = """<form id="{0}"><label>Name <input name="name"></label></form><section aria-label="{0}">
      <handshake-prompt for="{0}"></handshake-prompt></section>"""
    await page.goto("/claim?" + urlencode({"body": two.format("one") + two.format("other")}))
    sessions = "[...document.querySelectorAll('handshake-prompt')].map(({ session }) => session?.state)"
    for name in ("one", "other"):
        await page.get_by_label(name, exact=True).get_by_role("button", name="Hand to my agent").click()
        await expect(page.get_by_label(name, exact=True).get_by_text("Copied to the clipboard")).to_be_visible()
        handed = parse_prompt(await page.get_by_label(name, exact=True).locator("#prompt").input_value())
        post = posting(http, handed, name)
        await post("action", {"actions": [{"type": "set", "key": "name", "value": f"of {name}"}]})
        await expect(page.locator(f"#{name} [name=name]")).to_have_value(f"of {name}")
    assert await page.input_value("#one [name=name]") == "of one"
    await page.fill("#one [name=name]", "mine")
    await expect(page.locator("#one [name=name]")).to_have_attribute("data-handshake-by", "user_edit")
    await expect(page.locator("#other [name=name]")).to_have_attribute("data-handshake-by", "ai")
    await page.reload()
    await holds(page, f"String({sessions}) === 'open,open'")
    await expect(page.locator("#one [name=name]")).to_have_value("mine")
    await expect(page.locator("#other [name=name]")).to_have_value("of other")
