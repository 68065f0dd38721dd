"""Content of new rows: read from the nested objects of an agent or a page, and checked against the form.

A row is taken whole or not at all: a value that its field refuses refuses the row. SPEC.md section 5.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from handshake_prompt.forms.field_types import shown
from handshake_prompt.forms.fields import Field
from handshake_prompt.forms.form import Form
from handshake_prompt.forms.keys import joined
from handshake_prompt.forms.shape import Leaf, Rows
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.session import Session
from handshake_prompt.session.field_value import is_empty

from .form_checks import RefusedError, budget_under_way, meant, refuse_closed_to
from .row_members import members


class NewRow(NamedTuple):
    """The content of a row, by keys relative to it: values, and the rows of each list."""

    values: dict[str, Any]
    lists: dict[str, list[NewRow]]


class RowReader:
    """Reader of the rows that the author of a session's turn gives."""

    def __init__(self, form: Form, session: Session) -> None:
        self._form = form
        self._session = session
        self._is_agent = session.author is Role.AGENT

    def read_rows(self, listed: Rows, path: str, value: Any) -> list[NewRow]:
        """Return the content of a whole list: of objects, or null for none.

        Args:
            listed: the list.
            path: its key without the ids of rows.
            value: as it was given.

        Raises:
            RefusedError: see `read_row`; or they are too many rows or too few, or no list.
        """
        if not isinstance(value, list | None):
            raise RefusedError("invalid_value", "expected a list of objects, one for each row")
        self.refuse_beyond_most(listed, len(value or ()))
        self._refuse_below_least(listed, len(value or ()))
        return [self.read_row(listed, path, item) for item in value or ()]

    def read_row(self, listed: Rows, path: str, item: Any) -> NewRow:
        """Return the content of one row; cells that the person left empty are left out.

        Raises:
            RefusedError: a field refuses its value, or there is no such field; its name is in the text.
        """
        new = NewRow({}, {})
        for key, node, value in members(listed.item, item, listed.fields):
            try:
                self._read_member(new, node, joined(path, key), value)
            except RefusedError as error:
                raise RefusedError(error.code, f"{key if node else shown(key)}: {error.msg}") from None
        return new

    def refuse_beyond_most(self, listed: Rows, count: int) -> None:
        """Refuse an agent more rows than a list may have; the person's are taken as any value of theirs is.

        Raises:
            RefusedError: `invalid_value`.
        """
        most = listed.entry.get("maxRows")
        if self._is_agent and most is not None and count > most:
            raise RefusedError("invalid_value", f"expected at most {most} rows")

    def _refuse_below_least(self, listed: Rows, count: int) -> None:
        """Refuse an agent a whole list of too few rows; one that may be left out may be empty."""
        least = listed.entry.get("minRows") or 0
        if self._is_agent and count < least and (count or listed.is_required):
            raise RefusedError("invalid_value", f"expected at least {least} {'row' if least == 1 else 'rows'}")

    def _read_member(self, new: NewRow, node: Leaf | Rows | None, path: str, value: Any) -> None:
        if node is None:
            raise RefusedError("unknown_field", "the row has no such field")
        if isinstance(node, Rows):
            new.lists[node.key] = self.read_rows(node, path, value)
        elif self._is_agent or not is_empty(value):
            new.values[node.key] = self._read_cell(self._form.fields[path], value)

    def _read_cell(self, field: Field, value: Any) -> Any:
        refuse_closed_to(self._session.author, field)
        if not self._is_agent:
            return value
        fault = field.check(value, budget_under_way.get())
        return meant(self._session, field, value, fault) if fault or field.is_open else value


def content_once_written(listed: Rows, new: NewRow) -> NewRow:
    """Return the content of a new row with its defaults, and without anything empty."""
    values = {key: value for key, value in {**listed.defaults, **new.values}.items() if not is_empty(value)}
    lists = {}
    for key, items in new.lists.items():
        node = listed.fields[key]
        if items and isinstance(node, Rows):
            lists[key] = [content_once_written(node, item) for item in items]
    return NewRow(values, lists)
