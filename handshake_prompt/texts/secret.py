"""Text and bytes with a masked repr: a tool that records the locals of a traceback's frames shows no credential."""

from __future__ import annotations

MASK = "[redacted]"


class Secret(str):
    """A credential as text. `str()`, formatting, encoding and JSON give the text itself; its repr does not."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(MASK)


class SecretBytes(bytes):
    """Bytes that hold a credential, masked as a whole in their repr."""

    def __repr__(self) -> str:
        return repr(MASK.encode())
