"""Lifecycle of an engine: ready at the first request, drained and closed at the end."""

from __future__ import annotations

from typing import NamedTuple

from handshake_prompt.protocol.errors import HandshakeError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.replies import Reply
from handshake_prompt.stores import SessionStore

from .hooks import Hooks
from .hub import Hub
from .presence import Presence
from .subscriptions import Subscriptions
from .tasks import Tasks
from .transactions import Transactions


class Statistics(NamedTuple):
    """What the engine holds right now, for operators and tests."""

    watchers: int
    locks: int
    running: int


class Lifecycle:
    """The parts of an engine that run on between requests.

    Args:
        owns_store: whether the store is closed with the engine.
    """

    def __init__(self, store: SessionStore, hooks: Hooks, limits: Limits, *, owns_store: bool) -> None:
        self.store = store
        self.hooks = hooks
        self.limits = limits
        self._owns_store = owns_store
        self._hub = Hub(limits)
        self._tasks = Tasks(store, hooks)
        self._transactions = Transactions(store, self._hub, limits=limits)
        self._subscriptions = Subscriptions(store, self._hub, self._transactions)
        self._presence = Presence(store, self._hub)
        self._is_ready = False

    @property
    def statistics(self) -> Statistics:
        """What the engine holds right now."""
        return Statistics(self._hub.watchers, len(self._transactions.locks), len(self._tasks))

    async def drain(self, *, at_once: bool = False) -> None:
        """Send the watchers elsewhere, spread over `drain_spread` seconds or at once, and let running requests finish.

        At once is for servers that are about to cut them off: each watcher is told a moment of its own to come again.
        """
        await self._hub.drain(at_once=at_once)
        await self._tasks.drain(self.limits.hook_timeout)

    def resume(self) -> None:
        """Accept watchers again after a drain."""
        self._hub.draining = False

    async def aclose(self) -> None:
        """Drain, stop all work in the background, and close the store if the engine has opened it."""
        await self.drain()
        await self._subscriptions.aclose()
        await self._presence.aclose()
        if self._owns_store:
            self._is_ready = False
            await self.store.aclose()

    async def health(self) -> Reply:
        """Say whether this worker should be sent requests: the store answers, and nobody has asked it to drain.

        Returns:
            `status` (`ready`, `draining` or `unavailable`), `store`, `watchers` and `running` (requests being carried
            out); with status 200 if ready, else 503.
        """
        status = "draining" if self._hub.draining else "ready"
        try:
            if not self._hub.draining:  # a store that was closed stays so
                await self.store.ready()
        except HandshakeError:
            status = "unavailable"
        held = self.statistics
        members = {"status": status, "store": type(self.store).__name__}
        payload = members | {"watchers": held.watchers, "running": held.running}
        return Reply(payload, status=200 if status == "ready" else 503)

    async def _get_ready(self) -> None:
        """Have the store ready before its clock is asked."""
        if not self._is_ready:
            await self.store.ready()
            self._is_ready = True
