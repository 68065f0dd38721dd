"""Every operation of the protocol on the engine alone: no web framework, no server, and time that the tests decide."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from handshake_prompt import Limits, MemoryStore, ProtocolEngine, Reply, Role
from handshake_prompt.protocol.errors import CloseCode
from handshake_prompt.session import Session
from tests.conftest import FORM
from tests.support.clock import ManualClock
from tests.support.pairing import REST, Pair, code_of, open_pair, operations, refusal, virtual_engine
from tests.support.sessions import record_of
from tests.support.virtual_time import in_virtual_time

AGENT, USER = Role.AGENT, Role.USER


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


def test_i9_a_reply_shows_its_members_and_none_of_their_values() -> None:
    assert repr(Reply({"token": "secret"}, user_token="secret")) == "<Reply 200 ['token']>"


@pytest.mark.parametrize("ttl", [0, -1, float("nan")])
def test_a_ttl_is_a_positive_number(ttl: float) -> None:
    with pytest.raises(ValueError, match="ttl"):
        ProtocolEngine(ttl=ttl)


# How a session goes on, and how it ends


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
    "revoked": (0, lambda pair: pair.engine.revoke(pair.session_id, pair.user), "session_revoked"),
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
        assert await code_of(engine.get_context(pair.session_id, "wrong")) == (403, "invalid_token")
        clock.advance(599)
    assert await code_of(engine.get_context(pair.session_id, pair.agent)) == (403, "invalid_token")


async def test_an_agent_is_not_told_that_the_person_ended_what_the_host_has_ended() -> None:
    pair = await open_pair(ProtocolEngine())
    assert await pair.engine.close_session(pair.session_id)
    error = await refusal(pair.engine.get_context(pair.session_id, pair.agent))
    assert "application" in error.detail
    assert "person has ended" not in error.detail + " ".join(error.next_steps)
    assert not await pair.engine.close_session(pair.session_id), "it has ended before"
    assert not await pair.engine.close_session("0" * 32)


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
    monkeypatch.setattr(engine._workers.here.transactions, "_wall_clock", wall)
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


@in_virtual_time
async def test_only_the_person_learns_what_their_credential_is_good_for() -> None:
    pair = await open_pair(virtual_engine())
    engine, sid, user_token = pair.engine, pair.session_id, pair.created["userToken"]
    until = engine.store.now() + 1800
    assert await engine.person_place(sid, user_token) == (until, 0)
    async with await engine.watch(sid, pair.user):
        assert await engine.person_place(sid, user_token) == (until, 1)
    assert [await engine.person_place(sid, other) for other in ("", "wrong", pair.created["token"])] == [None] * 3
    assert await engine.person_place("0" * 32, user_token) is None
    await engine.revoke(sid, pair.user)
    assert await engine.person_place(sid, user_token) == (0, 0)


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
