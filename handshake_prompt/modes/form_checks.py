"""Checks of writes to a form: the right to a field, its being shown, the value that is meant. SPEC.md section 5."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from handshake_prompt.forms.budget import Budget
from handshake_prompt.forms.conditions import Names
from handshake_prompt.forms.field_types import shown
from handshake_prompt.forms.fields import Field
from handshake_prompt.forms.form import Form
from handshake_prompt.forms.shape import row_of
from handshake_prompt.forms.status import Evaluation, Status, status_of
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.session import Session
from handshake_prompt.session.field_value import FieldValue, is_empty

from .held_values import HeldRows, HeldValues, Unanswered, is_answer

budget_under_way: ContextVar[Budget | None] = ContextVar("budget_under_way", default=None)
"""Of the batch that is being played: a mode hands no state from action to action."""


class RefusedError(Exception):
    """A value that a field does not take from the author of the turn; `code` and `msg` go into the outcome."""

    def __init__(self, code: str, msg: str) -> None:
        super().__init__(code)
        self.code = code
        self.msg = msg


def refuse_closed(form: Form, session: Session, field: Field, key: str) -> None:
    """Refuse a write to a field that is not for the turn's author, or not shown to the agent.

    Raises:
        RefusedError: naming the reason.
    """
    refuse_closed_to(session.author, field)
    if session.author is Role.AGENT and not form.rules.is_static:
        refuse_hidden(evaluation(form, session), key)


def refuse_closed_to(author: Role, field: Field) -> None:
    """Refuse a write to a field that is not for its author.

    Raises:
        RefusedError: `read_only` or `person_only`.
    """
    if field.read_only and not (field.computed and author is Role.USER):
        raise RefusedError("read_only", "This field cannot be changed")
    if field.by_person and author is Role.AGENT:
        raise RefusedError("person_only", "This field is for the person alone to fill")


def meant(session: Session, field: Field, value: Any, fault: str | None) -> Any:
    """Return the value of the option that an agent named in other words, else the value itself.

    A form of the host's takes the values of its model alone: there the nearest option is named and no more.

    Args:
        session: of the form.
        field: with options or without.
        value: the agent's.
        fault: what the field finds wrong with it.

    Raises:
        RefusedError: the value has a fault and means no option; it says which one is nearest.
    """
    if field.choices.values and not session.form:
        meant = field.choices.resolved(value)
        if meant != value and field.check(meant) is None:
            return meant
    if fault is None:
        return value
    nearest = field.nearest(value) if field.choices.values else None
    raise RefusedError("invalid_value", fault if nearest is None else f"{fault}; the nearest is {nearest}")


def refuse_hidden(form: Evaluation, key: str) -> Names:
    """Return the form's values as the conditions of a cell see them, if it is shown.

    Raises:
        RefusedError: it is not.
    """
    names = form.names_at(key)
    if names is None:
        raise RefusedError("not_shown", "This field is not shown as the form stands now")
    return names


def refuse_absent(field: Field, value: Any, names: Names | None) -> None:
    """Refuse an option that the form's other values leave no place for.

    Args:
        field: with options.
        value: one of them, or a list of them.
        names: the form's values as the field sees them; None where it is not shown, so that all may come yet.

    Raises:
        RefusedError: naming it.
    """
    absent = field.choices.absent(value, names) if names is not None else None
    if absent is not None:
        raise RefusedError("invalid_value", f"the option {shown(absent)} is not there as the form stands now")


def is_there(form: Form, session: Session, key: str) -> bool:
    """Whether the row around a cell or a list is there, if it stands in one."""
    row = row_of(key, form.lists)
    return row is None or row in session.row_authors


def may_change(form: Form, outcome: Outcome) -> bool:
    """Whether another write of the batch may change the refusal of a write."""
    if outcome.code == "not_shown":
        return True
    field = form.field_of(outcome.key or "") if outcome.code == "invalid_value" else None
    return field is not None and (bool(field.choices.conditions) or (field.is_rows and form.has_conditional_options))


def evaluation(form: Form, session: Session) -> Evaluation:
    """Return the form's conditions on the values as they are."""
    return Evaluation(form.rules, HeldValues(session), session.rows, budget=budget_under_way.get())


def status_in(form: Form, session: Session) -> Status:
    """Return the hidden and missing cells of a session."""
    return status_of(form.rules, HeldValues(session), HeldRows(session), unanswered=Unanswered(session))


def empty_among(fields: Sequence[Field], session: Session) -> list[str]:
    """Return the keys of fields that are empty: an empty value is an answer where it is a value and somebody's."""
    values = session.values
    return [field.key for field in fields if field.key not in values or _is_unanswered(field, values[field.key])]


def _is_unanswered(field: Field, held: FieldValue) -> bool:
    if not is_empty(held.kept):
        return False
    is_value = field.nullable if held.kept is None else field.blank
    return not (is_value and is_answer(held))
