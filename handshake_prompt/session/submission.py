"""State machine of a submission: claimed once for one digest, then done, failed or unknown. Pure. SPEC.md section 8.

The host's function runs between a claim and its outcome, and only a stored claim runs it: at most once for one digest,
under repetition, races and crashes. A claim without an outcome is `unknown` from its deadline on, and is never claimed
again. Time is the store's clock, given by the caller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from handshake_prompt.protocol.errors import ChangedError
from handshake_prompt.protocol.packing import pack
from handshake_prompt.protocol.submission_errors import (
    InvalidFormError,
    SubmissionRefusedError,
    SubmissionRunningError,
    UnknownOutcomeError,
)

from .digests import is_same, state_digest
from .page_problems import tell_problems
from .session import SUBMITTED, Session
from .submission_record import CLAIMED, DONE, FAILED, UNKNOWN, Submission

SUBMISSION = "submission"
"""Event: a submission was claimed, or has come to an outcome."""


def claim(session: Session, submission: Submission, now: float) -> Submission:
    """Claim the shown state, as the turn's author; `submission` has an id, its times and the digest.

    Raises:
        ChangedError: the session holds something else by now.
        SubmissionRunningError: another claim is being carried out.
        UnknownOutcomeError: the outcome of an earlier one is unknown.
        InvalidFormError, SubmissionRefusedError: this very state was refused before.
    """
    earlier = session.submission
    if earlier is not None:
        check_outcome(earlier, submission.digest, now)
    if not is_same(submission.digest, state_digest(session)):
        raise ChangedError
    return _log_submission(session, submission)


def check_outcome(earlier: Submission, digest: str | None, now: float) -> None:
    """Tell the outcome of an earlier claim, unless another one may follow; one without a `digest` follows any refusal.

    Raises:
        SubmissionRunningError, UnknownOutcomeError, InvalidFormError, SubmissionRefusedError: see `claim`.
    """
    state = earlier.state_at(now)
    if state == CLAIMED:
        raise SubmissionRunningError(retry_after=1)
    if state == UNKNOWN:
        raise UnknownOutcomeError
    if state == FAILED and digest is not None and is_same(digest, earlier.digest):
        raise refusal(earlier)


def finish(session: Session, submission: Submission, *, at: str, result: Any = None) -> Submission:
    """End the session as submitted; nothing but its receipt is left of it."""
    receipt = replace(submission, state=DONE, at=at, kept_result=pack(result)[0])
    session.end(SUBMITTED)
    session.submission = receipt
    return receipt


def fail(session: Session, submission: Submission, problems: Sequence[Mapping[str, Any]], reason: str) -> Submission:
    """Note the host's refusal, and tell its problems together with all others; the session goes on."""
    found = pack(list(problems))[0] if problems else None
    kept = _log_submission(
        session, replace(submission, state=FAILED, kept_problems=found, reason=reason, seq=session.seq)
    )
    if problems:
        tell_problems(session)
    return kept


def lose(session: Session, submission: Submission) -> Submission:
    """Note an outcome unknown to everybody."""
    return _log_submission(session, replace(submission, state=UNKNOWN))


def refusal(submission: Submission) -> InvalidFormError | SubmissionRefusedError:
    """Return a failed submission as an error."""
    if submission.kept_problems is None:
        return SubmissionRefusedError(submission.reason)
    return InvalidFormError(submission.problems)


def is_pending(session: Session, submission: Submission) -> bool:
    """Whether a claim still waits for its outcome: neither it nor the session has come to one by other ways."""
    now = session.submission
    return session.ended is None and now is not None and (now.id, now.state) == (submission.id, CLAIMED)


def _log_submission(session: Session, submission: Submission) -> Submission:
    session.submission = submission
    session.notice(SUBMISSION, **submission.wire_members())
    return submission
