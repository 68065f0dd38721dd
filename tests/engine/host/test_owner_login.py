"""The host's login that names the owner of a request: whose a session is, and who gets at it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from handshake_prompt import Credential, Limits, ProtocolEngine, Reject, Session
from handshake_prompt.engine.delivery.watcher import Watcher
from handshake_prompt.protocol.errors import CloseCode
from tests.support.pairing import Pair, code_of, open_pair, refusal, virtual_engine
from tests.support.sessions import record_of
from tests.support.virtual_time import in_virtual_time, loop_time

ADA = UUID("4ec6d8a3-7a0e-4b6f-9a39-3f0c2d1f6a11")


async def login(request: Any) -> Any:
    """Answer whoever the request says; the requests of these tests are their own answers."""
    return request


async def opened(owner: Any, owner_of: Callable[..., Any] = login) -> Pair:
    engine = virtual_engine(owner=owner_of)
    reply = await engine.create_session({"mode": "default", "userToken": True}, owner)
    return Pair(engine, reply.payload)


@pytest.mark.parametrize(
    ("owner", "kept"),
    [
        pytest.param(7, 7, id="a number"),
        pytest.param(0, 0, id="zero"),
        pytest.param("ada", "ada", id="a text"),
        pytest.param(ADA, str(ADA), id="a UUID"),
        pytest.param((3, ADA), [3, str(ADA)], id="a tuple"),
        pytest.param((None, 7), [None, 7], id="a tuple with a part left out"),
    ],
)
@in_virtual_time
async def test_a_session_is_the_owners_as_it_is_stored(owner: Any, kept: Any) -> None:
    pair = await opened(owner)
    assert (await record_of(pair.store, pair.session_id)).session.owner == kept
    assert (await pair.engine.get_session(pair.session_id, None, owner)).payload["role"] == "user"
    assert await code_of(pair.engine.get_session(pair.session_id, None, "another")) == (403, "invalid_token")
    assert await pair.engine.revoke_owner(owner) == 1


@pytest.mark.parametrize("nobody", [None, "", (), (None,), (None, ""), {}, {"id": None}], ids=repr)
@in_virtual_time
async def test_nobody_opens_and_gets_at_nothing_and_is_refused_quietly(
    nobody: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "handshake_prompt")
    pair = await opened("ada")
    refused = await refusal(pair.engine.create_session({}, nobody))
    assert (refused.status, refused.code) == (403, "denied")
    assert "log in" in refused.detail
    assert await code_of(pair.engine.get_context(pair.session_id, None, nobody)) == (403, "invalid_token")
    assert caplog.text == ""


@pytest.mark.parametrize("answer", [True, False, object()], ids=["yes", "no", "an object"])
@in_virtual_time
async def test_an_answer_that_is_no_id_lets_nobody_in_and_says_what_to_return(
    answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def owner_of(_: Any) -> Any:
        return answer

    assert await code_of(virtual_engine(owner=owner_of).create_session({})) == (403, "denied")
    assert "return user.id" in caplog.text or "use an id" in caplog.text


@in_virtual_time
async def test_a_login_that_fails_denies_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fails(request: Any) -> str:
        if request == "ada":
            return "ada"
        raise RuntimeError("the user database is away")

    pair = await opened("ada", fails)
    assert await code_of(pair.engine.create_session({}, "eve")) == (403, "denied")
    assert await code_of(pair.engine.get_context(pair.session_id, pair.user, "eve")) == (403, "invalid_token")
    assert caplog.text.count("RuntimeError: the user database is away") == 2


@in_virtual_time
async def test_a_login_may_give_its_reason() -> None:
    async def closed(_: Any) -> str:
        raise Reject("Confirm your address first")

    refused = await refusal(virtual_engine(owner=closed).create_session({}))
    assert refused.detail == "Confirm your address first"


@in_virtual_time
async def test_the_cookie_of_a_session_proves_nothing_to_another_owner() -> None:
    pair = await opened("ada")
    for request in ("eve", None):
        edit = pair.engine.post_notify(pair.session_id, {"key": "a", "value": 1}, pair.user, request)
        assert await code_of(edit) == (403, "invalid_token")
    assert (await pair.engine.post_notify(pair.session_id, {"key": "a", "value": 1}, None, "ada")).status == 200


@in_virtual_time
async def test_the_agent_needs_no_login() -> None:
    pair = await opened("ada")
    assert (await pair.act({"a": 1})).payload["applied"] == ["a"]


@in_virtual_time
async def test_an_owner_from_a_foreign_page_is_nobody() -> None:
    pair = await opened("ada")
    foreign = Credential(foreign_origin=True)
    edit = pair.engine.post_notify(pair.session_id, {"key": "a", "value": 1}, foreign, "ada")
    assert await code_of(edit) == (403, "origin_not_allowed")
    assert await code_of(pair.engine.get_context(pair.session_id, foreign, "ada")) == (403, "invalid_token")


@in_virtual_time
async def test_who_logs_out_has_no_access_from_then_on() -> None:
    logged_in = ["ada"]

    async def owner_of(_: Any) -> str:
        return logged_in[-1]

    pair = await opened(None, owner_of)
    assert (await pair.engine.get_context(pair.session_id, pair.user)).status == 200
    logged_in.append("")
    assert await code_of(pair.engine.get_context(pair.session_id, pair.user)) == (403, "invalid_token")


@in_virtual_time
async def test_hooks_see_the_owner_and_cannot_lock_it_out(caplog: pytest.LogCaptureFixture) -> None:
    engine = virtual_engine(owner=login)
    seen = []

    @engine.on_create_session
    async def look(session: Session, request: Any) -> None:
        seen.append(session.owner)
        session.owner = ADA if request == str(ADA) else "another"

    assert await code_of(engine.create_session({}, "ada")) == (403, "denied")
    assert "session.owner" in caplog.text
    assert (await engine.create_session({}, str(ADA))).status == 200
    assert seen == ["ada", str(ADA)]


def test_two_proofs_of_the_user_are_refused() -> None:
    with pytest.raises(ValueError, match="give one of them"):
        ProtocolEngine(owner=login, require_browser_auth=login)


async def test_a_plain_login_is_called_beside_the_event_loop() -> None:
    where = []

    def owner_of(_: Any) -> str:
        where.append(threading.current_thread())
        return "ada"

    pair = await open_pair(ProtocolEngine(owner=owner_of))
    assert (await pair.engine.get_session(pair.session_id)).status == 200
    assert threading.main_thread() not in where


# A connection that outlives its login


class Account:
    """A login that changes while a connection of its is open, and how often it was asked."""

    def __init__(self) -> None:
        self.owner: str | None = "ada"
        self.asked = 0

    async def __call__(self, _: Any) -> str | None:
        self.asked += 1
        return self.owner


async def watched(account: Account, keepalive: float = 25) -> tuple[Pair, Watcher]:
    """Open a session and watch it as its person, with everything told that there is to be told."""
    engine = virtual_engine(Limits(keepalive=keepalive), owner=account)
    reply = await engine.create_session({"mode": "form-fill", "schema": [{"key": "name"}]})
    pair = Pair(engine, reply.payload)
    return pair, await engine.watch(pair.session_id)


@pytest.mark.parametrize("owner", [None, "eve"], ids=["nobody", "another"])
@in_virtual_time
async def test_a_connection_is_closed_once_its_person_is_logged_in_no_more(owner: str | None) -> None:
    account, began = Account(), loop_time()
    _, watcher = await watched(account)
    async with watcher:
        kinds = [(await anext(frames)).kind for frames in [aiter(watcher)] for _ in range(3)]
        assert kinds == ["connected", "heartbeat", "heartbeat"]
        account.owner = owner
        assert [frame.kind async for frame in watcher] == ["heartbeat"]
        assert loop_time() - began <= 60 + 25
        assert watcher.close_code is CloseCode.UNAUTHENTICATED


@in_virtual_time
async def test_what_a_page_sends_after_a_logout_is_not_carried_out_once_the_hosts_word_is_old() -> None:
    account = Account()
    pair, watcher = await watched(account, keepalive=600)
    async with watcher:
        account.owner = None
        await asyncio.sleep(59)
        await watcher.receive('{"type": "userEdit", "key": "name", "value": "in time"}')
        await asyncio.sleep(1)
        await watcher.receive('{"type": "userEdit", "key": "name", "value": "too late"}')
        assert (await record_of(pair.store, pair.session_id)).session.value("name") == "in time"
        assert watcher.close_code is CloseCode.UNAUTHENTICATED


@in_virtual_time
async def test_the_host_is_asked_once_a_minute_however_much_a_connection_carries() -> None:
    account = Account()
    _, watcher = await watched(account)
    async with watcher:
        reading = asyncio.create_task(_drain(watcher))
        before = account.asked
        for number in range(300):
            await watcher.receive(f'{{"type": "userEdit", "key": "name", "value": "{number}"}}')
            await asyncio.sleep(1)
        assert account.asked - before == 4
        assert not reading.done()
        reading.cancel()


@in_virtual_time
async def test_a_connection_of_the_agents_is_asked_no_login_of() -> None:
    account = Account()
    pair, mine = await watched(account)
    account.owner = None
    async with mine, await pair.engine.watch(pair.session_id, pair.agent) as watcher:
        before = account.asked
        assert [(await anext(frames)).kind for frames in [aiter(watcher)] for _ in range(6)][1:] == ["heartbeat"] * 5
        assert account.asked == before


async def _drain(watcher: Watcher) -> None:
    async for _ in watcher:
        pass
