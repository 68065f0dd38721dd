"""State machine of a submission: claimed once for one digest, then done, failed or unknown. Pure. SPEC.md section 8.

The host's function runs between a claim and its outcome, and only the claim that is stored may run it. So it runs at
most once for what a person was shown, whatever is repeated, races or crashes: a claim whose worker has died is
`unknown` from its deadline on, and is never claimed again. Time is the store's clock, given by the caller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from .digests import is_same, state_digest
from .errors import ChangedError
from .packing import pack
from .session import SUBMITTED, Session
from .submission_errors import InvalidFormError, SubmissionRefusedError, SubmissionRunningError, UnknownOutcomeError
from .submission_record import CLAIMED, DONE, FAILED, UNKNOWN, Submission

SUBMISSION = "submission"
"""Event: a submission was claimed, or has come to an outcome."""


def claim(session: Session, submission: Submission, now: float) -> Submission:
    """Claim what the person was shown, as the turn's author; `submission` has an id, its times and the shown digest.

    Raises:
        ChangedError: the session holds something else by now.
        SubmissionRunningError: another claim is being carried out.
        UnknownOutcomeError: nobody can tell what has become of an earlier one.
        InvalidFormError, SubmissionRefusedError: this very state was refused before.
    """
    earlier = session.submission
    if earlier is not None:
        check_outcome(earlier, submission.digest, now)
    if not is_same(submission.digest, state_digest(session)):
        raise ChangedError
    return _keep(session, submission)


def check_outcome(earlier: Submission, digest: str, now: float) -> None:
    """Tell what has become of an earlier claim, unless another one may follow.

    Raises:
        SubmissionRunningError, UnknownOutcomeError, InvalidFormError, SubmissionRefusedError: see `claim`.
    """
    state = earlier.state_at(now)
    if state == CLAIMED:
        raise SubmissionRunningError(retry_after=1)
    if state == UNKNOWN:
        raise UnknownOutcomeError
    if state == FAILED and is_same(digest, earlier.digest):
        raise refusal(earlier)


def finish(session: Session, submission: Submission, *, at: str, result: Any = None) -> Submission:
    """End the session as submitted; its receipt is all that is left of it."""
    receipt = replace(submission, state=DONE, at=at, kept_result=pack(result)[0])
    session.end(SUBMITTED)
    session.submission = receipt
    return receipt


def fail(session: Session, submission: Submission, problems: Sequence[Mapping[str, Any]], reason: str) -> Submission:
    """Note that the host has refused what was submitted; the session goes on."""
    kept = replace(submission, state=FAILED, kept_problems=pack(list(problems))[0] if problems else None, reason=reason)
    return _keep(session, kept)


def lose(session: Session, submission: Submission) -> Submission:
    """Note that nobody can tell whether the host has taken what was submitted."""
    return _keep(session, replace(submission, state=UNKNOWN))


def refusal(submission: Submission) -> InvalidFormError | SubmissionRefusedError:
    """Return the error that tells of a failed submission."""
    if submission.kept_problems is None:
        return SubmissionRefusedError(submission.reason)
    return InvalidFormError(submission.problems)


def is_pending(session: Session, submission: Submission) -> bool:
    """Whether a claim still waits for its outcome: neither it nor the session has come to one by other ways."""
    now = session.submission
    return session.ended is None and now is not None and (now.id, now.state) == (submission.id, CLAIMED)


def _keep(session: Session, submission: Submission) -> Submission:
    session.submission = submission
    session.notice(SUBMISSION, **submission.shown())
    return submission
