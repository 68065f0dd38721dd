"""Lifecycle of an engine: ready at the first request, drained and closed at the end."""

from __future__ import annotations

from typing import NamedTuple

from handshake_prompt.engine.worker import Worker, Workers
from handshake_prompt.protocol.errors import HandshakeError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.replies import Reply
from handshake_prompt.stores import SessionStore


class Statistics(NamedTuple):
    """Numbers of the engine's watchers, locks and tasks right now, for operators and tests."""

    watchers: int
    locks: int
    running: int


class Lifecycle:
    """The parts of an engine that run on between requests.

    Args:
        workers: the workers of this process.
        owns_store: whether the store is closed with the engine.
    """

    def __init__(self, store: SessionStore, workers: Workers, limits: Limits, *, owns_store: bool) -> None:
        self.store = store
        self.limits = limits
        self._workers = workers
        self._owns_store = owns_store
        self._is_ready = False

    @property
    def statistics(self) -> Statistics:
        """The numbers right now, over all event loops of this process."""
        return Statistics(
            sum(worker.hub.watchers for worker in self._workers),
            sum(len(worker.transactions.locks) for worker in self._workers),
            sum(len(worker.tasks) for worker in self._workers),
        )

    async def drain(self, *, at_once: bool = False) -> None:
        """Send the watchers elsewhere, spread over `drain_spread` seconds or at once, and let running requests finish.

        At once is for servers that are about to cut them off: each watcher is told a moment of its own to come again.
        """
        self._workers.draining = True
        within = 2 * self.limits.drain_spread + self.limits.hook_timeout
        await self._workers.run_on_each(lambda worker: worker.drain(at_once=at_once), within=within)

    def resume(self) -> None:
        """Accept watchers again after a drain."""
        self._workers.draining = False
        for worker in self._workers:
            worker.hub.draining = False

    async def aclose(self) -> None:
        """Drain, stop all work in the background, and close the store if the engine has opened it."""
        await self.drain()
        await self._workers.run_on_each(Worker.aclose, within=self.limits.hook_timeout)
        if self._owns_store:
            self._is_ready = False
            await self.store.aclose()

    async def health(self) -> Reply:
        """Say whether this worker should be sent requests: the store answers, and nobody has asked it to drain.

        Returns:
            `status` (`ready`, `draining` or `unavailable`), `store`, `watchers` and `running` (requests being carried
            out); with status 200 if ready, else 503.
        """
        draining = self._workers.draining
        status = "draining" if draining else "ready"
        try:
            if not draining:  # a store that was closed stays so
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
