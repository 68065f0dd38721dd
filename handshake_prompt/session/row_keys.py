"""Keys of rows and cells: `lines/r3` is a row of the list `lines`, and `lines/r3/amount` a cell of it.

Lists stand within rows alike: `passengers/r2/bags/r7/kg`.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

ROW_ID = "r{}"
"""Of a number that a session counts up: no id is used twice."""
LOST_ROWS = 1_000_000
"""More rows than a part of a log that a store has lost can have added."""
ROW_DIGITS = 6
"""Of the number of a row."""


def inner_prefix(key: str) -> str:
    """Return the beginning of the keys of all that stands in a row, or in a list."""
    return f"{key}/"


def split_row(row_key: str) -> tuple[str, str]:
    """Return the list of a row, and the row's id."""
    list_key, _, row = row_key.rpartition("/")
    return list_key, row


def row_around(key: str, rows: Container[str]) -> str:
    """Return the key of the innermost row that a cell or a list stands in, "" if it stands in none."""
    row = key
    while row:
        row, _, _ = row.rpartition("/")
        if row in rows:
            return row
    return ""


def with_row_ids(key: str, rows: Mapping[str, Sequence[str]]) -> str:
    """Return a key with ids in the place of the numbers of rows: `lines/r3/amount` for `lines/1/amount`.

    Args:
        key: of anything; a number beyond a list's rows stays as it is.
        rows: the ids of rows in their order, by the key of their list.
    """
    path = ""
    for segment in key.split("/"):
        ids = rows.get(path, ())
        is_number = segment.isascii() and segment.isdecimal() and len(segment) <= ROW_DIGITS and int(segment) < len(ids)
        path += ("/" if path else "") + (ids[int(segment)] if is_number else segment)
    return path


def note_part(parts: dict[str, dict[str, None]], key: str, rows: Container[str]) -> None:
    """Enter a cell or a list into an index of them by the row that they stand in."""
    parts.setdefault(row_around(key, rows), {})[key] = None


def field_key(key: str, lists: Container[str]) -> str:
    """Return the key of a cell without the ids of rows: `lines/iban` for `lines/r3/iban`.

    Args:
        key: of a cell, or of a field outside of rows, which comes back as it is.
        lists: the keys of lists that have rows.
    """
    if "/" not in key:
        return key
    kept: list[str] = []
    path = ""
    segments = iter(key.split("/"))
    for segment in segments:
        kept.append(segment)
        path += segment
        if path in lists:
            path += f"/{next(segments, '')}"
        path += "/"
    return "/".join(kept)
