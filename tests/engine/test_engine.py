"""Every operation of the protocol on the engine alone: no web framework, no server, and time that the tests decide."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from handshake_prompt import Credential, HandshakeError, Limits, MemoryStore, ProtocolEngine, Reject, Reply, Role
from handshake_prompt.engine import Statistics
from handshake_prompt.modes import DEFAULT_HANDLERS, DefaultHandler, ModeHandler
from handshake_prompt.protocol.errors import CloseCode, StoreUnavailableError
from handshake_prompt.protocol.messages import Action, Mount, Outcome
from handshake_prompt.protocol.session import Session
from tests.conftest import FORM
from tests.support.clock import ManualClock
from tests.support.pairing import Pair, open_pair, virtual_engine
from tests.support.relay import RelayStore, nothing
from tests.support.sessions import record_of
from tests.support.virtual_time import in_virtual_time, loop_time

AGENT, USER = Role.AGENT, Role.USER
REST = Statistics(watchers=0, locks=0, running=0)


async def refusal(work: Awaitable[object]) -> HandshakeError:
    """Return the error that `work` ends with."""
    with pytest.raises(HandshakeError) as raised:
        await work
    return raised.value


async def code_of(work: Awaitable[object]) -> tuple[int, str]:
    error = await refusal(work)
    return error.status, error.code


# As the seed's users know it


async def test_an_engine_is_used_without_any_framework() -> None:
    payload, code = await ProtocolEngine(store=MemoryStore(), prefix="/api/pair").create_session(
        {"mode": "device-pair", "data": {}}
    )
    assert code == 200
    assert payload["mode"] == "device-pair"
    assert payload["contextUrl"] == f"/api/pair/context/{payload['sessionId']}"
    assert payload["expiresIn"] == 1800
    assert "prompt" not in payload


@in_virtual_time
async def test_every_operation_works_on_the_engine_alone() -> None:
    engine = virtual_engine(public_url="https://example.com")
    pair = await open_pair(engine, FORM | {"context": {"name": "Ada"}, "prompt": True})
    assert pair.created["token"] in pair.created["prompt"]
    assert pair.created["baseUrl"] == "https://example.com"

    reply = await pair.act({"name": "Bob", "age": 36, "colour": "red"})
    assert isinstance(reply, Reply)
    payload, status = reply
    assert (status, payload["applied"], payload["rejected"]) == (200, ["age"], ["name"])
    assert [error["code"] for error in payload["errors"]] == ["unknown_field"]
    assert [result["status"] for result in payload["results"]] == ["rejected", "applied", "error"]

    (edited, _) = await pair.edit("age", 37)
    assert (edited["by"], edited["seq"]) == ("user_edit", 3)
    (released, _) = await engine.post_notify(pair.session_id, {"key": "age", "release": True}, pair.user)
    assert released["by"] == "default"
    assert await pair.values() == {"name": ("Ada", "user"), "age": (37, "default")}
    assert [(change["key"], change["by"]) for change in (await pair.diff())["changes"]] == [
        ("age", "ai"),
        ("age", "user_edit"),
        ("age", "default"),
    ]
    (extended, _) = await engine.post_extend(pair.session_id, {"extraSeconds": 60}, pair.agent)
    assert extended == {"ok": True, "extended": 60, "expiresIn": 1860}
    (stands, _) = await engine.get_session(pair.session_id, pair.agent.token)
    assert (stands["role"], stands["watchers"], stands["maxExpiresIn"]) == ("agent", 0, 86_400)
    async with pair.watch() as page:
        (connected,) = await page.shown()
        assert connected["snapshot"] == await pair.context()
    (rotated, _) = await engine.rotate(pair.session_id, {"prompt": True}, pair.user)
    assert rotated["token"] in rotated["prompt"]
    (ended, _) = await engine.revoke(pair.session_id, pair.user)
    assert ended == {"ok": True}
    assert engine.statistics == REST


@in_virtual_time
async def test_urls_follow_the_mount_of_the_request_where_it_names_one() -> None:
    payload, _ = await virtual_engine(prefix="/api/").create_session({}, mount=Mount("/x", "/x/ws", "http://h"))
    assert payload["actionUrl"].startswith("/x/action/")
    assert payload["wsUrl"].startswith("/x/ws/")
    assert payload["baseUrl"] == "http://h"


def test_i9_a_reply_shows_its_members_and_none_of_their_values() -> None:
    assert repr(Reply({"token": "secret"}, user_token="secret")) == "<Reply 200 ['token']>"


@pytest.mark.parametrize("ttl", [0, -1, float("nan")])
def test_a_ttl_is_a_positive_number(ttl: float) -> None:
    with pytest.raises(ValueError, match="ttl"):
        ProtocolEngine(ttl=ttl)


# Who may do what


def operations(pair: Pair, credential: Credential | None) -> dict[str, Callable[[], Awaitable[object]]]:
    engine, sid = pair.engine, pair.session_id
    return {
        "status": lambda: engine.get_session(sid, credential),
        "context": lambda: engine.get_context(sid, credential),
        "diff": lambda: engine.get_diff(sid, credential),
        "watch": lambda: engine.watch(sid, credential),
        "extend": lambda: engine.post_extend(sid, {"extraSeconds": 5}, credential),
        "action": lambda: engine.post_action(sid, {"actions": []}, credential),
        "notify": lambda: engine.post_notify(sid, {"key": "name", "value": 1}, credential),
        "rotate": lambda: engine.rotate(sid, {}, credential),
        "revoke": lambda: engine.revoke(sid, credential),
    }


OPERATIONS = ["status", "context", "diff", "watch", "extend", "action", "notify", "rotate", "revoke"]
USERS_ONLY = {"notify", "rotate", "revoke"}


DONE_BY_AGENT = {name: "user_required" if name in USERS_ONLY else "done" for name in OPERATIONS}
DONE_BY_USER = {name: "agent_required" if name == "action" else "done" for name in OPERATIONS}
DONE_BY_BOTH = dict.fromkeys(OPERATIONS, "done")
DONE_BY_NOBODY = dict.fromkeys(OPERATIONS, "invalid_token")
DONE_BY_FOREIGN_PAGE = dict.fromkeys(OPERATIONS, "origin_not_allowed")
CALLERS: dict[str, tuple[Callable[[Pair, Pair], Credential | None], dict[str, str]]] = {
    "the agent": (lambda mine, _: mine.agent, DONE_BY_AGENT),
    "the person": (lambda mine, _: mine.user, DONE_BY_USER),
    "whoever is both": (lambda mine, _: Credential(mine.agent.token, mine.user.user_token), DONE_BY_BOTH),
    "nobody": (lambda *_: None, DONE_BY_NOBODY),
    "an empty credential": (lambda *_: Credential("", ""), DONE_BY_NOBODY),
    "the agent of another session": (lambda _, other: other.agent, DONE_BY_NOBODY),
    "the person of another session": (lambda _, other: other.user, DONE_BY_NOBODY),
    "the agent's token in the person's place": (lambda mine, _: Credential(None, mine.agent.token), DONE_BY_NOBODY),
    "the person's secret in the agent's place": (lambda mine, _: Credential(mine.user.user_token), DONE_BY_NOBODY),
    "the person on a foreign page": (
        lambda mine, _: Credential(user_token=mine.user.user_token, foreign_origin=True),
        DONE_BY_FOREIGN_PAGE,
    ),
    "the agent on a foreign page": (
        lambda mine, _: Credential(mine.agent.token, foreign_origin=True),
        DONE_BY_AGENT | dict.fromkeys(USERS_ONLY, "origin_not_allowed"),
    ),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(("caller", "outcomes"), CALLERS.values(), ids=CALLERS)
@in_virtual_time
async def test_what_each_role_may_do(
    caller: Callable[[Pair, Pair], Credential | None], outcomes: dict[str, str], operation: str
) -> None:
    engine = virtual_engine()
    mine, other = await open_pair(engine), await open_pair(engine)
    work = operations(mine, caller(mine, other))[operation]()
    if outcomes[operation] == "done":
        await work
    else:
        assert await code_of(work) == (403, outcomes[operation])
        assert await mine.log() == []


@pytest.mark.parametrize("operation", ["extend", "action", "notify", "rotate"])
@in_virtual_time
async def test_i10_a_stranger_changes_nothing_refreshes_nothing_and_has_no_body_read(operation: str) -> None:
    pair = await open_pair(virtual_engine(), FORM)
    before = await pair.record()

    async def never_read() -> bytes:
        raise AssertionError("the body was read")

    await asyncio.sleep(60)
    engine, sid = pair.engine, pair.session_id
    calls: dict[str, Callable[[Credential], Awaitable[object]]] = {
        "extend": lambda who: engine.post_extend(sid, never_read, who),
        "action": lambda who: engine.post_action(sid, never_read, who),
        "notify": lambda who: engine.post_notify(sid, never_read, who),
        "rotate": lambda who: engine.rotate(sid, never_read, who),
    }
    for stranger in (Credential(), Credential("wrong"), Credential(user_token="wrong")):
        assert await code_of(calls[operation](stranger)) == (403, "invalid_token")
    assert await pair.record() == before
    reply = await engine.get_session(sid, pair.agent)
    assert reply.quota is not None
    assert reply.quota.remaining == 59


@in_virtual_time
async def test_a_foreign_page_may_not_even_open_a_session() -> None:
    engine = virtual_engine()
    assert await code_of(engine.create_session({}, credential=Credential(foreign_origin=True))) == (
        403,
        "origin_not_allowed",
    )


@in_virtual_time
async def test_the_hosts_own_proof_replaces_the_cookie() -> None:
    async def logged_in(request: object, session: Any) -> bool:
        return request is not None and request == session.owner

    engine = virtual_engine(require_browser_auth=logged_in)

    @engine.on_create_session
    async def bind(session: Any, request: object) -> None:
        session.owner = request

    created, _ = await engine.create_session({"userToken": True}, "alice")
    pair = Pair(engine, created)
    edit = {"key": "name", "value": "x"}
    (payload, _) = await engine.post_notify(pair.session_id, edit, None, "alice")
    assert payload["by"] == "user"
    assert await code_of(engine.post_notify(pair.session_id, edit, pair.user, "mallory")) == (403, "invalid_token")
    assert await code_of(engine.post_notify(pair.session_id, edit, pair.user, None)) == (403, "invalid_token")
    assert await code_of(engine.post_notify(pair.session_id, edit, pair.agent, None)) == (403, "user_required")


@in_virtual_time
async def test_the_agents_and_the_persons_requests_are_counted_apart() -> None:
    pair = await open_pair(virtual_engine(rate_limit_per_min=3))
    for _ in range(5):
        await pair.edit("name", "the person types")
    replies = [await pair.act({}) for _ in range(3)]
    assert [reply.quota.remaining for reply in replies if reply.quota] == [2, 1, 0]
    limited = await refusal(pair.act({}))
    assert (limited.status, limited.code, limited.retry_after) == (429, "rate_limited", 60)
    assert limited.quota is not None
    assert (limited.quota.limit, limited.quota.remaining) == (3, 0)
    await pair.edit("name", "the person goes on")
    await asyncio.sleep(60)
    await pair.act({})


@in_virtual_time
async def test_guessing_is_answered_429_and_never_locks_out_the_right_token() -> None:
    pair = await open_pair(virtual_engine(Limits(agent_requests=1000)))
    engine, sid = pair.engine, pair.session_id
    guesses = [await code_of(engine.get_context(sid, "wrong")) for _ in range(12)]
    assert guesses == [(403, "invalid_token")] * 10 + [(429, "too_many_attempts")] * 2
    for _ in range(200):
        await engine.get_context(sid, pair.agent)
    elsewhere = Credential("wrong", address="192.0.2.7")
    answers = [await code_of(engine.get_context("f" * 32, elsewhere)) for _ in range(22)]
    assert answers == [(404, "session_not_found")] * 20 + [(429, "too_many_attempts")] * 2


@in_virtual_time
async def test_one_address_opens_a_bounded_number_of_sessions() -> None:
    engine = virtual_engine(Limits(creates_per_address=2))
    here, there = Credential(address="192.0.2.1"), Credential(address="192.0.2.2")
    for _ in range(2):
        await engine.create_session({}, credential=here)
    assert await code_of(engine.create_session({}, credential=here)) == (429, "rate_limited")
    await engine.create_session({}, credential=there)


# Bodies


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


GOOD = {"type": "set", "key": "name", "value": "Ada"}
BAD_ACTIONS: dict[str, tuple[Any, int, str]] = {
    "no actions": ({}, 400, "invalid_request"),
    "an action that is a text": ({"actions": [GOOD, "set"]}, 400, "invalid_request"),
    "a key that is a list": ({"actions": [GOOD, {"key": ["a"]}]}, 400, "invalid_request"),
    "an empty key": ({"actions": [GOOD, {"key": ""}]}, 400, "invalid_key"),
    "a lone surrogate": ({"actions": [GOOD, {"key": "a", "value": ["\ud800"]}]}, 400, "invalid_value"),
    "an infinite number": ({"actions": [GOOD, {"key": "a", "value": float("inf")}]}, 400, "invalid_value"),
    "a type with a control character": ({"actions": [GOOD, {"type": "\x00"}]}, 400, "invalid_key"),
    "a large value": ({"actions": [GOOD, {"key": "a", "value": "x" * 40_000}]}, 413, "value_too_large"),
    "many actions": ({"actions": [GOOD] * 201}, 413, "too_many_actions"),
}


@pytest.mark.parametrize(("body", "status", "code"), BAD_ACTIONS.values(), ids=BAD_ACTIONS)
@in_virtual_time
async def test_i8_a_malformed_batch_writes_nothing_at_all(body: Any, status: int, code: str) -> None:
    pair = await open_pair(virtual_engine(), FORM)
    before = await pair.record()
    assert await code_of(pair.engine.post_action(pair.session_id, body, pair.agent)) == (status, code)
    assert await pair.record() == before


REFUSED_EDITS: dict[str, tuple[dict[str, Any], str]] = {
    "no key": ({"value": 1}, "missing_key"),
    "a release of no key": ({"release": True}, "missing_key"),
    "a key of no field": ({"key": "colour", "value": 1}, "unknown_field"),
    "a field that is read only": ({"key": "number", "value": 1}, "read_only"),
    "a value that is none": ({"key": "name", "value": float("nan")}, "invalid_value"),
}


@pytest.mark.parametrize(("body", "code"), REFUSED_EDITS.values(), ids=REFUSED_EDITS)
@in_virtual_time
async def test_an_edit_that_cannot_be_made_is_a_400_with_its_reason(body: dict[str, Any], code: str) -> None:
    pair = await open_pair(virtual_engine(), FORM)
    assert await code_of(pair.engine.post_notify(pair.session_id, body, pair.user)) == (400, code)
    assert await pair.log() == []


@in_virtual_time
async def test_i11_a_full_session_takes_no_more_and_keeps_what_it_has() -> None:
    pair = await open_pair(virtual_engine(Limits(session_bytes=1000, fields=3)))
    await pair.act({"a": "x" * 800})
    assert await code_of(pair.act({"b": "x", "c": "x" * 300})) == (413, "session_full")
    assert await pair.values() == {"a": ("x" * 800, "ai")}
    await pair.act({"a": "short", "b": 1, "c": 1})
    assert await code_of(pair.edit("d", 1)) == (413, "session_full")
    assert sorted(await pair.values()) == ["a", "b", "c"]


@in_virtual_time
async def test_a_veto_stands_in_its_actions_place_and_is_not_shown_to_the_mode() -> None:
    engine = virtual_engine()

    @engine.on_action
    async def protect(_: object, action: Any, __: object) -> bool:
        if action.key == "iban":
            raise Reject("ask first")
        return bool(action.key != "age")

    pair = await open_pair(engine)
    payload, _ = await pair.act({"name": 1, "iban": 2, "age": 3, "email": 4})
    told = [(result["key"], result["status"], result.get("code"), result.get("msg")) for result in payload["results"]]
    assert told == [
        ("name", "applied", None, None),
        ("iban", "rejected", "vetoed", "ask first"),
        ("age", "rejected", "vetoed", "The server's policy does not allow this"),
        ("email", "applied", None, None),
    ]
    assert sorted(await pair.values()) == ["email", "name"]


@in_virtual_time
async def test_done_hooks_hear_of_a_batch_after_its_reply_and_hold_up_nothing() -> None:
    engine = virtual_engine()
    told, gate = asyncio.Event(), asyncio.Event()

    @engine.on_done
    async def audit(session: Any, applied: list[str], *_: object) -> None:
        assert (session.value("name"), applied) == ("Ada", ["name"])
        told.set()
        await gate.wait()
        raise RuntimeError("nobody minds")

    pair = await open_pair(engine)
    payload, _ = await pair.act({"name": "Ada"})
    assert payload["applied"] == ["name"]
    await told.wait()
    assert engine.statistics.running == 1
    gate.set()
    await engine.drain()
    assert engine.statistics == REST


# Watching


@in_virtual_time
async def test_i6_a_change_is_queued_to_every_watcher_before_its_reply() -> None:
    pair = await open_pair(virtual_engine())
    watches = [await pair.engine.watch(pair.session_id, pair.of(role)) for role in (USER, USER, AGENT)]
    payload, _ = await pair.act({"name": "Ada", "age": 36}, stream=True)
    assert payload["broadcast"] == {"clients": 3, "actionMessages": 6, "doneMessages": 3}
    assert [watch._watcher.backlog for watch in watches] == [3, 3, 3]
    for watch in watches:
        async with watch:
            pass
    assert pair.engine.statistics == REST


@in_virtual_time
async def test_a_page_edits_releases_and_is_answered_and_other_tabs_see_it() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    async with pair.watch() as tab, pair.watch() as other, pair.watch(AGENT) as agent:
        await tab.send(type="userEdit", key="iban", value="DE89", ref="1")
        await tab.send(type="release", key="iban", ref="2")
        _, ack, released = await tab.shown()
        assert (ack["type"], ack["by"], ack["seq"], ack["ref"]) == ("ack", "user", 1, "1")
        assert (released["type"], released["by"], released["seq"], released["ref"]) == ("ack", "default", 2, "2")
        edits = await other.shown("edit")
        assert [(edit["value"], edit["by"], edit["seq"]) for edit in edits] == [
            ("DE89", "user", ack["seq"]),
            ("DE89", "default", released["seq"]),
        ]
        assert [(edit["value"], edit["sensitive"]) for edit in await agent.shown("edit")] == [(None, True)] * 2


@pytest.mark.parametrize(
    "message", [{"type": "userEdit", "key": "name", "value": 1}, {"type": "release", "key": "name"}]
)
@in_virtual_time
async def test_i1_an_agent_on_the_socket_cannot_write_as_the_person(message: dict[str, Any]) -> None:
    pair = await open_pair(virtual_engine(), FORM | {"context": {"name": "Ada"}})
    async with pair.watch(AGENT) as agent:
        await agent.send(**message)
        (error,) = await agent.shown("error")
        assert error["code"] == "user_required"
    assert (await pair.values(), await pair.log()) == ({"name": ("Ada", "user")}, [])


class Chat(DefaultHandler):
    """A mode whose watchers can talk."""

    def process_ws_message(self, session: Session, message: Mapping[str, Any]) -> list[Outcome]:
        if message["type"] != "say":
            return super().process_ws_message(session, message)
        return [session.write(f"{session.author} says", message["text"])]


CHAT = {**DEFAULT_HANDLERS, "chat": Chat()}


@in_virtual_time
async def test_i1_a_modes_own_messages_are_written_in_the_role_of_their_connection() -> None:
    pair = await open_pair(virtual_engine(mode_handlers=CHAT), {"mode": "chat"})
    async with pair.watch() as page, pair.watch(AGENT) as agent:
        for viewer in (page, agent):
            await viewer.send(type="say", text="hello", by="user", role="user", ref=1)
            (ack,) = await viewer.shown("ack")
            assert ack["key"] == f"{viewer.watch.role} says"
        assert [frame["key"] for frame in await page.shown("action", "edit")] == ["agent says"]
    assert await pair.values() == {"user says": ("hello", "user"), "agent says": ("hello", "ai")}


UNHEARD: dict[str, tuple[dict[str, Any], str]] = {
    "of a type the mode does not know": ({"type": "shout"}, "unknown_message"),
    "with a number no page can hold": ({"type": "say", "text": 2**60}, "invalid_value"),
    "nested deeply": ({"type": "say", "text": [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}, "invalid_value"),
    "too large": ({"type": "say", "text": "x" * 40_000}, "value_too_large"),
}


@pytest.mark.parametrize(("message", "code"), UNHEARD.values(), ids=UNHEARD)
@in_virtual_time
async def test_i8_a_message_no_mode_may_get_is_answered_with_the_reason(message: dict[str, Any], code: str) -> None:
    pair = await open_pair(virtual_engine(mode_handlers=CHAT), {"mode": "chat"})
    async with pair.watch() as page:
        await page.send(**message)
        assert [frame["code"] for frame in await page.shown("error")] == [code]
    assert await pair.log() == []


@in_virtual_time
async def test_i5_a_page_that_was_away_gets_all_it_missed() -> None:
    pair = await open_pair(virtual_engine())
    async with pair.watch() as page:
        await pair.act({"name": 1})
        seen = (await page.shown("done"))[0]["cursor"]
    await pair.act({"name": 2})
    await pair.edit("age", 3)
    async with pair.watch(after=seen) as page:
        connected, *missed = await page.shown()
        assert (connected["recovered"], connected["cursor"], connected["snapshot"]) == (True, seen, None)
        assert [(frame["type"], frame["seq"]) for frame in missed] == [("action", 3), ("done", 4), ("edit", 5)]
        await pair.act({"plan": 4})
        assert [frame["seq"] for frame in await page.shown("action", "done", "edit")] == [3, 4, 5, 6, 7]


@in_virtual_time
async def test_i5_what_a_page_is_shown_folds_into_what_the_store_holds() -> None:
    pair = await open_pair(virtual_engine())
    async with pair.watch() as page:
        for number in range(30):
            await pair.act({"a": number, "b": -number, "c": number}, stream=True, intervalMs=700)
            await page.send(type="userEdit", key=str(number % 3), value=number)
            await asyncio.sleep(0.05)
        await asyncio.sleep(30)
        view: dict[str, Any] = {}
        for frame in await page.shown("action", "edit"):
            view[frame["key"]] = frame["value"]
        held = await pair.values()
        assert view == {key: value for key, (value, by) in held.items() if by == "ai"}


@in_virtual_time
async def test_a_session_has_a_bounded_number_of_watchers() -> None:
    pair = await open_pair(virtual_engine(Limits(watchers_per_session=1)))
    async with pair.watch():
        full = await refusal(pair.engine.watch(pair.session_id, pair.user))
        assert (full.code, full.close_code) == ("too_many_watchers", CloseCode.FLOOD)
    async with pair.watch():
        assert pair.engine.statistics.watchers == 1


@in_virtual_time
async def test_draining_sends_watchers_elsewhere_spread_out_and_lets_requests_finish() -> None:
    engine = virtual_engine(Limits(drain_spread=2))
    pair = await open_pair(engine)
    gate = asyncio.Event()

    @engine.on_action
    async def slow(*_: object) -> None:
        await gate.wait()

    running = asyncio.create_task(pair.act({"name": 1}))
    polling = asyncio.create_task(pair.diff(since=pair.created["cursor"], wait=25))
    async with pair.watch() as first, pair.watch() as second:
        await first.shown()
        began = loop_time()
        asyncio.get_running_loop().call_later(4, gate.set)
        await engine.drain()
        assert loop_time() - began == pytest.approx(4)
        for page in (first, second):
            assert (page.frames[-1]["type"], page.closed) == ("draining", CloseCode.DRAINING)
            assert 0 <= page.frames[-1]["afterMs"] <= 2000
    assert (await running)[0]["applied"] == ["name"]
    assert loop_time() - began < 6
    assert (await polling)["changes"] == []
    assert await code_of(engine.watch(pair.session_id, pair.user)) == (503, "draining")
    engine.resume()
    async with pair.watch():
        assert engine.statistics.watchers == 1
    await engine.aclose()


# Differences


@in_virtual_time
async def test_changes_since_a_cursor_and_since_an_instant_in_any_form_are_the_same() -> None:
    pair = await open_pair(virtual_engine())
    await pair.act({"a": 1})
    middle = await pair.diff()
    await pair.act({"b": 2})
    await pair.edit("c", 3)
    at = middle["changes"][0]["at"]
    assert at.endswith("+00:00")
    forms = [middle["cursor"], at, at.replace("+", " "), at.replace("+00:00", "Z"), at.replace("+00:00", "")]
    for since in forms:
        diff = await pair.diff(since=since)
        assert ([change["key"] for change in diff["changes"]], diff["truncated"]) == (["b", "c"], False), since
        assert (diff["since"], diff["cursor"]) == (since, str((await pair.record()).session.cursor))


@pytest.mark.parametrize("since", ["yesterday", "ffffffff.1", "-1", "ahead"])
@in_virtual_time
async def test_a_since_that_is_no_place_in_the_log_is_answered_and_marked(since: str) -> None:
    pair = await open_pair(virtual_engine())
    await pair.act({"a": 1})
    if since == "ahead":
        since = (await pair.diff())["cursor"] + "9"
    diff = await pair.diff(since=since)
    assert ([change["key"] for change in diff["changes"]], diff["truncated"]) == (["a"], True)


@in_virtual_time
async def test_a_diff_says_when_the_log_no_longer_reaches_back() -> None:
    pair = await open_pair(virtual_engine(Limits(log_events=4, replay_events=4, diff_events=2)))
    begin = (await pair.diff())["cursor"]
    await pair.act({"a": 1})
    first = (await pair.diff())["changes"][0]["at"]
    truncated = {since: (await pair.diff(since=since))["truncated"] for since in (begin, first, "")}
    assert truncated == {begin: False, first: False, "": False}
    await pair.act({"b": 1, "c": 1, "d": 1})
    assert (await pair.diff(since=begin))["truncated"]
    assert (await pair.diff(since=first))["truncated"]
    latest = await pair.diff()
    assert ([change["key"] for change in latest["changes"]], latest["truncated"]) == (["c", "d"], True)


@in_virtual_time
async def test_a_long_poll_returns_with_the_first_change_or_empty_at_its_end() -> None:
    pair = await open_pair(virtual_engine())
    cursor = pair.created["cursor"]
    began = loop_time()
    assert (await pair.diff(since=cursor, wait="7"))["changes"] == []
    assert loop_time() - began == pytest.approx(7)
    assert (await pair.diff(since=cursor, wait=1000))["changes"] == []
    assert loop_time() - began == pytest.approx(32)

    poll = asyncio.create_task(pair.diff(since=cursor, wait=25))
    await asyncio.sleep(3)
    await pair.engine.post_extend(pair.session_id, {}, pair.user)
    await asyncio.sleep(3)
    await pair.edit("name", "Ada")
    assert [change["to"] for change in (await poll)["changes"]] == ["Ada"]
    assert loop_time() - began == pytest.approx(38)
    assert pair.engine.statistics == REST


@pytest.mark.parametrize("wait", ["soon", "", "-1", "nan", -0.5])
@in_virtual_time
async def test_i8_a_wait_that_is_no_time_is_a_400(wait: str | float) -> None:
    pair = await open_pair(virtual_engine())
    assert (await refusal(pair.diff(wait=wait))).status == 400


async def end_by_revoking(pair: Pair) -> None:
    await pair.engine.revoke(pair.session_id, pair.user)


async def end_by_rotating(pair: Pair) -> None:
    await pair.engine.rotate(pair.session_id, {}, pair.user)


async def end_by_waiting(_: Pair) -> None:
    await asyncio.sleep(10)


ENDS: dict[str, tuple[Callable[[Pair], Awaitable[None]], str]] = {
    "revoked": (end_by_revoking, "session_revoked"),
    "rotated": (end_by_rotating, "invalid_token"),
    "expired": (end_by_waiting, "session_expired"),
}


@pytest.mark.parametrize(("end", "code"), ENDS.values(), ids=ENDS)
@in_virtual_time
async def test_i13_a_long_poll_learns_of_its_end_within_a_second(
    end: Callable[[Pair], Awaitable[None]], code: str
) -> None:
    pair = await open_pair(virtual_engine(ttl=10))
    poll = asyncio.create_task(pair.diff(since=pair.created["cursor"], wait=25))
    await asyncio.sleep(0)
    await end(pair)
    ended_at = loop_time()
    assert (await refusal(poll)).code == code
    assert loop_time() - ended_at < 1


# How a session goes on, and how it ends


@in_virtual_time
async def test_a_rotated_token_opens_nothing_and_its_watchers_are_closed() -> None:
    pair = await open_pair(virtual_engine())
    async with pair.watch() as page, pair.watch(AGENT) as agent:
        await agent.shown()
        payload, _ = await pair.engine.rotate(pair.session_id, {}, pair.user)
        await page.shown()
        assert (agent.closed, page.closed) == (CloseCode.UNAUTHENTICATED, None)
        (rotated,) = await page.shown("rotated")
        assert rotated["seq"] == 1
    assert await code_of(pair.act({"a": 1})) == (403, "invalid_token")
    fresh = Pair(pair.engine, pair.created | {"token": payload["token"]})
    assert (await fresh.act({"a": 1}))[0]["applied"] == ["a"]


@in_virtual_time
async def test_what_an_agent_began_before_its_token_was_rotated_comes_to_nothing() -> None:
    engine = virtual_engine()

    @engine.on_action
    @engine.on_extend
    async def slow(*_: object) -> None:
        await asyncio.sleep(2)

    pair = await open_pair(engine)
    batch = asyncio.create_task(pair.act({"a": 1}))
    extension = asyncio.create_task(engine.post_extend(pair.session_id, {}, pair.agent))
    await asyncio.sleep(1)
    await engine.rotate(pair.session_id, {}, pair.user)
    assert await code_of(batch) == await code_of(extension) == (403, "invalid_token")
    assert [event.type for event in await pair.log()] == ["rotated"]


@in_virtual_time
async def test_i13_a_revoked_session_closes_its_watchers_and_refuses_every_operation() -> None:
    pair = await open_pair(virtual_engine(), FORM | {"context": {"name": "Ada"}})
    async with pair.watch() as page, pair.watch(AGENT) as agent:
        await pair.engine.revoke(pair.session_id, pair.user)
        for viewer in (page, agent):
            assert (await viewer.shown())[-1] == {"type": "revoked"}
            assert viewer.closed == CloseCode.ENDED
    for role in Role:
        for name, operation in operations(pair, pair.of(role)).items():
            assert await code_of(operation()) == (404, "session_revoked"), name
    assert "Ada" not in repr((await pair.record()).session.values)


ENDED: dict[str, tuple[float, Callable[[Pair], Awaitable[object]], str]] = {
    "expired": (1800, lambda _: asyncio.sleep(0), "session_expired"),
    "revoked": (0, end_by_revoking, "session_revoked"),
}


@pytest.mark.parametrize(("age", "end", "code"), ENDED.values(), ids=ENDED)
async def test_for_ten_minutes_the_holder_of_a_credential_is_told_why_and_nobody_else(
    age: float, end: Callable[[Pair], Awaitable[object]], code: str
) -> None:
    clock = ManualClock()
    engine = ProtocolEngine(store=MemoryStore(clock=clock))
    pair = await open_pair(engine)
    clock.advance(age)
    await end(pair)
    for _ in range(2):
        for holder in (pair.agent, pair.user):
            assert await code_of(engine.get_context(pair.session_id, holder)) == (404, code)
        assert await code_of(engine.get_context(pair.session_id, "wrong")) == (404, "session_not_found")
        clock.advance(599)
    assert await code_of(engine.get_context(pair.session_id, pair.agent)) == (404, "session_not_found")


async def test_only_authenticated_use_keeps_a_session_alive() -> None:
    clock = ManualClock()
    engine = ProtocolEngine(store=MemoryStore(clock=clock))
    pair = await open_pair(engine)
    for use in (pair.context, pair.diff, lambda: pair.act({"a": 1}), lambda: pair.edit("b", 1)):
        clock.advance(1799)
        await use()
    clock.advance(1799)
    await engine.watch(pair.session_id, pair.user)
    await code_of(engine.get_context(pair.session_id, "wrong"))
    await code_of(engine.get_context(pair.session_id, None))
    clock.advance(1)
    assert await code_of(pair.context()) == (404, "session_expired")


async def test_i12_no_use_and_no_extension_prolongs_a_session_beyond_its_absolute_lifetime() -> None:
    clock = ManualClock()
    engine = ProtocolEngine(store=MemoryStore(clock=clock), limits=Limits(max_lifetime=10_000))
    pair = await open_pair(engine)
    assert pair.created["maxExpiresIn"] == 10_000
    payload, _ = await engine.post_extend(pair.session_id, {"extraSeconds": 86_400}, pair.user)
    assert payload == {"ok": True, "extended": 8200, "expiresIn": 10_000}
    assert await code_of(engine.post_extend(pair.session_id, {}, pair.user)) == (409, "lifetime_exhausted")
    for _ in range(9):
        clock.advance(1000)
        await pair.act({"a": 1})
        assert await code_of(engine.post_extend(pair.session_id, {}, pair.user)) == (409, "lifetime_exhausted")
    clock.advance(999)
    assert (await pair.context())["expiresIn"] == 1
    clock.advance(1)
    assert await code_of(pair.context()) == (404, "session_expired")


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0, 3600.0, -3600.0])
async def test_i12_a_jump_of_the_wall_clock_changes_no_lifetime_no_window_and_no_order(
    jump: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, wall = ManualClock(), ManualClock(1_767_268_800.0)
    engine = ProtocolEngine(store=MemoryStore(clock=clock))
    monkeypatch.setattr(engine._transactions, "_wall_clock", wall)
    pair = await open_pair(engine)
    await pair.act({"a": 1})
    since = (await pair.diff())["changes"][-1]["at"]
    wall.advance(jump)
    clock.advance(100)
    reply = await pair.act({"b": 1})
    assert reply[0]["expiresIn"] == 1800
    assert reply.quota is not None
    assert reply.quota.remaining == 59
    assert [change["key"] for change in (await pair.diff(since=since))["changes"]] == ["b"]
    clock.advance(1799)
    assert (await pair.engine.get_session(pair.session_id, pair.agent))[0]["expiresIn"] == 1
    clock.advance(1)
    assert await code_of(pair.context()) == (404, "session_expired")


EXTENSIONS: dict[str, tuple[int, Any, int | str]] = {
    "as asked": (600, None, 600),
    "granted": (600, True, 600),
    "capped": (3600, 1200, 1200),
    "capped above what was asked": (600, 1200, 600),
    "denied": (600, False, "extend_denied"),
    "denied with a reason": (600, Reject("no more today"), "denied"),
    "nothing": (0, None, "invalid_request"),
    "less than nothing": (-1, None, "invalid_request"),
    "the most": (86_400, 1, 1),
    "more than the most": (86_401, None, "invalid_request"),
}


@pytest.mark.parametrize(("asked", "answer", "granted"), EXTENSIONS.values(), ids=EXTENSIONS)
@in_virtual_time
async def test_an_extension_adds_what_is_asked_as_far_as_the_host_allows(
    asked: int, answer: Any, granted: int | str
) -> None:
    engine = virtual_engine()

    @engine.on_extend
    async def policy(*_: object) -> Any:
        return answer

    pair = await open_pair(engine)
    async with pair.watch() as page:
        extend = engine.post_extend(pair.session_id, {"extraSeconds": asked}, pair.agent)
        if isinstance(granted, str):
            assert (await refusal(extend)).code == granted
            assert await page.shown("extended") == []
        else:
            assert (await extend)[0] == {"ok": True, "extended": granted, "expiresIn": 1800 + granted}
            (extended,) = await page.shown("extended")
            assert extended["expiresIn"] == 1800 + granted


@in_virtual_time
async def test_i12_a_request_that_was_admitted_before_an_extension_takes_nothing_back() -> None:
    """The host's own login check can take a while; what the request knew of the session's time is old by then."""

    async def slow_login(request: object, _: object) -> bool:
        await asyncio.sleep(2 if request == "slow" else 0)
        return True

    engine = virtual_engine(require_browser_auth=slow_login)
    pair = await open_pair(engine)
    reading = asyncio.create_task(engine.get_context(pair.session_id, None, "slow"))
    await asyncio.sleep(1)
    await engine.post_extend(pair.session_id, {"extraSeconds": 7200}, None, "quick")
    await reading
    assert (await engine.get_session(pair.session_id, pair.agent))[0]["expiresIn"] == 9000 - 1


@in_virtual_time
async def test_i13_a_request_whose_session_expires_while_it_is_admitted_revives_nothing() -> None:
    async def slow_login(*_: object) -> bool:
        await asyncio.sleep(4)
        return True

    pair = await open_pair(virtual_engine(ttl=3, require_browser_auth=slow_login))
    for _ in range(2):
        assert await code_of(pair.engine.get_context(pair.session_id, pair.agent)) == (404, "session_expired")


@in_virtual_time
async def test_a_creation_the_host_denies_keeps_nothing_and_says_why() -> None:
    engine = virtual_engine()

    @engine.on_create_session
    async def closed(*_: object) -> None:
        raise Reject("closed on Sundays")

    error = await refusal(engine.create_session({}))
    assert (error.status, error.code, error.detail) == (403, "denied", "closed on Sundays")


@in_virtual_time
async def test_only_the_person_learns_how_long_a_session_has_left() -> None:
    pair = await open_pair(virtual_engine())
    engine, sid = pair.engine, pair.session_id
    assert await engine.time_left(sid, pair.created["userToken"]) == 1800
    assert [await engine.time_left(sid, other) for other in ("", "wrong", pair.created["token"])] == [None] * 3
    await engine.revoke(sid, pair.user)
    assert await engine.time_left(sid, pair.created["userToken"]) == 0
    assert await engine.time_left("0" * 32, pair.created["userToken"]) is None


async def test_i9_no_secret_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    engine = ProtocolEngine()

    @engine.on_action
    async def fails(*_: object) -> None:
        raise RuntimeError("of the host's own")

    pair = await open_pair(engine)
    await pair.act({"a": 1})
    await code_of(engine.get_context(pair.session_id, pair.created["token"][:-1] + "!"))
    assert "of the host's own" in caplog.text
    assert pair.created["token"][:-1] not in caplog.text
    assert pair.created["userToken"] not in caplog.text
    assert pair.created["token"] not in repr(await record_of(pair.engine.store, pair.session_id))


# Modes that break their word


class Forgetful(ModeHandler):
    """Answers fewer actions than it was asked."""

    def context_response(self, session: Session, role: Role) -> dict[str, Any]:
        return {}

    def process_actions(self, session: Session, actions: Sequence[Action]) -> list[Outcome]:
        return super().process_actions(session, actions[1:])


async def test_a_mode_that_leaves_an_action_unanswered_is_a_fault_and_writes_nothing() -> None:
    engine = ProtocolEngine(mode_handlers={**DEFAULT_HANDLERS, "forgetful": Forgetful()})
    created, _ = await engine.create_session({"mode": "forgetful"})
    actions = [{"key": "a", "value": 1}, {"key": "b", "value": 2}]
    with pytest.raises(RuntimeError, match="'forgetful' answered 2 actions with 1 outcomes"):
        await engine.post_action(created["sessionId"], {"actions": actions}, created["token"])
    context, _ = await engine.get_context(created["sessionId"], created["token"])
    assert context["context"] == {}


async def test_what_a_hook_sets_on_the_session_it_is_shown_stays_with_the_hook() -> None:
    engine = ProtocolEngine(require_browser_auth=lambda _, session: scribble(session))

    def scribble(session: Session, *_: object) -> bool:
        session.owner = "mallory"
        session.meta["seen"] = True
        session.values.clear()
        return True

    engine.on_action(scribble)
    engine.on_extend(scribble)
    engine.on_done(scribble)
    created, _ = await engine.create_session({"data": {"a": 1}})
    session_id, token = created["sessionId"], created["token"]
    await engine.post_action(session_id, {"actions": [{"key": "b", "value": 2}]}, token)
    await engine.post_extend(session_id, {"extraSeconds": 60}, token)
    await engine.drain()

    record = await record_of(engine.store, session_id)
    assert (record.session.owner, record.session.meta, sorted(record.session.values)) == (None, {}, ["a", "b"])


# For operators and the host application


@in_virtual_time
async def test_health_says_whether_a_worker_should_be_sent_requests() -> None:
    pair = await open_pair(virtual_engine())
    async with pair.watch():
        assert tuple(await pair.engine.health()) == (
            {"status": "ready", "store": "RelayStore", "watchers": 1, "running": 0},
            200,
        )
    pair.store.before = unready
    payload, status = await pair.engine.health()
    assert (payload["status"], status) == ("unavailable", 503)
    pair.store.before = nothing
    await pair.engine.drain()
    payload, status = await pair.engine.health()
    assert (payload["status"], status) == ("draining", 503)
    pair.engine.resume()
    assert (await pair.engine.health())[1] == 200


async def unready(name: str) -> None:
    if name == "ready":
        raise StoreUnavailableError


@in_virtual_time
async def test_a_store_that_is_not_ready_is_asked_again_by_the_next_request() -> None:
    engine = virtual_engine()
    assert isinstance(engine.store, RelayStore)
    engine.store.before = unready
    with pytest.raises(StoreUnavailableError):
        await engine.create_session({})
    engine.store.before = nothing
    assert (await engine.create_session({}))[1] == 200


class ClosableStore(MemoryStore):
    closed = 0

    async def aclose(self) -> None:
        self.closed += 1


async def test_a_store_that_was_given_stays_open_and_one_from_a_url_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    given = ClosableStore()
    await ProtocolEngine(store=given).aclose()
    assert given.closed == 0
    monkeypatch.setattr("handshake_prompt.engine.engine.open_store", lambda *_: ClosableStore())
    engine = ProtocolEngine(store="memory://")
    await engine.aclose()
    assert isinstance(engine.store, ClosableStore)
    assert engine.store.closed == 1


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


# An agent that says who it is


def named(pair: Pair, name: str) -> Credential:
    return Credential(token=pair.created["token"], agent_name=name)


@in_virtual_time
async def test_a_page_is_told_which_agent_has_come_and_now_and_then_that_it_is_still_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = ManualClock()
    pair = await open_pair(virtual_engine(Limits(agent_requests=1000)))
    monkeypatch.setattr(pair.engine._transactions, "_wall_clock", clock)
    async with pair.watch() as page:
        for _ in range(3):
            await pair.engine.get_context(pair.session_id, named(pair, "Claude"))
            clock.advance(19)
        assert [(frame["event"], frame["name"]) for frame in await page.shown("agent")] == [("joined", "Claude")]
        clock.advance(4)
        await pair.engine.get_diff(pair.session_id, named(pair, "Claude"))
        await pair.engine.post_action(pair.session_id, {"actions": []}, named(pair, "Other"))
        await pair.act({"name": "Ada"})
        frames = await page.shown("agent")
        assert [(frame["event"], frame["name"]) for frame in frames[1:]] == [("active", "Claude"), ("joined", "Other")]
        assert all(frame["cursor"].endswith(f".{frame['seq']}") for frame in frames)


@in_virtual_time
async def test_i2_requests_at_the_same_moment_announce_an_agent_once() -> None:
    pair = await open_pair(virtual_engine())
    async with pair.watch() as page:
        await asyncio.gather(*(pair.engine.get_context(pair.session_id, named(pair, "Claude")) for _ in range(5)))
        assert len(await page.shown("agent")) == 1


@in_virtual_time
async def test_who_is_no_agent_and_who_has_no_name_is_not_announced() -> None:
    pair = await open_pair(virtual_engine())
    user = Credential(user_token=pair.created["userToken"], agent_name="Mallory")
    async with pair.watch() as page:
        await pair.engine.get_context(pair.session_id, user)
        await pair.engine.get_context(pair.session_id, pair.agent)
        await pair.engine.get_session(pair.session_id, named(pair, "Claude"))
        with pytest.raises(HandshakeError):
            await pair.engine.get_context(pair.session_id, Credential(token="x", agent_name="Mallory"))
        assert await page.shown("agent") == []


@in_virtual_time
async def test_an_announcement_that_fails_costs_the_request_nothing() -> None:
    pair = await open_pair(virtual_engine())
    pair.store.before = unsaved
    assert (await pair.engine.get_context(pair.session_id, named(pair, "Claude")))[1] == 200
    await asyncio.sleep(1)
    assert pair.engine.statistics == Statistics(0, 0, 0)


async def unsaved(name: str) -> None:
    if name == "save":
        raise StoreUnavailableError
