"""Submissions to the host's own views: a posted form taken or refused, an end or another try by the host's word.

SPEC.md section 8.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from msgspec.structs import replace

from handshake_prompt.forms.refusals import Refusal, place_in
from handshake_prompt.modes import Modes
from handshake_prompt.protocol.credentials import Role, mint_session_id
from handshake_prompt.protocol.errors import (
    ChangedError,
    InvalidRequestError,
    SessionNotFoundError,
    SessionSubmittedError,
    VersionConflictError,
)
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.values import check_values
from handshake_prompt.session import Session, submission as states
from handshake_prompt.session.authors import By
from handshake_prompt.session.digests import is_same, state_digest
from handshake_prompt.session.field_value import is_empty
from handshake_prompt.session.submission_record import FAILED, UNKNOWN, Submission
from handshake_prompt.stores import Record
from handshake_prompt.texts.quoting import quote

from .host.submitted_form import SubmittedForm
from .posted import Posted
from .submission_content import SubmissionContent, end_as_submitted, told_problems
from .transactions import Transactions, Transition

UNSEEN_TOLD = 10
"""Keys in the sentence for a person; a form may have hundreds."""
ATTEMPTS = 6
"""Looks at a session that others keep writing to, before a posted form is given up as a conflict."""


class HostSubmissions:
    """Carries out submissions for the host's views."""

    def __init__(self, transactions: Transactions, modes: Modes, content: SubmissionContent, *, limits: Limits) -> None:
        self._transactions = transactions
        self._modes = modes
        self._content = content
        self._limits = limits

    async def take_posted(self, session_id: str, posted: Posted) -> SubmittedForm:
        """End a session as submitted and return its content, for a view of the host's.

        Where a posted value and the stored one differ, the posted one counts, as the person's. The end is stored
        first, so of two posts at the same time one is refused.

        Raises:
            ChangedError: the page shows something else, or not all of the agent's values.
            InvalidFormError: the form's own model does not accept it; nothing has happened.
            SubmissionRunningError, UnknownOutcomeError, SessionSubmittedError: see `Submitting.submit`.
        """
        turn = self._transactions.turn(Role.USER)
        for _ in range(ATTEMPTS):
            record = (await self._transactions.read(session_id)).record
            session, version = record.session, record.version
            if session.submission is not None:
                states.check_outcome(session.submission, None, self._transactions.now())
            if posted.digest is not None and not is_same(posted.digest, state_digest(session)):
                raise ChangedError
            draft = record.draft(turn)
            self._write_posted(draft.session, posted)
            form = await self._content.submitted_form(draft.session, state_digest(draft.session))
            if await self._end_if_unchanged(form, version, posted):
                return form
        raise VersionConflictError(retry_after=1)

    async def keep_refusal(self, session_id: str, refusal: Refusal) -> None:
        """Keep the faults that a view of the host's has found in the posted form, until something is written.

        Raises:
            SubmissionRunningError, UnknownOutcomeError, SessionSubmittedError: see `Submitting.submit`.
        """

        def play(draft: Record) -> None:
            session = draft.session
            if session.submission is not None:
                states.check_outcome(session.submission, None, self._transactions.now())
            is_place = partial(self._modes.of(session).has_place, session)
            found = refusal.problems(lambda path: place_in(path, is_place, session.rows))
            if found:
                failed = Submission(id=mint_session_id(), digest=state_digest(session), until=0.0)
                states.fail(session, failed, told_problems(found, session), "")

        await self._transactions.apply(session_id, Transition(play, self._transactions.turn(Role.USER)))

    async def finish_open(self, session_id: str) -> bool:
        """End a session as submitted, for a host with a way of its own to take its content.

        Return whether it was open. A submission whose outcome is unknown is done by the host's word, also after the
        session's time.
        """

        def play(draft: Record) -> None:
            session, earlier = draft.session, draft.session.submission
            if earlier is None or earlier.state == FAILED:
                if (expired := draft.ended_error(self._transactions.now())) is not None:
                    raise expired
                _, authors = self._content.values_and_authors(session)
                earlier = Submission(id=mint_session_id(), digest=state_digest(session), until=0.0, authors=authors)
            end_as_submitted(draft, earlier, None, self._transactions)

        transition = Transition(play, self._transactions.turn(Role.USER), outlasts=True)
        try:
            await self._transactions.apply(session_id, transition)
        except (SessionNotFoundError, SessionSubmittedError):
            return False
        return True

    async def reopen_unknown(self, session_id: str) -> bool:
        """Let the person submit again after an unknown outcome, by the host's word; return whether that was so."""

        def play(draft: Record) -> bool:
            submission = draft.session.submission
            if submission is None or submission.state_at(self._transactions.now()) != UNKNOWN:
                return False
            states.fail(draft.session, replace(submission, digest=""), (), "")
            return True

        transition = Transition(play, self._transactions.turn(Role.USER))
        return (await self._transactions.apply(session_id, transition)).result

    async def _end_if_unchanged(self, form: SubmittedForm, version: int, posted: Posted) -> bool:
        """End the session as `form` if it is still of this version; return whether it was."""

        def play(draft: Record) -> bool:
            if draft.version != version:
                return False
            self._write_posted(draft.session, posted)
            made = Submission(id=form.id, digest=form.digest, until=0.0, authors=dict(form.authors))
            end_as_submitted(draft, made, None, self._transactions)
            return True

        transition = Transition(play, self._transactions.turn(Role.USER))
        return (await self._transactions.apply(form.session_id, transition)).result

    def _write_posted(self, session: Session, posted: Posted) -> None:
        """Write the posted values where they differ, as the person.

        Raises:
            InvalidRequestError, TooLargeError: a value for a field is not allowed.
            ChangedError: a posted row is gone; or the agent wrote a field neither posted nor covered by a digest.
        """
        posted = posted.spread(session.schema)
        values = posted.values_for(session)
        check_values(values, self._limits)
        for key, value in values.items():
            is_nothing = is_empty(value) and key not in session.values and key not in session.rows
            if session.value(key) != value and not is_nothing:
                self._write_value(session, key, value)
        unseen = [key for key, field in session.values.items() if field.by == By.AI and not posted.has(key)]
        if posted.digest is None and unseen:
            raise ChangedError(
                f"Neither posted nor covered by a digest: {', '.join(map(quote, unseen[:UNSEEN_TOLD]))}",
                next_steps=["Post every field, or the digest of what the page shows as handshakeDigest."],
            )

    def _write_value(self, session: Session, key: str, value: Any) -> None:
        """Write a posted value, but for a field that nobody writes: that keeps its own."""
        outcome = self._modes.of(session).process_notify(session, key, value)
        if outcome.code == "unknown_row":
            raise ChangedError(f"The row of {quote(key)} has been removed")
        if outcome.status == "error" and outcome.code != "read_only":
            raise InvalidRequestError(f"{quote(key)}: {outcome.msg}", code=outcome.code)
