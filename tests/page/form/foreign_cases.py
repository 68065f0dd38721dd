"""Forms in other languages, with secrets by their labels alone, traps behind clipping, and bounds that contradict."""

from __future__ import annotations

from tests.page.form.cases import Case

PERSONS = {"type": "string", "by": "person"}
SECRETS = {
    "num": "Card number",
    "f2": "CVV",
    "f3": "Security code *",
    "twoFactorCode": "Code",
    "knr": "Kartennummer",
    "pz": "Prüfziffer",
    "nc": "Numéro de carte",
    "nt": "Número de tarjeta",
    "mot_de_passe": "Secret",
    "c": "Contraseña",
    "mima": "密码",
    "kahao": "卡号",
    "pw1": "パスワード",
    "parol": "Пароль",
}
"""Labels of what never leaves the page, by key."""
FOREIGN_FORMS = [
    Case(
        "secrets by their labels",
        "<form>"
        + "".join(f"<label>{label} <input name='{key}' value='s'></label>" for key, label in SECRETS.items())
        + """<label>How do you remember each password that you have?
          <input name="habit" value="by heart"></label></form>""",
        {**dict.fromkeys(SECRETS, PERSONS), "habit": {"type": "string", "by": None}},
        initial={"habit": "by heart"},
        excluded=frozenset(SECRETS),
        accepts=(("habit", "written down"),),
        refuses=tuple((key, "4111") for key in SECRETS),
    ),
    Case(
        "requests to choose, consents and marks in other languages",
        """<form><label>Anrede <select name="anrede">
            <option value="-1">Bitte auswählen</option><option value="f">Frau</option></select></label>
          <label>Pays <select name="pays"><option>Choisissez un pays<option>France</select></label>
          <label>País <select name="pais"><option value="0">Seleccione…<option value="1">España</select></label>
          <label>Paese (obbligatorio) <input name="paese"></label> <label>国 (必須) <input name="kuni"></label>
          <label><input type="checkbox" name="agb"> Ich akzeptiere die AGB</label>
          <label><input type="checkbox" name="cgu"> J’accepte les conditions</label></form>""",
        {
            "anrede": {"type": "enum", "options": ["f"]},
            "pays": {"type": "enum", "options": ["France"]},
            "pais": {"type": "enum", "options": ["1"]},
            "paese": {"required": True},
            "kuni": {"required": True},
            "agb": {"type": "boolean", "by": "person"},
            "cgu": {"type": "boolean", "by": "person"},
        },
        accepts=(("anrede", "f"), ("pays", "France"), ("pais", "1")),
        refuses=(("pays", "Choisissez un pays"), ("agb", True)),
        missing=frozenset({"paese", "kuni"}),
    ),
    Case(
        "traps behind clipping",
        """<form><label>Name <input name="name"></label>
          <div style="clip-path: inset(100%)"><input name="site" value="c"></div>
          <div style="position: absolute; clip: rect(0, 0, 0, 0)"><input name="home" value="c"></div>
          <div style="opacity: 0.01"><input name="fax" value="c"></div></form>""",
        {"name": {"type": "string"}},
        excluded=frozenset({"site", "home", "fax"}),
        accepts=(("name", "Ada"),),
    ),
    Case(
        "bounds that contradict, or are beyond what a schema has",
        """<form><label>A <input name="a" type="number" min="10" max="5"></label>
          <label>B <input name="b" type="range" min="10" max="5"></label>
          <label>C <input name="c" minlength="9" maxlength="3"></label>
          <label>D <input name="d" type="number" max="99999999999999999999"></label>
          <label>E <input name="e" type="date" min="2026-01-01" max="275760-01-01"></label>
          <label>F <input name="f" pattern="(?:abcdefghi|"""
        + "jklmnopqrs|" * 60
        + """.*)"></label></form>""",
        {
            "a": {"type": "integer", "min": 10, "max": None},
            "b": {"type": "integer", "min": 10, "max": 10},
            "c": {"minLength": None, "maxLength": 3},
            "d": {"type": "integer", "max": None},
            "e": {"type": "date", "min": "2026-01-01", "max": None},
            "f": {"type": "string", "pattern": None},
        },
        accepts=(("a", 12), ("b", 10), ("c", "abc"), ("d", 1), ("e", "2026-05-01"), ("f", "x")),
        refuses=(("c", "abcd"),),
    ),
]
