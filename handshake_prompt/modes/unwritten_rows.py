"""Conditions of a form on rows that are still to be written: the options that they leave to the rows' cells.

The rows are laid out under ids that no row has, with their defaults, beside what the session holds. So each cell is
judged as it will stand once its whole row does. One that will not be shown is taken with its row, and hidden there.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from handshake_prompt.forms.form import Form
from handshake_prompt.forms.keys import joined
from handshake_prompt.forms.shape import Rows
from handshake_prompt.forms.status import Evaluation
from handshake_prompt.session import Session
from handshake_prompt.session.field_value import is_empty
from handshake_prompt.session.row_keys import inner_prefix

from .form_checks import RefusedError, budget_under_way, refuse_absent
from .held_values import HeldValues
from .new_rows import NewRow


def refuse_unfit(form: Form, session: Session, list_key: str, new: Sequence[NewRow], *, beside: Sequence[str]) -> None:
    """Refuse rows of an agent's with an option that would not be there.

    Args:
        form: the rows' form.
        session: the session without them.
        list_key: the key of their list.
        new: their content, as their fields take it.
        beside: the ids of the rows that stay in the list.

    Raises:
        RefusedError: `invalid_value`; the cell's name is in the text.
    """
    listed = form.rows_of(list_key)
    if listed is None or not form.has_conditional_options:
        return
    layout = _Layout(session)
    layout.take(listed, list_key, new, beside)
    evaluation = Evaluation(form.rules, layout, layout.rows, budget=budget_under_way.get())
    for key, name in layout.given.items():
        field = form.field_of(key)
        if field is None or not field.choices.conditions:
            continue
        try:
            refuse_absent(field, layout.get(key), evaluation.names_at(key))
        except RefusedError as error:
            raise RefusedError(error.code, f"{name}: {error.msg}") from None


class _Layout:
    """Values of a session and of new rows; `given` has the names of what is not empty there, by key."""

    def __init__(self, session: Session) -> None:
        self.rows: dict[str, Sequence[str]] = {**session.rows}
        self.given: dict[str, str] = {}
        self._held = HeldValues(session)
        self._cells: dict[str, Any] = {}
        self._numbers = count(1)

    def __contains__(self, key: object) -> bool:
        return key in self._cells or key in self._held

    def get(self, key: str) -> Any:
        return self._cells[key] if key in self._cells else self._held.get(key)

    def take(self, listed: Rows, list_key: str, new: Sequence[NewRow], beside: Sequence[str], name: str = "") -> None:
        """Lay rows out; `name` is that of their list within the row around it."""
        ids = [f"new{next(self._numbers)}" for _ in new]
        self.rows[list_key] = [*beside, *ids]
        for row, item in zip(ids, new, strict=True):
            inside = inner_prefix(joined(list_key, row))
            self._cells |= {inside + key: value for key, value in {**listed.defaults, **item.values}.items()}
            self.given |= {inside + key: name + key for key, value in item.values.items() if not is_empty(value)}
            for key, items in item.lists.items():
                inner = listed.fields[key]
                if isinstance(inner, Rows):
                    self.take(inner, inside + key, items, (), f"{name}{key}: ")
