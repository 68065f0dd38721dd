"""The `form-fill` mode: a form with a schema, filled by an agent under the person's eyes. SPEC.md section 5."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from handshake_prompt.forms.budget import Budget
from handshake_prompt.forms.cache import FormCache
from handshake_prompt.forms.embedded import load_library
from handshake_prompt.forms.fields import Field
from handshake_prompt.forms.form import Form
from handshake_prompt.forms.patterns import MATCH_STEPS
from handshake_prompt.forms.shape import entry_key
from handshake_prompt.protocol.bodies import Action, CreateRequest, Place
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import TooLargeError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import CreationWarning, Outcome
from handshake_prompt.session import Session
from handshake_prompt.session.authors import By
from handshake_prompt.session.rows import NO_ROW

from .base import ModeHandler
from .form_changes import FormOfSession, change_form, has_place
from .form_checks import (
    RefusedError,
    budget_under_way,
    empty_among,
    evaluation,
    may_change,
    meant,
    refuse_absent,
    refuse_closed,
    refuse_hidden,
    status_in,
)
from .form_lookups import lookup_key
from .form_rows import FormRows, check_rows
from .form_start import give
from .row_members import cells_of

_NO_FIELD = "The form has no such field"
_ROW_ITSELF = f"{_NO_FIELD}: a row is written cell by cell, or anew by add"


class FormFillHandler(ModeHandler):
    """Checks the agent's values against the schema; the person's are taken as they are.

    Args:
        limits: the bounds on schemas and values.
        validator: `validator(value, type) -> bool`, asked in place of the built-in check of types. It runs as a part
            of the mode, while the session is locked, and once more for each time that another worker was first. So
            like a mode it has to be pure and quick: no I/O, no waiting, no side effects.
    """

    action_types = ("set", "add", "remove", "move")
    untyped_action = None
    checks_schema = True
    honours_schema = True

    def __init__(self, limits: Limits | None = None, *, validator: Callable[[Any, str], bool] | None = None) -> None:
        self._validator = validator
        self._limits = limits = limits or Limits()
        self._forms = FormCache(limits, custom_type=validator)

    def bound_to(self, limits: Limits, validator: Callable[[Any, str], bool] | None) -> FormFillHandler:
        """Return the same kind of handler for an engine's limits and validator."""
        load_library()
        return type(self)(limits, validator=validator or self._validator)

    def compiled(self, schema: Sequence[Any]) -> Form:
        """Return a schema as sessions have it.

        Raises:
            HandshakeError: it cannot be honoured, or is over a bound.
        """
        return self._forms.of(list(schema))

    def setup_session(self, session: Session, body: CreateRequest) -> None:
        """Take the schema, then the page's values: the person's where they are not empty."""
        form = self._forms.of(body.schema or [])
        session.schema_json, session.sensitive = form.schema_json, form.sensitive
        give(form, session, body.defaults or {}, by=By.DEFAULT)
        give(form, session, body.initial_values, by=By.USER)
        if session.row_authors:
            check_rows(form, session, self._limits)

    def mistakes(self, session: Session) -> Sequence[CreationWarning]:
        """Return the likely mistakes in the schema."""
        return self._forms[session.schema_json].mistakes

    def context_response(self, session: Session, role: Role) -> dict[str, Any]:
        """Return `schema` and `missing`, `missingPerson` and `hidden` if there are any, `rows` in a form with lists."""
        form = self._forms[session.schema_json]
        members: dict[str, Any] = {"schema": msgspec.Raw(session.schema_json)}
        if form.is_static:
            members["missing"] = empty_among(form.required, session)
            if form.required_person and (missing := empty_among(form.required_person, session)):
                members["missingPerson"] = missing
            return members
        status = status_in(form, session)
        told = {"missingPerson": status.missing_person, "hidden": sorted(status.hidden)}
        members |= {"missing": status.missing, **{name: keys for name, keys in told.items() if keys}}
        return {**members, "rows": session.rows} if form.lists else members

    def missing(self, session: Session) -> list[str]:
        """Return the keys of fields that the agent is asked for and that are empty, in the form's order."""
        form = self._forms[session.schema_json]
        if not form.is_static:
            return list(status_in(form, session).missing)
        return empty_among(form.required, session)

    def process_actions(self, session: Session, actions: Sequence[Action]) -> list[Outcome]:
        """Play a batch. Writes that only a later one makes possible are tried again at its end, in order.

        Raises:
            TooLargeError: checking its values could hold up every other session (`patterns_too_costly`,
                `checks_too_costly`); nothing is played.
        """
        form = self._forms[session.schema_json]
        if form.has_patterns and _cost(form, actions) > MATCH_STEPS:
            raise TooLargeError(
                "Matching the values of this batch with the form's patterns could take too long; nothing is written",
                code="patterns_too_costly",
                next_steps=["Send the values in smaller batches, the longest ones in a batch of their own."],
            )
        if form.is_immediate:
            return super().process_actions(session, actions)
        token = budget_under_way.set(Budget())
        try:
            return self._play(form, session, actions)
        finally:
            budget_under_way.reset(token)

    def _play(self, form: Form, session: Session, actions: Sequence[Action]) -> list[Outcome]:
        outcomes = super().process_actions(session, actions)
        refused = [place for place, outcome in enumerate(outcomes) if may_change(form, outcome)]
        while refused:
            for place in refused:
                outcomes[place] = self.process_action(session, actions[place])
            left = [place for place in refused if outcomes[place].status != "applied"]
            if len(left) == len(refused):
                break
            refused = left
        return outcomes

    def set_value(self, session: Session, key: str, value: Any, *, if_rev: int | None = None) -> Outcome:
        """Write one field if the form has it, it may be written, and the value fits where the author is the agent."""
        form = self._forms[session.schema_json]
        field = form.field_of(key)
        if field is None:
            if form.fields:
                is_row = form.lists and entry_key(key, form.lists) is None
                return session.refuse(key, "unknown_field", _ROW_ITSELF if is_row else _NO_FIELD, status="error")
            return session.write(key, value, if_rev=if_rev)
        if field.is_rows:
            return self._rows(session).replace(key, value, if_rev=if_rev)
        if form.lists and not self._rows(session).is_there(key):
            return session.refuse(key, "unknown_row", NO_ROW, status="error")
        try:
            if field.is_guarded or not form.rules.is_static:
                refuse_closed(form, session, field, key)
            if type(value) is not field.plain and session.author is Role.AGENT:
                fault = field.check(value, budget_under_way.get())
                if fault or field.is_open:
                    value = meant(session, field, value, fault)
                if field.choices.conditions:
                    refuse_absent(field, value, refuse_hidden(evaluation(form, session), key))
        except RefusedError as refusal:
            return session.refuse(key, refusal.code, refusal.msg, status="error")
        return session.write(key, value, if_rev=if_rev)

    def add_row(self, session: Session, key: str, value: Any, *, after: Place = msgspec.UNSET) -> Outcome:
        """Add a row to a list of the form, with the cells of `value` if it all fits."""
        return self._rows(session).add(key, value, after)

    def remove_row(self, session: Session, key: str, *, if_rev: int | None = None) -> Outcome:
        """Remove a row of the form."""
        return self._rows(session).remove(key, if_rev=if_rev)

    def move_row(
        self, session: Session, key: str, after: Place = msgspec.UNSET, *, if_rev: int | None = None
    ) -> Outcome:
        """Move a row of the form within its list."""
        return self._rows(session).move(key, after, if_rev=if_rev)

    def has_place(self, session: Session, key: str) -> bool:
        """Whether the form has a field, a row, a list of rows or a group of this key."""
        return has_place(self._forms[session.schema_json], session, key)

    def form_of(self, session: Session) -> FormOfSession:
        """Return the form, which knows how many rows a list may still have."""
        return FormOfSession(self._forms[session.schema_json], session, self._limits)

    def looked_up(self, session: Session, key: str) -> str:
        """Return the key without row ids of a field with `lookup: true`."""
        return lookup_key(self._forms[session.schema_json], key)

    def change_schema(self, session: Session, entries: Sequence[Any], removed: Sequence[str]) -> Outcome:
        """Set and remove entries of the session's schema; values without a field are set aside until it comes back."""
        return change_form(self._forms, session, entries, removed, limits=self._limits)

    def _rows(self, session: Session) -> FormRows:
        return FormRows(self._forms[session.schema_json], session, self._limits)


def _cost(form: Form, actions: Sequence[Action]) -> int:
    """Return the worst-case steps of matching a batch. A value above the bound is refused unmatched."""
    given = (pair for action in actions if action.key is not None for pair in _given(form, action.key, action.value))
    costs = (field.cost(value) for field, value in given)
    return sum(cost for cost in costs if cost <= MATCH_STEPS)


def _given(form: Form, key: str, value: Any) -> Iterator[tuple[Field, Any]]:
    """Yield the fields and values of an action: its own, or the cells of the rows that it brings."""
    field = form.field_of(key)
    if field is not None and field.is_rows:
        yield from cells_of(form, field.key, value)
    elif field is not None:
        yield field, value
