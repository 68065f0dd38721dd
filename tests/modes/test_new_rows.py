"""New rows: read from nested objects, and taken whole or not at all."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from handshake_prompt.forms.documents import nested
from handshake_prompt.forms.shape import shape_of
from handshake_prompt.protocol.bodies import Action
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.session import Session
from tests.support.forms import new_session
from tests.support.row_sessions import AGENT, HANDLER, held, session_with, turn_of

NESTED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "an object of a group": ({"home": {"street": "Main"}}, {"lines/r1/home/street": "Main"}),
    "a flat key": ({"home/street": "Main"}, {"lines/r1/home/street": "Main"}),
    "rows within": (
        {"bags": [{"kg": 1}, {}]},
        {"lines/r1/bags/r2/kg": 1},
    ),
    "no rows within": ({"bags": []}, {}),
    "null for rows within": ({"bags": None}, {}),
    "nothing": ({}, {}),
}


@pytest.mark.parametrize(("value", "cells"), NESTED.values(), ids=NESTED)
@pytest.mark.parametrize("author", list(Role))
def test_a_row_is_read_from_an_object_as_a_document_has_it(
    author: Role, value: dict[str, Any], cells: dict[str, Any]
) -> None:
    draft = turn_of(session_with(), author)
    assert HANDLER.add_row(draft, "lines", value | {"tax": 7}).status == "applied"
    by = "ai" if author is AGENT else "user"
    expected = {key: (cell, by) for key, cell in cells.items()}
    assert held(draft) == {"lines/r1/tax": (7, by)} | expected
    assert draft.rows == {"lines": ("r1",)} | ({"lines/r1/bags": ("r2", "r3")} if value.get("bags") else {})


REFUSED_ROWS: dict[str, tuple[Any, str, str]] = {
    "a wrong cell": ({"amount": "much"}, "invalid_value", "amount: expected"),
    "a cell out of bounds": ({"text": "x", "amount": -1}, "invalid_value", "amount: expected"),
    "a wrong cell of a row within": ({"bags": [{"kg": 1}, {"kg": "x"}]}, "invalid_value", "bags: kg: expected"),
    "too many rows within": ({"bags": [{}, {}, {}]}, "invalid_value", "bags: expected at most 2"),
    "rows within that are no list": ({"bags": 5}, "invalid_value", "bags: expected a list"),
    "a cell that the row does not have": ({"colour": 1}, "unknown_field", '"colour": the row has no such field'),
    "a member that the group does not have": ({"home": {"zip": 1}}, "unknown_field", '"home/zip": '),
    "a group that is no object": ({"home": 5}, "unknown_field", '"home": '),
    "a read-only cell": ({"total": 1}, "read_only", "total: "),
    "text": ("Taxi", "invalid_value", "expected an object"),
    "a list": ([{}], "invalid_value", "expected an object"),
}


@pytest.mark.parametrize(("value", "code", "msg"), REFUSED_ROWS.values(), ids=REFUSED_ROWS)
def test_a_row_with_a_wrong_cell_is_refused_whole_and_the_refusal_names_the_cell(
    value: Any, code: str, msg: str
) -> None:
    draft = turn_of(session_with(), AGENT)
    outcome = HANDLER.add_row(draft, "lines", value)
    assert (outcome.status, outcome.code) == ("error", code)
    assert (outcome.msg or "").startswith(msg)
    assert (draft.commit(), draft.rows, draft.values) == ([], {}, {})


# Any rows


def documents(depth: int = 1) -> st.SearchStrategy[dict[str, Any]]:
    """Return rows of `TYPED` as a document has them; a member that is left out is absent."""
    cells: dict[str, st.SearchStrategy[Any]] = {
        "text": st.text(min_size=1, max_size=3),
        "amount": st.integers(-3, 3),
        "home": st.fixed_dictionaries({"street": st.text(min_size=1, max_size=3)}),
    }
    if depth:
        cells["bags"] = st.lists(documents(depth - 1), min_size=1, max_size=3)
    return st.fixed_dictionaries({}, optional=cells)


ROW: list[dict[str, Any]] = [{"key": "text"}, {"key": "amount", "type": "int"}, {"key": "home/street", "group": "Home"}]
TYPED = [{"key": "lines", "type": "rows", "fields": [*ROW, {"key": "bags", "type": "rows", "fields": ROW}]}]


@given(lines=st.lists(documents(), max_size=4), author=st.sampled_from(Role), whole=st.booleans())
@settings(max_examples=60, deadline=None)
def test_rows_are_written_such_that_their_document_is_the_one_that_was_given(
    lines: list[dict[str, Any]], author: Role, *, whole: bool
) -> None:
    draft = turn_of(new_session(HANDLER, schema=TYPED), author)
    if whole:
        outcomes = [HANDLER.set_value(draft, "lines", lines)]
    else:
        outcomes = [HANDLER.add_row(draft, "lines", line) for line in lines]
    assert {outcome.status for outcome in outcomes} <= {"applied"}
    values = {key: field.value for key, field in draft.values.items()}
    assert nested(shape_of(TYPED), values, draft.rows).get("lines", []) == lines
    again = HANDLER.set_value(turn_of(draft, author), "lines", lines)
    assert (again.status, again.seq) == ("applied", 0)


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3) | st.sampled_from(["r1", "lines", "lines/r1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["text", "amount", "bags", "home", "home/street", "lines", "", "@"]), inner)
    ),
    max_leaves=12,
)
keys = st.sampled_from(
    [
        "",
        "/",
        "lines",
        "lines/",
        "lines/r1",
        "lines/r1/",
        "lines/r1/bags",
        "lines/r1/bags/r2",
        "lines/bags",
        "home",
        "r1",
    ]
)
changes = st.builds(
    Action,
    st.sampled_from(["add", "remove", "move", "set"]),
    keys | st.text(max_size=5),
    anything,
    st.none() | st.integers(),
    st.none() | st.just(msgspec.UNSET) | keys,
)


@given(batch=st.lists(changes, max_size=6), author=st.sampled_from(Role))
@settings(max_examples=150, deadline=None)
def test_i8_whatever_is_asked_about_rows_is_answered_and_what_was_refused_left_no_trace(
    batch: list[Action], author: Role
) -> None:
    draft = turn_of(session_of_typed_rows(), author)
    for action in batch:
        before, seq = (draft.rows, dict(draft.values), draft.row_authors), draft.seq
        outcome = HANDLER.process_action(draft, action)
        if outcome.status != "applied":
            assert ((draft.rows, dict(draft.values), draft.row_authors), draft.seq) == (before, seq)
    listed = {f"{key}/{row}" for key, ids in draft.rows.items() for row in ids}
    assert listed == draft.row_authors.keys()


def session_of_typed_rows() -> Session:
    lines = [{"text": "Taxi", "bags": [{"amount": 1}]}, {"home": {"street": "Main"}}]
    return new_session(HANDLER, schema=TYPED, defaults={"lines": lines})
