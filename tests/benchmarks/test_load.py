from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from benchmarks.clients.http import Connection, LoadError, Request, post
from benchmarks.clients.load import Generator, parse_wrk, wrk_script
from benchmarks.servers import HOST

WRK_OUTPUT = """\
Running 1s test @ http://127.0.0.1:47431
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     6.96ms   16.30ms 105.34ms   90.56%%
    Req/Sec    10.07k     5.44k   16.57k    70.00%%
  10228 requests in 1.04s, 1.33MB read
Requests/sec:   9810.52
Transfer/sec:      1.27MB

RESULT {"requests":10228,"us":1042554,"p50":1099,"p99":89027,"errors":{"connect":0,"read":0,"write":0,\
"timeout":0,"status":%d}}
"""


@asynccontextmanager
async def server(reply: bytes) -> AsyncIterator[int]:
    """Answer every request with the same bytes; hang up after them if they say so."""
    serving: set[asyncio.Task[None] | None] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = [line.split(b":")[1] for line in head.splitlines() if line.startswith(b"Content-Length")]
                await reader.readexactly(int(length[0]) if length else 0)
                writer.write(reply)
                if b"close" in reply:
                    break
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(answer, HOST, 0) as listening:
        yield listening.sockets[0].getsockname()[1]
        await asyncio.wait(filter(None, serving), timeout=5)


def test_the_end_of_wrks_output_is_read() -> None:
    result = parse_wrk(WRK_OUTPUT % 0)
    assert (result.requests, result.p50, result.p99) == (10228, 0.001099, 0.089027)
    assert result.rate == pytest.approx(9810.52, abs=0.01)


@pytest.mark.parametrize("output", [WRK_OUTPUT % 3, WRK_OUTPUT.partition("RESULT")[0], ""])
def test_a_run_of_wrk_that_failed_is_not_taken_for_a_fast_one(output: str) -> None:
    with pytest.raises(LoadError):
        parse_wrk(output)


def test_the_script_quotes_what_lua_would_take_for_something_else() -> None:
    script = wrk_script([Request("GET", "/a", {"X": 'say "hi"\\'}), post("/b", {"key": "]] é"})])
    assert r'wrk.format("GET", "/a", {["X"]="say \034hi\034\092"}, nil)' in script
    assert r'{["Content-Type"]="application/json"}, "{\034key\034: \034]] \092u00e9\034}")' in script


async def test_a_request_is_sent_and_its_reply_read_in_pieces() -> None:
    async with server(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone") as port:
        connection = await Connection.open(port)
        for _ in range(2):
            assert await connection.send(post("/", {"a": 1}).encode(port)) == (200, b"done")
        connection.close()


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 4\r\n\r\nslow", "answered 429: slow"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nhalf", "the connection was lost"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nendless", "without Content-Length"),
    ],
)
async def test_anything_but_a_whole_success_fails_the_run(reply: bytes, message: str) -> None:
    async with server(reply) as port:
        connection = await Connection.open(port)
        with pytest.raises(LoadError, match=message):
            await asyncio.wait_for(connection.send(Request("GET", "/").encode(port)), 5)
        connection.close()


async def test_the_generator_keeps_asking_for_as_long_as_it_is_told() -> None:
    async with server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") as port:
        result = await asyncio.to_thread(Generator().run, port, [Request("GET", "/")], 0.2)
    assert result.requests > 16
    assert 0.2 <= result.seconds < 5
    assert 0 < result.p50 <= result.p99
