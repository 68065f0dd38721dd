"""Registry of subscribers by session: the part of pub/sub that every store has in its own process."""

from __future__ import annotations

from collections.abc import Callable, Iterator

Subscriber = Callable[[str, int | None], None]
"""Called after saves with a session's id and its version, or None where the store cannot tell what was missed.

The call is made on the event loop of the subscription. It returns at once and raises nothing."""


class Subscribers:
    """Subscribers of sessions, on one event loop. A session without subscribers has no entry."""

    def __init__(self) -> None:
        self._by_session: dict[str, set[Subscriber]] = {}

    def __len__(self) -> int:
        return len(self._by_session)

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._by_session

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._by_session))

    def add(self, session_id: str, subscriber: Subscriber) -> None:
        """Add a subscriber."""
        self._by_session.setdefault(session_id, set()).add(subscriber)

    def discard(self, session_id: str, subscriber: Subscriber) -> None:
        """Remove a subscriber, and the session's entry with its last one."""
        subscribers = self._by_session.get(session_id, set())
        subscribers.discard(subscriber)
        if not subscribers:
            self._by_session.pop(session_id, None)

    def notify(self, session_id: str, version: int | None) -> None:
        """Call all subscribers of a session."""
        for subscriber in tuple(self._by_session.get(session_id, ())):
            subscriber(session_id, version)
