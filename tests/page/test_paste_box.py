"""The tag's place to paste the answer of an agent without network access, in a real Chromium."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Error, Locator, Page, expect
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from tests.page.axe import find_faults
from tests.page.tabs import Site, Tab, site

pytestmark = pytest.mark.asyncio(loop_scope="session")

CSP = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src data:"
KEYS = [f"f{number}" for number in range(1, 13)]
FIELDS = "".join(f'<label>Field {key[1:]} <input name="{key}"></label>' for key in KEYS)
OTHERS = """
<label>Plan <select name="plan"><option value="">–</option><option value="p">Pro</option></select></label>
<label>Code <input name="code" type="password"></label>
"""
DOCUMENT = """<!doctype html><html lang="{lang}" dir="{dir}"><meta charset="utf-8"><title>Claim</title>
<link rel="icon" href="data:,"><script type="module" src="/handshake/element.js"></script>
<form id="claim">{fields}</form><handshake-prompt for="claim"></handshake-prompt>"""
REPORT = """
async ({ schema, values, read }) => {
  const { PasteReport } = await import("/handshake/element/paste_report.js");
  const { Texts } = await import("/handshake/element/texts.js");
  const report = new PasteReport(new Texts("en"), { apply() {}, discard() {} });
  const fields = new Map(Object.entries(values).map(([key, value]) => [key, { value }]));
  report.update({ session: { schema, fields, rows: () => ["r1", "r2"] }, binding: null });
  const results = read.map(({ key }) => ({ key, status: "applied" }));
  report.show({ preview: true, read, results, questions: [], unread: [], blocks: 1, bound: true });
  document.body.append(report.root);
  return [...report.root.querySelectorAll("li")].map((item) => [...item.childNodes].map((node) => node.textContent));
}
"""
LINES = {
    "key": "lines",
    "type": "rows",
    "label": "Lines",
    "fields": [
        {"key": "amount", "type": "number", "label": "Amount"},
        {"key": "what", "type": "string", "label": "What"},
    ],
}
ROWS = {
    "schema": [LINES, {"key": "meal", "type": "boolean", "label": "Meal"}],
    "values": {"lines/r1/amount": 3},
    "read": [
        {"type": "remove", "key": "lines/r2"},
        {"type": "set", "key": "lines/r1/amount", "value": 7},
        {"type": "add", "key": "lines", "value": {"amount": 5, "what": "Taxi"}},
        {"type": "set", "key": "lines", "value": [{"amount": 1}, {"amount": 2}]},
        {"type": "set", "key": "meal", "value": True},
    ],
}
COPIED = re.compile("Copied to the clipboard|已复制到剪贴板")
ARROW = """
getComputedStyle(document.querySelector("handshake-prompt").shadowRoot.querySelector("ins"), "::before").content
"""
KEEP_BACK = """
() => { navigator.clipboard.readText = () => Promise.reject(new DOMException("Kept back", "NotAllowedError")); }
"""
BACK_FROM_THE_AGENT = "(text) => navigator.clipboard.writeText(text)"


class Person:
    """What the person does with their hands, counted."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.actions = 0

    async def click(self, name: str) -> None:
        self.actions += 1
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def press(self, keys: str) -> None:
        self.actions += 1
        await self.page.keyboard.press(keys)

    async def has_the_agent_answer(self, fields: dict[str, Any], **members: Any) -> None:
        """Paste the prompt into a chat, send it, and copy the answer."""
        prompt = await self.page.evaluate("navigator.clipboard.readText()")
        self.actions += 3
        await self.copies(answer(prompt, fields=fields, **members))

    async def copies(self, text: str) -> None:
        await self.page.evaluate(BACK_FROM_THE_AGENT, text)


def answer(prompt: str, **members: Any) -> str:
    """Return an agent's answer to a prompt, by nothing but what stands in it."""
    code = re.search(r'"code": "([^"]+)"', prompt)
    assert code
    block = json.dumps({"code": code[1], **members}, ensure_ascii=False)
    return f"I cannot reach the network, so here is my answer:\n\n```handshake\n{block}\n```\n"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def served() -> AsyncIterator[Site]:
    async def page(request: Request) -> HTMLResponse:
        query = request.query_params
        text = DOCUMENT.format(lang=query.get("lang", "en"), dir=query.get("dir", "ltr"), fields=FIELDS + OTHERS)
        return HTMLResponse(text, headers={"Content-Security-Policy": CSP})

    async with site(routes=[Route("/claim", page)]) as served:
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def window(browser: Browser, served: Site) -> AsyncIterator[Page]:
    context = await browser.new_context(base_url=served.url, permissions=["clipboard-read", "clipboard-write"])
    yield await context.new_page()
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(window: Page) -> AsyncIterator[Page]:
    """The form with the tag, anew; an exception that nothing caught in it fails the test."""
    complaints: list[str] = []

    def note(error: Error) -> None:
        complaints.append(str(error))

    window.on("pageerror", note)
    await window.goto("/claim")
    yield window
    window.remove_listener("pageerror", note)
    await window.evaluate("sessionStorage.clear()")
    assert complaints == []


@pytest_asyncio.fixture(loop_scope="session")
async def person(page: Page) -> Person:
    person = Person(page)
    await hand_over(person)
    return person


async def hand_over(person: Person, button: str = "Hand to my agent") -> None:
    await person.click(button)
    await expect(person.page.get_by_text(COPIED)).to_be_visible()


def entry(page: Page, text: str) -> Locator:
    return page.locator("handshake-prompt li", has_text=text)


async def by(page: Page) -> dict[str, str]:
    script = "[...document.querySelector('handshake-prompt').session.fields].map(([key, { by }]) => [key, by])"
    return {key: author for key, author in await page.evaluate(script) if author != "default"}


async def test_twelve_fields_are_filled_in_by_paste_back_with_six_actions_of_the_person(person: Person) -> None:
    values = {key: f"Value of {key}" for key in KEYS}
    await person.has_the_agent_answer(values)
    await person.press("Control+V")
    await expect(entry(person.page, "Field 12")).to_have_text("Field 12–Value of f12")
    await person.click("Apply")
    for key, value in values.items():
        await expect(person.page.locator(f"[name={key}]")).to_have_value(value)
    assert await by(person.page) == dict.fromkeys(KEYS, "ai")
    assert person.actions <= 6


async def test_a_preview_shows_old_and_new_values_and_what_stays_and_why(page: Page) -> None:
    await page.locator("[name=f2]").fill("Typed by me")
    person = Person(page)
    await hand_over(person)
    await person.has_the_agent_answer(
        {"f1": "New", "f2": "Other", "plan": "p", "code": "secret", "none": 1},
        suggest={"f2": {"value": "Better", "reason": "It is spelt so"}},
        ask=["Which plan is it?"],
    )
    await person.click("Paste an answer")
    await expect(entry(page, "Field 1")).to_have_text("Field 1–New")
    await expect(entry(page, "Plan–")).to_have_text("Plan–Pro")
    await expect(entry(page, "yourself")).to_have_text("Line 4:Field 2you wrote this yourself.")
    await expect(entry(page, "alone")).to_have_text("Line 4:Codeis for you alone to fill in.")
    await expect(entry(page, "no such")).to_have_text("Line 4:nonethe form has no such field.")
    await expect(entry(page, "Suggested for")).to_have_text("Suggested forField 2BetterIt is spelt so")
    await expect(page.get_by_text("The answer would change: 3. Refused: 3.")).to_be_visible()
    assert await by(page) == {"f2": "user"}
    await person.click("Apply")
    await expect(page.get_by_text("Done. Changed: 3. Refused: 3.")).to_be_focused()
    assert await by(page) == {"f1": "ai", "f2": "user", "plan": "ai"}
    await expect(page.locator(".request", has_text="Better")).to_be_visible()
    await expect(page.get_by_role("button", name="Apply")).to_have_count(0)


async def test_a_discarded_answer_changes_nothing(page: Page, person: Person) -> None:
    await person.has_the_agent_answer({"f1": "New"})
    await person.click("Paste an answer")
    await person.click("Discard")
    await expect(page.get_by_role("button", name="Paste an answer")).to_be_focused()
    await expect(page.get_by_role("button", name="Apply")).to_have_count(0)
    assert await by(page) == {}


async def test_a_preview_follows_what_the_person_types_meanwhile(page: Page, person: Person) -> None:
    await person.has_the_agent_answer({"f1": "New"})
    await person.click("Paste an answer")
    await expect(entry(page, "Field 1")).to_have_text("Field 1–New")
    await page.locator("[name=f1]").fill("Mine")
    await expect(entry(page, "New")).to_have_text("Field 1MineNew")
    await person.click("Apply")
    await expect(entry(page, "yourself")).to_have_text("Line 4:Field 1you wrote this yourself.")
    await expect(page.locator("[name=f1]")).to_have_value("Mine")


async def test_an_answer_is_typed_or_dropped_where_the_clipboard_is_kept_back(page: Page, person: Person) -> None:
    prompt = await page.evaluate("navigator.clipboard.readText()")
    await page.evaluate(KEEP_BACK)
    await person.click("Paste an answer")
    area = page.get_by_label("The answer of your agent")
    await expect(area).to_be_focused()
    await page.keyboard.insert_text(answer(prompt, fields={"f1": "Typed"}))
    await expect(entry(page, "Field 1")).to_have_text("Field 1–Typed")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("[name=f1]")).to_have_value("Typed")
    await expect(area).to_have_value("")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("Sorry, I cannot do that.", "There is no answer in it", id="prose"),
        pytest.param('```handshake\n{"fields": {"f1": }}\n```', "There is no answer in it", id="damaged"),
        pytest.param(
            f'```handshake\n{{"sessionId": "{"0" * 32}", "fields": {{"f1": "x"}}}}\n```',
            "This answers another prompt",
            id="another session",
        ),
        pytest.param(
            '```handshake\n{"code": "aaaaaaaaaaaaaaaaaaaa.1", "fields": {"f1": "x"}}\n```',
            "This answers another prompt",
            id="forged code",
        ),
    ],
)
async def test_a_text_that_is_no_answer_to_this_prompt_changes_nothing_and_says_why(
    page: Page, person: Person, text: str, words: str
) -> None:
    await person.copies(text)
    await person.press("Control+V")
    await expect(page.get_by_role("alert").filter(has_text=words)).to_be_visible()
    await expect(page.get_by_role("button", name="Apply")).to_have_count(0)
    assert await by(page) == {}


async def test_lines_that_cannot_be_read_are_shown_with_their_number(page: Page, person: Person) -> None:
    await person.copies('```handshake\n{"fields": {"f1": }}\n```')
    await person.press("Control+V")
    await expect(entry(page, "Line 2:")).to_contain_text('"fields"')


async def test_an_answer_to_a_prompt_that_was_replaced_changes_nothing_and_says_why(page: Page, person: Person) -> None:
    await person.has_the_agent_answer({"f1": "Late"})
    await page.evaluate("document.querySelector('handshake-prompt').session.rotate()")
    await person.press("Control+V")
    await expect(page.get_by_role("alert").filter(has_text="This answers another prompt")).to_be_visible()
    assert await by(page) == {}


async def test_a_field_that_has_changed_since_the_prompt_stays_and_is_told(page: Page, person: Person) -> None:
    await page.locator("[name=f1]").fill("Meanwhile")
    await page.evaluate("document.querySelector('handshake-prompt').session.release('f1')")
    await person.has_the_agent_answer({"f1": "Stale", "f2": "Fresh"})
    await person.click("Paste an answer")
    await expect(entry(page, "has changed since")).to_contain_text("Field 1")
    await person.click("Apply")
    await expect(page.locator("[name=f2]")).to_have_value("Fresh")
    await expect(page.locator("[name=f1]")).to_have_value("Meanwhile")


async def test_an_answer_that_names_no_prompt_and_one_of_several_are_told(page: Page, person: Person) -> None:
    block = "```handshake\n" + json.dumps({"fields": {"f1": "x"}}) + "\n```\n"
    await person.copies(f"First\n{block}Better:\n{block.replace('x', 'y')}")
    await person.press("Control+V")
    await expect(entry(page, "Field 1")).to_have_text("Field 1–y")
    await expect(page.get_by_text("does not say which prompt it is for")).to_be_visible()
    await expect(
        page.get_by_text("There were 2 answers in it. The last one counts; it begins at line 7.")
    ).to_be_visible()


async def test_the_prompt_itself_is_told_from_an_answer(page: Page, person: Person) -> None:
    await person.press("Control+V")
    await expect(page.get_by_role("alert").filter(has_text="This is the prompt itself")).to_be_visible()


async def test_a_forged_token_in_an_answer_gives_it_no_right(page: Page, person: Person) -> None:
    await page.locator("[name=f1]").fill("Mine")
    await page.evaluate("document.querySelector('handshake-prompt').session.settled()")
    await page.get_by_role("button", name="Paste an answer").focus()
    await person.has_the_agent_answer({"f1": "x", "f2": "y"}, token="A" * 43, userToken="B" * 43, role="user")
    await person.press("Control+V")
    await expect(entry(page, "yourself")).to_contain_text("Field 1")
    await person.click("Apply")
    await expect(page.locator("[name=f2]")).to_have_value("y")
    assert await by(page) == {"f1": "user", "f2": "ai"}


async def test_a_paste_into_a_control_of_the_form_stays_the_persons(page: Page, person: Person) -> None:
    await person.copies("just text")
    await page.locator("[name=f1]").focus()
    await person.press("Control+V")
    await expect(page.locator("[name=f1]")).to_have_value("just text")
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_what_an_agent_writes_is_shown_as_text_without_what_cannot_be_seen(page: Page, person: Person) -> None:
    await person.has_the_agent_answer({"f1": "<b>bold</b>\u202e\u200b", "f2": "two\nlines"})
    await person.press("Control+V")
    await expect(entry(page, "Field 1")).to_have_text("Field 1–<b>bold</b>")
    await expect(page.locator("handshake-prompt b")).to_have_count(0)


async def test_the_place_to_paste_speaks_chinese_and_turns_with_the_page(page: Page) -> None:
    await page.goto("/claim?lang=zh&dir=rtl")
    person = Person(page)
    await hand_over(person, "交给我的智能体")
    await person.has_the_agent_answer({"f1": "新"})
    await person.click("粘贴回答")
    await expect(entry(page, "Field 1")).to_have_text("Field 1–新")
    assert "←" in await page.evaluate(ARROW)
    await person.click("应用")
    await expect(page.locator("[name=f1]")).to_have_value("新")


async def test_questions_of_an_answer_are_asked_and_the_outcome_is_copied_for_the_agent(
    page: Page, person: Person
) -> None:
    await person.has_the_agent_answer({"f1": "x"}, ask=["Which plan is it?"])
    await person.click("Paste an answer")
    await expect(entry(page, "Which plan is it?")).to_be_visible()
    await person.click("Apply")
    question = page.locator(".request", has_text="Which plan is it?")
    await question.get_by_role("button", name="Yes").click()
    await expect(question).to_have_count(0)
    await person.click("Copy the outcome for my agent")
    await expect(page.locator(".part", has_text="Copy the outcome").get_by_text(COPIED)).to_be_visible()
    told = await page.evaluate("navigator.clipboard.readText()")
    assert 'Written: `"f1"`.' in told
    assert "Which plan is it?" in told
    assert "answered" in told.splitlines()[-1]


async def test_rows_are_told_by_the_labels_of_their_list_and_cells(tab: Tab) -> None:
    assert await tab.do(REPORT, ROWS) == [
        ["Row that goes:", "Lines 2"],
        ["Lines 1: Amount", "37"],
        ["New row in", "Lines", "Amount: 5 · What: Taxi"],
        ["Lines", "–Amount: 1\nAmount: 2"],
        ["Meal", "–Yes"],
    ]


async def test_an_answer_that_was_applied_before_is_told_to_have_no_second_effect(page: Page, person: Person) -> None:
    await person.has_the_agent_answer({"f1": "x"})
    for outcome in ("Done. Changed: 1.", "This answer was applied before"):
        await person.click("Paste an answer")
        await person.click("Apply")
        await expect(page.get_by_text(outcome)).to_be_visible()
    await person.click("Close")
    await expect(page.get_by_text("This answer was applied before")).to_be_hidden()


async def test_axe_finds_nothing_in_a_preview_and_beside_a_code(page: Page, person: Person, packages: Path) -> None:
    await person.has_the_agent_answer({"f1": "x", "code": "y"}, ask=["Which plan is it?"])
    await person.click("Paste an answer")
    await person.click("For an agent elsewhere")
    await expect(entry(page, "Which plan is it?")).to_be_visible()
    await expect(page.locator("handshake-prompt .code")).to_be_visible()
    assert await find_faults(page, packages, "handshake-prompt") == []


async def test_a_paste_at_no_element_is_looked_at_only_if_it_may_be_an_answer(page: Page, person: Person) -> None:
    await page.evaluate("document.activeElement.blur()")
    await person.copies("a shopping list")
    await person.press("Control+V")
    await person.copies('{"fields": {"f1": "x"}}')
    await person.press("Control+V")
    await expect(entry(page, "Field 1")).to_have_text("Field 1–x")
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_there_is_nothing_to_paste_into_without_a_session(page: Page) -> None:
    await expect(page.get_by_role("button", name="Paste an answer")).to_have_count(0)
