"""Answers that a model wrote as lines or as a table, within a fence named for them. SPEC.md section 11.

A line counts if it names a field of the form in one way alone; a row of a table if it has two cells.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from .answer_members import Note, plain_key
from .answers import Answer, Loose
from .lenient_json import JSONFaultError

_BULLET = re.compile(r"[ \t>\xa0]*(?:(?:[-*•–]|[0-9]{1,3}[.)])[ \t\xa0]+)?")
_RULE = re.compile(r"[ \t|:-]*-[ \t|:-]*")
_SEPARATOR = re.compile("[:：=]")
_SPLITS = 8
"""Places looked at for the end of a key."""
_KEY_CHARS = 300
_EMPHASIS = re.compile(r"(\*\*|`)(.+)\1")


def read_lines(text: str, start: int, keys: Collection[str], note: Note) -> Answer | None:
    """Read the lines of a fence.

    Args:
        text: what is within the fence.
        start: its place in the whole text.
        keys: the keys of the form.
        note: told of lines that cannot be read.

    Returns:
        The answer, without the number of its line; None if a line is not readable.
    """
    answer, is_whole, at = Answer(), True, start
    for number, line in enumerate(text.split("\n")):
        bare = line[_BULLET.match(line).end() :].strip()  # type: ignore[union-attr]
        if bare and not _RULE.fullmatch(bare) and not (number == 0 and _is_heading(bare, text, keys)):
            found = _row(bare, keys) if bare.startswith("|") else _pair(bare, keys)
            if found is None:
                note(at, "no field of the form is named here with a value")
                is_whole = False
            elif found[0] in answer.fields:
                raise JSONFaultError(f"there are two values for {found[0]!r}", at, at)
            else:
                answer.fields[found[0]] = Loose(found[1])
        at += len(line) + 1
    return answer if is_whole and answer.fields else None


def _is_heading(line: str, text: str, keys: Collection[str]) -> bool:
    """Whether the first line heads a table: a rule follows, and it names no field."""
    following = text.split("\n", 2)[1:2]
    return line.startswith("|") and bool(following and _RULE.fullmatch(following[0].strip())) and not _row(line, keys)


def _row(line: str, keys: Collection[str]) -> tuple[str, str] | None:
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    if len(cells) != 2 or not cells[1]:  # noqa: PLR2004 (a key and a value)
        return None
    key = plain_key(cells[0][:_KEY_CHARS], keys)
    return (key, _value(cells[1])) if key in keys else None


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
