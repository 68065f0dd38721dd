"""Pickups over stores and workers: one exchange of a code, whatever happens around it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from handshake_prompt import Credential, HandshakeApp, HandshakeError, Limits, parse_prompt
from handshake_prompt.protocol.credentials import digest_token
from handshake_prompt.protocol.errors import StoreUnavailableError
from handshake_prompt.session.pickup import MOST_TOLD
from handshake_prompt.stores import MemoryStore
from handshake_prompt.texts.pickup_codes import read_code
from tests.conftest import FORM
from tests.support.clock import ManualClock
from tests.support.in_process import client, open_in_process
from tests.support.peer import Peer
from tests.support.sessions import record_of
from tests.support.stores import EACH_KIND, fresh_url

PICKUP = {**FORM, "pickup": True}
ROOM = Limits().replace(creates_per_address=10_000, wrong_codes_per_address=20)


@pytest.fixture(params=EACH_KIND)
async def two(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[HandshakeApp, HandshakeApp]]:
    """Two workers over one store; over one in memory, which serves one process, twice the same."""
    url = fresh_url(request.param, tmp_path, lambda: request.getfixturevalue("redis"))
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(HandshakeApp(store=url, limits=ROOM))
        is_alone = request.param == "memory"
        second = first if is_alone else await stack.enter_async_context(HandshakeApp(store=url, limits=ROOM))
        yield first, second


def url_of(peer: Peer) -> str:
    return str(peer.created["pickup"]["url"])


async def new_code(peer: Peer) -> str:
    reply = await peer.user("POST", "pickup", {})
    assert reply.status_code == 200, reply.text
    return str(reply.json()["pickup"]["url"])


async def tokens(replies: list[httpx.Response]) -> list[str]:
    return [parse_prompt(reply.text).token for reply in replies if reply.status_code == 200]


async def test_of_64_clients_at_two_workers_one_is_given_the_prompt_and_the_person_is_told_of_63(
    two: tuple[HandshakeApp, HandshakeApp],
) -> None:
    peer = await open_in_process(two[0], PICKUP)
    clients = [client(app) for app in two]
    replies = await asyncio.gather(*(clients[n % 2].get(url_of(peer)) for n in range(64)))
    assert Counter(reply.status_code for reply in replies) == {200: 1, 409: 63}
    told = (await peer.context(role="user"))["pickup"]
    assert (told["taken"], told["refused"]) == (True, 63)
    loaded = await two[0].engine.store.load(peer.session_id, after=0)
    assert loaded is not None
    assert loaded.log is not None
    kinds = [event.type for event in loaded.log.events]
    assert kinds == ["rotated", "pickedUp", *["pickupRefused"] * 63]
    (token,) = await tokens(list(replies))
    assert loaded.record.session.token_digest == digest_token(token)


async def test_one_client_that_asks_both_workers_again_and_again_is_given_one_token(
    two: tuple[HandshakeApp, HandshakeApp],
) -> None:
    peer = await open_in_process(two[0], PICKUP)
    clients = [client(app) for app in two]
    key = {"Idempotency-Key": "one-client"}
    replies = await asyncio.gather(*(clients[n % 2].post(url_of(peer), headers=key) for n in range(16)))
    assert len(set(await tokens(list(replies)))) == 1
    assert (await peer.context(role="user"))["pickup"]["refused"] == 0


async def test_a_new_code_voids_the_one_before_at_every_worker(two: tuple[HandshakeApp, HandshakeApp]) -> None:
    peer = await open_in_process(two[0], PICKUP)
    url = await new_code(peer)
    assert (await client(two[1]).get(url_of(peer))).status_code == 404
    assert (await client(two[1]).get(url)).status_code == 200


async def test_ten_thousand_guesses_find_nothing_and_lock_nobody_out() -> None:
    hpp = HandshakeApp(limits=Limits(creates_per_address=10_000))
    peers = [await open_in_process(hpp, PICKUP) for _ in range(20)]
    guesses: Counter[str] = Counter()
    for n in range(10_000):
        with pytest.raises(HandshakeError) as refused:
            await hpp.engine.exchange_pickup(f"{n * 104_729:012d}", Credential(address="127.0.0.1"))
        guesses[refused.value.code] += 1
    assert guesses == {"pickup_not_found": 20, "too_many_attempts": 9_980}
    http = client(hpp)
    assert {(await http.get(url_of(peer))).status_code for peer in peers} == {200}
    assert {(await peer.user("GET", "context")).status_code for peer in peers} == {200}


async def test_guesses_from_many_addresses_are_counted_together_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hpp = HandshakeApp(limits=Limits(wrong_codes=50, wrong_codes_per_address=2))
    peer = await open_in_process(hpp, PICKUP)
    base = url_of(peer).rpartition("/")[0]
    with caplog.at_level(logging.WARNING, "handshake_prompt"):
        replies = [await client(hpp, client=(f"203.0.113.{n}", 1)).get(f"{base}/{n:012d}") for n in range(100)]
    assert Counter(reply.status_code for reply in replies) == {404: 50, 429: 50}
    assert [record.message for record in caplog.records if "Wrong codes" in record.message] != []
    assert len([record for record in caplog.records if "Wrong codes" in record.message]) == 1
    assert (await client(hpp, client=("203.0.113.1", 1)).get(url_of(peer))).status_code == 200


async def test_wrong_codes_are_not_counted_as_wrong_tokens_nor_the_other_way_round() -> None:
    hpp = HandshakeApp()
    peer = await open_in_process(hpp, PICKUP)
    base = url_of(peer).rpartition("/")[0]
    for n in range(30):
        await peer.http.get(f"{base}/{n:012d}")
    assert (await peer.send("GET", "context", headers={"X-Handshake-Token": "x"})).status_code == 403
    assert (await peer.http.get(f"{base}/none")).status_code == 429


async def test_the_record_of_a_code_is_no_session_to_anybody() -> None:
    async def knows_everybody(*_: Any) -> bool:
        return True

    for options in ({}, {"require_browser_auth": knows_everybody}):
        hpp = HandshakeApp(**options)  # type: ignore[arg-type]
        peer = await open_in_process(hpp, PICKUP)
        name = digest_token(read_code(peer.created["pickup"]["code"]) or "")[:32]
        assert (await record_of(hpp.engine.store, name)).session.leads_to == peer.session_id
        for headers in ({}, peer.as_agent, {"Cookie": f"hpp_{name}=x"}, {"X-Handshake-Token": ""}):
            for path in (f"session/{name}", f"context/{name}"):
                reply = await peer.http.get(f"/handshake/{path}", headers=headers)
                assert (reply.status_code, reply.json()["code"]) == (403, "invalid_token")


async def test_a_code_and_a_key_are_kept_nowhere() -> None:
    store = MemoryStore()
    hpp = HandshakeApp(store=store)
    peer = await open_in_process(hpp, PICKUP)
    code = peer.created["pickup"]["code"]
    prompt = (await peer.http.get(f"{url_of(peer)}/a-key-of-its-own")).text
    kept = repr([(name, entry.record.session.__struct_fields__) for name, entry in store._entries.items()])
    kept += repr(
        [[getattr(e.record.session, f) for f in e.record.session.__struct_fields__] for e in store._entries.values()]
    )
    secrets = (code, code.replace("-", ""), "a-key-of-its-own", parse_prompt(prompt).token)
    assert [secret for secret in secrets if secret in kept] == []


async def test_a_refused_try_does_not_prolong_the_session() -> None:
    clock = ManualClock()
    hpp = HandshakeApp(store=MemoryStore(clock=clock))
    peer = await open_in_process(hpp, PICKUP)
    await peer.http.get(url_of(peer))
    before = (await record_of(hpp.engine.store, peer.session_id)).expires_at
    clock.advance(300)
    assert (await peer.http.get(url_of(peer))).status_code == 409
    assert (await record_of(hpp.engine.store, peer.session_id)).expires_at == before


async def test_a_code_ends_with_its_time_and_with_its_session() -> None:
    clock = ManualClock()
    hpp = HandshakeApp(store=MemoryStore(clock=clock), ttl=1000)
    first, second = [await open_in_process(hpp, PICKUP) for _ in range(2)]
    clock.advance(599)
    assert (await first.http.get(url_of(first))).status_code == 200
    clock.advance(2)
    assert (await second.http.get(url_of(second))).status_code == 404
    short = HandshakeApp(store=MemoryStore(clock=clock), ttl=60)
    third = await open_in_process(short, PICKUP)
    assert third.created["pickup"]["expiresIn"] == 60
    clock.advance(61)
    assert (await third.http.get(url_of(third))).status_code == 404


async def test_tries_beyond_those_that_are_told_are_refused_without_a_save() -> None:
    hpp = HandshakeApp()
    peer = await open_in_process(hpp, PICKUP)
    for _ in range(MOST_TOLD + 1):
        await peer.http.get(url_of(peer))
    version = (await record_of(hpp.engine.store, peer.session_id)).version
    assert [(await peer.http.get(url_of(peer))).status_code for _ in range(5)] == [409] * 5
    assert (await record_of(hpp.engine.store, peer.session_id)).version == version
    assert (await peer.context(role="user"))["pickup"]["refused"] == MOST_TOLD


async def test_a_repeated_exchange_is_a_request_of_the_agents_and_the_first_one_is_none() -> None:
    peer = await open_in_process(HandshakeApp(limits=Limits(agent_requests=2)), PICKUP)
    for _ in range(3):
        await peer.agent("GET", "context")
    replies = [await peer.http.get(f"{url_of(peer)}/key") for _ in range(4)]
    assert [reply.status_code for reply in replies] == [200, 429, 429, 429]
    assert int(replies[1].headers["retry-after"]) > 0


async def test_the_session_is_read_anew_by_its_own_client_alone_until_the_code_ends() -> None:
    clock = ManualClock()
    peer = await open_in_process(HandshakeApp(store=MemoryStore(clock=clock)), PICKUP)
    first = (await peer.http.get(f"{url_of(peer)}/key")).text
    await peer.edit("name", "Grace")
    again = (await peer.http.get(f"{url_of(peer)}/key")).text
    assert ("Grace" in first, "Grace" in again) == (False, True)
    clock.advance(601)
    assert (await peer.http.get(f"{url_of(peer)}/key")).status_code == 404


# A worker that dies, or a store that fails, in between


async def test_a_code_whose_session_was_not_saved_leads_nowhere_and_the_one_before_still_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hpp = HandshakeApp()
    peer = await open_in_process(hpp, PICKUP)
    codes: list[str] = []

    def noted() -> str:
        codes.append("7K3MQ2VX01TD")
        return codes[-1]

    async def dead(*_: Any, **__: Any) -> None:
        raise StoreUnavailableError

    with monkeypatch.context() as broken:
        broken.setattr("handshake_prompt.engine.pickups.mint_pickup_code", noted)
        broken.setattr(hpp.engine.store, "save", dead)
        assert (await peer.user("POST", "pickup", {})).status_code == 503
    base = url_of(peer).rpartition("/")[0]
    assert (await peer.http.get(f"{base}/{codes[0]}")).status_code == 404
    assert (await peer.http.get(url_of(peer))).status_code == 200


async def test_a_client_whose_reply_was_lost_with_the_worker_is_given_the_same_token_again() -> None:
    given: list[str] = []

    def build(created: Any, *_: Any, **__: Any) -> str:
        given.append(created["token"])
        if len(given) == 2:
            raise SystemError("the worker is gone between the save and the reply")
        return f"token: {created['token']}"

    peer = await open_in_process(HandshakeApp(prompt=build), PICKUP)
    key = {"Idempotency-Key": "mine"}
    assert (await peer.http.post(url_of(peer), headers=key)).status_code == 500
    again = await peer.http.post(url_of(peer), headers=key)
    assert again.text == f"token: {given[1]}" == f"token: {given[2]}"
    assert (await peer.send("GET", "context", headers={"X-Handshake-Token": given[1]})).status_code == 200


async def test_a_full_store_gives_no_code_and_keeps_the_session_it_has() -> None:
    hpp = HandshakeApp(limits=Limits(sessions=1))
    peer = await open_in_process(hpp, FORM)
    reply = await peer.user("POST", "pickup", {})
    assert (reply.status_code, reply.json()["code"]) == (503, "at_capacity")
    assert (await peer.agent("GET", "context")).status_code == 200


async def test_codes_are_limited_like_sessions() -> None:
    peer = await open_in_process(HandshakeApp(limits=Limits(creates_per_address=3)), PICKUP)
    assert [(await peer.user("POST", "pickup", {})).status_code for _ in range(3)] == [200, 200, 429]


# What is asked of a host


async def test_a_builder_of_the_hosts_that_knows_no_pickups_writes_the_prompt() -> None:
    def build(created: Any, base_url: str, *, language: str, data: Any) -> str:
        return f"{language} {base_url} {created['token']} {data}"

    peer = await open_in_process(HandshakeApp(prompt=build), {**PICKUP, "pickup": {"language": "zh"}})
    text = (await peer.http.get(url_of(peer))).text
    assert text.startswith("zh http://localhost ")


@pytest.mark.parametrize("body", [{"pickup": {"language": "fr"}}, {"prompt": {"language": "fr"}, "pickup": True}])
async def test_a_language_that_there_is_not_is_refused_before_anything_is_made(body: dict[str, Any]) -> None:
    store = MemoryStore()
    reply = await client(HandshakeApp(store=store)).post("/handshake/session", json=body)
    assert (reply.status_code, reply.json()["code"]) == (400, "unknown_language")
    assert len(store) == 0


async def test_a_page_that_wants_no_code_is_given_none_and_a_false_one_is_none() -> None:
    hpp = HandshakeApp()
    assert "pickup" not in (await open_in_process(hpp, FORM)).created
    assert "pickup" not in (await open_in_process(hpp, {**FORM, "pickup": False})).created
