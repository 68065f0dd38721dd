"""The `form-fill` mode: a form with a schema, filled by an agent under the person's eyes. SPEC.md section 5."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from handshake_prompt.credentials import Role
from handshake_prompt.limits import Limits
from handshake_prompt.messages import CreateRequest, Outcome
from handshake_prompt.session import By, Session, is_empty

from .base import ModeHandler
from .fields import Field, compile_schema, missing

COMPILED_SCHEMAS = 4096
"""Sessions whose compiled schema is kept at hand; a schema never changes, so the session's id names it."""


class FormFillHandler(ModeHandler):
    """Checks what the agent writes against the schema; what the person types is taken as it is.

    Args:
        limits: the bounds on schemas and values.
        validator: `validator(value, type) -> bool`, asked in place of the built-in check of types. Pure and quick.
    """

    untyped_action = None

    def __init__(self, limits: Limits | None = None, *, validator: Callable[[Any, str], bool] | None = None) -> None:
        self._limits = limits or Limits()
        self._validator = validator
        self._compiled: dict[str, dict[str, Field]] = {}

    def bound_to(self, limits: Limits, validator: Callable[[Any, str], bool] | None) -> FormFillHandler:
        """Return the same kind of handler for an engine's limits and validator."""
        return type(self)(limits, validator=validator or self._validator)

    def setup_session(self, session: Session, body: CreateRequest) -> None:
        """Take the schema, then the page's values: the person's where they are not empty."""
        session.schema = body.schema or []
        fields = self._fields(session)
        session.sensitive = tuple(field.key for field in fields.values() if field.sensitive)
        for key, value in (body.defaults or {}).items():
            session.give(key, value, by=By.DEFAULT)
        for key, value in body.initial_values.items():
            if not (is_empty(value) and key in session.values):
                session.give(key, value, by=By.USER)

    def context_response(self, session: Session, role: Role) -> dict[str, Any]:
        """Return `schema` and `missing`."""
        return {"schema": session.schema, "missing": self.missing(session)}

    def missing(self, session: Session) -> list[str]:
        """Return the keys of required fields that are empty, in the form's order."""
        return missing(self._fields(session), {key: field.value for key, field in session.values.items()})

    def set_value(self, session: Session, key: str, value: Any, *, if_rev: int | None = None) -> Outcome:
        """Write one field if the form has it, it may be written, and the value fits where the author is the agent."""
        fields = self._fields(session)
        field = fields.get(key)
        if field is None and fields:
            return session.refuse(key, "unknown_field", "The form has no such field", status="error")
        if field is not None and field.read_only:
            return session.refuse(key, "read_only", "This field cannot be changed", status="error")
        if field is not None and session.author is Role.AGENT and (problem := field.check(value)) is not None:
            return session.refuse(key, "invalid_value", problem, status="error")
        return session.write(key, value, if_rev=if_rev)

    def _fields(self, session: Session) -> dict[str, Field]:
        fields = self._compiled.get(session.session_id)
        if fields is None:
            fields = compile_schema(session.schema, self._limits, custom_type=self._validator)
            if len(self._compiled) >= COMPILED_SCHEMAS:
                del self._compiled[next(iter(self._compiled))]
            self._compiled[session.session_id] = fields
        return fields
