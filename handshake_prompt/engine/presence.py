"""Presence: the number of watchers of each session, shared between the workers as leases that are renewed.

A worker has a lease for each audience. One that is killed renews no more, and its counts run out by themselves.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from itertools import product

from handshake_prompt.protocol.credentials import mint_connection
from handshake_prompt.protocol.errors import HandshakeError
from handshake_prompt.stores import PRESENCE_SECONDS, Record, SessionStore

from .delivery.frame_queue import Audience
from .delivery.hub import Hub

logger = logging.getLogger("handshake_prompt")

REFRESH = PRESENCE_SECONDS / 3
"""Seconds between two renewals of a worker's leases: two of them may be lost."""
REFRESH_BATCH = 500
"""Sessions reported in one call: well under a millisecond's work for any store."""


class Presence:
    """Reports this worker's watchers, and adds up the reports of all workers."""

    def __init__(self, store: SessionStore, hub: Hub) -> None:
        self._store = store
        self._hub = hub
        worker = mint_connection()
        self._leases = {audience: f"{worker}.{audience}" for audience in Audience}
        """The names that this worker's counts are reported under."""
        self._unreported: set[tuple[str, Audience]] = set()
        """Sessions, with the audience whose number has changed since it was last reported."""
        self._reporter: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    def count_watchers(self, record: Record) -> int:
        """Return the number of watchers of a session, in all workers."""
        here = self._hub.count_watchers(record.session.session_id)
        if not record.presence:
            return here
        own = self._leases.values()
        return here + sum(count for lease, count in record.presence.items() if lease not in own)

    def is_attended(self, record: Record) -> bool:
        """Whether a page of the person's is connected, to any worker, and has not said that it is hidden."""
        if self._hub.count_watchers(record.session.session_id, Audience.PAGE):
            return True
        own = self._leases[Audience.PAGE]
        return any(lease.endswith(f".{Audience.PAGE}") and lease != own for lease in record.presence)

    async def report_joined(self, session_id: str, audience: Audience) -> None:
        """Report a watcher that has joined, and renew the lease from here on."""
        await self._report_counts([session_id], audience)
        self._keep_reporting()

    def report_soon(self, session_id: str, *audiences: Audience) -> None:
        """Have it reported, in the background, that audiences have got or lost a watcher."""
        self._unreported.update((session_id, audience) for audience in audiences)
        self._keep_reporting()

    async def aclose(self) -> None:
        """Stop reporting."""
        if self._reporter is not None:
            self._reporter.cancel()
            await asyncio.gather(self._reporter, return_exceptions=True)

    def _keep_reporting(self) -> None:
        if self._reporter is None or self._reporter.done():
            self._changed = asyncio.Event()  # a new one: an event belongs to the loop of its waiters
            self._reporter = asyncio.create_task(self._report_and_renew())
        self._changed.set()

    async def _report_and_renew(self) -> None:
        """Report changes at once and renew all leases in time, while there is anything to report."""
        while self._hub.watchers or self._unreported:
            self._changed.clear()
            if not self._unreported:
                await self._wait_for_a_change()
            due = [self._unreported.pop() for _ in range(min(len(self._unreported), REFRESH_BATCH))]
            try:
                for audience in Audience:
                    await self._report_counts([session_id for session_id, one in due if one is audience], audience)
            except HandshakeError as error:  # a lease that is not renewed runs out by itself
                logger.debug("The watchers of %d sessions could not be reported: %s", len(due), error.code)

    async def _report_counts(self, session_ids: Sequence[str], audience: Audience) -> None:
        """Report counts until they are right: of two calls at once the older may arrive last."""
        while session_ids:
            counts = {session_id: self._hub.count_watchers(session_id, audience) for session_id in session_ids}
            await self._store.report_watchers(self._leases[audience], counts)
            session_ids = [one for one, count in counts.items() if self._hub.count_watchers(one, audience) != count]

    async def _wait_for_a_change(self) -> None:
        try:
            async with asyncio.timeout(REFRESH):
                await self._changed.wait()
        except TimeoutError:
            self._unreported.update(product(self._hub.sessions, Audience))
