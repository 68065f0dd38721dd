"""The context as a text: section 4 of SPEC.md, where it tells of forms."""

from __future__ import annotations

import re

from .conftest import Open

FIELDS = [
    {"key": "kind", "label": "What it is", "type": "enum", "options": [{"value": "co", "label": "Company"}, "person"]},
    {"key": "vat", "type": "string", "showIf": {"key": "kind", "in": ["co"]}},
    {"key": "days", "type": "enum", "multiple": True, "options": ["mon", "tue"], "required": True},
    {"key": "consent", "type": "boolean", "by": "person", "required": True},
]
LINES = {"key": "lines", "type": "rows", "fields": [{"key": "amount", "type": "number"}, {"key": "note"}]}


async def test_hpp_280_the_text_tells_what_each_field_takes_and_what_is_left_to_do(pair: Open) -> None:
    peer = await pair({"mode": "form-fill", "schema": FIELDS})
    assert (await peer.agent("POST", "ask", {"text": "Which one is it?"})).status_code == 200
    text = (await peer.agent("GET", "context", headers={"Accept": "text/markdown"})).text
    (kind,), (vat,), (days,), (consent,) = (
        [line for line in text.splitlines() if re.match(rf'\W*"{key}"', line)]
        for key in ("kind", "vat", "days", "consent")
    )
    assert all(part in kind for part in ("What it is", "enum", '"co"', "Company", '"person"'))
    assert all(part in vat for part in ("string", '"kind"', '"co"'))
    assert all(part in days for part in ("enum", "multiple", '"mon"', '"tue"'))
    assert "boolean" in consent
    assert [line for line in text.splitlines() if '"days"' in line and line != days]
    assert [line for line in text.splitlines() if '"consent"' in line and line != consent]
    assert "Which one is it?" in text


async def test_hpp_281_the_text_has_rows_in_their_order(pair: Open) -> None:
    peer = await pair({"mode": "form-fill", "schema": [LINES]})
    add = [{"type": "add", "key": "lines", "value": {"amount": amount}} for amount in (1.5, 2.5, 3.5)]
    rows = [result["row"] for result in (await peer.agent("POST", "action", {"actions": add})).json()["results"]]
    move = {"actions": [{"type": "move", "key": f"lines/{rows[2]}", "after": None}]}
    assert (await peer.agent("POST", "action", move)).status_code == 200
    text = (await peer.agent("GET", "context", headers={"Accept": "text/markdown"})).text
    told = re.findall(rf"({'|'.join(rows)})\b.*?(\d\.5)", text)
    assert told == [(rows[2], "3.5"), (rows[0], "1.5"), (rows[1], "2.5")]
