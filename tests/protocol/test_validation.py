"""Bodies as wholes: their values bounded together, and the room of an entry of a schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from handshake_prompt.protocol.bodies import Action, CreateRequest
from handshake_prompt.protocol.errors import InvalidRequestError, TooLargeError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.validation import check_actions, check_creation, check_edit, check_schema
from tests.protocol.test_values import nested

FEW = Limits(body_parts=6)
WIDE = [1, 2, {"a": []}]  # five values

BODIES: dict[str, Callable[[Any], Any]] = {
    "a schema": lambda value: check_creation(CreateRequest(schema=value), FEW),
    "values": lambda value: check_creation(CreateRequest(context={"k": value[:3], "l": value[3:]}), FEW),
    "defaults": lambda value: check_creation(CreateRequest(defaults={"k": value}), FEW),
    "meta": lambda value: check_creation(CreateRequest(meta={"k": value}), FEW),
    "actions": lambda value: check_actions([Action("set", "k", value[:2]), Action("set", "l", value[2:])], FEW),
    "an edit": lambda value: check_edit("k", value, FEW),
}


@pytest.mark.parametrize("check", BODIES.values(), ids=BODIES)
def test_the_values_of_a_body_are_bounded_together(check: Callable[[Any], Any]) -> None:
    check([1])
    with pytest.raises(TooLargeError) as refusal:
        check([*WIDE, [[], {}]])
    assert refusal.value.code == "too_many_parts"


ENTRIES: dict[str, tuple[Any, bool]] = {
    "options that are large": ({"key": "k", "options": ["x" * 100] * 1_000}, True),
    "options that are too large": ({"key": "k", "options": ["x" * 100] * 1_400}, False),
    "another member that is large": ({"key": "k", "choices": ["x" * 100] * 1_000}, False),
    "rows of large fields": ({"key": "k", "fields": [{"key": str(n), "label": "x" * 30_000} for n in range(6)]}, True),
    "rows with a field too large": ({"key": "k", "fields": [{"key": "a", "label": "x" * 40_000}]}, False),
    "a deep schema": ({"key": "k", "schema": nested(60, objects=True)}, True),
    "a schema too deep": ({"key": "k", "schema": nested(70, objects=True)}, False),
    "another member that is deep": ({"key": "k", "hint": nested(20, objects=True)}, False),
    "rows too deep": ({"key": "k", "fields": [{"fields": [{"fields": [nested(20, objects=True)]}]}]}, False),
}


@pytest.mark.parametrize(("entry", "fits"), ENTRIES.values(), ids=ENTRIES)
def test_an_entry_has_room_for_options_and_depth_for_a_schema(entry: Any, *, fits: bool) -> None:
    if fits:
        check_schema([entry], Limits())
        return
    with pytest.raises(TooLargeError if len(str(entry)) > 32_000 else InvalidRequestError):
        check_schema([entry], Limits())
