"""Tables in an agent's answer: one column names fields, another one has the values. SPEC.md section 11.

They are Markdown's, with or without bars at the ends of their lines, or have tabs, as a table copied from a page has.
The head of the column of values says so. Without such a head the second of two columns has them, but only in a block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .answer import Answer
from .field_names import FieldNames
from .line_values import LineFaultError, line_value
from .members import Note
from .pasted_text import TextFaultError
from .table_heads import says_fields, says_values

_RULE = frozenset(" \t|:+-")
_BAR = re.compile(r"(?<!\\)\|")
_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
_KEYS = frozenset({"key", "id", "schlüssel", "clé", "clave", "chiave", "键", "キー", "키"})
_COLUMNS = 2


class Row(NamedTuple):
    """A line of a table: its place in the text, its cells, and whether a bar begins and none ends it."""

    at: int
    cells: Sequence[str]
    is_open: bool = False


def row_of(at: int, line: str, found: Sequence[str]) -> Row:
    """Return the row of a line at a place, whose cells have been found."""
    text = line.strip(" ")
    return Row(at, found, is_open=text.startswith("|") and (text.endswith("\\|") or not text.endswith("|")))


def cells(line: str, *, is_open: bool = False) -> list[str]:
    """Return the cells of a line; none if it is no line of a table.

    Args:
        line: without marks of a quotation.
        is_open: whether bars at the ends may be left out.
    """
    text = line.strip(" ")
    if text.startswith("|") or (is_open and "|" in text):
        found = _BAR.split(text.removeprefix("|").removesuffix("|") if not text.endswith("\\|") else text[1:])
    elif "\t" in text.strip() and not text.partition("\t")[0].rstrip().endswith((":", "：")):
        found = text.strip().split("\t")
    else:
        return []
    return [_BREAK.sub("\n", cell.strip().replace("\\|", "|")) for cell in found]


def is_rule(line: str) -> bool:
    """Whether a line separates a head from its rows."""
    return "-" in line and _RULE.issuperset(line)


def tables(lines: Sequence[tuple[int, str]]) -> Iterator[list[Row]]:
    """Yield the tables among lines, if their heads name the column of the values.

    Args:
        lines: their places and texts.
    """
    at = 0
    while at < len(lines) - 1:
        rows = _table_at(lines, at)
        if has_values(rows):
            yield rows
        at += max(1, len(rows))


def has_values(rows: Sequence[Row]) -> bool:
    """Whether there are rows below a head with a column of values."""
    return len(rows) > 1 and len(_value_columns(rows[0].cells)) > 0


def read_table(
    rows: Sequence[Row], names: FieldNames, note: Note, *, has_head: bool, in_block: bool = True
) -> Answer | None:
    """Read a table.

    Args:
        rows: its lines but the rule, at least one.
        names: of the form's fields.
        note: told of rows that cannot be read.
        has_head: whether the first row is the head, by its place and not by its words.
        in_block: whether it stands in a block of the name; else the head has to name the column of the fields.

    Returns:
        The answer, without its place; None if a row is not readable.

    Raises:
        TextFaultError: a field has two values, or the columns, or the rows, are of no clear meaning.
    """
    values = _value_columns(rows[0].cells)
    if has_head and all(names.key_of(cell) is not None for cell in rows[0].cells):
        raise TextFaultError("the head names fields; each has to stand in a row of its own", rows[0].at)
    first = rows[0]
    head, rows = (first, rows[1:]) if values or has_head else (Row(first.at, ()), rows)
    value = _value_column(values, rows, head)
    key = _key_column(rows, head, value, names)
    _check_are_fields(rows, head, (key, value), names, in_block=in_block)
    answer, is_whole = Answer(), True
    for row in rows:
        try:
            _check_width(row, head)
            _check_end(row, first)
            field, given = _read_row(row, key, value, names)
        except LineFaultError as fault:
            is_whole = False
            note(row.at, str(fault))
        else:
            if given is not None:
                answer.put_value(field, given, row.at)
    return answer if is_whole and answer.fields else None


def _read_row(row: Row, key: int, value: int, names: FieldNames) -> tuple[str, str | None]:
    """Return the field and the value of a row, None if it has none.

    Raises:
        LineFaultError: it names no field, or its value can be read in two ways.
    """
    field = names.key_of(row.cells[key]) if len(row.cells) > max(key, value) else None
    if field is None:
        raise LineFaultError("no field of the form is named here with a value")
    return field, line_value(row.cells[value])


def _check_are_fields(
    rows: Sequence[Row], head: Row, columns: tuple[int, int], names: FieldNames, *, in_block: bool
) -> None:
    """Refuse rows that may be a list of the form: a field's name may well stand in one of its columns.

    Raises:
        TextFaultError: they may be.
    """
    shown = [head.cells[column] for column in columns if column < len(head.cells)]
    keys = [row.cells[columns[0]] for row in rows if columns[0] < len(row.cells)]
    if shown and names.are_columns(shown):
        raise TextFaultError("these are columns of a list; rows have to be written as JSON, under its key", head.at)
    if in_block:
        return
    if not (shown and says_fields(shown[0])) or (keys and names.are_columns(keys)):
        raise TextFaultError("whether these are fields is not clear; put them into a block named handshake", head.at)


def _check_width(row: Row, head: Row) -> None:
    """Refuse a row of more cells than the head has: a bar or a tab within a value has ended that early.

    Raises:
        LineFaultError: it has more.
    """
    if head.cells and any(cell.strip() for cell in row.cells[len(head.cells) :]):
        raise LineFaultError("this has more cells than the head; a bar within a value is written \\|")


def _check_end(row: Row, first: Row) -> None:
    """Refuse a row that has lost its end: a chat has broken off within it.

    Raises:
        LineFaultError: it has no bar at its end, and the first row has one.
    """
    if row.is_open and not first.is_open:
        raise LineFaultError("this line breaks off")


def _table_at(lines: Sequence[tuple[int, str]], at: int) -> list[Row]:
    """Return the rows of the table that begins with a line, its head first; none if there is none."""
    is_open = is_rule(lines[at + 1][1]) and "|" in lines[at + 1][1]
    if not is_open and "\t" not in lines[at][1]:
        return []
    rows: list[Row] = []
    for number in range(at, len(lines)):
        place, line = lines[number]
        if number == at + 1 and is_rule(line):
            continue
        found = cells(line, is_open=is_open)
        if not found:
            break
        rows.append(row_of(place, line, found))
    return rows


def _value_columns(head: Sequence[str]) -> list[int]:
    return [number for number, text in enumerate(head) if len(text) < 60 and says_values(text)]  # noqa: PLR2004


def _value_column(values: Sequence[int], rows: Sequence[Row], head: Row) -> int:
    """Return the column of the values.

    Raises:
        TextFaultError: it is not the only one.
    """
    if len(values) == 1:
        return values[0]
    if values or any(len(row.cells) != _COLUMNS for row in rows):
        raise TextFaultError("which column has the values is not clear", head.at)
    return 1


def _key_column(rows: Sequence[Row], head: Row, value: int, names: FieldNames) -> int:
    """Return the column that names the fields: by its head, or by its cells.

    Raises:
        TextFaultError: columns name different fields.
    """
    width = min((len(row.cells) for row in rows), default=0)
    keyed = {column: [names.key_of(row.cells[column]) for row in rows] for column in range(width) if column != value}
    best = max(keyed, key=lambda column: sum(key is not None for key in keyed[column]), default=0)
    headed = [column for column in keyed if column < len(head.cells) and head.cells[column].casefold() in _KEYS]
    if headed:
        return headed[0]
    if any(None not in found and found != keyed[best] for found in keyed.values()):
        raise TextFaultError("which column names the fields is not clear", head.at)
    return best
