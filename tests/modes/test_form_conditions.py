"""Conditions flipped by the agent, the person and the page at the beginning, in every order: nothing typed is lost."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, strategies as st

from handshake_prompt.forms.form_model import FormModel
from handshake_prompt.modes import FormFillHandler
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.session import Session
from tests.support.forms import act, edit, new_session, put, shown

STATUS = {"key": "status", "type": "enum", "options": ["employed", "student", "retired"], "required": True}
SCHEMA: list[dict[str, Any]] = [
    STATUS,
    {"key": "employer", "required": True, "showIf": {"key": "status", "in": ["employed"]}},
    {"key": "since", "requiredIf": {"filled": "employer"}, "showIf": {"filled": "employer"}},
    {"key": "school", "required": True, "showIf": {"key": "status", "in": ["student"]}},
    {
        "key": "grants",
        "type": "rows",
        "showIf": {"filled": "school"},
        "fields": [
            {"key": "kind"},
            {"key": "sum", "required": True, "showIf": {"not": {"key": "kind", "in": ["free"]}}},
        ],
    },
]
MODEL = FormModel("job", SCHEMA)


def submitted(session: Session) -> Any:
    """Return what the host would be given."""
    return MODEL.document({key: session.value(key) for key in session.values}, session.rows)


def expected(values: dict[str, Any]) -> tuple[Any, set[str]]:
    """Return what is submitted of flat values, and what is missing, worked out by hand."""
    shows = {
        "status": True,
        "employer": values.get("status") == "employed",
        "school": values.get("status") == "student",
    }
    shows["since"] = shows["employer"] and bool(values.get("employer"))
    document = {key: value for key, value in values.items() if shows[key] and (value or key != "status")}
    missing = {key for key in shows if shows[key] and not values.get(key)}
    return document, missing


Step = tuple[str, str, str]
STEPS: list[Step] = [
    ("person", "employer", "Acme"),
    ("agent", "status", "employed"),
    ("person", "status", "student"),
    ("agent", "school", "MIT"),
    ("person", "since", "2020"),
]


def play(
    steps: tuple[Step, ...], initial: dict[str, Any], given_as: str
) -> tuple[Session, dict[str, Any], dict[str, Any]]:
    """Play steps; return the session, all values by key, and those that the person wrote."""
    handler = FormFillHandler()
    body: dict[str, Any] = {given_as: initial}
    session = new_session(handler, schema=SCHEMA, **body)
    typed = dict(initial) if given_as == "context" else {}
    values = dict(initial)
    for role, key, value in steps:
        if role == "person":
            _, session = edit(handler, session, key, value)
            typed[key] = values[key] = value
            continue
        is_shown = key not in shown(handler, session, Role.AGENT).get("hidden", [])
        [outcome], session = act(handler, session, put(key, value))
        assert (outcome.code == "not_shown") is not is_shown
        assert (outcome.code == "user_locked") is (is_shown and key in typed and outcome.code != "invalid_value")
        if outcome.status == "applied":
            values[key] = value
    return session, values, typed


def check(session: Session, values: dict[str, Any], typed: dict[str, Any]) -> None:
    document, missing = expected(values)
    assert submitted(session) == document
    assert {key: session.value(key) for key in typed} == typed
    assert set(FormFillHandler().missing(session)) == missing


ORDERS = list(permutations(STEPS))


@pytest.mark.parametrize("given_as", ["defaults", "context"])
def test_in_every_order_what_is_shown_is_what_counts(given_as: str) -> None:
    for steps in ORDERS:
        check(*play(steps, {"since": "1999", "school": "Yale"}, given_as))


steps_of_any_kind = st.tuples(
    st.sampled_from(["agent", "person"]),
    st.sampled_from(["status", "employer", "since", "school"]),
    st.sampled_from(["employed", "student", "retired", ""]),
)


@given(steps=st.lists(steps_of_any_kind, max_size=8), given_as=st.sampled_from(["defaults", "context"]))
def test_no_inactive_value_is_submitted_and_no_typed_one_lost(steps: list[Step], given_as: str) -> None:
    check(*play(tuple(steps), {"employer": "Old", "since": "1999"}, given_as))


def test_rows_come_and_go_with_their_list_and_keep_what_is_in_them() -> None:
    handler = FormFillHandler()
    grants = [{"kind": "free", "sum": "7"}, {"kind": "loan", "sum": ""}]
    session = new_session(handler, schema=SCHEMA, context={"status": "retired"}, defaults={"grants": grants})
    assert submitted(session) == {"status": "retired"}
    assert handler.missing(session) == []
    _, session = edit(handler, session, "status", "student")
    _, session = edit(handler, session, "school", "MIT")
    first, second = session.rows["grants"]
    assert submitted(session)["grants"] == [{"kind": "free"}, {"kind": "loan", "sum": ""}]
    assert handler.missing(session) == [f"grants/{second}/sum"]
    _, session = edit(handler, session, f"grants/{first}/kind", "loan")
    assert submitted(session)["grants"][0] == {"kind": "loan", "sum": "7"}
    _, session = edit(handler, session, "status", "retired")
    assert (submitted(session), session.value(f"grants/{first}/sum")) == ({"status": "retired"}, "7")
