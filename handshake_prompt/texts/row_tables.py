"""Rows of a form as tables of Markdown: the rows of a list in their order, with their ids, and a column for each field.

The key of a cell is that of its list, the row and the column, joined by slashes. A column without a value in any row is
left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from .quoting import code

DEPTH = 8
"""Levels of rows within rows, more than a server takes."""

_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
_BAR = r"\u007c"
"""A bar ends a cell even within a code span; within JSON this means the same."""


class Cells(Protocol):
    """The cells of a form, by key and by the entry of their column."""

    def has_content(self, key: str, field: Mapping[str, Any], /) -> bool:
        """Whether the cell has something to show."""

    def show_cell(self, key: str, field: Mapping[str, Any], /) -> str:
        """Return the text of the cell."""


class RowList(NamedTuple):
    """A list of rows: its key, the ids of its rows in their order, and the entries of a row's fields."""

    key: str
    rows: Sequence[str]
    fields: Sequence[Mapping[str, Any]]

    def cell(self, row: str, field: Mapping[str, Any]) -> str:
        """Return the key of a cell."""
        return f"{self.key}/{row}/{field['key']}"


def field_entries(schema: object) -> list[Mapping[str, Any]]:
    """Return the fields of a schema, or of a row; anything else is left out."""
    listed = schema if isinstance(schema, list) else []
    return [field for field in listed if isinstance(field, Mapping) and isinstance(field.get("key"), str)]


def is_rows(field: Mapping[str, Any]) -> bool:
    """Whether a field is a list of rows."""
    return field.get("type") == "rows"


def row_lists(
    schema: Sequence[Mapping[str, Any]], rows: Mapping[str, Sequence[str]], prefix: str = "", depth: int = DEPTH
) -> Iterator[RowList]:
    """Yield the lists of rows of a form, each followed by the lists in its rows."""
    for field in filter(is_rows, schema if depth else ()):
        key = f"{prefix}{field['key']}"
        found = RowList(key, rows.get(key, ()), field_entries(field.get("fields")))
        yield found
        for row in found.rows:
            yield from row_lists(found.fields, rows, f"{key}/{row}/", depth - 1)


def row_names(rows: Sequence[str]) -> str:
    """Return the ids of rows in their order."""
    return f"rows {', '.join(map(_row_id, rows))}" if rows else "no rows"


def table_parts(found: RowList, cells: Cells) -> Iterator[str]:
    """Yield the table of a list's rows in parts of a cell each: values may be long."""
    columns = [
        field for field in found.fields if any(cells.has_content(found.cell(row, field), field) for row in found.rows)
    ]
    yield from _table_line("row", (code(field["key"]) for field in columns))
    yield from _table_line("---", ("---" for _ in columns))
    for row in found.rows:
        yield from _table_line(_row_id(row), (cells.show_cell(found.cell(row, field), field) for field in columns))


def _table_line(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield f"| {first}"
    for cell in rest:
        yield f" | {cell.replace('|', _BAR)}"
    yield " |\n"


def _row_id(row: object) -> str:
    return row if isinstance(row, str) and _PLAIN_ID.fullmatch(row) else code(row)
