"""Registry of subscribers by session: the part of pub/sub that every store has in its own process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

Subscriber = Callable[[str, int | None], None]
"""Called after saves with a session's id and its version, or None where the store cannot tell what was missed.

The call is made on the event loop of the subscription. It returns at once and raises nothing."""

Notification = tuple[str, int | None]
"""Arguments of a subscriber."""


class Subscribers:
    """Subscribers of sessions, each on the event loop it was added in. Safe from any thread.

    A session without subscribers has no entry, and neither has an event loop that is closed.
    """

    def __init__(self) -> None:
        self._by_session: dict[str, set[tuple[asyncio.AbstractEventLoop, Subscriber]]] = {}
        self._loops: set[asyncio.AbstractEventLoop] = set()
        self._lock = threading.Lock()
        """Held to change or to copy the registry."""

    def __len__(self) -> int:
        return len(self._by_session)

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._by_session

    def __iter__(self) -> Iterator[str]:
        with self._lock:
            return iter(tuple(self._by_session))

    def add(self, session_id: str, subscriber: Subscriber) -> None:
        """Add a subscriber, to be called on the running event loop."""
        loop = asyncio.get_running_loop()
        with self._lock:
            self._by_session.setdefault(session_id, set()).add((loop, subscriber))
            self._loops.add(loop)
        self.prune()

    def discard(self, session_id: str, subscriber: Subscriber) -> None:
        """Remove a subscriber of the running event loop, and the session's entry with its last one."""
        here = _running_loop()
        with self._lock:
            self._keep_matching(session_id, lambda entry: entry != (here, subscriber))

    def prune(self) -> None:
        """Remove the subscribers of closed event loops."""
        with self._lock:
            closed = {loop for loop in self._loops if loop.is_closed()}
            for session_id in tuple(self._by_session) if closed else ():
                self._keep_matching(session_id, lambda entry: entry[0] not in closed)
            self._loops -= closed

    def notify(self, session_id: str, version: int | None) -> None:
        """Call all subscribers of a session."""
        if session_id in self._by_session:
            self.notify_all([(session_id, version)])

    def notify_all(self, notifications: Iterable[Notification]) -> None:
        """Call the subscribers of several sessions: at once on this event loop, soon on others, by one call a loop."""
        here = _running_loop()
        for loop, calls in self._calls_by_loop(notifications).items():
            if loop is here:
                _call_all(calls)
            else:
                with suppress(RuntimeError):  # closed: nobody is left there
                    loop.call_soon_threadsafe(_call_all, calls)

    def _calls_by_loop(
        self, notifications: Iterable[Notification]
    ) -> dict[asyncio.AbstractEventLoop, list[tuple[Subscriber, Notification]]]:
        calls: dict[asyncio.AbstractEventLoop, list[tuple[Subscriber, Notification]]] = {}
        with self._lock:
            for notification in notifications:
                for loop, subscriber in self._by_session.get(notification[0], ()):
                    calls.setdefault(loop, []).append((subscriber, notification))
        return calls

    def _keep_matching(
        self, session_id: str, condition: Callable[[tuple[asyncio.AbstractEventLoop, Subscriber]], bool]
    ) -> None:
        kept = set(filter(condition, self._by_session.get(session_id, ())))
        if kept:
            self._by_session[session_id] = kept
        else:
            self._by_session.pop(session_id, None)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _call_all(calls: Iterable[tuple[Subscriber, Notification]]) -> None:
    for subscriber, (session_id, version) in calls:
        subscriber(session_id, version)
