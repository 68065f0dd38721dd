"""Reader of an agent's answer in a text that a person has pasted: one fenced block of JSON. SPEC.md section 11.

A chat puts prose around the block, renames or drops its fence, quotes it, escapes it. So the block is looked for:
fences named `handshake` count alone where there are any, else each object with the members of an answer. Of several
whole ones the last counts. Nothing is guessed, and each line that cannot be read is named.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from html import unescape
from typing import NamedTuple

from .answer import Answer, UnreadableAnswerError, is_bare
from .fences import NAME, Fenced, named_fences
from .field_names import FieldNames
from .html_tables import html_tables
from .lenient_json import MEANINGLESS, JSONReader
from .lines import as_shown, code_in, lines_of, names_a_field, read_lines, read_tables
from .markup import MarkupReader
from .members import MemberReader, is_answer, kind_of_part, listed_answer, unwrap_members
from .pasted_text import Fault, PastedText, TextFaultError
from .placed_json import Listed, Members
from .tables import read_table

MAX_ANSWER_CHARS = 256 * 1024
EXAMPLES = ("{KEY: VALUE, …}", '{"type": "set", "key": "FIELD", "value": "VALUE"}')
"""Parts of the prompt's own examples, which are no answers."""

_SHOWN_FAULTS = 20
_NO_BLOCK = f"There is no block named {NAME} in this text. The agent has to give one, as the prompt says."
_BEGINNING = re.compile(r"[\s>*•\xad\u200b\u2060\ufeff]*([{｛［]|\[(?!fields\]))")
_MEMBER = re.compile(r"[\s>*•-]*[\"“”„‟＂«»'‘’‚‛]")
_OPENING = re.compile(rf"[{{｛](?![{MEANINGLESS}]*[{{｛])|[\[［](?=[{MEANINGLESS}–-]*(?:[{{｛#]|/[/*]))")
"""Of an object or of a list of objects, a comment in front of the first one included."""
_LIST_SIGNS = "[［"
_IN_A_ROW = re.compile(
    r"(?:[\s>*•,;-]|[0-9]{1,3}[.)]|</?[\w:|-]{1,40}>|<\|\w{1,40}\|>|\[/?[A-Z_]{1,40}\]|`{1,9}[a-z_]{0,20})*+(?=[{｛])"
)
"""Between calls of tools, or actions, that were made together."""
_AS_PART = re.compile(rf"[{MEANINGLESS}]*(?:[}}｝]|[,，][^\w{{}}\"'“”„]{{0,40}}[\"'“”„])")
"""Behind an object that is the value of a member of another one."""
_ELEMENT = re.compile(r"[\s>*•]*<")
_FIELDS = re.compile("[\"'“”]fields[\"'“”]")
_ESCAPED = re.compile(r"\{(?:\s|&nbsp;)*&(?:quot|#34|#x22);")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TRAILING = " \t\n\xa0>`~|*"


def read_answer(text: str, names: FieldNames | Collection[str] = ()) -> Answer:
    """Read the answer in a pasted text, in time linear in its length.

    Args:
        text: the pasted text.
        names: of the form's fields, or their keys alone.

    Raises:
        UnreadableAnswerError: there is no block, none that is whole, or the text is too long.
    """
    if len(text) > MAX_ANSWER_CHARS:
        raise UnreadableAnswerError(f"The text has more than {MAX_ANSWER_CHARS} characters; paste the block alone.")
    text = _SURROGATE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
    fields = names if isinstance(names, FieldNames) else FieldNames(names)
    return _Pasted(unescape(text) if _ESCAPED.search(text) else text, fields).answer()


class _Object(NamedTuple):
    """An answer in an object, and the object's place."""

    answer: Answer
    start: int
    end: int


class _Pasted:
    """A pasted text, and the findings in it."""

    def __init__(self, text: str, names: FieldNames) -> None:
        self._source = PastedText(text)
        self._text = text
        self._names = names
        self._faults: list[Fault] = []

    def answer(self) -> Answer:
        fences = [
            one for one in named_fences(self._text, self._source.starts) if not self._is_example(one.start, one.end)
        ]
        found = [*self._in_fences(fences)] if fences else self._in_prose()
        if not (found or fences or self._faults):
            found = [*read_tables(self._text, self._names, self._note_fault)]
        if not (found or self._faults):
            self._note_lines()
        faults = tuple(self._faults)
        if not found:
            msg = "The block cannot be read." if faults else _NO_BLOCK
            raise UnreadableAnswerError(msg, faults)
        answer = found[-1]
        answer.source, answer.blocks, answer.faults = self._source, len(found), faults
        return answer

    def _in_prose(self) -> list[Answer]:
        whole = (0, len(self._text))
        return [*self._marked_up(*whole, in_block=False)] or [
            one.answer for one in self._objects_between(*whole, in_block=False)
        ]

    def _in_fences(self, fences: list[Fenced]) -> Iterator[Answer]:
        for fenced in fences:
            try:
                answer = self._read_fence(self._text[fenced.start : fenced.end], fenced)
            except TextFaultError as fault:
                self._note_fault(fault.at, fault.msg)
            else:
                if answer is not None:
                    yield answer

    def _read_fence(self, content: str, fenced: Fenced) -> Answer | None:
        """Return the answer in a fence: an object, a list of entries, members without braces, elements, or lines.

        Raises:
            TextFaultError: it can be read in two ways, or not at all.
        """
        begun = _BEGINNING.match(content)
        if begun is not None:
            reader = JSONReader(content, begun.start(1), offset=fenced.start)
            found = reader.read_array() if begun[1] in _LIST_SIGNS else reader.read_object()
            found = self._in_a_row(found, reader, fenced.start + begun.start(1))
            if fenced.is_closed and content[reader.at :].strip(_TRAILING):
                raise TextFaultError("something follows the object", fenced.start + reader.at, fenced.end)
            start = fenced.start + begun.start(1)
            return self._read_answer(self._meant_object(found, start, in_block=True), reader, start)
        if _MEMBER.match(content) and (answer := self._bare_members(content, fenced)) is not None:
            return answer
        faults = len(self._faults)
        marked = self._in_elements(fenced) if _ELEMENT.match(content) else None
        if marked is not None or len(self._faults) > faults:
            return marked
        within = [*self._objects_between(fenced.start, fenced.end, in_block=True)]
        if within or len(self._faults) > faults:
            return self._only_answer_in(within, fenced)
        if not fenced.is_closed and content.strip():
            end = fenced.start + len(content.rstrip()) - 1
            raise TextFaultError("the end of the block is missing, and of this line perhaps, too", end)
        answer = read_lines(content, fenced.start, self._names, self._note_fault)
        if answer is not None:
            answer.place = fenced.start
        return answer

    def _in_elements(self, fenced: Fenced) -> Answer | None:
        """Return the answer in the elements of a fence, or in its only table of HTML.

        Raises:
            TextFaultError: there are several tables, or the one can be read in two ways.
        """
        tables = [*html_tables(self._text, fenced.start, fenced.end, self._note_fault)]
        if not tables:
            return next(self._marked_up(fenced.start, fenced.end, in_block=True), None)
        if len(tables) > 1:
            raise TextFaultError("there are several tables in one block", tables[1][0].at)
        answer = read_table(tables[0], self._names, self._note_fault, has_head=False)
        return answer and as_shown(answer)

    def _bare_members(self, content: str, fenced: Fenced) -> Answer | None:
        """Return the answer in members whose braces were lost; None if they are no JSON."""
        reader = JSONReader("{" + content + "}", offset=fenced.start - 1)
        try:
            members = reader.read_object()
        except TextFaultError:
            return None
        return self._read_answer(members, reader, fenced.start) if reader.length == len(content) + 2 else None

    def _only_answer_in(self, within: list[_Object], fenced: Fenced) -> Answer | None:
        """Return the one answer in a fence that holds more than an object, such as `answer = {...};`.

        Raises:
            TextFaultError: there are several, or fields beside it.
        """
        if not within:
            return None
        answer, start, end = within[0]
        if len(within) > 1:
            raise TextFaultError("there are several objects in one block", within[1].start, fenced.end)
        around = [*lines_of(self._text[fenced.start : start], fenced.start)]
        around += lines_of(self._text[end : fenced.end], end)
        for place, line in around:
            if names_a_field(line, self._names):
                raise TextFaultError("this stands beside the object", place, fenced.end)
        answer.code = answer.code or code_in(around)
        return answer

    def _objects_between(self, begin: int, end: int, *, in_block: bool) -> Iterator[_Object]:
        """Yield the answers among all objects, and lists of objects, of a part of the text."""
        text, at, tried = self._text[begin:end], 0, 0
        broken: TextFaultError | None = None
        while (opened := _OPENING.search(text, at)) is not None:
            reader, start = JSONReader(text, opened.start(), offset=begin), begin + opened.start()
            is_list = opened[0] in _LIST_SIGNS
            if is_list and start < tried:  # in a list that is none: no place is looked at more than twice
                at = opened.end()
                continue
            try:
                found = reader.read_array() if is_list else reader.read_object()
            except TextFaultError as fault:
                tried = max(tried, fault.end)
                at = opened.end() if is_list else max(fault.end - begin, opened.end())
                if _FIELDS.search(text, opened.start(), at) and not self._is_example(start, begin + at):
                    self._note_fault(fault.at, fault.msg)
                elif not is_list:
                    broken = fault
                continue
            if broken and _AS_PART.match(text, reader.at) and self._is_content(found):
                self._note_fault(broken.at, broken.msg)
            elif not self._is_example(start, begin + reader.at):
                yield from self._object_at(found, reader, start, in_block=in_block)
            at = reader.at

    def _in_a_row(self, first: Members | Listed, reader: JSONReader, start: int) -> Members | Listed:
        """Return an object with those behind it that are one answer with it, if there are any.

        Raises:
            TextFaultError: one of them is not whole.
        """
        kind = kind_of_part(first, self._names)
        if not kind:
            return first
        found = Listed()
        found.put_entry(first, start)
        for one, place in reader.read_following(_IN_A_ROW, lambda one: kind_of_part(one, self._names) == kind):
            found.put_entry(one, place)
        return found if len(found) > 1 else first

    def _object_at(
        self, found: Members | Listed, reader: JSONReader, start: int, *, in_block: bool
    ) -> Iterator[_Object]:
        """Yield the answer that an object or a list at a place is, if it is one."""
        try:
            members = self._meant_object(self._in_a_row(found, reader, start), start, in_block=False)
            if self._is_answer(members, start, in_block=in_block):
                yield _Object(self._read_answer(members, reader, start), start, start + reader.length)
        except TextFaultError as fault:
            self._note_fault(fault.at, fault.msg)

    def _meant_object(self, found: Members | Listed, start: int, *, in_block: bool) -> Members:
        """Return the object that stands for an answer: in another one, in a call of a tool, in a list.

        Raises:
            TextFaultError: it can be read in two ways, or not at all.
        """
        members = found if isinstance(found, Members) else listed_answer(found, start, self._names, in_block=in_block)
        return unwrap_members(members, self._names) if members is not None else Members()

    def _is_answer(self, members: Members, start: int, *, in_block: bool) -> bool:
        """Whether an object is an answer; one of mere fields may as well be a row of a list.

        Raises:
            TextFaultError: it may.
        """
        if not is_answer(members, self._names):
            return False
        if in_block or not is_bare(members) or not self._names.are_columns(members):
            return True
        raise TextFaultError("this may be a row of a list; its key, or `fields`, has to stand around it", start)

    def _is_content(self, found: Members | Listed) -> bool:
        return isinstance(found, Members) and is_answer(found, self._names)

    def _marked_up(self, start: int, end: int, *, in_block: bool) -> Iterator[Answer]:
        """Yield the answers in elements of XML of a part of the text."""
        reader = MemberReader("", self._names, self._note_fault)
        markup = MarkupReader(self._text, self._names, self._note_fault)
        for members, place in markup.read_objects(start, end, in_block=in_block):
            try:
                yield reader.read_answer(unwrap_members(members, self._names), place)
            except TextFaultError as fault:
                self._note_fault(fault.at, fault.msg)

    def _note_lines(self) -> None:
        """Note the lines that would be read if they stood in a block."""
        for place, line in lines_of(self._text):
            if names_a_field(line, self._names):
                self._note_fault(place, f"this stands in no block named {NAME}")
            if len(self._faults) == _SHOWN_FAULTS:
                break

    def _read_answer(self, members: Members, reader: JSONReader, start: int) -> Answer:
        source = self._text[start : start + reader.length]
        member_reader = MemberReader(source, self._names, self._note_fault, has_hard_spaces=reader.has_hard_spaces)
        return member_reader.read_answer(members, start)

    def _is_example(self, start: int, end: int) -> bool:
        return any(self._text.find(example, start, end + len(example)) >= 0 for example in EXAMPLES)

    def _note_fault(self, place: int, msg: str) -> None:
        if len(self._faults) < _SHOWN_FAULTS:
            self._faults.append(self._source.fault_at(place, msg))
