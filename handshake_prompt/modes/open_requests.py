"""Open requests under a changed schema: those with nothing left to decide end. SPEC.md section 5.

A suggestion is judged as an agent's write of its value would be. All together are within the bounds of one batch: those
beyond it end unjudged, and the agent may suggest them again.
"""

from __future__ import annotations

from typing import Any

from handshake_prompt.forms.budget import Budget
from handshake_prompt.forms.fields import Field
from handshake_prompt.forms.form import Form
from handshake_prompt.forms.patterns import MATCH_STEPS
from handshake_prompt.protocol.errors import TooLargeError
from handshake_prompt.session import Session
from handshake_prompt.session.request_record import Request
from handshake_prompt.session.requests import supersede_lost

from .form_checks import RefusedError, budget_under_way, evaluation, is_there, refuse_absent


def end_lost_requests(form: Form, session: Session) -> None:
    """End the open requests that a session's new form leaves nothing to decide of."""
    judge = _Judge(form, session)
    token = budget_under_way.set(Budget())
    try:
        supersede_lost(session, judge.is_decidable)
    finally:
        budget_under_way.reset(token)


class _Judge:
    """Judge of the requests about fields of one form."""

    def __init__(self, form: Form, session: Session) -> None:
        self._form = form
        self._session = session
        self._steps_left = MATCH_STEPS

    def is_decidable(self, request: Request, key: str) -> bool:
        """Whether the person can write the field, and it takes a value that is suggested."""
        field = self._form.field_of(key)
        if field is None or field.is_rows or not is_there(self._form, self._session, key):
            return False
        if field.read_only and not field.computed:
            return False
        return request.rev is None or self._takes(field, key, request.value)

    def _takes(self, field: Field, key: str, value: Any) -> bool:
        self._steps_left -= field.cost(value)
        if field.by_person or self._steps_left < 0:
            return False
        try:
            refuse_absent(field, value, evaluation(self._form, self._session).names_at(key))
            return field.check(value, budget_under_way.get()) is None
        except RefusedError:
            return False
        except TooLargeError:
            self._steps_left = -1
            return False
