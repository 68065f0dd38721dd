"""Groups of controls that a page repeats as rows of a session, in a real Chromium."""

from __future__ import annotations

from typing import Any

import pytest

from tests.page.faults import Faults
from tests.page.tabs import Tab, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

OPEN = """
async (html) => {
  document.body.innerHTML = html;
  for (const script of document.querySelectorAll("script")) (0, eval)(script.textContent);
  const { schemaOf, valuesOf } = await import("/handshake/form.js");
  globalThis.form = document.querySelector("form");
  const schema = schemaOf(form);
  record(await client.HandshakeSession.create({ mode: "form-fill", schema, ...valuesOf(form, schema) }));
  session.bind(form, { follow: true });
}
"""
ROW = (
    '<tr><td><input name="lines[{n}][what]" aria-label="What"></td><td><input name="lines[{n}][amount]" type="number" '
    'aria-label="Amount"></td><td><button type="button" data-handshake-remove class="less">-</button></td></tr>'
)
TABLE = f"""
<form><label>Title <input name="title"></label>
  <table><caption>Expenses</caption><tbody data-handshake-rows="lines">%s{ROW.format(n=0)}</tbody></table>
  <button type="button" id="more" %s>More</button></form>
<script>
  document.querySelector("form").addEventListener("click", ({{ target }}) => {{
    if (target.matches(".less")) target.closest("tr").remove();
    if (!target.matches("#more")) return;
    const body = document.querySelector("tbody");
    body.insertAdjacentHTML("beforeend", `{ROW}`.replaceAll("{{n}}", String(body.rows.length)));
  }});
</script>
"""
FORMS = {
    "a template": TABLE % (f"<template>{ROW.format(n='N')}</template>", ""),
    "the page's button": TABLE % ("", 'data-handshake-add="lines"'),
}


@pytest.fixture(params=FORMS)
def html(request: pytest.FixtureRequest) -> str:
    return FORMS[request.param]


async def hand_over(tab: Tab, html: str) -> Any:
    await tab.do(OPEN, html)
    await tab.connect()
    await tab.turn(100)
    return await tab.peer()


async def act(peer: Any, *actions: dict[str, Any]) -> list[str]:
    """Have the agent act; return what became of each action."""
    reply = (await peer.agent("POST", "action", {"actions": list(actions), "stream": False})).json()
    return [outcome["status"] for outcome in reply["results"]]


async def shown(tab: Tab) -> list[list[str]]:
    await tab.turn(100)
    rows: list[list[str]] = await tab.do(
        "[...document.querySelectorAll('tbody > tr')].map((row) => "
        "[...row.querySelectorAll('input')].map(({ value }) => value))"
    )
    return rows


async def held(tab: Tab, peer: Any) -> list[list[tuple[Any, str]]]:
    """The cells of each row that the server has, with their authors."""
    await tab.turn(100)
    assert await tab.settle() is True
    told = await peer.context(role="user")
    cells = [
        [told["context"].get(f"lines/{row}/{cell}") for cell in ("what", "amount")] for row in told["rows"]["lines"]
    ]
    return [[(cell["value"], cell["by"]) if cell else (None, "") for cell in row] for row in cells]


async def test_a_repeated_group_is_a_list_of_rows(tab: Tab, html: str) -> None:
    await hand_over(tab, html)
    title, lines = await tab.do("session.schema")
    assert (title["key"], lines["key"], lines["type"], lines["label"]) == ("title", "lines", "rows", "Expenses")
    assert [(cell["key"], cell["type"], cell["label"]) for cell in lines["fields"]] == [
        ("what", "string", "What"),
        ("amount", "integer", "Amount"),
    ]
    assert await tab.do("session.rows('lines')") == ["r1"]


async def test_what_the_person_types_in_a_row_is_theirs_and_what_the_agent_writes_is_shown(tab: Tab, html: str) -> None:
    peer = await hand_over(tab, html)
    await tab.page.fill("tbody input", "Taxi")
    assert await act(peer, {"type": "set", "key": "lines/r1/amount", "value": 12}) == ["applied"]
    await tab.hears("done")
    assert await shown(tab) == [["Taxi", "12"]]
    assert await held(tab, peer) == [[("Taxi", "user"), (12, "ai")]]


async def test_a_row_that_the_agent_adds_is_shown_by_the_pages_own_means(tab: Tab, html: str) -> None:
    peer = await hand_over(tab, html)
    added = {"type": "add", "key": "lines", "value": {"what": "Train", "amount": 40}}
    assert await act(peer, added, {"type": "set", "key": "lines/r1/what", "value": "First"}) == ["applied"] * 2
    await tab.hears("done")
    assert await shown(tab) == [["First", ""], ["Train", "40"]]
    assert await act(peer, {"type": "remove", "key": "lines/r1"}) == ["applied"]
    await tab.hears("done", 2)
    assert await shown(tab) == [["Train", "40"]]
    await tab.page.fill("tbody tr:last-child input", "mine")
    assert await held(tab, peer) == [[("mine", "user_edit"), (40, "ai")]]


async def test_a_row_that_the_person_adds_is_theirs_whatever_is_typed_before_the_answer(tab: Tab, html: str) -> None:
    peer = await hand_over(tab, html)
    await tab.page.click("#more")
    await tab.page.fill("tbody tr:last-child input", "typed at once")
    await tab.turn(100)
    await tab.until("session.rows('lines').length === 2")
    await tab.page.fill("tbody tr:last-child input[type=number]", "7")
    assert [row[0] for row in await held(tab, peer)][1] == ("typed at once", "user")
    assert await act(peer, {"type": "remove", "key": "lines/r2"}) == ["rejected"]
    assert await shown(tab) == [["", ""], ["typed at once", "7"]]


async def test_what_is_typed_in_a_new_row_ahead_of_the_answer_is_submitted_with_it(
    tab: Tab, html: str, faults: Faults
) -> None:
    peer = await hand_over(tab, html)
    faults.line.hold()
    await tab.page.click("#more")
    await tab.turn(100)
    await tab.page.fill("tbody > tr:last-child input", "Bus")
    await tab.do("void (globalThis.readying = session.ready())")
    await until(lambda: faults.line.held)
    await faults.line.let_go()
    ready = await tab.do("readying")
    told = await peer.context(role="user")
    assert (ready["ok"], ready["changed"]) == (True, [])
    assert (ready["digest"], told["context"]["lines/r2/what"]["value"]) == (told["digest"], "Bus")


async def test_a_row_that_the_person_removes_is_gone_for_the_agent(tab: Tab, html: str) -> None:
    peer = await hand_over(tab, html)
    await act(peer, {"type": "add", "key": "lines", "value": {"what": "Train"}})
    await tab.hears("done")
    await shown(tab)
    await tab.page.locator(".less").first.click()
    await tab.turn(100)
    await tab.until("String(session.rows('lines')) === 'r2'")
    assert await held(tab, peer) == [[("Train", "ai"), (None, "")]]
    assert await act(peer, {"type": "set", "key": "lines/r1/what", "value": "late"}) != ["applied"]
    assert await shown(tab) == [["Train", ""]]


async def test_rows_of_a_template_are_in_the_sessions_order(tab: Tab) -> None:
    peer = await hand_over(tab, FORMS["a template"])
    await act(peer, {"type": "add", "key": "lines", "value": {"what": "First"}, "after": None})
    await tab.hears("done")
    assert await shown(tab) == [["First", ""], ["", ""]]


DJANGO = """
<form><input type="hidden" name="g-TOTAL_FORMS" value="1">
<fieldset><legend>Guests</legend><div data-handshake-rows="guests">
  <template><p><label for="g-__prefix__">Name</label><input id="g-__prefix__" name="g-__prefix__-name"></p></template>
  <p><label for="g-0">Name</label><input id="g-0" name="g-0-name" value="Ada"></p>
</div></fieldset></form>
"""


async def test_names_of_a_new_row_are_numbered_on(tab: Tab) -> None:
    peer = await hand_over(tab, DJANGO)
    (guests,) = await tab.do("session.schema")
    assert (guests["label"], [cell["key"] for cell in guests["fields"]]) == ("Guests", ["name"])
    assert (await peer.context())["context"]["guests/r1/name"]["by"] == "default"
    await act(peer, {"type": "add", "key": "guests", "value": {"name": "Grace"}})
    await tab.hears("done")
    await tab.turn(100)
    posted = [["g-TOTAL_FORMS", "2"], ["g-0-name", "Ada"], ["g-1-name", "Grace"]]
    assert await tab.do("[...new FormData(form)]") == posted


# Rows within rows

BAG = '<p><input name="guests[{g}][bags][{b}][kg]" type="number" aria-label="Weight"></p>'
GUEST = (
    '<div class="guest"><input name="guests[{g}][name]" aria-label="Name">'
    '<div data-handshake-rows="bags" aria-label="Bags">{bags}</div>'
    '<button type="button" class="bag" %s>Bag</button></div>'
)
PLAIN = f"""
<form><section data-handshake-rows="guests" aria-label="Guests">{GUEST.format(g=0, bags=BAG.format(g=0, b=0))}</section>
  <button type="button" id="guest" data-handshake-add="guests">Guest</button></form>
<script>
  document.querySelector("form").addEventListener("click", ({{ target }}) => {{
    const guests = document.querySelectorAll(".guest");
    if (target.id === "guest") target.previousElementSibling.insertAdjacentHTML("beforeend",
      `{GUEST.format(g="{g}", bags=BAG.format(g="{g}", b="0"))}`.replaceAll("{{g}}", guests.length));
    if (target.className === "bag") {{
      const list = target.previousElementSibling;
      list.insertAdjacentHTML("beforeend", `{BAG.format(g="{g}", b="{b}")}`
        .replaceAll("{{g}}", [...guests].indexOf(target.parentElement)).replaceAll("{{b}}", list.children.length));
    }}
  }});
</script>
""".replace("%s", 'data-handshake-add="bags"')
BLANK_BAG = f"<template>{BAG.format(g='N', b='M')}</template>"
BLANK_GUEST = f"<template>{GUEST.format(g='N', bags=BLANK_BAG) % ''}</template>"
FIRST_GUEST = GUEST.format(g=0, bags=f"<template>{BAG.format(g=0, b='M')}</template>" + BAG.format(g=0, b=0)) % ""
TEMPLATES = f"""
<form><section data-handshake-rows="guests" aria-label="Guests">{BLANK_GUEST} {FIRST_GUEST}</section></form>
"""
NESTED = {"templates": TEMPLATES, "the page's buttons": PLAIN}


async def names(tab: Tab) -> dict[str, str]:
    """What the form would post."""
    await tab.turn(100)
    return dict(await tab.do("[...new FormData(form)].filter(([, value]) => value)"))


async def cells(tab: Tab, peer: Any) -> dict[str, tuple[Any, str]]:
    """The cells that the server has, by guest and bag in their order."""
    await tab.turn(100)
    assert await tab.settle() is True
    told = await peer.context(role="user")
    found: dict[str, Any] = {}
    for place, guest in enumerate(told["rows"]["guests"]):
        at = f"guests/{guest}"
        keys = {f"{place} name": f"{at}/name"}
        keys |= {f"{place} bag {n}": f"{at}/bags/{bag}/kg" for n, bag in enumerate(told["rows"].get(f"{at}/bags", []))}
        found |= {name: told["context"].get(key) for name, key in keys.items()}
    return {
        name: (cell["value"], cell["by"]) for name, cell in found.items() if cell and cell["value"] not in ("", None)
    }


@pytest.mark.parametrize("html", NESTED.values(), ids=NESTED)
async def test_rows_within_rows_are_carried_both_ways(tab: Tab, html: str) -> None:
    peer = await hand_over(tab, html)
    (guests,) = await tab.do("session.schema")
    assert [(cell["key"], cell["type"], cell["label"]) for cell in guests["fields"]] == [
        ("name", "string", "Name"),
        ("bags", "rows", "Bags"),
    ]
    assert [(cell["key"], cell["type"]) for cell in guests["fields"][1]["fields"]] == [("kg", "integer")]

    await tab.page.fill(".guest input", "Ada")
    await tab.page.fill(".guest p input", "7")
    assert await cells(tab, peer) == {"0 name": ("Ada", "user"), "0 bag 0": (7, "user")}
    added = {"type": "add", "key": "guests", "value": {"name": "Grace", "bags": [{"kg": 1}, {"kg": 2}]}}
    assert await act(peer, added, {"type": "add", "key": "guests/r1/bags", "value": {"kg": 9}}) == ["applied"] * 2
    await tab.hears("done")
    for _ in range(3):  # what a page shows by its own means takes a look each
        await tab.turn(100)
    assert await names(tab) == {
        "guests[0][name]": "Ada",
        "guests[0][bags][0][kg]": "7",
        "guests[0][bags][1][kg]": "9",
        "guests[1][name]": "Grace",
        "guests[1][bags][0][kg]": "1",
        "guests[1][bags][1][kg]": "2",
    }
    await tab.page.fill("[name='guests[1][bags][1][kg]']", "3")
    stored = await cells(tab, peer)
    assert (stored["1 bag 0"], stored["1 bag 1"], stored["0 bag 1"]) == ((1, "ai"), (3, "user_edit"), (9, "ai"))


async def test_rows_that_the_person_adds_within_rows_are_theirs(tab: Tab) -> None:
    peer = await hand_over(tab, PLAIN)
    await tab.page.click("#guest")
    await tab.page.fill("[name='guests[1][name]']", "Grace")
    await tab.page.fill("[name='guests[1][bags][0][kg]']", "4")
    await tab.turn(100)
    await tab.until("session.rows('guests').length === 2")
    await tab.page.locator(".bag").last.click()
    await tab.turn(100)
    await tab.page.fill("[name='guests[1][bags][1][kg]']", "5")
    await tab.page.fill("[name='guests[1][bags][0][kg]']", "6")
    assert await cells(tab, peer) == {"1 name": ("Grace", "user"), "1 bag 0": (6, "user"), "1 bag 1": (5, "user")}


async def test_rows_and_their_cells_may_be_in_shadow_roots(tab: Tab) -> None:
    peer = await hand_over(
        tab,
        """<form><x-lines></x-lines></form><script>
        customElements.get("x-cell") ?? customElements.define("x-cell", class extends HTMLElement {
          connectedCallback() {
            if (this.shadowRoot) return;
            this.attachShadow({ mode: "open" }).innerHTML = '<input id="input">';
          }
        });
        customElements.get("x-lines") ?? customElements.define("x-lines", class extends HTMLElement {
          connectedCallback() {
            this.attachShadow({ mode: "open" }).innerHTML = '<div data-handshake-rows="lines"><template><p><x-cell ' +
              'name="lines[N][what]" label="What"></x-cell></p></template><p><x-cell name="lines[0][what]" ' +
              'label="What"></x-cell></p></div>';
          }
        });
        document.querySelector("x-lines").replaceWith(document.createElement("x-lines"));
        </script>""",
    )
    (lines,) = await tab.do("session.schema")
    assert [(cell["key"], cell["label"]) for cell in lines["fields"]] == [("what", "What")]
    await tab.page.locator("x-cell input").fill("mine")
    await act(peer, {"type": "add", "key": "lines", "value": {"what": "the agent's"}})
    await tab.hears("done")
    await tab.turn(100)
    look = "[...document.querySelector('x-lines').shadowRoot.querySelectorAll('x-cell')]"
    assert await tab.do(f"{look}.map((cell) => cell.shadowRoot.firstChild.value)") == ["mine", "the agent's"]
    assert [row[0] for row in await held(tab, peer)] == [("mine", "user"), ("the agent's", "ai")]
