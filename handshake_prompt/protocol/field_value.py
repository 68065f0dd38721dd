"""Value of a field as a session keeps it."""

from __future__ import annotations

from typing import Any

import msgspec

from .packing import unpack


class FieldValue(msgspec.Struct, frozen=True, gc=False):
    """A value, its author, its time, and the `seq` that wrote it (0: given at creation).

    This is how it stands in `context`, too: see `messages.FieldRecord`.
    """

    kept: Any = msgspec.field(name="value")
    """The value as `packing.pack` keeps it."""
    by: str
    at: str
    rev: int = 0

    @property
    def value(self) -> Any:
        """The plain value; a list or an object is a copy of its own each time."""
        return unpack(self.kept)
