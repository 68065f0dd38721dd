"""Forms that are unusual and yet real: traps laid by every means, pictures in the place of controls, secrets."""

from __future__ import annotations

from tests.page.form.cases import Case

_AWAY = {
    "right": '<div style="position:absolute;right:-9999px">{}</div>',
    "bottom": '<div style="position:absolute;bottom:-9999px">{}</div>',
    "relative": '<div style="position:relative;left:-9999px">{}</div>',
    "fixed": '<div style="position:fixed;left:-100vw">{}</div>',
    "margin": '<div style="margin-left:-9999px">{}</div>',
    "indent": '<div style="text-indent:-9999px">{}</div>',
    "left": '<div style="transform:translateX(-200vw)">{}</div>',
    "aside": '<div style="translate:300vw 0">{}</div>',
    "scaled": '<div style="transform:scale(0)">{}</div>',
    "inset": '<div style="clip-path:inset(50%)">{}</div>',
    "below": '<div style="clip-path:inset(0 0 100% 0)">{}</div>',
    "circle": '<div style="clip-path:circle(0)">{}</div>',
    "corner": '<div style="clip-path:polygon(0 0, 0 0, 0 0)">{}</div>',
    "height": '<div style="height:0;overflow:hidden"><p><span>{}</span></p></div>',
    "most": '<div style="max-height:0;overflow:clip">{}</div>',
    "clear": '<div style="filter:opacity(0)">{}</div>',
    "empty": '<div style="opacity:0;width:0;height:0">{}</div>',
    "removed": '<div aria-hidden="true">{}</div>',
}
"""Boxes in which a text is a trap."""
_SECRETS = {
    "pin": "X", "user_pin": "X", "pinNumber": "X", "f1": "PIN", "f2": "PIN-Code", "pan": "X", "ssn": "X", "cvv": "X",
    "cvc": "X", "otp": "X", "f3": "Social Security Number", "f4": "Sicherheitscode", "f5": "Código de seguridad",
    "f6": "Code de sécurité", "f7": "Geheimzahl", "f8": "Bestätigungscode", "f9": "Codice di verifica", "f10": "TAN",
    "f11": "Код подтверждения", "f12": "認証コード", "f13": "인증번호", "f14": "校验码", "f15": "Recovery code",
    "f16": "Card verification value", "f17": "API key", "f18": "Passcode",
}  # fmt: skip
_PUBLIC = {
    "iban": "IBAN", "pinterest": "Pinterest", "company": "Company", "span": "Span", "pin_colour": "Pin colour",
    "mapping": "Mapping", "code": "Discount code", "country": "Country code", "tax": "Tax ID", "zip": "Postal code",
    "board": "Pins on the board", "tanned": "Tan lines", "account": "Account number",
    "since": "How you came to lose the PIN of your last card", "panel": "Panel",
}  # fmt: skip


TURN = """onclick="this.ariaChecked = this.ariaChecked !== 'true'" """
"""Of a switch, what the page's script does."""


def _labelled(names: dict[str, str]) -> str:
    return "".join(f'<label>{label} <input name="{name}"></label>' for name, label in names.items())


UNUSUAL_FORMS = [
    Case(
        "traps by every means",
        '<form><label>Name <input name="name"></label>'
        + "".join(box.format(f'<input name="{name}">') for name, box in _AWAY.items())
        + """<input name="itself" style="opacity:0;width:0;height:0"><input name="cut" style="clip-path:inset(50%)">
          <input name="skipped" tabindex="-1" autocomplete="off" aria-hidden="true">
          <input type="checkbox" name="fax" value="1" tabindex="-1" autocomplete="off"
            style="opacity:0;position:absolute;top:0;left:0;height:0;width:0;z-index:-1">
          <div style="position:absolute;left:-9999px"><input type="checkbox" name="call"> Call me</div>
          <div style="position:absolute;left:-9999px"><label>Mail me <input type="checkbox" name="mail"></label></div>
        </form>""",
        {"name": {"label": "Name"}},
        excluded=frozenset({*_AWAY, "itself", "cut", "skipped", "fax", "call", "mail"}),
    ),
    Case(
        "controls behind pictures",
        """<style>.vh { position: absolute; width: 1px; height: 1px; margin: -1px; padding: 0; overflow: hidden;
            border: 0; clip: rect(0, 0, 0, 0); white-space: nowrap }
            .clear { opacity: 0; position: absolute }</style><form>
          <label class="card"><input class="vh" type="radio" name="plan" value="a"> A</label>
          <label class="card"><input class="vh" type="radio" name="plan" value="b"> B</label>
          <input class="clear" type="checkbox" id="news" name="news"><label for="news">News</label>
          <span style="position:relative"><input class="clear" type="checkbox" name="mui" aria-label="Drawn"></span>
          <div><input class="clear" type="checkbox" name="drawn"><ins></ins></div>
          <label for="up">Upload</label><input type="file" id="up" name="up"
            style="opacity:0;width:0.1px;height:0.1px;overflow:hidden;position:absolute;z-index:-1">
          <input type="radio" id="one" name="far" value="1" style="position:absolute;left:-9999px">
          <label for="one">One</label>
          <input type="radio" id="two" name="far" value="2" style="position:absolute;left:-9999px">
          <label for="two">Two</label>
          <label>Toggle <input type="checkbox" name="toggle" style="appearance:none;width:0;height:0"><i></i></label>
          <label>Raised <input name="raised" style="transform:translateY(5px)"></label>
          <div style="overflow-x:auto;width:200px"><div style="width:9000px;height:30px;position:relative">
            <input name="grid" aria-label="Grid" style="position:absolute;left:8000px"></div></div>
          <div style="opacity:.4"><input name="dim" aria-label="Dim"></div>
          <details><summary>More</summary><input name="inside" aria-label="Inside"></details>
          <div style="height:6000px"></div>
          <label style="position:relative"><input class="clear" type="checkbox" name="deep"> Deep</label></form>""",
        {
            "plan": {"type": "enum", "options": ["a", "b"]},
            "news": {"label": "News"},
            "mui": {"label": "Drawn"},
            "drawn": {"type": "boolean"},
            "up": {"type": "file", "label": "Upload"},
            "far": {"options": ["1", "2"]},
            "toggle": {"label": "Toggle"},
            "raised": {"label": "Raised"},
            "grid": {"label": "Grid"},
            "dim": {"label": "Dim"},
            "inside": {"label": "Inside"},
            "deep": {"label": "Deep"},
        },
        accepts=(("plan", "b"), ("news", True), ("mui", True), ("far", "2"), ("toggle", True), ("deep", True)),
    ),
    Case(
        "a drawer that is still closed",
        """<div style="position:fixed;left:0;top:0;width:300px;transform:translateX(-100%)"><form>
          <label>Name <input name="name"></label>
          <div style="position:absolute;left:-9999px"><input name="trap"></div></form></div>""",
        {"name": {"label": "Name"}},
        excluded=frozenset({"trap"}),
        accepts=(("name", "Ada"),),
    ),
    Case(
        "secrets by name, and what is none",
        f"<form>{_labelled(_SECRETS)}{_labelled(_PUBLIC)}"
        '<label>Pin code <input name="pin_code" autocomplete="postal-code"></label></form>',
        {name: {"by": "person"} for name in _SECRETS} | {name: {"by": None} for name in [*_PUBLIC, "pin_code"]},
        excluded=frozenset(_SECRETS),
        accepts=(("iban", "DE89"), ("pin_code", "560001")),
        refuses=(("pin", "1234"), ("f4", "123")),
    ),
    Case(
        "widgets in the place of controls",
        f"""<form><div contenteditable role="textbox" aria-label="About you" id="bio">Hi</div>
          <div contenteditable data-handshake="sensitive" id="diary"></div>
          <button type="button" role="switch" aria-checked="true" id="wifi" {TURN}><i></i></button>
          <label for="wifi">Wifi</label>
          <button type="button" role="checkbox" aria-checked="false" aria-label="News" {TURN}></button><input
            type="checkbox" aria-hidden="true" tabindex="-1" name="news" class="clear" style="opacity:0">
          <div role="checkbox" aria-checked="false" tabindex="0" id="own" {TURN}><b>Subscribe</b></div>
          <div role="switch" aria-checked="true" aria-disabled="true" id="fixed" aria-label="Fixed">-</div></form>""",
        {
            "bio": {"type": "string", "multiline": True, "label": "About you"},
            "diary": {"type": "string", "sensitive": True},
            "wifi": {"type": "boolean", "label": "Wifi"},
            "news": {"type": "boolean", "label": "News"},
            "own": {"type": "boolean", "label": "Subscribe"},
            "fixed": {"type": "boolean", "readOnly": True},
        },
        initial={"bio": "Hi", "wifi": True, "fixed": True},
        accepts=(("bio", "One\nTwo"), ("wifi", False), ("news", True), ("own", True)),
        refuses=(("fixed", False),),
    ),
    Case(
        "choices that are told apart by nothing but their places",
        """<form>Entries: <label><input type="radio" name="entries"> Single</label>
            <label><input type="radio" name="entries"> Multiple</label>
          <label><input type="checkbox" name="c" value="1"> One</label>
          <label><input type="checkbox" name="c" value="1"> Again</label>
          <label><input type="radio" name="e" value=""> None</label>
          <label><input type="radio" name="e" value="a" checked> A</label>
          <label><input type="checkbox" name="tos" aria-required="true"> Terms</label>
          <label><input type="checkbox" name="rules"> I know the rules *</label></form>""",
        {
            "entries": {"type": "enum", "options": ["on", "on-2"], "label": "Entries"},
            "c": {"multiple": True, "options": ["1", "1-2"]},
            "e": {"options": ["", "a"]},
            "tos": {"options": [True], "by": "person", "required": True},
            "rules": {"options": [True], "by": "person", "required": True},
        },
        initial={"e": "a"},
        accepts=(("entries", "Multiple"), ("c", ["1-2"]), ("e", "None")),
        refuses=(("entries", "on-3"), ("tos", True)),
        missing=frozenset({"tos", "rules"}),
    ),
    Case(
        "patterns of the flag v",
        r"""<form><input name="letters" pattern="[\p{L}--[a-z]]+" aria-label="Letters">
          <input name="vowel" pattern="[[a-z]&&[aeiou]]" aria-label="Vowel">
          <input name="quoted" pattern="[\[\]a]+" aria-label="Quoted">
          <input name="emoji" pattern="\p{RGI_Emoji}" aria-label="Emoji"></form>""",
        {"letters": {"pattern": None}, "vowel": {"pattern": None}, "quoted": {"pattern": r"[\[\]a]+"}, "emoji": {}},
        accepts=(("letters", "ABC"), ("vowel", "a"), ("quoted", "[a]"), ("emoji", "😀")),
        refuses=(("quoted", "b"),),
    ),
]
