"""One connection for all calls of an event loop: commands go out together, and answers come back in their order.

Redis works on one command at a time, so further connections would gain nothing but wake-ups, here and there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as LostError, ResponseError

from .deadline import CONNECT_SECONDS, FOREIGN

Command = Sequence[bytes | str | float]


class Channel:
    """Commands and answers over a connection of its own, which is opened at once and never again.

    Args:
        connection: not open yet. It is closed when it breaks, and when it is retired and nobody waits any more.
    """

    def __init__(self, connection: AbstractConnection) -> None:
        connection.socket_timeout = None  # how long to wait is the matter of each caller
        self._connection = connection
        self._waiting = 0
        self._retired = False
        self._unsent: list[_Exchange] = []
        self._sent: deque[_Exchange] = deque()
        """Those that are not answered yet, also those that nobody waits for any more: their answers come all the same.
        Neither is bounded but by the number of callers and their deadlines."""
        self._queued = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    @property
    def usable(self) -> bool:
        """Whether further commands may be sent."""
        return not self._retired and not self.closed

    @property
    def closed(self) -> bool:
        """Whether the connection is closed."""
        return self._task.done()

    async def exchange(self, commands: Sequence[Command], *, by: float) -> list[Any]:
        """Send commands and return their answers, errors of the server in their place.

        `by` is a time of the event loop. What has not been sent when its caller gives up is not sent at all.

        Raises:
            TimeoutError: there was no answer by then.
            RedisError, OSError: the connection could not be opened, or broke: the same error for all who waited.
        """
        loop = asyncio.get_running_loop()
        exchange = _Exchange(b"".join(map(packed, commands)), len(commands), loop.create_future())
        timer = loop.call_at(by, exchange.fail, TimeoutError())
        self._unsent.append(exchange)
        self._queued.set()
        self._waiting += 1
        try:
            return await exchange.done
        finally:
            timer.cancel()
            self._waiting -= 1
            self._close_if_unused()

    def retire(self) -> None:
        """Take no further commands, and close the connection when nobody waits for an answer any more."""
        self._retired = True
        self._close_if_unused()

    async def aclose(self) -> None:
        """Close the connection now."""
        self._retired = True
        while not self._task.done():  # again and again, since one cancellation may get lost: see `GRACE`
            self._task.cancel()
            await asyncio.wait([self._task], timeout=0.1)

    def _close_if_unused(self) -> None:
        if self._retired and not self._waiting:
            self._task.cancel()

    async def _run(self) -> None:
        error: Exception = LostError("closed")
        sender = None
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._connection.connect()  # type: ignore[no-untyped-call]
            sender = asyncio.create_task(self._send())
            await self._receive()
        except FOREIGN as lost:
            error = lost
        finally:
            self._retired = True
            if sender is not None:
                sender.cancel()
            for exchange in (*self._sent, *self._unsent):
                exchange.fail(error)
            await self._connection.disconnect(nowait=True)

    async def _send(self) -> None:
        """Send what was queued since the last time; if that fails, the connection is closed and `_receive` ends."""
        while self._connection.is_connected:
            await self._queued.wait()
            self._queued.clear()
            exchanges = [exchange for exchange in self._unsent if not exchange.done.done()]
            self._unsent.clear()
            self._sent.extend(exchanges)
            try:
                await self._connection.send_packed_command([one.packed for one in exchanges], check_health=False)
            except FOREIGN:
                return

    async def _receive(self) -> None:
        while True:
            try:
                answer = await self._connection.read_response(disable_decoding=True)
            except ResponseError as error:
                answer = error
            except AttributeError as error:  # of a connection that was closed by `_send` at that very moment
                raise LostError("closed meanwhile") from error
            if not self._sent:
                raise LostError("an answer to nothing")
            if self._sent[0].take(answer):
                self._sent.popleft()


class _Exchange:
    """Commands, and the answers to them so far."""

    __slots__ = ("answers", "count", "done", "packed")

    def __init__(self, packed: bytes, count: int, done: asyncio.Future[list[Any]]) -> None:
        self.packed = packed
        self.count = count
        self.answers: list[Any] = []
        self.done = done

    def take(self, answer: Any) -> bool:
        """Take the next answer; return whether it was the last."""
        self.answers.append(answer)
        if len(self.answers) < self.count:
            return False
        if not self.done.done():
            self.done.set_result(self.answers)
        return True

    def fail(self, error: Exception) -> None:
        """Let it have failed, if there is still somebody who waits for it."""
        if not self.done.done():
            self.done.set_exception(error)


def packed(command: Command) -> bytes:
    """Return a command as it is sent."""
    parts = [part if isinstance(part, bytes) else str(part).encode() for part in command]
    return b"*%d\r\n%b" % (len(parts), b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts]))
