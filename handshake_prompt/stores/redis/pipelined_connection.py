"""One pipelined connection for all calls of an event loop: commands go out together, replies come in their order.

Redis works on one command at a time, so more connections would bring nothing but wake-ups, on both sides.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as LostError, ResponseError

from .deadline import LIBRARY_ERRORS, library_lookups

Command = Sequence[bytes | str | float]


class PipelinedConnection:
    """A connection that is opened at once, once, and shared by any number of callers.

    Args:
        connection: not open yet. It is closed when it breaks, and once it is retired and no caller waits any more.
        connect_timeout: seconds to open it.
    """

    def __init__(self, connection: AbstractConnection, *, connect_timeout: float) -> None:
        connection.socket_timeout = None  # each caller has a deadline of its own
        self._connection = connection
        self._connect_timeout = connect_timeout
        self._callers = 0
        self._retired = False
        self._unsent: list[_Pending] = []
        self._sent: deque[_Pending] = deque()
        """Not replied to yet, including those without a caller any more: their replies come all the same. Both queues
        are bounded by the number of callers and their deadlines."""
        self._queued = asyncio.Event()
        self._task = asyncio.create_task(self._run_connection())

    @property
    def is_usable(self) -> bool:
        """Whether further commands may be sent."""
        return not self._retired and not self.is_closed

    @property
    def is_closed(self) -> bool:
        """Whether the connection is closed."""
        return self._task.done()

    async def execute(self, commands: Sequence[Command], *, deadline: float) -> list[Any]:
        """Send commands and return their replies, with the server's errors in their place.

        `deadline` is a time of the event loop. Commands that are still unsent when their caller gives up are not sent.

        Raises:
            TimeoutError: there was no reply by then.
            RedisError, OSError: the connection could not be opened, or broke: the same error for all its callers.
        """
        loop = asyncio.get_running_loop()
        pending = _Pending(b"".join(map(encode_command, commands)), len(commands), loop.create_future())
        timer = loop.call_at(deadline, pending.fail, TimeoutError())
        self._unsent.append(pending)
        self._queued.set()
        self._callers += 1
        try:
            return await pending.done
        finally:
            timer.cancel()
            self._callers -= 1
            self._close_if_unused()

    def retire(self) -> None:
        """Take no further commands, and close the connection once no caller waits for a reply."""
        self._retired = True
        self._close_if_unused()

    async def aclose(self) -> None:
        """Close the connection now."""
        self._retired = True
        while not self._task.done():  # repeatedly: one cancellation may get lost, see `RedisTimings`
            self._task.cancel()
            await asyncio.wait([self._task], timeout=0.1)

    def _close_if_unused(self) -> None:
        if self._retired and not self._callers:
            self._task.cancel()

    async def _run_connection(self) -> None:
        error: Exception = LostError("closed")
        sender = None
        try:
            async with asyncio.timeout(self._connect_timeout):
                await self._connection.connect()  # type: ignore[no-untyped-call]
            sender = asyncio.create_task(self._send_queued())
            await self._receive_replies()
        except LIBRARY_ERRORS as lost:
            error = lost
        finally:
            self._retired = True
            if sender is not None:
                sender.cancel()
            for pending in (*self._sent, *self._unsent):
                pending.fail(error)
            await self._connection.disconnect(nowait=True)

    async def _send_queued(self) -> None:
        """Send all that is queued, again and again. A failure closes the connection, which ends `_receive_replies`."""
        while self._connection.is_connected:
            await self._queued.wait()
            self._queued.clear()
            batch = [pending for pending in self._unsent if not pending.done.done()]
            self._unsent.clear()
            self._sent.extend(batch)
            try:
                await self._connection.send_packed_command([one.packed for one in batch], check_health=False)
            except LIBRARY_ERRORS:
                return

    async def _receive_replies(self) -> None:
        while True:
            try:
                with library_lookups():
                    reply = await self._connection.read_response(disable_decoding=True)
            except ResponseError as error:
                reply = error
            if not self._sent:
                raise LostError("a reply to no command")
            if self._sent[0].take_reply(reply):
                self._sent.popleft()


class _Pending:
    """Commands of one call, and their replies so far."""

    __slots__ = ("count", "done", "packed", "replies")

    def __init__(self, packed: bytes, count: int, done: asyncio.Future[list[Any]]) -> None:
        self.packed = packed
        self.count = count
        self.replies: list[Any] = []
        self.done = done

    def take_reply(self, reply: Any) -> bool:
        """Take the next reply; return whether it was the last."""
        self.replies.append(reply)
        if len(self.replies) < self.count:
            return False
        if not self.done.done():
            self.done.set_result(self.replies)
        return True

    def fail(self, error: Exception) -> None:
        """Fail the call, unless it is over."""
        if not self.done.done():
            self.done.set_exception(error)


def encode_command(command: Command) -> bytes:
    """Return a command in the wire format (RESP)."""
    parts = [part if isinstance(part, bytes) else str(part).encode() for part in command]
    return b"*%d\r\n%b" % (len(parts), b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts]))
