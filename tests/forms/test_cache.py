"""A schema is compiled once for all sessions that share it, and only so much is kept compiled."""

from __future__ import annotations

from typing import Any

import pytest

from handshake_prompt.forms.schema import compile_schema
from handshake_prompt.modes import FormFillHandler
from handshake_prompt.protocol.errors import InvalidRequestError, TooLargeError
from handshake_prompt.protocol.limits import Limits
from tests.support.forms import act, form_of, new_session, put


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the numbers of fields of the schemas compiled so far; ten fields are kept compiled."""
    sizes: list[int] = []

    def counted(schema: Any, *arguments: Any, **options: Any) -> Any:
        sizes.append(len(schema))
        return compile_schema(schema, *arguments, **options)

    monkeypatch.setattr("handshake_prompt.forms.cache.compile_schema", counted)
    monkeypatch.setattr("handshake_prompt.forms.cache.COMPILED_FIELDS", 10)
    return sizes


def test_a_schema_is_compiled_once_for_all_its_sessions_while_there_is_room(compiled: list[int]) -> None:
    handler = FormFillHandler()
    sessions = [new_session(handler, session_id=name, schema=form_of(5)) for name in ("a", "b")]
    sessions.append(new_session(handler, session_id="c", schema=form_of(5, label="another")))
    for session in sessions:
        act(handler, session, put("k0", "x"))
        handler.missing(session)
    assert compiled == [5, 5]
    assert sessions[0].schema_json is sessions[1].schema_json


def test_an_entry_that_no_value_may_be_is_refused_each_time(compiled: list[int]) -> None:
    handler = FormFillHandler(Limits(value_bytes=100))
    for entry in ({"key": "k", "label": "x" * 200}, {"key": "k", "label": {1, 2}}):
        for _ in range(2):
            with pytest.raises(InvalidRequestError if isinstance(entry["label"], set) else TooLargeError):
                new_session(handler, schema=[entry])
    assert compiled == []


def test_the_oldest_forms_make_room_for_as_many_fields_as_come(compiled: list[int]) -> None:
    handler = FormFillHandler()
    a, b, c = (new_session(handler, session_id=f"s{size}", schema=form_of(size)) for size in (3, 4, 2))
    new_session(handler, session_id="d", schema=form_of(6))
    assert handler.missing(c) == []
    assert compiled == [3, 4, 2, 6]
    [outcome], _ = act(handler, a, put("k2", 1))
    assert (outcome.code, compiled) == ("invalid_value", [3, 4, 2, 6, 3])
    handler.missing(b)
    assert compiled[5:] == [4]


def test_a_form_with_which_sessions_are_still_opened_stays(compiled: list[int]) -> None:
    handler = FormFillHandler()
    for size in (5, 3, 5, 4, 5):
        new_session(handler, schema=form_of(size))
    assert compiled == [5, 3, 4]


def test_a_form_larger_than_all_the_room_is_still_kept_while_it_is_the_newest(compiled: list[int]) -> None:
    handler = FormFillHandler()
    large = new_session(handler, session_id="a", schema=form_of(30))
    handler.missing(large)
    assert compiled == [30]
    small = new_session(handler, session_id="b", schema=form_of(1))
    handler.missing(small)
    assert compiled == [30, 1]
    handler.missing(large)
    assert compiled == [30, 1, 30]


HEAVY: dict[str, dict[str, Any]] = {
    "options": {"type": "enum", "options": list(range(80))},
    "a type's long name": {"type": "x" * 10_240},
}


@pytest.mark.parametrize("members", HEAVY.values(), ids=HEAVY)
def test_what_is_as_large_as_ten_fields_counts_as_ten(members: dict[str, Any], compiled: list[int]) -> None:
    handler = FormFillHandler()
    first = new_session(handler, session_id="a", schema=form_of(1))
    new_session(handler, session_id="b", schema=form_of(1, **members))
    handler.missing(first)
    assert compiled == [1, 1, 1]


def test_sessions_without_a_schema_take_no_room(compiled: list[int]) -> None:
    handler = FormFillHandler()
    first = new_session(handler, session_id="a", schema=form_of(10))
    for number in range(20):
        new_session(handler, session_id=f"b{number}", schema=[])
    handler.missing(first)
    assert compiled.count(10) == 1
    assert list(handler._forms) == [first.schema_json, b"[]"]
