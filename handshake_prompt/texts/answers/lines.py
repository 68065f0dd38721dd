"""Answers that a model wrote as lines, such as `name: Ann`, or as a table. SPEC.md section 11.

A line counts if it names a field of the form in one way alone. All such lines of a block are indented alike: one
that stands further in belongs to the value above it, or to a list within the block, and is not taken for a field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import unescape

from .answer import Answer, Loose
from .field_names import NAME_CHARS, FieldNames
from .html_tables import html_tables
from .line_values import LineFaultError, is_commented, line_value
from .members import Note, is_escaped
from .pasted_text import TextFaultError
from .tables import Row, cells, has_values, is_rule, read_table, row_of, tables

_QUOTE_MARKS = re.compile(r"(?:[ \t\xa0]{0,3}>)*")
_LAYOUT = re.compile(r"([ \t\xa0]*)((?:[-*•–—·◦‣▪●■]|[0-9]{1,3}[.)])[ \t\xa0]+)?")
_SEPARATOR = re.compile("[:：=\t]")
_SPLITS = 8
"""Places looked at for the end of a name."""
_WORDS = 6
"""Of a name within a value."""
_BETWEEN_WORDS = re.compile(r"[\s,;&|+()]+")
_FIELDS, _CODE = "fields", "code"
_EMPHASISED = re.compile(r"(\*{1,3}|__|`)(?=\S)((?:(?!\1).)+)(?<=\S)\1")
_MARKS = re.compile(r"[*_`]+")
_FENCE = re.compile(r"(?:`{3,}|~{3,})\w*")

Line = tuple[int, str]
"""Place and text, without marks of a quotation."""


def lines_of(text: str, start: int = 0) -> Iterator[Line]:
    """Yield the lines of a text that begins at `start`."""
    at = start
    for line in text.split("\n"):
        marks = _QUOTE_MARKS.match(line) if ">" in line else None
        yield at, line[marks.end() if marks else 0 :]
        at += len(line) + 1


def read_lines(text: str, start: int, names: FieldNames, note: Note) -> Answer | None:
    """Read the inside of a fence.

    Args:
        text: the inside.
        start: its place in the whole text.
        names: of the form's fields.
        note: told of lines that cannot be read.

    Returns:
        The answer, without its place; None if a line is not readable.

    Raises:
        TextFaultError: a field has two values, or it cannot be told which column of a table has them.
    """
    lines = [*lines_of(text, start)]
    rules = [number for number, (_, line) in enumerate(lines) if is_rule(line) and "|" in line]
    rows, others = list[Row](), list[Line]()
    for place, line in lines:
        if found := cells(line, is_open=bool(rules)):
            if not is_rule(line):
                rows.append(row_of(place, line, found))
        else:
            others.append((place, line))
    reader = _LineReader(names, note)
    answer = reader.read_lines(others)
    if rows:
        table = read_table(
            rows, names, note, has_head=bool(rules) and len(rows) > 1 and rows[1].at > lines[rules[0]][0]
        )
        answer = _join_table(answer, table)
    if answer is None or not answer.fields:
        return None
    if "\xa0" in text and " " not in text:  # a chat has made all spaces no-break ones
        answer.fields.update({key: type(value)(value.replace("\xa0", " ")) for key, value in answer.fields.items()})
    return as_shown(answer)


def read_tables(text: str, names: FieldNames, note: Note) -> Iterator[Answer]:
    """Yield the answers in tables that stand among prose."""
    found = [*tables([*lines_of(text)]), *filter(has_values, html_tables(text, 0, len(text), note))]
    for rows in sorted(found, key=lambda rows: rows[0].at):
        try:
            answer = read_table(rows, names, note, has_head=True, in_block=False)
        except TextFaultError as fault:
            note(fault.at, fault.msg)
        else:
            if answer is not None:
                answer.place = rows[0].at
                yield as_shown(answer)


def names_a_field(line: str, names: FieldNames) -> bool:
    """Whether a line would be read if it stood in a block."""
    if not line.strip():
        return False
    found = cells(line)
    if found:
        return len(found) > 1 and names.key_of(found[0]) is not None
    layout = _LAYOUT.match(line)
    return _split_named_line(line[layout.end() if layout else 0 :], names) is not None


def code_in(lines: Iterable[Line]) -> str:
    """Return the prompt's code that a line such as `code: 7-abc` gives, "" if none does."""
    for _, line in lines:
        name, value = _split_line(line.strip(" *_`-"))
        if name.strip("*_` ").lower() == _CODE and value.strip():
            return value.strip(" *_`\"',;“”")
    return ""


def _split_line(line: str) -> tuple[str, str]:
    """Return the parts of a line in front of its first separator and behind it."""
    found = _SEPARATOR.search(line)
    return (line[: found.start()], line[found.end() :]) if found else (line, "")


def as_shown(answer: Answer) -> Answer:
    """Take HTML's entities out of the values, if all of them have been escaped for it."""
    if is_escaped("".join(answer.fields.values())):
        answer.fields.update({key: type(value)(unescape(value)) for key, value in answer.fields.items()})
    return answer


def _join_table(answer: Answer | None, table: Answer | None) -> Answer | None:
    """Return an answer with the fields of a table.

    Raises:
        TextFaultError: a field has two values.
    """
    if answer is None or table is None:
        return None
    for key, value in table.fields.items():
        answer.put_value(key, value, table.fields.places[key])
    return answer


class _LineReader:
    """Reads lines one after the other."""

    def __init__(self, names: FieldNames, note: Note) -> None:
        self._names = names
        self._note = note
        self._answer = Answer()
        self._indent: int | None = None
        """Of the fields so far, in front of the marks of a list."""

    def read_lines(self, lines: list[Line]) -> Answer | None:
        """Return the answer, None if a line is not readable.

        Raises:
            TextFaultError: a field has two values.
        """
        readable = [self._is_read(place, line) for place, line in lines]
        return self._answer if all(readable) else None

    def _is_read(self, place: int, line: str) -> bool:
        """Read a line, or note that it cannot be read."""
        layout = _LAYOUT.match(line)
        bare = line[layout.end() if layout else 0 :].strip()
        if emphasised := _EMPHASISED.fullmatch(bare):
            bare = emphasised[2]
        if not bare or is_rule(line) or _FENCE.fullmatch(bare) or self._is_about(bare):
            return True
        try:
            self._set_value(bare, len(layout[1]) if layout else 0, place)
        except LineFaultError as fault:
            self._note(place, str(fault))
            return False
        return True

    def _set_value(self, bare: str, indent: int, place: int) -> None:
        named = _split_named_line(bare, self._names)
        if named is None:
            raise LineFaultError("no field of the form is named here with a value")
        if self._indent not in (None, indent):
            raise LineFaultError("this stands further in or out than the lines before it")
        self._indent = indent
        key, text = named
        value = line_value(text)
        if isinstance(value, Loose) and bare.startswith("_") and value.endswith("_"):
            raise LineFaultError("a chat may have put the line into italics; such a value has to be written as JSON")
        if isinstance(value, Loose) and is_commented(text):
            raise LineFaultError("the end may be a comment; a value with such a mark has to be written as JSON")
        if isinstance(value, Loose) and text.strip()[:1] not in "[{" and _names_another(text, self._names):
            raise LineFaultError("another field is named within the value: each has to stand on a line of its own")
        if value is None:
            self._note(place, "there is no value here")
        else:
            self._answer.put_value(key, value, place)

    def _is_about(self, line: str) -> bool:
        """Whether a line heads the others, or gives the prompt's code, which is noted."""
        name, value = _split_line(line)
        name = name.strip("*_`[] ").lower()
        if self._names.key_of(_CODE) is None and (code := code_in([(0, line)])):
            self._answer.code = code
            return True
        if name != _FIELDS or value.strip():
            return False
        self._indent = None
        return True


def _split_named_line(line: str, names: FieldNames) -> tuple[str, str] | None:
    """Return the key and the text behind it; None if a line names no field, or could name several."""
    found = []
    at = -1
    for _ in range(_SPLITS):
        separator = _SEPARATOR.search(line, at + 1, NAME_CHARS)
        if separator is None:
            break
        at = separator.start()
        key, text = names.key_of(line[:at].strip()), line[at + 1 :]
        marks = _MARKS.match(line)
        if marks and not line[:at].rstrip().endswith(marks[0]):  # they end behind the colon
            text = text.lstrip().removeprefix(marks[0])
        if key is not None and text.strip():
            found.append((key, text))
    return found[0] if len(found) == 1 else None


def _names_another(text: str, names: FieldNames) -> bool:
    """Whether a value names a field, as in `Ann, age: 36`: it may be the line's, or the value's own words."""
    at = -1
    for _ in range(_SPLITS):
        separator = _SEPARATOR.search(text, at + 1)
        if separator is None:
            break
        at = separator.start()
        words = _BETWEEN_WORDS.split(text[max(0, at - NAME_CHARS) : at])[-_WORDS:]
        if any(names.key_of(" ".join(words[number:])) is not None for number in range(len(words))):
            return True
    return False
