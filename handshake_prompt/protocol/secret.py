"""Text and bytes with a masked repr: what records the locals of a traceback's frames shows no credential."""

from __future__ import annotations

from typing import Self

MASK = "[redacted]"


class Secret(str):
    """A credential as text. `str()` and formatting give it as it is; its repr does not."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(MASK)


class SecretBytes(bytes):
    """Bytes that hold a credential. The repr is of `shown` instead."""

    shown: bytes

    def __new__(cls, value: bytes, shown: bytes = MASK.encode()) -> Self:
        self = super().__new__(cls, value)
        self.shown = shown
        return self

    def __repr__(self) -> str:
        return repr(self.shown)
