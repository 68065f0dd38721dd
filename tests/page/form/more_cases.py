"""More forms as pages have them: of public services, shops, accounts, back offices, and what goes along with them."""

from __future__ import annotations

from tests.page.form.cases import Case

SERVICES = [
    Case(
        "a date in three parts",
        """<form novalidate>
          <fieldset role="group" aria-describedby="dob-hint"><legend><h1>What is your date of birth?</h1></legend>
            <div id="dob-hint">For example, 27 3 2007</div>
            <label for="dob-day">Day</label>
            <input id="dob-day" name="dob-day" inputmode="numeric" autocomplete="bday-day">
            <label for="dob-month">Month</label><input id="dob-month" name="dob-month" inputmode="numeric">
            <label for="dob-year">Year</label><input id="dob-year" name="dob-year" inputmode="numeric" maxlength="4">
          </fieldset></form>""",
        {
            "dob-day": {
                "type": "string",
                "label": "Day",
                "group": "What is your date of birth?",
                "autocomplete": "bday-day",
            },
            "dob-month": {"type": "string", "label": "Month", "inputmode": "numeric"},
            "dob-year": {"type": "string", "label": "Year", "maxLength": 4},
        },
        accepts=(("dob-day", "27"), ("dob-year", "2007")),
        refuses=(("dob-year", "20077"),),
    ),
    Case(
        "a date of three selects",
        """<form><fieldset><legend>Expiry of passport</legend>
          <select name="exp[day]" aria-label="Day"><option value="">Day</option><option>1</option>
            <option>2</option></select>
          <select name="exp[month]" aria-label="Month"><option selected disabled>Month</option>
            <option value="01">January</option><option value="02">February</option></select>
          <select name="exp[year]" aria-label="Year"><option value="0">-- Year --</option><option>2030</option></select>
          </fieldset></form>""",
        {
            "exp/day": {"type": "enum", "options": ["1", "2"], "group": "Expiry of passport"},
            "exp/month": {"type": "enum", "options": ["01", "02"]},
            "exp/year": {"type": "enum", "options": ["2030"]},
        },
        accepts=(("exp/day", "2"), ("exp/month", "February"), ("exp/year", "2030")),
        refuses=(("exp/month", "Month"), ("exp/year", "0"), ("exp/day", "Day")),
    ),
    Case(
        "optional ones are marked",
        """<form novalidate>
          <label for="n">Full name</label><input id="n" name="n">
          <label for="m">Middle name (optional)</label><input id="m" name="m">
          <label for="t">Telephone - optional</label><input id="t" name="t" type="tel">
          <fieldset><legend>Contact you by</legend><label><input type="radio" name="by" value="post"> Post</label>
            <label><input type="radio" name="by" value="mail"> Email</label></fieldset>
          <label><input type="checkbox" name="copy"> Send me a copy</label></form>""",
        {
            "n": {"required": True},
            "m": {"required": None, "label": "Middle name (optional)"},
            "t": {"required": None},
            "by": {"required": True, "label": "Contact you by"},
            "copy": {"type": "boolean", "required": None},
        },
        accepts=(("n", "Ada"), ("by", "Post"), ("copy", True)),
        missing=frozenset({"n", "by"}),
    ),
    Case(
        "required by other words",
        """<form>
          <label for="a">Surname (required)</label><input id="a" name="a">
          <label for="b">City <abbr title="required">*</abbr></label><input id="b" name="b">
          <label for="c">Name* (as in your passport)</label><input id="c" name="c">
          <label>邮箱（必填） <input name="d" type="email"></label>
          <label>Stars: 4*, 5* hotels <input name="e"></label>
          <fieldset aria-required="true" role="radiogroup"><legend>Size</legend>
            <label><input type="radio" name="f" value="s"> S</label><label>
            <input type="radio" name="f" value="l"> L</label>
          </fieldset></form>""",
        {
            "a": {"required": True, "label": "Surname (required)"},
            "b": {"required": True, "label": "City"},
            "c": {"required": True, "label": "Name* (as in your passport)"},
            "d": {"required": True, "type": "email"},
            "e": {"required": None},
            "f": {"required": True},
        },
        accepts=(("a", "L"), ("b", "Ulm"), ("f", "s")),
        refuses=(("d", "x"),),
        missing=frozenset("abcdf"),
    ),
    Case(
        "names by other elements",
        """<form><span id="bill">Billing</span><span id="city">City</span>
          <input id="bc" name="bc" aria-labelledby="bill city">
          <input id="se" name="se" aria-label="Search term" aria-labelledby="se bill">
          <div role="group" aria-labelledby="hours"><b id="hours">Opening hours</b>
            <input name="from" aria-label="From" type="time"><input name="to" aria-label="To" type="time"></div>
          <label for="q1"><span class="n">1.</span> How
            many?<span class="error" hidden>Too many</span> <span class="error-text">Not a number</span></label>
          <input id="q1" name="q1" type="number">
          <label>Weight <select name="unit"><option>kg</option><option>lb</option></select></label>
          <table><tr><td>Nick name:</td><td><input name="nick"></td></tr></table>
          <p>Favourite colour <input name="fav"></p><dl><dt>Village</dt><dd><input name="village"></dd></dl></form>""",
        {
            "bc": {"label": "Billing City"},
            "se": {"label": "Search term Billing"},
            "from": {"label": "From", "group": "Opening hours", "type": "time"},
            "to": {"label": "To", "group": "Opening hours"},
            "q1": {"label": "1. How many?", "type": "integer"},
            "unit": {"label": "Weight", "options": ["kg", "lb"]},
            "nick": {"label": "Nick name"},
            "fav": {"label": "Favourite colour"},
            "village": {"label": "Village"},
        },
        initial={"unit": "kg"},
        accepts=(("q1", 3), ("unit", "lb"), ("from", "08:00")),
        refuses=(("unit", "st"), ("q1", "many")),
    ),
]
SHOPS = [
    Case(
        "a shop's checkout",
        """<form autocomplete="on"><h2>Ship to</h2>
          <label>Name <input name="ship_name" autocomplete="section-a shipping name" required></label>
          <label>Street <input name="ship_street" autocomplete="shipping address-line1" required></label>
          <label>Card <input name="cardnumber" autocomplete="cc-number" inputmode="numeric"></label>
          <label>CVV2 <input name="cvv2" inputmode="numeric" maxlength="4"></label>
          <label>Month <select name="card_exp_month"><option>01</option><option>02</option></select></label>
          <label>Name on card <input name="ccname" autocomplete="billing cc-name"></label>
          <label>Gift code <input name="coupon" maxlength="10"></label>
          <label>Quantity <input name="qty" type="number" min="1" max="10" value="1" readonly></label>
          <label>Pay <select name="pay"><option value="card" selected>Card</option>
            <option value="cod">On delivery</option>
            </select></label>
          <label><input type="checkbox" name="terms" value="1"> I accept the terms and conditions</label>
          <label><input type="checkbox" name="same" checked> Same address</label> <output name="sum">12</output>
            </form>""",
        {
            "ship_name": {"required": True, "autocomplete": "section-a shipping name"},
            "ship_street": {"required": True},
            "cardnumber": {"by": "person"},
            "cvv2": {"by": "person"},
            "card_exp_month": {"by": "person"},
            "ccname": {"by": "person"},
            "coupon": {"type": "string", "maxLength": 10, "by": None},
            "qty": {"type": "integer", "readOnly": True},
            "pay": {"type": "enum", "options": ["card", "cod"], "by": None},
            "terms": {"type": "boolean", "by": "person"},
            "same": {"type": "boolean", "by": None},
        },
        initial={"qty": 1, "pay": "card", "same": True},
        excluded=frozenset({"sum", "cardnumber", "cvv2", "card_exp_month", "ccname"}),
        accepts=(("ship_name", "Ada"), ("pay", "On delivery"), ("same", False), ("coupon", "X")),
        refuses=(("qty", 2), ("cvv2", "123"), ("card_exp_month", "02"), ("terms", True), ("coupon", "x" * 11)),
        missing=frozenset({"ship_name", "ship_street"}),
    ),
    Case(
        "a telephone with its country",
        """<form><select name="dial" aria-label="Country code"><option value="+49" data-c="DE">Germany (+49)</option>
            <option value="+1" data-c="US">United States (+1)</option>
            <option value="+1" data-c="CA">Canada (+1)</option>
            </select>
            <input name="local" type="tel" aria-label="Number" pattern="[0-9 ]{4,14}" title="Digits and spaces">
          <input name="mask" aria-label="Fax" placeholder="(___) ___-____" data-mask="(000) 000-0000"></form>""",
        {
            "dial": {"type": "enum", "options": ["+49", "+1"]},
            "local": {"type": "string", "format": "tel", "pattern": "[0-9 ]{4,14}", "desc": "Digits and spaces"},
            "mask": {"type": "string", "placeholder": "(___) ___-____"},
        },
        initial={"dial": "+49"},
        accepts=(("dial", "+1"), ("local", "030 1234")),
        refuses=(("local", "abc"), ("dial", "+44")),
    ),
    Case(
        "lists to choose from",
        """<form>
          <label>Colours <select name="colours" multiple required><option selected>red</option><option>blue</option>
            <option hidden>secret</option></select></label>
          <label>Lines <select name="size" size="4"><option value="s">Small</option>
            <option value="l">Large</option></select>
          </label>
          <label>State <select name="state"><option>Select a state</option><option>Ohio</option></select></label>
          <label>Grade <select name="grade"><option>Select</option><option>Choice</option>
            <option>Prime</option></select></label>
          <fieldset><legend>Days</legend><label><input type="checkbox" name="d[]" value="1"> Mon</label>
            <label><input type="checkbox" name="d[]" value="2" checked> Tue</label></fieldset>
          <fieldset><legend>Extras</legend><label><input type="checkbox" name="wifi"> Wifi</label>
            <label><input type="checkbox" name="tv" checked> TV</label></fieldset>
          <fieldset><legend>Alone</legend><label><input type="checkbox" name="one[]" value="x"> X</label></fieldset>
          <label>Fruit <input name="fruit" list="fruits"></label><datalist id="fruits"><option>Apple</option></datalist>
          <label>Level <input name="level" type="range" min="0" max="10" step="5" list="marks"></label>
          <datalist id="marks"><option>0</option><option>5</option></datalist></form>""",
        {
            "colours": {"type": "enum", "multiple": True, "options": ["red", "blue"], "required": True},
            "size": {"type": "enum", "multiple": None, "options": ["s", "l"]},
            "state": {"type": "enum", "options": ["Ohio"]},
            "grade": {"type": "enum", "options": ["Select", "Choice", "Prime"]},
            "d": {"type": "enum", "multiple": True, "options": ["1", "2"], "label": "Days"},
            "wifi": {"type": "boolean", "group": "Extras"},
            "tv": {"type": "boolean", "group": "Extras"},
            "one": {"type": "enum", "multiple": True, "options": ["x"]},
            "fruit": {"type": "string", "options": ["Apple"], "open": True},
            "level": {"type": "integer", "min": 0, "max": 10, "step": 5, "open": None},
        },
        initial={"colours": ["red"], "d": ["2"], "tv": True, "level": 5},
        accepts=(
            ("size", "Large"),
            ("d", ["1", "2"]),
            ("one", ["x"]),
            ("state", "Ohio"),
            ("fruit", "Pear"),
            ("level", 10),
        ),
        refuses=(("state", "Select a state"), ("colours", ["secret"]), ("level", 7), ("one", ["y"])),
    ),
    Case(
        "switches and pickers",
        """<form><label class="switch"><input type="checkbox" role="switch" name="dark" checked> Dark mode</label>
          <label><input type="checkbox" name="ro" readonly> Readonly means nothing here</label>
          <label>Country <input name="country" role="combobox" aria-expanded="false" aria-controls="lb"
            aria-autocomplete="list"></label><ul role="listbox" id="lb"><li role="option">Chile</li>
            <li role="option" data-value="PE">Peru</li></ul>
          <div role="radiogroup" aria-label="Rating"><input type="radio" name="stars" value="1" aria-label="1 star">
            <input type="radio" name="stars" value="2" aria-label="2 stars"></div>
          <div class="seg"><input type="radio" name="seg" id="seg-a" checked><label for="seg-a">Weekly</label>
            <input type="radio" name="seg" id="seg-b"><label for="seg-b">Monthly</label></div>
          <label>Picture <input type="file" name="pics" accept="image/*" multiple></label>
          <label>Brightness <input type="range" name="bright" readonly value="7" max="10"></label>
          <button type="button" role="switch" aria-checked="true">Loud</button>
          <input type="button" value="Pick"><input type="image" alt="Go"></form>""",
        {
            "dark": {"type": "boolean", "label": "Dark mode"},
            "ro": {"type": "boolean", "readOnly": None},
            "country": {"type": "string", "label": "Country", "options": ["Chile", "Peru"], "open": True},
            "stars": {"type": "enum", "options": ["1", "2"], "label": "Rating"},
            "seg": {"type": "enum", "options": ["seg-a", "seg-b"]},
            "pics": {"type": "file", "by": "person", "accept": "image/*", "multiple": True},
            "bright": {"type": "integer", "readOnly": None},
            "field-1": {"type": "boolean", "label": "Loud"},
        },
        initial={"dark": True, "seg": "seg-a", "bright": 7, "field-1": True},
        accepts=(
            ("dark", False),
            ("ro", True),
            ("stars", "2 stars"),
            ("seg", "Monthly"),
            ("country", "Peru"),
            ("bright", 3),
        ),
        refuses=(("stars", "3"), ("pics", "a.png")),
    ),
]
ACCOUNTS = [
    Case(
        "a sign-up with traps",
        """<form>
          <label>User <input name="username" autocomplete="username" required minlength="3" maxlength="20"></label>
          <label>Password <input type="password" name="p1" minlength="8"></label>
          <label>Confirm <input type="password" name="p2"></label>
          <label>Old <input name="current_password" type="text" autocomplete="current-password"></label>
          <label>Code <input name="verification_code" maxlength="6"></label> <label>2FA <input name="mfaCode"></label>
          <input name="digits" autocomplete="one-time-code" maxlength="1" aria-label="Digit 1">
          <div style="position:absolute;left:-5000px" aria-hidden="true"><input name="b_1f2_3" tabindex="-1"></div>
          <div style="height:0;overflow:hidden"><input name="url2" aria-label="Website"></div>
          <div style="opacity:0"><input name="phone2" aria-label="Phone"></div>
          <p style="clip-path:inset(50%);position:absolute;width:1px;height:1px;overflow:hidden"><input name="mail3">
            </p>
          <label>Leave this field blank <input name="subject2"></label>
          <label>If you are human, do not fill this in <input name="name2"></label>
          <div aria-hidden="true"><label>City <input name="city2"></label></div>
          <div inert><label>Later <input name="later"></label></div>
          <input style="visibility:hidden" name="inv"> <input type="hidden" name="ref" value="x">
          <input name="cf-turnstile-response"> <input name="__RequestVerificationToken">
          <label>Passport <input name="passport"></label><label>Postal code <input name="postal_code"></label>
          <label>PIN <input name="pin" type="password"></label><label>Display name <input name="nick"></label>
            </form>""",
        {
            "username": {"type": "string", "minLength": 3, "maxLength": 20, "required": True},
            "p1": {"by": "person"},
            "p2": {"by": "person"},
            "current_password": {"by": "person"},
            "verification_code": {"by": "person"},
            "mfaCode": {"by": "person"},
            "digits": {"by": "person"},
            "passport": {"by": None},
            "postal_code": {"by": None},
            "pin": {"by": "person"},
            "nick": {"type": "string"},
        },
        excluded=frozenset(
            {
                *("b_1f2_3", "url2", "phone2", "mail3", "subject2", "name2", "city2", "later", "inv", "ref"),
                *("cf-turnstile-response", "__RequestVerificationToken", "p1", "verification_code", "mfaCode"),
            }
        ),
        accepts=(("username", "ada"), ("passport", "C01X"), ("nick", "A")),
        refuses=(("username", "ad"), ("p1", "secretsecret"), ("verification_code", "123456"), ("mfaCode", "1")),
        missing=frozenset({"username"}),
    ),
    Case(
        "replaced by pictures",
        """<style>.sr { position: absolute; width: 1px; height: 1px; clip: rect(0 0 0 0); overflow: hidden }</style>
        <form><label class="card"><input class="sr" type="radio" name="plan" value="free" checked> Free</label>
          <label class="card"><input class="sr" type="radio" name="plan" value="pro"> Pro</label>
          <input style="opacity:0;position:absolute" type="checkbox" name="news" id="nw"><label for="nw">News</label>
          <label for="up">Upload</label><input style="display:none" type="file" id="up" name="up">
          <label for="s2">Town</label><select class="sr" id="s2" name="town" tabindex="-1" aria-hidden="true">
            <option value=""></option><option>Ulm</option></select><span class="select2">Ulm</span></form>""",
        {
            "plan": {"type": "enum", "options": ["free", "pro"]},
            "news": {"type": "boolean", "label": "News"},
            "up": {"type": "file", "by": "person"},
            "town": {"type": "enum", "options": ["Ulm"], "label": "Town"},
        },
        initial={"plan": "free"},
        accepts=(("plan", "Pro"), ("news", True), ("town", "Ulm")),
        refuses=(("plan", "gold"),),
    ),
    Case(
        "a wizard",
        """<form><section><h2>You</h2><label>Name <input name="name" required></label></section>
          <section hidden><label>Income <input name="income" type="number" required></label></section>
          <section style="display:none"><label>Job <input name="job"></label></section>
          <details><summary>More</summary><label>Note <textarea name="note"></textarea></label></details>
          <template><input name="in_template"></template><noscript><input name="noscript"></noscript>
          <button type="button">Next</button></form>""",
        {"name": {"required": True}, "note": {"type": "string", "multiline": True}},
        excluded=frozenset({"income", "job", "in_template", "noscript"}),
        accepts=(("name", "Ada"), ("note", "a\nb")),
        missing=frozenset({"name"}),
    ),
    Case(
        "disabled in parts",
        """<form><fieldset disabled><legend>Company <label><input type="checkbox" name="is"> Yes</label></legend>
            <label>VAT <input name="vat"></label><fieldset><legend>Deep</legend><input name="deep" title="Deep">
            </fieldset>
          </fieldset><label>Locked <select name="locked" disabled><option>a</option></select></label>
          <fieldset><legend>Sizes</legend><label><input type="radio" name="sz" value="s" disabled> S</label>
            <label><input type="radio" name="sz" value="m" checked> M</label></fieldset>
          <label>Id <input name="id" value="77" readonly></label>
          <label>Soft <input name="soft" aria-readonly="true" value="v"></label>
          <label>Off <input name="off" aria-disabled="true" value="w"></label></form>""",
        {
            "is": {"readOnly": None, "type": "boolean"},
            "vat": {"readOnly": True},
            "deep": {"readOnly": True},
            "locked": {"readOnly": True},
            "sz": {"options": ["m"], "readOnly": None},
            "id": {"readOnly": True},
            "soft": {"readOnly": True},
            "off": {"readOnly": True},
        },
        initial={"sz": "m", "id": "77"},
        accepts=(("is", True), ("sz", "m")),
        refuses=(("vat", "x"), ("locked", "a"), ("id", "78"), ("sz", "s"), ("off", "x")),
    ),
]
OFFICES = [
    Case(
        "frameworks' names",
        """<form><label>Title <input name="article[title]"></label>
          <input type="hidden" name="article[published]" value="0">
          <label><input type="checkbox" name="article[published]" value="1" checked> Published</label>
          <label>Tag <input name="article[tags_attributes][0][name]"></label>
          <label>Tag <input name="article[tags_attributes][1][name]"></label>
          <label>Email <input name="ctl00$Main$txtEmail" id="ctl00_Main_txtEmail"></label>
          <label>City <input name="address.city"></label> <label>Qty <input name="items-0-qty" type="number"></label>
          <label>Person <input name="form:person"></label>
          <label><input type="checkbox" name="Agree" value="true" checked> Keep me</label>
          <input type="hidden" name="Agree" value="false"></form>""",
        {
            "article/title": {"label": "Title"},
            "article/published": {"type": "boolean"},
            "article/tags_attributes/0/name": {"label": "Tag"},
            "article/tags_attributes/1/name": {"label": "Tag"},
            "ctl00$Main$txtEmail": {"label": "Email"},
            "address.city": {"label": "City"},
            "items-0-qty": {"type": "integer"},
            "form:person": {"label": "Person"},
            "Agree": {"type": "boolean"},
        },
        initial={"article/published": True},
        accepts=(("article/title", "T"), ("article/tags_attributes/1/name", "b"), ("items-0-qty", 2)),
    ),
    Case(
        "names are missing or shared",
        """<form><input aria-label="First"><input id="by-id" aria-label="Second"><textarea placeholder="Third">
            </textarea>
          <label>Alias <input name="alias"><input name="alias"></label>
          <label>Amount <input name="amount" type="number" step="0.01"></label>
          <label>Amounts <input name="amounts[]" type="number" min="1">
            <input name="amounts[]" type="number" min="1"></label>
          <input name="x" type="radio" value="1" aria-label="One"><input name="x" aria-label="Other"></form>""",
        {
            "field-1": {"label": "First"},
            "by-id": {"label": "Second"},
            "field-2": {"label": "Third", "multiline": True},
            "alias": {"multiple": True, "repeats": True, "maxLength": 2},
            "amount": {"type": "number", "step": 0.01},
            "amounts": {"type": "integer", "multiple": True, "min": 1},
            "x": {"type": "enum", "options": ["1"]},
            "x-2": {"type": "string", "label": "Other"},
        },
        accepts=(
            ("by-id", "b"),
            ("alias", ["a", "b"]),
            ("amounts", [1, 2]),
            ("x", "1"),
            ("x-2", "o"),
            ("amount", 19.99),
        ),
        refuses=(("amounts", [0]), ("amounts", [1, 2, 3]), ("x", "2"), ("amount", 0.001)),
    ),
    Case(
        "numbers of many kinds",
        """<form><label>Money <input name="money" type="number" min="0" max="1000000" step=".01"></label>
          <label>Lat <input name="lat" type="number" step="any" min="-90" max="90" value="48.4"></label>
          <label>Even <input name="even" type="number" step="2" min="1"></label>
          <label>Percent <input name="pct" type="range"></label>
          <label>Decimal <input name="dec" inputmode="decimal" pattern="-?[0-9]+([.,][0-9]+)?"></label>
          <label>Year <input name="year" type="number" min="1900" max="2100" placeholder="YYYY"></label>
          <label>Neg <input name="neg" type="number" max="-1"></label>
            <label>Exp <input name="e" type="number" max="1e3"></label>
          <label>Half <input name="half" type="number" min="0.5"></label></form>""",
        {
            "money": {"type": "number", "min": 0, "max": 1000000, "step": 0.01},
            "lat": {"type": "number", "min": -90, "max": 90, "step": None},
            "even": {"type": "integer", "min": 1, "step": 2},
            "pct": {"type": "integer", "min": 0, "max": 100},
            "dec": {"type": "string", "pattern": "-?[0-9]+([.,][0-9]+)?", "inputmode": "decimal"},
            "year": {"type": "integer", "min": 1900, "max": 2100, "placeholder": "YYYY"},
            "neg": {"type": "integer", "max": -1},
            "e": {"type": "integer", "max": 1000},
            "half": {"type": "number", "min": 0.5, "step": 1},
        },
        initial={"lat": 48.4, "pct": 50},
        accepts=(
            ("money", 19.99),
            ("lat", -12.345678),
            ("even", 7),
            ("dec", "1,5"),
            ("year", 2026),
            ("neg", -3),
            ("half", 2.5),
        ),
        refuses=(("money", 1.005), ("lat", 91), ("even", 4), ("dec", "x"), ("year", 1899), ("neg", 0), ("half", 2)),
    ),
    Case(
        "times of many kinds",
        """<form><label>Exact <input name="exact" type="time" step="1"></label>
          <label>Quarter <input name="quarter" type="datetime-local" step="900" min="2026-01-01T00:00"></label>
          <label>Any <input name="any" type="time" step="any"></label>
          <label>Monday <input name="monday" type="date" min="2026-01-05" step="7"></label>
          <label>Born <input name="born" type="date" max="2026-01-01" autocomplete="bday"></label>
          <label>From <input name="m" type="month" min="2026-01" max="2026-12"></label>
          <label>Bad <input name="bad" type="date" min="yesterday" value="4.5.2026"></label>
          <label>Text <input name="text" placeholder="YYYY-MM-DD" pattern="[0-9]{4}-[0-9]{2}-[0-9]{2}"></label>
            </form>""",
        {
            "exact": {"type": "time", "step": 1},
            "quarter": {"type": "datetime", "step": 900, "min": "2026-01-01T00:00"},
            "any": {"type": "time", "step": None},
            "monday": {"type": "date", "step": 7},
            "born": {"type": "date", "max": "2026-01-01", "autocomplete": "bday"},
            "m": {"type": "month", "min": "2026-01", "max": "2026-12"},
            "bad": {"type": "date", "min": None},
            "text": {"type": "string", "placeholder": "YYYY-MM-DD"},
        },
        accepts=(
            ("exact", "09:30:15"),
            ("quarter", "2026-05-04T09:45"),
            ("monday", "2026-01-12"),
            ("m", "2026-05"),
            ("any", "10:11"),
        ),
        refuses=(
            ("m", "2027-01"),
            ("quarter", "2026-05-04T09:40"),
            ("monday", "2026-01-13"),
            ("born", "2027-01-01"),
            ("text", "4.5.2026"),
        ),
    ),
    Case(
        "texts of many kinds",
        """<form><label>Site <input name="site" type="url" placeholder="https://"></label>
          <label>Mail <input name="mail" type="email" pattern=".+@corp\\.example" title="Your company's"></label>
          <label>Find <input name="find" type="search" maxlength="50"></label>
          <label>Look <input name="look" pattern="(?=.*[0-9]).{4,}"></label>
          <label>Bio <textarea name="bio" minlength="10" maxlength="30" placeholder="About you"></textarea></label>
          <label>Old <input name="old" type="datetime"></label> <label>Zip <input name="zip" pattern="[0-9]{5}"></label>
          <label>Letters <input name="letters" pattern="[a-z]+|[A-Z]+"></label>
          <label>Emoji <input name="emoji" pattern="\\p{Emoji}"></label></form>""",
        {
            "site": {"type": "string", "format": "uri", "placeholder": "https://"},
            "mail": {"type": "email", "pattern": ".+@corp\\.example", "desc": "Your company's"},
            "find": {"type": "string", "maxLength": 50},
            "look": {"type": "string", "pattern": "(?=.*[0-9]).{4,}"},
            "bio": {"type": "string", "multiline": True, "minLength": 10, "maxLength": 30, "placeholder": "About you"},
            "old": {"type": "string"},
            "zip": {"pattern": "[0-9]{5}"},
            "letters": {"pattern": "[a-z]+|[A-Z]+"},
            "emoji": {"type": "string"},
        },
        accepts=(
            ("site", "https://example.com"),
            ("mail", "a@corp.example"),
            ("look", "abc1"),
            ("letters", "ABC"),
            ("zip", "89073"),
        ),
        refuses=(
            ("site", "not a url"),
            ("mail", "a@example.com"),
            ("bio", "short"),
            ("zip", "8907"),
            ("letters", "aB"),
        ),
    ),
    Case(
        "outside, elsewhere and of others",
        """<input name="before" form="f1" aria-label="Before"><form id="f1"><label>In <input name="inside"></label>
          <label>Of the second <input name="second" form="f2"></label><button form="f2">Send the second</button></form>
          <form id="f2"><label>Own <input name="inside"></label></form><label>Loose <input name="loose"></label>
          <label for="aft">After</label><textarea id="aft" name="after" form="f1"></textarea>""",
        {"before": {"label": "Before"}, "inside": {"label": "In"}, "after": {"label": "After", "multiline": True}},
        excluded=frozenset({"second", "loose"}),
        accepts=(("before", "b"), ("inside", "i"), ("after", "a")),
    ),
    Case(
        "many options",
        "<form><label>Zone <select name='zone'><option value=''>-</option>"
        + "".join(
            f"<option value='zone/{n}'>The time zone with the number {n} of them all</option>" for n in range(600)
        )
        + "</select></label><label>Name <input name='name'></label></form>",
        {"zone": {"type": "enum"}, "name": {"type": "string"}},
        accepts=(("zone", "zone/599"), ("name", "Ada")),
        refuses=(("zone", "zone/600"),),
    ),
]
MORE_FORMS = [*SERVICES, *SHOPS, *ACCOUNTS, *OFFICES]
