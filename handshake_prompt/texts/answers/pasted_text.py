"""Text that a person has pasted, by its lines, and the faults in it. SPEC.md section 11."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

from handshake_prompt.texts.quoting import visible

_SHOWN_CHARS = 80


class Fault(NamedTuple):
    """A line that could not be read: its number from 1, its text, and the reason."""

    line: int
    text: str
    msg: str


class TextFaultError(ValueError):
    """A part of a text cannot be read.

    Args:
        msg: the reason.
        at: the place of the fault.
        end: the end of the text that was looked at; `at` by default.
    """

    def __init__(self, msg: str, at: int, end: int | None = None) -> None:
        super().__init__(msg)
        self.msg, self.at, self.end = msg, at, at if end is None else end


class PastedText:
    """A text with the places of its lines."""

    def __init__(self, text: str = "") -> None:
        self.text = text
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def line_of(self, place: int) -> int:
        """Return the number of the line of a place, from 1."""
        return bisect_right(self.starts, place)

    def fault_at(self, place: int, msg: str) -> Fault:
        """Return the fault at a place."""
        return self.fault_in(self.line_of(place), msg)

    def fault_in(self, line: int, msg: str) -> Fault:
        """Return the fault in a line."""
        start = self.starts[line - 1]
        end = self.text.find("\n", start)
        shown = visible(self.text[start : end if end >= 0 else None][: _SHOWN_CHARS + 1].strip())
        return Fault(line, shown if len(shown) <= _SHOWN_CHARS else shown[:_SHOWN_CHARS] + "…", msg)
