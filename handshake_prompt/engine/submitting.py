"""Submissions: claimed in one transaction, handed to the host once, and settled in another. SPEC.md section 8.

The claim is stored before the host's function is called, and its outcome together with the end of the session. In
between no lock is held. A worker's death in there leaves a claim without an outcome: nobody runs it again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from handshake_prompt.forms.problems import PROBLEMS, FieldErrors, Problem, bounded
from handshake_prompt.forms.refusals import Refusal, place_in
from handshake_prompt.forms.schema_errors import REQUIRED
from handshake_prompt.modes import Modes
from handshake_prompt.protocol.credentials import Role, mint_session_id
from handshake_prompt.protocol.errors import (
    ChangedError,
    ConflictError,
    HandshakeError,
    SessionNotFoundError,
    SessionSubmittedError,
    UnavailableError,
    VersionConflictError,
)
from handshake_prompt.protocol.instants import instant
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.submission_errors import InvalidFormError, SubmissionRunningError, UnknownOutcomeError
from handshake_prompt.protocol.values import check_value, check_values
from handshake_prompt.session import SUBMITTED, Session, submission as states
from handshake_prompt.session.authors import By
from handshake_prompt.session.digests import is_same, state_digest
from handshake_prompt.session.field_value import is_empty
from handshake_prompt.session.page_problems import hidden_values, short
from handshake_prompt.session.submission_record import FAILED, UNKNOWN, Submission
from handshake_prompt.stores import Record, SessionStore
from handshake_prompt.texts.quoting import quote

from .host.hook import Hook
from .host.hooks import Hooks, Reject
from .host.named_forms import NamedForms
from .host.refusals import host_refusal
from .host.submitted_form import SubmittedForm
from .posted import Posted
from .transactions import Transactions, Transition

logger = logging.getLogger("handshake_prompt")

MARGIN = 10.0
"""Seconds beyond the host's own for the transactions around it; only then does a claim count as given up."""
UNSEEN_TOLD = 10
"""Keys in the sentence for a person; a form may have hundreds."""
PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds between looks at a claim that another request has, and between attempts to store an outcome."""


class Submitting:
    """Carries out submissions."""

    def __init__(
        self,
        store: SessionStore,
        transactions: Transactions,
        hooks: Hooks,
        modes: Modes,
        forms: NamedForms,
        *,
        limits: Limits,
    ) -> None:
        self._store = store
        self._transactions = transactions
        self._hooks = hooks
        self._modes = modes
        self._forms = forms
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
                return await self._submit(session_id, digest)
            except SubmissionRunningError:  # the same one sent twice: both are told its outcome
                if pause is None:
                    raise
                await asyncio.sleep(pause)
            except SessionSubmittedError:
                break
        return await self._receipt(session_id, digest)

    async def take(self, session_id: str, posted: Posted) -> SubmittedForm:
        """End a session as submitted and return its content, for a view of the host's.

        Where a posted value and the stored one differ, the posted one counts, as the person's. The end is stored
        first, so of two posts at the same time one is refused.

        Raises:
            ChangedError: the page shows something else, or not all of the agent's values.
            InvalidFormError: the form's own model does not accept it; nothing has happened.
            SubmissionRunningError, UnknownOutcomeError, SessionSubmittedError: see `submit`.
        """
        turn = self._transactions.turn(Role.USER)
        for _ in PAUSES:
            record = (await self._transactions.read(session_id)).record
            session, version = record.session, record.version
            if session.submission is not None:
                states.check_outcome(session.submission, None, self._transactions.now())
            if posted.digest is not None and not is_same(posted.digest, state_digest(session)):
                raise ChangedError
            draft = record.draft(turn)
            self._write(draft.session, posted)
            form = await self._form(draft.session, state_digest(draft.session))
            if await self._close(form, version, posted):
                return form
        raise VersionConflictError(retry_after=1)

    async def refuse(self, session_id: str, refusal: Refusal) -> None:
        """Keep what a view of the host's has found wrong with the posted form, until something is written.

        Raises:
            SubmissionRunningError, UnknownOutcomeError, SessionSubmittedError: see `submit`.
        """

        def play(draft: Record) -> None:
            session = draft.session
            if session.submission is not None:
                states.check_outcome(session.submission, None, self._transactions.now())
            is_place = partial(self._modes.of(session).has_place, session)
            found = refusal.problems(lambda path: place_in(path, is_place, session.rows))
            if found:
                failed = Submission(id=mint_session_id(), digest=state_digest(session), until=0.0)
                states.fail(session, failed, _told(found, session), "")

        await self._transactions.apply(session_id, Transition(play, self._transactions.turn(Role.USER)))

    async def _close(self, form: SubmittedForm, version: int, posted: Posted) -> bool:
        """End the session as `form` if it is still of this version; return whether it was."""

        def play(draft: Record) -> bool:
            if draft.version != version:
                return False
            self._write(draft.session, posted)
            made = Submission(id=form.id, digest=form.digest, until=0.0, authors=dict(form.authors))
            self._end(draft, made, None)
            return True

        transition = Transition(play, self._transactions.turn(Role.USER))
        return (await self._transactions.apply(form.session_id, transition)).result

    def _write(self, session: Session, posted: Posted) -> None:
        """Write the posted values where they differ, as the person.

        Raises:
            InvalidRequestError, TooLargeError: a value for a field is not allowed.
            ChangedError: the agent wrote a field neither posted by the page nor covered by a digest.
        """
        mode, values = self._modes.of(session), posted.values_for(session)
        check_values(values, self._limits)
        for key, value in values.items():
            field = session.values.get(key)
            if (field.value if field else None) != value and not (field is None and is_empty(value)):
                mode.process_notify(session, key, value)  # a field that nobody writes keeps its value
        unseen = [key for key, field in session.values.items() if field.by == By.AI and key not in posted.values]
        if posted.digest is None and unseen:
            raise ChangedError(
                f"Neither posted nor covered by a digest: {', '.join(map(quote, unseen[:UNSEEN_TOLD]))}",
                next_steps=["Post every field, or the digest of what the page shows as handshakeDigest."],
            )

    async def finish(self, session_id: str) -> bool:
        """End a session as submitted, for a host with a way of its own to take its content.

        Return whether it was open. A submission whose outcome is unknown is done by the host's word, also after the
        session's time.
        """

        def play(draft: Record) -> None:
            session, earlier = draft.session, draft.session.submission
            if earlier is None or earlier.state == FAILED:
                if (expired := draft.ended_error(self._transactions.now())) is not None:
                    raise expired
                _, authors = self._content(session)
                earlier = Submission(id=mint_session_id(), digest=state_digest(session), until=0.0, authors=authors)
            self._end(draft, earlier, None)

        transition = Transition(play, self._transactions.turn(Role.USER), outlasts=True)
        try:
            await self._transactions.apply(session_id, transition)
        except (SessionNotFoundError, SessionSubmittedError):
            return False
        return True

    async def reopen(self, session_id: str) -> bool:
        """Let the person submit again after an unknown outcome, by the host's word; return whether that was so."""

        def play(draft: Record) -> bool:
            submission = draft.session.submission
            if submission is None or submission.state_at(self._transactions.now()) != UNKNOWN:
                return False
            states.fail(draft.session, replace(submission, digest=""), (), "")
            return True

        transition = Transition(play, self._transactions.turn(Role.USER))
        return (await self._transactions.apply(session_id, transition)).result

    async def _submit(self, session_id: str, digest: str) -> dict[str, Any]:
        record = (await self._transactions.read(session_id, even_expired=True)).record
        function = self._function(record.session)
        if record.session.submission is not None:
            states.check_outcome(record.session.submission, digest, self._transactions.now())
        if (expired := record.ended_error(self._transactions.now())) is not None:
            raise expired
        if not is_same(digest, state_digest(record.session)):
            raise ChangedError
        self._check_complete(record.session)
        form = await self._form(record.session, digest)
        claimed = await self._claim(form)
        value, error = await function(form, within=self._limits.submit_timeout)
        answer = error if error is not None else value
        settled = await self._settle(session_id, claimed, self._outcome(answer, function.name, record.session))
        if settled.state == FAILED:
            raise states.refusal(settled)
        if settled.state == UNKNOWN:
            raise UnknownOutcomeError
        return settled.receipt()

    def _function(self, session: Session) -> Hook:
        """Return the host's function for a session's form.

        Raises:
            ConflictError: there is none.
        """
        form = self._forms.get(session.form) if session.form else None
        function = (form and form.submitted) or self._hooks.submitted
        if function is None:
            raise ConflictError("The application takes submissions in its own way", code="submission_unsupported")
        return function

    def _check_complete(self, session: Session) -> None:
        """Make sure that nothing is missing from a form of a page's own, which no model of the host's judges.

        Of the fields that are the person's alone a page may keep the values to itself, such as passwords and files.

        Raises:
            InvalidFormError: a required field is empty.
        """
        members = self._modes.of(session).context_response(session, Role.USER)
        if not session.form and (missing := members.get("missing")):
            raise InvalidFormError([{"keys": [key], "msg": REQUIRED} for key in missing[:PROBLEMS]])

    def _content(self, session: Session) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the plain values of the fields on show, and their authors."""
        hidden = frozenset(self._modes.of(session).context_response(session, Role.USER).get("hidden", ()))
        shown = {key: field for key, field in session.values.items() if key not in hidden}
        return {key: field.value for key, field in shown.items()}, {key: str(field.by) for key, field in shown.items()}

    async def _form(self, session: Session, digest: str) -> SubmittedForm:
        """Return a session's content in the host's hands.

        Raises:
            InvalidFormError: the form's own model does not accept it.
            UnavailableError: the model makes no statement.
        """
        values, authors = self._content(session)
        rows = {key: list(ids) for key, ids in session.rows.items()}
        value: Any = values
        form = self._forms.get(session.form) if session.form else None
        if form is not None:
            parse = Hook(form.parse_async, f"model of the form {form.name}")
            value, error = await parse(values, rows, within=self._limits.validator_timeout)
            if isinstance(error, FieldErrors):
                raise InvalidFormError(_told(error.problems, session))
            if error is not None:
                logger.error("%s makes no statement, and nothing is submitted", parse.name, exc_info=error)
                raise UnavailableError("The form could not be checked")
        shown = session.detached()
        return SubmittedForm(
            id=mint_session_id(),
            session_id=session.session_id,
            form=session.form,
            values=values,
            authors=authors,
            rows=rows,
            value=value,
            digest=digest,
            owner=shown.owner,
            meta=shown.meta,
        )

    async def _claim(self, form: SubmittedForm) -> Submission:
        """Store the claim: from here on nobody else runs the host's function for this digest."""

        def play(draft: Record) -> Submission:
            now = self._transactions.now()
            until = now + self._limits.submit_timeout + MARGIN
            claim = Submission(id=form.id, digest=form.digest, until=until, authors=dict(form.authors))
            return states.claim(draft.session, claim, now)

        transition = Transition(play, self._transactions.turn(Role.USER))
        return (await self._transactions.apply(form.session_id, transition)).result

    def _outcome(self, answer: object, name: str, session: Session) -> Callable[[Record, Submission], Submission]:
        """Return the settling transition for an answer of the host's function."""
        answer = host_refusal(answer) or answer
        if isinstance(answer, FieldErrors):
            problems = _told(answer.problems, session)
            return lambda draft, claim: states.fail(draft.session, claim, problems, "")
        if isinstance(answer, Reject):
            reason = short(answer.reason)
            return lambda draft, claim: states.fail(draft.session, claim, (), reason)
        if isinstance(answer, BaseException):
            logger.error("%s failed, and nobody can tell what it has done", name, exc_info=answer)
            return lambda draft, claim: states.lose(draft.session, claim)
        result = self._result(answer, name)
        return lambda draft, claim: self._end(draft, claim, result)

    async def _settle(
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

    def _end(self, draft: Record, submission: Submission, result: Any) -> Submission:
        at = instant(round(self._transactions.wall_time() * 1e6))
        draft.expires_at = self._transactions.now()
        return states.finish(draft.session, submission, at=at, result=result)

    def _result(self, answer: object, name: str) -> Any:
        """Return the answer of the host's function, None unless it is a JSON value."""
        try:
            check_value(answer, self._limits)
        except HandshakeError as error:
            logger.error("%s answered %s, which no receipt can have: %s", name, type(answer).__name__, error.detail)  # noqa: TRY400
            return None
        return answer

    async def _receipt(self, session_id: str, digest: str) -> dict[str, Any]:
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


def _told(problems: Sequence[Problem], session: Session) -> list[dict[str, Any]]:
    """Return the faults of a form as they are told; of a hidden value they say nothing."""
    sensitive = {key for problem in problems for key in problem.keys if session.is_sensitive(key)}
    hidden = [*hidden_values(session)]
    return [problem.data() for problem in bounded(problems, sensitive=sensitive, hidden=hidden)]
