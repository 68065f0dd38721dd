"""Changes of a session's schema by its page: values without a field are set aside, and come back with it. Pure.

A value that is set aside is in no context and no document, and keeps its author. So a page that hides a part of its
form for a while loses nothing that was typed, and no lock. SPEC.md section 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from handshake_prompt.protocol.events import SCHEMA
from handshake_prompt.protocol.messages import Outcome

from . import rows
from .annotation import annotate_write
from .aside import Aside
from .authors import By
from .field_value import FieldValue
from .row_keys import inner_prefix
from .session import Session


class NewSchema(Protocol):
    """A whole schema, compiled."""

    schema_json: bytes
    sensitive: tuple[str, ...]

    def has_list(self, key: str) -> bool:
        """Whether it has a list of rows."""

    def has_value(self, key: str) -> bool:
        """Whether it has a field for a value."""

    def is_there(self, key: str) -> bool:
        """Whether the row is there now that a value or a list stands in, if it stands in one."""


def change_schema(session: Session, schema: NewSchema, entries: Sequence[Any], removed: Sequence[str]) -> Outcome:
    """Replace a session's schema.

    Args:
        session: in a turn of the person's.
        schema: the new one.
        entries: the new and changed ones of its entries, as the page has sent them.
        removed: the keys of entries that are gone.
    """
    session.size += len(schema.schema_json) - len(session.schema_json)
    session.schema_json, session.sensitive = schema.schema_json, schema.sensitive
    gone = _set_aside(session, schema)
    session.notice(SCHEMA, set=entries, remove=removed, gone=gone)
    seq = session.seq
    _bring_back(session, schema)
    return Outcome("", "applied", seq=seq)


def _set_aside(session: Session, schema: NewSchema) -> list[str]:
    """Take lists and values that have no field any more out of sight, and return their keys."""
    lists = [key for key in session.rows if not schema.has_list(key)]
    inside = tuple(map(inner_prefix, lists))
    cells = [key for key in session.values if key.startswith(inside) or not schema.has_value(key)]
    aside, values = session.aside or Aside(), {key: session.values[key] for key in cells}
    session.aside = Aside(
        {**aside.values, **values},
        {**aside.rows, **{key: session.rows[key] for key in lists}},
        {**aside.row_authors, **{key: by for key, by in session.row_authors.items() if key.startswith(inside)}},
        {**aside.notes, **{key: note for key, note in session.notes.items() if key in values}},
        (*aside.pasted, *(key for key in cells if session.pasted.get(key) == values[key].rev)),
    )
    for key in lists:
        rows.drop_content(session, key)
    for key in session.values.keys() & {*cells}:
        session.erase(key)
    return [*lists, *cells]


def _bring_back(session: Session, schema: NewSchema) -> None:
    """Log lists and values that have a field again, as they were, and forget the cells of rows removed meanwhile."""
    aside = session.aside or Aside()
    values, lists, authors = dict(aside.values), dict(aside.rows), dict(aside.row_authors)
    for list_key in [key for key in lists if schema.has_list(key)]:  # a list comes ahead of those within its rows
        for row in lists.pop(list_key):
            by = By(authors.pop(inner_prefix(list_key) + row))
            if schema.is_there(list_key):
                rows.bring_back(session, list_key, row, by)
    for key in [key for key in values if schema.has_value(key)]:
        field = values.pop(key)
        if schema.is_there(key):
            _bring_back_value(session, aside, key, field)
    notes = {key: note for key, note in aside.notes.items() if key in values}
    left = Aside(values, lists, authors, notes, tuple(key for key in aside.pasted if key in values))
    session.aside = left if values or lists else None


def _bring_back_value(session: Session, aside: Aside, key: str, field: FieldValue) -> None:
    session.bring_back(key, field)
    if key in aside.notes:
        annotate_write(session, key, session.seq, aside.notes[key])
    if key in aside.pasted:
        session.pasted = session.pasted | {key: session.seq}
