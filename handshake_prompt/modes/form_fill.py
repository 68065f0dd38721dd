"""The `form-fill` mode: a form with a schema, filled by an agent under the person's eyes. SPEC.md section 5."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from handshake_prompt.forms.cache import FormCache
from handshake_prompt.forms.form import Form
from handshake_prompt.forms.patterns import MATCH_STEPS
from handshake_prompt.protocol.authors import By
from handshake_prompt.protocol.bodies import Action, CreateRequest
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import TooLargeError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import CreationWarning, Outcome
from handshake_prompt.protocol.session import Session, is_empty

from .base import ModeHandler


class FormFillHandler(ModeHandler):
    """Checks the agent's values against the schema; the person's are taken as they are.

    Args:
        limits: the bounds on schemas and values.
        validator: `validator(value, type) -> bool`, asked in place of the built-in check of types. It runs as a part
            of the mode, while the session is locked, and once more for each time that another worker was first. So
            like a mode it has to be pure and quick: no I/O, no waiting, no side effects.
    """

    untyped_action = None
    checks_schema = True
    honours_schema = True

    def __init__(self, limits: Limits | None = None, *, validator: Callable[[Any, str], bool] | None = None) -> None:
        self._validator = validator
        self._forms = FormCache(limits or Limits(), custom_type=validator)

    def bound_to(self, limits: Limits, validator: Callable[[Any, str], bool] | None) -> FormFillHandler:
        """Return the same kind of handler for an engine's limits and validator."""
        return type(self)(limits, validator=validator or self._validator)

    def check_form(self, schema: Sequence[Any]) -> None:
        """Check that sessions with this schema can be opened.

        Raises:
            HandshakeError: it cannot be honoured, or is over a bound.
        """
        self._forms.of(list(schema))

    def setup_session(self, session: Session, body: CreateRequest) -> None:
        """Take the schema, then the page's values: the person's where they are not empty."""
        form = self._forms.of(body.schema or [])
        session.schema_json, session.sensitive = form.schema_json, form.sensitive
        for key, value in (body.defaults or {}).items():
            session.give(key, value, by=By.DEFAULT)
        for key, value in body.initial_values.items():
            if not (is_empty(value) and key in session.values):
                session.give(key, value, by=By.USER)

    def mistakes(self, session: Session) -> Sequence[CreationWarning]:
        """Return the likely mistakes in the schema."""
        return self._forms[session.schema_json].mistakes

    def context_response(self, session: Session, role: Role) -> dict[str, Any]:
        """Return `schema` and `missing`, and `rows` where there are any."""
        members = {"schema": msgspec.Raw(session.schema_json), "missing": self.missing(session)}
        return {**members, "rows": session.rows} if session.rows else members

    def process_actions(self, session: Session, actions: Sequence[Action]) -> list[Outcome]:
        """Play a batch, unless matching its values with the form's patterns could hold up every other session.

        Raises:
            TooLargeError: it could (`patterns_too_costly`); nothing is played.
        """
        form = self._forms[session.schema_json]
        if form.has_patterns and _cost(form, actions) > MATCH_STEPS:
            raise TooLargeError(
                "Matching the values of this batch with the form's patterns could take too long; nothing is written",
                code="patterns_too_costly",
                next_steps=["Send the values in smaller batches, the longest ones in a batch of their own."],
            )
        return super().process_actions(session, actions)

    def missing(self, session: Session) -> list[str]:
        """Return the keys of required fields that are empty, in the form's order."""
        required, values = self._forms[session.schema_json].required, session.values
        return [key for key in required if key not in values or is_empty(values[key].kept)]

    def set_value(self, session: Session, key: str, value: Any, *, if_rev: int | None = None) -> Outcome:
        """Write one field if the form has it, it may be written, and the value fits where the author is the agent."""
        form = self._forms[session.schema_json]
        field = form.field_of(key)
        if field is not None:
            if field.read_only:
                return session.refuse(key, "read_only", "This field cannot be changed", status="error")
            if type(value) is not field.plain and session.author is Role.AGENT and (problem := field.check(value)):
                return session.refuse(key, "invalid_value", problem, status="error")
        elif form.fields:
            return session.refuse(key, "unknown_field", "The form has no such field", status="error")
        return session.write(key, value, if_rev=if_rev)


def _cost(form: Form, actions: Sequence[Action]) -> int:
    """Return the worst-case steps of matching a batch. A value above the bound is refused unmatched."""
    fields = ((form.field_of(action.key), action.value) for action in actions if action.key is not None)
    costs = (field.cost(value) for field, value in fields if field is not None)
    return sum(cost for cost in costs if cost <= MATCH_STEPS)
