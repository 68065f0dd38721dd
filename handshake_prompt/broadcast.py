"""Bounded queues, one per watcher, of this process. Offering never waits: a watcher that falls behind is cut off.

A watcher over its bound is closed 4508 and resumes from its cursor, losslessly, when it comes back: overflow is
visible and costs nobody else anything. An event is encoded once per role, whatever the number of watchers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from . import messages
from .credentials import Role
from .errors import CloseCode, RateLimitedError, UnavailableError
from .events import Change, Event, frame, withheld
from .limits import Limits


class Frame(NamedTuple):
    """One encoded frame on its way to a watcher."""

    text: str
    seq: int = 0
    key: str | None = None
    pace: float = 0.0
    born: float = 0.0
    """When it was published, on the event loop's clock."""


class Watcher:
    """One connection's queue.

    The queue holds at most `queue_events` frames and `queue_bytes` bytes. `close_code` is set when the watcher is to
    be closed; what is queued before that is still to be sent unless `abandon` was asked for.
    """

    __slots__ = ("_limits", "_queue", "_queued_bytes", "_urgent", "_wake", "channel", "close_code", "role", "source")

    def __init__(self, channel: Channel, role: Role, *, source: str, limits: Limits) -> None:
        self.channel = channel
        self.role = role
        self.source = source
        self.close_code: CloseCode | None = None
        self._limits = limits
        self._queue: deque[Frame] = deque()
        self._urgent: deque[Frame] = deque()
        self._queued_bytes = 0
        self._wake = asyncio.Event()

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
        if self.backlog >= self._limits.queue_events or self._queued_bytes + len(frame.text) > self._limits.queue_bytes:
            self.close(CloseCode.SLOW, abandon=True)
            return False
        (self._urgent if urgent else self._queue).append(frame)
        self._queued_bytes += len(frame.text)
        self._wake.set()
        return True

    def peek(self) -> Frame | None:
        """Return the next frame without taking it, or None if there is none."""
        queue = self._urgent or self._queue
        return queue[0] if queue else None

    def take(self) -> None:
        """Take the next frame off the queue."""
        self._queued_bytes -= len((self._urgent or self._queue).popleft().text)

    def overtaken(self, frame: Frame) -> bool:
        """Whether the field a paced frame shows has been written again since."""
        return frame.pace > 0 and frame.key is not None and self.channel.latest.get(frame.key, 0) > frame.seq

    async def wait(self, timeout: float) -> None:
        """Wait until something was offered or the watcher was closed, for `timeout` seconds at most."""
        self._wake.clear()
        try:
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        except TimeoutError:
            pass

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
        self._wake.set()


class Channel:
    """The watchers of one session in this process."""

    __slots__ = ("expires_at", "latest", "session_id", "watchers")

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.watchers: set[Watcher] = set()
        self.latest: dict[str, int] = {}
        """key -> seq of its newest value while anybody watches: what makes a paced frame overtaken."""
        self.expires_at = 0.0
        """On the store's clock, as far as this process knows; asked again when it comes."""


class Hub:
    """All channels of this process. A channel exists while it has a watcher, and no longer."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._channels: dict[str, Channel] = {}
        self._count = 0
        self._nobody = asyncio.Event()

    @property
    def watchers(self) -> int:
        """Watchers of all sessions."""
        return self._count

    def count(self, session_id: str) -> int:
        """Return the number of watchers of one session."""
        channel = self._channels.get(session_id)
        return len(channel.watchers) if channel else 0

    def join(self, session_id: str, role: Role, *, source: str) -> Watcher:
        """Add a watcher. Whoever calls this calls `leave`.

        Raises:
            RateLimitedError: the session has as many watchers as it may (`too_many_watchers`).
            UnavailableError: the process has (`at_capacity`).
        """
        if self.count(session_id) >= self._limits.watchers_per_session:
            raise RateLimitedError("The session has too many watchers", code="too_many_watchers", retry_after=10)
        if self._count >= self._limits.watchers:
            raise UnavailableError("The server has as many connections as it can", code="at_capacity", retry_after=10)
        channel = self._channels.setdefault(session_id, Channel(session_id))
        watcher = Watcher(channel, role, source=source, limits=self._limits)
        channel.watchers.add(watcher)
        self._count += 1
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """Remove a watcher, and its channel with the last one. Safe to call twice."""
        channel = watcher.channel
        if watcher not in channel.watchers:
            return
        channel.watchers.discard(watcher)
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

    def publish(self, session_id: str, events: Iterable[Event], *, epoch: str) -> None:
        """Queue events, in order, to every watcher but the connection each came from."""
        channel = self._channels.get(session_id)
        if channel is None:
            return
        for event in events:
            if isinstance(event, Change):
                channel.latest[event.key] = event.seq
            frames = _Frames(event, epoch, asyncio.get_running_loop().time())
            for watcher in tuple(channel.watchers):
                if not (isinstance(event, Change) and event.source == watcher.source):
                    watcher.offer(frames.of(watcher.role))

    def renew(self, session_id: str, expires_at: float) -> None:
        """Note when a session ends, for those who watch it."""
        if (channel := self._channels.get(session_id)) is not None:
            channel.expires_at = expires_at

    def end(self, session_id: str, reason: str) -> None:
        """Tell every watcher of a session that it has ended, and close them."""
        last = Frame(messages.encode({"type": reason}).decode())
        self.close(session_id, CloseCode.ENDED, last=last)

    def close(self, session_id: str, code: CloseCode, *, last: Frame | None = None, role: Role | None = None) -> None:
        """Close the watchers of a session, or only those of one role."""
        channel = self._channels.get(session_id)
        for watcher in tuple(channel.watchers) if channel else ():
            if role is None or watcher.role is role:
                watcher.close(code, last=last)

    def all_watchers(self) -> list[Watcher]:
        """Return every watcher there is now."""
        return [watcher for channel in self._channels.values() for watcher in channel.watchers]


class _Frames:
    """One event as the roles may see it, each encoded on first need."""

    __slots__ = ("_born", "_by_role", "_epoch", "_event")

    def __init__(self, event: Event, epoch: str, born: float) -> None:
        self._event = event
        self._epoch = epoch
        self._born = born
        self._by_role: dict[bool, Frame] = {}

    def of(self, role: Role) -> Frame:
        hidden = withheld(self._event, role)
        if hidden not in self._by_role:
            text = frame_text(self._event, role, epoch=self._epoch)
            key, pace = (self._event.key, self._event.pace) if isinstance(self._event, Change) else (None, 0.0)
            self._by_role[hidden] = Frame(text, self._event.seq, key, pace, self._born)
        return self._by_role[hidden]


def frame_text(event: Event, role: Role, *, epoch: str) -> str:
    """Return an event as the JSON text that watchers of `role` are sent."""
    return messages.encode(frame(event, role, epoch=epoch)).decode("ascii")
