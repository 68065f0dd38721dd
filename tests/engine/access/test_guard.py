"""The guard: who may do what, and what a stranger's attempt costs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from handshake_prompt import Credential, Limits
from tests.conftest import FORM
from tests.support.pairing import OPERATIONS, Pair, code_of, open_pair, operations, refusal, virtual_engine
from tests.support.virtual_time import in_virtual_time

USERS_ONLY = {"notify", "paste", "rotate", "revoke"}
AGENTS_ONLY = {"action", "ask"}


DONE_BY_AGENT = {name: "user_required" if name in USERS_ONLY else "done" for name in OPERATIONS}


DONE_BY_USER = {name: "agent_required" if name in AGENTS_ONLY else "done" for name in OPERATIONS}


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


@in_virtual_time
async def test_what_each_role_may_do() -> None:
    for caller, (credential, outcomes) in CALLERS.items():
        for operation, outcome in outcomes.items():
            engine = virtual_engine()
            mine, other = await open_pair(engine), await open_pair(engine)
            work = operations(mine, credential(mine, other))[operation]()
            if outcome == "done":
                await work
            else:
                assert (caller, operation, *await code_of(work)) == (caller, operation, 403, outcome)
                assert await mine.log() == []


@pytest.mark.parametrize("operation", ["extend", "action", "notify", "rotate", "ask", "answer"])
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
        "ask": lambda who: engine.post_ask(sid, never_read, who),
        "answer": lambda who: engine.post_answer(sid, "0a1b2c3d.1", never_read, who),
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
    names = [f"{number:032x}" for number in range(22)]
    answers = [await code_of(engine.get_context(name, elsewhere)) for name in names]
    assert answers == [(403, "invalid_token")] * 20 + [(429, "too_many_attempts")] * 2


@in_virtual_time
async def test_one_address_opens_a_bounded_number_of_sessions() -> None:
    engine = virtual_engine(Limits(creates_per_address=2))
    here, there = Credential(address="192.0.2.1"), Credential(address="192.0.2.2")
    for _ in range(2):
        await engine.create_session({}, credential=here)
    assert await code_of(engine.create_session({}, credential=here)) == (429, "rate_limited")
    await engine.create_session({}, credential=there)
