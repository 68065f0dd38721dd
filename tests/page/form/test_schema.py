"""Schemas derived from forms of many kinds, in a real Chromium."""

from __future__ import annotations

from typing import Any

import pytest

from tests.page.form.cases import FORMS, SHARED, Case
from tests.page.tabs import Tab

pytestmark = pytest.mark.asyncio(loop_scope="session")

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


@pytest.mark.parametrize("case", [*FORMS, *SHARED], ids=lambda case: case.name)
async def test_the_fields_of_a_form_are_those_that_its_controls_declare(tab: Tab, case: Case) -> None:
    derived = await tab.do(DERIVE, case.html)
    entries = {entry["key"]: entry for entry in derived["fields"]}
    assert list(entries) == list(case.fields)
    assert {key: stated(entry, case) for key, entry in entries.items()} == case.fields


@pytest.mark.parametrize("case", [*FORMS, *SHARED], ids=lambda case: case.name)
async def test_a_new_form_holds_what_its_page_came_with_as_defaults(tab: Tab, case: Case) -> None:
    derived = await tab.do(DERIVE, case.html)
    held = {key: value for key, value in derived["defaults"].items() if value not in (None, "", [], False)}
    assert derived["context"] == {}
    assert held.items() >= case.initial.items()
    assert case.excluded.isdisjoint(derived["defaults"])
