"""Base of all operations: the admission of requests by the guard, signs of an agent, and turns for heavy replies."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from handshake_prompt.engine.access.fair_queue import HEAVY_STATE, take_slot
from handshake_prompt.engine.access.guard import Admission, Guard, Operation
from handshake_prompt.engine.worker import Worker, Workers
from handshake_prompt.protocol import bodies
from handshake_prompt.protocol.bodies import Body
from handshake_prompt.protocol.credentials import Credential, Role
from handshake_prompt.protocol.errors import HandshakeError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.session.agent_presence import is_announced
from handshake_prompt.stores import PLAIN_VISIT, SessionStore, Visit

from .lifecycle import Lifecycle

T = TypeVar("T")

SHOWING = {Operation.CONTEXT, Operation.DIFF, Operation.ACTION}
"""Operations whose reply may hold all of a session."""
ANNOUNCED = {Operation.CONTEXT, Operation.DIFF}
"""Operations that let the page know of their agent; a batch does so by itself, ahead of its writes."""


class AdmittedRequest:
    """One request from its admission to its reply. A refusal in between tells the rest of the quota, too."""

    __slots__ = ("_admission", "_admitting")

    def __init__(self, admitting: Awaitable[Admission]) -> None:
        self._admitting = admitting

    async def __aenter__(self) -> Admission:
        self._admission = await self._admitting
        return self._admission

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, HandshakeError):
            error.quota = self._admission.quota


class Operations(Lifecycle):
    """One family of operations."""

    def __init__(
        self, store: SessionStore, workers: Workers, guard: Guard, limits: Limits, *, owns_store: bool
    ) -> None:
        super().__init__(store, workers, limits, owns_store=owns_store)
        self._guard = guard

    def _admitted(
        self,
        worker: Worker,
        operation: Operation,
        session_id: str,
        credential: Credential | str | None,
        request: object,
        *,
        visit: Visit = PLAIN_VISIT,
    ) -> AdmittedRequest:
        """Admit a request, for one `async with`."""
        return AdmittedRequest(self._admit_request(worker, operation, session_id, credential, request, visit=visit))

    async def admit_stranger(self, credential: Credential) -> None:
        """Count a message that names no session, such as those of MCP at the address for all of them.

        Raises:
            RateLimitedError: it is one too many from this address.
        """
        await self._get_ready()
        await self._guard.admit_stranger(credential)

    async def _admit_request(
        self,
        worker: Worker,
        operation: Operation,
        session_id: str,
        credential: Credential | str | None,
        request: object,
        *,
        visit: Visit,
    ) -> Admission:
        """Admit a request, and note that the session and its agent are there."""
        if not self._is_ready:
            await self._get_ready()
        caller = Credential.of(credential)
        admission = await self._guard.admit(operation, session_id, caller, request, visit=visit)
        worker.hub.note_lifetime(session_id, admission.loaded.record.expires_at)
        if admission.agent_name and operation in ANNOUNCED:
            self._announce_agent(worker, admission)
        if operation in SHOWING and admission.loaded.size > HEAVY_STATE:
            await take_slot(caller.counted_address)
        return admission

    def _announce_agent(self, worker: Worker, admission: Admission) -> None:
        """Let the page know of the agent, in the background: no request waits for that."""
        turn = worker.transactions.turn(Role.AGENT)
        if not is_announced(admission.session, admission.agent_name, turn.now):
            worker.tasks.spawn(worker.session_changes.announce_agent(admission.session_id, admission.agent_name, turn))


async def read_body(shape: type[T], body: Body) -> T:
    """Return a request's body as a value of `shape`; see `bodies.decode`."""
    return bodies.decode(shape, await body() if callable(body) else body)
