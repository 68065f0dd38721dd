"""New rows under the conditions of their form: each cell is judged as it will stand once the row does."""

from __future__ import annotations

from typing import Any

import pytest

from handshake_prompt.modes import FormFillHandler
from handshake_prompt.protocol.bodies import Action
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.session import Session
from tests.support.forms import new_session
from tests.support.row_sessions import AGENT, turn_of

REGIONS = [
    {"value": "9", "when": {"key": "country", "in": ["AT"]}},
    {"value": "ZH", "when": {"key": "country", "in": ["CH"]}},
]
STOPS = {
    "key": "stops",
    "type": "rows",
    "showIf": {"key": "kind", "in": ["bus"]},
    "fields": [
        {"key": "at"},
        {"key": "why", "showIf": {"filled": "at"}},
        {"key": "side", "type": "enum", "options": ["left", {"value": "right", "when": {"filled": "at"}}]},
    ],
}
SCHEMA: list[dict[str, Any]] = [
    {"key": "country", "type": "enum", "options": ["AT", "CH"]},
    {
        "key": "legs",
        "type": "rows",
        "fields": [
            {"key": "kind", "type": "enum", "options": ["bus", "car"], "default": "car"},
            {"key": "plate", "showIf": {"key": "kind", "in": ["car"]}},
            {"key": "seat", "showIf": {"key": "kind", "in": ["bus"]}},
            {"key": "region", "type": "enum", "options": REGIONS},
            STOPS,
        ],
    },
]
HANDLER = FormFillHandler()


def session() -> Session:
    return new_session(HANDLER, schema=SCHEMA, defaults={"country": "AT"})


def written(value: Any, *, kind: str, author: Role = AGENT) -> Outcome:
    """Return the outcome of a row that is added, or is a whole list."""
    draft = turn_of(session(), author)
    if kind == "add":
        return HANDLER.add_row(draft, "legs", value)
    return HANDLER.set_value(draft, "legs", [{"kind": "bus"}, value])


ROWS: dict[str, tuple[Any, str | None, str]] = {
    "a cell shown by a default": ({"plate": "A1"}, None, ""),
    "a cell hidden by a default": ({"seat": "7"}, None, ""),
    "a cell shown by another of the row": ({"kind": "bus", "seat": "7"}, None, ""),
    "a cell hidden by another of the row": ({"kind": "bus", "plate": "A1"}, None, ""),
    "a hidden cell left empty": ({"kind": "bus", "plate": ""}, None, ""),
    "an option that is there": ({"region": "9"}, None, ""),
    "an option that is not": ({"region": "ZH"}, "invalid_value", 'region: the option "ZH" is not there'),
    "rows within that are shown": ({"kind": "bus", "stops": [{"at": "x", "why": "y"}]}, None, ""),
    "rows within that are not": ({"kind": "car", "stops": [{"at": "x"}]}, None, ""),
    "an empty row within that is not": ({"stops": [{}]}, None, ""),
    "an option of a row within that is there": ({"kind": "bus", "stops": [{"side": "left"}]}, None, ""),
    "an option of a row within that is not": (
        {"kind": "bus", "stops": [{"side": "right"}]},
        "invalid_value",
        "stops: side: the option",
    ),
    "an option of a row within that is hidden": ({"stops": [{"side": "right"}]}, None, ""),
    "no rows within": ({"stops": []}, None, ""),
    "a hidden cell of a row within": ({"kind": "bus", "stops": [{"why": "y"}]}, None, ""),
}


@pytest.mark.parametrize("kind", ["add", "set"])
@pytest.mark.parametrize(("value", "code", "msg"), ROWS.values(), ids=ROWS)
def test_an_agents_row_is_judged_as_it_will_stand(value: Any, code: str | None, msg: str, kind: str) -> None:
    outcome = written(value, kind=kind)
    assert outcome.code == code
    assert (outcome.msg or "").startswith(msg)


@pytest.mark.parametrize("kind", ["add", "set"])
@pytest.mark.parametrize("value", [{"seat": "7"}, {"region": "ZH"}])
def test_a_persons_row_is_taken_with_all_that_is_in_it(value: Any, kind: str) -> None:
    assert written(value, kind=kind, author=Role.USER).status == "applied"


def test_a_row_is_tried_again_once_the_rest_of_its_batch_is_played() -> None:
    draft = turn_of(session(), AGENT)
    actions = [
        Action(type="add", key="legs", value={"region": "ZH"}),
        Action(type="set", key="country", value="CH"),
    ]
    assert [outcome.status for outcome in HANDLER.process_actions(draft, actions)] == ["applied", "applied"]


def test_a_list_set_to_the_rows_it_has_stays_as_it_is_though_a_cell_is_not_shown() -> None:
    draft = turn_of(session(), AGENT)
    row = HANDLER.add_row(draft, "legs", {"plate": "A1"}).row
    assert HANDLER.set_value(draft, f"legs/{row}/kind", "bus").status == "applied"
    assert HANDLER.set_value(draft, "legs", [{"kind": "bus", "plate": "A1"}]).status == "applied"
    assert draft.rows == {"legs": (row,)}
