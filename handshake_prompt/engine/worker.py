"""Worker: the part of an engine that belongs to one event loop of one process.

A worker has the watchers, the locks and the tasks of its loop. Others, in other loops or processes, share nothing with
it but the store, so an application may be used from several loops: one after another, as by `asyncio.run`, or at once,
as by Starlette's `TestClient`. A worker is made at its first use, so nothing of it exists when a server forks.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from handshake_prompt.modes import Modes
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.stores import SessionStore

from .asking import Asking
from .batch import Batches
from .creation import Creation
from .delivery.hub import Hub
from .diff import Differ
from .form_validation import FormValidation
from .host.hooks import Hooks
from .host.lookups import Lookups
from .host.named_forms import NamedForms
from .host.owner_login import OwnerLogin
from .host_submissions import HostSubmissions
from .idempotency import Idempotency
from .page_messages import PageMessages
from .page_reports import PageReports
from .pasting import Pasting
from .pickups import Pickups
from .presence import Presence
from .session_changes import SessionChanges
from .session_reply import SessionReplies
from .submission_content import SubmissionContent
from .submitting import Submitting
from .subscriptions import Subscriptions
from .tasks import Tasks
from .transactions import Transactions
from .views import Views
from .watchers import Watchers


class Worker:
    """Carries out admitted operations on one event loop."""

    def __init__(
        self,
        store: SessionStore,
        hooks: Hooks,
        modes: Modes,
        session_replies: SessionReplies,
        forms: NamedForms,
        *,
        login: OwnerLogin | None,
        ttl: float,
        limits: Limits,
    ) -> None:
        self._limits = limits
        self.hub = hub = Hub(limits, now=store.now, request_due=self._request_due)
        self.tasks = tasks = Tasks(store, hooks)
        self.transactions = transactions = Transactions(store, hub, limits=limits)
        self.subscriptions = subscriptions = Subscriptions(store, hub, transactions)
        self.presence = presence = Presence(store, hub)
        self.validation = validation = FormValidation(forms, transactions, tasks, limits=limits)
        transactions.form_saved = validation.tell_when_judged
        self.session_changes = SessionChanges(transactions, hooks, modes, limits=limits)
        self.pickups = pickups = Pickups(store, transactions, session_replies, limits=limits)
        self.creation = Creation(
            transactions,
            (login or hooks).ask_creation,
            modes,
            session_replies,
            pickups=pickups,
            forms=forms,
            validation=validation,
            ttl=ttl,
            limits=limits,
        )
        self.views = Views(transactions, modes, presence, limits=limits)
        self.differ = Differ(hub, transactions, subscriptions, self.views, limits=limits)
        idempotency = Idempotency(store, limits)
        self.asking = asking = Asking(
            store, transactions, modes, presence=presence, idempotency=idempotency, limits=limits
        )
        content = SubmissionContent(modes, forms, limits=limits)
        self.submitting = Submitting(store, transactions, hooks, forms, content, limits=limits)
        self.host_submissions = HostSubmissions(transactions, modes, content, limits=limits)
        self.batches = Batches(
            transactions,
            hooks,
            modes,
            presence=presence,
            asking=asking,
            idempotency=idempotency,
            tasks=tasks,
            validation=validation,
            limits=limits,
        )
        self.lookups = Lookups(hooks, modes, forms, limits=limits)
        reports = PageReports(store, transactions, modes, limits=limits)
        self.page_messages = PageMessages(self.session_changes, reports, asking, tasks, limits=limits)
        self.pasting = Pasting(transactions, self.batches, asking, limits)
        self.watchers = Watchers(
            hub,
            transactions,
            subscriptions,
            presence=presence,
            views=self.views,
            page_messages=self.page_messages,
            validation=validation,
            limits=limits,
        )

    async def drain(self, *, at_once: bool = False) -> None:
        """Send the watchers elsewhere, and let running requests finish."""
        await self.hub.drain(at_once=at_once)
        await self.tasks.drain(self._limits.hook_timeout)

    def _request_due(self, session_id: str) -> None:
        self.tasks.spawn(self.asking.log_expiry(session_id))

    async def aclose(self) -> None:
        """Stop all work in the background."""
        await self.subscriptions.aclose()
        await self.presence.aclose()


class Workers:
    """The workers of a process, by event loop.

    Args:
        make: makes a worker.
    """

    def __init__(self, make: Callable[[], Worker]) -> None:
        self._make = make
        self._by_loop: dict[asyncio.AbstractEventLoop, Worker] = {}
        self._lock = threading.Lock()
        """Held to add and remove workers."""
        self.draining = False
        """Whether no watcher may join any more."""

    def __iter__(self) -> Iterator[Worker]:
        """Iterate over the workers with an event loop that is not closed."""
        return (worker for loop, worker in tuple(self._by_loop.items()) if not loop.is_closed())

    @property
    def here(self) -> Worker:
        """The worker of the running event loop."""
        loop = asyncio.get_running_loop()
        worker = self._by_loop.get(loop)
        return self._add_worker(loop) if worker is None else worker

    async def run_on_each(self, work: Callable[[Worker], Coroutine[Any, Any, None]], *, within: float) -> None:
        """Do something with each worker on its own loop, if that still runs, and wait for it some seconds at most."""
        here = asyncio.get_running_loop()
        elsewhere = [
            asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(worker), loop))
            for loop, worker in tuple(self._by_loop.items())
            if loop is not here and loop.is_running()
        ]
        await work(self.here)
        if elsewhere:
            await asyncio.wait(elsewhere, timeout=within)

    def _add_worker(self, loop: asyncio.AbstractEventLoop) -> Worker:
        """Add a worker, and drop workers of closed loops: their tasks and connections have ended with the loops."""
        with self._lock:
            self._by_loop = {one: worker for one, worker in self._by_loop.items() if not one.is_closed()}
            worker = self._by_loop[loop] = self._make()
        worker.hub.draining = self.draining
        return worker
