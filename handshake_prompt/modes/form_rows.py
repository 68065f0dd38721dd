"""Changes of a form's rows: checked against the form and the limits, and made cell by cell. SPEC.md section 5."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from handshake_prompt.forms.form import Form
from handshake_prompt.forms.keys import joined
from handshake_prompt.forms.shape import Rows
from handshake_prompt.protocol.bodies import Place
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import TooLargeError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.session import Session, rows
from handshake_prompt.session.authors import By
from handshake_prompt.session.field_value import is_empty
from handshake_prompt.session.room import check_room, session_full
from handshake_prompt.session.row_keys import inner_prefix, split_row
from handshake_prompt.session.row_returns import forget_displaced

from .form_checks import RefusedError, is_there, refuse_closed
from .new_rows import NewRow, RowReader, content_once_written
from .unwritten_rows import refuse_unfit

_as_json = msgspec.json.Encoder(order="deterministic").encode


class FormRows:
    """Changes of the rows of one form, in one turn of a session.

    Every method may raise `TooLargeError`: the session is full, or the turn makes too many changes.
    """

    def __init__(self, form: Form, session: Session, limits: Limits) -> None:
        self._form = form
        self._session = session
        self._limits = limits
        self._reader = RowReader(form, session)

    def add(self, list_key: str, value: Any, after: Place = msgspec.UNSET) -> Outcome:
        """Add a row with the cells of `value`, an object; cells without a value get their field's default."""
        try:
            listed, path = self._list_to_change(list_key)
            self._reader.refuse_beyond_most(listed, len(self._session.rows.get(list_key, ())) + 1)
            new = self._reader.read_row(listed, path, {} if value is None else value)
            self._refuse_unfit(list_key, [new], beside=self._session.rows.get(list_key, ()))
        except RefusedError as refusal:
            return self._refuse(list_key, refusal)
        return self._write_row(listed, list_key, new, _row_id(list_key, after))

    def remove(self, row_key: str, *, if_rev: int | None = None) -> Outcome:
        """Remove a row with everything in it."""
        try:
            self._list_to_change(split_row(row_key)[0])
        except RefusedError as refusal:
            return self._refuse(row_key, refusal)
        return rows.remove(self._session, row_key, if_rev=if_rev)

    def move(self, row_key: str, after: Place = msgspec.UNSET, *, if_rev: int | None = None) -> Outcome:
        """Move a row within its list."""
        list_key, _ = split_row(row_key)
        try:
            self._list_to_change(list_key)
        except RefusedError as refusal:
            return self._refuse(row_key, refusal)
        return rows.move(self._session, row_key, _row_id(list_key, after), if_rev=if_rev)

    def replace(self, list_key: str, value: Any, *, if_rev: int | None = None) -> Outcome:
        """Replace all rows of a list by the objects of `value`, a list, unless they are the same."""
        try:
            listed, path = self._list_to_change(list_key)
            new = self._reader.read_rows(listed, path, value)
            if self._may_compare(path) and self._has_these_rows(listed, list_key, new):
                return Outcome(list_key, "applied", seq=0)
            self._refuse_unfit(list_key, new, beside=())
        except RefusedError as refusal:
            return self._refuse(list_key, refusal)
        cleared = rows.clear(self._session, list_key, if_rev=if_rev)
        if cleared.status != "applied":
            return cleared
        if self._session.author is Role.USER:
            forget_displaced(self._session, list_key)
        for row in new:
            self._write_row(listed, list_key, row)
        self._check_changes()
        return Outcome(list_key, "applied", seq=self._session.seq)

    def is_there(self, key: str) -> bool:
        """Whether the row around a cell or a list is there, if it stands in one."""
        return is_there(self._form, self._session, key)

    def _list_to_change(self, list_key: str) -> tuple[Rows, str]:
        """Return a list and its key without the ids of rows, if the turn's author may change its rows.

        Raises:
            RefusedError: the form has no such list, the row around it is gone, or it is not the author's to change.
        """
        field = self._form.field_of(list_key)
        if field is None or not field.is_rows:
            raise RefusedError("unknown_field", "The form has no such list of rows")
        if not self.is_there(list_key):
            raise RefusedError("unknown_row", rows.NO_ROW)
        refuse_closed(self._form, self._session, field, list_key)
        return self._form.lists[field.key], field.key

    def _refuse_unfit(self, list_key: str, new: Sequence[NewRow], *, beside: Sequence[str]) -> None:
        if self._session.author is Role.AGENT:
            refuse_unfit(self._form, self._session, list_key, new, beside=beside)

    def _refuse(self, key: str, refusal: RefusedError) -> Outcome:
        return self._session.refuse(key, refusal.code, refusal.msg, status="error")

    def _write_row(self, listed: Rows, list_key: str, new: NewRow, after: Place = msgspec.UNSET) -> Outcome:
        """Write a row, in the order of its fields; of many rows the first one too much ends the work on all."""
        self._check_changes()
        check_rows(self._form, self._session, self._limits)
        outcome = rows.add(self._session, list_key, after)
        if outcome.row is None:
            return outcome
        for name, node in listed.fields.items():
            key = joined(list_key, outcome.row, name)
            if isinstance(node, Rows):
                for row in new.lists.get(name, ()):
                    self._write_row(node, key, row)
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

    def _may_compare(self, path: str) -> bool:
        """Whether the turn's author sees all cells of a list: else it would learn of one by being told "the same"."""
        inside = inner_prefix(path)
        return self._session.author is Role.USER or not any(key.startswith(inside) for key in self._form.sensitive)

    def _has_these_rows(self, listed: Rows, list_key: str, new: list[NewRow]) -> bool:
        """Whether a list holds these rows: the same as JSON, where true is not 1. The first difference ends it."""
        ids = self._session.rows.get(list_key, ())
        return len(ids) == len(new) and all(
            _as_json(self._content_of(joined(list_key, row))) == _as_json(content_once_written(listed, one))
            for row, one in zip(ids, new, strict=True)
        )

    def _content_of(self, row_key: str) -> NewRow:
        """Return the content of a row, without anything empty."""
        session, held = self._session, NewRow({}, {})
        for key in rows.parts_of(session, row_key):
            name = key.removeprefix(inner_prefix(row_key))
            if key in session.rows:
                held.lists[name] = [self._content_of(joined(key, row)) for row in session.rows[key]]
            elif not is_empty(value := session.value(key)):
                held.values[name] = value
        return held


def check_rows(form: Form, session: Session, limits: Limits) -> None:
    """Make sure that the side of the turn's author has room for its rows.

    Raises:
        TooLargeError: it has not (`session_full`).
    """
    check_room(session.held_by(session.author), limits)
    most = limits.row_cells // max(1, form.row_fields)
    if len(session.row_authors) > most:
        is_agent = session.author is Role.AGENT
        if sum((by == By.AI) is is_agent for by in session.row_authors.values()) > most:
            raise session_full(limits)


def _row_id(list_key: str, after: Place) -> Place:
    """Return a place as the id of its row, which its key may name as well."""
    return after.removeprefix(inner_prefix(list_key)) if isinstance(after, str) else after
