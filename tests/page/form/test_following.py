"""What a form's own page has against values, and forms whose fields come and go, in a real Chromium."""

from __future__ import annotations

from typing import Any

import pytest

from tests.page.faults import Faults
from tests.page.tabs import Tab

pytestmark = pytest.mark.asyncio(loop_scope="session")

OPEN = """
async (html) => {
  document.body.innerHTML = html;
  const { schemaOf, valuesOf } = await import("/handshake/form.js");
  globalThis.form = document.querySelector("form");
  const schema = schemaOf(form);
  record(await client.HandshakeSession.create({ mode: "form-fill", schema, ...valuesOf(form, schema) }));
  session.bind(form, { follow: true });
}
"""
COUNTRY = """
<form><label>Country <select name="country"><option value="">-</option><option>A</option><option>B</option></select>
</label> <label>State <select name="state"><option value="">-</option></select></label>
<label><input type="checkbox" name="invoice"> Invoice</label>
<div id="more" hidden><label>Tax number <input name="tax" required></label></div>
<label>Password <input type="password" name="pw" required></label></form>
"""


async def hand_over(tab: Tab, html: str) -> Any:
    await tab.do(OPEN, html)
    await tab.connect()
    await tab.turn(100)
    return await tab.peer()


async def problems(tab: Tab, peer: Any) -> dict[str, str]:
    """What the agent is told is wrong, by key."""
    await tab.turn(100)
    assert await tab.settle() is True
    return {",".join(each["keys"]): each["msg"] for each in (await peer.context()).get("problems", [])}


# Problems


async def test_what_a_control_makes_of_a_value_is_read_back_and_told(tab: Tab) -> None:
    peer = await hand_over(tab, '<form><input type="color" name="a"><input name="b" maxlength="9"></form>')
    await tab.do("void (form.b.oninput = () => { form.b.value = form.b.value.slice(0, 3) })")
    assert (await peer.act({"a": "#A0B0C0", "b": "abcdef"}))["applied"] == ["a", "b"]
    await tab.hears("done")
    assert await problems(tab, peer) == {"b": 'The page shows "abc" in place of it.'}
    await peer.act({"b": "xyz"})
    await tab.hears("done", 2)
    assert await problems(tab, peer) == {}


OWN_WAYS = """
<form><input type="time" name="at"><input type="datetime-local" name="when"><input type="color" name="shade">
<textarea name="lines"></textarea></form>
"""


async def test_what_controls_say_in_their_own_way_stays_the_agents_when_the_form_is_submitted(tab: Tab) -> None:
    peer = await hand_over(tab, OWN_WAYS)
    told = {"at": "09:30:00", "when": "2026-05-04T09:30:00", "shade": "#A0B0C0", "lines": "one\r\ntwo"}
    assert (await peer.act(told))["applied"] == list(told)
    await tab.hears("done")
    await tab.until("form.lines.value === 'one\\ntwo'")
    assert await problems(tab, peer) == {}
    await tab.do("import('/handshake/form.js').then(({ FormBinding }) => new FormBinding(session, form, {}).report())")
    assert await tab.settle() is True
    assert {record["by"] for record in (await peer.context())["context"].values()} == {"ai"}


async def test_the_pages_own_validation_is_told_and_taken_back(tab: Tab) -> None:
    peer = await hand_over(tab, '<form><input name="a"><input name="b" data-handshake="sensitive"></form>')
    await tab.do(
        """void ["a", "b"].forEach((name) => {
          form[name].oninput = ({ target }) => target.setCustomValidity(target.value.includes("x") ? "No x here" : "");
        })"""
    )
    await peer.act({"a": "ax", "b": "bx"})
    await tab.hears("done")
    assert await problems(tab, peer) == {"a": "No x here", "b": "This value is not accepted"}
    await tab.page.fill("[name=a]", "a")
    await tab.page.fill("[name=b]", "b")
    await tab.page.locator("[name=b]").blur()
    assert await problems(tab, peer) == {}


async def test_a_remark_of_the_page_beside_a_field_is_told(tab: Tab) -> None:
    peer = await hand_over(tab, '<form><input name="a" aria-errormessage="e"><p id="e"></p></form>')
    await peer.act({"a": "taken"})
    await tab.hears("done")
    await tab.do("document.getElementById('e').textContent = 'Is taken'; form.a.setAttribute('aria-invalid', 'true')")
    assert await problems(tab, peer) == {"a": "Is taken"}


async def test_what_a_script_shows_in_place_of_the_agents_value_is_told(tab: Tab) -> None:
    peer = await hand_over(tab, '<form><input name="a"></form>')
    await peer.act({"a": "the agent's"})
    await tab.hears("done")
    await tab.do("form.a.value = 'a script\\'s'; form.a.dispatchEvent(new Event('input', { bubbles: true }))")
    assert await problems(tab, peer) == {"a": 'The page shows "a script\'s" in place of it.'}
    assert (await peer.context())["context"]["a"]["by"] == "ai"


async def test_what_the_page_computes_from_the_agents_values_is_told(tab: Tab) -> None:
    peer = await hand_over(tab, '<form><input name="nights"><input name="total" readonly value="90"></form>')
    await tab.do("void (form.nights.oninput = () => { form.total.value = form.nights.value * 90 })")
    await peer.act({"nights": "3"})
    await tab.hears("done")
    assert await problems(tab, peer) == {}
    held = (await peer.context())["context"]
    assert {key: (record["value"], record["by"]) for key, record in held.items()} == {
        "nights": ("3", "ai"),
        "total": ("270", "user"),
    }


async def test_a_form_that_is_as_it_came_has_no_problems(tab: Tab) -> None:
    peer = await hand_over(tab, COUNTRY + '<form><input type="range"></form>')
    assert await problems(tab, peer) == {}


# Fields that come and go


async def test_options_that_a_script_fills_in_reach_the_agent(tab: Tab) -> None:
    peer = await hand_over(tab, COUNTRY)
    assert (await peer.act({"country": "A"}))["applied"] == ["country"]
    await tab.hears("done")
    await tab.do("form.state.add(new Option('Upper', 'A1')); form.state.add(new Option('Lower', 'A2'))")
    await tab.turn(100)
    await tab.until("session.schema.find(({ key }) => key === 'state').options.length === 2")
    assert (await peer.act({"state": "A2"}))["applied"] == ["state"]
    await tab.until("form.state.value === 'A2'")


async def test_fields_that_are_revealed_come_and_ones_that_are_hidden_go(tab: Tab) -> None:
    peer = await hand_over(tab, COUNTRY)
    await tab.do("void (form.invoice.onchange = () => { more.hidden = !form.invoice.checked })")
    assert "tax" not in {entry["key"] for entry in (await peer.context())["schema"]}
    await peer.act({"invoice": True})
    await tab.hears("done")
    await tab.turn(100)
    await tab.until("session.schema.some(({ key }) => key === 'tax')")
    assert "tax" in (await peer.context())["missing"]
    await peer.act({"tax": "DE1"})
    await tab.until("form.tax.value === 'DE1'")
    await tab.page.uncheck("[name=invoice]")
    await tab.turn(100)
    await tab.until("!session.schema.some(({ key }) => key === 'tax')")
    assert "tax" not in (await peer.context())["context"]


async def test_controls_that_a_page_numbers_anew_keep_what_they_show(tab: Tab) -> None:
    peer = await hand_over(tab, '<form><input name="guest[0]"><input name="guest[1]"><button type="button"></form>')
    await tab.do(
        """void (document.querySelector("button").onclick = () => {
          form.querySelector("input").remove();
          form.querySelector("input").name = "guest[0]";
        })"""
    )
    await peer.act({"guest/0": "Ada", "guest/1": "Grace"})
    await tab.hears("done")
    await tab.page.click("button")
    await tab.turn(100)
    await tab.until("session.schema.length === 1")
    assert await tab.settle() is True
    assert await tab.do("form.querySelector('input').value") == "Grace"
    assert (await peer.context())["context"]["guest/0"]["value"] == "Grace"


async def test_a_secret_is_missing_until_the_person_has_filled_it_in(tab: Tab, faults: Faults) -> None:
    peer = await hand_over(tab, COUNTRY)
    assert (await peer.context())["missingPerson"] == ["pw"]
    await tab.page.fill("[name=pw]", "CANARY")
    await tab.page.locator("[name=pw]").blur()
    await tab.turn(100)
    await tab.until("!session.schema.find(({ key }) => key === 'pw').required")
    assert "missingPerson" not in await peer.context()
    assert "CANARY" not in str(faults.line.sent)


async def test_a_form_that_never_rests_keeps_within_the_servers_rate(tab: Tab) -> None:
    await hand_over(tab, COUNTRY)
    for count in range(30):
        await tab.do("(count) => form.state.add(new Option(`Option ${count}`))", count)
        await tab.turn(60)
        assert await tab.settle() is True
    assert await tab.seen("error") == []
    await tab.turn(61_000)
    await tab.until("session.schema.find(({ key }) => key === 'state').options.length === 30")


FADED = """
<style>.step { opacity: 0; transition: opacity 600s } .step.is-there { opacity: 1 }</style>
<form><label>Name <input name="name"></label>
<div class="step" id="step"><label>Income <input name="income"></label></div></form>
"""


async def test_a_field_that_fades_in_comes_once_it_can_be_seen(tab: Tab) -> None:
    await hand_over(tab, FADED)
    assert await tab.do("session.schema.map(({ key }) => key)") == ["name"]
    await tab.do("void (step.ontransitionend = () => { globalThis.isOver = true }, step.className = 'step is-there')")
    await tab.turn(100)
    assert await tab.do("session.schema.map(({ key }) => key)") == ["name"]
    await tab.do("document.getAnimations().forEach((each) => each.finish())")
    await tab.until("globalThis.isOver")
    await tab.turn(100)
    await tab.until("session.schema.some(({ key }) => key === 'income')")


WIZARD = """
<style>.panel { display: none } .step-1 .first, .step-2 .second { display: block }</style>
<div id="wizard" class="step-1"><div><form>
<div class="panel first"><label>Name <input name="name"></label></div>
<div class="panel second"><label>Income <input name="income"></label></div></form></div></div>
"""


async def test_a_wizard_that_keeps_its_step_around_the_form_is_followed(tab: Tab) -> None:
    await hand_over(tab, WIZARD)
    assert await tab.do("session.schema.map(({ key }) => key)") == ["name"]
    await tab.do("wizard.className = 'step-2'")
    await tab.turn(100)
    await tab.until("session.schema.map(({ key }) => key).join() === 'income'")


# What is no field


DRAWN = """
<form><label>Name <input name="name"></label>
<div role="spinbutton" aria-label="Colour" tabindex="0">3</div> <label for="kind">Kind</label>
<button type="button" id="kind" aria-haspopup="listbox">Any</button>
<div><input role="combobox" aria-label="Land"><div><input type="hidden" name="country"></div></div>
<div role="slider" aria-valuenow="3" tabindex="0">Volume</div> <p contenteditable>Notes</p>
<label>Town <input name="town" role="combobox" aria-controls="towns"></label>
<ul role="listbox" id="towns"><li role="option">Ulm</li></ul>
<select aria-hidden="true" tabindex="-1" name="land"><option>DE</option></select>
<span><span role="combobox" tabindex="0">DE</span></span></form>
"""


async def test_both_sides_are_told_what_of_a_form_is_not_handed_over(tab: Tab) -> None:
    peer = await hand_over(tab, DRAWN)
    names = ["Colour", "Kind", "Land", "a part without a name", "a part without a name"]
    said = f"Not handed over, for the person alone to fill in: {', '.join(names)}."
    assert await problems(tab, peer) == {"": said}
    assert await tab.do("session.problems.map(({ msg }) => msg)") == [said]
    away = "[role=spinbutton], button, [aria-label=Land], [role=slider], p"
    await tab.do(f"form.querySelectorAll('{away}').forEach((each) => each.remove())")
    assert await problems(tab, peer) == {}


async def test_of_a_form_that_is_too_large_as_much_is_handed_over_as_there_is_room_for(tab: Tab) -> None:
    controls = "".join(f'<input name="n{number}" aria-label="Number {number}">' for number in range(503))
    peer = await hand_over(tab, f"<form>{controls}</form>")
    assert len((await peer.context())["schema"]) == 500
    assert await problems(tab, peer) == {
        "": "Not handed over, for the person alone to fill in: Number 500, Number 501, Number 502."
    }
    assert (await peer.act({"n499": "last"}))["applied"] == ["n499"]
    await tab.until("form.n499.value === 'last'")


async def test_what_a_person_does_to_a_widget_is_theirs(tab: Tab) -> None:
    turn = "this.ariaChecked = this.ariaChecked !== 'true'"
    form = f"""<form><p contenteditable aria-label="Bio" id="bio"></p>
      <b role="switch" aria-checked="false" tabindex="0" id="on" onclick="{turn}">On</b></form>"""
    peer = await hand_over(tab, form)
    await tab.page.locator("#bio").press_sequentially("Ada")
    await tab.page.locator("#on").click()
    assert await tab.settle() is True
    told = (await peer.context())["context"]
    assert {key: (told[key]["value"], told[key]["by"]) for key in told} == {
        "bio": ("Ada", "user"),
        "on": (True, "user"),
    }


LISTS = """
<form><label for="size">Size</label><div role="radiogroup" id="size" tabindex="-1">
<div><b role="radio" aria-checked="false" tabindex="0" data-value="s" id="small"></b>
<input type="radio" name="size" value="s" aria-hidden="true" style="opacity: 0"><label for="small">Small</label></div>
<div><b role="radio" aria-checked="true" data-value="l" id="large">Large</b></div></div>
<ul role="listbox" aria-label="Towns" name="towns" aria-multiselectable="true" tabindex="0">
<li role="option" aria-selected="true" id="bonn">Bonn</li><li role="option" aria-selected="false" id="ulm">Ulm</li>
<li role="option" aria-selected="false" id="jena">Jena</li></ul></form>
"""
WORK = """
for (const each of document.querySelectorAll("[role=radio]")) each.onclick = () => {
  for (const other of document.querySelectorAll("[role=radio]")) other.ariaChecked = String(each === other);
};
for (const each of document.querySelectorAll("[role=option]")) each.onclick = () => {
  each.ariaSelected = String(each.ariaSelected !== "true");
};
globalThis.chosen = () =>
  [...document.querySelectorAll("[aria-checked=true], [aria-selected=true]")].map(({ id }) => id).join();
"""


async def test_lists_that_a_page_draws_are_read_and_chosen_from(tab: Tab) -> None:
    peer = await hand_over(tab, LISTS)
    await tab.do(WORK)
    entries = await tab.do("session.schema.map(({ key, label, multiple, options }) => [key, label, multiple, options])")
    assert entries == [
        ["size", "Size", None, [{"value": "s", "label": "Small"}, {"value": "l", "label": "Large"}]],
        ["towns", "Towns", True, ["Bonn", "Ulm", "Jena"]],
    ]
    assert [record["value"] for record in (await peer.context())["context"].values()] == ["l", ["Bonn"]]
    await peer.act({"size": "s", "towns": ["Ulm", "Jena"]})
    await tab.until("chosen() === 'small,ulm,jena'")
    await tab.page.click("#bonn")
    assert await problems(tab, peer) == {}
    told = (await peer.context())["context"]
    assert {key: (told[key]["value"], told[key]["by"]) for key in told} == {
        "size": ("s", "ai"),
        "towns": (["Bonn", "Ulm", "Jena"], "user_edit"),
    }
