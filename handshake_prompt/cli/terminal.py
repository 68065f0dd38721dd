"""Output of the commands: lines for a person, in colour where a terminal shows it, and JSON for a program.

Text of a page is data. Nothing of it reaches a terminal as a control character, no line of it starts at the left edge,
and none of it can be taken for one of the two lines between which the JSON stands.
"""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn
from unicodedata import category, east_asian_width

import click

from handshake_prompt.texts.quoting import visible

JSON_BEGIN = "[JSON-BEGIN]"
JSON_END = "[JSON-END]"
_MARK, _BROKEN_MARK = "[JSON-", r"\u005bJSON-"
"""Outside of text no JSON has the first; within text the second means the same and matches no marker."""

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')

_UNREAD = 128 + 13
"""Exit code of a command that SIGPIPE has ended, as shells have it."""

CELL_CHARS = 40
"""Widest column but the last one; all of a value is in the JSON."""
LAST_CELL_CHARS = 500
INDENT = "  "

STYLES: dict[str, dict[str, Any]] = {
    "agent": {"fg": "cyan"},
    "person": {"fg": "green"},
    "good": {"fg": "green"},
    "wanting": {"fg": "yellow"},
    "bad": {"fg": "red"},
    "head": {"bold": True},
    "faint": {"dim": True},
}


class Cell(NamedTuple):
    """A piece of text, and its style."""

    text: str
    style: str | None = None


@dataclass(frozen=True)
class Terminal:
    """The way to write lines for a person.

    Args:
        colour: whether the reader sees colour.
    """

    colour: bool

    @classmethod
    def of_stdout(cls) -> Terminal:
        """Return the way to write to standard output as it is now."""
        return cls(is_watched() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb")

    def paint(self, text: str, style: str | None) -> str:
        """Return text of our own in a style."""
        return click.style(text, **STYLES[style]) if self.colour and style else text

    def table(self, head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> list[str]:
        """Return the lines of a table, each indented."""
        cells = [[Cell(name, "head") for name in head], *rows]
        shown = [[_fit(cell.text, CELL_CHARS) for cell in row[:-1]] for row in cells]
        widths = [max(map(_width, column)) for column in zip(*shown, strict=True)]
        return [self._row(row, texts, widths) for row, texts in zip(cells, shown, strict=True)]

    def _row(self, row: Sequence[Cell], texts: Sequence[str], widths: Sequence[int]) -> str:
        parts = [
            self.paint(text, cell.style) + " " * (width - _width(text))
            for cell, text, width in zip(row[:-1], texts, widths, strict=True)
        ]
        last = self.paint(_fit(row[-1].text, LAST_CELL_CHARS), row[-1].style)
        return (INDENT + INDENT.join([*parts, last])).rstrip()


def is_watched() -> bool:
    """Whether standard output is a terminal, and so read by a person."""
    return sys.stdout is not None and sys.stdout.isatty()


def one_line(text: object, limit: int = LAST_CELL_CHARS) -> str:
    """Return text from outside so that it can stand in a line of ours."""
    return _fit(str(text), limit)


def write(lines: Sequence[str]) -> None:
    """Write lines for a person."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    text = "\n".join(lines).replace(_MARK, _BROKEN_MARK)
    _emit(text.encode(encoding, "backslashreplace").decode(encoding))


def write_json(value: Any, *, indent: int | None = 2) -> None:
    """Write JSON, and nothing else, in which no character acts on a terminal."""
    _emit(_dumps(value, indent))


def write_marked(value: Any) -> None:
    """Write JSON between the two lines that say where it is."""
    _emit(f"\n{JSON_BEGIN}\n{_dumps(value, 2)}\n{JSON_END}")


def complain(sentence: str, next_step: str | None = None) -> None:
    """Write an error and its remedy to standard error."""
    lines = [f"Error: {one_line(sentence)}", *([f"Next: {one_line(next_step)}"] if next_step else [])]
    click.echo("\n".join(lines), err=True)


def _emit(text: str) -> None:
    try:
        click.echo(text)
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader has seen enough, as that of `| head`
            _end_unread()
        raise click.ClickException(f"Cannot write the output: {error.strerror or error}.") from None


def _end_unread() -> NoReturn:
    """End the command in silence, as the signal does that other commands get: it is no failure of the request."""
    with suppress(OSError, ValueError):  # such as io.UnsupportedOperation of a standard output without a descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is buffered goes there at the end
    sys.exit(_UNREAD)


def _dumps(value: Any, indent: int | None) -> str:
    ascii_only = not (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")
    lines = json.dumps(value, ensure_ascii=ascii_only, indent=indent).split("\n")
    return "\n".join(map(visible, lines)).replace(_MARK, _BROKEN_MARK)


def _fit(text: str, limit: int) -> str:
    if len(text) <= limit:
        return visible(text)
    kept = visible(text[: limit - 2])
    # An opened quotation mark is closed, so that nothing behind the cut seems to be quoted, and nothing quoted is not.
    return kept + ('…"' if '"' in _QUOTED.sub("", kept) else "…")


def _width(text: str) -> int:
    return sum(0 if category(char) in ("Mn", "Me") else 2 if east_asian_width(char) in "WF" else 1 for char in text)
