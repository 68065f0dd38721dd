"""Table of the fields of a page: key, value, author, notes. The cells of a list's rows follow it, in their order.

A list without rows is followed by the columns of one that may be added.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from handshake_prompt.texts.field_notes import Style, field_notes, page_words
from handshake_prompt.texts.row_tables import field_entries, is_rows, row_lists, row_names

from .foreign_text import NOTHING, author, name_text, value_text
from .terminal import Cell

STYLE = Style(span=str, options=12)
ANY_ROW = "ROW"
"""In the place of an id, as in the commands' help."""

Field = Mapping[str, Any]


def rows(reply: Mapping[str, Any]) -> list[Sequence[Cell]]:
    """Return the rows of the table for a reply to `GET /context`, with members of any shape."""
    return list(_Form(reply).rows())


def value(record: Mapping[str, Any], name: str) -> Cell:
    """Return the value of a record or of a change; a sensitive one is hidden."""
    if record.get("sensitive"):
        return Cell("(hidden)" if record.get("filled", True) else NOTHING, "faint")
    return Cell(value_text(record.get(name)))


class _Form:
    def __init__(self, reply: Mapping[str, Any]) -> None:
        self._records = _records(reply)
        self._missing = _texts(reply.get("missing")) | _texts(reply.get("missingPerson"))
        self._hidden = _texts(reply.get("hidden"))
        self._rows = _rows(reply.get("rows"))
        self._schema = field_entries(reply.get("schema"))

    def rows(self) -> Iterator[Sequence[Cell]]:
        told: set[str] = set()
        for key, field in self._fields():
            told.add(key)
            yield self._row(key, field)
        for key in self._records:
            if key not in told:
                yield self._row(key, {})

    def _fields(self) -> Iterator[tuple[str, Field]]:
        """Yield fields and cells by key, the cells of a list's rows behind the list."""
        lists = list(row_lists(self._schema, self._rows))
        for field in self._schema:
            yield field["key"], field
            for found in lists if is_rows(field) else ():
                if found.key == field["key"] or found.key.startswith(f"{field['key']}/"):
                    rows = found.rows or [ANY_ROW]
                    yield from ((found.cell(row, cell), cell) for row in rows for cell in found.fields)

    def _row(self, key: str, field: Field) -> Sequence[Cell]:
        is_missing, record = key in self._missing, self._records.get(key, {})
        shown = Cell(row_names(self._rows.get(key, ()))) if is_rows(field) else value(record, "value")
        facts = list(field_notes(field, STYLE, is_missing=is_missing))
        told = [": ".join(page_words(key, field))] if page_words(key, field) else []
        hidden = ["not shown now"] if key in self._hidden else []
        note = Cell("; ".join([*hidden, *facts, *told]), "wanting" if is_missing else None)
        return Cell(name_text(key)), shown, author(record.get("by")), note


def _records(reply: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    records = reply.get("context")
    if isinstance(records, Mapping):
        return {key: record for key, record in records.items() if isinstance(record, Mapping)}
    values = reply.get("data")  # version 0.2 outside of forms: values whose author nobody knows
    return {key: {"value": value} for key, value in values.items()} if isinstance(values, Mapping) else {}


def _rows(found: object) -> dict[str, list[str]]:
    lists = found.items() if isinstance(found, Mapping) else ()
    return {key: list(map(str, ids)) for key, ids in lists if isinstance(ids, list)}


def _texts(found: object) -> frozenset[str]:
    return frozenset(map(str, found)) if isinstance(found, list) else frozenset()
