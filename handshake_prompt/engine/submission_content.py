"""Content of a submission: a session's values in the hands of the host's code, and its end as submitted.

SPEC.md section 8.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from handshake_prompt.forms.problems import PROBLEMS, FieldErrors, Problem, bounded
from handshake_prompt.forms.schema_errors import REQUIRED
from handshake_prompt.modes import Modes
from handshake_prompt.protocol.credentials import Role, mint_session_id
from handshake_prompt.protocol.errors import UnavailableError
from handshake_prompt.protocol.instants import format_instant
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.submission_errors import InvalidFormError
from handshake_prompt.session import Session, submission as states
from handshake_prompt.session.page_problems import hidden_values, quotes_any, short_line
from handshake_prompt.session.row_keys import with_row_ids
from handshake_prompt.session.submission_record import Submission
from handshake_prompt.stores import Record

from .host.hook import Hook
from .host.named_forms import NamedForms
from .host.submitted_form import SubmittedForm
from .transactions import Transactions

logger = logging.getLogger("handshake_prompt")


class SubmissionContent:
    """Reads the content of sessions for the host's code."""

    def __init__(self, modes: Modes, forms: NamedForms, *, limits: Limits) -> None:
        self._modes = modes
        self._forms = forms
        self._limits = limits

    def check_complete(self, session: Session) -> None:
        """Make sure that nothing is missing from a form of a page's own, which no model of the host's judges.

        Of the fields that are the person's alone a page may keep the values to itself, such as passwords and files.

        Raises:
            InvalidFormError: a required field is empty.
        """
        members = self._modes.of(session).context_response(session, Role.USER)
        if not session.form and (missing := members.get("missing")):
            raise InvalidFormError([{"keys": [key], "msg": REQUIRED} for key in missing[:PROBLEMS]])

    def values_and_authors(self, session: Session) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the plain values of the fields on show, and their authors."""
        hidden = frozenset(self._modes.of(session).context_response(session, Role.USER).get("hidden", ()))
        shown = {key: field for key, field in session.values.items() if key not in hidden}
        return {key: field.value for key, field in shown.items()}, {key: str(field.by) for key, field in shown.items()}

    async def submitted_form(self, session: Session, digest: str) -> SubmittedForm:
        """Return a session's content in the host's hands.

        Raises:
            InvalidFormError: the form's own model does not accept it.
            UnavailableError: the model makes no statement.
        """
        values, authors = self.values_and_authors(session)
        rows = {key: list(ids) for key, ids in session.rows.items()}
        value: Any = values
        form = self._forms.get(session.form) if session.form else None
        if form is not None:
            parse = Hook(form.parse_async, f"model of the form {form.name}")
            value, error = await parse(values, rows, within=self._limits.validator_timeout)
            if isinstance(error, FieldErrors):
                raise InvalidFormError(told_problems(error.problems, session))
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


def end_as_submitted(draft: Record, submission: Submission, result: Any, transactions: Transactions) -> Submission:
    """End a session with its submission, now; return the submission with its receipt."""
    at = format_instant(round(transactions.wall_time() * 1e6))
    draft.expires_at = transactions.now()
    return states.finish(draft.session, submission, at=at, result=result)


def told_problems(problems: Sequence[Problem], session: Session) -> list[dict[str, Any]]:
    """Return the faults of a form as they are told; of a hidden value they say nothing.

    A host knows its rows as a list, so their numbers do for their ids.
    """
    placed = [replace(one, keys=tuple(with_row_ids(key, session.rows) for key in one.keys)) for one in problems]
    sensitive = {key for problem in placed for key in problem.keys if session.is_sensitive(key)}
    hidden = [*hidden_values(session)]
    return [problem.data() for problem in bounded(placed, sensitive=sensitive, hidden=hidden)]


def told_reason(reason: str, session: Session) -> str:
    """Return the reason of a refusal as both roles are told it; none where it quotes a hidden value."""
    return "" if quotes_any(reason, hidden_values(session)) else short_line(reason)
