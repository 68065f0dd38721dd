"""Quoting of foreign text for agents, terminals and Markdown: it never starts a line, opens a tag, or hides anything.

The work per byte is constant for every class of character: text from a page is quoted on the event loop.
"""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring_ascii
from unicodedata import category

_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U00013441\U00013442\U00016fe4\U0001d159\U000e0100-\U000e01ef]"
)
"""Letters, marks and symbols without a glyph: text can be smuggled in them past the person's eyes.

All other characters without one are no printable ones for Python: controls, formats, separators but the space, private
and unassigned ones. Sources: Default_Ignorable_Code_Point of Unicode 16, and the blanks and joiners of single scripts.
"""
_FEW = 4
"""Different characters that are replaced one after the other, faster than all at once from a table."""
_KNOWN_CHARS = 8192
"""Characters whose form is remembered, some 100 bytes each; more than any text but a hostile one has."""
_GLYPHS = frozenset("LNPS")
"""First letters of the Unicode categories of characters with a shape of their own."""

_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def quote(value: object) -> str:
    """Return a JSON value as one line of JSON in which nothing is invisible, ends a line or opens a tag.

    Raises:
        TypeError, ValueError: JSON cannot express it.
    """
    return visible(_to_json(value)).replace("<", r"\u003c")


def code(value: object) -> str:
    """Return a JSON value, quoted, as a code span of Markdown: no renderer makes an image, a link or a tag of it.

    Raises:
        TypeError, ValueError: JSON cannot express it.
    """
    return code_span(quote(value))


def code_span(quoted: str) -> str:
    """Return text in which all that is foreign is quoted JSON, as one code span of Markdown."""
    inert = quoted.replace("`", r"\u0060")
    return f"`{inert}`"


def visible(text: str) -> str:
    """Return `text` with every character that has no glyph, ends a line or steers a terminal written as in JSON.

    The space alone stays as it is.
    """
    if _is_visible(text):
        return text
    unseen = [char for char in set(text) if not _is_visible(char)]
    if len(unseen) > _FEW:
        return text.translate(_forms)
    for char in unseen:
        text = text.replace(char, _escape_character(char))
    return text


def has_glyph(text: str) -> bool:
    """Whether there is anything to see in a text."""
    return any(category(char)[0] in _GLYPHS and _is_visible(char) for char in text)


def _is_visible(text: str) -> bool:
    return text.isprintable() and _BLANK.search(text) is None


def _escape_character(char: str) -> str:
    return encode_basestring_ascii(char)[1:-1]


class _Forms(dict[int, int | str]):
    """Translation table from a character to its visible form, filled on demand within bounds."""

    def __missing__(self, point: int) -> int | str:
        char = chr(point)
        form = point if _is_visible(char) else _escape_character(char)
        if len(self) < _KNOWN_CHARS:
            self[point] = form
        return form


_forms = _Forms()
