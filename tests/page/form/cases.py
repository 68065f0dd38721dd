"""Forms of many kinds as pages have them, and the fields that they are to a careful reader.

Besides these, forms in JSON files of a folder named by the environment variable `HANDSHAKE_FORMS` are read.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Case:
    """A form; `fields` has, by key and in order, the members that its fields must have."""

    name: str
    html: str
    fields: dict[str, dict[str, Any]]
    initial: dict[str, Any] = field(default_factory=dict)
    excluded: frozenset[str] = frozenset()
    accepts: tuple[tuple[str, Any], ...] = ()
    refuses: tuple[tuple[str, Any], ...] = ()
    missing: frozenset[str] = frozenset()
    """What is asked for at the beginning, by whomever."""


FORMS = [
    Case(
        "names",
        """<form>
          <label>Street <input name="home[street]"></label>
          <label>Tags <input name="tags[]"><input name="tags[]"></label>
          <label for="only">By its id</label><input id="only"> <input aria-label="By nothing">
          <input name="a/b~c" title="Escaped"> <input name="a" title="Flat"> <input name="a[b]" title="Below">
          <label>Amount <input name="Lines[0].Amount" type="number"></label>
        </form>""",
        {
            "home/street": {"type": "string", "label": "Street", "multiple": None},
            "tags": {"type": "string", "multiple": True, "maxLength": 2},
            "only": {"label": "By its id"},
            "field-1": {"label": "By nothing"},
            "a~1b~0c": {"label": "Escaped"},
            "a": {"label": "Flat"},
            "a[b]": {"label": "Below"},
            "Lines/0/Amount": {"type": "integer", "label": "Amount"},
        },
        accepts=(("home/street", "Main St"), ("tags", ["a", "b"]), ("only", "x"), ("Lines/0/Amount", 3)),
        refuses=(("tags", ["a", "b", "c"]), ("Lines/0/Amount", 1.5)),
    ),
    Case(
        "payment",
        """<form novalidate>
          <label for="nm">Name on card *</label><input id="nm" autocomplete="cc-name">
          <label for="no">Number</label><input id="no" name="cardNumber" required inputmode="numeric">
          <label>Expires <input name="exp" autocomplete="section-a billing cc-exp" required></label>
          <label>Code by SMS <input name="sms" autocomplete="one-time-code" required></label>
          <fieldset><legend>How</legend>
            <label><input type="radio" id="now" name="how" required checked> Now</label>
            <label><input type="radio" id="later" name="how"> Later</label></fieldset>
          <label>Mobile <input type="tel" name="tel" autocomplete="tel" maxlength="12" placeholder="+49"></label>
          <label for="zone">Region (optional)</label>
          <select id="zone"><option value="">–</option>
            <optgroup label="North"><option value="n1">One</option></optgroup>
            <optgroup label="South" disabled><option value="s1">Gone</option></optgroup>
            <option value="x" disabled>Closed</option><option>other</option></select>
        </form>""",
        {
            "nm": {"by": "person", "required": True, "label": "Name on card"},
            "cardNumber": {"by": "person", "required": True},
            "exp": {"by": "person", "required": True},
            "sms": {"by": "person", "required": True},
            "how": {"type": "enum", "options": ["now", "later"], "label": "How", "required": True, "group": None},
            "tel": {"type": "string", "format": "tel", "maxLength": 12, "autocomplete": "tel", "placeholder": "+49"},
            "zone": {"type": "enum", "options": ["n1", "other"], "required": None, "label": "Region (optional)"},
        },
        initial={"how": "now"},
        accepts=(("zone", "n1"), ("tel", "+49 30 123"), ("how", "later"), ("zone", "other")),
        refuses=(
            ("zone", "s1"),
            ("zone", "x"),
            ("tel", "1" * 13),
            ("cardNumber", "4111"),
            ("sms", "123456"),
            ("nm", "A"),
        ),
        missing=frozenset({"nm", "cardNumber", "exp", "sms"}),
    ),
    Case(
        "membership",
        """<form>
          <input type="hidden" name="csrfmiddlewaretoken" value="t"> <input type="hidden" name="_method" value="put">
          <label>Handle <input name="handle" required pattern="[a-z]{3,8}" minlength="3" maxlength="8"></label>
          <label>Odd <input name="odd" pattern="[0-9()#&+*-=.]+"></label>
          <label>Mails <input name="mails" type="email" multiple></label>
          <label>Page <input name="page" type="url"></label>
          <label>Secret <input name="secret" type="password" required></label>
          <label>PIN again <input name="pwd_again" required></label>
          <input type="hidden" name="news" value="0"><label><input type="checkbox" name="news" value="1"> News</label>
          <label><input type="checkbox" name="age" required> I am of age</label>
          <label><input type="checkbox" name="c2"> I have read and agree to the rules</label>
          <label>Proof <input type="file" name="proof" accept="image/*" required></label>
          <div hidden><input name="company"></div> <input name="fax2" tabindex="-1" autocomplete="off">
          <div style="position:absolute;left:-9999px"><label>Do not fill <input name="site"></label></div>
          <input name="my_honeypot"> <textarea name="h-captcha-response"></textarea>
          <label>Type what you see <input name="captcha" required></label>
          <button>Join</button> <input type="submit" name="go"> <input type="image" alt="x">
          <output name="sum">3</output>
        </form>""",
        {
            "handle": {"type": "string", "pattern": "[a-z]{3,8}", "minLength": 3, "maxLength": 8, "required": True},
            "odd": {"type": "string", "pattern": None},
            "mails": {"type": "email", "multiple": True},
            "page": {"type": "string", "format": "uri"},
            "secret": {"by": "person", "required": True},
            "pwd_again": {"by": "person", "required": True},
            "news": {"type": "boolean", "by": None},
            "age": {"type": "enum", "options": [True], "by": "person", "required": True},
            "c2": {"type": "boolean", "by": "person"},
            "proof": {"type": "file", "by": "person", "required": True},
            "captcha": {"by": "person", "required": True},
        },
        excluded=frozenset(
            {
                "csrfmiddlewaretoken",
                "_method",
                "company",
                "fax2",
                "site",
                "my_honeypot",
                "h-captcha-response",
                "go",
                "sum",
            }
        ),
        accepts=(("handle", "adalove"), ("mails", ["a@example.com"]), ("page", "mailto:a@example.com"), ("news", True)),
        refuses=(("handle", "Ada"), ("mails", ["a"]), ("secret", "x"), ("age", True), ("c2", True), ("captcha", "x")),
        missing=frozenset({"handle", "secret", "pwd_again", "age", "proof", "captcha"}),
    ),
    Case(
        "appointment",
        """<form>
          <label>Day <input name="day" type="date" min="2026-02-01" max="2026-02-28" step="7" required></label>
          <label>At <input name="at" type="time" min="22:00" max="02:00" step="1800"></label>
          <label>Call <input name="call" type="datetime-local" min="2026-02-01T08:00" required></label>
          <label>Temperature <input name="temp" type="number" min="-0.5" step="0.5" value="1.5"></label>
          <label>People <input name="people" type="number" max="6"></label>
          <label>Any <input name="any" type="number" step="any"></label>
          <label>Off the grid <input name="off" type="number" step="10" value="5"></label>
          <label>Level <input name="level" type="range" min="1" max="5" value="2"></label>
          <label>Share <input name="share" type="range" step="0.1" max="1"></label>
          <label>Bad <input name="bad" type="number" min="x" step="-1"></label>
          <label>Month <input name="month" type="month" value="2026-02"></label>
          <label>Week <input name="week" type="week"></label>
          <label>Shade <input name="shade" type="color" value="#112233"></label>
        </form>""",
        {
            "day": {"type": "date", "min": "2026-02-01", "max": "2026-02-28", "step": 7, "required": True},
            "at": {"type": "time", "min": None, "max": None, "step": 1800},
            "call": {"type": "datetime", "min": "2026-02-01T08:00", "step": 60, "required": True},
            "temp": {"type": "number", "min": -0.5, "step": 0.5},
            "people": {"type": "integer", "min": None, "max": 6, "step": None},
            "any": {"type": "number", "step": None},
            "off": {"type": "integer", "step": None},
            "level": {"type": "integer", "min": 1, "max": 5},
            "share": {"type": "number", "min": 0, "max": 1, "step": 0.1},
            "bad": {"type": "integer", "min": None, "step": None},
            "month": {"type": "string", "format": "month"},
            "week": {"type": "string", "format": "week"},
            "shade": {"type": "string", "format": "color"},
        },
        initial={"temp": 1.5, "off": 5, "level": 2, "share": 0.5, "month": "2026-02", "shade": "#112233"},
        accepts=(
            *(("day", "2026-02-08"), ("at", "23:30"), ("call", "2026-02-03T09:30"), ("temp", 2), ("off", 15)),
            *(("share", 0.3), ("month", "2026-12"), ("week", "2026-W09"), ("shade", "#a0b0c0"), ("any", 0.125)),
        ),
        refuses=(
            *(("day", "2026-02-09"), ("day", "2026-03-01"), ("at", "23:10"), ("call", "2026-01-31T09:30")),
            *(("temp", 0.7), ("people", 7), ("people", 1.5), ("level", 6), ("share", 0.25), ("month", "2026-00")),
            ("week", "2026-9"),
        ),
        missing=frozenset({"day", "call"}),
    ),
    Case(
        "questionnaire",
        """<form>
          <table><tr><td></td><th id="no">No</th><th id="yes">Yes</th></tr>
            <tr><th id="q1">Clean?</th><td><input type="radio" name="q1" value="0" aria-labelledby="q1 no"></td>
              <td><input type="radio" name="q1" value="1" aria-labelledby="q1 yes"></td></tr>
            <tr><th>Quiet?</th><td><input type="radio" name="q2" value="0" required></td>
              <td><input type="radio" name="q2" value="1" required></td></tr></table>
          <fieldset><legend>Trip</legend>
            <fieldset><legend>Which way? *</legend>
              <label><input type="checkbox" name="way[]" value="bus"> Bus</label>
              <label><input type="checkbox" name="way[]" value="bike"> Bike</label>
              <label><input type="checkbox" name="way[]" value="-" data-behaviour="exclusive"> Neither</label>
            </fieldset>
            <div role="radiogroup" aria-label="Class" aria-required="true">
              <label><input type="radio" name="class" value="1"> First</label>
              <label><input type="radio" name="class" value="2" disabled> Second</label></div>
            <label for="note">Note</label>
            <textarea id="note" name="note" maxlength="20" aria-describedby="hint err"></textarea>
            <p id="hint">In short</p><p id="err" role="alert">Too long</p></fieldset>
          <label>Town <input name="town" list="towns" toolparamdescription="Where it was"></label>
          <datalist id="towns"><option value="Ulm"><option value="Bonn">Bonn on Rhine</option></datalist>
          <label>Days <select name="days" multiple size="2"><option value="1">Mo</option>
            <option value="2" selected>Tu</option></select></label>
        </form>""",
        {
            "q1": {"type": "enum", "options": ["0", "1"], "label": "Clean?"},
            "q2": {"type": "enum", "options": ["0", "1"], "label": "Quiet?", "required": True},
            "way": {"type": "enum", "multiple": True, "label": "Which way?", "group": "Trip", "required": None},
            "class": {"type": "enum", "options": ["1"], "label": "Class", "group": "Trip", "required": True},
            "note": {"type": "string", "multiline": True, "maxLength": 20, "group": "Trip", "desc": "In short"},
            "town": {"type": "string", "options": ["Ulm", "Bonn"], "open": True, "desc": "Where it was"},
            "days": {"type": "enum", "multiple": True, "options": ["1", "2"]},
        },
        initial={"days": ["2"]},
        accepts=(("q1", "Yes"), ("way", ["bus", "bike"]), ("way", ["-"]), ("town", "Elsewhere"), ("days", ["1", "2"])),
        refuses=(("q1", "2"), ("way", ["bus", "-"]), ("way", ["car"]), ("class", "2"), ("note", "x" * 21)),
        missing=frozenset({"q2", "class"}),
    ),
    Case(
        "marks",
        """<form>
          <input name="attributes" aria-label="Clobbers"> <input name="elements" title="This too">
          <input name="closest">
          <label>IBAN <input name="iban" data-handshake="sensitive"></label>
          <fieldset data-handshake="skip"><legend>Internal</legend><input name="cost"></fieldset>
          <label>Sign <input name="sign" data-handshake="person" required></label>
          <label>Total <input name="total" value="12" readonly></label>
          <label>Fixed <select name="fixed" data-handshake="readonly"><option>a</option></select></label>
          <fieldset disabled><legend><input name="in_legend"></legend><input name="later" title="Later"></fieldset>
          <details><summary>More</summary><label>Inside <input name="inside"></label></details>
          <label class="toggle" for="tg">On</label><input id="tg" name="tg" type="checkbox" style="display:none">
          <label>By aria <input name="aria" aria-required="true" aria-label="Said better"></label>
        </form> <input form="other" name="stranger">""",
        {
            "attributes": {"label": "Clobbers"},
            "elements": {"label": "This too"},
            "closest": {"label": None},
            "iban": {"sensitive": True},
            "sign": {"by": "person", "required": True},
            "total": {"readOnly": True, "computed": True},
            "fixed": {"type": "enum", "readOnly": True},
            "in_legend": {"readOnly": None},
            "later": {"readOnly": True},
            "inside": {"label": "Inside"},
            "tg": {"type": "boolean", "label": "On"},
            "aria": {"required": True, "label": "Said better"},
        },
        initial={"total": "12", "fixed": "a"},
        excluded=frozenset({"cost", "stranger"}),
        accepts=(("iban", "DE89"), ("tg", True), ("in_legend", "x"), ("inside", "y")),
        refuses=(("total", "13"), ("later", "x"), ("sign", "x"), ("fixed", "a")),
        missing=frozenset({"sign", "aria"}),
    ),
]


def _shared() -> list[Case]:
    folder = os.environ.get("HANDSHAKE_FORMS")
    paths = sorted(Path(folder).glob("*.json")) if folder else []
    stated = [json.loads(path.read_text("utf-8")) for path in paths]
    return [_case(form) for form in stated if form["family"] == "html"]


def _case(form: dict[str, Any]) -> Case:
    fields = {entry["key"]: dict(entry) for entry in form["fields"]}
    initial = {key: entry.pop("initial") for key, entry in fields.items() if "initial" in entry}
    for entry in fields.values():
        for about in ("key", "rule"):
            entry.pop(about, None)
        if entry.get("pattern") is True:
            entry.pop("pattern")
    at = {name: tuple((each["at"][1:], each["value"]) for each in form[name]) for name in ("accepts", "refuses")}
    missing = frozenset(key[1:] for each in form["missing"] for key in each["missing"])
    excluded = frozenset(form["excluded"])
    return Case(form["name"], form["html"], fields, initial, excluded, at["accepts"], at["refuses"], missing)


SHARED = _shared()
