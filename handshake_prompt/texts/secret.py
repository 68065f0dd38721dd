"""Secret text: a string with a masked repr, for credentials."""

from __future__ import annotations


class Secret(str):
    """Text that logs of local variables, debuggers and error trackers show masked, since they show reprs.

    It is an ordinary string otherwise: `str()`, formatting, encoding and JSON give the text itself.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'[secret]'"
