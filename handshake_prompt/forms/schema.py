"""Compiler of the untrusted schema of a page into fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from handshake_prompt.protocol.errors import HandshakeError, InvalidSchemaError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.values import check_key

from .constraints import CustomType
from .entries import EntryReader
from .field_types import shown
from .fields import Field
from .keys import joined

_ROW = "r" * 8
"""Stands for the id of a row, in the length of a cell's key."""


def compile_schema(schema: object, limits: Limits, *, custom_type: CustomType | None = None) -> dict[str, Field]:
    """Turn the untrusted `schema` of a new session into fields.

    A type is one of SPEC.md's, any other name accepts anything. `array<T>`, `array[T]` and `array:T` with a known T
    mean the same as T with `multiple`; any other name that begins with `array` takes every list. With `multiple`,
    lengths count entries and all else applies to each entry. Members that are not read here may be anything.

    Args:
        schema: a list of objects, each with a `key`.
        limits: bounds the number of fields, their keys, constraints and patterns.
        custom_type: replaces the built-in check of types (options and constraints still apply). A value it raises
            for, or answers with anything but True, is refused.

    Returns:
        The fields by key, in the schema's order. The fields of rows follow their list, with keys without the ids of
        rows: `lines/amount`.

    Raises:
        InvalidSchemaError: naming the entry, its fault and the remedy.
    """
    if not isinstance(schema, list):
        raise InvalidSchemaError("the schema must be a list of fields, each an object with a key")
    compiler = _Compiler(limits, custom_type)
    compiler.take(schema, "schema")
    return compiler.fields


class _Compiler:
    """Compiler of the entries of one schema and of their rows."""

    def __init__(self, limits: Limits, custom_type: CustomType | None) -> None:
        self.fields: dict[str, Field] = {}
        self._limits = limits
        self._reader = EntryReader(limits, custom_type)
        self._entries = 0

    def take(self, entries: Sequence[Any], place: str, *, list_key: str = "", row: str = "") -> None:
        """Compile entries, and the entries of rows among them.

        Args:
            entries: of the form or of rows.
            place: their name in an error.
            list_key: the key of the rows, without the ids of others around them.
            row: the beginning of a cell's key, as long as it may be.

        Raises:
            InvalidSchemaError: naming the entry at fault.
        """
        self._entries += len(entries)
        if self._entries > self._limits.fields:
            raise InvalidSchemaError(f"the schema has {self._entries} fields: send at most {self._limits.fields}")
        for index, entry in enumerate(entries):
            try:
                field = self._field(entry, list_key, row)
            except HandshakeError as error:
                raise InvalidSchemaError(f"{place}[{index}]: {error.detail}") from None
            self.fields[field.key] = field
            if field.is_rows:
                inside = joined(row, entry["key"], _ROW)
                self.take(entry["fields"], f"{place}[{index}].fields", list_key=field.key, row=inside)

    def _field(self, entry: Any, list_key: str, row: str) -> Field:
        """Return the field of one entry.

        Raises:
            HandshakeError: its fault.
        """
        if not isinstance(entry, dict):
            raise InvalidSchemaError("a field must be an object with a key")
        key = check_key(entry.get("key"), self._limits)
        check_key(joined(row, key), self._limits)
        path = joined(list_key, key)
        if path in self.fields:
            raise InvalidSchemaError(f"the key {shown(path)} is used before: give each field its own")
        return self._reader.field(entry, path)
