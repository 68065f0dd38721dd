"""Operations on the values of a session: read, watched, and written by the agent or the person. SPEC.md section 4."""

from __future__ import annotations

from handshake_prompt.engine.access.fair_queue import HEAVY_PARTS, HEAVY_STATE, take_slot
from handshake_prompt.engine.access.guard import Operation
from handshake_prompt.engine.delivery.watcher import Watcher
from handshake_prompt.engine.diff import place_of
from handshake_prompt.engine.idempotency_keys import visit_for
from handshake_prompt.protocol import bodies, messages
from handshake_prompt.protocol.bodies import Body
from handshake_prompt.protocol.credentials import Credential
from handshake_prompt.protocol.errors import InvalidRequestError
from handshake_prompt.protocol.replies import Reply
from handshake_prompt.protocol.validation import check_actions, check_wait
from handshake_prompt.session.digests import state_digest
from handshake_prompt.stores import Visit

from .base import Operations, read_body


class ValueOperations(Operations):
    """The values of a session."""

    async def get_context(
        self, session_id: str, credential: Credential | str | None = None, request: object = None
    ) -> Reply:
        """Return the state of the page: `GET /context/{sid}`. The reply's `etag` changes with it."""
        worker = self._workers.here
        admission = await self._admit_request(
            worker, Operation.CONTEXT, session_id, credential, request, visit=Visit(renew=True)
        )
        record, role, verdict = admission.loaded.record, admission.role, None
        if record.session.requests:
            record = await worker.asking.log_discoveries(record, role)
        if record.session.form:
            verdict = await worker.validation.verdict_on(record.session)
            worker.validation.tell_when_judged(record, verdict)
        etag = f"{record.session.epoch}.{record.version}-" + role + ("-unjudged" if verdict and verdict.unknown else "")
        return Reply(worker.views.context_members(record, role, verdict), quota=admission.quota, etag=etag)

    async def post_action(
        self,
        session_id: str,
        body: Body,
        credential: Credential | str | None = None,
        request: object = None,
        *,
        idempotency_key: str | None = None,
    ) -> Reply:
        """Carry out a batch of the agent's actions: `POST /action/{sid}`.

        A refused action is an entry in the reply, not an error. With an idempotency key a batch has one effect,
        however often it is sent.
        """
        worker = self._workers.here
        visit = visit_for(idempotency_key)
        async with self._admitted(worker, Operation.ACTION, session_id, credential, request, visit=visit) as admission:
            asked = await read_body(bodies.ActionRequest, body)
            if check_actions(asked.actions, self.limits) > HEAVY_PARTS:
                await take_slot(Credential.of(credential).counted_address)
            work = worker.batches.carry_out(admission, asked, idempotency_key)
            payload, replayed = await worker.tasks.finish(work)
            return Reply(payload, quota=admission.quota, replayed=replayed)

    async def post_notify(
        self, session_id: str, body: Body, credential: Credential | str | None = None, request: object = None
    ) -> Reply:
        """Carry out an edit, a release or a change of rows by the person: `POST /notify/{sid}`.

        Raises:
            HandshakeError: the guard refuses the request, or the session's mode the write (`InvalidRequestError`).
        """
        worker = self._workers.here
        async with self._admitted(worker, Operation.NOTIFY, session_id, credential, request) as admission:
            asked = (await read_body(bodies.NotifyRequest, body)).message
            outcome, record = await worker.page_messages.carry_out(session_id, asked, known=admission.loaded)
            if outcome.status != "applied":
                raise InvalidRequestError(outcome.msg, code=outcome.code)
            session = record.session
            payload: messages.NotifyReply = {
                "ok": True,
                "key": outcome.key or "",
                "by": session.whose(outcome.subject),
                "seq": outcome.seq or 0,
                "cursor": str(session.cursor),
                "digest": state_digest(session),
            }
            if outcome.row is not None:
                payload["row"] = outcome.row
            return Reply({**payload, **await worker.validation.problem_members(session)}, quota=admission.quota)

    async def get_diff(
        self,
        session_id: str,
        credential: Credential | str | None = None,
        request: object = None,
        *,
        since: str = "",
        wait: str | float = 0,
    ) -> Reply:
        """Return the changes since a cursor or an instant, waiting for one if asked to: `GET /diff/{sid}`."""
        worker = self._workers.here
        visit = Visit(renew=True, after=place_of(since))
        async with self._admitted(worker, Operation.DIFF, session_id, credential, request, visit=visit) as admission:
            difference = await worker.differ.changes_since(admission, since, patience=check_wait(wait, self.limits))
            if difference.requests:
                await worker.asking.log_discoveries(difference.record, admission.role)
            return Reply(difference.reply_members(since, admission.role), quota=admission.quota)

    async def watch(
        self,
        session_id: str,
        credential: Credential | str | None = None,
        request: object = None,
        *,
        after: str | None = None,
        keepalive: float | None = None,
        hidden: bool = False,
    ) -> Watcher:
        """Watch a session, from a cursor on if `after` is one that can be resumed from.

        Args:
            session_id: the session.
            credential: the watcher's.
            request: the host framework's.
            after: the cursor of the last frame seen.
            keepalive: seconds of silence after which a heartbeat is sent; the limits' `keepalive` by default.
            hidden: whether it is a page that is not in view; a frame `ping` may say otherwise later.

        Returns:
            a `Watcher`; leave it as the context manager it is. Watching alone does not keep a session alive.
        """
        worker = self._workers.here
        await self._get_ready()
        caller = Credential.of(credential)
        admission = await self._guard.admit(Operation.WATCH, session_id, caller, request)
        if after or admission.loaded.size > HEAVY_STATE:  # a log may be longer than what it led to
            await take_slot(caller.counted_address)
        lease = self._guard.login_lease(admission)
        return await worker.watchers.open_watcher(
            admission, after=after, keepalive=keepalive, hidden=hidden, lease=lease
        )
