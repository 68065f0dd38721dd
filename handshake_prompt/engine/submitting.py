"""Submissions: claimed in one transaction, handed to the host once, and settled in another. SPEC.md section 8.

The claim is stored before the host's function is called, and its outcome together with the end of the session. In
between no lock is held. A worker's death in there leaves a claim without an outcome: nobody runs it again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from handshake_prompt.forms.problems import FieldErrors
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import (
    ChangedError,
    ConflictError,
    HandshakeError,
    SessionNotFoundError,
    SessionSubmittedError,
    UnavailableError,
    VersionConflictError,
)
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.submission_errors import SubmissionRunningError, UnknownOutcomeError
from handshake_prompt.protocol.values import check_value
from handshake_prompt.session import SUBMITTED, Session, submission as states
from handshake_prompt.session.digests import is_same, state_digest
from handshake_prompt.session.submission_record import FAILED, UNKNOWN, Submission
from handshake_prompt.stores import Record, SessionStore

from .host.hook import Hook
from .host.hooks import Hooks, Reject
from .host.named_forms import NamedForms
from .host.refusals import host_refusal
from .host.submitted_form import SubmittedForm
from .submission_content import SubmissionContent, end_as_submitted, told_problems, told_reason
from .transactions import Transactions, Transition

logger = logging.getLogger("handshake_prompt")

MARGIN = 10.0
"""Seconds beyond the host's own for the transactions around it; only then does a claim count as given up."""
PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds between looks at a claim that another request has, and between attempts to store an outcome."""


class Submitting:
    """Carries out submissions."""

    def __init__(
        self,
        store: SessionStore,
        transactions: Transactions,
        hooks: Hooks,
        forms: NamedForms,
        content: SubmissionContent,
        *,
        limits: Limits,
    ) -> None:
        self._store = store
        self._transactions = transactions
        self._hooks = hooks
        self._forms = forms
        self._content = content
        self._limits = limits

    async def submit(self, session_id: str, digest: str) -> dict[str, Any]:
        """Submit the state of a digest, once; return the receipt, the same one at each repetition.

        Raises:
            ChangedError: the session holds something else by now.
            InvalidFormError, SubmissionRefusedError: the host does not take it.
            SubmissionRunningError, UnknownOutcomeError: see `submission.check_outcome`.
            SessionSubmittedError: it was submitted as something else.
            ConflictError: the host takes no submissions here (`submission_unsupported`).
        """
        for pause in (*PAUSES, None):
            try:
                return await self._submit_once(session_id, digest)
            except SubmissionRunningError:  # the same one sent twice: both are told its outcome
                if pause is None:
                    raise
                await asyncio.sleep(pause)
            except SessionSubmittedError:
                break
        return await self._load_receipt(session_id, digest)

    async def _submit_once(self, session_id: str, digest: str) -> dict[str, Any]:
        record = (await self._transactions.read(session_id, even_expired=True)).record
        function = self._host_function(record.session)
        if record.session.submission is not None:
            states.check_outcome(record.session.submission, digest, self._transactions.now())
        if (expired := record.ended_error(self._transactions.now())) is not None:
            raise expired
        if not is_same(digest, state_digest(record.session)):
            raise ChangedError
        self._content.check_complete(record.session)
        form = await self._content.submitted_form(record.session, digest)
        claimed = await self._store_claim(form)
        value, error = await function(form, within=self._limits.submit_timeout)
        answer = error if error is not None else value
        settled = await self._store_outcome(
            session_id, claimed, self._settling_transition(answer, function.name, record.session)
        )
        if settled.state == FAILED:
            raise states.refusal(settled)
        if settled.state == UNKNOWN:
            raise UnknownOutcomeError
        return settled.receipt()

    def _host_function(self, session: Session) -> Hook:
        """Return the host's function for a session's form.

        Raises:
            ConflictError: there is none.
        """
        form = self._forms.get(session.form) if session.form else None
        function = (form and form.submitted) or self._hooks.submitted
        if function is None:
            raise ConflictError("The application takes submissions in its own way", code="submission_unsupported")
        return function

    async def _store_claim(self, form: SubmittedForm) -> Submission:
        """Store the claim: from here on nobody else runs the host's function for this digest."""

        def play(draft: Record) -> Submission:
            now = self._transactions.now()
            until = now + self._limits.submit_timeout + MARGIN
            claim = Submission(id=form.id, digest=form.digest, until=until, authors=dict(form.authors))
            return states.claim(draft.session, claim, now)

        transition = Transition(play, self._transactions.turn(Role.USER))
        return (await self._transactions.apply(form.session_id, transition)).result

    def _settling_transition(
        self, answer: object, name: str, session: Session
    ) -> Callable[[Record, Submission], Submission]:
        """Return the settling transition for an answer of the host's function."""
        answer = host_refusal(answer) or answer
        if isinstance(answer, FieldErrors):
            problems = told_problems(answer.problems, session)
            return lambda draft, claim: states.fail(draft.session, claim, problems, "")
        if isinstance(answer, Reject):
            reason = told_reason(answer.reason, session)
            return lambda draft, claim: states.fail(draft.session, claim, (), reason)
        if isinstance(answer, BaseException):
            logger.error("%s failed, and nobody can tell what it has done", name, exc_info=answer)
            return lambda draft, claim: states.lose(draft.session, claim)
        result = self._json_result(answer, name)
        return lambda draft, claim: end_as_submitted(draft, claim, result, self._transactions)

    async def _store_outcome(
        self, session_id: str, claim: Submission, outcome: Callable[[Record, Submission], Submission]
    ) -> Submission:
        """Store an outcome, patiently: one that is not stored stays unknown. It is kept with an expired session, too.

        Raises:
            HandshakeError: see `Transactions.apply`.
        """

        def play(draft: Record) -> Submission | None:
            return outcome(draft, claim) if states.is_pending(draft.session, claim) else None

        transition = Transition(play, self._transactions.turn(Role.USER), outlasts=True)
        for pause in (*PAUSES, None):
            try:
                settled = (await self._transactions.apply(session_id, transition)).result
            except (UnavailableError, VersionConflictError):
                if pause is None:
                    raise
                await asyncio.sleep(pause)
            else:
                break
        if settled is None:
            raise UnknownOutcomeError
        return settled

    def _json_result(self, answer: object, name: str) -> Any:
        """Return the answer of the host's function, None unless it is a JSON value."""
        try:
            check_value(answer, self._limits)
        except HandshakeError as error:
            logger.error("%s answered %s, which no receipt can have: %s", name, type(answer).__name__, error.detail)  # noqa: TRY400
            return None
        return answer

    async def _load_receipt(self, session_id: str, digest: str) -> dict[str, Any]:
        """Return the receipt of a submitted session.

        Raises:
            SessionSubmittedError: as something else than `digest` stands for.
        """
        loaded = await self._store.load(session_id)
        session = loaded.record.session if loaded else None
        if session is None or session.ended != SUBMITTED or session.submission is None:
            raise SessionNotFoundError
        if not is_same(digest, session.submission.digest):
            raise SessionSubmittedError
        return session.submission.receipt()
