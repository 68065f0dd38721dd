"""Watchers of sessions: how one is opened, with every missed event or a snapshot. SPEC.md sections 6 and 7."""

from __future__ import annotations

from typing import Any

from handshake_prompt.protocol import messages
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import InvalidTokenError
from handshake_prompt.protocol.events import Change, Cursor
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import Context, Outcome
from handshake_prompt.protocol.session_messages import AgentPresence
from handshake_prompt.session import Session
from handshake_prompt.stores import Loaded, Record

from .access.fair_queue import take_slot
from .access.guard import Admission
from .access.login_lease import LoginLease
from .delivery.frame_queue import FrameQueue
from .delivery.frames import Frame, log_frame
from .delivery.hub import Hub
from .delivery.watcher import Watcher
from .form_validation import EDIT_PATIENCE, FormValidation
from .page_messages import PageMessages
from .presence import Presence
from .subscriptions import Subscriptions
from .transactions import Transactions
from .views import Views


class Watchers:
    """Opens watchers."""

    def __init__(
        self,
        hub: Hub,
        transactions: Transactions,
        subscriptions: Subscriptions,
        *,
        presence: Presence,
        views: Views,
        page_messages: PageMessages,
        validation: FormValidation,
        limits: Limits,
    ) -> None:
        self._hub = hub
        self._transactions = transactions
        self._subscriptions = subscriptions
        self._presence = presence
        self._views = views
        self._page_messages = page_messages
        self._validation = validation
        self._limits = limits

    async def open_watcher(
        self,
        admission: Admission,
        *,
        after: str | None,
        keepalive: float | None,
        hidden: bool = False,
        lease: LoginLease | None = None,
    ) -> Watcher:
        """Add a watcher to a session, from a cursor on if `after` is one that can be resumed from.

        Raises:
            InvalidTokenError: the agent's token was replaced meanwhile.
            RateLimitedError, UnavailableError: there is no place, or the server drains.
        """
        session_id, role = admission.session_id, admission.role
        cursor, pause = Cursor.parse(after) if after else None, keepalive or self._limits.keepalive
        if admission.session.form and cursor is None:
            await self._validation.verdict_on(
                admission.session, within=EDIT_PATIENCE
            )  # for the snapshot, under the lock
        async with self._subscriptions.hold_for_joining(session_id, cursor.seq if cursor else None) as loaded:
            admission.confirm_credential(loaded.record.session)
            session = loaded.record.session
            snapshot = self._snapshot_members(loaded.record, role)
            agent = self._views.agent_presence(session.agent, session.agent_at)
            frames = opening_frames(
                loaded, role, cursor=cursor, limits=self._limits, keepalive=pause, snapshot=snapshot, agent=agent
            )
            queue = self._subscriptions.join(loaded.record, role, hidden=hidden)
        try:
            await self._presence.report_joined(session_id, queue.audience)
        except BaseException:
            self.leave(queue)
            raise
        watched = Watched(queue, self, self._hub, self._transactions, self._page_messages, keepalive=pause)
        quota, limits = admission.quota, self._limits
        return Watcher(queue, frames, watched, limits=limits, keepalive=pause, quota=quota, lease=lease)

    async def read_on(self, queue: FrameQueue, *, keepalive: float) -> list[Frame]:
        """Return the frames a queue had no room for, and have it take in new frames from here on.

        If the log no longer has them all, it is one `connected` with a snapshot, as at the beginning of a connection.

        Raises:
            SessionNotFoundError: the session is gone or has ended.
            InvalidTokenError: the agent's token was replaced meanwhile.
        """
        await take_slot(queue.session_id)  # all watchers of a session may be behind at the same moment
        place = queue.read_on_from or 0
        async with self._subscriptions.hold_for_joining(queue.session_id, place) as loaded:
            session = loaded.record.session
            if queue.role is Role.AGENT and queue.proof != session.token_digest:
                raise InvalidTokenError
            cursor = Cursor(session.epoch, place)
            missed = missed_frames(loaded, queue.role, cursor=cursor, limits=self._limits, source=queue.source)
            if missed is None:
                snapshot = self._snapshot_members(loaded.record, queue.role)
                agent = self._views.agent_presence(session.agent, session.agent_at)
                missed = [connected_frame(session, queue.role, keepalive=keepalive, snapshot=snapshot, agent=agent)]
            queue.rejoin_log()
        return missed

    def _snapshot_members(self, record: Record, role: Role) -> Context:
        """Return a snapshot with the problems that are known; if they are not yet, an event follows."""
        if not record.session.form:
            return self._views.context_members(record, role)
        verdict = self._validation.known_verdict(record.session)
        self._validation.tell_when_judged(record, verdict)
        return self._views.context_members(record, role, verdict)

    def departed_agent(self, session_id: str) -> AgentPresence | None:
        """Return the agent that was here last, if it has not been heard of for long and does not watch, either."""
        topic = self._hub.topic(session_id)
        if topic is None or any(queue.role is Role.AGENT for queue in topic.queues):
            return None
        presence = self._views.agent_presence(topic.agent, topic.agent_at)
        return presence if presence.get("agentGone") else None

    def set_hidden(self, queue: FrameQueue, *, hidden: bool) -> None:
        """Note whether a page is in view."""
        before, queue.hidden = queue.audience, hidden
        if queue.audience is not before:
            self._presence.report_soon(queue.session_id, before, queue.audience)

    def leave(self, queue: FrameQueue) -> None:
        """Remove a watcher. Safe to call twice."""
        if self._subscriptions.leave(queue):
            self._presence.report_soon(queue.session_id, queue.audience)


class Watched:
    """The session of one watcher: `WatchedSession` on the engine."""

    def __init__(
        self,
        queue: FrameQueue,
        watchers: Watchers,
        hub: Hub,
        transactions: Transactions,
        page_messages: PageMessages,
        *,
        keepalive: float,
    ) -> None:
        self._queue = queue
        self._watchers = watchers
        self._hub = hub
        self._transactions = transactions
        self._page_messages = page_messages
        self._keepalive = keepalive

    @property
    def expires_at(self) -> float:
        return self._hub.expires_at(self._queue.session_id)

    def time_left(self) -> float:
        return self.expires_at - self._transactions.now()

    async def refresh_lifetime(self) -> None:
        await self._transactions.refresh_lifetime(self._queue.session_id)

    def departed_agent(self) -> AgentPresence | None:
        return self._watchers.departed_agent(self._queue.session_id)

    async def read_on(self) -> list[Frame]:
        return await self._watchers.read_on(self._queue, keepalive=self._keepalive)

    async def perform(self, message: dict[str, Any]) -> tuple[Session, list[Outcome]]:
        return await self._page_messages.perform(message, self._queue)

    def set_hidden(self, *, hidden: bool) -> None:
        self._watchers.set_hidden(self._queue, hidden=hidden)

    def leave(self) -> None:
        self._watchers.leave(self._queue)


def opening_frames(
    loaded: Loaded,
    role: Role,
    *,
    cursor: Cursor | None,
    limits: Limits,
    keepalive: float,
    snapshot: Context,
    agent: AgentPresence,
) -> list[Frame]:
    """Return the first frames of a connection: `connected`, and every missed event or a snapshot, never part of one.

    `loaded` is the session, read on from the cursor if there is one.
    """
    missed = missed_frames(loaded, role, cursor=cursor, limits=limits) if cursor else None
    resumed = cursor if missed is not None else None
    session = loaded.record.session
    return [
        connected_frame(session, role, keepalive=keepalive, snapshot=snapshot, agent=agent, resumed=resumed),
        *(missed or []),
    ]


def missed_frames(
    loaded: Loaded, role: Role, *, cursor: Cursor, limits: Limits, source: str | None = None
) -> list[Frame] | None:
    """Return the frames of all events after a cursor, except changes by `source`; None if they cannot be told in full.

    `loaded` is the session, read on from the cursor. It can be resumed from if it is a place in this session's log,
    and all events after it are still kept and not too many.
    """
    session, log = loaded.record.session, loaded.log
    if log is None or not log.complete or len(log.events) > limits.replay_events or not session.has_been_at(cursor):
        return None
    return [
        log_frame(event, role, session)
        for event in log.events
        if source is None or not isinstance(event, Change) or event.source != source
    ]


def connected_frame(
    session: Session,
    role: Role,
    *,
    keepalive: float,
    snapshot: Context,
    agent: AgentPresence,
    resumed: Cursor | None = None,
) -> Frame:
    """Return the frame that begins a stream: at a cursor that it is resumed from, or anew from a snapshot."""
    place = str(resumed or session.cursor)
    members = {
        "type": "connected",
        "sessionId": session.session_id,
        "mode": session.mode,
        "role": role,
        **agent,
        "cursor": place,
        "recovered": resumed is not None,
        "snapshot": None if resumed else snapshot,
        "expiresIn": snapshot["expiresIn"],
        "keepalive": keepalive,
    }
    return Frame(messages.encode(members).decode("ascii"), "connected", place)
