"""The host's own login: whom it is asked about, how often, and what strangers can do with that."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from handshake_prompt import Credential, HandshakeError, Limits, Session
from tests.support.pairing import Pair, code_of, open_pair, virtual_engine
from tests.support.virtual_time import in_virtual_time, loop_time

STRANGER = Credential(address="192.0.2.66")
PERSON = "the person"


class Host:
    """A host application whose login check takes half a second, and how often it was asked."""

    def __init__(self) -> None:
        self.asked = self.at_once = self.most = 0

    async def check(self, request: object, _: Session) -> bool:
        self.asked += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(0.5)
        self.at_once -= 1
        return request == PERSON

    async def open(self, **limits: Any) -> Pair:
        return await open_pair(virtual_engine(Limits(**limits), require_browser_auth=self.check))


async def answer(pair: Pair, credential: Credential, request: object = None) -> int:
    try:
        return (await pair.engine.get_session(pair.session_id, credential, request)).status
    except HandshakeError as error:
        return error.status


@pytest.mark.parametrize("waves", [1, 4], ids=["all at once", "in waves"])
@in_virtual_time
async def test_a_stranger_has_the_check_run_as_often_as_it_may_fail_and_no_more(waves: int) -> None:
    host = Host()
    pair = await host.open()
    answers: list[int] = []
    for _ in range(waves):
        answers += await asyncio.gather(*(answer(pair, STRANGER) for _ in range(240 // waves)))
        await asyncio.sleep(1)
    assert (answers.count(403), answers.count(429)) == (10, 230)
    assert host.asked <= 10 + 3, "those that were under way when the last attempt failed"
    assert host.most <= 4


@in_virtual_time
async def test_strangers_without_an_address_are_counted_by_session() -> None:
    host = Host()
    pair, other = await host.open(), await host.open()
    await asyncio.gather(*(answer(pair, Credential()) for _ in range(100)))
    assert host.asked <= 13
    assert await answer(other, Credential(), PERSON) == 200


@in_virtual_time
async def test_the_person_does_not_wait_for_strangers_at_other_addresses_nor_with_the_cookie() -> None:
    host = Host()
    pair = await host.open()
    flood = [asyncio.create_task(answer(pair, STRANGER)) for _ in range(200)]
    await asyncio.sleep(0.1)
    began = loop_time()
    same_network = Credential(user_token=pair.created["userToken"], address=STRANGER.address)
    elsewhere = Credential(address="192.0.2.1")
    assert [await answer(pair, one, PERSON) for one in (elsewhere, same_network)] == [200, 200]
    assert loop_time() - began == pytest.approx(1)
    await asyncio.gather(*flood)
    assert [await answer(pair, one, PERSON) for one in (elsewhere, same_network)] == [200, 200]
    assert await answer(pair, pair.agent) == 200


@in_virtual_time
async def test_a_cookie_proves_nothing_where_the_host_decides() -> None:
    host = Host()
    pair = await host.open()
    assert await code_of(pair.engine.get_session(pair.session_id, pair.user)) == (403, "invalid_token")


@pytest.mark.parametrize("who", ["agent", "browser"])
@in_virtual_time
async def test_the_check_does_not_run_for_a_request_that_is_over_its_rate(who: str) -> None:
    host = Host()
    pair = await host.open(agent_requests=5, user_requests=5)
    credential, request = (pair.agent, None) if who == "agent" else (pair.user, PERSON)
    assert [await answer(pair, credential, request) for _ in range(9)] == [200] * 5 + [429] * 4
    assert host.asked == 5


@in_virtual_time
async def test_nothing_is_kept_of_addresses_that_have_gone() -> None:
    host = Host()
    pair = await host.open()
    await asyncio.gather(*(answer(pair, Credential(address=f"192.0.2.{number}")) for number in range(50)))
    login = pair.engine._guard._host_login
    assert login is not None
    assert not login._bulkheads
