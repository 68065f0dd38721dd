"""Ordinary submissions of a form with the tag."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.page.element.conftest import APPLICATION
from tests.page.element.tag import FORM, TAG, agent, authors, hand_over, live
from tests.page.tabs import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")
PROFILE = """
<form id="profile" action="/profile" method="post"><label>Name <input name="name"></label>
  <label>Age <input name="age" type="number"></label><label><input type="checkbox" name="news"> News</label>
  <button id="send">Send</button></form><handshake-prompt for="profile" name="profile"></handshake-prompt>
"""


async def test_an_ordinary_submission_names_the_session_once_all_is_stored(page: Page, http: httpx.AsyncClient) -> None:
    act = await hand_over(page, http)
    await act({"city": "Ulm"})
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    session_id = await page.evaluate("document.querySelector('handshake-prompt').session.id")
    await page.fill("[name=name]", "mine")
    await page.click("#send")
    posted = f"name=mine&city=Ulm&plan=&pw=&handshakeSession={session_id}&handshakeDigest="
    await expect(page.locator("#posted")).to_have_text(re.compile("^" + re.escape(posted) + r"\S+$"))


async def test_a_view_of_the_hosts_has_the_model_and_the_authors_of_a_form_by_name(
    page: Page, http: httpx.AsyncClient
) -> None:
    await page.goto("/claim?" + urlencode({"body": PROFILE}))
    await page.fill("[name=name]", "Ada")
    act = await hand_over(page, http)
    assert [each["key"] for each in (await act({"age": "old"}))["errors"]] == ["age"]
    assert (await act({"age": 36, "news": True}))["applied"] == ["age", "news"]
    await expect(page.locator("[name=news]")).to_be_checked()
    await page.fill("[name=age]", "37")
    await page.click("#send")
    authors = "['age: user_edit', 'name: user', 'news: ai']"
    await expect(page.locator("#saved")).to_have_text(f"Profile(name='Ada', age=37, news=True) {authors}")


async def test_what_was_not_shown_when_the_person_submits_is_shown_and_not_submitted(
    page: Page, hosted: Site, http: httpx.AsyncClient
) -> None:
    await page.fill("[name=name]", "Ada")
    act = await hand_over(page, http)
    await act({"plan": "p"})
    await expect(page.locator("[name=plan]")).to_have_value("p")
    hosted.faults.line.hold("action")
    await act({"city": "Ulm"})
    await page.click("#send")
    await expect(page.get_by_text("Not submitted yet: look at these first.")).to_be_visible()
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    await expect(page.locator("#posted")).to_have_count(0)
    await page.click("#send")
    await expect(page.locator("#posted")).to_contain_text("city=Ulm")


async def test_what_a_page_does_to_its_form_once_it_is_let_go_does_not_overtake_it(
    page: Page, http: httpx.AsyncClient
) -> None:
    slow = urlencode({"body": FORM.replace("/posted", "/slow") + TAG})
    await page.goto(f"/claim?{slow}")
    await page.fill("[name=name]", "Ada")
    act = await hand_over(page, http)
    await act({"city": "Ulm"})
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    await page.evaluate(
        """() => claim.addEventListener("submit", () => {
          document.querySelector("[name=plan]").closest("label").hidden = true;
        })"""
    )
    await page.click("#send")
    await expect(page.locator("#saved")).to_contain_text("'city': 'Ulm'")


# Refusals


async def test_a_page_that_is_shown_again_tells_what_the_host_has_refused(
    page: Page, http: httpx.AsyncClient, complaints: list[str]
) -> None:
    await page.goto("/claim?" + urlencode({"body": APPLICATION.format(name="", age="")}))
    await page.fill("[name=name]", "Ada")
    act = await hand_over(page, http)
    await act({"age": 12})
    await expect(page.locator("[name=age]")).to_have_value("12")
    session_id = await page.evaluate("document.querySelector('handshake-prompt').session.id")
    await page.click("#send")
    await page.wait_for_url("**/application")
    await expect(page.get_by_text("You have to be of age")).to_be_visible()
    assert await page.evaluate("document.querySelector('handshake-prompt').session.id") == session_id
    assert await page.input_value("[name=name]") == "Ada"

    assert await authors(page) == {"name": "user", "age": "ai", "news": "default"}
    await act({"age": 36})
    await expect(page.locator("[name=age]")).to_have_value("36")
    await expect(page.get_by_text("You have to be of age")).to_be_hidden()
    await page.click("#send")
    await expect(page.locator("#saved")).to_have_text("Profile(name='Ada', age=36, news=False)")
    assert [text for text in complaints if "422" not in text] == []
    complaints.clear()


async def test_what_the_host_refuses_a_script_of_the_page_is_told(
    page: Page, http: httpx.AsyncClient, complaints: list[str]
) -> None:
    body = APPLICATION.format(name="Ada", age="") + '<script type="module" src="/posting.js"></script>'
    await page.goto("/claim?" + urlencode({"body": body}))
    act = await hand_over(page, http)
    await act({"age": 12})
    await expect(page.locator("[name=age]")).to_have_value("12")
    await page.click("#send")
    await expect(page).to_have_title("422")
    await expect(page.get_by_text("You have to be of age")).to_be_visible()
    await page.fill("[name=age]", "36")
    await page.click("#send")
    await expect(page).to_have_title("200")
    await expect(page.get_by_text("Submitted.")).to_be_visible()
    assert [text for text in complaints if "422" not in text] == []
    complaints.clear()


async def test_a_form_that_another_page_submits_to_the_same_view_does_not_take_up_a_session_that_is_left_there(
    page: Page, http: httpx.AsyncClient, complaints: list[str]
) -> None:
    await page.goto("/claim?" + urlencode({"body": APPLICATION.format(name="Ada", age="12")}))
    await agent(page, http)
    await page.click("#send")
    await page.wait_for_url("**/application")
    await expect(page.get_by_text("You have to be of age")).to_be_visible()
    await page.goto("/claim?" + urlencode({"body": APPLICATION.format(name="Bob", age="11")}))
    begin = page.get_by_role("button", name="Hand to my agent")
    await expect(begin).to_be_visible()
    await page.click("#send")
    await page.wait_for_url("**/application")
    await expect(begin).to_be_visible()
    assert await page.evaluate("document.querySelector('handshake-prompt').session") is None
    assert await page.input_value("[name=name]") == "Bob"
    complaints.clear()


async def test_where_a_submission_leads_to_the_page_with_another_query_the_session_is_taken_up(
    page: Page, http: httpx.AsyncClient
) -> None:
    await agent(page, http)
    session_id = await page.evaluate("document.querySelector('handshake-prompt').session.id")
    await page.evaluate("claim.method = 'get'; claim.action = '/claim'")
    await page.fill("[name=name]", "Ada")
    await page.click("#send")
    await page.wait_for_url("**/claim?name=Ada*")
    await live(page)
    assert await page.evaluate("document.querySelector('handshake-prompt').session.id") == session_id


async def test_a_form_that_the_page_has_replaced_before_it_is_handed_over_is_the_one_that_is_filled_in(
    page: Page, http: httpx.AsyncClient
) -> None:
    await page.evaluate("(form) => { claim.outerHTML = form; }", FORM)
    act = await hand_over(page, http)
    await act({"city": "Ulm"})
    await expect(page.locator("[name=city]")).to_have_value("Ulm")
    await page.fill("[name=name]", "Ada")
    await page.click("#send")
    await expect(page.locator("#posted")).to_contain_text(re.compile("city=Ulm.*handshakeSession="))
