"""Bounded queues, one per watcher, of this worker. Offering never waits: a watcher that falls behind is cut off.

A watcher over its bound is closed 4508 and resumes from its cursor, losslessly, when it comes back: overflow is
visible and costs nobody else anything. An event is encoded once per role, whatever the number of watchers. A channel
knows its place in the session's log, so that what other workers log is neither missed nor shown twice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from handshake_prompt.protocol import messages
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import CloseCode, RateLimitedError, UnavailableError
from handshake_prompt.protocol.events import Change, Event, frame, withheld
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.session import Session
from handshake_prompt.stores import Record


class Frame(NamedTuple):
    """One encoded frame on its way to a watcher.

    `kind` is its type, `cursor` the place to resume from once it has arrived; empty for one that is no place.
    """

    text: str
    kind: str = ""
    cursor: str = ""
    seq: int = 0
    key: str | None = None
    pace: float = 0.0
    born: float = 0.0
    """When it was published, on the event loop's clock."""


class FrameQueue:
    """One connection's queue.

    The queue holds at most `queue_events` frames and `queue_bytes` bytes. `close_code` is set when the watcher is to
    be closed; what is queued before that is still to be sent unless `abandon` was asked for.
    """

    __slots__ = (
        "_limits",
        "_queue",
        "_queued_bytes",
        "_timer",
        "_urgent",
        "_waiter",
        "channel",
        "close_code",
        "polling",
        "proof",
        "role",
        "source",
    )

    def __init__(
        self, channel: Topic, role: Role, *, source: str, limits: Limits, proof: str = "", polling: bool = False
    ) -> None:
        self.channel = channel
        self.role = role
        self.source = source
        self.proof = proof
        """The digest of the agent's token when it came."""
        self.polling = polling
        """Whether it waits for one change and shows nothing to anybody."""
        self.close_code: CloseCode | None = None
        self._limits = limits
        self._queue: deque[Frame] = deque()
        self._urgent: deque[Frame] = deque()
        self._queued_bytes = 0
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        """Of the wait under way, or of an earlier one that was over before."""

    @property
    def backlog(self) -> int:
        """Frames queued and not yet taken."""
        return len(self._queue) + len(self._urgent)

    @property
    def hurried(self) -> bool:
        """Whether pacing has to stop: the watcher is being closed, or is half way to one of its bounds."""
        return (
            self.close_code is not None
            or self.backlog > self._limits.queue_events // 2
            or self._queued_bytes > self._limits.queue_bytes // 2
        )

    def offer(self, frame: Frame, *, urgent: bool = False) -> bool:
        """Queue a frame without waiting; return False, and cut the watcher off, if it would be over its bound.

        An `urgent` frame goes ahead of the log's; it is about the connection and has no place in the log.
        """
        if self.close_code is not None:
            return False
        size = self._queued_bytes + len(frame.text)
        limits = self._limits
        if size > limits.queue_bytes or len(self._queue) + len(self._urgent) >= limits.queue_events:
            self.close(CloseCode.SLOW, abandon=True)
            return False
        (self._urgent if urgent else self._queue).append(frame)
        self._queued_bytes = size
        if self._waiter is not None:
            self._wake()
        return True

    def peek(self) -> Frame | None:
        """Return the next frame without taking it, or None if there is none."""
        queue = self._urgent or self._queue
        return queue[0] if queue else None

    def take(self) -> None:
        """Take the next frame off the queue."""
        self._queued_bytes -= len((self._urgent or self._queue).popleft().text)

    def take_unpaced(self) -> Frame | None:
        """Take the next frame off the queue, if there is one, unless it is paced."""
        queue = self._urgent or self._queue
        if not queue or queue[0].pace:
            return None
        frame = queue.popleft()
        self._queued_bytes -= len(frame.text)
        return frame

    def overtaken(self, frame: Frame) -> bool:
        """Whether the field a paced frame shows has been written again since."""
        return frame.pace > 0 and frame.key is not None and self.channel.latest.get(frame.key, 0) > frame.seq

    @property
    def armed(self) -> bool:
        """Whether a timer will end a wait."""
        return self._timer is not None

    async def wait(self, timeout: float | None = None) -> None:
        """Wait until something was offered or the watcher was closed, for `timeout` seconds at most.

        One task waits at a time. It looks again afterwards, since it may be woken early: a timer that rings before it
        has to is cheaper than a new one for each wait. Without a `timeout` it is the timer of an earlier wait.
        """
        loop = asyncio.get_running_loop()
        if timeout is not None and (self._timer is None or self._timer.when() > loop.time() + timeout):
            self.disarm()
            self._timer = loop.call_later(timeout, self._ring)
        self._waiter = loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def disarm(self) -> None:
        """Let go of the timer: nobody waits any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def stirred(self, timeout: float) -> None:
        """Wait, for `timeout` seconds at most, until there is something, and let go of it unseen."""
        if self.peek() is None:
            await self.wait(timeout)
        while self.peek() is not None:
            self.take()

    def close(self, code: CloseCode, *, last: Frame | None = None, abandon: bool = False) -> None:
        """Ask for the watcher to be closed, after one `last` frame. The first verdict stands."""
        if self.close_code is not None:
            return
        if abandon:
            self._queue.clear()
            self._urgent.clear()
        if last is not None:
            self._queue.append(last)
        self.close_code = code
        self._wake()

    def _ring(self) -> None:
        self._timer = None
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Topic:
    """The watchers of one session in this worker, and how much of its log they have been sent."""

    __slots__ = ("epoch", "expires_at", "latest", "proof", "seq", "session_id", "version", "watchers")

    def __init__(self, session: Session, version: int) -> None:
        self.session_id = session.session_id
        self.watchers: set[FrameQueue] = set()
        self.epoch = session.epoch
        self.seq = session.seq
        self.version = version
        """Of the record that was last seen: what a wake-up is compared to."""
        self.latest: dict[str, int] = {}
        """key -> seq of its newest value while anybody watches: what makes a paced frame overtaken."""
        self.proof = session.token_digest
        """The digest of the token that the agents among the watchers have to have come with."""
        self.expires_at = 0.0
        """On the store's clock, as far as this worker knows; asked again when it comes."""


class Hub:
    """All channels of this worker. A channel exists while it has a watcher, and no longer."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._channels: dict[str, Topic] = {}
        self._count = 0
        self._nobody = asyncio.Event()

    @property
    def watchers(self) -> int:
        """Watchers of all sessions."""
        return self._count

    @property
    def sessions(self) -> list[str]:
        """The sessions that are watched."""
        return list(self._channels)

    def channel(self, session_id: str) -> Topic | None:
        """Return the channel of a session, None if nobody watches it."""
        return self._channels.get(session_id)

    def count(self, session_id: str) -> int:
        """Return the number of watchers of one session that show it to somebody."""
        channel = self._channels.get(session_id)
        return sum(not watcher.polling for watcher in channel.watchers) if channel else 0

    def join(self, record: Record, role: Role, *, source: str, polling: bool = False) -> FrameQueue:
        """Add a watcher that has seen the session as it is in `record`. Whoever calls this calls `leave`.

        Raises:
            RateLimitedError: the session has as many watchers as it may (`too_many_watchers`).
            UnavailableError: the worker has (`at_capacity`).
        """
        session = record.session
        channel = self._channels.get(session.session_id)
        if channel and len(channel.watchers) >= self._limits.watchers_per_session:
            raise RateLimitedError("The session has too many watchers", code="too_many_watchers", retry_after=10)
        if self._count >= self._limits.watchers:
            raise UnavailableError("The server has as many connections as it can", code="at_capacity", retry_after=10)
        if channel is None:
            channel = self._channels[session.session_id] = Topic(session, record.version)
        channel.expires_at = record.expires_at
        watcher = FrameQueue(
            channel, role, source=source, limits=self._limits, proof=session.token_digest, polling=polling
        )
        channel.watchers.add(watcher)
        self._count += 1
        return watcher

    def leave(self, watcher: FrameQueue) -> None:
        """Remove a watcher, and its channel with the last one. Safe to call twice."""
        channel = watcher.channel
        if watcher not in channel.watchers:
            return
        channel.watchers.discard(watcher)
        watcher.disarm()
        self._count -= 1
        if not self._count:
            self._nobody.set()
        if not channel.watchers:
            del self._channels[channel.session_id]

    async def emptied(self) -> None:
        """Wait until no watcher is left."""
        if self._count:
            self._nobody = asyncio.Event()  # a new one: an event belongs to the loop it was waited for on
            await self._nobody.wait()

    def publish(self, record: Record, events: Iterable[Event]) -> bool:
        """Bring the watchers of a session to where `record` is, with the events that led there.

        The events are queued, in order, to every watcher but the connection each came from; those that were published
        before are skipped. A session that has ended, or an agent's token that was replaced, closes who it concerns.

        Returns:
            False if the events do not join on to what was published: nothing is done then.
        """
        session = record.session
        channel = self._channels.get(session.session_id)
        if channel is None:
            return True
        if session.ended:
            self.end(session.session_id, session.ended)
            return True
        fresh = [event for event in events if event.seq > channel.seq]
        if channel.epoch != session.epoch or channel.seq + len(fresh) != session.seq:
            return False
        for event in fresh:
            self._offer(channel, event)
        channel.seq, channel.version, channel.expires_at = session.seq, record.version, record.expires_at
        if channel.proof != session.token_digest:
            channel.proof = session.token_digest
            for watcher in tuple(channel.watchers):
                if watcher.role is Role.AGENT and watcher.proof != channel.proof:
                    watcher.close(CloseCode.UNAUTHENTICATED)
        return True

    def renew(self, session_id: str, expires_at: float) -> None:
        """Note when a session ends, for those who watch it."""
        if (channel := self._channels.get(session_id)) is not None:
            channel.expires_at = expires_at

    def end(self, session_id: str, reason: str) -> None:
        """Tell every watcher of a session that it has ended, and close them."""
        last = told(reason)
        self._close(session_id, CloseCode.ENDED, last=last)

    def restart(self, record: Record) -> None:
        """Have every watcher of a session come again: what they were sent does not lead to where `record` is."""
        session = record.session
        self._close(session.session_id, CloseCode.SLOW)
        if (channel := self._channels.get(session.session_id)) is not None:
            channel.epoch, channel.seq, channel.version = session.epoch, session.seq, record.version

    def all_watchers(self) -> list[FrameQueue]:
        """Return every watcher there is now."""
        return [watcher for channel in self._channels.values() for watcher in channel.watchers]

    def _offer(self, channel: Topic, event: Event) -> None:
        if isinstance(event, Change):
            channel.latest[event.key] = event.seq
        source = event.source if isinstance(event, Change) else None
        born = asyncio.get_running_loop().time()
        frames: dict[Role, Frame] = {}
        for watcher in tuple(channel.watchers):
            if source is not None and source == watcher.source:
                continue
            role = watcher.role
            if role not in frames:
                fresh = _fresh(event, role, epoch=channel.epoch, born=born)
                frames |= dict.fromkeys((role,) if withheld(event, Role.AGENT) else Role, fresh)
            watcher.offer(frames[role])

    def _close(self, session_id: str, code: CloseCode, *, last: Frame | None = None) -> None:
        channel = self._channels.get(session_id)
        for watcher in tuple(channel.watchers) if channel else ():
            watcher.close(code, last=last)


def _fresh(event: Event, role: Role, *, epoch: str, born: float) -> Frame:
    key, pace = (event.key, event.pace) if isinstance(event, Change) else (None, 0.0)
    return logged(event, role, epoch=epoch)._replace(key=key, pace=pace, born=born)


def logged(event: Event, role: Role, *, epoch: str) -> Frame:
    """Return an event as the frame that watchers of `role` are sent."""
    members = frame(event, role, epoch=epoch)
    return Frame(messages.encode(members).decode("ascii"), members["type"], members["cursor"], event.seq)


def told(kind: str, *, cursor: str = "", **members: object) -> Frame:
    """Return a frame that is about a connection, not an event of the log. Members that are None are left out."""
    given = {name: value for name, value in members.items() if value is not None}
    return Frame(messages.encode({"type": kind, **given}).decode("ascii"), kind, cursor)
