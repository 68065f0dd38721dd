"""The beginning of a session: rows and groups as a document has them."""

from __future__ import annotations

from typing import Any

import pytest

from handshake_prompt.protocol.errors import InvalidRequestError
from tests.support.forms import new_session
from tests.support.row_sessions import AGENT, HANDLER, SCHEMA, held

GIVEN: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, tuple[Any, str]]]] = {
    "the person's": (
        {"context": {"lines": [{"text": "Taxi", "amount": ""}, {}]}},
        {"lines": ["r1", "r2"]},
        {"lines/r1/text": ("Taxi", "user"), "lines/r1/amount": ("", "empty")},
    ),
    "defaults": (
        {"defaults": {"lines": [{"text": "Taxi", "home": {"street": "Main"}, "bags": [{"kg": 1}]}]}},
        {"lines": ["r1"], "lines/r1/bags": ["r2"]},
        {
            "lines/r1/text": ("Taxi", "default"),
            "lines/r1/home/street": ("Main", "default"),
            "lines/r1/bags/r2/kg": (1, "default"),
        },
    ),
    "the person's in place of defaults": (
        {"defaults": {"lines": [{"text": "Taxi"}, {}]}, "context": {"lines": [{"text": "Train"}]}},
        {"lines": ["r3"]},
        {"lines/r3/text": ("Train", "user")},
    ),
    "an empty list in place of defaults": (
        {"defaults": {"lines": [{"text": "Taxi"}]}, "context": {"lines": []}},
        {"lines": ["r1"]},
        {"lines/r1/text": ("Taxi", "default")},
    ),
    "members that no field is for": (
        {"context": {"lines": [{"text": "Taxi", "id": 5}], "stray": 1}},
        {"lines": ["r1"]},
        {"lines/r1/text": ("Taxi", "user"), "stray": (1, "user")},
    ),
}


@pytest.mark.parametrize(("body", "ids", "cells"), GIVEN.values(), ids=GIVEN)
def test_rows_are_given_at_creation_as_lists_of_objects(
    body: dict[str, Any], ids: dict[str, list[str]], cells: dict[str, tuple[Any, str]]
) -> None:
    session = new_session(HANDLER, schema=SCHEMA, **body)
    assert ({key: [*rows] for key, rows in session.rows.items()}, held(session)) == (ids, cells)
    assert (session.seq, session.held_by(AGENT)) == (0, (0, 0, 0))


def test_a_group_is_given_at_creation_as_an_object() -> None:
    schema = [{"key": "home/street", "group": "Home"}, {"key": "plain"}]
    session = new_session(HANDLER, schema=schema, context={"home": {"street": "Main"}, "plain": {"a": 1}})
    assert held(session) == {"home/street": ("Main", "user"), "plain": ({"a": 1}, "user")}


@pytest.mark.parametrize("value", ["Taxi", {"text": "Taxi"}, ["Taxi"], [{"bags": 1}]])
def test_rows_that_are_no_list_of_objects_open_no_session(value: Any) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        new_session(HANDLER, schema=SCHEMA, context={"lines": value})
    assert raised.value.code == "invalid_value"
