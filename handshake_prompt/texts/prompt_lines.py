"""Credential lines of a prompt, and their checksum. SPEC.md section 11.

Chats wrap lines, quote them, turn addresses into links and insert invisible characters. So each value is read by its
alphabet, and characters outside it are left out. A CRC-32 tells whether the rest is as it was written: a lenient
reading counts only then.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from html import unescape
from zlib import crc32

from .quoting import visible
from .secret import Secret

REQUIRED = ("sessionId", "token", "baseUrl")
KEYS = (*REQUIRED, "prefix", "mode", "expiresIn")
"""The lines under the checksum, in its order."""
CHECK = "check"

Lines = dict[str, str]
"""Key -> the text of its line, or all the text up to the next one."""

_SEGMENT_CHARS = 4096
"""Looked at behind a key: more than its value has, wrapped and quoted. The last line is followed by all the rest."""

_KEY = "(" + "|".join((*KEYS, CHECK)) + ")"
_MARKS = "[*_`\"'“”‘’ \t]*"
_LINE_KEY = re.compile(rf"{_KEY}{_MARKS}[:：]")
_ANY_KEY = re.compile(rf"(?<![A-Za-z]){_LINE_KEY.pattern}")
_CELL_KEY = re.compile(rf"(?<![A-Za-z]){_KEY}{_MARKS}[:：=|\t]", re.IGNORECASE | re.ASCII)
_HEADING = re.compile("# (?:Handshake prompt:|握手提示词：)")
_LAST = "expiresIn"
"""The line in front of the check."""
_BY_NAME = {key.lower(): key for key in (*KEYS, CHECK)}
_ENDINGS = ".,;\"'`*|)]} \t"
"""Of a sentence, a cell of a table, a member of an object."""
_TAG = re.compile(r"</?(?:br|b|code|div|em|i|li|ol|p|pre|span|strong|tbody|table|td|th|tr|ul) ?/?>", re.IGNORECASE)
_DATA = re.compile(r"`\{[^`]*(?:`|\Z)")
_DATA_LINE = re.compile(r"\{\"(?!sessionId)[^\n]*")
"""Data of the page: as it was written, and as a chat has rendered it."""
_LINE_END = re.compile(r"\\r\\n|\\[nr]")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
"""In Markdown, or in a JSON text. A mode escapes letters alone."""
_HYPHENS = dict.fromkeys(map(ord, "\u2010\u2011\ufe63\uff0d"), "-")
_BEFORE_A_KEY = " \t\xa0>|#*•·‣◦–—-_`\"'“”‘’"
_BULLETS = "*•·‣◦–—-"

_INVISIBLE = re.compile("[\xad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]|<wbr ?/?>")
"""Such as chats, editors and pages put between letters."""

_LETTER = re.compile(r"[\w-]")
_PLAIN_MODE = re.compile(r"(?!www\.)[\w.:+-]+", re.IGNORECASE)
_NOT_HEX = re.compile(r"[^0-9A-Fa-f]")
_NOT_TOKEN = re.compile(r"[^A-Za-z0-9_-]")
_NOT_PATH = re.compile(r"[^A-Za-z0-9._~%+@:,=/-]")
_NOT_MODE = re.compile(r"[^\w.:+\\-]")
_NOT_DIGIT = re.compile(r"[^0-9]")
_NOT_LETTER = re.compile(r"[\W_]")
_UNSEEN_IN_URL = re.compile(r"[^!-~]")
_BEFORE_AN_ADDRESS = re.compile("(?=https?://)", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://(?:\[[0-9A-Fa-f:.]+\])?[A-Za-z0-9._~%+@:,=/-]*", re.IGNORECASE)
_CHECK = re.compile("[0-9a-f]{8}")


def checksum(lines: Mapping[str, str]) -> str:
    """Return the checksum of written lines."""
    return _sum_of({key: next(_read_values(key, lines[key]), "") for key in KEYS})


def mode_text(mode: str) -> str:
    """Return a mode as it stands in its line: bare if it is a plain name, else as JSON with all but letters escaped.

    The page names the mode, and the line is not Markdown alone: "![x](...)" must not become an image either.
    """
    if _PLAIN_MODE.fullmatch(mode) and mode == visible(mode):
        return mode
    return f'"{"".join(map(_inert_character, mode))}"'


def read_mode(text: str) -> str:
    """Return the mode that a line names."""
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(text))
    except ValueError:  # a mode of version 0.2, which quotes nothing, that happens to start with a quotation mark
        return text


def first_lines(text: str) -> Lines:
    """Return the first line of each key that has a value, as they are: the whole grammar of version 0.2."""
    found: Lines = {}
    for line in text.splitlines():
        key, _, value = line.strip().removeprefix("-").partition(":")
        key, value = key.strip(), value.strip()
        if (key in KEYS or key == CHECK) and value:
            found.setdefault(key, _mask_token(key, value))
    return found


def checked_lines(text: str) -> Lines | None:
    """Return the bare values of a prompt with a right checksum; None if there is none."""
    for lines in (first_lines(text), *_lenient_readings(text)):
        if len(lines) > len(KEYS) and (values := _check_lines(lines)):
            return values
    return None


def had_check(text: str, found: Mapping[str, str]) -> bool:
    """Whether a text without a right checksum was written with one.

    Args:
        text: the text.
        found: its `first_lines`.
    """
    if CHECK in found or CHECK in found.get(_LAST, ""):  # a line of its own, or run into the one before
        return True
    if _LAST not in found and _HEADING.search(text):  # the text was cut off within its lines
        return True
    return any(key not in found for key in REQUIRED) and CHECK in _quoted_lines(_plain_text(_without_data(text)))


def _check_lines(lines: Lines) -> Lines | None:
    check = _CHECK.match(_NOT_LETTER.sub("", lines[CHECK]))
    values = {key: next(_read_values(key, lines[key]), "") for key in KEYS}
    for address in _read_values("baseUrl", lines["baseUrl"]):
        values["baseUrl"] = address
        if check and _sum_of(values) == check[0]:
            is_escaped = "\\" in values["mode"]
            return {**values, "mode": f'"{values["mode"]}"'} if is_escaped else values
    return None


def _sum_of(values: Mapping[str, str]) -> str:
    text = "\n".join(values[key] for key in KEYS)
    return f"{crc32(text.encode('utf-8', 'surrogatepass')):08x}"


def _read_values(key: str, text: str) -> Iterator[str]:
    """Yield the values that a text may stand for: several if it has several addresses, as a link has."""
    if key == "baseUrl":
        for piece in _BEFORE_AN_ADDRESS.split(_UNSEEN_IN_URL.sub("", text)):
            if address := _ADDRESS.match(piece):
                yield address[0].rstrip("/")
    elif key == "prefix":
        yield _NOT_PATH.sub("", text).rstrip("/")
    elif key == "mode":
        yield "".join(char for char in _NOT_MODE.sub("", text) if char == visible(char))
    else:
        alphabet = {"sessionId": _NOT_HEX, "token": _NOT_TOKEN}.get(key, _NOT_DIGIT)
        yield _mask_token(key, alphabet.sub("", text))


def _lenient_readings(text: str) -> Iterator[Lines]:
    """Yield the readings of a text with quoted or wrapped lines, or with all of them put into one."""
    text = Secret(_plain_text(_without_data(text)))
    yield _quoted_lines(text)
    yield _own_lines(text)
    matches = list(_ANY_KEY.finditer(text))
    for is_loose in (False, True):
        found: Lines = {}
        ends = [*(match.start() for match in matches[1:]), len(text)]
        for match, end in zip(matches, ends, strict=False):
            if match[1] not in found:
                segment = text[match.end() : min(end, match.end() + _SEGMENT_CHARS)]
                found[match[1]] = _mask_token(match[1], _without_bullet(segment, is_loose=is_loose))
        yield found


def _without_data(text: str) -> str:
    """Return a text without the page's own data, so that no line of the page passes for a lost line of the prompt."""
    return _DATA_LINE.sub("", _DATA.sub("", text))


def _plain_text(text: str) -> str:
    """Return a text without HTML's tags and entities, escapes, invisible characters, and typographic hyphens."""
    text = _TAG.sub("\n", text) if "<" in text else text
    text = _ESCAPED.sub(r"\1", _LINE_END.sub("\n", text)) if "\\" in text else text
    return _INVISIBLE.sub("", unescape(text) if "&" in text else text).translate(_HYPHENS)


def _quoted_lines(text: str) -> Lines:
    found: Lines = {}
    key = ""
    for line in text.splitlines():
        own = _LINE_KEY.match(bare := line.lstrip(_BEFORE_A_KEY))
        if own and own[1] not in found:
            key = own[1]
            found[key] = _mask_token(key, bare[own.end() :])
        elif own:
            key = ""
        elif key and len(found[key]) < _SEGMENT_CHARS:
            found[key] = _mask_token(key, found[key] + line.lstrip(" \t>|"))
    return found


def _own_lines(text: str) -> Lines:
    """Return the rest of the line behind each key, wherever the key stands: in a numbered list, a table, an object."""
    found: Lines = {}
    for line in text.splitlines():
        match = _CELL_KEY.search(line)
        if match and (key := _BY_NAME[match[1].lower()]) not in found:
            found[key] = _mask_token(key, line[match.end() :].strip().rstrip(_ENDINGS))
    return found


def _inert_character(char: str) -> str:
    if _LETTER.fullmatch(char) and char == visible(char):
        return char
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _mask_token(key: str, text: str) -> str:
    """Return the text of a line, masked in a traceback's frames if it is the token's."""
    return Secret(text) if key == "token" else str(text)


def _without_bullet(text: str, *, is_loose: bool) -> str:
    """Return a text without the bullet of the line behind it; loosely, even if it may be the text's own last hyphen."""
    text = text.rstrip()
    if text[-1:] and text[-1] in _BULLETS and (is_loose or text[-2:-1].isspace()):
        return text[:-1].rstrip()
    return text
