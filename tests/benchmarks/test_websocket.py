from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from benchmarks.clients.http import LoadError
from benchmarks.clients.latency import Stopwatch, percentile
from benchmarks.clients.websocket import Audience, FrameQueue, Place, open_watchers
from benchmarks.servers import HOST
from tests.support.peer import PATIENCE

SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


def text(payload: bytes) -> bytes:
    if len(payload) < 126:
        return bytes([0x81, len(payload)]) + payload
    if len(payload) < 65536:
        return b"\x81\x7e" + struct.pack("!H", len(payload)) + payload
    return b"\x81\x7f" + struct.pack("!Q", len(payload)) + payload


@pytest.fixture
async def sent() -> AsyncIterator[tuple[int, asyncio.Queue[bytes], list[bytes]]]:
    """A server that sends what is queued, byte for byte, and keeps what it received."""
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    received: list[bytes] = []

    async def send(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(await queue.get())

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sending = asyncio.create_task(send(writer))
        received.append(await reader.readuntil(b"\r\n\r\n"))
        with suppress(ConnectionError):
            while data := await reader.read(100):
                received.append(data)
        sending.cancel()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        gone.set()

    gone = asyncio.Event()
    async with await asyncio.start_server(serve, HOST, 0) as listening:
        yield listening.sockets[0].getsockname()[1], queue, received
        await asyncio.wait_for(gone.wait(), PATIENCE)


async def test_frames_of_every_length_are_found_however_they_are_cut(
    sent: tuple[int, asyncio.Queue[bytes], list[bytes]],
) -> None:
    port, queue, _ = sent
    seen: asyncio.Queue[bytes] = asyncio.Queue()
    payloads = [b"", b"x" * 125, b"y" * 126, b"z" * 70_000]
    stream = SWITCHING + text(b"hello") + b"".join(map(text, payloads))
    for cut in (0, 10, 39, 44, 46, 300):
        queue.put_nowait(stream[cut : {0: 10, 10: 39, 39: 44, 44: 46, 46: 300}.get(cut, len(stream))])
    async with asyncio.timeout(PATIENCE):
        (watcher,) = await open_watchers(port, [Place("/", greetings=1)], [seen.put_nowait])
        assert [await seen.get() for _ in payloads] == payloads
    watcher.close()


async def test_a_ping_is_answered_and_what_is_said_first_is_said_after_the_upgrade(
    sent: tuple[int, asyncio.Queue[bytes], list[bytes]],
) -> None:
    port, queue, received = sent
    queue.put_nowait(SWITCHING + b"\x89\x02hi")
    async with asyncio.timeout(PATIENCE):
        (watcher,) = await open_watchers(port, [Place("/there", {"X": "y"}, says="40")], [lambda _: None])
        while b"hi" not in b"".join(received):
            await asyncio.sleep(0)
    assert received[0].startswith(b"GET /there HTTP/1.1\r\n")
    assert b"\r\nX: y\r\n" in received[0]
    assert b"".join(received[1:]) == b"\x81\x82\0\0\0\0" + b"40" + b"\x8a\x82\0\0\0\0" + b"hi"
    watcher.close()


async def test_a_watcher_that_is_not_let_in_fails_the_run(sent: tuple[int, asyncio.Queue[bytes], list[bytes]]) -> None:
    port, queue, _ = sent
    queue.put_nowait(b"HTTP/1.1 403 Forbidden\r\n\r\n")
    with pytest.raises(LoadError, match="not let in"):
        await asyncio.wait_for(open_watchers(port, [Place("/")], [lambda _: None]), PATIENCE)


async def test_an_audience_is_complete_when_each_watcher_has_all_its_frames(
    sent: tuple[int, asyncio.Queue[bytes], list[bytes]],
) -> None:
    port, queue, _ = sent
    queue.put_nowait(SWITCHING)
    audience = await asyncio.wait_for(Audience.of(port, [Place("/")]), PATIENCE)
    audience.expect(2)
    queue.put_nowait(text(b"one"))
    with pytest.raises(LoadError, match="of 2 frames arrived"):
        await audience.complete(0.05)
    queue.put_nowait(text(b"two"))
    await audience.complete(5)
    audience.close()


async def test_a_watcher_can_be_closed_before_it_is_connected() -> None:
    watcher = FrameQueue(Place("/"), 0, lambda _: None)
    watcher.close()
    assert not watcher.opened.done()


def test_a_stopwatch_ignores_frames_that_are_no_action_of_its_own() -> None:
    stopwatch = Stopwatch()
    for frame in (b'{"type":"done"}', b'{"value":"turn 7 "}', b'{"value":"turn x"}'):
        stopwatch.seen(frame)
    assert stopwatch.took == []


@pytest.mark.parametrize(("share", "value"), [(0.0, 1.0), (0.5, 3.0), (0.99, 4.0), (1.0, 4.0)])
def test_a_percentile_is_a_value_that_was_measured(share: float, value: float) -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], share) == value
