"""Rows of a form: read from the nested objects of an agent or a page, checked, and written cell by cell.

A row is taken whole or not at all: a value in it that its field refuses refuses the row. SPEC.md section 5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from handshake_prompt.forms.fields import Field
from handshake_prompt.forms.form import Form
from handshake_prompt.forms.keys import escaped, joined
from handshake_prompt.forms.shape import Group, Leaf, Node, Rows, row_of
from handshake_prompt.protocol import rows
from handshake_prompt.protocol.authors import By
from handshake_prompt.protocol.bodies import Place
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import InvalidRequestError
from handshake_prompt.protocol.field_value import is_empty
from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.protocol.row_keys import split_row, within
from handshake_prompt.protocol.session import Session

from .form_checks import RefusedError

Judge = Callable[[Field, Any], Any]
"""Returns the value to write for a field; raises `RefusedError`."""
RefuseClosed = Callable[[Field, str], None]
"""Raises `RefusedError` for a list of a key that is not the author's to write."""


class NewRow(NamedTuple):
    """The content of a row, by keys relative to it: values, and the rows of each list."""

    values: dict[str, Any]
    lists: dict[str, list[NewRow]]


class FormRows:
    """Changes of the rows of one form, in one turn of a session."""

    def __init__(self, form: Form, session: Session, judge: Judge, refuse_closed: RefuseClosed) -> None:
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
        if _same(self._held(listed, list_key), [_expected(listed, one) for one in new]):
            return Outcome(list_key, "applied", seq=0)
        cleared = rows.clear(session, list_key, if_rev=if_rev)
        if cleared.status != "applied":
            return cleared
        for one in new:
            self._write(listed, list_key, one)
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
        for key, node, value in members(listed.item, item):
            try:
                self._read_cell(new, node, joined(path, key), value)
            except RefusedError as error:
                raise RefusedError(error.code, f"{key}: {error.msg}") from None
        return new

    def _read_cell(self, new: NewRow, node: Leaf | Rows | None, path: str, value: Any) -> None:
        if node is None:
            raise RefusedError("unknown_field", "the row has no such field")
        if isinstance(node, Rows):
            new.lists[node.key] = self._read_all(node, path, value)
        elif self._session.author is Role.AGENT or not is_empty(value):
            new.values[node.key] = self._judge(self._form.fields[path], value)

    def _write(self, listed: Rows, list_key: str, new: NewRow, after: Place = msgspec.UNSET) -> Outcome:
        outcome = rows.add(self._session, list_key, after)
        if outcome.row is None:
            return outcome
        for node in listed.item.leaves():
            key = joined(list_key, outcome.row, node.key)
            if isinstance(node, Rows):
                for one in new.lists.get(node.key, ()):
                    self._write(node, key, one)
            elif node.key in new.values:
                self._session.write(key, new.values[node.key])
            elif not is_empty(default := node.entry.get("default")):
                self._session.preset(key, default)
        return outcome

    def _held(self, listed: Rows, list_key: str) -> list[NewRow]:
        """Return the content of the rows that are there; what is empty is left out."""
        return [self._held_row(listed, joined(list_key, row)) for row in self._session.rows.get(list_key, ())]

    def _held_row(self, listed: Rows, row_key: str) -> NewRow:
        held = NewRow({}, {})
        for node in listed.item.leaves():
            key = joined(row_key, node.key)
            if isinstance(node, Rows):
                held.lists[node.key] = self._held(node, key)
            elif not is_empty(value := self._session.value(key)):
                held.values[node.key] = value
        return held


def give(form: Form, session: Session, values: Mapping[str, Any], *, by: By) -> None:
    """Put the values that a form has from the start: of fields, of groups as objects, of rows as lists of objects.

    A list of rows takes the place of the one that is there, unless it is empty. Members of a row that no field is for
    are left out.

    Raises:
        InvalidRequestError: the value of a list of rows is no list of objects (`invalid_value`).
    """
    try:
        _Giving(session, by).take(form.shape, values, "")
    except RefusedError as error:
        raise InvalidRequestError(error.msg, code=error.code) from None


class _Giving:
    def __init__(self, session: Session, by: By) -> None:
        self._session = session
        self._by = by

    def take(self, group: Group, values: Any, prefix: str) -> None:
        for key, node, value in members(group, values):
            if isinstance(node, Rows):
                self._list(node, prefix + key, value)
            elif (node is not None or not prefix) and not (is_empty(value) and prefix + key in self._session.values):
                self._session.give(prefix + key, value, by=self._by)

    def _list(self, listed: Rows, list_key: str, items: Any) -> None:
        if is_empty(items):
            return
        if not isinstance(items, list):
            raise RefusedError("invalid_value", f"{list_key} has to be a list of objects, one for each row")
        rows.withdraw(self._session, list_key)
        for item in items:
            row_key = rows.give(self._session, list_key, by=self._by)
            self.take(listed.item, item, within(row_key))


def cells_of(form: Form, path: str, value: Any) -> Iterator[tuple[Field, Any]]:
    """Yield the fields and values of rows before they are read: a list of objects, or one; what is neither has none.

    Args:
        form: the rows' form.
        path: the key of their list, without the ids of rows.
        value: of an action.
    """
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, Mapping):
            continue
        for key, node, part in members(form.lists[path].item, item):
            inside = joined(path, key)
            if isinstance(node, Rows):
                yield from cells_of(form, inside, part)
            elif node is not None:
                yield form.fields[inside], part


def members(group: Group, value: Any) -> Iterator[tuple[str, Leaf | Rows | None, Any]]:
    """Yield the members of an object as fields of a row or a form: the relative key, the field, and its value.

    Nested objects and flat keys (`home/street`) are understood. A member that no field is for comes without one.

    Raises:
        RefusedError: it is no object.
    """
    if not isinstance(value, Mapping):
        raise RefusedError("invalid_value", "expected an object")
    by_key: Mapping[str, Node] = {node.key: node for node in group.leaves()}
    rest: dict[str, Any] = {}
    for name, part in value.items():
        node = by_key.get(name) or group.members.get(name)
        if isinstance(node, Group) and isinstance(part, Mapping):
            yield from members(node, part)
        elif isinstance(node, Leaf | Rows):
            yield node.key, node, part
        elif group.rest is not None and node is None:
            rest[name] = part
        else:
            yield joined(group.key, escaped(name)) if group.key else name, None, part
    if rest and group.rest is not None:
        yield group.rest.key, group.rest, rest


def _expected(listed: Rows, new: NewRow) -> NewRow:
    """Return the content that a row would have once it is written; what is empty is left out."""
    expected = NewRow({}, {})
    for node in listed.item.leaves():
        if isinstance(node, Rows):
            expected.lists[node.key] = [_expected(node, one) for one in new.lists.get(node.key, ())]
        elif not is_empty(value := new.values.get(node.key, node.entry.get("default"))):
            expected.values[node.key] = value
    return expected


def _same(one: list[NewRow], other: list[NewRow]) -> bool:
    """Whether two lists of rows are the same as JSON: true is not 1."""
    encode = msgspec.json.Encoder(order="deterministic").encode
    return encode(one) == encode(other)


def _row_id(list_key: str, after: Place) -> Place:
    """Return a place whose row may be named by its key as well."""
    return after.removeprefix(within(list_key)) if isinstance(after, str) else after


def _too_many(listed: Rows) -> str:
    return f"expected at most {listed.entry['maxRows']} rows"
