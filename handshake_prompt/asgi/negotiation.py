"""Content negotiation by `Accept` and `Accept-Encoding`: ranges, weights, specificity.

RFC 9110, sections 12.4.2, 12.5.1 and 12.5.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_MEMBER = re.compile(r"""(?:[^,"]|"(?:[^"\\]|\\.)*+"?)++""", re.DOTALL)
"""A member of the list: up to a comma that is not in a quoted string. It never backtracks."""
_RANGE = re.compile(r"""\s*([^\s;="/]+/[^\s;="/]+)\s*(?:;|$)""")
_CODING = re.compile(r"""\s*([^\s;="/]+)\s*(?:;|$)""")
_WEIGHT = re.compile(r""";\s*q\s*=\s*([^\s;]*)""", re.IGNORECASE)
_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")

EXACT, SUBTYPES, ANYTHING = 2, 1, 0


class Preference(NamedTuple):
    """The weight a client gives a media type, and the specificity of the range that says so; ordered."""

    quality: float
    specificity: int


UNACCEPTABLE = Preference(0.0, ANYTHING)


@lru_cache(maxsize=64)
def prefers_markdown(accept: str) -> bool:
    """Whether a client would rather have `text/markdown` than `application/json`.

    Of two types with the same weight the one that is named more specifically is preferred, and Markdown if both are
    named. A client that accepts neither gets JSON: a server may disregard `Accept` (section 12.4.1).
    """
    markdown, json = preference(accept, "text/markdown"), preference(accept, "application/json")
    if markdown.quality == 0.0:
        return False
    return markdown > json or (markdown == json and markdown.specificity == EXACT)


@lru_cache(maxsize=64)
def accepts_gzip(accept_encoding: str) -> bool:
    """Whether a client takes content that is compressed by gzip, and would not rather have it as it is."""
    weights = dict(_weighted(accept_encoding, _CODING))
    anything = weights.get("*", 0.0)
    gzip = weights.get("gzip", weights.get("x-gzip", anything))  # two names of one coding, section 8.4.1.3
    return gzip > 0 and gzip >= weights.get("identity", anything)


def preference(accept: str, media_type: str) -> Preference:
    """Return how much a client wants a media type: by the most specific of the ranges that match it."""
    kind = media_type.partition("/")[0]
    specificity = {media_type: EXACT, f"{kind}/*": SUBTYPES, "*/*": ANYTHING}
    found = [
        Preference(quality, specificity[name]) for name, quality in _weighted(accept, _RANGE) if name in specificity
    ]
    return max(found, key=lambda one: (one.specificity, one.quality), default=UNACCEPTABLE)


def _weighted(header: str, named: re.Pattern[str]) -> Iterator[tuple[str, float]]:
    """Yield what a header names and its weights; parameters of a type do not count, malformed members are left out."""
    for member in _MEMBER.findall(header):
        name, weight = named.match(member), _WEIGHT.search(member)
        if name and (weight is None or _QUALITY.fullmatch(weight[1])):
            yield name[1].lower(), float(weight[1]) if weight else 1.0
