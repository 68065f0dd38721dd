"""Errors of submissions: one under way, one without a known outcome, one that the host refuses. SPEC.md section 8."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .errors import CloseCode, ConflictError, ForbiddenError, HandshakeError


class SubmissionRunningError(ConflictError):
    """409: the form is being submitted at this moment."""

    code = "submission_in_progress"
    title = "The form is being submitted"
    close_code = CloseCode.BUSY
    retryable = True


class UnknownOutcomeError(ConflictError):
    """409: a submission was begun, and nobody can tell whether the application has taken it."""

    code = "submission_unknown"
    title = "Nobody can tell whether the form was submitted"
    hint = "Do not submit again. Ask the operator of the site, who can look."


class SubmissionRefusedError(ForbiddenError):
    """403: the application refuses the submission, with a reason of its own."""

    code = "submission_refused"
    title = "The application does not take this submission"


class InvalidFormError(HandshakeError):
    """422: the application finds faults with the submitted values.

    Args:
        problems: objects of `keys` and `msg`.
    """

    status = 422
    code = "invalid_form"
    title = "The form is not filled as it has to be"
    close_code = CloseCode.MALFORMED

    def __init__(self, problems: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__()
        self.problems = tuple(problems)
