"""Displaced rows: removed or moved by the agent, and kept as they were before it for a revert by the person."""

from __future__ import annotations

import msgspec

from handshake_prompt.protocol.packing import parts_of, to_json

from .field_value import FieldValue


class Displaced(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Removed rows with their cells, moved rows, and the orders of their lists; without all that was the agent's."""

    values: dict[str, FieldValue] = {}
    row_authors: dict[str, str] = {}
    """Keys of removed rows -> their authors; a row comes ahead of those within it."""
    moved: tuple[str, ...] = ()
    """Keys of rows that are there, in a place that the agent gave them."""
    orders: dict[str, tuple[str, ...]] = {}
    """Key of a list -> the ids of its rows, in their order before the agent's first change."""

    @property
    def size(self) -> int:
        """The bytes that they count."""
        cells = sum(len(key) + len(to_json(field.kept)) for key, field in self.values.items())
        ids = sum(map(len, self.moved)) + sum(len(key) + sum(map(len, ids)) for key, ids in self.orders.items())
        return cells + 2 * sum(map(len, self.row_authors)) + ids

    @property
    def parts(self) -> int:
        """The JSON values that they count."""
        return len(self.row_authors) + sum(parts_of(field.kept) for field in self.values.values())

    @property
    def count(self) -> int:
        """How many values and rows were removed."""
        return len(self.values) + len(self.row_authors)
