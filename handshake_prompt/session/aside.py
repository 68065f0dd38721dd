"""Values and rows set aside by a change of the schema, and kept until their fields come back: see `schema_changes`."""

from __future__ import annotations

import msgspec

from handshake_prompt.protocol.packing import to_json

from .field_value import FieldValue
from .notes import Note


class Aside(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Values with all that is known of them, and rows."""

    values: dict[str, FieldValue] = {}
    rows: dict[str, tuple[str, ...]] = {}
    row_authors: dict[str, str] = {}
    notes: dict[str, Note] = {}
    pasted: tuple[str, ...] = ()
    """Keys of values from pasted answers."""

    @property
    def size(self) -> int:
        """The bytes that they count."""
        values = sum(len(key) + len(to_json(field.kept)) for key, field in self.values.items())
        return values + 2 * sum(map(len, self.row_authors)) + sum(note.size for note in self.notes.values())

    @property
    def count(self) -> int:
        """How many values and rows there are."""
        return len(self.values) + len(self.row_authors)
