"""Digests of the state shown to a person: another for each purpose, session and state."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from handshake_prompt.session.digests import answer_digest, is_same, request_digest, state_digest
from tests.support.sessions import blank_session


def test_the_same_content_has_another_digest_for_each_purpose() -> None:
    session, content = blank_session(), dict[str, Any]()
    as_request: Any = sorted(content.items())
    assert request_digest(session, as_request) != answer_digest(session, content)
    state: Any = (session.values, session.rows)
    assert request_digest(replace(session, schema_json=b""), state) != state_digest(replace(session, schema_json=b""))


def test_a_digest_is_of_one_session_and_tells_nothing_without_the_persons_half() -> None:
    session = blank_session()
    other = replace(session, user_digest="another")
    assert state_digest(session) != state_digest(other)
    assert request_digest(session, {"a": 1}) != request_digest(other, {"a": 1})


def test_an_answer_is_known_again_in_whatever_order_its_values_come() -> None:
    session = blank_session()
    assert answer_digest(session, {"a": 1, "b": 2}) == answer_digest(session, {"b": 2, "a": 1})
    assert answer_digest(session, {"a": 1}) != answer_digest(session, {"a": "1"})


def test_any_text_may_be_compared_to_a_digest() -> None:
    digest = state_digest(blank_session())
    assert is_same(digest, digest)
    assert not is_same("\ud800", digest)
    assert not is_same("", digest)
