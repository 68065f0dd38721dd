"""Bounded queue of frames for one watcher, with backpressure that costs the writer nothing: offering never waits.

The log's frames and the answers to the watcher's own messages have a lane and a bound each. When the log's lane is full
it is emptied, and the watcher reads on from the log instead, at its own pace and without a loss. So no request can
overflow a queue, however large. Only a watcher that lets one send wait while twice the bound comes is closed 4508.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Mapping
from enum import StrEnum

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import CloseCode
from handshake_prompt.protocol.limits import Limits

from .frames import Frame


class Audience(StrEnum):
    """Kinds of watchers that are counted apart: agents, and pages of the person's, in view or hidden."""

    AGENT = "agent"
    PAGE = "user"
    HIDDEN_PAGE = "hidden"


class FrameQueue:
    """The frames that one watcher is still to be sent.

    Each lane holds at most `queue_events` frames and `queue_bytes` bytes. Once `close_code` is set nothing more is
    taken in; the frames from before are still to be sent, unless the queue was closed with `abandon`.

    Args:
        session_id: the session that is watched.
        role: the watcher's.
        source: the connection's name; an edit is not shown again to its own source.
        proof: the digest of the agent's token when the watcher came.
        newest: key -> `seq` of its newest value, kept by the hub: it makes a paced frame overtaken.
        polling: whether the watcher is a long poll, which waits for one change and shows nothing to anybody.
        hidden: whether it is a page that says it is not in view.
    """

    __slots__ = (
        "_answers",
        "_answers_bytes",
        "_limits",
        "_log_bytes",
        "_log_frames",
        "_missed_bytes",
        "_newest",
        "_timer",
        "_waiter",
        "close_code",
        "hidden",
        "is_sending",
        "polling",
        "proof",
        "read_on_from",
        "role",
        "session_id",
        "source",
    )

    def __init__(
        self,
        session_id: str,
        role: Role,
        *,
        source: str,
        proof: str,
        newest: Mapping[str, int],
        limits: Limits,
        polling: bool = False,
        hidden: bool = False,
    ) -> None:
        self.session_id = session_id
        self.role = role
        self.source = source
        self.proof = proof
        self.polling = polling
        self.hidden = hidden
        self.close_code: CloseCode | None = None
        self.read_on_from: int | None = None
        """The place in the log behind which events were missed here; None if none were."""
        self.is_sending = False
        """Whether the watcher is away with a frame: from taking one until it asks for the next in vain."""
        self._newest = newest
        self._limits = limits
        self._log_frames: deque[Frame] = deque()
        self._answers: deque[Frame] = deque()
        self._log_bytes = self._answers_bytes = self._missed_bytes = 0
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        """Of the wait under way, or of an earlier one that was over before."""

    @property
    def audience(self) -> Audience:
        """The kind of watcher."""
        if self.role is Role.AGENT:
            return Audience.AGENT
        return Audience.HIDDEN_PAGE if self.hidden else Audience.PAGE

    @property
    def backlog(self) -> int:
        """Frames queued and not yet taken."""
        return len(self._log_frames) + len(self._answers)

    @property
    def oldest(self) -> float:
        """`seq` of the frame of the log that has waited longest; infinite if none waits."""
        return self._log_frames[0].seq if self._log_frames else math.inf

    @property
    def hurried(self) -> bool:
        """Whether pacing has to stop: the watcher is being closed, or is half way to one of its bounds."""
        return (
            self.close_code is not None
            or len(self._log_frames) > self._limits.queue_events // 2
            or self._log_bytes > self._limits.queue_bytes // 2
        )

    def offer_frame(self, frame: Frame) -> None:
        """Queue a frame of the log without waiting; if there is no room, note where to read on from instead."""
        if self.close_code is not None:
            return
        if self.read_on_from is not None:
            self._note_missed(frame)
            return
        size = self._log_bytes + len(frame.text)
        if size > self._limits.queue_bytes or len(self._log_frames) >= self._limits.queue_events:
            first = self._log_frames[0] if self._log_frames else frame
            self.read_on_from = first.seq - 1
            self._log_frames.clear()
            self._log_bytes = 0
        else:
            self._log_frames.append(frame)
            self._log_bytes = size
        if self._waiter is not None:
            self._wake_waiter()

    def queue_answer(self, frame: Frame) -> None:
        """Queue a frame that is about this connection, ahead of the log's; it has no place in the log.

        A watcher that sends messages and does not read the answers is closed.
        """
        if self.close_code is not None:
            return
        size = self._answers_bytes + len(frame.text)
        if size > self._limits.queue_bytes or len(self._answers) >= self._limits.queue_events:
            self.close(CloseCode.SLOW, abandon=True)
            return
        self._answers.append(frame)
        self._answers_bytes = size
        if self._waiter is not None:
            self._wake_waiter()

    def rejoin_log(self) -> None:
        """Take frames of the log in again: the watcher has read on to where the log stands."""
        self.read_on_from = None
        self._missed_bytes = 0

    def peek_frame(self) -> Frame | None:
        """Return the next frame without taking it, or None if there is none."""
        frames = self._answers or self._log_frames
        return frames[0] if frames else None

    def take_frame(self) -> Frame:
        """Take the next frame off the queue."""
        if self._answers:
            frame = self._answers.popleft()
            self._answers_bytes -= len(frame.text)
        else:
            frame = self._log_frames.popleft()
            self._log_bytes -= len(frame.text)
        self.is_sending = True
        return frame

    def take_unpaced(self) -> Frame | None:
        """Take the next frame off the queue, if there is one, unless it is paced."""
        frames = self._answers or self._log_frames
        return self.take_frame() if frames and not frames[0].pace else None

    def is_overtaken(self, frame: Frame) -> bool:
        """Whether the field that a paced frame shows has been written again since, or gone with its row."""
        return frame.pace > 0 and frame.key is not None and self._newest.get(frame.key, 0) > frame.seq

    @property
    def timer_is_set(self) -> bool:
        """Whether a timer will end a wait."""
        return self._timer is not None

    async def wait_for_frame(self, timeout: float | None = None) -> None:
        """Wait until a frame was offered or the watcher was closed, for `timeout` seconds at most.

        One task waits at a time. It looks again afterwards, since it may be woken early: a timer that rings before it
        has to is cheaper than a new one for each wait. Without a `timeout` the timer of an earlier wait ends this one.
        """
        loop = asyncio.get_running_loop()
        if timeout is not None and (self._timer is None or self._timer.when() > loop.time() + timeout):
            self.cancel_timer()
            self._timer = loop.call_later(timeout, self._wake_by_timer)
        self._waiter = loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def cancel_timer(self) -> None:
        """Let go of the timer: nobody waits any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def wait_and_discard(self, timeout: float) -> None:
        """Wait for a frame, for `timeout` seconds at most, and let go of all there are, unseen."""
        if self.peek_frame() is None and self.read_on_from is None:
            await self.wait_for_frame(timeout)
        self._drop_frames()
        self.rejoin_log()

    def close(self, code: CloseCode, *, last: Frame | None = None, abandon: bool = False) -> None:
        """Ask for the watcher to be closed, after one `last` frame. The first verdict stands."""
        if self.close_code is not None:
            return
        if abandon:
            self._drop_frames()
        if last is not None:
            self._log_frames.append(last)
        self.close_code = code
        self._wake_waiter()

    def _note_missed(self, frame: Frame) -> None:
        """Note a missed frame.

        A watcher that waits here is held up by pacing, a burst or the store, and reads on in time. One that is away
        with a frame has a peer that does not read.
        """
        self._missed_bytes += len(frame.text)
        if self.is_sending and self._missed_bytes > self._limits.queue_bytes:
            self.close(CloseCode.SLOW, abandon=True)

    def _drop_frames(self) -> None:
        self._log_frames.clear()
        self._answers.clear()
        self._log_bytes = self._answers_bytes = 0

    def _wake_by_timer(self) -> None:
        self._timer = None
        self._wake_waiter()

    def _wake_waiter(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
