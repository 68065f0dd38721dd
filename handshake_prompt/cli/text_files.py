"""Text of files and standard input, in the encodings of shells and editors: UTF-8, UTF-16, UTF-32, Latin-1."""

from __future__ import annotations

import codecs
import sys
from pathlib import Path

import click

STANDARD_INPUT = "-"

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""A byte order mark -> the encoding that it stands for. PowerShell writes UTF-16 with one."""
_SAMPLE = 4096


class NotTextError(ValueError):
    """The bytes are no text in an encoding that is known here."""


def read_text(source: str, what: str, *, most: int) -> str:
    """Return the text of a file.

    Args:
        source: `-` for standard input, or a path.
        what: is in it, for the words of an error.
        most: bytes that are read.

    Raises:
        click.UsageError: there is no such file, or it holds no text.
    """
    name = "standard input" if source == STANDARD_INPUT else repr(source)
    try:
        return decode_text(_standard_input(what, most) if source == STANDARD_INPUT else _content(Path(source), most))
    except NotTextError as error:
        raise click.UsageError(f"Cannot read the {what} from {name}: {error}.") from None
    except (OSError, ValueError) as error:  # a path with a zero byte is a ValueError
        why = getattr(error, "strerror", None) or error
        raise click.UsageError(f"Cannot read the {what} from {name}: {why}.") from None


def _content(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        return file.read(most)


def _standard_input(what: str, most: int) -> bytes:
    if sys.stdin is None:
        raise ValueError("it is closed")
    if sys.stdin.isatty():
        click.echo(f"Paste the handshake {what}, then press Ctrl+D on an empty line.", err=True)
    return sys.stdin.buffer.read(most)


def decode_text(raw: bytes) -> str:
    """Return the text of some bytes.

    Args:
        raw: a file's content, perhaps cut off in the middle of a character.

    Raises:
        NotTextError: they are none, but an image, an archive or the like.
    """
    encoding = _encoding(raw)
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(raw)  # a character that was cut off is left out
    except UnicodeDecodeError:
        text = raw.decode("latin-1")  # takes any byte; all that matters of a prompt is in ASCII
    if "\0" in text:
        raise NotTextError("it holds no text but binary data, or text in an unknown encoding; save it as UTF-8")
    return text


def _encoding(raw: bytes) -> str:
    for mark, encoding in _MARKS:
        if raw.startswith(mark) and (encoding == "utf-8-sig" or b"\0" in raw):
            return encoding
    # Without a mark UTF-16 shows by the zero in every other byte that its ASCII characters have.
    sample = raw[:_SAMPLE]
    high, low = sample[0::2].count(0), sample[1::2].count(0)
    if max(high, low) * 4 >= len(sample) > 1 and min(high, low) == 0:
        return "utf-16-be" if high else "utf-16-le"
    return "utf-8"
