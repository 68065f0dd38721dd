"""Notes on values: where an agent has a value from, how sure it is, and why. For display alone. SPEC.md section 4."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from handshake_prompt.protocol.packing import to_json

from .field_value import FieldValue


class Note(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An agent's note on a value that it wrote or suggested."""

    rev: int = 0
    """The revision of the value: a note is of no other."""
    source: str | None = None
    confidence: float | None = None
    """From 0 to 1."""
    reason: str | None = None
    request: str | None = None
    """The request whose acceptance wrote the value."""

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return len(to_json(self.wire_members()))

    def wire_members(self) -> dict[str, Any]:
        """Return its members on the wire."""
        given = {
            "source": self.source,
            "confidence": self.confidence,
            "reason": self.reason,
            "request": self.request,
        }
        return {name: member for name, member in given.items() if member is not None}


def with_notes(values: Mapping[str, FieldValue], notes: Mapping[str, Note]) -> Mapping[str, Any]:
    """Return records of values, with the notes that are of them."""
    noted = {
        key: {"value": field.kept, "by": field.by, "at": field.at, "rev": field.rev} | note.wire_members()
        for key, note in notes.items()
        if (field := values.get(key)) is not None and field.rev == note.rev
    }
    return {**values, **noted}
