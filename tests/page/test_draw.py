"""Forms drawn from their fields, in a real Chromium: what the agent writes is shown, what the person does is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio

from tests.page.tabs import Tab, site
from tests.support.form_cases import Filling, form_files

pytestmark = pytest.mark.asyncio(loop_scope="session")

FORMS = {form["name"]: form for form in form_files() if "valid" in form}
DRAW = """
async ({ fields, settings = {} }) => {
  const { drawForm } = await import("/handshake/draw.js");
  const { valuesOf } = await import("/handshake/form.js");
  document.body.innerHTML = '<form id="drawn"><button>Send</button></form>';
  globalThis.form = document.getElementById("drawn");
  drawForm(fields, { form, ...settings });
  globalThis.values = () => valuesOf(form, fields);
  globalThis.at = (key) => form.querySelector(`[data-key="${key}"]`);
  globalThis.shown = () => [...document.querySelectorAll("#drawn [data-key]")].filter((each) => each.checkVisibility())
    .map((each) => each.dataset.key);
}
"""
OPEN = """
async (body) => {
  const { defaults, context } = values();
  record(await client.HandshakeSession.create({ ...body, defaults, context }));
  session.schema = body.schema ?? (await (await fetch(`/handshake/forms/${body.form}`)).json()).fields;
  session.bind(form);
}
"""


async def draw(tab: Tab, fields: list[dict[str, Any]], **settings: Any) -> None:
    await tab.do(DRAW, {"fields": fields, "settings": settings})


async def open_drawn(tab: Tab, fields: list[dict[str, Any]], **body: Any) -> Any:
    """Draw a form, open a session for it, and return its agent."""
    await draw(tab, fields)
    await tab.do(OPEN, body or {"mode": "form-fill", "schema": fields})
    await tab.connect()
    await tab.turn(100)
    return await tab.peer()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def named() -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
    """A site with the forms of JSON files, registered by their names before it has served anything."""
    async with site() as served:
        yield served.url, {name: served.hpp.form(name, form["jsonSchema"]) for name, form in FORMS.items()}


@pytest.mark.parametrize("name", FORMS)
async def test_a_drawn_form_shows_and_accepts_a_valid_document(
    tab: Tab, named: tuple[str, Mapping[str, Any]], name: str
) -> None:
    url, forms = named
    await tab.visit(url)
    peer = await open_drawn(tab, [dict(entry) for entry in forms[name].fields], form=name)
    reply = await Filling(peer).fill(FORMS[name]["valid"])
    assert (reply["errors"], reply["missing"]) == ([], [])
    await tab.hears("done")
    await tab.turn(200)
    assert await tab.settle()
    context = await peer.context()
    assert context.get("problems", []) == []  # the page would tell of a value that it does not show
    hidden = {key for key in context.get("hidden", []) if "/" not in key}
    assert hidden.isdisjoint(await tab.do("shown()"))
    assert (
        await tab.do("[...form.elements].filter((each) => !each.checkValidity()).map((each) => each.outerHTML)") == []
    )


KINDS: list[dict[str, Any]] = [
    {"key": "name", "label": "Name", "type": "string", "required": True, "minLength": 2, "maxLength": 40},
    {"key": "age", "label": "Age", "type": "integer", "min": 18, "max": 120, "desc": "On the day of travel"},
    {"key": "price", "label": "Price", "type": "number", "exclusiveMin": 0, "step": 0.01},
    {"key": "ok", "label": "Sure", "type": "boolean"},
    {"key": "agreed", "label": "I agree", "type": "enum", "options": [True], "required": True},
    {"key": "known", "label": "Known", "type": "boolean", "nullable": True},
    {"key": "class", "label": "Class", "type": "enum", "options": [{"value": "1", "label": "First"}, "2"]},
    {"key": "meals", "label": "Meals", "type": "enum", "multiple": True, "options": ["a", "b"]},
    {"key": "city", "label": "City", "type": "enum", "required": True, "options": ["A", "B", "C", "D", "E", "F"]},
    {"key": "stops", "label": "Stops", "type": "array<enum>", "options": list("ABCDEF")},
    {"key": "town", "label": "Town", "type": "enum", "open": True, "options": ["Ulm", "Bonn"]},
    {"key": "notes", "label": "Notes", "type": "array<string>"},
    {"key": "story", "label": "Story", "type": "textarea"},
    {"key": "limits", "label": "Limits", "type": "json"},
    {"key": "day", "label": "Day", "type": "date", "min": "2026-01-01", "group": "When"},
    {"key": "at", "label": "At", "type": "time", "group": "When"},
    {"key": "moment", "label": "Moment", "type": "datetime", "group": "When"},
    {"key": "mail", "label": "Mail", "type": "email", "autocomplete": "email"},
    {"key": "site", "label": "Site", "format": "uri", "placeholder": "https://"},
    {"key": "number", "label": "Number", "type": "integer", "readOnly": True, "default": 7},
    {"key": "home/street", "label": "Street", "group": "Home"},
    {"key": "scan", "label": "Scan", "type": "file"},
    {"key": "sign", "label": "Sign here", "type": "signature"},
]
CONTROLS = """
Object.fromEntries([...form.querySelectorAll("[data-key]")].map((each) =>
  [each.dataset.key, `${each.dataset.kind} ${each.querySelector("input, select, textarea").type}`]))
"""
DERIVED = "import('/handshake/form.js').then(({ schemaOf }) => schemaOf(form))"


async def test_each_kind_of_field_has_its_control(tab: Tab) -> None:
    await draw(tab, KINDS)
    assert await tab.do(CONTROLS) == {
        "name": "input text",
        "age": "input number",
        "price": "input number",
        "ok": "checkbox checkbox",
        "agreed": "checkbox checkbox",
        "known": "switch radio",
        "class": "radio radio",
        "meals": "checkboxes checkbox",
        "city": "select select-one",
        "stops": "select select-multiple",
        "town": "input text",
        "notes": "lines textarea",
        "story": "textarea textarea",
        "limits": "textarea textarea",
        "day": "input date",
        "at": "input time",
        "moment": "input datetime-local",
        "mail": "input email",
        "site": "input url",
        "number": "input number",
        "home/street": "input text",
        "scan": "file file",
    }


async def test_labels_rules_and_headings_are_those_of_the_fields(tab: Tab) -> None:
    await draw(tab, KINDS)
    derived = {entry["key"].replace("~1", "/"): entry for entry in await tab.do(DERIVED)}
    for entry in KINDS[:-1]:
        shown = derived[entry["key"]]
        told = {name: shown.get(name) for name in ("label", "group", "required", "desc", "autocomplete", "placeholder")}
        assert told == {name: entry.get(name) for name in told}, entry["key"]
        if entry.get("type") == "enum" and not entry.get("open"):
            assert (shown["options"], shown.get("multiple")) == (entry["options"], entry.get("multiple"))
    assert {name: derived["name"][name] for name in ("minLength", "maxLength")} == {"minLength": 2, "maxLength": 40}
    assert {name: derived["age"][name] for name in ("type", "min", "max")} == {"type": "integer", "min": 18, "max": 120}
    assert {name: derived["price"][name] for name in ("min", "step")} == {"min": 0.01, "step": 0.01}
    assert derived["day"]["min"] == "2026-01-01"
    assert derived["number"]["readOnly"] is True


VALUES: dict[str, Any] = {
    "name": "Ada", "age": 36, "price": 19.99, "ok": True, "known": False, "class": "2", "meals": ["b"], "city": "D",
    "stops": ["A", "F"], "town": "Kiel", "notes": ["one", "two"], "story": "Once\nupon", "limits": {"a": [1]},
    "day": "2026-05-04", "at": "12:30:15", "moment": "2026-05-04 12:30:00", "mail": "ada@example.com",
    "site": "https://example.com", "home/street": "Main St 1",
}  # fmt: skip


async def test_what_the_agent_writes_is_shown_in_every_kind(tab: Tab) -> None:
    peer = await open_drawn(tab, KINDS)
    assert (await peer.act(VALUES))["applied"] == list(VALUES)
    await tab.hears("done")
    await tab.turn(200)
    await tab.settle()
    assert (await peer.context()).get("problems", []) == []
    shown = await tab.do("(({ defaults, context }) => ({ ...defaults, ...context }))(values())")
    assert {key: shown[key] for key in VALUES} == VALUES | {"moment": "2026-05-04T12:30:00"}


async def test_what_the_person_gives_in_is_told_in_the_type_of_its_field(tab: Tab) -> None:
    peer = await open_drawn(tab, KINDS)
    page = tab.page
    for label, text in (
        ("Age", "36"),
        ("Price", "19.99"),
        ("Town", "Kiel"),
        ("Notes", "one\ntwo"),
        ("Limits", '{"a": 1}'),
    ):
        await page.get_by_label(label).fill(text)
    for label in ("Sure", "I agree", "b"):
        await page.get_by_role("checkbox", name=label, exact=True).check()
    await page.get_by_role("radio", name="First").check()
    await page.get_by_role("group", name="Known").get_by_label("No").check()
    await page.get_by_label("City").press("D")
    await tab.turn(100)
    await tab.settle()
    told = (await peer.context())["context"]
    assert {key: record["value"] for key, record in told.items() if record["by"] == "user"} == {
        "age": 36, "price": 19.99, "town": "Kiel", "notes": ["one", "two"], "limits": {"a": 1}, "ok": True,
        "agreed": True, "class": "1", "meals": ["b"], "known": False, "city": "D",
    }  # fmt: skip
    assert told["number"]["value"] == 7


CONDITIONS: list[dict[str, Any]] = [
    {"key": "status", "type": "enum", "options": [*"ABCDEF", "employed"]},
    {"key": "employer", "required": True, "group": "Work", "showIf": {"key": "status", "in": ["employed"]}},
    {"key": "remote", "type": "boolean", "group": "Work", "showIf": {"filled": "employer"}},
    {"key": "why", "requiredIf": {"not": {"key": "status", "in": ["A"]}}},
    {"key": "town", "type": "enum", "options": ["a", "b", "c", "d", "e", {"value": "x", "when": {"filled": "why"}}]},
    {"key": "size", "type": "enum", "options": ["s", {"value": "l", "when": {"key": "town", "in": ["x"]}}]},
]


async def test_what_conditions_hide_is_hidden_and_not_asked_for(tab: Tab) -> None:
    await draw(tab, CONDITIONS)
    page = tab.page
    assert await tab.do("shown()") == ["status", "why", "town", "size"]
    assert await tab.do("form.querySelector('fieldset').hidden")
    assert await tab.do("form.elements.employer.willValidate") is False
    await page.get_by_label("Status").select_option("employed")
    assert await tab.do("shown()") == ["status", "employer", "why", "town", "size"]
    assert await tab.do("form.elements.employer.required && form.elements.why.required")
    await page.get_by_label("Employer").fill("Acme")
    assert await tab.do("shown()") == ["status", "employer", "remote", "why", "town", "size"]
    await page.get_by_label("Status").select_option("A")
    assert await tab.do("shown()") == ["status", "why", "town", "size"]  # an employer that is not shown counts as none
    assert await tab.do("[form.elements.why.required, form.elements.employer.value]") == [False, "Acme"]


async def test_an_empty_field_is_like_no_value_to_a_condition(tab: Tab) -> None:
    empty: dict[str, Any] = {"in": [None, "", False]}
    fields: list[dict[str, Any]] = [
        {"key": "name"},
        {"key": "age", "type": "integer"},
        {"key": "other", "showIf": {"filled": "nobody"}},
    ]
    fields += [{"key": f"if-{key}", "showIf": {"key": key} | empty} for key in ("name", "age", "other", "nobody")]
    await draw(tab, fields)
    assert await tab.do("shown()") == ["name", "age"]
    hidden = (await (await open_drawn(tab, fields)).context())["hidden"]
    assert hidden == ["if-age", "if-name", "if-nobody", "if-other", "other"]


async def test_a_list_that_may_be_empty_is_not_demanded_by_the_browser(tab: Tab) -> None:
    tags = {"type": "array<string>", "required": True}
    await draw(tab, [{"key": "may", **tags, "blank": True}, {"key": "must", **tags}])
    assert await tab.do("[form.elements.may.required, form.elements.must.required]") == [False, True]


async def test_an_option_that_goes_is_chosen_no_more_and_neither_is_what_depends_on_it(tab: Tab) -> None:
    peer = await open_drawn(tab, CONDITIONS)
    page = tab.page
    await page.get_by_label("Why").fill("because")
    await page.get_by_label("Town").select_option("x")
    await page.get_by_label("l", exact=True).check()
    await page.get_by_label("Why").fill("")
    assert await tab.do("[...form.elements.town.options].map(({ value }) => value)") == ["", *"abcde"]
    assert await tab.do("[form.elements.town.value, form.elements.size.value]") == ["", ""]
    assert not await page.get_by_label("l", exact=True).is_visible()
    await tab.turn(100)
    await tab.settle()
    told = (await peer.context())["context"]
    assert [told[key]["value"] for key in ("why", "town", "size")] == ["", None, None]


async def test_what_the_agent_writes_ahead_of_what_shows_it_is_shown_in_the_end(tab: Tab) -> None:
    peer = await open_drawn(tab, CONDITIONS)
    await peer.act({"remote": True, "employer": "Acme", "status": "employed"})
    await tab.hears("done")
    await tab.turn(100)
    assert await tab.do("[shown().includes('remote'), form.elements.remote.checked]") == [True, True]

    await tab.do("session.close()")
    await draw(tab, CONDITIONS)
    await tab.do("session.bind(form)")  # all at once, in the order of the fields
    await tab.turn(100)
    assert await tab.do("[shown().includes('remote'), form.elements.remote.checked]") == [True, True]


LINES: list[dict[str, Any]] = [
    {"key": "kind", "type": "enum", "options": ["long", "short"]},
    {
        "key": "lines",
        "label": "Expenses",
        "type": "rows",
        "minRows": 1,
        "maxRows": 3,
        "fields": [
            {"key": "what", "label": "What for", "required": True},
            {"key": "at/town", "label": "Town", "showIf": {"key": "kind", "in": ["long"]}},
            {"key": "amount", "type": "number", "default": 5, "requiredIf": {"filled": "what"}},
            {"key": "tags", "type": "enum", "multiple": True, "options": ["a", "b"]},
        ],
    },
]
ROWS = """
[...form.querySelectorAll("[data-handshake-rows] > [role=group]")].map((row) =>
  [row.ariaLabel, ...[...row.querySelectorAll("input:not([type=checkbox])")].map(({ value }) => value)])
"""


async def test_rows_are_added_and_removed_by_the_person_as_far_as_the_list_allows(tab: Tab) -> None:
    peer = await open_drawn(tab, LINES)
    page = tab.page
    assert await tab.do(ROWS) == [["Expenses 1", "", "", "5"]]
    await page.get_by_role("group", name="Expenses 1").get_by_label("What for").fill("Train")
    await page.get_by_role("button", name="Add").click()
    await page.keyboard.type("Taxi")  # the new row has the focus
    await page.get_by_role("button", name="Add").click()
    assert await page.get_by_role("button", name="Add").is_disabled()
    await page.get_by_role("button", name="Remove: Expenses 3").click()
    await tab.turn(200)
    await tab.settle()
    assert await tab.do(ROWS) == [["Expenses 1", "Train", "", "5"], ["Expenses 2", "Taxi", "", "5"]]
    context = await peer.context()
    first, second = context["rows"]["lines"]
    told = [
        context["context"][f"lines/{row}/{cell}"]["value"] for row in (first, second) for cell in ("what", "amount")
    ]
    assert told == ["Train", 5, "Taxi", 5]
    assert await tab.do("document.activeElement.textContent") == "Add a row"


async def test_the_agents_rows_are_shown_with_their_own_conditions(tab: Tab) -> None:
    peer = await open_drawn(tab, LINES)
    row = {"what": "Train", "at": {"town": "Ulm"}, "amount": 3, "tags": ["b"]}
    assert (await peer.act({"kind": "long", "lines": [row, {"what": "Taxi", "amount": 9}]}))["errors"] == []
    await tab.hears("done")
    await tab.turn(300)
    await tab.settle()
    assert await tab.do(ROWS) == [["Expenses 1", "Train", "Ulm", "3"], ["Expenses 2", "Taxi", "", "9"]]
    assert (await peer.context()).get("problems", []) == []
    shown = ["kind", "lines", *["what", "at/town", "amount", "tags"] * 2]
    assert await tab.do("shown()") == shown
    await tab.page.get_by_label("short").check()
    assert await tab.do("shown()") == [key for key in shown if key != "at/town"]
    required = "[...form.querySelectorAll('[required]')].map(({ name }) => name.split('[').at(-1))"
    assert await tab.do(required) == ["what]", "amount]"] * 2


async def test_a_form_that_changes_before_the_connection_leaves_the_fields_of_groups(tab: Tab) -> None:
    fields: list[dict[str, Any]] = [
        {"key": "way/by", "type": "enum", "options": ["train", "car"], "group": "Way"},
        {"key": "name"},
    ]
    await draw(tab, fields)
    await tab.do(OPEN, {"mode": "form-fill", "schema": fields})
    await tab.do("form.insertAdjacentHTML('beforeend', '<input name=more>')")
    await tab.turn(1000)
    await tab.connect()
    assert await tab.settle() is True
    assert (await (await tab.peer()).act({"way/by": "train"}))["applied"] == ["way/by"]


BAGS: list[dict[str, Any]] = [
    {
        "key": "guests",
        "type": "rows",
        "fields": [
            {"key": "name"},
            {
                "key": "bags",
                "type": "rows",
                "showIf": {"filled": "name"},
                "fields": [{"key": "kg", "type": "number"}, {"key": "of", "showIf": {"key": "name", "in": ["Ada"]}}],
            },
        ],
    }
]
BAGS_SHOWN = """
[...document.querySelectorAll("#drawn input")].filter((each) => each.checkVisibility())
  .map(({ name, value }) => `${name}=${value}`)
"""


async def test_rows_within_rows_are_shown_and_go(tab: Tab) -> None:
    peer = await open_drawn(tab, BAGS)
    guests = [{"name": "Ada", "bags": [{"kg": 3, "of": "x"}, {"kg": 4}]}, {"name": "Bob", "bags": [{"kg": 5}]}, {}]
    assert (await peer.act({"guests": guests}))["errors"] == []
    await tab.hears("done")
    await tab.turn(400)
    bob = ["guests[1][name]=Bob", "guests[1][bags][0][kg]=5"]
    assert await tab.do(BAGS_SHOWN) == [
        "guests[0][name]=Ada",
        "guests[0][bags][0][kg]=3",
        "guests[0][bags][0][of]=x",
        "guests[0][bags][1][kg]=4",
        "guests[0][bags][1][of]=",
        *bob,
        "guests[2][name]=",
    ]
    await tab.settle()
    context = await peer.context()
    assert context.get("problems", []) == []
    first, *_ = context["rows"]["guests"]
    await peer.agent("POST", "action", {"actions": [{"type": "remove", "key": f"guests/{first}"}]})
    await tab.hears("done", 2)
    await tab.turn(200)
    assert await tab.do(BAGS_SHOWN) == [*bob, "guests[2][name]="]
    await tab.page.get_by_role("group", name="Guests 1").get_by_role("button", name="Add").click()
    await tab.page.keyboard.type("6")
    await tab.turn(200)
    await tab.settle()
    context = await peer.context()
    assert await tab.seen("error") == []
    assert sorted(record["value"] for key, record in context["context"].items() if key.endswith("/kg")) == [5, 6]


async def test_the_page_begins_with_the_values_it_is_given_as_its_own(tab: Tab) -> None:
    values: dict[str, Any] = {"kind": "short", "lines": [{"what": "Train", "at/town": "Ulm"}, {"amount": 2}]}
    await draw(tab, LINES, values=values)
    assert await tab.do(ROWS) == [["Expenses 1", "Train", "Ulm", "5"], ["Expenses 2", "", "", "2"]]
    assert (await tab.do("values()"))["context"] == {}
    values = {
        "stops": ["A"],
        "meals": ["a"],
        "notes": ["x", "y"],
        "known": True,
        "moment": "2026-01-01 10:00",
    }
    await draw(tab, KINDS, values=values)
    given = await tab.do("values()")
    assert given["context"] == {}
    told = {key: given["defaults"][key] for key in (*values, "number")}
    assert told == values | {"number": 7, "moment": "2026-01-01T10:00:00"}
    await tab.page.get_by_label("Name").fill("Ada")
    await tab.do("form.reset()")
    assert await tab.do("form.elements.name.value") == ""


async def test_texts_are_no_markup_and_styles_are_the_pages(tab: Tab) -> None:
    fields = [
        {
            "key": "a",
            "label": "<b>x</b>",
            "desc": "<img src=x>",
            "type": "enum",
            "options": [{"value": "<i>", "label": "<u>"}],
        }
    ]
    classes = {"field": "field wide", "control": "form-control"}
    await draw(tab, [*fields, *LINES], classes=classes, language="zh-CN")
    assert await tab.do("form.querySelectorAll('b, img, i, u, [style], style').length") == 0
    assert "<b>x</b>" in await tab.do("form.textContent")
    assert await tab.do("at('a').className") == "field wide"
    assert await tab.do("form.elements.a.className ?? form.elements.a[0].className") == "form-control"
    assert await tab.page.get_by_role("button", name="添加一行").is_visible()
    assert await tab.do("form.lastElementChild.localName") == "button"  # what was there comes behind


async def test_no_name_of_a_field_is_in_the_way(tab: Tab) -> None:
    keys = ["id", "elements", "prepend", "children", "querySelectorAll", "addEventListener", "submit", "reset", "name"]
    peer = await open_drawn(
        tab, [{"key": key, "showIf": {"not": {"filled": "last"}}} for key in keys] + [{"key": "last"}]
    )
    await peer.act({key: key.upper() for key in keys})
    await tab.hears("done")
    await tab.turn(100)
    await tab.settle()
    assert (await peer.context()).get("problems", []) == []
    await tab.page.get_by_label("Last").fill("x")
    assert await tab.do("shown()") == ["last"]
