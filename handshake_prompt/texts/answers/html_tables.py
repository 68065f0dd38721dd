"""Tables of HTML in an agent's answer, as rows of cells. SPEC.md section 11."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from .members import Note
from .tables import Row

_PART = re.compile(r"<(/?)(table|tr|t[dh])\b([^<>]{0,500})>", re.IGNORECASE)
_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,500}>")
_SPAN = re.compile(r"(?:row|col)span\s*=\s*[\"']?(?!1\b)", re.IGNORECASE)
_SPACE = re.compile(r"[ \t\r\n\xa0]+")


def html_tables(text: str, start: int, end: int, note: Note) -> Iterator[list[Row]]:
    """Yield the rows of the tables in a part of a text.

    Args:
        text: the whole text.
        start: of the part.
        end: of the part.
        note: told of tables that cannot be read.
    """
    table: _Table | None = None
    for part in _PART.finditer(text, start, end):
        is_end, kind = bool(part[1]), part[2].lower()
        if kind == "table" and not is_end:
            table = _Table(text)
        elif kind == "table" and table is not None:
            yield from table.whole_rows(part.start(), note)
            table = None
        elif table is not None:
            table.take_tag(part, kind, is_end=is_end)


class _Table:
    """A table that is being read. Ends of cells and rows may be left out, as HTML allows."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._rows: list[tuple[int, list[str]]] = []
        self._cell: int | None = None
        self._span: int | None = None

    def take_tag(self, part: re.Match[str], kind: str, *, is_end: bool) -> None:
        """Take the tag of a row or a cell."""
        self._end_cell(part.start())
        if kind == "tr" and not is_end:
            self._rows.append((part.start(), []))
        elif kind != "tr" and not is_end and self._rows:
            self._cell = part.end()
            if _SPAN.search(part[3]):
                self._span = part.start()

    def whole_rows(self, end: int, note: Note) -> Iterator[list[Row]]:
        """Yield the rows, if there are any, and each cell is of one row and one column."""
        self._end_cell(end)
        rows = [Row(at, cells) for at, cells in self._rows if cells]
        if self._span is not None:
            note(self._span, "a cell spans others here")
        elif rows:
            yield rows

    def _end_cell(self, end: int) -> None:
        if self._cell is not None:
            self._rows[-1][1].append(_shown_text(self._text[self._cell : end]))
            self._cell = None


def _shown_text(inside: str) -> str:
    """Return the text of a cell as it is shown."""
    lines = (_SPACE.sub(" ", _TAG.sub("", line)).strip() for line in _BREAK.split(inside))
    return unescape("\n".join(lines).strip())
