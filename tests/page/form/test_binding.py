"""A form's own controls as fields of a session, in a real Chromium."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Locator, expect

from tests.page.faults import Faults
from tests.page.tabs import Site, Tab, sent, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONTROLS = """
<form id="form">
  <input name="text"> <textarea name="story"></textarea> <input name="typed">
  <input name="on" type="checkbox"> <input name="agreed" type="checkbox" value="yes">
  <input name="many" type="checkbox" value="a" id="a"> <input name="many" type="checkbox" value="b" id="b">
  <input name="one" type="radio" value="x" id="x"> <input name="one" type="radio" value="y" id="y">
  <select name="pick"><option value="">Choose</option><option>red</option><option>blue</option></select>
  <select name="level"><option value="">Choose</option><option value="1">Low</option><option value="2">High</option>
  </select>
  <select name="several" multiple><option>p</option><option>q</option><option>r</option></select>
  <input name="count" type="number" step="any"> <input name="day" type="date">
  <input name="moment" type="datetime-local">
  <textarea name="lines"></textarea>
  <input name="unlisted"> <input type="text" id="nameless"> <div contenteditable id="free"></div>
  <input name="elements" type="hidden"> <button type="reset" id="reset">Reset</button>
</form>
<input name="text" id="elsewhere">
"""
SCHEMA = [
    {"key": "text", "type": "string"},
    {"key": "story", "type": "string"},
    {"key": "typed", "type": "integer"},
    {"key": "on", "type": "boolean"},
    {"key": "agreed", "type": "enum", "options": ["yes"]},
    {"key": "many", "type": "enum", "options": ["a", "b"], "multiple": True},
    {"key": "one", "type": "enum", "options": ["x", "y"]},
    {"key": "pick", "type": "enum", "options": [{"value": "red"}, {"value": "blue"}]},
    {"key": "level", "type": "enum", "options": [{"value": 1}, {"value": 2}]},
    {"key": "several", "type": "enum", "options": ["p", "q", "r"], "multiple": True},
    {"key": "count", "type": "number"},
    {"key": "day", "type": "date"},
    {"key": "moment", "type": "datetime"},
    {"key": "lines", "type": "array"},
]
ACTS: dict[str, tuple[str, Any]] = {
    "text": ("fill [name=text] Ada", "Ada"),
    "story": ("fill [name=story] Once", "Once"),
    "typed": ("fill [name=typed] 42", 42),
    "on": ("check [name=on]", True),
    "agreed": ("check [name=agreed]", "yes"),
    "many": ("check #b", ["b"]),
    "one": ("check #y", "y"),
    "pick": ("select [name=pick] blue", "blue"),
    "level": ("select [name=level] High", 2),
    "several": ("select [name=several] p r", ["p", "r"]),
    "count": ("fill [name=count] 1.5", 1.5),
    "day": ("type [name=day] 03042026", "2026-03-04"),
    "moment": ("type [name=moment] 03042026 0930AM", "2026-03-04T09:30:00"),
    "lines": ("fill [name=lines] one\ntwo", ["one", "two"]),
}
"""What the person does to a field's control, and what that is in the session."""

VALUES = {key: value for key, (_, value) in ACTS.items()} | {"moment": "2026-03-04 09:30:00"}
SHOWN = {
    "text": "Ada", "story": "Once", "typed": "42", "on": True, "agreed": True, "many": [False, True],
    "one": [False, True], "pick": "blue", "level": "2", "several": ["p", "r"], "count": "1.5", "day": "2026-03-04",
    "moment": "2026-03-04T09:30", "lines": "one\ntwo",
}  # fmt: skip
LOOK = """
(key) => {
  const controls = [...document.querySelectorAll(`form [name="${key}"]`)];
  const looks = controls.map((control) => {
    if (control.multiple) return [...control.selectedOptions].map(({ value }) => value);
    return ["checkbox", "radio"].includes(control.type) ? control.checked : control.value;
  });
  return looks.length === 1 ? looks[0] : looks;
}
"""
CREATE = """
async ({ schema, ...settings }) => {
  const form = document.getElementById("form");
  record(await client.HandshakeSession.create({ mode: "form-fill", schema, ...settings }));
  globalThis.unbind = session.bind(form);
}
"""


async def show(tab: Tab, html: str = CONTROLS) -> None:
    await tab.do("(html) => { document.body.innerHTML = html }", html)


async def bind(tab: Tab, **settings: Any) -> None:
    """Show the form, bind a new session to it, and connect."""
    await show(tab)
    await tab.do(CREATE, {"schema": SCHEMA, **settings})
    await tab.connect()


async def do(tab: Tab, act: str) -> None:
    """Do as a person does: `check SELECTOR`, `fill SELECTOR TEXT`, `type SELECTOR KEYS`, `select SELECTOR TEXTS`."""
    how, where, *what = act.split(" ", 2)
    if how == "check":
        await tab.page.check(where)
    elif how == "fill":
        await tab.page.fill(where, what[0])
    elif how == "type":
        await tab.page.focus(where)
        for part in what[0].split():
            await tab.page.keyboard.type(part)
            await tab.page.keyboard.press("ArrowRight")
    else:
        await choose(tab.page.locator(where), what[0].split())


async def choose(select: Locator, texts: list[str]) -> None:
    """Choose options with the keyboard, or of a list with the mouse: what a script chooses is not the person's."""
    if await select.get_attribute("multiple") is None:
        await select.press_sequentially(texts[0])
    for text in texts if await select.get_attribute("multiple") is not None else ():
        await select.locator("option", has_text=text).click(modifiers=["Control"])


@pytest.mark.parametrize("key", ACTS)
async def test_what_the_person_does_is_reported_as_the_fields_own_kind_of_value(tab: Tab, key: str) -> None:
    await bind(tab)
    act, expected = ACTS[key]
    await do(tab, act)
    assert await tab.settle() is True
    stored = (await (await tab.peer()).context(role="user"))["context"]
    assert {name: (record["value"], record["by"]) for name, record in stored.items()} == {key: (expected, "user")}
    assert await tab.do(LOOK, key) == SHOWN[key]


async def test_what_the_agent_writes_is_shown_in_every_kind_of_control_and_stays_the_agents(tab: Tab) -> None:
    await bind(tab)
    peer = await tab.peer()
    assert (await peer.act(VALUES))["applied"] == list(VALUES)
    await tab.hears("done")
    assert {key: await tab.do(LOOK, key) for key in SHOWN} == SHOWN
    await tab.do("for (const each of form.querySelectorAll('*')) for (const name of ['input', 'change']) "
                 "each.dispatchEvent(new Event(name, { bubbles: true }))")  # fmt: skip
    assert await tab.settle() is True
    assert {record["by"] for record in (await peer.context())["context"].values()} == {"ai"}

    assert (await peer.act(dict.fromkeys(VALUES)))["rejected"] == []
    await tab.hears("done", 2)
    empty = dict.fromkeys(SHOWN, "") | {"on": False, "agreed": False, "many": [False] * 2, "one": [False] * 2}
    assert {key: await tab.do(LOOK, key) for key in SHOWN} == empty | {"several": []}


async def test_a_session_that_is_taken_up_again_fills_the_form(tab: Tab, shared: Site) -> None:
    await bind(tab)
    await (await tab.peer()).act(VALUES)
    saved = await tab.do("session.saved")
    await tab.visit(shared.url)
    await show(tab)
    await tab.do(
        "(saved) => { record(client.HandshakeSession.resume(saved)); session.bind(form); session.connect(); }", saved
    )
    await tab.comes_to("open")
    assert {key: await tab.do(LOOK, key) for key in SHOWN} == SHOWN


@pytest.mark.parametrize(("restored", "changed"), [("Ada", []), ("Eve", ["text"])], ids=["the same", "another"])
async def test_what_a_browser_restored_is_submitted_if_it_is_what_the_session_holds(
    tab: Tab, shared: Site, faults: Faults, restored: str, changed: list[str]
) -> None:
    await bind(tab, context={"text": "Ada", "on": True})
    saved = await tab.do("session.saved")
    await tab.visit(shared.url)
    await show(tab)
    await tab.do("(text) => { form.querySelector('[name=text]').value = text; }", restored)
    await tab.do("form.querySelector('[name=on]').checked = true")
    faults.silent = True
    await tab.do(
        """(saved) => {
          record(client.HandshakeSession.resume(saved));
          session.bind(form);
          session.connect();
          session.ready().then((readiness) => { globalThis.readiness = readiness; });
        }""",
        saved,
    )
    await until(lambda: len(faults.lines) == 2 and faults.line.held)
    await faults.line.let_go()
    await tab.until("globalThis.readiness")
    assert await tab.do("[readiness.ok, readiness.changed]") == [not changed, changed]


async def test_unchecking_and_clearing_are_edits(tab: Tab) -> None:
    await bind(tab, context={"on": True, "many": ["a", "b"], "several": ["p"], "count": 5, "text": "x"})
    await tab.page.uncheck("[name=on]")
    await tab.page.uncheck("#a")
    await choose(tab.page.locator("[name=several]"), ["p"])
    await tab.page.fill("[name=count]", "")
    await tab.page.fill("[name=text]", "")
    assert await tab.settle() is True
    stored = (await (await tab.peer()).context(role="user"))["context"]
    values = {key: record["value"] for key, record in stored.items()}
    assert values == {"on": False, "many": ["b"], "several": [], "count": None, "text": ""}


@pytest.mark.parametrize("how", ["radio", "select"])
async def test_a_no_that_is_chosen_is_told_where_nothing_was(tab: Tab, how: str) -> None:
    radios = '<input name="known" type="radio" value="true"><input name="known" type="radio" value="false" id="no">'
    options = "<option value=''>Choose</option><option value='true'>Yes</option><option value='false'>No</option>"
    await show(tab, f'<form id="form">{radios if how == "radio" else f"<select name=known>{options}</select>"}</form>')
    schema = [{"key": "known", "type": "boolean"}]
    await tab.do(CREATE, {"schema": schema, "defaults": {"known": None}})
    await tab.connect()
    await do(tab, "check #no" if how == "radio" else "select [name=known] No")
    assert await tab.settle() is True
    assert (await (await tab.peer()).context(role="user"))["context"]["known"]["value"] is False


async def test_what_is_no_field_of_the_form_never_leaves_the_page(tab: Tab, faults: Faults) -> None:
    await bind(tab)
    await tab.page.fill("[name=unlisted]", "mine alone")
    await tab.page.locator("#nameless").press_sequentially("twelve keys.")
    await tab.page.locator("#free").press_sequentially("free text")
    await tab.page.fill("#elsewhere", "of another form")
    await tab.page.fill("[name=text]", "told")
    assert await tab.settle() is True
    assert sent(faults.line) == [("userEdit", "text", "told")]


async def test_values_given_at_creation_are_the_persons_where_they_changed_them(tab: Tab) -> None:
    await show(
        tab,
        """<form id="form"><input name="text" value="the page's"><input name="story" value="the page's">
        <input name="on" type="checkbox" checked><input name="agreed" type="checkbox" value="yes">
        <select name="pick"><option>red</option><option>blue</option></select>
        <select name="level"><option value="1">Low</option><option value="2" selected>High</option></select>
        <input name="one" type="radio" value="x" checked><input name="one" type="radio" value="y" id="y">
        <input name="unlisted" value="a secret"><input name="count" type="number"></form>""",
    )
    await tab.page.fill("[name=text]", "mine")
    await tab.page.check("#y")
    await choose(tab.page.locator("[name=level]"), ["Low"])
    given = await tab.do("(schema) => client.valuesOf(document.getElementById('form'), schema)", SCHEMA)
    assert given == {
        "context": {"text": "mine", "one": "y", "level": 1},
        "defaults": {"story": "the page's", "on": True, "agreed": None, "pick": "red", "count": None},
    }


async def test_what_was_typed_while_the_session_was_opened_is_reported_when_it_is_bound(tab: Tab) -> None:
    await show(tab)
    await tab.page.fill("[name=story]", "typed before")
    await tab.do(
        """async (schema) => {
          const { context, defaults } = client.valuesOf(form, schema);
          const opening = client.HandshakeSession.create({ mode: "form-fill", schema, context, defaults });
          form.querySelector("[name=text]").value = "typed meanwhile";
          record(await opening);
          session.bind(form);
        }""",
        SCHEMA,
    )
    await tab.connect()
    assert await tab.settle() is True
    stored = (await (await tab.peer()).context(role="user"))["context"]
    mine = {key: record["value"] for key, record in stored.items() if record["by"] == "user"}
    assert mine == {"story": "typed before", "text": "typed meanwhile"}
    assert await tab.do(LOOK, "text") == "typed meanwhile"


async def test_the_beginning_of_a_number_is_not_taken_from_under_the_person(tab: Tab, faults: Faults) -> None:
    await bind(tab)
    await tab.page.locator("[name=count]").press_sequentially("-")
    await (await tab.peer()).act({"count": 7})
    await tab.hears("done")
    await tab.page.keyboard.type("5")
    await expect(tab.page.locator("[name=count]")).to_have_value("-5")
    assert await tab.settle() is True
    assert sent(faults.line) == [("userEdit", "count", -5)]


async def test_the_beginning_of_a_number_that_is_left_gives_way_to_what_the_agent_wrote(tab: Tab) -> None:
    await bind(tab)
    await tab.page.locator("[name=count]").press_sequentially("-")
    await (await tab.peer()).act({"count": 7})
    await tab.hears("done")
    await tab.page.focus("[name=text]")
    await expect(tab.page.locator("[name=count]")).to_have_value("7")


async def test_a_number_that_a_browser_cannot_hold_is_told_as_its_digits(tab: Tab) -> None:
    await bind(tab)
    await tab.page.fill("[name=count]", "12345678901234567890")
    assert await tab.settle() is True
    assert (await (await tab.peer()).context())["context"]["count"]["value"] == "12345678901234567890"


async def test_a_reset_is_the_persons_doing(tab: Tab) -> None:
    await bind(tab, context={"text": "x"})
    peer = await tab.peer()
    await peer.act({"story": "the agent's", "pick": "red"})
    await tab.hears("done")
    await tab.page.click("#reset")
    await tab.turn(1)
    assert await tab.settle() is True
    stored = (await peer.context(role="user"))["context"]
    assert {key: (stored[key]["value"], stored[key]["by"]) for key in ("text", "story", "pick")} == {
        "text": ("", "user"),
        "story": ("", "user_edit"),
        "pick": (None, "user_edit"),
    }


async def test_a_line_that_is_being_begun_stays_when_the_server_acknowledges(tab: Tab) -> None:
    await bind(tab)
    await tab.page.locator("[name=lines]").press_sequentially("one\n")
    assert await tab.settle() is True
    assert await tab.do(LOOK, "lines") == "one\n"


async def test_a_caret_stays_where_it_is_when_the_server_acknowledges(tab: Tab) -> None:
    await bind(tab, context={"text": "one three"})
    await tab.do("form.querySelector('[name=text]').focus(); form.querySelector('[name=text]').setSelectionRange(4, 4)")
    await tab.page.keyboard.type("two ")
    assert await tab.settle() is True
    look = "[form.querySelector('[name=text]').value, form.querySelector('[name=text]').selectionStart]"
    assert await tab.do(look) == ["one two three", 8]


async def test_a_form_can_be_let_go(tab: Tab, faults: Faults) -> None:
    await bind(tab)
    await tab.do("unbind()")
    await tab.page.fill("[name=text]", "mine alone")
    await (await tab.peer()).act({"story": "not shown"})
    await tab.hears("done")
    assert (sent(faults.line), await tab.do(LOOK, "story")) == ([], "")
