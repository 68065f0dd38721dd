"""Publish/subscribe hub of this worker: one topic per watched session, one bounded queue per watcher.

An event is encoded once per role, for any number of watchers. A topic knows its place in the session's log, so
that an event of another worker is neither missed nor shown twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import CloseCode, RateLimitedError, UnavailableError
from handshake_prompt.protocol.events import ROTATED, ROW_REMOVED, Change, Event, withheld
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.session import CLOSED, REVOKED, Session
from handshake_prompt.session.requests import next_expiry
from handshake_prompt.stores import Record

from .frame_queue import Audience, FrameQueue
from .frames import Frame, connection_frame, draining_frame, log_frame

RESERVED_FOR_PAGES = 0.25
"""The share of a worker's places that agents cannot take."""
RING_AGAIN = 1.0
"""Seconds until a request that is due is told of once more."""


class Topic:
    """The watchers of one session in this worker, and the place in its log up to which they were sent it."""

    __slots__ = (
        "agent",
        "agent_at",
        "due",
        "epoch",
        "expires_at",
        "newest",
        "queues",
        "seq",
        "session_id",
        "timer",
        "version",
    )

    def __init__(self, session: Session, version: int) -> None:
        self.session_id = session.session_id
        self.queues: set[FrameQueue] = set()
        self.epoch = session.epoch
        self.seq = session.seq
        self.version = version
        """Of the record that was last published: a wake-up is compared to it."""
        self.newest: dict[str, int] = {}
        """key -> `seq` of its newest value while the session is watched: it makes a paced frame overtaken."""
        self.agent, self.agent_at = session.agent, session.agent_at
        """The agent that was here last, and when that was last told of, on the wall clock."""
        self.expires_at = 0.0
        """On the store's clock, as far as this worker knows; asked again when it comes."""
        self.due: float | None = None
        """When the next of its requests expires, on the store's clock."""
        self.timer: asyncio.TimerHandle | None = None
        """Rings then."""

    def overtake_removed(self, session: Session) -> None:
        """Let the paced frames of removed cells count as overtaken; forget cells without a frame in any queue."""
        oldest = min(queue.oldest for queue in self.queues)
        for key in self.newest.keys() - session.values.keys():
            if self.newest[key] < oldest:
                del self.newest[key]
            else:
                self.newest[key] = session.seq


class Hub:
    """All topics of this worker. A topic exists while it has a watcher, and no longer.

    Args:
        limits: the bounds of watchers and their queues.
        now: returns the time on the store's clock.
        request_due: called with a watched session when one of its requests expires, and until that is published.
    """

    def __init__(self, limits: Limits, *, now: Callable[[], float], request_due: Callable[[str], object]) -> None:
        self._limits = limits
        self._now = now
        self._request_due = request_due
        self._topics: dict[str, Topic] = {}
        self._watchers = 0
        self._emptied = asyncio.Event()
        self.draining = False
        """Whether nobody may join any more."""

    @property
    def watchers(self) -> int:
        """Watchers of all sessions."""
        return self._watchers

    @property
    def sessions(self) -> list[str]:
        """The sessions that are watched."""
        return list(self._topics)

    def topic(self, session_id: str) -> Topic | None:
        """Return the topic of a session, None if nobody watches it."""
        return self._topics.get(session_id)

    def count_watchers(self, session_id: str, audience: Audience | None = None) -> int:
        """Return the number of watchers of one session that show it to somebody, or to one audience."""
        topic = self._topics.get(session_id)
        if topic is None:
            return 0
        return sum(not queue.polling and audience in (None, queue.audience) for queue in topic.queues)

    def expires_at(self, session_id: str) -> float:
        """Return the end of a watched session on the store's clock; 0 for one that is not watched."""
        topic = self._topics.get(session_id)
        return topic.expires_at if topic else 0.0

    def join(
        self, record: Record, role: Role, *, source: str, polling: bool = False, hidden: bool = False
    ) -> FrameQueue:
        """Add a watcher that has seen the session as it is in `record`. The caller pairs this with `leave`.

        Raises:
            RateLimitedError: the session has as many watchers of this role as it may (`too_many_watchers`).
            UnavailableError: the worker has as many as it may (`at_capacity`), or it drains (`draining`).
        """
        session = record.session
        topic = self._topics.get(session.session_id)
        self._check_room(topic, role)
        if topic is None:
            topic = self._topics[session.session_id] = Topic(session, record.version)
        topic.expires_at = record.expires_at
        self._set_timer(topic, session)
        queue = FrameQueue(
            session.session_id,
            role,
            source=source,
            proof=session.token_digest,
            newest=topic.newest,
            limits=self._limits,
            polling=polling,
            hidden=hidden,
        )
        topic.queues.add(queue)
        self._watchers += 1
        return queue

    def leave(self, queue: FrameQueue) -> bool:
        """Remove a watcher, and its topic with the last one; return whether it was there. Safe to call twice."""
        topic = self._topics.get(queue.session_id)
        if topic is None or queue not in topic.queues:
            return False
        topic.queues.discard(queue)
        queue.cancel_timer()
        self._watchers -= 1
        if not self._watchers:
            self._emptied.set()
        if not topic.queues:
            del self._topics[queue.session_id]
            _cancel_timer(topic)
        return True

    async def drain(self, *, at_once: bool = False) -> None:
        """Send the watchers elsewhere, spread over `drain_spread` seconds or at once, and let nobody join."""
        self.draining = True
        queues = [queue for topic in self._topics.values() for queue in topic.queues]
        spread = self._limits.drain_spread
        for place, queue in enumerate(queues):
            if place and not at_once:
                await asyncio.sleep(spread / len(queues))
            queue.close(CloseCode.DRAINING, last=draining_frame(spread))
        with suppress(TimeoutError):
            async with asyncio.timeout(spread):
                await self.wait_until_empty()

    async def wait_until_empty(self) -> None:
        """Wait until no watcher is left."""
        if self._watchers:
            self._emptied = asyncio.Event()  # a new one: an event belongs to the loop of its waiters
            await self._emptied.wait()

    def publish(self, record: Record, events: Iterable[Event]) -> bool:
        """Bring the watchers of a session to the state of `record`, with the events that led there.

        The events are queued, in order, to every watcher but the connection each came from; events that were published
        before are skipped. A session that has ended closes all watchers, a replaced token the agents that came with it.

        Returns:
            False if the events do not join on to the published ones: nothing is done then.
        """
        session = record.session
        topic = self._topics.get(session.session_id)
        if topic is None:
            return True
        if session.ended:
            self.end_session(session.session_id, session.ended)
            return True
        fresh = [event for event in events if event.seq > topic.seq]
        if topic.epoch != session.epoch or topic.seq + len(fresh) != session.seq:
            return False
        # A watcher joins a topic that is up to date. So an agent that is here when a rotation is published came with an
        # older token, whatever the token of `record` is by now: it sees the rotation, and no event behind it.
        has_removed = False
        for event in fresh:
            self._offer_event(topic, event, session)
            if event.type == ROTATED:
                self._close_watchers(topic, CloseCode.UNAUTHENTICATED, roles=(Role.AGENT,))
            has_removed = has_removed or event.type == ROW_REMOVED
        if has_removed:
            topic.overtake_removed(session)
        topic.seq, topic.version, topic.expires_at = session.seq, record.version, record.expires_at
        topic.agent, topic.agent_at = session.agent, session.agent_at
        if topic.due is not None or session.requests:
            self._set_timer(topic, session)
        return True

    def note_lifetime(self, session_id: str, expires_at: float) -> None:
        """Note the new end of a session, for its watchers."""
        if (topic := self._topics.get(session_id)) is not None:
            topic.expires_at = expires_at

    def end_session(self, session_id: str, reason: str) -> None:
        """Tell every watcher of a session that it has ended, and close them."""
        if (topic := self._topics.get(session_id)) is not None:
            # To pages of version 1.0 it is `revoked`, whoever it was.
            last = connection_frame(REVOKED, by="host") if reason == CLOSED else connection_frame(reason)
            self._close_watchers(topic, CloseCode.ENDED, last=last)

    def restart_watchers(self, record: Record) -> None:
        """Have every watcher of a session come again: their place in the log does not lead to that of `record`."""
        session = record.session
        if (topic := self._topics.get(session.session_id)) is not None:
            self._close_watchers(topic, CloseCode.SLOW)
            topic.epoch, topic.seq, topic.version = session.epoch, session.seq, record.version

    def _set_timer(self, topic: Topic, session: Session) -> None:
        """Have the topic's timer ring when the next of its requests expires."""
        topic.due = next_expiry(session)
        _cancel_timer(topic)
        if topic.due is not None:
            self._ring_in(topic, topic.due - self._now())

    def _ring_in(self, topic: Topic, seconds: float) -> None:
        topic.timer = asyncio.get_running_loop().call_later(seconds, self._tell_request_due, topic)

    def _tell_request_due(self, topic: Topic) -> None:
        """Tell that a request is due, and again later: the store may be away, or its clock behind the loop's."""
        self._ring_in(topic, RING_AGAIN)
        self._request_due(topic.session_id)

    def _check_room(self, topic: Topic | None, role: Role) -> None:
        """Make sure that there is a place. The places of the two roles are apart: no agent takes one of a page's."""
        if self.draining:
            raise UnavailableError("The server is shutting down", code="draining", retry_after=1)
        if topic and sum(queue.role is role for queue in topic.queues) >= self._limits.watchers_per_session:
            raise RateLimitedError("The session has too many watchers", code="too_many_watchers", retry_after=10)
        room = self._limits.watchers if role is Role.USER else self._limits.watchers * (1 - RESERVED_FOR_PAGES)
        if self._watchers >= room:
            raise UnavailableError("The server has as many connections as it can", code="at_capacity", retry_after=10)

    def _offer_event(self, topic: Topic, event: Event, session: Session) -> None:
        if isinstance(event, Change):
            topic.newest[event.key] = event.seq
        source = event.source if isinstance(event, Change) else None
        now = asyncio.get_running_loop().time()
        frames: dict[Role, Frame] = {}
        for queue in tuple(topic.queues):
            if source is not None and source == queue.source:
                continue
            role = queue.role
            if role not in frames:
                fresh = _paced_frame(event, role, session, now=now)
                frames |= dict.fromkeys((role,) if withheld(event, Role.AGENT) else Role, fresh)
            queue.offer_frame(frames[role])

    @staticmethod
    def _close_watchers(
        topic: Topic, code: CloseCode, *, last: Frame | None = None, roles: Collection[Role] = frozenset(Role)
    ) -> None:
        for queue in tuple(topic.queues):
            if queue.role in roles:
                queue.close(code, last=last)


def _cancel_timer(topic: Topic) -> None:
    if topic.timer is not None:
        topic.timer.cancel()
        topic.timer = None


def _paced_frame(event: Event, role: Role, session: Session, *, now: float) -> Frame:
    key = event.key if isinstance(event, Change) else None
    return log_frame(event, role, session)._replace(key=key, pace=event.pace, queued_at=now)
