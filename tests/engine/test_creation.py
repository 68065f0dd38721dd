"""Creation: which sessions are opened, and with which credentials and members."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any
from uuid import UUID

import pytest

from handshake_prompt import MemoryStore, ProtocolEngine, Reject
from handshake_prompt.session import Session
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


class User:
    """A host's user, as no store could keep one."""


MISTAKES: dict[str, Callable[[Session], object]] = {
    "an object as owner": lambda session: setattr(session, "owner", User()),
    "an object within an owner": lambda session: setattr(session, "owner", {"user": User()}),
    "half an emoji as owner": lambda session: setattr(session, "owner", "\ud83d"),
    "an object in meta": lambda session: session.meta.update(user=User()),
    "a list as meta": lambda session: setattr(session, "meta", ["a"]),
    "a text as meta": lambda session: setattr(session, "meta", "a"),
}


@pytest.mark.parametrize("make", MISTAKES.values(), ids=MISTAKES)
async def test_what_no_store_could_keep_denies_the_creation_and_the_log_says_what_to_set(
    make: Callable[[Session], object], caplog: pytest.LogCaptureFixture
) -> None:
    engine = ProtocolEngine()

    @engine.on_create_session
    async def own(session: Session, _: object) -> None:
        make(session)

    assert await code_of(engine.create_session({"meta": {"a": 1}})) == (403, "denied")
    (record,) = caplog.records
    assert "session.owner = str(user.id)" in record.getMessage() or "meta is a dict" in record.getMessage()


class Plan(Enum):
    PRO = 7


class Name(str):
    """A host's own kind of text."""

    __slots__ = ()


OWNERS: dict[str, tuple[Any, Any]] = {
    "a text": ("ada", "ada"),
    "a text of a derived type": (Name("ada"), "ada"),
    "a number": (7, 7),
    "an enumeration": (Plan.PRO, 7),
    "a UUID": (UUID(int=5), str(UUID(int=5))),
    "a pair": (("org", UUID(int=5)), ["org", str(UUID(int=5))]),
    "an object": ({"org": (1, 2)}, {"org": [1, 2]}),
    "a day": (date(2026, 1, 1), "2026-01-01"),
}


@pytest.mark.parametrize(("given", "kept"), OWNERS.values(), ids=OWNERS)
async def test_an_owner_is_kept_as_json_and_equal_to_what_the_host_has_set(given: Any, kept: Any) -> None:
    """In the host's own login check, and wherever the sessions of an owner are asked for."""
    engine = ProtocolEngine(require_browser_auth=lambda user, session: session.owner == user and user == session.owner)

    @engine.on_create_session
    async def own(session: Session, user: object) -> None:
        session.owner = user

    created, _ = await engine.create_session({}, given)
    stored = (await record_of(engine.store, created["sessionId"])).session
    assert (stored.owner, type(stored.owner)) == (kept, type(kept))
    for same in (given, kept):
        assert (await engine.get_context(created["sessionId"], None, same)).status == 200
        assert len(await engine.sessions(owner=same)) == 1
    for other in (UUID(int=6), "bob", None, object(), ["org"]):
        assert (await code_of(engine.get_context(created["sessionId"], None, other)))[0] == 403
    assert await engine.revoke_owner(given) == 1


async def test_an_owner_that_can_be_no_sessions_is_asked_for_in_vain() -> None:
    with pytest.raises(TypeError, match="use an id"):
        await ProtocolEngine().sessions(owner=User())


async def test_an_owner_that_a_hook_was_shown_can_be_set_again() -> None:
    engine, seen = ProtocolEngine(), []

    @engine.on_create_session
    async def own(session: Session, owner: object) -> None:
        session.owner = owner

    @engine.on_extend
    async def see(session: Session, _: int, __: object) -> None:
        seen.append(session.owner)

    first, _ = await engine.create_session({}, UUID(int=5))
    await engine.post_extend(first["sessionId"], {}, first["token"])
    await engine.create_session({}, seen[0])
    assert len(await engine.sessions(owner=UUID(int=5))) == 2
    assert {str(UUID(int=5)): 1}[seen[0]] == 1


async def test_meta_is_what_any_store_gives_back() -> None:
    engine = ProtocolEngine()

    @engine.on_create_session
    async def own(session: Session, _: object) -> None:
        session.meta = {"at": datetime(2026, 1, 1, tzinfo=UTC)}

    payload, _ = await engine.create_session({})
    assert (await record_of(engine.store, payload["sessionId"])).session.meta == {"at": "2026-01-01T00:00:00Z"}


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
