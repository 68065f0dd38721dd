"""PNG pictures of a page, made small: with a palette of 256 colours in the place of millions (PNG, third edition)."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import cache

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOURS = 256
Colour = tuple[int, int, int]


def with_palette(picture: bytes) -> bytes:
    """Return an RGB picture with its commonest colours alone, the strong ones first; another becomes the nearest."""
    width, rows = _rows(picture)
    pixels = [[tuple(row[at : at + 3]) for at in range(0, len(row), 3)] for row in rows]
    counts = Counter(pixel for row in pixels for pixel in row)
    weights = {colour: count * (1 + max(colour) - min(colour)) for colour, count in counts.items()}
    palette = sorted(weights, key=lambda colour: -weights[colour])[:COLOURS]

    @cache
    def index(colour: Colour) -> int:
        return min(
            range(len(palette)), key=lambda at: sum((a - b) ** 2 for a, b in zip(palette[at], colour, strict=True))
        )

    raw = b"".join(b"\0" + bytes(index((r, g, b)) for r, g, b in row) for row in pixels)
    header = struct.pack(">IIBBBBB", width, len(rows), 8, 3, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"PLTE", bytes(part for colour in palette for part in colour))]
    chunks += [(b"IDAT", zlib.compress(raw, 9)), (b"IEND", b"")]
    return SIGNATURE + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _chunks(picture: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(picture):
        length, kind = struct.unpack(">I4s", picture[at : at + 8])
        yield kind, picture[at + 8 : at + 8 + length]
        at += length + 12


def _rows(picture: bytes) -> tuple[int, list[bytearray]]:
    """Return the width of an RGB picture, and its rows without the filters that they are stored with."""
    chunks = list(_chunks(picture))
    width, height, *kind = struct.unpack(">IIBBBBB", chunks[0][1])
    assert kind == [8, 2, 0, 0, 0], "a picture of RGB values, not interlaced"
    raw, size = zlib.decompress(b"".join(content for name, content in chunks if name == b"IDAT")), 3 * width + 1
    rows: list[bytearray] = []
    above = bytearray(size - 1)
    for start in range(0, height * size, size):
        above = _unfiltered(raw[start], bytearray(raw[start + 1 : start + size]), above)
        rows.append(above)
    return width, rows


def _unfiltered(kind: int, row: bytearray, above: bytearray) -> bytearray:
    for at in range(len(row)):
        left, up, corner = (row[at - 3], above[at], above[at - 3]) if at >= 3 else (0, above[at], 0)
        row[at] = (row[at] + (0, left, up, (left + up) // 2, _paeth(left, up, corner))[kind]) & 255
    return row


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda each: abs(guess - each))
