"""Reader of an agent's answer in a text that a person has pasted: one fenced block of JSON. SPEC.md section 11.

A chat puts prose around the block, renames or drops its fence, quotes it, escapes it. So the block is looked for:
fences named `handshake` count alone where there are any, else each object with the members of an answer. Of several
whole ones the last counts. Nothing is guessed, and each line that cannot be read is named.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator
from html import unescape
from itertools import pairwise
from typing import NamedTuple

from .answer_lines import named_field, read_lines, tables
from .answer_members import MemberReader, is_answer
from .answers import Answer, Fault, UnreadableAnswerError
from .lenient_json import JSONFaultError, JSONReader, Members
from .quoting import visible

MAX_ANSWER_CHARS = 256 * 1024
NAME = "handshake"
"""Of the fence."""

_SHOWN_CHARS = 80
_SHOWN_FAULTS = 20
_FENCE = re.compile(r"([ \t>*•-]*)(`{3,}|~{3,})[ \t]*([^\n]*)")
_BRACES = ("{", "｛")
_BEGINNING = re.compile(r"[\s>*•\xad\u200b\u2060\ufeff]*[{｛]")
_OBJECT = re.compile(r"[{｛](?=[\s>*•\xa0-]*[\"'“”„‟＂«»‘’‚‛}｝\w])")
_FIELDS = re.compile("[\"'“”]fields[\"'“”]")
_ESCAPED = re.compile(r"\{(?:\s|&nbsp;)*&(?:quot|#34|#x22);")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TRAILING = " \t\n\xa0>`~|*"


def read_answer(text: str, keys: Collection[str] = ()) -> Answer:
    """Read the answer in a pasted text, in time linear in its length.

    Args:
        text: the pasted text.
        keys: the keys of the form's fields, to tell lines and a chat's marks from keys.

    Raises:
        UnreadableAnswerError: there is no block, none that is whole, or the text is too long.
    """
    if len(text) > MAX_ANSWER_CHARS:
        raise UnreadableAnswerError(f"The text has more than {MAX_ANSWER_CHARS} characters; paste the block alone.")
    text = _SURROGATE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _Pasted(unescape(text) if _ESCAPED.search(text) else text, keys).answer()


class _Fenced(NamedTuple):
    """The part of the text within a fence."""

    start: int
    end: int
    is_closed: bool


class _Pasted:
    """A pasted text, and the findings in it."""

    def __init__(self, text: str, keys: Collection[str]) -> None:
        self._text = text
        self._keys = keys
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._faults: list[Fault] = []

    def answer(self) -> Answer:
        fenced = [*self._fences()]
        found = [*(self._in_fences(fenced) if fenced else self._objects())]
        if not (found or fenced or self._faults):
            found = [*self._tables()]
        if not (found or self._faults):
            self._note_lines()
        faults = tuple(self._faults[:_SHOWN_FAULTS])
        if not found:
            msg = "The block cannot be read." if faults else f"There is no block named {NAME} in this text."
            raise UnreadableAnswerError(msg, faults)
        answer = found[-1]
        answer.blocks, answer.faults = len(found), faults
        return answer

    def _fences(self) -> Iterator[_Fenced]:
        """Yield the contents of fences with the name."""
        fence, name, start = "", "", 0
        for begin, end in zip(self._starts, [*self._starts[1:], len(self._text)], strict=True):
            found = _FENCE.match(self._text, begin, end)
            if found is None:
                continue
            if not fence:
                fence, info = found[2], found[3].strip()
                name = re.split(r"[\s{｛:,]", info, maxsplit=1)[0].lower()
                brace = min((at for at in map(self._text[begin:end].find, _BRACES) if at >= 0), default=-1)
                start = end if brace < 0 else begin + brace
            elif found[2].startswith(fence) and not found[3].strip():
                if name == NAME:
                    yield _Fenced(start, begin, is_closed=True)
                fence = ""
        if fence and name == NAME:
            yield _Fenced(start, len(self._text), is_closed=False)

    def _in_fences(self, fences: list[_Fenced]) -> Iterator[Answer]:
        for fenced in fences:
            content = self._text[fenced.start : fenced.end]
            try:
                answer = self._fenced(content, fenced)
            except JSONFaultError as fault:
                self._note(fault.at, fault.msg)
            else:
                if answer is not None:
                    yield answer

    def _fenced(self, content: str, fenced: _Fenced) -> Answer | None:
        begun = _BEGINNING.match(content)
        if begun is None:
            answer = read_lines(content, fenced.start, self._keys, self._note)
            if answer is not None:
                answer.line = self._line(fenced.start)
            return answer
        start = fenced.start + begun.end() - 1
        reader = JSONReader(self._text[start : fenced.end], offset=start)
        members = reader.object()
        rest = content[begun.end() - 1 + reader.at :].strip(_TRAILING)
        if rest and fenced.is_closed:
            raise JSONFaultError("something follows the object", start + reader.at, fenced.end)
        return self._read(members, reader, start)

    def _objects(self) -> Iterator[Answer]:
        """Yield the answers among all objects of the text."""
        at = 0
        while (opened := _OBJECT.search(self._text, at)) is not None:
            reader = JSONReader(self._text, opened.start())
            try:
                members = reader.object()
                at = reader.at
                if is_answer(members, self._keys):
                    yield self._read(members, reader, opened.start())
            except JSONFaultError as fault:
                at = max(fault.end, opened.end(), at)
                if _FIELDS.search(self._text, opened.start(), at):
                    self._note(fault.at, fault.msg)

    def _tables(self) -> Iterator[Answer]:
        for start, content in tables(self._text):
            try:
                answer = read_lines(content, start, self._keys, self._note)
            except JSONFaultError as fault:
                self._note(fault.at, fault.msg)
            else:
                if answer is not None:
                    answer.line = self._line(start)
                    yield answer

    def _note_lines(self) -> None:
        """Note the lines that would be read if they stood in a block."""
        for start, end in pairwise([*self._starts, len(self._text) + 1]):
            if named_field(self._text[start : end - 1], self._keys) is not None:
                self._note(start, f"this stands in no block named {NAME}")
            if len(self._faults) == _SHOWN_FAULTS:
                break

    def _read(self, members: Members, reader: JSONReader, start: int) -> Answer:
        source = self._text[start : start + reader.length]
        member_reader = MemberReader(source, self._keys, self._note, has_hard_spaces=reader.has_hard_spaces)
        return member_reader.answer(members, self._line(start))

    def _line(self, place: int) -> int:
        return bisect_right(self._starts, place)

    def _note(self, place: int, msg: str) -> None:
        line = self._line(place)
        end = self._text.find("\n", self._starts[line - 1])
        shown = visible(self._text[self._starts[line - 1] : end if end >= 0 else None][: _SHOWN_CHARS + 1].strip())
        self._faults.append(Fault(line, shown if len(shown) <= _SHOWN_CHARS else shown[:_SHOWN_CHARS] + "…", msg))
