"""Quoting of foreign text for agents and terminals: it never starts a line, opens a tag, or hides anything."""

from __future__ import annotations

import json
import re
from unicodedata import category

_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""Letters and marks that show as nothing: text can be smuggled in them past the person's eyes."""


def quote(value: object) -> str:
    """Return a JSON value as one line of JSON in which nothing is invisible, ends a line or opens a tag.

    Raises:
        TypeError, ValueError: JSON cannot express it.
    """
    return visible(json.dumps(value, ensure_ascii=False, allow_nan=False).replace("<", r"\u003c"))


def visible(text: str) -> str:
    """Return `text` with all that shows as nothing, ends a line or steers a terminal written as JSON writes it."""
    return "".join(json.dumps(char)[1:-1] if _is_unseen(char) else char for char in text)


def _is_unseen(char: str) -> bool:
    return category(char) in _UNSEEN_CATEGORIES or _UNSEEN.match(char) is not None
