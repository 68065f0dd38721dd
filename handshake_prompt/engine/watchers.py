"""Watchers of sessions: how one is opened, with every missed event or a snapshot. SPEC.md sections 6 and 7."""

from __future__ import annotations

from typing import Any

from handshake_prompt.protocol import messages
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.events import Cursor
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import Context, Outcome
from handshake_prompt.protocol.session import Session
from handshake_prompt.stores import Loaded

from .frame_queue import Frame, FrameQueue, log_frame
from .guard import Admission
from .hub import Hub
from .page_messages import PageMessages
from .presence import Presence
from .subscriptions import Subscriptions
from .transactions import Transactions
from .views import Views
from .watcher import Watcher


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
        limits: Limits,
    ) -> None:
        self._hub = hub
        self._transactions = transactions
        self._subscriptions = subscriptions
        self._presence = presence
        self._views = views
        self._page_messages = page_messages
        self._limits = limits

    async def open(self, admission: Admission, *, after: str | None, keepalive: float | None) -> Watcher:
        """Add a watcher to a session, from a cursor on if `after` is one that can be resumed from.

        Raises:
            InvalidTokenError: the agent's token was replaced meanwhile.
            RateLimitedError, UnavailableError: there is no place, or the server drains.
        """
        session_id, role = admission.session_id, admission.role
        cursor, pause = Cursor.parse(after) if after else None, keepalive or self._limits.keepalive
        async with self._subscriptions.joining(session_id, cursor.seq if cursor else None) as loaded:
            admission.confirm(loaded.record.session)
            snapshot = self._views.context(loaded.record, role)
            frames = opening_frames(
                loaded, role, cursor=cursor, limits=self._limits, keepalive=pause, snapshot=snapshot
            )
            queue = self._subscriptions.join(loaded.record, role)
        try:
            await self._presence.joined(session_id)
        except BaseException:
            self.leave(queue)
            raise
        watched = Watched(queue, self, self._hub, self._transactions, self._page_messages)
        return Watcher(queue, frames, watched, limits=self._limits, keepalive=pause, quota=admission.quota)

    def leave(self, queue: FrameQueue) -> None:
        """Remove a watcher. Safe to call twice."""
        if self._subscriptions.leave(queue):
            self._presence.left(queue.session_id)


class Watched:
    """The session of one watcher: what `WatchedSession` promises, on the engine."""

    def __init__(
        self,
        queue: FrameQueue,
        watchers: Watchers,
        hub: Hub,
        transactions: Transactions,
        page_messages: PageMessages,
    ) -> None:
        self._queue = queue
        self._watchers = watchers
        self._hub = hub
        self._transactions = transactions
        self._page_messages = page_messages

    @property
    def expires_at(self) -> float:
        return self._hub.expires_at(self._queue.session_id)

    def time_left(self) -> float:
        return self.expires_at - self._transactions.now()

    async def refresh_lifetime(self) -> None:
        await self._transactions.refresh_lifetime(self._queue.session_id)

    async def perform(self, message: dict[str, Any], watcher: Watcher) -> tuple[Session, list[Outcome]]:
        return await self._page_messages.perform(message, watcher)

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
) -> list[Frame]:
    """Return the first frames of a connection: `connected`, and every missed event or a snapshot, never part of one.

    `loaded` is the session, read on from the cursor if there is one. It can be resumed from if it is a place in this
    session's log, and all events after it are still kept and not too many.
    """
    session, log = loaded.record.session, loaded.log
    is_known = log is not None and log.complete and len(log.events) <= limits.replay_events
    recovered = is_known and cursor is not None and session.has_been_at(cursor)
    missed = [log_frame(event, role, epoch=session.epoch) for event in log.events] if recovered and log else []
    place = str(cursor if recovered else session.cursor)
    connected = {
        "type": "connected",
        "sessionId": session.session_id,
        "mode": session.mode,
        "role": role,
        **({"agent": session.agent} if session.agent else {}),
        "cursor": place,
        "recovered": recovered,
        "snapshot": None if recovered else snapshot,
        "expiresIn": snapshot["expiresIn"],
        "keepalive": keepalive,
    }
    return [Frame(messages.encode(connected).decode("ascii"), "connected", place), *missed]
