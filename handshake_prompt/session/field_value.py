"""Value of a field as a session keeps it."""

from __future__ import annotations

from typing import Any

import msgspec

from handshake_prompt.protocol.packing import unpack

from .authors import By


class FieldValue(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A value, its author, its time, and the `seq` that wrote it (0: given at creation).

    This is how it stands in `context`, too: see `messages.FieldRecord`.
    """

    kept: Any = msgspec.field(name="value")
    """The value as `packing.pack` keeps it."""
    by: str
    at: str
    rev: int
    preset: bool = False
    """Whether this is the default of a cell in a row that the agent has added: it takes of the agent's room."""

    @property
    def payer(self) -> str:
        """The author charged with its room."""
        return By.AI if self.preset else self.by

    @property
    def value(self) -> Any:
        """The plain value; a list or an object is a copy of its own each time."""
        return unpack(self.kept)


_EMPTY_VALUES: tuple[Any, ...] = (None, "", [], {})


def is_empty(value: object) -> bool:
    """Whether a value counts as nothing: null, "", [] or {}. 0 and false are values."""
    return value in _EMPTY_VALUES
