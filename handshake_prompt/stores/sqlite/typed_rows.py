"""Rows of a query, checked for their types: an SQLite column holds any, and the file may be somebody else's.

A query is over before its rows are looked at: one that an error left open would keep the connection at its snapshot.
"""

from __future__ import annotations

import sqlite3
from typing import TypeVar

import msgspec

from handshake_prompt.stores.codec import unreadable_error

T = TypeVar("T")


class Cells(msgspec.Struct, array_like=True, gc=False):
    """Base of a row's type."""


def first_row(cursor: sqlite3.Cursor, kind: type[T], *, table: str) -> T | None:
    """Return the first row as a kind of tuple, None if there is none.

    Raises:
        StoreUnavailableError: it is of other types.
    """
    found = cursor.fetchone()
    cursor.close()
    return None if found is None else _typed_row(kind, found, table)


def all_rows(cursor: sqlite3.Cursor, kind: type[T], *, table: str) -> list[T]:
    """Return all rows as a kind of tuple.

    Raises:
        StoreUnavailableError: one is of other types.
    """
    return [_typed_row(kind, found, table) for found in cursor.fetchall()]


def _typed_row(kind: type[T], found: tuple[object, ...], table: str) -> T:
    try:
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        raise unreadable_error(f"the table {table}", error) from error
