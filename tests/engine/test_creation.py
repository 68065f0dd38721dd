"""Creation: which sessions are opened, and with which credentials and members."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from handshake_prompt import MemoryStore, ProtocolEngine, Reject
from handshake_prompt.protocol.session import Session
from tests.support.pairing import code_of, refusal, virtual_engine
from tests.support.sessions import record_of
from tests.support.virtual_time import in_virtual_time

BAD_CREATIONS: dict[str, tuple[Any, int, str]] = {
    "not JSON": (b"{", 400, "invalid_json"),
    "a list": (b"[]", 400, "invalid_request"),
    "a mode with a line break": ({"mode": "a\nb"}, 400, "invalid_request"),
    "a long mode": ({"mode": "m" * 65}, 400, "invalid_request"),
    "a schema for a mode nobody registered": ({"mode": "device-pair", "schema": [{"key": "a"}]}, 400, "unknown_mode"),
    "a schema entry without key": ({"mode": "form-fill", "schema": [{}]}, 400, "invalid_schema"),
    "a reserved key": ({"context": {"__proto__": 1}}, 400, "invalid_key"),
    "a lone surrogate": ({"context": {"a": "\ud800"}}, 400, "invalid_value"),
    "a number no page can hold": ({"data": {"a": 2**53}}, 400, "invalid_value"),
    "a large value": ({"defaults": {"a": "x" * 40_000}}, 413, "value_too_large"),
    "many fields": ({"data": {str(number): 1 for number in range(501)}}, 413, "too_many_fields"),
    "much in all": ({"data": {str(number): "x" * 30_000 for number in range(20)}}, 413, "session_full"),
    "a large schema": (
        {"mode": "form-fill", "schema": [{"key": str(number), "desc": "x" * 30_000} for number in range(20)]},
        413,
        "session_full",
    ),
    "a prompt in another language": ({"prompt": {"language": "fr"}}, 400, "unknown_language"),
    "a prompt without an address": ({"prompt": True}, 400, "no_base_url"),
}


@pytest.mark.parametrize(("body", "status", "code"), BAD_CREATIONS.values(), ids=BAD_CREATIONS)
async def test_i8_a_creation_that_cannot_be_honoured_is_refused_and_keeps_nothing(
    body: Any, status: int, code: str
) -> None:
    store = MemoryStore()
    assert await code_of(ProtocolEngine(store=store).create_session(body)) == (status, code)
    assert len(store) == 0


async def test_strict_modes_refuse_what_nobody_registered() -> None:
    assert await code_of(ProtocolEngine(strict_modes=True).create_session({"mode": "x"})) == (400, "unknown_mode")


@in_virtual_time
async def test_a_creation_the_host_denies_keeps_nothing_and_says_why() -> None:
    engine = virtual_engine()

    @engine.on_create_session
    async def closed(*_: object) -> None:
        raise Reject("closed on Sundays")

    error = await refusal(engine.create_session({}))
    assert (error.status, error.code, error.detail) == (403, "denied", "closed on Sundays")


@pytest.mark.parametrize("given", [object(), {"user": object()}], ids=["an object", "an object inside"])
async def test_an_owner_that_no_store_could_keep_is_a_mistake_that_shows_at_once(given: object) -> None:
    engine = ProtocolEngine()

    @engine.on_create_session
    async def own(session: Session, _: object) -> None:
        session.owner = given

    with pytest.raises(TypeError):
        await engine.create_session({})


async def test_owner_and_meta_are_what_any_store_gives_back() -> None:
    engine = ProtocolEngine()

    @engine.on_create_session
    async def own(session: Session, _: object) -> None:
        session.owner, session.meta = ("org", 7), {"at": datetime(2026, 1, 1, tzinfo=UTC)}

    payload, _ = await engine.create_session({})
    session = (await record_of(engine.store, payload["sessionId"])).session
    assert (session.owner, session.meta) == (["org", 7], {"at": "2026-01-01T00:00:00Z"})
    assert len(await engine.sessions(owner=("org", 7))) == 1


async def test_likely_mistakes_are_warned_of_in_the_reply() -> None:
    engine = ProtocolEngine()
    schema = [{"key": "plan", "type": "Select", "options": ["a"]}, {"key": "note", "maxlength": 9}]
    created, _ = await engine.create_session({"mode": "form-fill", "schema": schema, "schemaa": []})
    assert [(told.get("key"), told["member"]) for told in created["warnings"]] == [
        (None, "schemaa"),
        ("plan", "type"),
        ("note", "maxlength"),
    ]
    unsuspected, _ = await engine.create_session({"mode": "form-fill", "schema": schema[:0], "later": 1})
    assert "warnings" not in unsuspected
