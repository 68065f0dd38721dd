"""Values of lines and cells in an agent's answer, without a chat's marks. SPEC.md section 11.

There are no delimiters around such a value. One that could be read in two ways is refused.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress

from .answer import Loose
from .lenient_json import SPACES_IN_GUILLEMETS, JSONReader
from .pasted_text import TextFaultError

_EMPHASIS = re.compile(r"(\*{1,3}|`)([^*`].*)\1")
_ENDINGS = ("<br>", "<br/>", "<br />", ",", ";")
"""Of a line, that are not the value's."""
_ENTITY_AT_END = re.compile(r"&#?\w{1,8};\Z")
_ESCAPED = re.compile(r"\\(?:[-_*\[\]()~`#+.!|{}<>@]|\Z)|~~")
"""By a chat: a backslash before punctuation or the line's end, and struck out text. Bold type has marks in pairs."""
_DOUBLE, _SINGLE = '"“”„‟＂«»', "'‘’‚‛"
_QUOTED = re.compile(rf"[{_DOUBLE}]([^{_DOUBLE}]*)[{_DOUBLE}]|'((?:[^']|'')*)'|[‘‚‛]([^{_SINGLE}]*)[{_SINGLE}]")
_SELF_LINK = re.compile(
    r"(?<!!)\[([^\[\]\n]{1,2048})\]\((https?://|mailto:|tel:)([^()\s]{1,2048})(?: \"[^\"()\n]{0,200}\")?\)"
)
"""An address as chats link it, alone or within a text: with a scheme, and perhaps with a title."""
_SCHEME = re.compile(r"\A(?:https?://|mailto:)", re.IGNORECASE)
_PHONE = re.compile(r"[0-9 ()+./\xa0-]+")
_NOT_DIALLED = re.compile(r"[^0-9+]")
_LINK = re.compile(r"\[([^\[\]]+)\]\((?:mailto:|tel:)?([^()\s]+)\)|<((?:https?://|mailto:)?[^<>\s]+)>")
_BLOCK = re.compile(r"[|>][+-]?[0-9]?|\"{3}.*|'{3}.*")
_REFERENCE = re.compile(r"(?<=.)(?:\[\^?[0-9]{1,3}\]|【[^【】]{1,80}】)\.?\Z")
"""To a source or a footnote, as chats put it behind a sentence."""
_DIRECTIONS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_CLOSED = re.compile(r"[\]}]\Z")
_LEFT_OUT = re.compile(r"(?:\[?(?:…|\.{3,})\]?)")
_DASHES = frozenset("-‐‑‒–—―−")
_COMMENT = re.compile(r"\s(?:#|//)\s")
_BRACKETS = {"[": "]", "{": "}"}
_OPENERS = {closer: opener for opener, closer in _BRACKETS.items()}


class LineFaultError(ValueError):
    """The value can be read in two ways."""


def line_value(text: str) -> str | None:
    """Return the value that a text stands for: plain if it is quoted, else `Loose`; None if it stands for none.

    Raises:
        LineFaultError: it can be read in two ways.
    """
    text = _without_ending(text)
    emphasised = _EMPHASIS.fullmatch(text)
    if emphasised and emphasised[1] not in emphasised[2]:
        text = emphasised[2].strip()
    if not text or text in _DASHES:
        return None
    if _BLOCK.fullmatch(text):
        raise LineFaultError("a text of several lines has to be written as JSON")
    if _LEFT_OUT.fullmatch(text):
        raise LineFaultError("something is left out here")
    if text[0] in _DOUBLE + _SINGLE:
        return _unquoted_text(text)
    if text[0] in _BRACKETS and text.endswith(_BRACKETS[text[0]]) and not _LINK.fullmatch(text):
        return _strict_json(text)
    if _ESCAPED.search(text) or text.count("**") % 2:
        raise LineFaultError("a chat may have put marks into this; such a value has to be written as JSON")
    if _REFERENCE.search(text):
        raise LineFaultError("the end may be a reference; a value with such a mark has to be written as JSON")
    if _CLOSED.search(text) and text.count(text[-1]) > text.count(_OPENERS[text[-1]]):
        raise LineFaultError("a bracket is closed here that was not opened")
    return Loose(without_link(text))


def is_commented(text: str) -> bool:
    """Whether the end of a value may be a comment."""
    return _COMMENT.search(text) is not None


def without_link(text: str) -> str:
    """Return a text with the addresses that a chat has made links of as they were."""
    link = _LINK.fullmatch(text)
    if link is None:
        return _SELF_LINK.sub(_shown_link, text) if "](" in text else text
    if link[3] is not None:
        return link[3].removeprefix("mailto:") if "@" in link[3] or "://" in link[3] else text
    if link[1].rstrip("/") == link[2].rstrip("/"):
        return link[1]
    return _SELF_LINK.sub(_shown_link, text)


def _shown_link(link: re.Match[str]) -> str:
    """Return the text of a link to itself, any other link as it is."""
    text, scheme, target = link.groups()
    if scheme == "tel:":
        is_same = bool(_PHONE.fullmatch(text)) and _NOT_DIALLED.sub("", text) == _NOT_DIALLED.sub("", target)
    else:
        is_same = _SCHEME.sub("", text).rstrip("/").casefold() == target.rstrip("/").casefold()
    return text if is_same else link[0]


def _without_ending(text: str) -> str:
    text = text.strip().strip(_DIRECTIONS).strip()
    if text.endswith((",", ";", ">")) and not _ENTITY_AT_END.search(text[-12:]):
        for ending in _ENDINGS:
            text = text.removesuffix(ending).rstrip()
    return text


def _unquoted_text(text: str) -> str:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, str):
        return found
    quoted = _QUOTED.fullmatch(text)
    if quoted is not None:
        inner = (quoted[1] or quoted[3] or quoted[2] or "").replace("''", "'" if quoted[2] else "''")
        return inner.strip(SPACES_IN_GUILLEMETS) if text[0] == "«" else inner
    if text[0] in _DOUBLE or text[-1] in _SINGLE:
        raise LineFaultError("quotation marks within a value have to be written as JSON")
    return Loose(text)  # an apostrophe


def _strict_json(text: str) -> Loose:
    """Return a list or an object as strict JSON."""
    with suppress(ValueError, RecursionError):
        json.loads(text)
        return Loose(text)
    try:
        return Loose(json.dumps(JSONReader(text).read_whole(), ensure_ascii=False))
    except TextFaultError as fault:
        raise LineFaultError(f"what stands in brackets has to be JSON: {fault.msg}") from None
