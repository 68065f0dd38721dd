"""Answers that a model wrote as lines or as a table. SPEC.md section 11.

A line counts if it names a field of the form in one way alone; a row of a table if it has two cells. Outside of a fence
with their name only tables are answers, and only if the head of their second column says values: prose has lines with
colons, too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from .answer_members import Note, plain_key
from .answers import Answer, Loose
from .lenient_json import JSONFaultError

_BULLET = re.compile(r"[ \t>\xa0]*(?:(?:[-*•–]|[0-9]{1,3}[.)])[ \t\xa0]+)?")
_RULE = re.compile(r"[ \t|:-]*-[ \t|:-]*")
_SEPARATOR = re.compile("[:：=]")
_SPLITS = 8
"""Places looked at for the end of a key."""
_KEY_CHARS = 300
_TABLE = re.compile(r"(?:^[ \t>]*\|[^\n]*(?:\n|\Z)){3,}", re.MULTILINE)
_VALUES = frozenset(
    {"value", "values", "answer", "entry", "wert", "antwort", "valeur", "valor", "valore", "值", "填写内容", "値", "값"}
)
"""Heads of the second column."""
_FIELDS, _CODE = "fields", "code"
_EMPHASIS = re.compile(r"(\*\*|`)(.+)\1")


def read_lines(text: str, start: int, keys: Collection[str], note: Note) -> Answer | None:
    """Read the lines of a fence.

    Args:
        text: the inside of the fence.
        start: its place in the whole text.
        keys: the keys of the form.
        note: told of lines that cannot be read.

    Returns:
        The answer, without the number of its line; None if a line is not readable.

    Raises:
        JSONFaultError: a field has two values.
    """
    answer, is_whole, at = Answer(), True, start
    for number, line in enumerate(text.split("\n")):
        bare = line[_BULLET.match(line).end() :].strip()  # type: ignore[union-attr]
        if bare and not _RULE.fullmatch(bare) and not (number == 0 and _is_heading(bare, text, keys)):
            found = named_field(bare, keys)
            if found is None and _is_about(bare, answer):
                pass
            elif found is None:
                note(at, "no field of the form is named here with a value")
                is_whole = False
            elif found[0] in answer.fields:
                raise JSONFaultError(f"there are two values for {found[0]!r}", at, at)
            else:
                answer.fields[found[0]] = Loose(found[1])
        at += len(line) + 1
    return answer if is_whole and answer.fields else None


def tables(text: str) -> Iterator[tuple[int, str]]:
    """Yield the tables of a text that can be an answer: where each begins, and its lines."""
    for found in _TABLE.finditer(text):
        lines = found[0].strip("\n").split("\n")
        head = _cells(lines[0])
        if len(head) == 2 and head[1].strip("*_` ").casefold() in _VALUES and _RULE.fullmatch(lines[1].strip(" \t>")):  # noqa: PLR2004
            yield found.start(), "\n".join(lines)


def named_field(line: str, keys: Collection[str]) -> tuple[str, str] | None:
    """Return the key and the value that a line names; None if it names no field, or could name several."""
    bare = line[_BULLET.match(line).end() :].strip()  # type: ignore[union-attr]
    return _row(bare, keys) if bare.startswith("|") else _pair(bare, keys)


def _is_about(line: str, answer: Answer) -> bool:
    """Whether a line heads the others, or gives the prompt's code, which is noted."""
    name, _, value = line.partition(":")
    name = name.strip("*_` ").lower()
    if name == _CODE and value.strip():
        answer.code = _value(value).strip("\"'")
        return True
    return name == _FIELDS and not value.strip()


def _is_heading(line: str, text: str, keys: Collection[str]) -> bool:
    """Whether the first line heads a table: a rule follows, and it names no field."""
    following = text.split("\n", 2)[1:2]
    return line.startswith("|") and bool(following and _RULE.fullmatch(following[0].strip())) and not _row(line, keys)


def _row(line: str, keys: Collection[str]) -> tuple[str, str] | None:
    cells = _cells(line)
    if len(cells) != 2 or not cells[1]:  # noqa: PLR2004 (a key and a value)
        return None
    key = plain_key(cells[0][:_KEY_CHARS], keys)
    return (key, _value(cells[1])) if key in keys else None


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip(" \t>").strip("|").split("|")]


def _pair(line: str, keys: Collection[str]) -> tuple[str, str] | None:
    found = []
    at = -1
    for _ in range(_SPLITS):
        separator = _SEPARATOR.search(line, at + 1, _KEY_CHARS)
        if separator is None:
            break
        at = separator.start()
        key = plain_key(line[:at], keys)
        value = line[at + 1 :]
        if line[:at].startswith("**") and value.startswith("**"):  # the bold type ends behind the colon
            value = value.removeprefix("**")
        if key in keys and value.strip():
            found.append((key, _value(value)))
    return found[0] if len(found) == 1 else None


def _value(text: str) -> str:
    text = text.strip()
    emphasised = _EMPHASIS.fullmatch(text)
    return emphasised[2].strip() if emphasised and emphasised[1] not in emphasised[2] else text
