"""Reader of JSON as chats hand it on, in one pass. SPEC.md section 11.

It reads RFC 8259 and, where there is one way to take it, the variants of chats and models: typographic and single
quotation marks, commas at the end, comments, bare names, `True` and `None`, list and quotation marks, full-width
punctuation. A text of two meanings is refused with its place: no value may come under another name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from .pasted_text import TextFaultError
from .placed_json import Listed, Members

DEPTH = 32
"""Of nesting, more than a server takes."""

MEANINGLESS = r"\s>|│*•\xad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
"""Characters that are skipped between the parts of an object, as a class of a regular expression has them."""
_SKIP = re.compile(
    rf"(?:[{MEANINGLESS}]+"
    r"|(?://|#)[^\n]*|/\*(?:[^*]|\*(?!/)){0,500}+\*/|\\(?=\n))*"
)
"""White space, invisible characters, marks of quotations, tables and lists, comments, hard line breaks of Markdown."""
_BULLET = re.compile(r"(?:[-–]|[0-9]{1,3}[.)])\s+")
_NAME = re.compile(r"[^\W\d][\w$-]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?(?![\w.])")
_WORDS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_WORD = re.compile(r"[A-Za-z]+")
_SIGNS = {"：": ":", "，": ",", "｛": "{", "｝": "}", "［": "[", "］": "]"}
_CLOSERS = {
    '"': '"',
    **dict.fromkeys("“”„‟＂«»", '"“”„‟＂«»'),
    "'": "'",
    **dict.fromkeys("‘’‚‛", "‘’‚‛"),
}
"""The first character of a text -> those that end it. In typographic ones that is any double, or any single, mark."""
SPACES_IN_GUILLEMETS = " \xa0\u202f"
"""Between the marks and the text, as French has them."""
_STOPS = {ends: re.compile(rf"[{re.escape(ends)}\\\n]") for ends in set(_CLOSERS.values())}
_BEHIND_A_TEXT = re.compile(r"[,:}\]，：｝］]|\Z")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_CODE_UNIT = re.compile("[0-9A-Fa-f]{4}")
_MARKDOWN_ESCAPES = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~“”„‟＂«»‘’‚‛")
_HIGH, _LOW = range(0xD800, 0xDC00), range(0xDC00, 0xE000)
_INVISIBLE = dict.fromkeys((0x200B, 0x2060, 0xFEFF))


class JSONReader:
    """Reads one object.

    Args:
        text: the text around it.
        at: the place of its first brace.
        offset: is added to the places that are told.

    `at` is then the place behind it, `length` the characters that it takes. `has_hard_spaces` tells whether spaces
    between its parts were no-break ones.
    """

    def __init__(self, text: str, at: int = 0, *, offset: int = 0) -> None:
        self._text = text
        self._start = at
        self._offset = offset
        self.at = at
        self.has_hard_spaces = False

    @property
    def place(self) -> int:
        """The place in the text around, offset included."""
        return self._offset + self.at

    @property
    def length(self) -> int:
        """The characters that the object takes."""
        return self.at - self._start

    def read_whole(self) -> Any:
        """Read a value of any kind, up to the end of the text.

        Raises:
            TextFaultError: it is none, not whole, or something follows it.
        """
        value = self._read_value(0)
        if self._next_sign():
            self._fail("something follows the value")
        return value

    def read_object(self, depth: int = 0) -> Members:
        """Read the object.

        Raises:
            TextFaultError: it is none, or not whole.
        """
        found = Members()
        self._take_brace("{", depth)
        while self._next_sign() != "}":
            if bullet := _BULLET.match(self._text, self.at):
                self.at = bullet.end()
            place = self.at
            name = self._read_name()
            if name in found:
                self._fail(f"{name!r} is there twice", place)
            if self._next_sign() != ":":
                self._fail("a colon is missing")
            self.at += 1
            found.put_member(name, self._read_value(depth + 1), self._offset + place)
            self._end_of_entry("}")
        self.at += 1
        return found

    def read_following(
        self, between: re.Pattern[str], is_one: Callable[[Members], bool]
    ) -> Iterator[tuple[Members, int]]:
        """Read the objects behind this one as long as they are accepted; yield each with its place.

        Raises:
            TextFaultError: one of them is not whole.
        """
        while (gap := between.match(self._text, self.at)) is not None:
            back, self.at = self.at, gap.end()
            place = self.place
            found = self.read_object()
            if not is_one(found):
                self.at = back
                return
            yield found, place

    def read_array(self, depth: int = 0) -> Listed:
        """Read the list.

        Raises:
            TextFaultError: it is none, or not whole.
        """
        found = Listed()
        self._take_brace("[", depth)
        while self._next_sign() != "]":
            place = self._offset + self.at
            found.put_entry(self._read_value(depth + 1), place)
            self._end_of_entry("]")
        self.at += 1
        return found

    def _take_brace(self, brace: str, depth: int) -> None:
        if depth > DEPTH:
            self._fail("it is nested too deeply")
        if self._next_sign() != brace:
            self._fail(f"{brace} is missing")
        self.at += 1

    def _end_of_entry(self, closer: str) -> None:
        sign = self._next_sign()
        if sign == ",":
            self.at += 1
        elif sign != closer:
            self._fail_at(sign, f"a comma or {closer} is missing")

    def _read_value(self, depth: int) -> Any:
        sign = self._next_sign()
        if sign == "{":
            return self.read_object(depth)
        if sign == "[":
            return self.read_array(depth)
        if sign in _CLOSERS:
            return self._read_string(sign)
        if number := _NUMBER.match(self._text, self.at):
            return self._read_number(number)
        word = _WORD.match(self._text, self.at)
        if word is None or word[0] not in _WORDS:
            self._fail_at(sign, "this is no JSON value; texts need quotation marks")
        self.at = word.end()
        return _WORDS[word[0]]

    def _read_number(self, number: re.Match[str]) -> int | float:
        if math.isinf(float(number[0])):
            self._fail("this number is too large")
        self.at = number.end()
        return float(number[0]) if number[1] or number[2] else int(number[0])

    def _read_name(self) -> str:
        sign = self._next_sign()
        if sign in _CLOSERS:
            return self._read_string(sign)
        name = _NAME.match(self._text, self.at)
        if name is None:
            self._fail_at(sign, "the name of a member is missing")
        self.at = name.end()
        return name[0]

    def _read_string(self, opener: str) -> str:
        start, text, ends = self.at, self._text, _CLOSERS[opener]
        stops, parts, at = _STOPS[ends], [], self.at + 1
        while True:
            stop = stops.search(text, at)
            if stop is None:
                self._fail("the block breaks off within a text", start, len(text))
            parts.append(text[at : stop.start()])
            at = stop.end()
            if stop[0] == "\n":
                self._fail("a text has to end on its line; a line break within is written \\n", start, stop.start())
            if stop[0] != "\\":
                self.at = at
                if opener != '"':
                    self._check_end(start)
                found = "".join(parts).translate(_INVISIBLE)
                return found.strip(SPACES_IN_GUILLEMETS) if opener == "«" else found
            unescaped, at = self._read_escape(at)
            parts.append(unescaped)

    def _check_end(self, start: int) -> None:
        """Make sure that a mark was the end of a text, and no quotation within it."""
        if not _BEHIND_A_TEXT.match(self._text, _SKIP.match(self._text, self.at).end()):  # type: ignore[union-attr]
            self._fail('quotation marks within a text have to be written \\"', start, self.at)

    def _read_escape(self, at: int) -> tuple[str, int]:
        char = self._text[at : at + 1]
        if char == "u":
            return self._code_point(at + 1)
        if char in _ESCAPES:
            return _ESCAPES[char], at + 1
        if char not in _MARKDOWN_ESCAPES:
            self._fail("a backslash stands before a character that needs none", at - 1, at)
        return char, at + 1

    def _code_point(self, at: int) -> tuple[str, int]:
        unit = self._code_unit(at)
        if unit not in _HIGH and unit not in _LOW:
            return chr(unit), at + 4
        low = self._code_unit(at + 6) if self._text[at + 4 : at + 6] == "\\u" else 0
        if unit in _LOW or low not in _LOW:
            self._fail("half of a character", at - 2, at + 4)
        return chr(0x10000 + (unit - _HIGH[0] << 10) + low - _LOW[0]), at + 10

    def _code_unit(self, at: int) -> int:
        digits = _CODE_UNIT.match(self._text, at)
        if digits is None:
            self._fail("\\u needs four hexadecimal digits", at - 2, at)
        return int(digits[0], 16)

    def _next_sign(self) -> str:
        """Go to the next character that means something, and return it, "" at the end."""
        start = self.at
        skipped = _SKIP.match(self._text, start)
        self.at = skipped.end() if skipped else start
        if not self.has_hard_spaces and "\xa0" in self._text[start : self.at]:
            self.has_hard_spaces = True
        sign = self._text[self.at : self.at + 1]
        return _SIGNS.get(sign, sign)

    def _fail_at(self, sign: str, msg: str) -> NoReturn:
        """Refuse the next character, or the end of the text."""
        if sign:
            self._fail(msg)
        self._fail("the block breaks off", len(self._text.rstrip()) - 1)

    def _fail(self, msg: str, at: int | None = None, end: int | None = None) -> NoReturn:
        place = self.at if at is None else at
        raise TextFaultError(msg, self._offset + place, self._offset + max(place, self.at if end is None else end))
