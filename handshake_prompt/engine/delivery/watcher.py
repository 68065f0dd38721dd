"""One watcher's connection: the pacing of its frames. Transports only carry the text, either way.

A paced batch is applied and answered at once; here, on each connection's own time, its frames are spaced out. A paced
frame that a newer value of its field has overtaken is left out (conflation), so a page never shows an older value than
the form holds. Nothing else is ever left out. SPEC.md section 6.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import Self

from handshake_prompt.engine.access.login_lease import LoginLease
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import CloseCode, HandshakeError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import whole_seconds
from handshake_prompt.protocol.rate_limit import Quota
from handshake_prompt.session.agent_presence import AGENT, GONE

from .frame_queue import FrameQueue
from .frames import Frame, connection_frame, draining_frame
from .page_inbox import PageInbox, heed_login
from .watched_session import WatchedSession

HEARTBEAT = connection_frame("heartbeat")


class Watcher:
    """A watcher's connection, free of any transport: `async for frame in watcher` sends, `receive` takes messages.

    Use it as an async context manager: leaving it frees the watcher's place. After the iteration has ended,
    `close_code` says with which code to close.

    Args:
        queue: the watcher's place in the hub.
        opening: the frames that come first: `connected`, then the frames that a resumed watcher missed.
        session: the session that is watched.
        keepalive: seconds of silence after which a heartbeat is sent.
        quota: how the request that opened it was counted.
        lease: the host's word that it is the person's, if that is what proves it.
    """

    def __init__(
        self,
        queue: FrameQueue,
        opening: Iterable[Frame],
        session: WatchedSession,
        *,
        limits: Limits,
        keepalive: float,
        quota: Quota | None,
        lease: LoginLease | None = None,
    ) -> None:
        self._queue = queue
        self._read_frames = deque(opening)
        """Frames that were read from the store: those of the opening, then any that the queue had no room for."""
        self._session = session
        self._limits = limits
        self._keepalive = keepalive
        self.quota = quota
        self._lease = lease
        self._now = asyncio.get_running_loop().time
        self._sent_at = self._paced_at = self._now()
        self._noticed_end: float | None = None
        """The end that the watcher was sent `expiring` for."""
        self._departed = session.departed_agent()
        """The agent that the watcher was told of that it has gone."""
        self.receive = PageInbox(queue, session, lease, limits=limits).receive_message
        """Takes one message from the page; waits when the page sends faster than it may (backpressure)."""

    @property
    def session_id(self) -> str:
        """The session that is watched."""
        return self._queue.session_id

    @property
    def role(self) -> Role:
        """The role that the connection's credential proved."""
        return self._queue.role

    @property
    def source(self) -> str:
        """The connection's name: an edit is not shown again to the connection it came from."""
        return self._queue.source

    @property
    def backlog(self) -> int:
        """Frames queued and not yet sent, without the opening."""
        return self._queue.backlog

    @property
    def close_code(self) -> CloseCode:
        """The verdict to close with."""
        return self._queue.close_code or CloseCode.NORMAL

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._session.leave()

    async def __aiter__(self) -> AsyncIterator[Frame]:
        while (frame := self.ready_frame() or await self.next_frame()) is not None:
            yield frame

    def ready_frame(self) -> Frame | None:
        """Return the next frame if there is one to be sent at once."""
        if self._read_frames:
            return self._read_frames.popleft()
        return self._queue.take_unpaced() or self._take_paced()

    async def next_frame(self) -> Frame | None:
        """Return the next frame once there is none `ready_frame`; None when the connection is to be closed.

        The caller, one task at a time, has sent all frames before: from here on there is silence.
        """
        self._sent_at = self._now()
        self._queue.is_sending = False
        await heed_login(self._lease, self._queue)
        # Each round does one thing: it waits for the time of a paced frame, reads on from the log, or waits for any
        # news on an empty queue. A verdict is looked at only once the queue is empty, since frames from before it are
        # still to be sent; and before the log, since after a verdict nothing more is.
        while True:
            if (held := self._queue.peek_frame()) is not None:
                await self._wait_for_pace(held)
            elif self._queue.close_code is not None:
                return None
            elif self._queue.read_on_from is not None:
                await self._read_on()
            elif (notice := await self._wait_or_notice()) is not None:
                return notice
            if (frame := self.ready_frame()) is not None:
                return frame

    def close(self, code: CloseCode) -> None:
        """Ask for the connection to be closed."""
        self._queue.close(code)

    def drain(self) -> None:
        """Send the page elsewhere, after the frames that are queued."""
        self._queue.close(CloseCode.DRAINING, last=draining_frame(self._limits.drain_spread))

    def abandon(self) -> None:
        """Note that the peer is gone: nothing more is sent."""
        self._queue.close(CloseCode.NORMAL, abandon=True)

    async def _read_on(self) -> None:
        try:
            self._read_frames.extend(await self._session.read_on())
        except HandshakeError as error:
            await self._refresh_lifetime()  # it tells of the session's end, if that is the reason
            self._queue.close(error.close_code)

    # Pacing

    def _take_paced(self) -> Frame | None:
        """Return the next paced frame if it is due; overtaken frames are left out."""
        while (frame := self._queue.peek_frame()) is not None and self._seconds_held_back(frame) <= 0:
            self._queue.take_frame()
            if not self._queue.is_overtaken(frame):
                self._paced_at = self._now() if frame.pace else self._paced_at
                return frame
        return None

    async def _wait_for_pace(self, frame: Frame) -> None:
        """Wait until a paced frame is due, or something happens."""
        await self._queue.wait_for_frame(max(0.0, min(self._seconds_held_back(frame), self._session.time_left())))
        await self._end_in_time()

    def _seconds_held_back(self, frame: Frame) -> float:
        """Return how long a paced frame is still to be held back.

        A frame is due once `pace` seconds have passed since the paced frame before it, and at the latest `pace_batch`
        seconds after it was queued. A hurried queue and an overtaken frame wait for nothing.
        """
        if self._queue.hurried or self._queue.is_overtaken(frame):
            return 0.0
        return min(self._paced_at + frame.pace, frame.queued_at + self._limits.pace_batch) - self._now()

    # Silence, and the end

    async def _wait_or_notice(self) -> Frame | None:
        """Wait for something to send; return a heartbeat or a notice if it is time for one."""
        # A due time only gets later, so the timer of an earlier wait will do; but for a notice that may come again.
        timer_will_do = self._queue.timer_is_set and self._noticed_end is None
        await self._queue.wait_for_frame(None if timer_will_do else self._seconds_until_due())
        if self._queue.peek_frame() is not None:
            return None
        await self._end_in_time()
        if self._queue.peek_frame() is not None or self._queue.close_code is not None:
            return None
        if self._is_notice_due():
            return await self._expiry_notice()
        if self._now() < self._sent_at + self._keepalive:
            return None
        return self._departure_notice() or HEARTBEAT

    def _departure_notice(self) -> Frame | None:
        """Return the notice that the agent has gone, once for each time it was here; it goes in a heartbeat's place."""
        departed = self._session.departed_agent() if self.role is Role.USER else None
        if departed is None or departed == self._departed:
            return None
        self._departed = departed
        return connection_frame(AGENT, event=GONE, name=departed["agent"], agentAt=departed["agentAt"])

    async def _expiry_notice(self) -> Frame | None:
        await self._refresh_lifetime()  # another worker may have given it more time
        if self._queue.close_code is not None or not self._is_notice_due():
            return None
        self._noticed_end = self._session.expires_at
        return connection_frame("expiring", expiresIn=whole_seconds(self._session.time_left()))

    def _seconds_until_due(self) -> float:
        """Return the seconds until a heartbeat, a notice or the end."""
        left = self._session.time_left()
        notice_in = left if self._was_noticed() else left - self._limits.expiring_notice
        return max(0.0, min(self._sent_at + self._keepalive - self._now(), notice_in, left))

    def _is_notice_due(self) -> bool:
        """Whether the end is near, and the watcher was not sent notice of it."""
        return not self._was_noticed() and self._session.time_left() <= self._limits.expiring_notice

    def _was_noticed(self) -> bool:
        return self._noticed_end == self._session.expires_at

    async def _end_in_time(self) -> None:
        if self._session.time_left() <= 0 and self._queue.close_code is None:
            await self._refresh_lifetime()

    async def _refresh_lifetime(self) -> None:
        try:
            await self._session.refresh_lifetime()
        except HandshakeError as error:  # the store cannot say: the page asks again when it reconnects
            self._queue.close(error.close_code)
