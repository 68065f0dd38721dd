"""Posted values: what the texts of an HTML form stand for in a session's fields."""

from __future__ import annotations

from typing import Any

import pytest

from handshake_prompt.engine.posted import Posted
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import InvalidRequestError
from handshake_prompt.session import Turn
from tests.support.sessions import blank_session

SCHEMA = [
    {"key": "name", "type": "string"},
    {"key": "age", "type": "integer"},
    {"key": "ok", "type": "boolean"},
    {"key": "tags", "type": "string", "multiple": True},
    {"key": "sizes", "type": "array<integer>"},
    {"key": "plan", "type": "enum", "options": [1, 2]},
    {"key": "lines", "type": "rows", "fields": [{"key": "amount", "type": "number"}]},
]
TEXTS: list[tuple[str, list[str], Any]] = [
    ("name", ["007"], "007"),
    ("name", ["one\r\ntwo"], "one\ntwo"),
    ("age", ["36"], 36),
    ("age", [""], None),
    ("ok", ["on"], True),
    ("ok", ["0", "1"], True),
    ("ok", ["0"], False),
    ("tags", ["a", "b"], ["a", "b"]),
    ("tags", [""], []),
    ("sizes", ["1", "2"], [1, 2]),
    ("plan", ["2"], 2),
    ("lines/r1/amount", ["1.5"], 1.5),
]


@pytest.mark.parametrize(("key", "texts", "value"), TEXTS)
def test_a_text_stands_for_a_value_of_its_field(key: str, texts: list[str], value: Any) -> None:
    session = blank_session()
    session.schema = SCHEMA
    assert Posted({key: texts}, "digest", texts=True).values_for(session) == {key: value}


def test_names_that_are_no_fields_are_the_hosts() -> None:
    session = blank_session()
    session.schema = SCHEMA
    for texts, value in ((True, ["x"]), (False, "x")):
        posted = Posted({"csrf": value, "name": value}, "digest", texts=texts)
        assert posted.values_for(session) == {"name": "x"}


def test_what_a_browser_leaves_out_is_empty_unless_a_digest_vouches_for_the_page() -> None:
    session = blank_session()
    session.schema = SCHEMA
    assert Posted({}, "digest", texts=True).values_for(session) == {}
    assert Posted({}, None, texts=True).values_for(session) == {"ok": False, "tags": [], "sizes": []}
    assert Posted({"name": "x"}, None, texts=False).values_for(session) == {"name": "x"}


def test_without_a_schema_every_name_is_a_field() -> None:
    assert Posted({"a": ["1"]}, None, texts=True).values_for(blank_session()) == {"a": "1"}


def test_a_text_of_a_script_is_the_value_that_its_field_takes() -> None:
    session = blank_session()
    session.schema = [{"key": "n", "type": "integer"}, {"key": "code"}, {"key": "on", "type": "boolean"}]
    posted = Posted({"n": "3", "code": "007", "on": "true"}, "digest", texts=False)
    assert posted.values_for(session) == {"n": 3, "code": "007", "on": True}
    assert Posted({"n": 3, "on": False}, "digest", texts=False).values_for(session) == {"n": 3, "on": False}


def test_a_text_that_has_lost_a_character_on_its_way_is_refused_in_a_field_alone() -> None:
    session = blank_session()
    session.schema = SCHEMA
    for texts in (["M\ufffdller"], ["x", "\ufffd"]):
        with pytest.raises(InvalidRequestError):
            Posted({"tags": texts}, "digest", texts=True).values_for(session)
    assert Posted({"csrf": ["\ufffd"], "name": ["x"]}, "digest", texts=True).values_for(session) == {"name": "x"}
    assert Posted({"name": "\ufffd"}, "digest", texts=False).values_for(session) == {"name": "\ufffd"}
    written = session.checkout(Turn(author=Role.USER, now=0.0))
    written.write("name", "M\ufffdller")
    assert Posted({"name": ["M\ufffdller"]}, "digest", texts=True).values_for(written) == {"name": "M\ufffdller"}
