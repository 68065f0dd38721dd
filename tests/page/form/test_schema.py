"""Schemas derived from forms of many kinds, in a real Chromium."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.page.form.cases import FORMS, SHARED, Case
from tests.page.form.foreign_cases import FOREIGN_FORMS
from tests.page.form.more_cases import MORE_FORMS
from tests.page.form.unusual_cases import UNUSUAL_FORMS
from tests.page.tabs import Site, Tab

pytestmark = pytest.mark.asyncio(loop_scope="session")

ALL = [*FORMS, *MORE_FORMS, *FOREIGN_FORMS, *UNUSUAL_FORMS, *SHARED]
DERIVE = """
async (html) => {
  document.body.innerHTML = html;
  globalThis.forms = await import("/handshake/form.js");
  const form = document.querySelector("form");
  return { fields: forms.schemaOf(form), ...forms.valuesOf(form) };
}
"""


def stated(entry: dict[str, Any], case: Case) -> dict[str, Any]:
    """The members of a derived field that a case speaks of, options by their values alone."""
    members = {name: entry.get(name) for name in case.fields[entry["key"]]}
    if "options" in members:
        options = entry.get("options", [])
        members["options"] = [each["value"] if isinstance(each, dict) else each for each in options]
    return members


@pytest_asyncio.fixture(loop_scope="session")
async def blank_page(plain_window: Page, shared: Site) -> Page:
    """A page for a form alone: without a session and what comes with one."""
    await plain_window.goto(shared.url)
    return plain_window


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
async def test_the_fields_of_a_form_are_those_that_its_controls_declare(blank_page: Page, case: Case) -> None:
    derived = await blank_page.evaluate(DERIVE, case.html)
    entries = {entry["key"]: entry for entry in derived["fields"]}
    assert list(entries) == list(case.fields)
    assert {key: stated(entry, case) for key, entry in entries.items()} == case.fields


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
async def test_a_new_form_holds_what_its_page_came_with_as_defaults(blank_page: Page, case: Case) -> None:
    derived = await blank_page.evaluate(DERIVE, case.html)
    held = {key: value for key, value in derived["defaults"].items() if value not in (None, "", [], False)}
    assert derived["context"] == {}
    assert held.items() >= case.initial.items()
    assert case.excluded.isdisjoint(derived["defaults"])


OPEN = """
async (html) => {
  document.body.innerHTML = html;
  const { schemaOf, valuesOf } = await import("/handshake/form.js");
  globalThis.form = document.querySelector("form");
  const schema = schemaOf(form);
  record(await client.HandshakeSession.create({ mode: "form-fill", schema, ...valuesOf(form, schema) }));
  session.bind(form);
}
"""


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
async def test_an_agent_writes_what_the_form_takes_and_nothing_else(tab: Tab, case: Case) -> None:
    await tab.do(OPEN, case.html)
    await tab.connect()
    peer = await tab.peer()
    before = await peer.context()
    assert {*before["missing"], *before.get("missingPerson", [])} == case.missing

    refused = {}
    for key, value in case.refuses:
        outcome = (await peer.act({key: value}))["results"][0]
        refused[f"{key}={value}"] = outcome["status"]
    assert [each for each, status in refused.items() if status == "applied"] == []
    taken = {}
    for key, value in case.accepts:
        outcome = (await peer.act({key: value}))["results"][0]
        taken[f"{key}={value}"] = outcome["status"]
    assert [each for each, status in taken.items() if status != "applied"] == []

    await tab.hears("done", len(case.accepts) + len(case.refuses))
    written = {key: record["value"] for key, record in (await peer.context(role="user"))["context"].items()}
    shown = await tab.do(
        "session.settled().then(async () => (await import('/handshake/form.js')).valuesOf(form, session.schema))"
    )
    for key in {key for key, _ in case.accepts}:
        assert same(shown["context"].get(key, shown["defaults"].get(key)), written[key]), key


def same(shown: Any, written: Any) -> bool:
    """Whether a control says what was written, in its own way to write a moment."""
    return shown in (written, f"{written}:00")
