"""Rows of a form: read from the nested objects of an agent or a page, checked, and written cell by cell.

A row is taken whole or not at all: a value in it that its field refuses refuses the row. SPEC.md section 5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from handshake_prompt.forms.field_types import shown
from handshake_prompt.forms.fields import Field
from handshake_prompt.forms.form import Form
from handshake_prompt.forms.keys import joined
from handshake_prompt.forms.shape import Leaf, Rows, row_of
from handshake_prompt.protocol import rows
from handshake_prompt.protocol.authors import By
from handshake_prompt.protocol.bodies import Place
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import TooLargeError
from handshake_prompt.protocol.field_value import is_empty
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.protocol.row_keys import split_row, within
from handshake_prompt.protocol.session import Session
from handshake_prompt.protocol.validation import check_room, session_full

from .form_checks import RefusedError
from .row_members import members

Judge = Callable[[Field, Any], Any]
"""Returns the value to write for a field; raises `RefusedError`."""
RefuseClosed = Callable[[Field, str], None]
"""Raises `RefusedError` for a list of a key that is not the author's to write."""


_as_json = msgspec.json.Encoder(order="deterministic").encode


class NewRow(NamedTuple):
    """The content of a row, by keys relative to it: values, and the rows of each list."""

    values: dict[str, Any]
    lists: dict[str, list[NewRow]]


class FormRows:
    """Changes of the rows of one form, in one turn of a session."""

    def __init__(
        self, form: Form, session: Session, judge: Judge, refuse_closed: RefuseClosed, *, limits: Limits
    ) -> None:
        self._limits = limits
        self._form = form
        self._session = session
        self._judge = judge
        self._refuse_closed = refuse_closed

    def add(self, list_key: str, value: Any, after: Place = msgspec.UNSET) -> Outcome:
        """Add a row with the cells of `value`, an object; cells without a value get their field's default."""
        if (refused := self._refusal(list_key, list_key)) is not None:
            return refused
        session, listed = self._session, self._form.lists[self._path(list_key)]
        if self._is_full(listed, len(session.rows.get(list_key, ())) + 1):
            return session.refuse(list_key, "invalid_value", _too_many(listed), status="error")
        try:
            new = self._read(listed, self._path(list_key), {} if value is None else value)
        except RefusedError as error:
            return session.refuse(list_key, error.code, error.msg, status="error")
        return self._write(listed, list_key, new, _row_id(list_key, after))

    def remove(self, row_key: str, *, if_rev: int | None = None) -> Outcome:
        """Remove a row with all that stands in it."""
        refused = self._refusal(split_row(row_key)[0], row_key)
        return refused or rows.remove(self._session, row_key, if_rev=if_rev)

    def move(self, row_key: str, after: Place = msgspec.UNSET, *, if_rev: int | None = None) -> Outcome:
        """Move a row within its list."""
        list_key, _ = split_row(row_key)
        refused = self._refusal(list_key, row_key)
        return refused or rows.move(self._session, row_key, _row_id(list_key, after), if_rev=if_rev)

    def replace(self, list_key: str, value: Any, *, if_rev: int | None = None) -> Outcome:
        """Replace all rows of a list by those of `value`, a list of objects, unless they are the same."""
        if (refused := self._refusal(list_key, list_key)) is not None:
            return refused
        session, listed = self._session, self._form.lists[self._path(list_key)]
        try:
            new = self._read_all(listed, self._path(list_key), value)
        except RefusedError as error:
            return session.refuse(list_key, error.code, error.msg, status="error")
        if self._has(listed, list_key, new):
            return Outcome(list_key, "applied", seq=0)
        cleared = rows.clear(session, list_key, if_rev=if_rev)
        if cleared.status != "applied":
            return cleared
        for one in new:
            self._write(listed, list_key, one)
        self._check_changes()
        return Outcome(list_key, "applied", seq=session.seq)

    def is_there(self, key: str) -> bool:
        """Whether the row is there that a cell or a list stands in, if it stands in one."""
        row = row_of(key, self._form.lists)
        return row is None or row in self._session.row_authors

    def _refusal(self, list_key: str, key: str) -> Outcome | None:
        """Return the refusal of any change of a list's rows, None if they may be changed."""
        field = self._form.field_of(list_key)
        if field is None or not field.is_rows:
            return self._session.refuse(key, "unknown_field", "The form has no such list of rows", status="error")
        if not self.is_there(list_key):
            return self._session.refuse(key, "unknown_row", "The row around this list has been removed", status="error")
        try:
            self._refuse_closed(field, list_key)
        except RefusedError as refusal:
            return self._session.refuse(key, refusal.code, refusal.msg, status="error")
        return None

    def _is_full(self, listed: Rows, count: int) -> bool:
        """Whether so many rows are too many; the person's are taken all the same, as any value of theirs."""
        most = listed.entry.get("maxRows")
        return self._session.author is Role.AGENT and most is not None and count > most

    def _path(self, list_key: str) -> str:
        """Return the key of a list without the ids of rows around it."""
        field = self._form.field_of(list_key)
        return field.key if field is not None else list_key

    def _read_all(self, listed: Rows, path: str, value: Any) -> list[NewRow]:
        if not isinstance(value, list | None):
            raise RefusedError("invalid_value", "expected a list of objects, one for each row")
        if self._is_full(listed, len(value or ())):
            raise RefusedError("invalid_value", _too_many(listed))
        return [self._read(listed, path, item) for item in value or ()]

    def _read(self, listed: Rows, path: str, item: Any) -> NewRow:
        """Return the content of one row; what the person left empty is left out.

        Raises:
            RefusedError: it has a value that a field does not take, or that no field is for.
        """
        new = NewRow({}, {})
        for key, node, value in members(listed.item, item, listed.fields):
            try:
                self._read_cell(new, node, joined(path, key), value)
            except RefusedError as error:
                raise RefusedError(error.code, f"{key if node else shown(key)}: {error.msg}") from None
        return new

    def _read_cell(self, new: NewRow, node: Leaf | Rows | None, path: str, value: Any) -> None:
        if node is None:
            raise RefusedError("unknown_field", "the row has no such field")
        if isinstance(node, Rows):
            new.lists[node.key] = self._read_all(node, path, value)
        elif self._session.author is Role.AGENT or not is_empty(value):
            new.values[node.key] = self._judge(self._form.fields[path], value)

    def _write(self, listed: Rows, list_key: str, new: NewRow, after: Place = msgspec.UNSET) -> Outcome:
        """Write a row, in the order of its fields.

        Raises:
            TooLargeError: the session is full, or the turn makes too many changes: of many rows the first that is too
                much ends the work on all.
        """
        self._check_changes()
        check_rows(self._form, self._session, self._limits)
        outcome = rows.add(self._session, list_key, after)
        if outcome.row is None:
            return outcome
        for name, node in listed.fields.items():
            key = joined(list_key, outcome.row, name)
            if isinstance(node, Rows):
                for one in new.lists.get(name, ()):
                    self._write(node, key, one)
            elif name in new.values:
                self._session.write(key, new.values[name])
            elif name in listed.defaults:
                self._session.preset(key, listed.defaults[name])
        return outcome

    def _check_changes(self) -> None:
        turn, most = self._session.turn, self._limits.changes
        if turn is not None and len(turn.events) > most:
            raise TooLargeError(
                f"At most {most} changes of rows and cells in one request; nothing is written",
                code="too_many_changes",
                next_steps=["Send fewer rows at a time; add the rest with further requests."],
            )

    def _has(self, listed: Rows, list_key: str, new: list[NewRow]) -> bool:
        """Whether a list holds these rows: the same as JSON, where true is not 1. The first difference ends it.

        An agent that may not see a cell is told nothing by it: to the agent such a list is never the same.
        """
        ids = self._session.rows.get(list_key, ())
        if self._session.author is Role.AGENT and self._hides(self._path(list_key)):
            return False
        return len(ids) == len(new) and all(
            _as_json(self._held(joined(list_key, row))) == _as_json(_expected(listed, one))
            for row, one in zip(ids, new, strict=True)
        )

    def _hides(self, path: str) -> bool:
        """Whether a list has a field whose value no agent sees, rows within included."""
        return any(key.startswith(within(path)) for key in self._form.sensitive)

    def _held(self, row_key: str) -> NewRow:
        """Return the content of a row; what is empty is left out."""
        session, held = self._session, NewRow({}, {})
        for key in rows.parts_of(session, row_key):
            name = key.removeprefix(within(row_key))
            if key in session.rows:
                held.lists[name] = [self._held(joined(key, row)) for row in session.rows[key]]
            elif not is_empty(value := session.value(key)):
                held.values[name] = value
        return held


def check_rows(form: Form, session: Session, limits: Limits) -> None:
    """Make sure that the side of the turn's author has room for the rows that it has.

    Raises:
        TooLargeError: it has not (`session_full`).
    """
    check_room(session.held_by(session.author), limits)
    most = limits.row_cells // max(1, form.row_fields)
    if len(session.row_authors) > most:
        is_agent = session.author is Role.AGENT
        if sum((by == By.AI) is is_agent for by in session.row_authors.values()) > most:
            raise session_full(limits)


def _expected(listed: Rows, new: NewRow) -> NewRow:
    """Return the content that a row would have once it is written; what is empty is left out."""
    values = {key: value for key, value in {**listed.defaults, **new.values}.items() if not is_empty(value)}
    lists = {}
    for key, items in new.lists.items():
        node = listed.fields[key]
        if items and isinstance(node, Rows):
            lists[key] = [_expected(node, item) for item in items]
    return NewRow(values, lists)


def _row_id(list_key: str, after: Place) -> Place:
    """Return a place whose row may be named by its key as well."""
    return after.removeprefix(within(list_key)) if isinstance(after, str) else after


def _too_many(listed: Rows) -> str:
    return f"expected at most {listed.entry['maxRows']} rows"
