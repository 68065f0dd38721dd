"""Fences of Markdown with the name of an answer, in a text as chats hand it on. SPEC.md section 11."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

NAME = "handshake"

_FENCE = re.compile(r"([ \t>*•-]*)(`{3,}|~{3,})[ \t]*([^\n]*)")
_BEHIND_THE_NAME = re.compile(r"[\s{｛:,]")
_BRACE = re.compile("[{｛]")


class Fenced(NamedTuple):
    """The part of a text within a fence."""

    start: int
    end: int
    is_closed: bool


def named_fences(text: str, starts: Sequence[int]) -> Iterator[Fenced]:
    """Yield the insides of fences with the name.

    Args:
        text: the whole text.
        starts: the places of its lines.
    """
    fence, name, start = "", "", 0
    for begin, end in pairwise([*starts, len(text)]):
        found = _FENCE.match(text, begin, end)
        if found is None:
            continue
        if not fence:
            fence, info = found[2], found[3].strip()
            name = _BEHIND_THE_NAME.split(info, maxsplit=1)[0].lower()
            brace = _BRACE.search(text, begin, end)
            start = brace.start() if brace else end
        elif found[2].startswith(fence) and not found[3].strip():
            if name == NAME:
                yield Fenced(start, begin, is_closed=True)
            fence = ""
    if fence and name == NAME:
        yield Fenced(start, len(text), is_closed=False)
