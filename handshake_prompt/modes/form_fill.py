"""The `form-fill` mode: a form with a schema, filled by an agent under the person's eyes. SPEC.md section 5."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from handshake_prompt.credentials import Role
from handshake_prompt.errors import TooLargeError
from handshake_prompt.limits import Limits
from handshake_prompt.messages import Action, CreateRequest, Outcome
from handshake_prompt.session import By, Session, is_empty

from .base import ModeHandler
from .fields import Field, compile_schema, missing
from .patterns import MATCH_STEPS

COMPILED_FIELDS = 20_000
"""Fields kept compiled, some 1 KB each; the oldest session's make room.

Fields, not sessions: one session's form may be 500 times as large as another's, so a number of sessions would bound
nothing. A schema never changes, so the session's id names it.
"""


class FormFillHandler(ModeHandler):
    """Checks what the agent writes against the schema; what the person types is taken as it is.

    Args:
        limits: the bounds on schemas and values.
        validator: `validator(value, type) -> bool`, asked in place of the built-in check of types. It runs as a part
            of the mode, while the session is locked, and once more for each time that another worker was first. So
            like a mode it has to be pure and quick: no I/O, no waiting, no side effects.
    """

    untyped_action = None

    def __init__(self, limits: Limits | None = None, *, validator: Callable[[Any, str], bool] | None = None) -> None:
        self._limits = limits or Limits()
        self._validator = validator
        self._compiled: OrderedDict[str, tuple[dict[str, Field], int]] = OrderedDict()
        self._room = COMPILED_FIELDS

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

    def process_actions(self, session: Session, actions: Sequence[Action]) -> list[Outcome]:
        """Play a batch, unless matching its values with the form's patterns could hold up every other session.

        Raises:
            TooLargeError: it could (`patterns_too_costly`); nothing is played.
        """
        fields = self._fields(session)
        costs = (fields[action.key].cost(action.value) for action in actions if action.key in fields)
        if sum(cost for cost in costs if cost <= MATCH_STEPS) > MATCH_STEPS:  # one above it is refused unmatched
            raise TooLargeError(
                "Matching the values of this batch with the form's patterns could take too long; nothing is written",
                code="patterns_too_costly",
                next_steps=["Send the values in smaller batches, the longest ones in a batch of their own."],
            )
        return super().process_actions(session, actions)

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
        kept = self._compiled.get(session.session_id)
        if kept is not None:
            return kept[0]
        fields = compile_schema(session.schema, self._limits, custom_type=self._validator)
        if fields:
            self._keep(session, fields)
        return fields

    def _keep(self, session: Session, fields: dict[str, Field]) -> None:
        weight = _weight(session.schema, fields)
        while self._compiled and self._room < weight:
            self._room += self._compiled.popitem(last=False)[1][1]
        self._room -= weight
        self._compiled[session.session_id] = fields, weight


def _weight(schema: list[Any], fields: Mapping[str, Field]) -> int:
    """Return how many plain fields take as much memory: eight options take that of one, and 1 KB of texts too."""
    options = sum(len(field.options) for field in fields.values())
    return len(fields) + options // 8 + len(msgspec.json.encode(schema)) // 1024
