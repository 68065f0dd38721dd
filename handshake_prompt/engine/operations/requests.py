"""Operations on requests: `POST /ask`, `POST /answer`, and the withdrawal of a request. SPEC.md section 4."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from handshake_prompt.engine.access.guard import Operation
from handshake_prompt.engine.host.submitted_form import SubmittedForm
from handshake_prompt.engine.idempotency_keys import visit_for
from handshake_prompt.engine.posted import Posted
from handshake_prompt.forms.refusals import Refusal
from handshake_prompt.protocol import bodies, decisions
from handshake_prompt.protocol.bodies import Body
from handshake_prompt.protocol.credentials import Credential, Role
from handshake_prompt.protocol.replies import Reply
from handshake_prompt.session.request_record import Request
from handshake_prompt.stores import Record
from handshake_prompt.texts.quoting import code_span
from handshake_prompt.texts.request_words import request_words

from .base import Operations, read_body


class RequestOperations(Operations):
    """Proposals of an agent, and decisions of the person."""

    async def post_ask(
        self,
        session_id: str,
        body: Body,
        credential: Credential | str | None = None,
        request: object = None,
        *,
        idempotency_key: str | None = None,
    ) -> Reply:
        """Ask the person something: `POST /ask/{sid}`. With an idempotency key it is asked once."""
        worker = self._workers.here
        visit = visit_for(idempotency_key)
        async with self._admitted(worker, Operation.ASK, session_id, credential, request, visit=visit) as admission:
            asked = await read_body(bodies.AskRequest, body)
            payload, replayed = await worker.tasks.finish(worker.asking.ask(admission, asked, idempotency_key))
            return Reply(payload, quota=admission.quota, replayed=replayed)

    async def withdraw(
        self, session_id: str, request_id: str, credential: Credential | str | None = None, request: object = None
    ) -> Reply:
        """Take a request back: `DELETE /ask/{sid}/{id}`."""
        worker = self._workers.here
        async with self._admitted(worker, Operation.WITHDRAW, session_id, credential, request) as admission:
            ended, record = await worker.tasks.finish(worker.asking.withdraw(admission, request_id))
            return Reply(_ended_members(ended, record), quota=admission.quota)

    async def post_answer(
        self,
        session_id: str,
        request_id: str,
        body: Body,
        credential: Credential | str | None = None,
        request: object = None,
    ) -> Reply:
        """Decide on a request, as the person: `POST /answer/{sid}/{id}`."""
        worker = self._workers.here
        async with self._admitted(worker, Operation.ANSWER, session_id, credential, request) as admission:
            asked = await read_body(bodies.AnswerRequest, body)
            work = worker.asking.answer(session_id, request_id, asked, known=admission.loaded)
            ended, record = await worker.tasks.finish(work)
            problems = await worker.validation.problem_members(record.session)
            report: Mapping[str, str] = {"report": _report_decision(ended)} if ended.pasted else {}
            return Reply({**_ended_members(ended, record), **report, **problems}, quota=admission.quota)

    async def post_revert(
        self, session_id: str, body: Body, credential: Credential | str | None = None, request: object = None
    ) -> Reply:
        """Put back the values before the agent's writes, as the person: `POST /revert/{sid}`."""
        worker = self._workers.here
        async with self._admitted(worker, Operation.REVERT, session_id, credential, request) as admission:
            asked = await read_body(bodies.RevertRequest, body)
            work = worker.asking.revert(session_id, asked, known=admission.loaded)
            reverted, record = await worker.tasks.finish(work)
            payload: decisions.Reverted = {"ok": True, "reverted": reverted, "cursor": str(record.session.cursor)}
            return Reply({**payload, **await worker.validation.problem_members(record.session)}, quota=admission.quota)

    async def post_submit(
        self, session_id: str, body: Body, credential: Credential | str | None = None, request: object = None
    ) -> Reply:
        """Submit the state of the page, as the person: `POST /submit/{sid}`. It goes on if the client is gone."""
        worker = self._workers.here
        async with self._admitted(worker, Operation.SUBMIT, session_id, credential, request) as admission:
            asked = await read_body(bodies.SubmitRequest, body)
            receipt = await asyncio.shield(worker.tasks.spawn(worker.submitting.submit(session_id, asked.digest)))
            return Reply(receipt, quota=admission.quota)

    async def take_submission(
        self,
        session_id: str,
        posted: Posted,
        credential: Credential | str | None = None,
        request: object = None,
    ) -> SubmittedForm:
        """End a session as submitted and return its content, once; see `HostSubmissions.take_posted`.

        Raises:
            HandshakeError: the request is not the person's, or the posted form is another than the session's.
        """
        worker = self._workers.here
        async with self._admitted(worker, Operation.SUBMIT, session_id, credential, request):
            return await asyncio.shield(worker.tasks.spawn(worker.host_submissions.take_posted(session_id, posted)))

    async def refuse_submission(
        self, session_id: str, errors: object, credential: Credential | str | None = None, request: object = None
    ) -> None:
        """Keep the faults that the host has found in a posted form; see `HostSubmissions.keep_refusal`.

        Raises:
            TypeError: these are no errors, see `Refusal`.
            HandshakeError: the request is not the person's, or the session cannot be submitted.
        """
        worker, refusal = self._workers.here, Refusal(errors)
        async with self._admitted(worker, Operation.SUBMIT, session_id, credential, request):
            await worker.tasks.finish(worker.host_submissions.keep_refusal(session_id, refusal))


def _report_decision(request: Request) -> str:
    """Return the person's decision in words, for the agent that only the person can tell."""
    return f"Your {request_words(request.wire_members(Role.AGENT, 0.0), code_span)}."


def _ended_members(request: Request, record: Record) -> decisions.Ended:
    return {"ok": True, "id": request.id, "status": request.status, "cursor": str(record.session.cursor)}
