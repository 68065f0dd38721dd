"""One pipelined connection for all calls: commands sent together, and to each caller its own replies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable

import pytest
from redis.asyncio.connection import Connection
from redis.exceptions import ConnectionError as LostError, RedisError, ResponseError

from handshake_prompt.protocol.errors import StoreUnavailableError
from handshake_prompt.stores.redis.circuit_breaker import FAILURES
from handshake_prompt.stores.redis.pipelined_connection import PipelinedConnection, encode_command
from handshake_prompt.testing.contract.steps import kept, load
from tests.stores.conftest import OpenRedis
from tests.support.peer import PATIENCE
from tests.support.proxy import Proxy, proxying
from tests.support.redis_servers import RedisServer

SESSION = "a" * 32
SOON = PATIENCE


@pytest.fixture
async def proxy(shared_redis: RedisServer) -> AsyncIterator[Proxy]:
    async with proxying(shared_redis.port) as one:
        yield one


@pytest.fixture
async def connection(proxy: Proxy) -> AsyncIterator[PipelinedConnection]:
    one = opened(proxy)
    yield one
    await one.aclose()


def opened(proxy: Proxy) -> PipelinedConnection:
    connection = Connection(host="127.0.0.1", port=int(proxy.url.rpartition(":")[2]), protocol=2)
    return PipelinedConnection(connection, connect_timeout=SOON)


def soon(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


def echo(connection: PipelinedConnection, word: object, *, within: float = SOON) -> Awaitable[list[object]]:
    return connection.execute([("ECHO", str(word))], deadline=soon(within))


async def closed(connection: PipelinedConnection) -> None:
    async with asyncio.timeout(SOON):
        while not connection.is_closed:
            await asyncio.sleep(0.005)


def test_a_command_is_sent_as_it_is_defined() -> None:
    command = encode_command(["SET", b"\xff", "ä", 1.5, 7])
    assert command == b"*5\r\n$3\r\nSET\r\n$1\r\n\xff\r\n$2\r\n\xc3\xa4\r\n$3\r\n1.5\r\n$1\r\n7\r\n"


async def test_all_that_is_asked_at_once_goes_over_one_connection_and_is_answered_in_order(
    proxy: Proxy, connection: PipelinedConnection
) -> None:
    answers = await asyncio.gather(*(echo(connection, number) for number in range(500)))
    assert answers == [[b"%d" % number] for number in range(500)]
    assert proxy.accepted == 1
    before = proxy.round_trips
    await asyncio.gather(*(echo(connection, number) for number in range(20)))
    assert proxy.round_trips == before + 1


async def test_a_refusal_is_the_answer_to_its_own_command_alone(connection: PipelinedConnection) -> None:
    wrong = connection.execute([("ECHO", "1"), ("NONSENSE",), ("ECHO", "2")], deadline=soon(SOON))
    (one, refusal, two), others = await asyncio.gather(wrong, echo(connection, 3))
    assert [one, two, *others] == [b"1", b"2", b"3"]
    assert isinstance(refusal, ResponseError)


async def test_who_gives_up_gets_no_answer_and_others_get_theirs(proxy: Proxy, connection: PipelinedConnection) -> None:
    await echo(connection, "open")
    proxy.delay = 0.1
    tasks = [asyncio.ensure_future(echo(connection, number)) for number in range(3)]
    await asyncio.sleep(0.05)
    tasks[0].cancel()
    with pytest.raises(TimeoutError):
        await echo(connection, "late", within=0.05)
    assert [await task for task in tasks[1:]] == [[b"1"], [b"2"]]
    assert await echo(connection, "next") == [b"next"]


async def test_what_nobody_waits_for_any_more_is_not_sent(
    shared_redis: RedisServer, connection: PipelinedConnection
) -> None:
    given_up = asyncio.ensure_future(connection.execute([("SET", "given-up", "1")], deadline=soon(SOON)))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await echo(connection, 1) == [b"1"]
    assert shared_redis.ask("EXISTS", "given-up") == 0


async def test_a_connection_that_breaks_fails_for_all_with_one_cause(
    proxy: Proxy, connection: PipelinedConnection
) -> None:
    await echo(connection, "open")
    proxy.cuts_before = lambda _: True
    errors = await asyncio.gather(*(echo(connection, number) for number in range(5)), return_exceptions=True)
    assert isinstance(errors[0], LostError)
    assert {id(error) for error in errors} == {id(errors[0])}
    assert not connection.is_usable
    await closed(connection)


async def test_a_connection_that_cannot_be_opened_fails_for_all(proxy: Proxy, connection: PipelinedConnection) -> None:
    proxy.cuts_before = lambda _: True
    proxy.target = 1  # where nobody listens
    errors = await asyncio.gather(*(echo(connection, number) for number in range(3)), return_exceptions=True)
    assert all(isinstance(error, RedisError | OSError) for error in errors)


async def test_a_connection_that_is_retired_is_closed_once_all_have_their_answers(proxy: Proxy) -> None:
    connection = opened(proxy)
    await echo(connection, "open")
    proxy.delay = 0.05
    waiting = asyncio.ensure_future(echo(connection, 1))
    await asyncio.sleep(0)
    connection.retire()
    assert [connection.is_usable, connection.is_closed] == [False, False]
    assert await waiting == [b"1"]
    await closed(connection)


async def test_answers_to_nothing_end_a_connection(connection: PipelinedConnection) -> None:
    await echo(connection, "open")
    await connection._connection.send_command("PING")
    await closed(connection)


async def test_one_broken_connection_is_no_outage_however_many_calls_it_had_in_hand(
    open_redis: OpenRedis, proxy: Proxy
) -> None:
    store = await open_redis(proxy.url)
    await kept(store)
    proxy.cuts_before = lambda _: True
    calls = (store.load(SESSION) for _ in range(4 * FAILURES))
    errors = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(error) for error in errors} == {StoreUnavailableError}
    proxy.cuts_before = lambda _: False
    assert (await load(store)).record.session.session_id == SESSION
