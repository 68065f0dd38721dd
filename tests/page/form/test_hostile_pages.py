"""Forms whose page gets in the way: with scripts, frameworks, shadow roots, and names that hide the form's own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.page.faults import Faults
from tests.page.tabs import Tab, sent

pytestmark = pytest.mark.asyncio(loop_scope="session")

OPEN = """
async (html) => {
  document.body.innerHTML = html;
  for (const script of document.querySelectorAll("script")) (0, eval)(script.textContent);
  const { schemaOf, valuesOf } = await import("/handshake/form.js");
  globalThis.form = document.querySelector("form");
  const schema = schemaOf(form);
  record(await client.HandshakeSession.create({ mode: "form-fill", schema, ...valuesOf(form, schema) }));
  globalThis.unbind = session.bind(form);
}
"""
INPUT = '<form><input name="a" aria-label="A"><input name="b"><button type="button" id="go">Go</button></form>'


async def hand_over(tab: Tab, html: str) -> Any:
    """Show a page with a form, hand the form over as it is, and connect; return the agent."""
    await tab.do(OPEN, html)
    await tab.connect()
    return await tab.peer()


async def stored(tab: Tab, peer: Any) -> dict[str, tuple[Any, str]]:
    """What the server holds, and whose it is, without what nobody has written."""
    assert await tab.settle() is True
    context = (await peer.context(role="user"))["context"]
    return {key: (record["value"], record["by"]) for key, record in context.items() if record["by"] != "default"}


# The person's and the agent's


async def test_what_the_agent_writes_waits_while_the_person_is_in_the_control(tab: Tab) -> None:
    peer = await hand_over(tab, INPUT)
    await tab.page.focus("[name=a]")
    await peer.act({"a": "the agent's", "b": "at once"})
    await tab.hears("done")
    assert await tab.do("[form.a.value, form.b.value]") == ["", "at once"]
    await tab.page.focus("[name=b]")
    assert await tab.do("form.a.value") == "the agent's"
    assert await stored(tab, peer) == {"a": ("the agent's", "ai"), "b": ("at once", "ai")}


async def test_what_the_person_types_over_a_value_that_waits_is_theirs(tab: Tab) -> None:
    peer = await hand_over(tab, INPUT)
    await tab.page.focus("[name=a]")
    await peer.act({"a": "the agent's"})
    await tab.hears("done")
    await tab.page.keyboard.type("mine")
    await tab.page.focus("[name=b]")
    assert await tab.do("form.a.value") == "mine"
    assert await stored(tab, peer) == {"a": ("mine", "user_edit")}


async def test_a_value_that_waits_is_shown_once_the_window_is_left(tab: Tab) -> None:
    peer = await hand_over(tab, INPUT)
    await tab.page.focus("[name=a]")
    await peer.act({"a": "the agent's"})
    await tab.hears("done")
    await tab.do("document.hasFocus = () => false; window.dispatchEvent(new Event('blur'))")
    assert await tab.do("form.a.value") == "the agent's"


async def test_what_another_script_does_is_not_the_persons(tab: Tab, faults: Faults) -> None:
    peer = await hand_over(tab, INPUT)
    await peer.act({"a": "the agent's"})
    await tab.hears("done")
    await tab.do("""
      form.a.value = "a script's";
      for (const name of ["input", "change"]) form.a.dispatchEvent(new Event(name, { bubbles: true }));
    """)
    assert await stored(tab, peer) == {"a": ("the agent's", "ai")}
    assert sent(faults.line) == []


async def test_what_a_password_manager_fills_in_stays_and_is_told(tab: Tab) -> None:
    peer = await hand_over(tab, INPUT)
    await tab.do("""
      form.a.focus();
      form.a.value = "Ada";
      for (const name of ["input", "change"]) form.a.dispatchEvent(new Event(name, { bubbles: true }));
      form.a.blur();
    """)
    await tab.turn(100)
    assert await tab.do("form.a.value") == "Ada"
    assert await stored(tab, peer) == {}
    assert [each["msg"] for each in (await peer.context())["problems"]] == ['The page shows "Ada" in place of it.']


async def test_what_a_calendar_makes_of_a_click_is_the_persons(tab: Tab) -> None:
    peer = await hand_over(
        tab,
        '<form><input name="day" placeholder="Day"></form><button id="fourth">4</button>'
        '<script>document.getElementById("fourth").onclick = () => { document.forms[0].day.value = "4 May"; }</script>',
    )
    await tab.page.click("#fourth")
    assert await tab.do("form.day.value") == "4 May"
    await tab.until("session.fields.get('day')?.value === '4 May'")
    assert await stored(tab, peer) == {"day": ("4 May", "user")}


async def test_what_a_page_makes_of_what_is_typed_is_the_persons(tab: Tab) -> None:
    peer = await hand_over(tab, INPUT)
    await tab.do("void (form.a.oninput = ({ target }) => { target.value = target.value.toUpperCase() })")
    await tab.page.locator("[name=a]").press_sequentially("abc")
    await tab.until("session.fields.get('a')?.value === 'ABC'")
    assert await stored(tab, peer) == {"a": ("ABC", "user")}


async def test_an_agents_write_never_submits_the_form(tab: Tab) -> None:
    peer = await hand_over(
        tab,
        """<form onsubmit="globalThis.gone = true; return false"><select name="a" onchange="this.form.submit()">
        <option value="">-</option><option>x</option></select>
        <input name="b" onchange="this.form.requestSubmit()"></form>""",
    )
    await peer.act({"a": "x", "b": "y"})
    await tab.hears("done")
    assert await tab.do("[form.a.value, form.b.value, globalThis.gone ?? false]") == ["x", "y", False]
    await tab.page.locator("[name=b]").press_sequentially("z\n")
    assert await tab.do("gone") is True


# Where controls may be

SHADOW = """
<form><label>Plain <input name="plain"></label><x-field></x-field></form><input name="far" form="f">
<script>
  document.forms[0].id = "f";
  customElements.get("x-field") ?? customElements.define("x-field", class extends HTMLElement {
    connectedCallback() {
      this.attachShadow({ mode: "open" }).innerHTML =
        '<label>Deep <input name="deep"></label><input type="checkbox" name="deep_on">';
      const own = this.shadowRoot.appendChild(document.createElement("form"));
      own.innerHTML = '<input name="of_its_own_form">';
    }
  });
  document.querySelector("x-field").replaceWith(document.createElement("x-field"));
</script>
"""
CUSTOM = """
<form><x-rating name="stars" aria-label="Stars"></x-rating></form>
<script>
  customElements.get("x-rating") ?? customElements.define("x-rating", class extends HTMLElement {
    static formAssociated = true;
    #internals = this.attachInternals();
    value = 0;
    connectedCallback() { this.onclick = () => { this.value += 1; this.#internals.setFormValue(this.value); }; }
  });
  document.querySelector("x-rating").replaceWith(
    Object.assign(document.createElement("x-rating"), { textContent: "rate" }));
  document.querySelector("x-rating").setAttribute("name", "stars");
</script>
"""
CLOBBERED = """
<form></form><script>
  const names = new Set();
  for (let each = HTMLFormElement.prototype; each !== Object.prototype; each = Object.getPrototypeOf(each)) {
    for (const name of Object.getOwnPropertyNames(each)) names.add(name);
  }
  const plain = [...names].filter((name) => !/^(?:on|aria|[A-Z]|constructor$)/.test(name));
  const inputs = plain.map((name) => Object.assign(document.createElement("input"), { name }));
  document.forms[0].append(...inputs);
</script>
"""


async def test_controls_in_shadow_roots_and_elsewhere_in_the_page_are_the_forms(tab: Tab) -> None:
    peer = await hand_over(tab, SHADOW)
    assert await tab.do("session.schema.map(({ key }) => key)") == ["plain", "deep", "deep_on", "far"]
    await tab.page.fill("[name=deep]", "mine")
    await tab.page.check("[name=deep_on]")
    await peer.act({"plain": "p", "far": "f", "deep": "not yours"})
    await tab.hears("done")
    assert await tab.do("[form.plain.value, form.far.value]") == ["p", "f"]
    assert await stored(tab, peer) == {
        "deep": ("mine", "user"), "deep_on": (True, "user"), "plain": ("p", "ai"), "far": ("f", "ai"),
    }  # fmt: skip


async def test_a_custom_element_of_the_form_is_a_control(tab: Tab) -> None:
    peer = await hand_over(tab, CUSTOM)
    assert [(each["key"], each["type"]) for each in await tab.do("session.schema")] == [("stars", "number")]
    await peer.act({"stars": 4})
    await tab.hears("done")
    assert await tab.do("document.querySelector('x-rating').value") == 4
    await tab.page.click("x-rating")
    await tab.until("session.fields.get('stars')?.value === 5")
    assert await stored(tab, peer) == {"stars": (5, "user_edit")}


async def test_custom_elements_are_named_by_labels_and_by_their_own_word(tab: Tab) -> None:
    peer = await hand_over(
        tab,
        """<form><label for="s">Alerts</label><x-switch id="s" name="alerts">o</x-switch>
        <label>Wrapped <x-switch name="wrapped">o</x-switch></label>
        <x-field name="deep" label="Own word"></x-field></form>
        <script>
        customElements.get("x-switch") ?? customElements.define("x-switch", class extends HTMLElement {
          static formAssociated = true;
          selected = false;
        });
        customElements.get("x-field") ?? customElements.define("x-field", class extends HTMLElement {
          connectedCallback() {
            if (!this.shadowRoot) this.attachShadow({ mode: "open" }).innerHTML = '<input id="input">';
          }
        });
        document.body.append(document.querySelector("form"));
        </script>""",
    )
    entries = await tab.do("session.schema")
    assert [(each["key"], each["type"], each["label"]) for each in entries] == [
        ("alerts", "boolean", "Alerts"),
        ("wrapped", "boolean", "Wrapped o"),
        ("deep", "string", "Own word"),
    ]
    await peer.act({"alerts": True, "deep": "x"})
    await tab.hears("done")
    look = "[form.querySelector('#s').selected, form.querySelector('x-field').shadowRoot.firstChild.value]"
    assert await tab.do(look) == [True, "x"]


COMPONENTS = """
<form><x-button>Send</x-button><x-closed aria-label="Card">Closed</x-closed></form>
<script>
customElements.get("x-button") ?? customElements.define("x-button", class extends HTMLElement {
  static formAssociated = true;
  type = "submit";
  value = "";
});
customElements.get("x-closed") ?? customElements.define("x-closed", class extends HTMLElement {
  static formAssociated = true;
});
document.body.append(document.querySelector("form"));
</script>
"""


async def test_a_component_that_is_a_button_is_no_field_and_one_that_hides_its_value_is_told(tab: Tab) -> None:
    await hand_over(tab, COMPONENTS)
    assert await tab.do("session.schema") == []
    remainder = "import('/handshake/form/remainder.js').then(({ remainderOf }) => remainderOf(form, []))"
    assert await tab.do(remainder) == "Not handed over, for the person alone to fill in: Card."


async def test_controls_may_have_the_names_of_the_forms_own_properties(tab: Tab) -> None:
    peer = await hand_over(tab, CLOBBERED)
    keys = await tab.do("session.schema.map(({ key }) => key)")
    assert {"contains", "elements", "getBoundingClientRect", "submit"} < set(keys)
    await tab.do("document.querySelector('[name=contains]').focus()")
    await tab.page.keyboard.type("mine")
    await peer.act(dict.fromkeys(keys, "x"))
    await tab.hears("done")
    assert await tab.do("[...document.querySelectorAll('input')].map(({ value }) => value)") == [
        "mine" if key == "contains" else "x" for key in keys
    ]


async def test_controls_that_a_page_puts_in_place_of_others_show_the_sessions_values(tab: Tab) -> None:
    peer = await hand_over(tab, INPUT)
    await peer.act({"a": "the agent's"})
    await tab.hears("done")
    await tab.do("form.innerHTML = form.innerHTML")
    await tab.turn_until('form.a.value === "the agent\'s"')
    await tab.page.fill("[name=b]", "into the new one")
    assert await stored(tab, peer) == {"a": ("the agent's", "ai"), "b": ("into the new one", "user")}


# What stays in the page

SECRETS = """
<form><input name="name"><input type="hidden" name="csrf_token" value="CANARY-csrf">
  <input type="password" name="pw" id="pw" value="CANARY-pw"><input name="card" autocomplete="cc-number">
  <input name="otp" autocomplete="one-time-code"><div style="display:none"><input name="trap" value="CANARY-trap"></div>
  <input type="file" name="doc"><textarea name="g-recaptcha-response">CANARY-captcha</textarea></form>
"""


async def test_secrets_never_leave_the_page(tab: Tab, faults: Faults) -> None:
    peer = await hand_over(tab, SECRETS)
    await tab.page.fill("[name=card]", "CANARY-card")
    await tab.page.fill("[name=otp]", "CANARY-otp")
    await tab.do("document.getElementById('pw').type = 'text'")  # as a page does that shows a password
    await tab.page.fill("#pw", "CANARY-pw-typed")
    await tab.page.fill("[name=name]", "Ada")
    assert await stored(tab, peer) == {"name": ("Ada", "user")}
    await tab.do("session.close()")
    await tab.page.fill("[name=card]", "CANARY-again")
    await tab.page.fill("[name=name]", "Grace")
    assert await stored(tab, peer) == {"name": ("Grace", "user")}
    assert [body for body in faults.bodies if b"CANARY" in body] == []
    assert "CANARY" not in str([line.sent for line in faults.lines])
